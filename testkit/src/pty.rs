// SPDX-License-Identifier: Apache-2.0
//! Terminals: a program on a pty of ours, and the master side of somebody else's.

use crate::deadline::SOON;
use crate::invocation::has_ended;
use crate::{Invocation, Output, binaries};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// The master side of a pty.
#[derive(Debug)]
pub struct Terminal {
    master: OwnedFd,
    seen: Vec<u8>,
    /// Up to where `expect` has looked.
    used: usize,
}

impl Terminal {
    /// Takes the master side, for instance one that came through a console socket.
    #[must_use]
    pub fn new(master: OwnedFd) -> Self {
        Self { master, seen: Vec::new(), used: 0 }
    }

    /// Types bytes.
    ///
    /// # Panics
    /// When the terminal is gone.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let mut bytes = bytes.as_ref();
        while !bytes.is_empty() {
            let written = rustix::io::write(&self.master, bytes)
                .unwrap_or_else(|error| panic!("cannot type: {error}; seen {:?}", self.text()));
            bytes = bytes.get(written..).unwrap_or_default();
        }
    }

    /// Waits for `text` after what the last call found; returns everything up to and with it.
    ///
    /// # Panics
    /// When it does not come.
    #[track_caller]
    pub fn expect(&mut self, text: &str) -> String {
        let end = Instant::now() + SOON;
        loop {
            let rest = String::from_utf8_lossy(self.seen.get(self.used..).unwrap_or_default());
            if let Some(at) = rest.find(text) {
                let found = rest.get(..at + text.len()).unwrap_or_default().to_owned();
                self.used += found.len();
                return found;
            }
            if !self.read(end) {
                panic!("`{text}` did not come; seen {:?}", self.text());
            }
        }
    }

    /// Changes the size.
    ///
    /// # Panics
    /// When the terminal is gone.
    pub fn resize(&self, columns: u16, rows: u16) {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.master, size).expect("a pty has a size");
    }

    /// All output so far, or with `read_to_end` all there is.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    /// Reads until the last holder of the other side has closed it.
    ///
    /// # Panics
    /// When that does not happen soon.
    pub fn read_to_end(&mut self) -> String {
        let end = Instant::now() + SOON;
        while self.read(end) {}
        assert!(Instant::now() < end, "the terminal stays open; seen {:?}", self.text());
        self.text()
    }

    /// Reads once; `false` at the end of the output or of the time.
    fn read(&mut self, end: Instant) -> bool {
        let left = end.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
        let ready = poll(&mut [PollFd::new(&self.master, PollFlags::IN)], Some(&left));
        if ready.unwrap_or(0) == 0 {
            return false;
        }
        let mut buffer = [0_u8; 4096];
        // EIO: the other side is closed.
        let Ok(length) = rustix::io::read(&self.master, &mut buffer) else { return false };
        self.seen.extend_from_slice(buffer.get(..length).unwrap_or_default());
        length > 0
    }
}

/// A program on a pty of its own, which is its controlling terminal.
#[derive(Debug)]
pub struct PtySession {
    /// Our side.
    pub terminal: Terminal,
    child: Child,
    command: String,
}

impl PtySession {
    /// Starts it on a terminal of 80 columns and 24 rows.
    ///
    /// # Panics
    /// When there is no pty or no such program.
    #[must_use]
    pub fn spawn(invocation: &Invocation) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)
            .expect("the machine has ptys");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("a new pty can be unlocked");
        let path = ptsname(&master, Vec::new()).expect("a pty has a name");
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = rustix::fs::open(path, flags, Mode::empty()).expect("a pty has another side");
        let terminal = Terminal::new(master);
        terminal.resize(80, 24);
        // The probe makes it the controlling terminal: that takes code between fork and exec.
        let probe = binaries::probe().as_os_str();
        let wrapped = invocation.clone().wrapped([probe, "pty-exec".as_ref(), "--".as_ref()]);
        let stdio = || Stdio::from(File::from(slave.as_fd().try_clone_to_owned().expect("open")));
        let mut command = wrapped.command();
        let child = command.stdin(stdio()).stdout(stdio()).stderr(stdio()).spawn();
        let child = child.unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        Self { terminal, child, command: format!("{command:?}") }
    }

    /// Its process id.
    ///
    /// # Panics
    /// Never: process ids are positive and fit.
    #[must_use]
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).expect("process ids fit")
    }

    /// Waits for its end; the output has everything that appeared on the terminal.
    ///
    /// # Panics
    /// When it does not end soon.
    #[must_use]
    pub fn wait(mut self) -> Output {
        let text = self.terminal.read_to_end();
        let ended = has_ended(self.pid(), Duration::from_secs(10));
        if !ended {
            drop(self.child.kill());
        }
        let status = self.child.wait().expect("a child can be waited for");
        let output = Output::of_terminal(status, text, self.command.clone());
        assert!(ended, "does not end: {output}");
        output
    }
}

impl Drop for PtySession {
    fn drop(&mut self) {
        // Ended already after wait(): the child is reaped and its number not used again by std.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
