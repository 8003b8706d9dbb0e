// SPDX-License-Identifier: Apache-2.0
//! From a bundle's documents to the list of images to load, everything checked that can be checked
//! without reading layers.
//!
//! An OCI index is preferred where it is complete; newer Docker writes both an index and
//! `manifest.json`, and the latter adds names.

mod docker;
mod document;
mod error;
mod index;
mod layers;
mod names;
mod platform;

pub use error::PlanError;

use crate::bundle::Bundle;
use crate::layer::LayerSource;
use crate::limits::Limits;
use brig_spec::digest::Digest;
use brig_spec::reference::Reference;

/// An image about to be loaded.
#[derive(Debug)]
pub(crate) struct ImagePlan {
    /// Names with tags.
    pub(crate) references: Vec<Reference>,
    /// Digest of the manifest.
    pub(crate) id: Digest,
    pub(crate) manifest: Vec<u8>,
    pub(crate) config_digest: Digest,
    pub(crate) config: Vec<u8>,
    /// Bottom first.
    pub(crate) layers: Vec<LayerSource>,
}

/// Lists the images of a bundle.
pub(crate) fn plan(bundle: &dyn Bundle, limits: &Limits) -> Result<Vec<ImagePlan>, PlanError> {
    let archive = docker::images(bundle, limits)?;
    let from_index = match index::plan(bundle, limits) {
        // A saved selection of an index may lack blobs that only `manifest.json` does without.
        Err(PlanError::BlobMissing { .. }) if archive.is_some() => None,
        other => other?,
    };
    let mut plans = match (from_index, &archive) {
        (Some(mut plans), archive) => {
            for plan in &mut plans {
                names::add_repo_tags(plan, archive.as_deref().unwrap_or_default());
            }
            plans
        }
        (None, Some(images)) => docker::plan(bundle, images, limits)?,
        (None, None) => return Err(PlanError::NotAnImage),
    };
    for plan in &mut plans {
        plan.references.sort();
        plan.references.dedup();
    }
    Ok(plans)
}
