// SPDX-License-Identifier: Apache-2.0
//! Documents on disk: manifests, configurations, layer records.
//!
//! A document is verified against its name each time it is read: the disk is trusted not to lie,
//! but a damaged image must not run as if it were whole.

use super::Store;
use crate::error::Error;
use crate::hash::digest_of;
use crate::layer::LayerMeta;
use brig_spec::digest::Digest;
use brig_spec::image::{ImageConfig, Manifest};
use brig_state::atomic;
use std::path::Path;

impl Store {
    /// Lists the ids of all images.
    pub(super) fn ids(&self) -> Result<Vec<Digest>, Error> {
        hex_names(&self.manifests())
    }

    /// Reads a manifest; `None` when there is no such image.
    pub(super) fn manifest(&self, id: &Digest) -> Result<Option<Manifest>, Error> {
        let path = self.manifest_path(id);
        let bytes = match atomic::read(&path, self.limits.document_bytes_max) {
            Err(error) if error.is_not_found() => return Ok(None),
            other => other?,
        };
        if digest_of(&bytes) != *id {
            return Err(damaged(id, "its manifest changed on disk"));
        }
        let manifest = serde_json::from_slice(&bytes);
        manifest.map(Some).map_err(|_| damaged(id, "its manifest is not valid"))
    }

    pub(super) fn config(&self, id: &Digest, manifest: &Manifest) -> Result<ImageConfig, Error> {
        let digest = &manifest.config.digest;
        let bytes = match atomic::read(&self.config_path(digest), self.limits.document_bytes_max) {
            Err(error) if error.is_not_found() => {
                return Err(damaged(id, "its configuration is missing"));
            }
            other => other?,
        };
        if digest_of(&bytes) != *digest {
            return Err(damaged(id, "its configuration changed on disk"));
        }
        serde_json::from_slice(&bytes).map_err(|_| damaged(id, "its configuration is not valid"))
    }

    /// Reads the record of a layer; `None` when the layer is not in the store.
    pub(super) fn layer_meta(&self, diff_id: &Digest) -> Result<Option<LayerMeta>, Error> {
        match atomic::read_json(&self.layer_dir(diff_id).join("layer.json")) {
            Ok(meta) => Ok(Some(meta)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns whether a layer is in the store.
    pub(super) fn has_layer(&self, diff_id: &Digest) -> bool {
        std::fs::symlink_metadata(self.layer_dir(diff_id)).is_ok()
    }
}

pub(super) fn damaged(id: &Digest, what: impl Into<String>) -> Error {
    Error::Damaged { id: *id, what: what.into() }
}

/// Lists a directory's entries that are named by a digest; anything else is not the store's.
pub(super) fn hex_names(dir: &Path) -> Result<Vec<Digest>, Error> {
    let failed = |source| Error::Os { operation: "list", path: dir.to_owned(), source };
    let mut digests = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        if let Some(digest) = name.to_str().and_then(|name| Digest::from_hex(name).ok()) {
            digests.push(digest);
        }
    }
    digests.sort();
    Ok(digests)
}
