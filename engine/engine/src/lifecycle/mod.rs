// SPDX-License-Identifier: Apache-2.0
//! The life-cycle state machine: each step a method of the engine in a file of its own.

pub mod attach;
pub mod exec;
mod kill;
pub(crate) mod remains;
mod remove;
mod rename;
pub(crate) mod repair;
pub mod start;
mod stop;
pub mod wait;
