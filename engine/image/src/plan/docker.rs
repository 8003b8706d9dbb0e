// SPDX-License-Identifier: Apache-2.0
//! docker-archive: `manifest.json`, configurations, one tar per layer.
//!
//! Such an image has no manifest, so one is made: the very bytes that containerd makes of the same
//! archive, hence the same image id.

use super::layers::{self, Config};
use super::{ImagePlan, PlanError, document, names};
use crate::blob::Blob;
use crate::bundle::{Bundle, BundleError};
use crate::compression::{MAGIC_BYTES, detect};
use crate::hash::{digest_of, digest_reader};
use crate::layer::LayerSource;
use crate::limits::Limits;
use crate::printable::printable;
use brig_spec::digest::Digest;
use brig_spec::image::{ArchiveImage, Descriptor, LayerEncoding, Manifest, media_type};
use serde_json::Map;
use std::collections::BTreeMap;
use std::io::Read;

/// Reads `manifest.json`; `None` when there is none.
pub(super) fn images(
    bundle: &dyn Bundle,
    limits: &Limits,
) -> Result<Option<Vec<ArchiveImage>>, PlanError> {
    let Some(bytes) = bundle.read("manifest.json", limits.document_bytes_max)? else {
        return Ok(None);
    };
    let images: Vec<ArchiveImage> = document::parse("manifest.json", &bytes)?;
    if images.len() > limits.images_max {
        let limit = limits.images_max as u64;
        return Err(PlanError::Limit { what: "the number of images", limit });
    }
    Ok(Some(images))
}

/// Plans the images of `manifest.json`.
pub(super) fn plan(
    bundle: &dyn Bundle,
    images: &[ArchiveImage],
    limits: &Limits,
) -> Result<Vec<ImagePlan>, PlanError> {
    if images.is_empty() {
        return Err(PlanError::Empty);
    }
    images.iter().map(|image| plan_image(bundle, image, limits)).collect()
}

fn plan_image(
    bundle: &dyn Bundle,
    image: &ArchiveImage,
    limits: &Limits,
) -> Result<ImagePlan, PlanError> {
    let config_bytes = bundle
        .read(&image.config, limits.document_bytes_max)?
        .ok_or_else(|| absent("configuration", &image.config))?;
    let config_digest = digest_of(&config_bytes);
    let config = Config::parse(&config_bytes, image.layers.len(), limits)?;
    let mut known = BTreeMap::new();
    let mut sources = Vec::new();
    for (name, diff_id) in image.layers.iter().zip(&config.diff_ids) {
        let blob = bundle.find(name)?.ok_or_else(|| absent("layer", name))?;
        let descriptor = describe(name, &blob, *diff_id, &mut known)?;
        sources.push(LayerSource { diff_id: *diff_id, descriptor, blob });
    }
    let size = config_bytes.len() as u64;
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(media_type::DOCKER_MANIFEST.to_owned()),
        config: Descriptor::new(media_type::DOCKER_CONFIG, config_digest, size),
        layers: sources.iter().map(|source| source.descriptor.clone()).collect(),
        annotations: BTreeMap::new(),
        extra: Map::new(),
    };
    let manifest = serde_json::to_vec(&manifest).expect("a manifest has only string keys");
    Ok(ImagePlan {
        references: names::repo_tags(image)?,
        id: digest_of(&manifest),
        manifest,
        config_digest,
        config: config_bytes,
        layers: layers::unique(sources),
    })
}

/// Makes the descriptor that containerd would.
///
/// A plain layer's digest is its diff id, which unpacking verifies. A compressed one is hashed here:
/// rare, since `docker save` and skopeo write plain layers.
fn describe(
    name: &str,
    blob: &Blob,
    diff_id: Digest,
    known: &mut BTreeMap<String, Digest>,
) -> Result<Descriptor, PlanError> {
    let failed = |source| {
        PlanError::Bundle(BundleError::Io {
            what: format!("`{}`", printable(name.as_bytes())),
            source,
        })
    };
    let mut magic = Vec::with_capacity(MAGIC_BYTES);
    blob.reader().take(MAGIC_BYTES as u64).read_to_end(&mut magic).map_err(failed)?;
    let media_type = match detect(&magic).map_err(BundleError::Stream)? {
        LayerEncoding::Plain => {
            return Ok(Descriptor::new(media_type::DOCKER_LAYER, diff_id, blob.bytes));
        }
        LayerEncoding::Gzip => media_type::DOCKER_LAYER_GZIP,
        LayerEncoding::Zstd => media_type::DOCKER_LAYER_ZSTD,
    };
    let digest = match known.get(name) {
        Some(digest) => *digest,
        None => digest_reader(blob.reader()).map_err(failed)?,
    };
    known.insert(name.to_owned(), digest);
    Ok(Descriptor::new(media_type, digest, blob.bytes))
}

fn absent(what: &'static str, name: &str) -> PlanError {
    PlanError::BlobMissing { what, name: printable(name.as_bytes()) }
}
