// SPDX-License-Identifier: Apache-2.0
//! Making processes: `clone3`, `execve`, `_exit`, `close_range`.
//!
//! Only for single-threaded programs: the child of [`clone3`] is a copy of the caller with one
//! thread, so a lock held by another thread would stay held for ever.
// UNSAFETY: clone3, execve, _exit and close_range have no safe wrapper in rustix or std.
#![expect(unsafe_code, reason = "see UNSAFETY above")]

use crate::error::check;
use rustix::io::Errno;
use rustix::process::Pid;
use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// Flags of `clone3` and `unshare`; values from `linux/sched.h`.
pub mod flags {
    /// New time namespace for children.
    pub const NEWTIME: u64 = 0x80;
    /// Parent of the child is the caller's parent.
    pub const PARENT: u64 = 0x8000;
    /// New mount namespace.
    pub const NEWNS: u64 = 0x0002_0000;
    /// New cgroup namespace.
    pub const NEWCGROUP: u64 = 0x0200_0000;
    /// New UTS namespace.
    pub const NEWUTS: u64 = 0x0400_0000;
    /// New IPC namespace.
    pub const NEWIPC: u64 = 0x0800_0000;
    /// New user namespace.
    pub const NEWUSER: u64 = 0x1000_0000;
    /// New PID namespace.
    pub const NEWPID: u64 = 0x2000_0000;
    /// New network namespace.
    pub const NEWNET: u64 = 0x4000_0000;
    pub(super) const PIDFD: u64 = 0x1000;
    pub(super) const INTO_CGROUP: u64 = 0x2_0000_0000;
}

/// Which side of a [`clone3`] the caller is on.
#[derive(Debug)]
pub enum Clone {
    /// The calling process.
    Parent(Child),
    /// The new process.
    Child,
}

/// A process made by [`clone3`].
#[derive(Debug)]
pub struct Child {
    /// Its pid in the caller's PID namespace.
    pub pid: Pid,
    /// Its pidfd.
    pub pidfd: OwnedFd,
}

/// `struct clone_args`, version 2 (Linux 5.7).
#[repr(C)]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// Copies the calling process, as `fork` does, into new namespaces and, on cgroup v2, straight
/// into the cgroup whose directory is `cgroup`.
///
/// # Errors
/// EINVAL for impossible flags, EPERM without the rights, ENOSPC at a namespace limit, ENOSYS
/// where a seccomp filter hides the call.
pub fn clone3(flags: u64, cgroup: Option<BorrowedFd<'_>>) -> Result<Clone, Errno> {
    let mut pidfd: i32 = -1;
    let mut args = CloneArgs {
        flags: flags | flags::PIDFD,
        pidfd: (&raw mut pidfd).expose_provenance() as u64,
        ..CloneArgs::default()
    };
    if flags & flags::PARENT == 0 {
        args.exit_signal = u64::from(libc::SIGCHLD.unsigned_abs());
    }
    if let Some(cgroup) = cgroup {
        args.flags |= flags::INTO_CGROUP;
        args.cgroup = u64::from(cgroup.as_raw_fd().unsigned_abs());
    }
    // SAFETY: `args` outlives the call and has the size given; without CLONE_VM the child has a
    // copy of this thread's stack, so returning into Rust code is as after fork(2).
    let result = unsafe { libc::syscall(libc::SYS_clone3, &raw mut args, size_of::<CloneArgs>()) };
    let pid = i32::try_from(check(result)?).map_err(|_| Errno::OVERFLOW)?;
    let Some(pid) = Pid::from_raw(pid) else { return Ok(Clone::Child) };
    // SAFETY: CLONE_PIDFD stored a fresh descriptor in `pidfd`, owned by nobody else.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    Ok(Clone::Parent(Child { pid, pidfd }))
}

/// Moves the calling thread into new namespaces; for PID and time, its future children.
///
/// # Errors
/// As `unshare(2)`.
pub fn unshare(flags: u64) -> Result<(), Errno> {
    // SAFETY: unshare takes integers only, and CLONE_FILES, which could break descriptor
    // ownership, is refused here.
    let result = unsafe { libc::syscall(libc::SYS_unshare, flags & !0x400) };
    check(result).map(drop)
}

/// Ends the process at once: no destructors, no exit handlers, no flush. For children of
/// [`clone3`], whose parent owns all of those.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: _exit has no precondition.
    unsafe { libc::_exit(code) }
}

/// Replaces the program; returns only on failure.
pub fn execve(path: &CStr, argv: &[CString], envp: &[CString]) -> Errno {
    let argv = pointers(argv);
    let envp = pointers(envp);
    // SAFETY: both arrays are null-terminated and point to strings that outlive the call.
    let result = unsafe { libc::execve(path.as_ptr(), argv.as_ptr(), envp.as_ptr()) };
    check(result.into()).err().unwrap_or(Errno::IO)
}

/// Replaces the program by the file open at `fd`; returns only on failure.
pub fn execveat(fd: BorrowedFd<'_>, argv: &[CString], envp: &[CString]) -> Errno {
    let argv = pointers(argv);
    let envp = pointers(envp);
    // SAFETY: as for execve; the empty path with AT_EMPTY_PATH names `fd` itself.
    let result = unsafe {
        libc::syscall(
            libc::SYS_execveat,
            fd.as_raw_fd(),
            c"".as_ptr(),
            argv.as_ptr(),
            envp.as_ptr(),
            libc::AT_EMPTY_PATH,
        )
    };
    check(result).err().unwrap_or(Errno::IO)
}

fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings.iter().map(|s| s.as_ptr()).chain([std::ptr::null()]).collect()
}

/// Marks every descriptor from `first` on close-on-exec.
///
/// # Errors
/// ENOSYS before Linux 5.9.
pub fn cloexec_from(first: u32) -> Result<(), Errno> {
    const CLOSE_RANGE_CLOEXEC: libc::c_uint = 4;
    // SAFETY: close_range takes integers only; with CLOEXEC it closes nothing now, so no
    // owned descriptor becomes invalid.
    let result =
        unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, CLOSE_RANGE_CLOEXEC) };
    check(result).map(drop)
}

/// Sets the file mode creation mask; returns the previous one.
pub fn umask(mask: u32) -> u32 {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(mask)).as_raw_mode()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::{WaitId, WaitIdOptions, waitid};
    use std::os::fd::AsFd;

    #[test]
    fn clone3_child_exit_code_arrives_through_the_pidfd() {
        match clone3(0, None).unwrap() {
            Clone::Child => exit_now(42),
            Clone::Parent(child) => {
                let status = waitid(WaitId::PidFd(child.pidfd.as_fd()), WaitIdOptions::EXITED)
                    .unwrap()
                    .unwrap();
                assert_eq!(status.exit_status(), Some(42));
            }
        }
    }

    #[test]
    fn execve_missing_file_returns_enoent() {
        assert_eq!(execve(c"/nonexistent/file", &[], &[]), Errno::NOENT);
    }
}
