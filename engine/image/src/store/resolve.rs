// SPDX-License-Identifier: Apache-2.0
//! From a name or an id to an image.

use super::Store;
use super::catalog::damaged;
use super::record::{ImageRecord, ImageSummary, LayerRef};
use crate::error::Error;
use brig_spec::digest::{Digest, HEX_LENGTH};
use brig_spec::reference::Reference;
use std::collections::BTreeMap;

/// Shortest beginning of an id that counts as one, as Docker has it.
const PREFIX_MIN: usize = 4;

impl Store {
    /// Finds an image by reference (the tag defaults to `latest`), by id, or by a unique beginning
    /// of an id, with or without `sha256:`.
    ///
    /// # Errors
    /// When nothing or more than one image matches, or the image is damaged.
    pub fn resolve(&self, text: &str) -> Result<ImageRecord, Error> {
        let id = self.find(text)?;
        self.image(&id)
    }

    /// Reads an image by its id.
    ///
    /// # Errors
    /// When there is no such image, or it is damaged.
    pub fn image(&self, id: &Digest) -> Result<ImageRecord, Error> {
        let none = || Error::NoSuchImage { reference: id.to_string() };
        let manifest = self.manifest(id)?.ok_or_else(none)?;
        let config = self.config(id, &manifest)?;
        let mut layers: Vec<LayerRef> = Vec::new();
        let mut size_bytes = 0;
        for diff_id in &config.rootfs.diff_ids {
            // overlayfs takes a directory once. The upper place counts: there the layer shows all
            // that the lower one could, and what lies between them.
            if let Some(lower) = layers.iter().position(|layer| layer.diff_id == *diff_id) {
                let layer = layers.remove(lower);
                layers.push(layer);
                continue;
            }
            let Some(meta) = self.layer_meta(diff_id)? else {
                return Err(damaged(id, format!("its layer {diff_id} is missing")));
            };
            size_bytes += meta.content_bytes;
            if meta.opaque_root {
                layers.clear();
            }
            layers.push(LayerRef { diff_id: *diff_id, path: self.layer_path(diff_id), meta });
        }
        Ok(ImageRecord { id: *id, config, manifest, layers, size_bytes })
    }

    /// Lists all images, by id. A damaged one is listed with what is wrong.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn list(&self) -> Result<Vec<ImageSummary>, Error> {
        let mut names: BTreeMap<Digest, Vec<String>> = BTreeMap::new();
        for (tag, id) in self.tags()? {
            names.entry(id).or_default().push(tag.familiar());
        }
        let mut summaries = Vec::new();
        for id in self.ids()? {
            let references = names.remove(&id).unwrap_or_default();
            match self.summary(&id, references) {
                // Removed since it was listed.
                Err(Error::NoSuchImage { .. }) => {}
                other => summaries.push(other?),
            }
        }
        Ok(summaries)
    }

    fn summary(&self, id: &Digest, references: Vec<String>) -> Result<ImageSummary, Error> {
        let empty = ImageSummary {
            id: *id,
            references,
            created: None,
            size_bytes: 0,
            labels: BTreeMap::new(),
            architecture: String::new(),
            damage: None,
        };
        match self.image(id) {
            Ok(image) => Ok(ImageSummary {
                created: image.config.created,
                size_bytes: image.size_bytes,
                labels: image.config.config.labels,
                architecture: image.config.architecture,
                ..empty
            }),
            Err(Error::Damaged { what, .. }) => Ok(ImageSummary { damage: Some(what), ..empty }),
            Err(Error::State(error)) => {
                Ok(ImageSummary { damage: Some(error.to_string()), ..empty })
            }
            Err(error) => Err(error),
        }
    }

    /// Finds an image's id.
    pub(super) fn find(&self, text: &str) -> Result<Digest, Error> {
        self.find_named(text).map(|(id, _)| id)
    }

    /// Finds an image's id, and the tag if it was found by one.
    pub(super) fn find_named(&self, text: &str) -> Result<(Digest, Option<Reference>), Error> {
        let hex = text.strip_prefix("sha256:").unwrap_or(text);
        if let Ok(id) = Digest::from_hex(hex) {
            // Its presence is enough: a damaged image must be found to be removed.
            let is_there = std::fs::symlink_metadata(self.manifest_path(&id)).is_ok();
            let none = Error::NoSuchImage { reference: text.to_owned() };
            return is_there.then_some((id, None)).ok_or(none);
        }
        let reference = text.parse::<Reference>();
        if let Ok(reference) = &reference {
            let tag = reference.clone().with_default_tag();
            if let Some(id) = self.find_reference(&tag)? {
                return Ok((id, Some(tag).filter(|tag| tag.digest().is_none())));
            }
        }
        if let Some(id) = self.find_prefix(hex)? {
            return Ok((id, None));
        }
        let reference = reference?.with_default_tag().familiar();
        Err(Error::NoSuchImage { reference })
    }

    /// Finds by tag, or by digest where some tag of the same repository names that image.
    fn find_reference(&self, reference: &Reference) -> Result<Option<Digest>, Error> {
        let Some(digest) = reference.digest() else {
            return self.tag_target(reference);
        };
        let repository = reference.repository();
        let known =
            self.tags()?.iter().any(|(tag, id)| id == digest && tag.repository() == repository);
        Ok(known.then_some(*digest))
    }

    fn find_prefix(&self, prefix: &str) -> Result<Option<Digest>, Error> {
        let is_hex = prefix.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !is_hex || prefix.len() < PREFIX_MIN || prefix.len() > HEX_LENGTH {
            return Ok(None);
        }
        let mut matches = self.ids()?.into_iter().filter(|id| id.hex().starts_with(prefix));
        match (matches.next(), matches.next()) {
            (Some(_), Some(_)) => Err(Error::Ambiguous { prefix: prefix.to_owned() }),
            (first, _) => Ok(first),
        }
    }
}
