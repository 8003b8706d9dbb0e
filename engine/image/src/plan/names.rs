// SPDX-License-Identifier: Apache-2.0
//! The names that an archive gives to its images.

use super::{ImagePlan, PlanError};
use crate::printable::printable;
use brig_spec::image::{ANNOTATION_IMAGE_NAME, ANNOTATION_REF_NAME, ArchiveImage, Descriptor};
use brig_spec::reference::Reference;

/// Returns the names of one image of `manifest.json`.
pub(super) fn repo_tags(image: &ArchiveImage) -> Result<Vec<Reference>, PlanError> {
    let mut references = Vec::new();
    for name in &image.repo_tags {
        let reference: Reference = name
            .parse()
            .map_err(|source| PlanError::Name { name: printable(name.as_bytes()), source })?;
        references.push(reference.with_default_tag());
    }
    Ok(references)
}

/// Adds the names that `manifest.json` gives to the image with the same configuration.
pub(super) fn add_repo_tags(plan: &mut ImagePlan, images: &[ArchiveImage]) {
    let hex = plan.config_digest.hex();
    let same = |image: &&ArchiveImage| {
        image.config == format!("blobs/sha256/{hex}") || image.config == format!("{hex}.json")
    };
    for image in images.iter().filter(same) {
        plan.references.extend(repo_tags(image).unwrap_or_default());
    }
}

/// Returns the name in a descriptor's annotations.
///
/// OCI's own annotation may be no more than a tag or any label, so only what has a registry, a
/// path or a tag in it is taken for a name.
pub(super) fn annotated(descriptor: &Descriptor) -> Option<Reference> {
    let whole = descriptor.annotations.get(ANNOTATION_IMAGE_NAME);
    let loose =
        || descriptor.annotations.get(ANNOTATION_REF_NAME).filter(|name| name.contains(['/', ':']));
    let reference: Reference = whole.or_else(loose)?.parse().ok()?;
    let reference = reference.with_default_tag();
    // A digest is not a tag that could be stored.
    (reference.tag().is_some() && reference.digest().is_none()).then_some(reference)
}
