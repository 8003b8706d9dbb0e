// SPDX-License-Identifier: Apache-2.0
//! The image store: archives in, trees of layers and image records out.
//!
//! Runs inside the engine, synchronously, with the caller's rights (root for a system-wide store).
//! Everything that comes in is hostile: archives are parsed by bounded readers, digests are verified
//! on the very bytes that are unpacked, and entries touch the disk only through descriptors below
//! the layer's own directory. Nothing is executed, no name service is asked, no network is used.
//!
//! Invariants:
//! - A layer directory, a manifest and a configuration appear whole, by rename, and never change.
//! - What an image needs is computed from the manifests on disk; there are no stored counters.
//! - Every writer's unfinished work lies in a directory of `staging/` that it holds a lock on.
//! - A tag, a manifest or a layer vanishes only under the exclusive store lock; it appears only
//!   under the shared one.
#![forbid(unsafe_code)]

mod blob;
mod bundle;
mod compression;
mod error;
mod hash;
mod holes;
mod layer;
mod limits;
mod plan;
mod printable;
mod store;
mod tarball;

pub use bundle::BundleError;
pub use compression::StreamError;
pub use error::Error;
pub use layer::{LayerError, LayerMeta, PathFault};
pub use limits::Limits;
pub use plan::PlanError;
pub use store::Store;
pub use store::event::{LoadEvent, LoadedImage};
pub use store::lock::StoreLock;
pub use store::record::{ImageRecord, ImageSummary, LayerRef};
pub use store::remove::{ContainerUse, Containers, NoContainers, Removed};
pub use store::sweep::Swept;
pub use tarball::TarError;
