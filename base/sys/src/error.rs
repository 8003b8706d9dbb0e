// SPDX-License-Identifier: Apache-2.0
//! Errors of system calls, with the call and its object as strace would show them.

use rustix::io::Errno;

/// A system call that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{call}({object})")]
pub struct SysError {
    /// Name of the call, such as `move_mount`.
    pub call: &'static str,
    /// Its telling arguments.
    pub object: String,
    /// The kernel's answer.
    #[source]
    pub errno: Errno,
}

/// Adds the call's name and object to a bare error number.
pub trait Context<T> {
    /// Turns `Err(errno)` into a [`SysError`]; `object` is evaluated on failure only.
    ///
    /// # Errors
    /// Whatever the call returned.
    fn context<S: Into<String>>(
        self,
        call: &'static str,
        object: impl FnOnce() -> S,
    ) -> Result<T, SysError>;
}

impl<T> Context<T> for Result<T, Errno> {
    fn context<S: Into<String>>(
        self,
        call: &'static str,
        object: impl FnOnce() -> S,
    ) -> Result<T, SysError> {
        self.map_err(|errno| SysError { call, object: object().into(), errno })
    }
}

impl<T> Context<T> for std::io::Result<T> {
    fn context<S: Into<String>>(
        self,
        call: &'static str,
        object: impl FnOnce() -> S,
    ) -> Result<T, SysError> {
        self.map_err(|error| SysError {
            call,
            object: object().into(),
            errno: Errno::from_io_error(&error).unwrap_or(Errno::IO),
        })
    }
}

/// Turns libc's `-1` into the thread's `errno`.
pub(crate) fn check(result: libc::c_long) -> Result<libc::c_long, Errno> {
    if result < 0 {
        let error = std::io::Error::last_os_error();
        return Err(Errno::from_io_error(&error).unwrap_or(Errno::IO));
    }
    Ok(result)
}
