// SPDX-License-Identifier: Apache-2.0
//! The container's pseudo terminal, as the runtime hands it over.
//!
//! Invariant: the monitor holds the master only. A slave held open would keep the kernel from
//! delivering the last output: the session leader's exit would then hang the terminal up and
//! flush it.

use crate::attach::socket;
use brig_sys::{Context, SysError};
use rustix::event::epoll;
use rustix::io::{Errno, IoSliceMut};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustix::termios::{Winsize, tcsetwinsize};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// Name of the socket in the run directory, there only while the container is created.
const SOCKET: &str = "console.sock";

/// Longest path that fits a socket address, bytes without the final zero.
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// Why there is no terminal.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConsoleError {
    /// The socket could not be made or read.
    #[error("console socket")]
    Socket(#[from] SysError),
    /// The runtime connected but sent no descriptor, or did not connect.
    #[error("the runtime sent no terminal over the console socket")]
    NothingSent,
    /// The runtime sent something else.
    #[error("what the runtime sent over the console socket is not a pseudo-terminal master")]
    NotATerminal(#[source] Errno),
}

/// The socket that waits for the terminal.
#[derive(Debug)]
pub(crate) struct ConsoleSocket {
    listener: OwnedFd,
    /// What `--console-socket` is given.
    pub(crate) path: String,
}

impl ConsoleSocket {
    /// Listens in the run directory `dir`, whose path is `dir_path`.
    pub(crate) fn listen(dir: &OwnedFd, dir_path: &Path) -> Result<Self, ConsoleError> {
        let listener = socket::listen_at(dir.as_fd(), SOCKET)?;
        let mut path = dir_path.join(SOCKET).to_string_lossy().into_owned();
        if path.len() > SOCKET_PATH_BYTES_MAX {
            // The runtime runs as the same user and may look into this process's descriptors.
            path = format!("/proc/{}/fd/{}/{SOCKET}", std::process::id(), dir.as_raw_fd());
        }
        Ok(Self { listener, path })
    }

    /// Receives the terminal after `create` has succeeded, when it lies in the socket's queue.
    pub(crate) fn receive(self) -> Result<Terminal, ConsoleError> {
        let connection = socket::accept(&self.listener).ok_or(ConsoleError::NothingSent)?;
        let master = receive_descriptor(&connection)?.ok_or(ConsoleError::NothingSent)?;
        // Only a master answers the question for its slave's number.
        rustix::pty::ptsname(&master, Vec::new()).map_err(ConsoleError::NotATerminal)?;
        crate::stdio::nonblocking(&master)?;
        Ok(Terminal { master, hang_up: None })
    }

    /// Removes the socket's file.
    pub(crate) fn unlink(dir: &OwnedFd) {
        // Missing without a terminal; harmless when it stays.
        let _ = rustix::fs::unlinkat(dir, SOCKET, rustix::fs::AtFlags::empty());
    }
}

fn receive_descriptor(connection: &OwnedFd) -> Result<Option<OwnedFd>, SysError> {
    // The payload is the terminal's name, of no use here.
    let mut name = [0_u8; 256];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut payload = [IoSliceMut::new(&mut name)];
    recvmsg(connection, &mut payload, &mut control, RecvFlags::CMSG_CLOEXEC)
        .context("recvmsg", || SOCKET)?;
    let mut received = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
        _ => None,
    });
    // The first one counts; others are closed as the iterator drops them.
    Ok(received.next().and_then(|mut descriptors| descriptors.next()))
}

/// The master end of the container's terminal.
#[derive(Debug)]
pub(crate) struct Terminal {
    master: OwnedFd,
    /// While no process has the slave open: watches for one, without the busy poll that the
    /// lasting hang-up condition of the master would cause.
    hang_up: Option<OwnedFd>,
}

impl Terminal {
    /// Returns the descriptor to poll for output.
    pub(crate) fn output_fd(&self) -> BorrowedFd<'_> {
        self.hang_up.as_ref().unwrap_or(&self.master).as_fd()
    }

    /// Takes what the watcher has seen. To be done before the read that it stands for: taken
    /// afterwards, it could be news of bytes that the read had just missed.
    pub(crate) fn take_edge(&self) {
        if let Some(watcher) = &self.hang_up {
            let mut events = [epoll::Event {
                flags: epoll::EventFlags::empty(),
                data: epoll::EventData::new_u64(0),
            }];
            // Its only use is to be taken.
            let _ = epoll::wait(watcher, &mut events[..], Some(&ZERO));
        }
    }

    /// Records whether the last read found the slave closed everywhere.
    pub(crate) fn set_hung_up(&mut self, hung_up: bool) {
        if !hung_up {
            self.hang_up = None;
        } else if self.hang_up.is_none() {
            // A new watcher reports the present state once, so nothing falls in between.
            // Without a watcher the poll is busy but right; only ENFILE and ENOMEM lead there.
            self.hang_up = edge_watcher(&self.master).ok();
        }
    }

    /// Sets the size; the kernel tells the container's foreground processes.
    pub(crate) fn resize(&self, rows: u16, columns: u16) {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        // Fails only for what is not a terminal, which was checked on receipt.
        let _ = tcsetwinsize(&self.master, size);
    }
}

const ZERO: rustix::time::Timespec = rustix::time::Timespec { tv_sec: 0, tv_nsec: 0 };

fn edge_watcher(master: &OwnedFd) -> Result<OwnedFd, Errno> {
    let watcher = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let edges = epoll::EventFlags::IN | epoll::EventFlags::ET;
    epoll::add(&watcher, master, epoll::EventData::new_u64(0), edges)?;
    Ok(watcher)
}

impl AsFd for Terminal {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.master.as_fd()
    }
}
