// SPDX-License-Identifier: Apache-2.0
//! Seccomp: profiles as data, compiled to filters without libseccomp.
//!
//! Invariants: pure, no system calls; the same profile and options give the same program, byte for
//! byte; what a profile means is what it means under runc with libseccomp (`rule`), except where
//! `tests/seccomp/oracle.rs` lists and justifies a difference.

mod action;
mod arch;
mod cache;
mod compile;
mod emit;
mod error;
mod eval;
mod flags;
mod graph;
mod program;
mod rule;
mod table;

pub use action::Action;
pub use arch::Arch;
pub use cache::{cache_key, cache_source, decode_record, encode_record};
pub use compile::{Compiled, ForeignAbi, Options, compile};
pub use error::SeccompError;
pub use eval::evaluate;
pub use flags::{flag_names, parse_flags};
pub use program::{INSNS_MAX, Insn, Program};
pub use table::{syscall_number, syscalls};
