// SPDX-License-Identifier: Apache-2.0
//! Starting a program with a chosen set of descriptors and nothing else.
//!
//! Only for single-threaded programs, as everything built on `clone3`.
// UNSAFETY: dup3 onto fixed descriptor numbers has no safe wrapper, for it closes what is there.
#![expect(unsafe_code, reason = "see UNSAFETY above")]

use crate::error::{Context, SysError, check};
use crate::process::{Child, Clone, clone3, execve, exit_now};
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

/// Exit code of a child that could not even execute its program.
pub const EXEC_FAILED: i32 = 127;

/// Starts `program` with `descriptors[n]` as descriptor n; every other one is closed on exec by
/// its own flag. The child has default signal handling; if asked, it leads a new session and
/// works in `/`, so that it keeps neither a terminal nor a directory of its caller busy.
///
/// # Errors
/// As `clone3`. A failure after that is the child's exit code [`EXEC_FAILED`].
pub fn spawn(
    program: &CStr,
    argv: &[CString],
    envp: &[CString],
    descriptors: &[BorrowedFd<'_>],
    new_session: bool,
) -> Result<Child, SysError> {
    match clone3(0, None).context("clone3", || program.to_string_lossy())? {
        Clone::Parent(child) => Ok(child),
        Clone::Child => {
            if new_session {
                // Fails only for a process group leader, which a fresh child is not.
                let _ = rustix::process::setsid();
                let _ = rustix::process::chdir(c"/");
            }
            if place(descriptors).is_ok() && crate::signal::reset_for_exec().is_ok() {
                execve(program, argv, envp);
            }
            exit_now(EXEC_FAILED)
        }
    }
}

/// Runs in the child: puts descriptors at 0, 1, 2, ... without close-on-exec.
fn place(descriptors: &[BorrowedFd<'_>]) -> Result<(), Errno> {
    let beyond = i32::try_from(descriptors.len()).map_err(|_| Errno::INVAL)?;
    // Copies first: a target number may be another one's source.
    let copies: Vec<OwnedFd> = descriptors
        .iter()
        .map(|fd| fcntl_dupfd_cloexec(fd, beyond.max(64)))
        .collect::<Result<_, _>>()?;
    for (number, copy) in (0_i32..).zip(&copies) {
        // SAFETY: this is the child of clone3 just before execve, which uses no descriptor by
        // number but these; whatever Rust object owned `number` is never touched again.
        let result = unsafe { libc::dup3(copy.as_raw_fd(), number, 0) };
        check(result.into())?;
    }
    Ok(())
}
