// SPDX-License-Identifier: Apache-2.0
//! The caller's own terminal, while a container's is shown on it.

use brig_spec::runtime::{ConsoleSize, Process};
use rustix::event::{PollFd, PollFlags};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize};
use std::os::fd::{AsFd, OwnedFd};

/// Gives a process's terminal the size of the caller's, unless the configuration says one.
pub(crate) fn default_size(process: &mut Process) {
    if !process.terminal || process.console_size.is_some() {
        return;
    }
    if let Ok(size) = tcgetwinsize(std::io::stdin()) {
        process.console_size = Some(ConsoleSize { height: size.ws_row, width: size.ws_col });
    }
}

/// Bytes read at once.
const CHUNK_BYTES: usize = 16 * 1024;

/// Copies between the caller's terminal and a master until dropped, which restores the former.
pub(crate) struct Relay {
    master: OwnedFd,
    saved: Option<Termios>,
    stdin_open: bool,
    /// Bytes of stdin that the master did not take yet.
    pending: Vec<u8>,
}

impl Relay {
    /// Puts the caller's terminal, if stdin is one, into raw mode.
    pub(crate) fn new(master: OwnedFd) -> Self {
        let saved = tcgetattr(std::io::stdin()).ok();
        if let Some(saved) = &saved {
            let mut raw = saved.clone();
            raw.make_raw();
            // A terminal that cannot be raw still works by lines.
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &raw);
        }
        if let Ok(flags) = fcntl_getfl(&master) {
            let _ = fcntl_setfl(&master, flags | OFlags::NONBLOCK);
        }
        let relay = Self { master, saved, stdin_open: true, pending: Vec::new() };
        relay.resize();
        relay
    }

    /// Gives the container's terminal the size of the caller's.
    pub(crate) fn resize(&self) {
        if let Ok(size) = tcgetwinsize(std::io::stdin()) {
            // The container may be gone.
            let _ = tcsetwinsize(&self.master, size);
        }
    }

    /// Returns what to wait for: the master, and stdin while there is room for its bytes.
    pub(crate) fn poll_fds<'a>(&'a self, stdin: &'a std::io::Stdin) -> Vec<PollFd<'a>> {
        let mut events = PollFlags::IN;
        if !self.pending.is_empty() {
            events |= PollFlags::OUT;
        }
        let mut fds = vec![PollFd::new(&self.master, events)];
        if self.stdin_open && self.pending.is_empty() {
            fds.push(PollFd::new(stdin, PollFlags::IN));
        }
        fds
    }

    /// Moves what can be moved. Returns `false` when the master has ended.
    pub(crate) fn pump(&mut self, stdin_ready: bool) -> bool {
        if stdin_ready {
            self.read_stdin();
        }
        self.write_pending();
        let mut chunk = [0; CHUNK_BYTES];
        loop {
            match rustix::io::read(&self.master, &mut chunk) {
                // EIO: the last slave was closed.
                Ok(0) | Err(Errno::IO) => return false,
                Ok(count) => write_all(&chunk[..count]),
                Err(Errno::INTR) => {}
                Err(_) => return true,
            }
        }
    }

    fn read_stdin(&mut self) {
        let mut chunk = [0; CHUNK_BYTES];
        match rustix::io::read(std::io::stdin().as_fd(), &mut chunk) {
            Ok(0) => {
                self.stdin_open = false;
                // End of file for a program that reads lines.
                if self.saved.is_none() {
                    self.pending.push(4);
                }
            }
            Ok(count) => self.pending.extend_from_slice(&chunk[..count]),
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(_) => self.stdin_open = false,
        }
    }

    fn write_pending(&mut self) {
        while !self.pending.is_empty() {
            match rustix::io::write(&self.master, &self.pending) {
                Ok(count) => drop(self.pending.drain(..count)),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                Err(_) => self.pending.clear(),
            }
        }
    }
}

/// Writes to stdout; when nobody reads it any more, the bytes are dropped.
fn write_all(mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match rustix::io::write(std::io::stdout().as_fd(), bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(_) => return,
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let Some(saved) = &self.saved {
            // Nothing better can be done at the end.
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, saved);
        }
    }
}
