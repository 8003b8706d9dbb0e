// SPDX-License-Identifier: Apache-2.0
//! Images around layers: docker-archive and OCI layout.

use super::Tar;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

pub(crate) fn sha256(bytes: &[u8]) -> String {
    let mut text = "sha256:".to_owned();
    for byte in Sha256::digest(bytes) {
        write!(text, "{byte:02x}").unwrap();
    }
    text
}

/// A configuration for uncompressed layers.
pub(crate) fn config(layers: &[Vec<u8>]) -> Value {
    let diff_ids: Vec<String> = layers.iter().map(|layer| sha256(layer)).collect();
    json!({
        "architecture": "amd64", "os": "linux", "created": "2024-01-02T03:04:05Z",
        "config": {"Cmd": ["sh"], "Env": ["A=b"], "Labels": {"l": "v"}},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    })
}

/// A docker-archive of images: name and layers of each.
pub(crate) fn docker_archive(images: &[(&str, &[Vec<u8>])]) -> Vec<u8> {
    let mut tar = Tar::new();
    let mut manifest = Vec::new();
    for (n, (name, layers)) in images.iter().enumerate() {
        let mut members = Vec::new();
        for (m, layer) in layers.iter().enumerate() {
            let member = format!("{n}-{m}/layer.tar");
            tar = tar.file(&member, layer);
            members.push(member);
        }
        let plain: Vec<Vec<u8>> = layers.iter().map(|layer| plain(layer)).collect();
        let config = config(&plain).to_string();
        let member = format!("{n}.json");
        tar = tar.file(&member, config.as_bytes());
        let tags = if name.is_empty() { json!(null) } else { json!([name]) };
        manifest.push(json!({"Config": member, "RepoTags": tags, "Layers": members}));
    }
    tar.file("manifest.json", Value::from(manifest).to_string().as_bytes()).finish()
}

/// A docker-archive of one image with one layer of one file.
pub(crate) fn image_archive(name: &str, content: &str) -> Vec<u8> {
    docker_archive(&[(name, &[Tar::new().file("f", content.as_bytes()).finish()])])
}

fn plain(layer: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    if layer.starts_with(&[0x1f, 0x8b]) {
        std::io::copy(&mut flate2::read::MultiGzDecoder::new(layer), &mut out).unwrap();
        return out;
    }
    layer.to_vec()
}

/// An OCI layout in memory.
#[derive(Default)]
pub(crate) struct Layout {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

impl Layout {
    pub(crate) fn new() -> Self {
        let mut layout = Self::default();
        layout.files.insert("oci-layout".into(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec());
        layout
    }

    /// Adds a blob and returns its descriptor.
    pub(crate) fn blob(&mut self, media_type: &str, bytes: &[u8]) -> Value {
        let digest = sha256(bytes);
        self.files.insert(format!("blobs/sha256/{}", &digest[7..]), bytes.to_vec());
        json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
    }

    /// Adds a manifest over layers given with their media type and plain content.
    pub(crate) fn image(&mut self, layers: &[(&str, Vec<u8>, Vec<u8>)]) -> Value {
        let plain: Vec<Vec<u8>> = layers.iter().map(|(_, _, plain)| plain.clone()).collect();
        let config = config(&plain);
        self.image_with(config, layers)
    }

    pub(crate) fn image_with(
        &mut self,
        config: Value,
        layers: &[(&str, Vec<u8>, Vec<u8>)],
    ) -> Value {
        let config = self.blob(CONFIG, config.to_string().as_bytes());
        let layers: Vec<Value> =
            layers.iter().map(|(media_type, blob, _)| self.blob(media_type, blob)).collect();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers,
        });
        self.blob(MANIFEST, manifest.to_string().as_bytes())
    }

    /// A manifest with one plain layer of one file.
    pub(crate) fn simple(&mut self, content: &str) -> Value {
        let layer = Tar::new().file("f", content.as_bytes()).finish();
        self.image(&[(LAYER, layer.clone(), layer)])
    }

    pub(crate) fn index(&mut self, manifests: &[Value]) {
        let index = json!({"schemaVersion": 2, "manifests": manifests});
        self.files.insert("index.json".into(), index.to_string().into_bytes());
    }

    pub(crate) fn tar(&self) -> Vec<u8> {
        self.files.iter().fold(Tar::new(), |tar, (name, data)| tar.file(name, data)).finish()
    }

    pub(crate) fn write(&self, dir: &Path) {
        for (name, data) in &self.files {
            let path = dir.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, data).unwrap();
        }
    }
}

pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub(crate) const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
