// SPDX-License-Identifier: Apache-2.0
//! Loading of seccomp filters.
// UNSAFETY: seccomp(2) has no wrapper in rustix.
#![expect(unsafe_code, reason = "see UNSAFETY above")]

use crate::error::{Context, SysError, check};
use std::os::fd::{FromRawFd, OwnedFd};

/// One classic BPF instruction, `struct sock_filter`.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instruction {
    /// Operation.
    pub code: u16,
    /// Jump distance when true.
    pub jt: u8,
    /// Jump distance when false.
    pub jf: u8,
    /// Constant.
    pub k: u32,
}

/// `struct sock_fprog`.
#[repr(C)]
struct Program {
    length: u16,
    filter: *const Instruction,
}

const SECCOMP_SET_MODE_FILTER: libc::c_long = 1;
/// The filter's descriptor for user notification is wanted.
const FLAG_NEW_LISTENER: u64 = 8;

/// Installs a filter on the calling thread. Returns the notification descriptor when `flags`
/// has `SECCOMP_FILTER_FLAG_NEW_LISTENER`.
///
/// # Errors
/// EACCES without no_new_privs and CAP_SYS_ADMIN, EINVAL for a malformed program or one of more
/// than 4096 instructions.
pub fn load(filter: &[Instruction], flags: u64) -> Result<Option<OwnedFd>, SysError> {
    let length = u16::try_from(filter.len())
        .map_err(|_| rustix::io::Errno::INVAL)
        .context("seccomp", || format!("{} instructions", filter.len()))?;
    let program = Program { length, filter: filter.as_ptr() };
    // SAFETY: `program` describes exactly the slice, which outlives the call.
    let result = unsafe {
        libc::syscall(libc::SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &raw const program)
    };
    let value = check(result).context("seccomp", || {
        format!("SECCOMP_SET_MODE_FILTER, flags {flags:#x}, {length} instructions")
    })?;
    if flags & FLAG_NEW_LISTENER == 0 {
        return Ok(None);
    }
    let raw = i32::try_from(value).expect("a descriptor fits an int");
    // SAFETY: with NEW_LISTENER the call returns a fresh descriptor owned by nobody else.
    Ok(Some(unsafe { OwnedFd::from_raw_fd(raw) }))
}
