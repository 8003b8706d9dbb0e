// SPDX-License-Identifier: Apache-2.0
//! `GET /images/{name}/json`.

use super::NEVER;
use crate::engine::Engine;
use crate::error::Result;
use brig_spec::image::ContainerConfig;
use serde::Serialize;
use serde_json::{Value, json};

/// An image as Docker shows it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ImageDocument {
    id: String,
    repo_tags: Vec<String>,
    repo_digests: Vec<String>,
    comment: String,
    created: String,
    author: String,
    config: ContainerConfig,
    architecture: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<String>,
    os: String,
    size: u64,
    #[serde(rename = "RootFS")]
    root_fs: Value,
    metadata: Value,
    descriptor: Value,
}

impl Engine {
    /// Returns Docker's document about an image.
    ///
    /// # Errors
    /// When it does not exist or is damaged.
    pub fn inspect_image(&self, name: &str) -> Result<ImageDocument> {
        let store = self.store()?;
        let image = store.resolve(name)?;
        let repo_tags = store.references_of(&image.id)?;
        let mut repo_digests: Vec<String> = repo_tags
            .iter()
            .filter_map(|tag| tag.parse::<brig_spec::reference::Reference>().ok())
            .map(|tag| format!("{}@{}", tag.familiar_repository(), image.id))
            .collect();
        repo_digests.dedup();
        let config = image.config;
        let diff_ids: Vec<String> =
            config.rootfs.diff_ids.iter().map(ToString::to_string).collect();
        let comment = config.history.last().and_then(|step| step.comment.clone());
        Ok(ImageDocument {
            id: image.id.to_string(),
            repo_tags,
            repo_digests,
            comment: comment.unwrap_or_default(),
            created: config.created.unwrap_or_else(|| NEVER.to_owned()),
            author: config.author.unwrap_or_default(),
            config: config.config,
            architecture: config.architecture,
            variant: config.variant,
            os: config.os,
            size: image.size_bytes,
            root_fs: json!({"Type": "layers", "Layers": diff_ids}),
            metadata: json!({"LastTagTime": NEVER}),
            descriptor: json!({
                "mediaType": image.manifest.media_type,
                "digest": image.id.to_string(),
            }),
        })
    }
}
