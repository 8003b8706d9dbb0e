// SPDX-License-Identifier: Apache-2.0
//! What an image's configuration says about its layers.

use super::{PlanError, document};
use crate::layer::LayerSource;
use crate::limits::Limits;
use crate::printable::printable;
use brig_spec::digest::Digest;
use brig_spec::image::ImageConfig;

/// The parts of a configuration that loading needs.
pub(super) struct Config {
    pub(super) diff_ids: Vec<Digest>,
}

impl Config {
    /// Parses a configuration that belongs to a manifest with `layers` layers.
    pub(super) fn parse(bytes: &[u8], layers: usize, limits: &Limits) -> Result<Self, PlanError> {
        let config: ImageConfig = document::parse("the configuration", bytes)?;
        if !matches!(config.os.as_str(), "" | "linux") {
            return Err(PlanError::Os { os: printable(config.os.as_bytes()) });
        }
        let diff_ids = config.rootfs.diff_ids;
        if diff_ids.len() != layers {
            return Err(PlanError::LayerCount { manifest: layers, config: diff_ids.len() });
        }
        if layers > limits.layers_max {
            let limit = limits.layers_max as u64;
            return Err(PlanError::Limit { what: "the number of layers", limit });
        }
        Ok(Self { diff_ids })
    }
}

/// Drops layers that occurred before: the same tree may be stacked twice but is unpacked once.
pub(super) fn unique(sources: Vec<LayerSource>) -> Vec<LayerSource> {
    let mut seen = std::collections::BTreeSet::new();
    sources.into_iter().filter(|source| seen.insert(source.diff_id)).collect()
}
