// SPDX-License-Identifier: Apache-2.0
//! Containers from kernel primitives: `config.json` becomes a plan, the plan is executed.
//!
//! Invariants: [`plan`] is pure (no system call, no file access), so it is tested without root;
//! [`execute`] is the only interpreter. No command line, no JSON except through brig-spec, no
//! terminal. Every step is fatal when it fails: a weaker container than asked is never started.
#![forbid(unsafe_code)]

pub mod cgroup;
mod error;
pub mod execute;
pub mod plan;
mod rootfs;

pub use error::{Error, Result};
