// SPDX-License-Identifier: Apache-2.0
//! The container's terminal.
//!
//! Master and slave come from the container's own devpts by descriptor (`TIOCGPTPEER`), never by
//! a path that the image could have prepared (CVE-2025-52565).

use super::path::{Root, Shape};
use crate::error::InStep;
use crate::{Error, Result};
use brig_spec::runtime::ConsoleSize;
use brig_sys::{Context, mount};
use rustix::fs::{Gid, Mode, OFlags, Uid, fchown, fstatfs, openat};
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// `DEVPTS_SUPER_MAGIC` of `linux/magic.h`.
const DEVPTS_MAGIC: i64 = 0x1cd1;

/// A terminal: the end for the engine and the end for the container.
#[derive(Debug)]
pub(crate) struct Terminal {
    /// Master.
    pub(crate) master: OwnedFd,
    /// Slave.
    pub(crate) slave: OwnedFd,
}

/// Opens a terminal in the container's devpts and shows it on `/dev/console`.
pub(crate) fn open_console(
    root: &Root,
    size: Option<ConsoleSize>,
    owner: u32,
    with_console: bool,
) -> Result<Terminal> {
    let step = || "open the container's terminal";
    let pts = root.open_plain("/dev/pts", OFlags::PATH | OFlags::DIRECTORY).in_step(step)?;
    let kind = fstatfs(&pts).context("fstatfs", || "/dev/pts").in_step(step)?.f_type;
    if kind != DEVPTS_MAGIC {
        let reason = "/dev/pts is not a devpts file system; mount one in the configuration";
        return Err(Error::refused(step(), reason));
    }
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let master =
        openat(&pts, c"ptmx", flags, Mode::empty()).context("openat", || "ptmx").in_step(step)?;
    unlockpt(&master).context("ioctl", || "TIOCSPTLCK").in_step(step)?;
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let slave =
        ioctl_tiocgptpeer(&master, flags).context("ioctl", || "TIOCGPTPEER").in_step(step)?;
    if let Some(size) = size {
        let window =
            Winsize { ws_row: size.height, ws_col: size.width, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, window).context("ioctl", || "TIOCSWINSZ").in_step(step)?;
    }
    fchown(&slave, Some(Uid::from_raw(owner)), None::<Gid>)
        .context("fchown", || "terminal")
        .in_step(step)?;
    if with_console {
        let target = root.target("/dev/console", Shape::File, true)?;
        let tree = mount::open_tree_clone(&slave, Path::new(""), false).in_step(step)?;
        mount::attach(tree.as_fd(), target.as_fd()).in_step(step)?;
    }
    Ok(Terminal { master, slave })
}
