// SPDX-License-Identifier: Apache-2.0
//! Signals to a container's init.

use crate::container::status::State;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::runtime_call::{self, Handle};
use brig_sys::proc;
use std::time::Duration;

/// How long a container that is just starting may take to get a process.
const START_PATIENCE: Duration = Duration::from_secs(10);
/// Attempts at a signal, and the pause between them.
const ATTEMPTS: u32 = 3;
const RETRY: Duration = Duration::from_millis(10);

impl Engine {
    /// Sends `signal` to the init of container `id`.
    ///
    /// # Errors
    /// When it does not run, or the runtime refuses.
    pub fn kill(&self, id: &str, signal: i32) -> Result<()> {
        let record = self.record(id)?;
        let not_running = || {
            Error::state(
                format!("Cannot kill container: {}: container {id} is not running", record.name),
                "list running containers with `brig ps`",
            )
        };
        for attempt in 1.. {
            if !self.settled_state(id)?.is_running() {
                return Err(not_running());
            }
            let Err(error) = runtime_call::kill(&Handle::of(&record), signal) else { break };
            // Between its end and its monitor's word of it, or when another command restarts it,
            // the runtime knows it no more.
            if !self.has_init(id) {
                return Err(not_running());
            }
            if attempt == ATTEMPTS {
                return Err(error);
            }
            std::thread::sleep(RETRY);
        }
        Ok(())
    }

    /// Returns whether the container's process lives, whatever its monitor has recorded so far.
    fn has_init(&self, id: &str) -> bool {
        self.status(id).is_ok_and(|status| {
            match (status.record.pid, status.record.pid_start_ticks) {
                (Some(pid), Some(ticks)) => proc::is_alive(pid, ticks),
                _ => status.state.is_running(),
            }
        })
    }

    /// Returns the state once a start in progress has come to its end.
    pub(crate) fn settled_state(&self, id: &str) -> Result<State> {
        let start = std::time::Instant::now();
        loop {
            let state = self.status(id)?.state;
            if state != State::Starting || start.elapsed() > START_PATIENCE {
                return Ok(state);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}
