// SPDX-License-Identifier: Apache-2.0
//! Containers: what should exist, the life-cycle state machine, and what can be said about it.
//!
//! Runs in a front end's process, synchronously, with the caller's rights; the truth is on disk
//! and in the monitors, so any number of processes may run it at once.
//!
//! Invariants: prints nothing and parses no flags; knows a container's runtime by the OCI command
//! line and its monitor by `brig_spec::monitor` only; every change is one atomic step or is undone
//! by the next command; `container::create` and `spec` are pure.
#![forbid(unsafe_code)]

mod cgroup;
pub mod config;
pub mod container;
mod engine;
mod error;
pub mod inspect;
mod launch;
pub mod layout;
pub mod lifecycle;
mod runtime_call;
pub mod runtimes;
pub mod signal;
pub mod size;
pub mod spec;
#[cfg(test)]
mod testing;
mod time;

pub use engine::Engine;
pub use error::{Error, Result};
