// SPDX-License-Identifier: Apache-2.0
//! Where things live on disk, and how they change without ever being half-changed.
//!
//! Invariants: a record is replaced by an atomic rename, never edited; a lock is a `flock` on a
//! file, so a dead holder never blocks; nothing here knows what a container is.
#![forbid(unsafe_code)]

pub mod atomic;
pub mod dirs;
mod error;
pub mod id;
pub mod lock;
pub mod time;
pub mod tree;

pub use error::Error;
