// SPDX-License-Identifier: Apache-2.0
//! What an error becomes at the edge: kind, sentence, cause chain, hints, exit code.
//!
//! Invariants: no I/O, no terminal, no colours. Libraries keep enums of their own; the edge of each
//! program turns them into a [`Report`], and exit codes and HTTP statuses come from [`Kind`] alone.
#![forbid(unsafe_code)]

pub mod chain;
mod kind;

pub use chain::Report;
pub use kind::Kind;
