// SPDX-License-Identifier: Apache-2.0
//! Genuine systems in containers, and genuine programs in front of `brig-oci`.
//!
//! A Debian made by debootstrap and an Alpine from its own disk (`scripts/real-images.sh`) do what
//! people do with them; podman, dockerd and containerd drive the runtime. Each test has roots of its
//! own, daemons run in namespaces of their own, and everything is looked for afterwards.

mod alpine;
mod containerd;
mod debian;
mod dockerd;
mod podman;
mod tmux;
mod web;

use crate::engine::Engine;
use brig_testkit::binaries;

/// The name that Debian's archive loads under.
const DEBIAN: &str = "debian:bookworm";
/// The name that Alpine's archive loads under.
const ALPINE: &str = "alpine";

/// An engine with one genuine image.
fn engine_with(archive: &str) -> Engine {
    let engine = Engine::empty();
    engine.load(&binaries::image(archive));
    engine
}
