// SPDX-License-Identifier: Apache-2.0
//! What callers learn about images.

use crate::layer::LayerMeta;
use brig_spec::digest::Digest;
use brig_spec::image::{ImageConfig, Manifest};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// An image, ready to make a container of.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageRecord {
    /// Digest of the manifest.
    pub id: Digest,
    /// The configuration.
    pub config: ImageConfig,
    /// The manifest.
    pub manifest: Manifest,
    /// The layers to stack, bottom first, each once; those that an upper layer hides wholly are
    /// left out.
    pub layers: Vec<LayerRef>,
    /// Data in the regular files of all layers, bytes.
    pub size_bytes: u64,
}

impl ImageRecord {
    /// Returns the highest user id and the highest group id that own a file of the image.
    #[must_use]
    pub fn ids_max(&self) -> (u32, u32) {
        let uid = self.layers.iter().map(|layer| layer.meta.uid_max).max();
        let gid = self.layers.iter().map(|layer| layer.meta.gid_max).max();
        (uid.unwrap_or(0), gid.unwrap_or(0))
    }
}

/// A layer of an image.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerRef {
    /// Digest of the uncompressed layer.
    pub diff_id: Digest,
    /// The tree.
    pub path: PathBuf,
    /// What was recorded when it was unpacked.
    pub meta: LayerMeta,
}

/// An image in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageSummary {
    /// Digest of the manifest.
    pub id: Digest,
    /// Names, in the form that people type.
    pub references: Vec<String>,
    /// When the image was made, RFC 3339, as its maker wrote it.
    pub created: Option<String>,
    /// Data in the regular files of all layers, bytes.
    pub size_bytes: u64,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Architecture in Go's words.
    pub architecture: String,
    /// What is wrong with the image, if it is damaged; it can still be removed.
    pub damage: Option<String>,
}
