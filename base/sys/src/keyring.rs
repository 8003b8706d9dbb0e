// SPDX-License-Identifier: Apache-2.0
//! Session keyrings.
// UNSAFETY: keyctl(2) has no wrapper in rustix.
#![expect(unsafe_code, reason = "see UNSAFETY above")]

use crate::error::{Context, SysError, check};
use std::ffi::CStr;

const KEYCTL_JOIN_SESSION_KEYRING: libc::c_long = 1;

/// Joins a new session keyring, so that the caller's keys are not reachable any more.
///
/// # Errors
/// ENOSYS on kernels without keys, EDQUOT at the quota.
pub fn join_new_session(name: &CStr) -> Result<(), SysError> {
    // SAFETY: the name is a C string that outlives the call.
    let result =
        unsafe { libc::syscall(libc::SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name.as_ptr()) };
    check(result).map(drop).context("keyctl", || "KEYCTL_JOIN_SESSION_KEYRING")
}
