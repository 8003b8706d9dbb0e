// SPDX-License-Identifier: Apache-2.0
//! Security as data: capabilities, seccomp profiles and their compiler, masked paths, presets.
//!
//! Invariants: no system calls and no I/O; functions turn values into values, and whoever applies
//! them is elsewhere. Linked into the small executables: nothing is computed before it is asked for.
#![forbid(unsafe_code)]

pub mod caps;
pub mod masks;
pub mod profile;
pub mod rlimits;
pub mod seccomp;
