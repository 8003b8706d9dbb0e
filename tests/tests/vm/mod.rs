// SPDX-License-Identifier: Apache-2.0
//! The suites again in emulated machines, for what the kernel at hand may lack: plain cgroup v2,
//! AppArmor, SELinux, an older and a newer kernel.
//!
//! Each test boots one machine and runs a part of this very executable in it. It passes when all
//! of that passes, when not less has run than is known to run there, when nothing was skipped
//! that is not named here, and when the machine then has the mounts and cgroups it had before.

mod guest;
mod labels;
mod suites;

use guest::Guest;
