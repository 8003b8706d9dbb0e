// SPDX-License-Identifier: Apache-2.0
// UNSAFETY: a probe must make the very system calls that a sandbox is asked to forbid, by number.
#![expect(unsafe_code, reason = "system calls by number have no safe wrapper")]
//! System calls by number, and what is built on them.
//!
//! [`syscall`] is not sound as a general function: a test that passes a wild address harms this
//! process, which is what a probe is for. Nothing else in the workspace may call it.

use std::ptr;
use std::time::Duration;

/// Makes the system call `number`; missing arguments are 0.
///
/// # Errors
/// The error number.
pub(crate) fn syscall(number: i64, args: &[usize]) -> Result<usize, i32> {
    let arg = |index: usize| args.get(index).copied().unwrap_or(0);
    // SAFETY: the caller is this program; addresses among the arguments come from live references
    // in the same statement, all others are numbers chosen by the test for this process alone.
    let result = unsafe { libc::syscall(number, arg(0), arg(1), arg(2), arg(3), arg(4), arg(5)) };
    usize::try_from(result).map_err(|_| last_errno())
}

fn last_errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

const SIGSET_BYTES: usize = 8;

/// Blocks the signals of `mask` (bit n-1 is signal n) in this thread.
pub(crate) fn block_signals(mask: u64) -> Result<(), i32> {
    let how = usize::try_from(libc::SIG_BLOCK).unwrap_or(0);
    let set = ptr::from_ref(&mask).expose_provenance();
    syscall(libc::SYS_rt_sigprocmask, &[how, set, 0, SIGSET_BYTES]).map(drop)
}

/// Waits for one of the blocked signals of `mask`; `None` waits for ever.
///
/// # Errors
/// `EAGAIN` when the time has passed.
pub(crate) fn wait_signal(mask: u64, timeout: Option<Duration>) -> Result<usize, i32> {
    let spec = timeout.map(|duration| {
        [i64::try_from(duration.as_secs()).unwrap_or(i64::MAX), i64::from(duration.subsec_nanos())]
    });
    let set = ptr::from_ref(&mask).expose_provenance();
    let time = spec.as_ref().map_or(0, |spec| ptr::from_ref(spec).expose_provenance());
    syscall(libc::SYS_rt_sigtimedwait, &[set, 0, time, SIGSET_BYTES])
}

/// Leaves namespaces, by `CLONE_NEW*` bits.
pub(crate) fn unshare(flags: u64) -> Result<(), i32> {
    syscall(libc::SYS_unshare, &[usize::try_from(flags).unwrap_or(0)]).map(drop)
}

/// The description of the session keyring: `type;uid;gid;permissions;name`.
pub(crate) fn session_keyring() -> Result<String, i32> {
    const KEYCTL_DESCRIBE: usize = 6;
    const KEY_SPEC_SESSION_KEYRING: usize = usize::MAX - 2;
    let mut buffer = [0_u8; 256];
    let room = ptr::from_mut(&mut buffer).expose_provenance();
    let arguments = [KEYCTL_DESCRIBE, KEY_SPEC_SESSION_KEYRING, room, buffer.len()];
    let length = syscall(libc::SYS_keyctl, &arguments)?;
    let text = buffer.get(..length.saturating_sub(1)).unwrap_or_default();
    Ok(String::from_utf8_lossy(text).into_owned())
}
