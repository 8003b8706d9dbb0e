// SPDX-License-Identifier: Apache-2.0
//! Behaviour of an OCI runtime, one file for each feature of it.
//!
//! Every test is written once and runs against the runtime that `BRIG_UNDER_TEST` names: brig-oci,
//! or runc and crun, which show that the test asks for what users get elsewhere. Where those two
//! differ, a test asks only for what the specification says or both do, or says why it branches.

mod bad_input;
mod capabilities;
mod cgroups;
mod command_line;
mod descriptors;
mod devices;
mod exec;
mod exit;
mod faults;
mod hooks;
mod hostile;
mod labels;
mod lifecycle;
mod mounts;
mod namespaces;
mod paths;
mod process;
mod propagation;
mod races;
mod seccomp;
mod terminal;
mod userns;
