// SPDX-License-Identifier: Apache-2.0
//! Signals to a container's init.

use crate::container::status::State;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::runtime_call::{self, Handle};
use std::time::Duration;

/// How long a container that is just starting may take to get a process.
const START_PATIENCE: Duration = Duration::from_secs(10);

impl Engine {
    /// Sends `signal` to the init of container `id`.
    ///
    /// # Errors
    /// When it does not run, or the runtime refuses.
    pub fn kill(&self, id: &str, signal: i32) -> Result<()> {
        let record = self.record(id)?;
        let state = self.settled_state(id)?;
        if !state.is_running() {
            return Err(Error::state(
                format!("Cannot kill container: {}: container {} is not running", record.name, id),
                "list running containers with `brig ps`",
            ));
        }
        match runtime_call::kill(&Handle::of(&record), signal) {
            // It ended between the look and the call: the signal has done what it could.
            Err(_) if !self.status(id)?.state.is_running() => Ok(()),
            other => other,
        }
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
