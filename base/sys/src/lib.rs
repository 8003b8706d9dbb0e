// SPDX-License-Identifier: Apache-2.0
//! The only home of raw system calls, one file per kernel facility, over rustix.
//!
//! Invariants: no policy, no retries that hide errors, no knowledge of containers. A wrapper either
//! does what its name says or returns a [`SysError`] that reads like a line of strace. Modules that
//! contain `unsafe` say so here, on their `mod` line's file, and nowhere else in the workspace.

pub mod bpf;
pub mod caps;
mod error;
pub mod fault;
pub mod inherited;
pub mod keyring;
pub mod mount;
pub mod net;
pub mod proc;
pub mod process;
pub mod seccomp;
pub mod signal;
pub mod spawn;
pub mod userns;

pub use error::{Context, SysError};
