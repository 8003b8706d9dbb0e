// SPDX-License-Identifier: Apache-2.0
//! The documents that brig reads and writes: OCI image, OCI runtime, the monitor's launch record.
//!
//! Invariants: parse and validate only; no file access, no system calls, no defaults that depend on
//! the host. Both sides of the engine/runtime wall may link it, so it is where shared words live.
#![forbid(unsafe_code)]

pub mod digest;
pub mod image;
pub mod monitor;
pub mod reference;
pub mod runtime;
