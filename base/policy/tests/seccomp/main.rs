// SPDX-License-Identifier: Apache-2.0
//! The compiler of seccomp filters against a naive reading of profiles and against libseccomp.
#![cfg(target_arch = "x86_64")]
#![expect(clippy::unwrap_used, reason = "test helpers fail by panicking, as tests do")]

mod library;
mod limits;
mod naive;
mod oracle;
mod property;
mod sample;
