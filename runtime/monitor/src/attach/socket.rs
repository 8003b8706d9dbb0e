// SPDX-License-Identifier: Apache-2.0
//! Unix sockets inside the run directory, whose full path may exceed a socket address.

use brig_sys::{Context, SysError};
use rustix::fs::{AtFlags, Mode, fchmod, unlinkat};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, accept_with, bind, listen, socket_with,
};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// Connections that wait to be accepted.
const BACKLOG: i32 = 64;

/// Listens on the socket `name` in the directory `dir`, which only its owner may connect to.
pub(crate) fn listen_at(dir: BorrowedFd<'_>, name: &str) -> Result<OwnedFd, SysError> {
    match unlinkat(dir, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(errno) => return Err(errno).context("unlinkat", || name),
    }
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
        .context("socket", || "AF_UNIX")?;
    // The socket file takes its mode from the socket, so there is no moment with a wider one.
    fchmod(&socket, Mode::from_raw_mode(0o600)).context("fchmod", || name)?;
    let path = format!("/proc/self/fd/{}/{name}", dir.as_raw_fd());
    let address = SocketAddrUnix::new(path.as_str()).context("bind", || path.as_str())?;
    bind(&socket, &address).context("bind", || path)?;
    listen(&socket, BACKLOG).context("listen", || name)?;
    Ok(socket)
}

/// Accepts a waiting connection, `None` when there is none.
pub(crate) fn accept(listener: impl AsFd) -> Option<OwnedFd> {
    loop {
        match accept_with(&listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
            Ok(socket) => return Some(socket),
            Err(Errno::INTR | Errno::CONNABORTED) => {}
            Err(_) => return None,
        }
    }
}
