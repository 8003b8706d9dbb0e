// SPDX-License-Identifier: Apache-2.0
//! Genuine systems in containers, and genuine programs in front of `brig-oci`.
//!
//! A Debian made by debootstrap and an Alpine from its own disk (`scripts/real-images.sh`) do what
//! people do with them; podman, dockerd and containerd drive the runtime. Each test has roots of its
//! own, daemons run in namespaces of their own, and everything is looked for afterwards.

mod alpine;
mod debian;
mod dockerd;
mod podman;
mod tmux;
mod web;

use crate::engine::Engine;
use brig_testkit::{TestRoot, binaries};
use std::path::{Path, PathBuf};

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

/// The directory of this repository.
fn repository() -> &'static Path {
    let parent = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    parent.expect("this crate is a directory of it")
}

/// An archive of Debian's busybox.
fn busybox_archive(root: &TestRoot) -> PathBuf {
    let archive = root.path("busybox.tar");
    let script = repository().join("scripts/busybox-image.sh");
    drop(root.invocation(script).args([&archive]).output().ok());
    archive
}
