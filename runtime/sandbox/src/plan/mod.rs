// SPDX-License-Identifier: Apache-2.0
//! The plan: what will be done, by whom, in which order, before anything is done.
//!
//! `config.json` → [`Plan::compile`] → ordered steps. Each step belongs to one of two processes:
//! the creator, which has the caller's rights in the host's namespaces, and the container's init,
//! which is already inside. The order within each list is the order of execution.

mod compile;
mod device;
mod mount;
mod namespace;
mod print;
mod process;
mod step;

pub use compile::Facts;
pub use device::DeviceNode;
pub use mount::{MountPlan, MountSource};
pub use namespace::NamespaceKind;
pub use process::{CapPlan, ProcessPlan, RlimitPlan, UserPlan};
pub use step::{HostStep, IdMaps, InitStep, Plan, TreeSlot};

#[cfg(test)]
mod tests;
