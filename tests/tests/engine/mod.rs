// SPDX-License-Identifier: Apache-2.0
//! Behaviour of the engine through the real `brig`, one file for each feature of it.
//!
//! Every test has an engine of its own (data root, run root, cgroups) and ends with a check that
//! nothing is left of it: mounts, cgroups, processes, files. The oracle is Docker's documented
//! behaviour: words, exit codes, fields.

mod bad_input;
mod churn;
mod crash;
mod damage;
mod deaths;
mod engines;
mod exec;
mod fixture;
mod full_disk;
mod host;
mod hostile;
pub(crate) mod image;
mod inspect;
mod lifecycle;
mod limits;
mod logs;
mod networks;
mod ps;
mod run;
mod security;
mod terminal;
mod users;
mod volumes;

pub(crate) use fixture::Engine;
