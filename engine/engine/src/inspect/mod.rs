// SPDX-License-Identifier: Apache-2.0
//! Docker's documents about containers and images, API 1.51.

pub mod container;
mod host_config;
pub mod image;

/// Docker's zero time.
pub(crate) const NEVER: &str = "0001-01-01T00:00:00Z";
