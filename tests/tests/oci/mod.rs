// SPDX-License-Identifier: Apache-2.0
//! Behaviour of an OCI runtime, one file for each feature of it.
//!
//! Every test is written once and runs against the runtime that `BRIG_UNDER_TEST` names: brig-oci,
//! or runc and crun, which show that the test asks for what users get elsewhere. Where those two
//! differ, a test asks only for what the specification says or both do, or says why it branches.

mod lifecycle;
mod process;
