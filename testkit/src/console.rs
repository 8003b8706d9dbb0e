// SPDX-License-Identifier: Apache-2.0
//! The receiving end of `--console-socket`.

use crate::deadline::SOON;
use crate::pty::Terminal;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// A listening console socket.
#[derive(Debug)]
pub struct ConsoleSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl ConsoleSocket {
    /// Listens at `path`.
    ///
    /// # Panics
    /// When it cannot.
    #[must_use]
    pub fn bind(path: &Path) -> Self {
        let listener = UnixListener::bind(path)
            .unwrap_or_else(|error| panic!("cannot listen at {}: {error}", path.display()));
        Self { listener, path: path.to_owned() }
    }

    /// Where it listens.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether somebody has connected and waits to be accepted.
    #[must_use]
    pub fn has_caller(&self) -> bool {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut [PollFd::new(&self.listener, PollFlags::IN)], Some(&now)) != Ok(0)
    }

    /// Receives one terminal.
    ///
    /// # Panics
    /// When none comes soon, or something else does.
    #[must_use]
    pub fn receive(&self) -> Terminal {
        let patience = Timespec::try_from(SOON).expect("a few seconds");
        let ready = poll(&mut [PollFd::new(&self.listener, PollFlags::IN)], Some(&patience));
        assert_eq!(ready, Ok(1), "nobody connects to the console socket");
        let (stream, _) = self.listener.accept().expect("somebody has connected");
        let ready = poll(&mut [PollFd::new(&stream, PollFlags::IN)], Some(&patience));
        assert_eq!(ready, Ok(1), "nothing comes through the console socket");
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut name = [0_u8; 256];
        let mut buffers = [IoSliceMut::new(&mut name)];
        recvmsg(&stream, &mut buffers, &mut ancillary, RecvFlags::CMSG_CLOEXEC)
            .expect("there is something to receive");
        let mut descriptors = Vec::new();
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(received) = message {
                descriptors.extend(received);
            }
        }
        assert_eq!(descriptors.len(), 1, "one descriptor comes through the console socket");
        Terminal::new(descriptors.remove(0))
    }
}
