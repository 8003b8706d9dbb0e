// SPDX-License-Identifier: Apache-2.0
//! A person at a container: terminal, attach socket, signals.

pub(crate) mod attach;
mod detach_keys;
mod frames;
pub(crate) mod terminal;

pub(crate) use detach_keys::DetachKeys;
