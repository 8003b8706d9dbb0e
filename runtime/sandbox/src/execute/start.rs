// SPDX-License-Identifier: Apache-2.0
//! `start`: how a created container is told to go on, and how it answers.
//!
//! Init waits on a unix socket in the container's state directory. `start` connects and sends one
//! byte; the connection is close-on-exec in init, so its end without a word means that `execve`
//! succeeded, and a word is the failure. A socket nobody listens on any more means that the
//! container was started (or is dead).

use crate::error::{Failure, InStep};
use crate::{Error, Result};
use brig_sys::Context;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix,
    SocketFlags, SocketType, accept_with, bind, connect, listen, sendmsg, socket_with,
};
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

/// Name of the socket in the container's state directory.
const SOCKET: &str = "start.sock";
/// The byte that means "start"; a connection without it is a probe.
const GO: &[u8] = b"s";

/// The socket on which init waits for `start`.
#[derive(Debug)]
pub struct Listening(OwnedFd);

/// A `start` that waits for init's answer.
pub(super) struct Connection(OwnedFd);

type Sys<T> = std::result::Result<T, brig_sys::SysError>;

fn socket() -> Sys<OwnedFd> {
    socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
        .context("socket", || "AF_UNIX")
}

/// Addresses the socket through its directory's descriptor: a full path may exceed 108 bytes.
fn address(directory: &Path) -> Sys<(OwnedFd, SocketAddrUnix)> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let dir = open(directory, flags, Mode::empty())
        .context("open", || directory.display().to_string())?;
    let path = format!("/proc/self/fd/{}/{SOCKET}", dir.as_raw_fd());
    let address = SocketAddrUnix::new(path.as_str()).context("sockaddr_un", || path.as_str())?;
    Ok((dir, address))
}

impl Listening {
    /// Makes the socket in a state directory.
    ///
    /// # Errors
    /// When it exists already or cannot be made.
    pub fn bind(directory: &Path) -> Result<Self> {
        let make = || -> Sys<OwnedFd> {
            let socket = socket()?;
            let (_dir, address) = address(directory)?;
            bind(&socket, &address).context("bind", || SOCKET)?;
            listen(&socket, 8).context("listen", || SOCKET)?;
            Ok(socket)
        };
        make().map(Self).in_step(|| "make the start socket")
    }

    /// Waits for `start`. When the creator dies before, nothing is lost: the container stays
    /// created and its state record has its pid.
    pub(super) fn wait(self) -> Result<Connection> {
        let step = || "wait for start";
        loop {
            let connection = match accept_with(&self.0, SocketFlags::CLOEXEC) {
                Err(Errno::INTR | Errno::CONNABORTED) => continue,
                other => other.context("accept4", || SOCKET).in_step(step)?,
            };
            let mut byte = [0_u8; 1];
            match rustix::io::read(&connection, &mut byte) {
                Ok(1) if byte == GO => return Ok(Connection(connection)),
                // A probe, or a `start` that died.
                _ => {}
            }
        }
    }
}

impl Connection {
    /// Tells `start` why the program did not come to run.
    pub(super) fn fail(&self, error: &Error) {
        let bytes = serde_json::to_vec(&error.to_failure()).unwrap_or_default();
        // `start` may be gone; the exit code says it too.
        let _ = rustix::io::write(&self.0, &bytes);
    }
}

fn connect_to(directory: &Path) -> Sys<Option<OwnedFd>> {
    let socket = socket()?;
    let (_dir, address) = address(directory)?;
    match connect(&socket, &address) {
        Ok(()) => Ok(Some(socket)),
        Err(Errno::CONNREFUSED | Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno).context("connect", || SOCKET),
    }
}

/// Returns whether an init waits for `start` in this state directory.
///
/// # Errors
/// When the directory is unreadable.
pub fn probe(directory: &Path) -> Result<bool> {
    connect_to(directory).map(|socket| socket.is_some()).in_step(|| "look for the waiting init")
}

/// Tells the waiting init to go on; returns when the program runs. `false`: nobody waits.
///
/// # Errors
/// Why the program did not come to run.
pub fn start(directory: &Path) -> Result<bool> {
    let step = || "start the container";
    let Some(socket) = connect_to(directory).in_step(step)? else { return Ok(false) };
    rustix::io::write(&socket, GO).context("write", || SOCKET).in_step(step)?;
    let mut bytes = Vec::new();
    let mut chunk = [0_u8; 4096];
    loop {
        let mut events = [PollFd::new(&socket, PollFlags::IN)];
        match poll(&mut events, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno).context("poll", || SOCKET).in_step(step),
        }
        match rustix::io::read(&socket, &mut chunk) {
            Ok(0) => break,
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
            // Another `start` won; the listening socket closed under us.
            Err(Errno::CONNRESET) => return Ok(false),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno).context("read", || SOCKET).in_step(step),
        }
    }
    if bytes.is_empty() {
        return Ok(true);
    }
    let failure: Failure = serde_json::from_slice(&bytes)
        .map_err(|error| Error::refused(step(), format!("init's answer: {error}")))?;
    Err(Error::Init(failure))
}

/// Sends a terminal's master to the peer of a console socket, as runc does.
pub(super) fn send_terminal(socket: &OwnedFd, master: &OwnedFd) -> Result<()> {
    let fds = [master.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    control.push(SendAncillaryMessage::ScmRights(&fds));
    sendmsg(socket, &[IoSlice::new(b"/dev/ptmx")], &mut control, SendFlags::NOSIGNAL)
        .map(drop)
        .context("sendmsg", || "console socket")
        .in_step(|| "hand out the terminal")
}
