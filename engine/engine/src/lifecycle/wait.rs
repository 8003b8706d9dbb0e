// SPDX-License-Identifier: Apache-2.0
//! Waiting for a container's end, without a timer where there is something to wait on.

use crate::container::status::State;
use crate::engine::Engine;
use crate::error::{Error, Result};
use brig_sys::proc;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::time::{Duration, Instant};

/// How often a status is read while a monitor is between two steps of its own.
const STEP: Duration = Duration::from_millis(1);

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
    /// Waits until container `id` does not run, at most for `timeout`.
    ///
    /// # Errors
    /// When its records cannot be read.
    pub fn wait_end(&self, id: &str, timeout: Option<Duration>) -> Result<End> {
        let start = Instant::now();
        loop {
            let status = match self.status(id) {
                Ok(status) => status,
                Err(Error::NoSuchContainer(_)) => return Ok(End::Removed),
                Err(error) => return Err(error),
            };
            if !status.state.is_running() && status.state != State::Broken {
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
