// SPDX-License-Identifier: Apache-2.0
//! The monitor's ends of the container's stdin, stdout and stderr.
//!
//! Invariants: every end is non-blocking, so a container that neither reads nor writes cannot
//! stop the monitor; no more than [`STDIN_BYTES_MAX`] (and one read) wait for the container.

use crate::console::Terminal;
use crate::log::json_file::Stream;
use brig_sys::{Context, SysError};
use rustix::event::PollFlags;
use rustix::fs::{Gid, Mode, OFlags, Uid, fchown, fcntl_setfl, open};
use rustix::io::{Errno, read, write};
use rustix::pipe::{PipeFlags, pipe_with};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Bytes for stdin that may wait before clients are no longer read.
const STDIN_BYTES_MAX: usize = 64 * 1024;

/// The container's ends, given to the runtime.
#[derive(Debug)]
pub(crate) struct ContainerEnds {
    pub(crate) stdin: OwnedFd,
    pub(crate) stdout: OwnedFd,
    pub(crate) stderr: OwnedFd,
}

/// What the container reads from and writes to.
#[derive(Debug)]
pub(crate) enum Endpoint {
    /// Separate pipes; each is gone once its other end is closed.
    Pipes { stdin: Option<OwnedFd>, stdout: Option<OwnedFd>, stderr: Option<OwnedFd> },
    /// One pseudo terminal.
    Terminal(Terminal),
}

/// The monitor's ends and what waits for stdin.
#[derive(Debug)]
pub(crate) struct Stdio {
    endpoint: Endpoint,
    /// Whether clients may write to a terminal: `-t` without `-i` only shows it.
    terminal_input: bool,
    waiting: Vec<u8>,
    eof_wanted: bool,
}

/// What a read of the container's output gave.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// This many bytes.
    Bytes(usize),
    /// Nothing for now.
    Nothing,
    /// Nothing any more.
    Ended,
}

/// Makes the pipes. `owner` are the host ids of the container's root, who may then reopen them
/// as `/dev/stdout` and hand them to another user.
pub(crate) fn pipes(
    stdin_open: bool,
    owner: Option<(Uid, Gid)>,
) -> Result<(Endpoint, ContainerEnds), SysError> {
    let (stdin, container_stdin) = if stdin_open {
        let (reader, writer) = pipe(owner)?;
        nonblocking(&writer)?;
        (Some(writer), reader)
    } else {
        (None, dev_null()?)
    };
    let (stdout, container_stdout) = pipe(owner)?;
    let (stderr, container_stderr) = pipe(owner)?;
    nonblocking(&stdout)?;
    nonblocking(&stderr)?;
    Ok((
        Endpoint::Pipes { stdin, stdout: Some(stdout), stderr: Some(stderr) },
        ContainerEnds {
            stdin: container_stdin,
            stdout: container_stdout,
            stderr: container_stderr,
        },
    ))
}

fn pipe(owner: Option<(Uid, Gid)>) -> Result<(OwnedFd, OwnedFd), SysError> {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).context("pipe2", || "O_CLOEXEC")?;
    if let Some((uid, gid)) = owner {
        // Both ends share one inode.
        fchown(&reader, Some(uid), Some(gid))
            .context("fchown", || format!("pipe, {}:{}", uid.as_raw(), gid.as_raw()))?;
    }
    Ok((reader, writer))
}

pub(crate) fn nonblocking(fd: &OwnedFd) -> Result<(), SysError> {
    fcntl_setfl(fd, OFlags::NONBLOCK).context("fcntl", || "F_SETFL, O_NONBLOCK")
}

pub(crate) fn dev_null() -> Result<OwnedFd, SysError> {
    open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
        .context("openat", || "/dev/null")
}

impl Stdio {
    /// Wraps the monitor's ends; `stdin_open` as in the launch record.
    pub(crate) fn new(endpoint: Endpoint, stdin_open: bool) -> Self {
        Self { endpoint, terminal_input: stdin_open, waiting: Vec::new(), eof_wanted: false }
    }

    /// Returns what to wait for on the container's output, unless it is held back.
    pub(crate) fn output_interest(&self) -> [Option<(BorrowedFd<'_>, PollFlags)>; 2] {
        match &self.endpoint {
            Endpoint::Pipes { stdout, stderr, .. } => {
                [stdout, stderr].map(|pipe| pipe.as_ref().map(|pipe| (pipe.as_fd(), PollFlags::IN)))
            }
            Endpoint::Terminal(terminal) => [Some((terminal.output_fd(), PollFlags::IN)), None],
        }
    }

    /// Returns what to wait for in order to hand on what waits for stdin.
    pub(crate) fn input_interest(&self) -> Option<(BorrowedFd<'_>, PollFlags)> {
        if self.waiting.is_empty() {
            return None;
        }
        Some((self.input_fd()?, PollFlags::OUT))
    }

    fn input_fd(&self) -> Option<BorrowedFd<'_>> {
        match &self.endpoint {
            Endpoint::Pipes { stdin, .. } => stdin.as_ref().map(AsFd::as_fd),
            Endpoint::Terminal(terminal) => self.terminal_input.then_some(terminal.as_fd()),
        }
    }

    /// Returns whether clients may send more for stdin.
    pub(crate) fn accepts_input(&self) -> bool {
        self.waiting.len() < STDIN_BYTES_MAX
    }

    /// Takes bytes for stdin; without an open stdin they are dropped, as a closed pipe would.
    pub(crate) fn push_input(&mut self, bytes: &[u8]) {
        if self.eof_wanted || self.input_fd().is_none() {
            return;
        }
        self.waiting.extend_from_slice(bytes);
        self.write_input();
    }

    /// Closes stdin once everything that waits for it is written. A terminal has no end of file
    /// that could be sent from outside, and stays.
    pub(crate) fn end_input(&mut self) {
        if let Endpoint::Pipes { stdin, .. } = &mut self.endpoint {
            self.eof_wanted = true;
            if self.waiting.is_empty() {
                *stdin = None;
            }
        }
    }

    /// Writes what waits for stdin as far as the container takes it.
    pub(crate) fn write_input(&mut self) {
        let mut written = 0;
        let mut broken = false;
        if let Some(fd) = self.input_fd() {
            while written < self.waiting.len() {
                match write(fd, &self.waiting[written..]) {
                    Ok(count) => written += count,
                    Err(Errno::INTR) => {}
                    Err(Errno::AGAIN) => break,
                    Err(_) => {
                        broken = true;
                        break;
                    }
                }
            }
        }
        if broken || written == self.waiting.len() {
            self.waiting = Vec::new();
        } else {
            self.waiting.drain(..written);
        }
        if let Endpoint::Pipes { stdin, .. } = &mut self.endpoint
            && (broken || (self.eof_wanted && self.waiting.is_empty()))
        {
            *stdin = None;
        }
    }

    /// Reads output once. A pipe at its end is closed; a terminal is watched for a new user.
    pub(crate) fn read_output(&mut self, stream: Stream, buffer: &mut [u8]) -> Output {
        match &mut self.endpoint {
            Endpoint::Pipes { stdout, stderr, .. } => {
                let pipe = match stream {
                    Stream::Stdout => stdout,
                    Stream::Stderr => stderr,
                };
                let output = pipe.as_ref().map_or(Output::Ended, |fd| read_once(fd, buffer));
                if output == Output::Ended {
                    *pipe = None;
                }
                output
            }
            Endpoint::Terminal(terminal) if stream == Stream::Stdout => {
                terminal.take_edge();
                let output = read_once(terminal.as_fd(), buffer);
                terminal.set_hung_up(output == Output::Ended);
                output
            }
            Endpoint::Terminal(_) => Output::Ended,
        }
    }

    /// Sets the terminal's size; without a terminal there is nothing to set.
    pub(crate) fn resize(&self, rows: u16, columns: u16) {
        if let Endpoint::Terminal(terminal) = &self.endpoint {
            terminal.resize(rows, columns);
        }
    }
}

fn read_once(fd: impl AsFd, buffer: &mut [u8]) -> Output {
    loop {
        match read(&fd, &mut *buffer) {
            Ok(0) => return Output::Ended,
            Ok(count) => return Output::Bytes(count),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return Output::Nothing,
            // EIO: no process has the terminal open.
            Err(_) => return Output::Ended,
        }
    }
}
