// SPDX-License-Identifier: Apache-2.0
//! From a layer's blob to a directory tree that overlayfs can stack.
//!
//! The tree is private while it is made: a fresh directory of mode 0700 in `staging/`, one thread at
//! work in it. Even so no archive path is ever handed to the kernel as a whole: parents are opened by
//! `openat2` below the tree's root, and every operation is on one name in an open directory.
//!
//! Invariants: whatever the archive says, only inodes of this tree are made or changed; the tree is
//! complete and its digest verified before anything outside can see it.

mod directories;
mod error;
mod file;
mod meta;
mod node;
mod path;
mod tree;
mod unpack;
mod whiteout;
mod xattr;

pub use error::LayerError;
pub use meta::LayerMeta;
pub use path::PathFault;
pub(crate) use unpack::{LayerSource, Signal, unpack};
