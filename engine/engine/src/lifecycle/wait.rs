// SPDX-License-Identifier: Apache-2.0
//! Waiting for a container's end, without a timer where there is something to wait on.

use crate::container::status::State;
use crate::engine::Engine;
use crate::error::{Error, Result};
use brig_spec::monitor::frame;
use brig_sys::proc;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// How often a status is read while a monitor is between two steps of its own.
const STEP: Duration = Duration::from_millis(1);

/// How long a monitor may take to record an end before it is believed without a record.
const RECORD_PATIENCE: Duration = Duration::from_secs(3);
/// Exit code when nobody could record it, as Docker has it.
const EXIT_UNKNOWN: i32 = 255;

/// How a wait ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The container does not run, and this is its exit code.
    Exited(i32),
    /// The container is gone.
    Removed,
    /// Time is up.
    TimedOut,
}

impl Engine {
    /// Waits until container `id` has ended and returns its exit code.
    ///
    /// # Errors
    /// When it does not exist, or it is removed by somebody before it says how it ended.
    pub fn wait(&self, id: &str) -> Result<i32> {
        // A container that is removed at its end leaves its code to whoever listens.
        if self.record(id)?.options.auto_remove
            && matches!(self.settled_state(id)?, State::Running | State::Ending)
        {
            match self.attach(id).and_then(read_exit) {
                Ok(Some(code)) => return Ok(code),
                Ok(None) | Err(Error::Sys(_) | Error::State { .. } | Error::Io { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        match self.wait_end(id, None)? {
            End::Exited(code) => Ok(code),
            End::Removed | End::TimedOut => Err(Error::NoSuchContainer(id.to_owned())),
        }
    }

    /// Waits until container `id` does not run, at most for `timeout`.
    ///
    /// # Errors
    /// When its records cannot be read.
    pub fn wait_end(&self, id: &str, timeout: Option<Duration>) -> Result<End> {
        let start = Instant::now();
        let mut ending_since = None;
        loop {
            let status = match self.status(id) {
                Ok(status) => status,
                Err(Error::NoSuchContainer(_)) => return Ok(End::Removed),
                Err(error) => return Err(error),
            };
            if status.state == State::Ending {
                let since = *ending_since.get_or_insert_with(Instant::now);
                if since.elapsed() > RECORD_PATIENCE {
                    return Ok(End::Exited(EXIT_UNKNOWN));
                }
            } else if !status.state.is_running() && status.state != State::Broken {
                // A container that was never started has no code: Docker answers 0.
                return Ok(match self.record(id) {
                    Err(Error::NoSuchContainer(_)) => End::Removed,
                    _ => End::Exited(status.record.exit_code.unwrap_or(0)),
                });
            }
            let left = timeout.map(|timeout| timeout.saturating_sub(start.elapsed()));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(End::TimedOut);
            }
            match (status.record.pid, status.record.pid_start_ticks) {
                (Some(pid), Some(ticks)) if wait_process(pid, ticks, left)? => {}
                _ => std::thread::sleep(STEP),
            }
        }
    }
}

/// Reads an attach connection until the exit code comes; `None` when the monitor dies.
fn read_exit(socket: OwnedFd) -> Result<Option<i32>> {
    let failed = || Error::errno("wait at", "the attach socket");
    // Output is of no interest: the monitor need not send any.
    let wish = [frame::STREAMS, 0, 0, 0, 0, 0, 0, 1, 0];
    let mut socket = File::from(socket);
    socket.write_all(&wish).map_err(Error::io("write to", "the attach socket"))?;
    loop {
        let mut header = [0_u8; 8];
        match socket.read_exact(&mut header) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(failed()(Errno::from_io_error(&error).unwrap_or(Errno::IO))),
        }
        let length = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
        let mut payload = vec![0_u8; usize::try_from(length).unwrap_or(0).min(frame::PAYLOAD_MAX)];
        if socket.read_exact(&mut payload).is_err() {
            return Ok(None);
        }
        if let (frame::EXIT, Ok(code)) = (header[0], <[u8; 4]>::try_from(&payload[..])) {
            return Ok(Some(i32::from_be_bytes(code)));
        }
    }
}

/// Waits for the end of a process; returns false at once when it has ended already.
fn wait_process(pid: i32, start_ticks: u64, timeout: Option<Duration>) -> Result<bool> {
    let Some(raw) = Pid::from_raw(pid) else { return Ok(false) };
    let Ok(pidfd) = pidfd_open(raw, PidfdFlags::empty()) else { return Ok(false) };
    // Looked at after the pidfd is open: it then refers to this very process.
    if !proc::is_alive(pid, start_ticks) {
        return Ok(false);
    }
    let timeout = timeout.map(|timeout| Timespec {
        tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    });
    match poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], timeout.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(true),
        Err(errno) => Err(Error::errno("wait for", format!("process {pid}"))(errno)),
    }
}
