// SPDX-License-Identifier: Apache-2.0
//! User namespaces: writing id maps, and a namespace that exists only as a descriptor.

use crate::error::{Context, SysError};
use crate::process::{Child, Clone, clone3, exit_now, flags};
use rustix::fs::{Mode, OFlags, open};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, pidfd_send_signal, waitid};
use std::fmt::Write;
use std::os::fd::{AsFd, OwnedFd};

/// One extent of an id map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// First id inside the namespace.
    pub inside: u32,
    /// First id outside.
    pub outside: u32,
    /// Number of ids.
    pub count: u32,
}

/// Writes `/proc/<pid>/{setgroups,uid_map,gid_map}`. With `deny_setgroups` (needed by an
/// unprivileged writer) the namespace can never call `setgroups`.
///
/// # Errors
/// EPERM when the caller may not map the ids, EINVAL for overlapping extents.
pub fn write_maps(
    pid: Pid,
    uid: &[Extent],
    gid: &[Extent],
    deny_setgroups: bool,
) -> Result<(), SysError> {
    if deny_setgroups {
        write(pid, "setgroups", "deny")?;
    }
    write(pid, "gid_map", &render(gid))?;
    write(pid, "uid_map", &render(uid))
}

fn render(extents: &[Extent]) -> String {
    let mut text = String::new();
    for extent in extents {
        writeln!(text, "{} {} {}", extent.inside, extent.outside, extent.count)
            .expect("writing to a String cannot fail");
    }
    text
}

fn write(pid: Pid, file: &str, text: &str) -> Result<(), SysError> {
    let path = format!("/proc/{}/{file}", pid.as_raw_nonzero());
    let fd = open(path.as_str(), OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())
        .context("openat", || path.as_str())?;
    rustix::io::write(&fd, text.as_bytes())
        .map(drop)
        .context("write", || format!("{path}, {:?}", text.trim_end()))
}

/// Returns a descriptor of a new user namespace with these maps, for idmapped mounts.
///
/// A short-lived child makes the namespace and waits; it ends when the caller has the
/// descriptor, or dies (its pipe closes). Only for single-threaded callers, see
/// [`crate::process`].
///
/// # Errors
/// The failing call, such as ENOSPC where user namespaces are limited to 0.
pub fn userns_fd(uid: &[Extent], gid: &[Extent]) -> Result<OwnedFd, SysError> {
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)
        .context("pipe2", || "O_CLOEXEC")?;
    let child = match clone3(flags::NEWUSER, None).context("clone3", || "CLONE_NEWUSER")? {
        Clone::Child => {
            drop(writer);
            // Returns at end of file; any answer means the same.
            let _ = rustix::io::read(&reader, &mut [0_u8; 1]);
            exit_now(0)
        }
        Clone::Parent(child) => child,
    };
    let opened = write_maps(child.pid, uid, gid, false).and_then(|()| {
        let path = format!("/proc/{}/ns/user", child.pid.as_raw_nonzero());
        open(path.as_str(), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
            .context("openat", || path)
    });
    drop(writer);
    reap(&child)?;
    opened
}

/// Ends and reaps a helper child.
fn reap(child: &Child) -> Result<(), SysError> {
    // ESRCH: it has ended by itself already.
    let _ = pidfd_send_signal(&child.pidfd, Signal::KILL);
    waitid(WaitId::PidFd(child.pidfd.as_fd()), WaitIdOptions::EXITED)
        .map(drop)
        .context("waitid", || "user namespace helper")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn render_two_extents_gives_one_line_each() {
        let extents = [
            Extent { inside: 0, outside: 1000, count: 1 },
            Extent { inside: 1, outside: 100_000, count: 65_535 },
        ];
        assert_eq!(render(&extents), "0 1000 1\n1 100000 65535\n");
    }
}
