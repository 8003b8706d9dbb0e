// SPDX-License-Identifier: Apache-2.0
//! Stop: ask, wait, kill; and restart.

use super::start::Started;
use super::wait::End;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::signal;
use brig_sys::fault;
use std::time::Duration;

/// How long the kernel may take to end a process after SIGKILL.
const KILL_PATIENCE: Duration = Duration::from_secs(10);

impl Engine {
    /// Stops container `id`: its stop signal or `signal`, then SIGKILL after the container's or
    /// the given number of seconds (-1: never). Returns false when it did not run.
    ///
    /// # Errors
    /// When it cannot be signalled, or does not end even when killed.
    pub fn stop(&self, id: &str, signal: Option<i32>, timeout_s: Option<i64>) -> Result<bool> {
        let record = self.record(id)?;
        if !self.settled_state(id)?.is_running() {
            return Ok(false);
        }
        let timeout_s = timeout_s.unwrap_or(record.stop_timeout_s.into());
        let timeout = u64::try_from(timeout_s).ok().map(Duration::from_secs);
        self.kill_if_running(id, signal.unwrap_or(record.stop_signal))?;
        fault::point("brig.stop-asked")?;
        if self.wait_end(id, timeout)? != End::TimedOut {
            return Ok(true);
        }
        self.kill_if_running(id, signal::KILL)?;
        if self.wait_end(id, Some(KILL_PATIENCE))? != End::TimedOut {
            return Ok(true);
        }
        Err(Error::unavailable(
            format!("container {} did not end within 10 seconds of SIGKILL", record.name),
            "a process of it waits uninterruptibly for a device",
        ))
    }

    /// Stops container `id` if it runs and starts it.
    ///
    /// # Errors
    /// As [`Engine::stop`] and [`Engine::start`].
    pub fn restart(
        &self,
        id: &str,
        signal: Option<i32>,
        timeout_s: Option<i64>,
    ) -> Result<Option<Started>> {
        let record = self.record(id)?;
        self.stop(id, signal, timeout_s)?;
        fault::point("brig.restart-stopped")?;
        if record.options.auto_remove {
            return Err(Error::state(
                format!("container {} was removed when it ended", record.name),
                "a container made with `--rm` cannot be restarted",
            ));
        }
        self.start(id, false)
    }

    fn kill_if_running(&self, id: &str, signal: i32) -> Result<()> {
        match self.kill(id, signal) {
            Err(Error::State { .. } | Error::NoSuchContainer(_)) => Ok(()),
            other => other,
        }
    }
}
