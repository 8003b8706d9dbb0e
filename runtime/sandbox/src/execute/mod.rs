// SPDX-License-Identifier: Apache-2.0
//! The interpreter of plans: who runs which step, and how the two processes agree.
//!
//! Two processes: the *creator* (the caller's rights, the host's namespaces) and *init* (born in
//! the container's namespaces). They share one socket pair, see [`channel`]. Init is a copy of
//! the creator, made by `clone3`; it may use everything the creator prepared, by descriptor.

mod channel;
mod command;
mod create;
mod enter;
mod hooks;
mod host;
mod init;
mod mounts;
mod process;
mod start;

pub use create::{Console, Created, Observer, Request, create};
pub use enter::{EnterRequest, Entered, enter};
pub use hooks::{run_hooks, state_document};
pub use host::seal_self;
pub use start::{Listening, probe, start};
