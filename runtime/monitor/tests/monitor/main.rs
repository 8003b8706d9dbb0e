// SPDX-License-Identifier: Apache-2.0
//! `brig-monitor` with a real OCI runtime and real containers of busybox.
//!
//! Needs root, `/bin/busybox` (static) and the runtime named by `BRIG_UNDER_TEST` (default
//! `runc`). Each test has directories and a cgroup parent of its own and leaves nothing behind,
//! which the fixture checks.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a step that fails is a test that fails; skips and figures are printed"
)]

mod client;
mod crash;
mod fixture;
mod io;
mod life;
mod remove;
