// SPDX-License-Identifier: Apache-2.0
//! What the end-to-end tests stand on: the runtime under test, disposable roots, leak checks.
//!
//! It runs inside the test executable, which has many threads; what has to happen between fork and
//! exec is done by `brig-probe` on the host. Failures panic with everything a reader of the CI log
//! needs: the command, its output, the config.json, the cgroup mode. Nothing here knows brig's
//! libraries, so that it can judge them.

pub mod binaries;
pub mod bundle;
pub mod case;
pub mod cgroup;
pub mod console;
pub mod deadline;
pub mod fault;
pub mod invocation;
pub mod leak;
pub mod mountinfo;
pub mod needs;
pub mod netns;
pub mod process;
pub mod pty;
pub mod root;
pub mod runtime;

pub use bundle::Bundle;
pub use case::Case;
pub use deadline::{expect_soon, wait_for};
pub use invocation::{Invocation, Output, Running};
pub use root::TestRoot;
pub use runtime::{Kind, Runtime};
