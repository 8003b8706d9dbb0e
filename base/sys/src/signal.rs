// SPDX-License-Identifier: Apache-2.0
//! Signals without handlers: blocked, then read from a descriptor.
// UNSAFETY: sigprocmask, signalfd and signal dispositions have no safe wrapper in rustix.
#![expect(unsafe_code, reason = "see UNSAFETY above")]

use crate::error::{Context, SysError, check};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};

/// The last signal number.
const SIGNAL_MAX: libc::c_int = 64;

/// A descriptor from which blocked signals are read.
#[derive(Debug)]
pub struct SignalFd(OwnedFd);

fn full_set() -> libc::sigset_t {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigfillset initialises the whole set.
    unsafe { libc::sigfillset(set.as_mut_ptr()) };
    // SAFETY: initialised by the line above.
    unsafe { set.assume_init() }
}

fn empty_set() -> libc::sigset_t {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigemptyset initialises the whole set.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: initialised by the line above.
    unsafe { set.assume_init() }
}

/// Blocks every signal that can be blocked, and returns a descriptor that reads them.
///
/// # Errors
/// EMFILE at the descriptor limit.
pub fn block_all() -> Result<SignalFd, SysError> {
    let set = full_set();
    // SAFETY: `set` is initialised; the old mask is not asked for.
    let result =
        unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const set, std::ptr::null_mut()) };
    check(result.into()).context("sigprocmask", || "SIG_SETMASK, all")?;
    // SAFETY: `set` is initialised; -1 asks for a new descriptor.
    let raw = unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
    check(raw.into()).context("signalfd", || "all")?;
    // SAFETY: a fresh descriptor owned by nobody else.
    Ok(SignalFd(unsafe { OwnedFd::from_raw_fd(raw) }))
}

/// Unblocks every signal and gives each its default action: the state that a program expects to
/// be started in. Rust ignores SIGPIPE, `nohup` SIGHUP, and an ignored signal stays so over exec.
///
/// # Errors
/// None in practice; the kernel's answer otherwise.
pub fn reset_for_exec() -> Result<(), SysError> {
    for number in 1..=SIGNAL_MAX {
        // SAFETY: SIG_DFL is a valid disposition for every signal; for SIGKILL, SIGSTOP and
        // those of the C library the call fails and changes nothing.
        unsafe { libc::signal(number, libc::SIG_DFL) };
    }
    let set = empty_set();
    // SAFETY: `set` is initialised; the old mask is not asked for.
    let result =
        unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const set, std::ptr::null_mut()) };
    check(result.into()).map(drop).context("sigprocmask", || "SIG_SETMASK, none")
}

impl SignalFd {
    /// Returns the number of the next pending signal, or `None` when there is none.
    ///
    /// # Errors
    /// As `read(2)`.
    pub fn next(&self) -> Result<Option<i32>, SysError> {
        let mut info = [0_u8; size_of::<libc::signalfd_siginfo>()];
        match rustix::io::read(&self.0, &mut info) {
            // ssi_signo is the first field, an u32 in native order.
            Ok(_) => {
                let number = u32::from_ne_bytes([info[0], info[1], info[2], info[3]]);
                Ok(i32::try_from(number).ok())
            }
            Err(rustix::io::Errno::AGAIN) => Ok(None),
            Err(errno) => Err(errno).context("read", || "signalfd"),
        }
    }
}

impl AsFd for SignalFd {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}
