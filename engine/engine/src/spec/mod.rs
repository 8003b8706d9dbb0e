// SPDX-License-Identifier: Apache-2.0
//! The parts of a container's `config.json`, each a pure function of options and facts.

pub mod mounts;
pub mod network;
pub mod process;
pub mod resources;
pub mod security;
pub mod user;
