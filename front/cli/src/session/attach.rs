// SPDX-License-Identifier: Apache-2.0
//! The loop between the caller's stdio and a container's monitor.
//!
//! Invariants: the socket is never written to in a way that blocks, so that a container which
//! writes before it reads cannot stop both sides; at most one read of stdin is held; signals arrive
//! through a descriptor, so that none is lost between two polls.

use super::frames::{Decoder, Outgoing, Received};
use super::{DetachKeys, terminal};
use crate::failure::Failure;
use brig_sys::signal::SignalFd;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, ioctl_fionbio, read, write};
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};

const BUFFER_BYTES: usize = 64 * 1024;
/// Signals of Linux that are not passed on.
const SIGCHLD: i32 = 17;
const SIGPIPE: i32 = 13;
const SIGURG: i32 = 23;
const SIGWINCH: i32 = 28;
const SIGHUP: i32 = 1;
const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;
/// Asked so often to stop, a session ends without waiting for the container.
const IMPATIENCE: u32 = 3;

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The container ended with this code.
    Exited(i32),
    /// The caller left; the container runs on.
    Detached,
    /// The monitor is gone without a word.
    Lost,
}

/// What a session connects.
#[derive(Debug)]
pub(crate) struct Session {
    /// The monitor.
    pub(crate) socket: OwnedFd,
    /// Whether the caller's stdin goes to the container.
    pub(crate) stdin: bool,
    /// Whether the container has a terminal.
    pub(crate) tty: bool,
    /// Keys that leave.
    pub(crate) detach_keys: DetachKeys,
    /// Blocked signals; `None`: they act on this process.
    pub(crate) signals: Option<SignalFd>,
}

struct State {
    decoder: Decoder,
    outgoing: Outgoing,
    stdin_open: bool,
    stdout_open: bool,
    urgent_signals: u32,
    /// Whether stdin is a terminal in raw mode: its end is no key, only its hanging up.
    raw: bool,
}

impl Session {
    /// Runs until the container ends or the caller leaves. `forward` gets each signal.
    pub(crate) fn run(mut self, forward: &mut dyn FnMut(i32)) -> Result<End, Failure> {
        let raw = if self.tty && self.stdin { terminal::RawMode::enter() } else { None };
        ioctl_fionbio(&self.socket, true).map_err(std::io::Error::from)?;
        let mut state = State {
            decoder: Decoder::default(),
            outgoing: Outgoing::default(),
            stdin_open: self.stdin,
            stdout_open: true,
            urgent_signals: 0,
            raw: raw.is_some(),
        };
        if self.tty {
            send_size(&mut state.outgoing);
        }
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            let ready = self.wait(&state)?;
            if ready.signals && self.take_signals(&mut state, forward)? {
                return Ok(End::Detached);
            }
            if ready.stdin && self.take_stdin(&mut state, &mut buffer) {
                // The shell's prompt does not belong on the container's line.
                let _ = write_all(std::io::stdout().as_fd(), b"\r\n");
                return Ok(End::Detached);
            }
            self.flush(&mut state);
            if ready.socket
                && let Some(end) = self.take_output(&mut state, &mut buffer)?
            {
                return Ok(end);
            }
        }
    }

    fn wait(&self, state: &State) -> Result<Ready, Failure> {
        let stdin = std::io::stdin();
        let mut socket_flags = PollFlags::IN;
        if !state.outgoing.is_empty() {
            socket_flags |= PollFlags::OUT;
        }
        let mut fds = vec![PollFd::new(&self.socket, socket_flags)];
        if let Some(signals) = &self.signals {
            fds.push(PollFd::new(signals, PollFlags::IN));
        }
        let wants_stdin = state.stdin_open && state.outgoing.is_empty();
        let stdin_at = fds.len();
        if wants_stdin {
            fds.push(PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::IN));
        }
        match poll(&mut fds, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(std::io::Error::from(errno).into()),
        }
        let is_ready = |at: usize| fds.get(at).is_some_and(|fd| !fd.revents().is_empty());
        let incoming = PollFlags::IN | PollFlags::HUP | PollFlags::ERR;
        Ok(Ready {
            socket: fds[0].revents().intersects(incoming),
            signals: self.signals.is_some() && is_ready(1),
            stdin: wants_stdin && is_ready(stdin_at),
        })
    }

    /// Returns whether the caller wants to leave at any price.
    fn take_signals(
        &self,
        state: &mut State,
        forward: &mut dyn FnMut(i32),
    ) -> Result<bool, Failure> {
        let Some(signals) = &self.signals else { return Ok(false) };
        while let Some(number) = signals.next()? {
            match number {
                SIGCHLD | SIGPIPE | SIGURG => {}
                // The window was closed: the caller has left, the container's terminal is its own.
                SIGHUP if state.raw => return Ok(true),
                SIGWINCH if self.tty => send_size(&mut state.outgoing),
                _ => {
                    if matches!(number, SIGINT | SIGTERM) {
                        state.urgent_signals += 1;
                    }
                    if state.urgent_signals >= IMPATIENCE {
                        return Ok(true);
                    }
                    forward(number);
                }
            }
        }
        Ok(false)
    }

    /// Returns whether the caller has left, by the detach keys or by closing the terminal.
    fn take_stdin(&mut self, state: &mut State, buffer: &mut [u8]) -> bool {
        match read(std::io::stdin().as_fd(), &mut *buffer) {
            Ok(count @ 1..) if self.tty => {
                let scanned = self.detach_keys.scan(&buffer[..count]);
                state.outgoing.stdin(&scanned.forward);
                if scanned.detach {
                    self.flush(state);
                    return true;
                }
            }
            Ok(count @ 1..) => state.outgoing.stdin(&buffer[..count]),
            Err(Errno::INTR | Errno::AGAIN) => {}
            Ok(0) | Err(_) if state.raw => return true,
            Ok(0) | Err(_) => {
                state.stdin_open = false;
                state.outgoing.stdin_eof();
            }
        }
        false
    }

    fn flush(&self, state: &mut State) {
        while !state.outgoing.is_empty() {
            match write(&self.socket, state.outgoing.front()) {
                Ok(count) => state.outgoing.sent(count),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                // The monitor is ending; what it still has to say is read.
                Err(_) => {
                    let count = state.outgoing.front().len();
                    state.outgoing.sent(count);
                    state.stdin_open = false;
                }
            }
        }
    }

    fn take_output(&self, state: &mut State, buffer: &mut [u8]) -> Result<Option<End>, Failure> {
        let count = match read(&self.socket, &mut *buffer) {
            Ok(0) | Err(Errno::CONNRESET | Errno::PIPE) => return Ok(Some(End::Lost)),
            Ok(count) => count,
            Err(Errno::INTR | Errno::AGAIN) => return Ok(None),
            Err(errno) => return Err(std::io::Error::from(errno).into()),
        };
        let mut input = &buffer[..count];
        loop {
            let written = match state.decoder.next(&mut input) {
                Ok(None) => return Ok(None),
                Ok(Some(Received::Exit(code))) => return Ok(Some(End::Exited(code))),
                Ok(Some(Received::Stdout(bytes))) if state.stdout_open => {
                    write_all(std::io::stdout().as_fd(), bytes)
                }
                Ok(Some(Received::Stdout(_))) => Ok(()),
                // Nobody is left to tell when stderr is gone.
                Ok(Some(Received::Stderr(bytes))) => {
                    drop(std::io::stderr().write_all(bytes));
                    Ok(())
                }
                Err(_) => return Ok(Some(End::Lost)),
            };
            if let Err(errno) = written {
                state.stdout_open = false;
                if errno != Errno::PIPE {
                    return Err(std::io::Error::from(errno).into());
                }
                // As Docker: the container runs on when the reader of its output has left.
                return Ok(Some(End::Detached));
            }
        }
    }
}

struct Ready {
    socket: bool,
    signals: bool,
    stdin: bool,
}

fn send_size(outgoing: &mut Outgoing) {
    if let Some((rows, columns)) = terminal::size() {
        outgoing.resize(rows, columns);
    }
}

/// Not through std's buffer: what the container wrote must be out before anything else happens.
fn write_all(fd: impl AsFd, mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        match write(&fd, bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => wait_writable(&fd)?,
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Somebody else who shares the terminal may have made it non-blocking.
fn wait_writable(fd: &impl AsFd) -> Result<(), Errno> {
    match poll(&mut [PollFd::new(fd, PollFlags::OUT)], None) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(errno) => Err(errno),
    }
}
