// SPDX-License-Identifier: Apache-2.0
//! What is true of a container now, whatever its records last said.
//!
//! Invariants: it runs if the recorded init lives (same pid, same start time, same boot), or if its
//! monitor holds the lock and prepares it. A record that claims more than that, with nobody to
//! correct it, is *broken* and is repaired
//! by `lifecycle::repair`, under the container's transition lock.

use crate::error::Result;
use crate::layout::{Layout, files};
use brig_spec::monitor::{Phase, StatusRecord, run_files};
use brig_state::{atomic, lock};
use brig_sys::proc;

/// State of a container, in the engine's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Made, never started.
    Created,
    /// Its monitor is preparing it.
    Starting,
    /// Its process runs under a monitor.
    Running,
    /// Its process runs, but its monitor has died: output is lost, everything else works.
    Orphaned,
    /// Its process has ended and its monitor has not recorded that yet: it tidies up, or the disk
    /// is full.
    Ending,
    /// Its process has ended, or could not be started.
    Exited,
    /// The record says that it runs, and nothing does.
    Broken,
}

impl State {
    /// Returns whether the container's process runs or is about to.
    #[must_use]
    pub fn is_running(self) -> bool {
        matches!(self, Self::Starting | Self::Running | Self::Orphaned)
    }

    /// Returns Docker's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created | Self::Starting => "created",
            Self::Running | Self::Orphaned => "running",
            Self::Ending | Self::Exited => "exited",
            Self::Broken => "dead",
        }
    }
}

/// A status record with the verdict on it.
#[derive(Debug, Clone)]
pub struct Status {
    /// The verdict.
    pub state: State,
    /// The record.
    pub record: StatusRecord,
}

impl Status {
    /// Returns Docker's word: what could not be started is still only created.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self.state {
            State::Exited if self.record.started_at.is_none() => State::Created.as_str(),
            state => state.as_str(),
        }
    }
}

/// Reads the status of container `id` and judges it.
pub(crate) fn read(layout: &Layout, id: &str) -> Result<Status> {
    let lock_path = layout.run_container(id).join(run_files::LOCK);
    let mut record = self::record(layout, id)?;
    loop {
        if matches!(record.phase, Phase::Created | Phase::Exited) {
            return Ok(judge(record, false));
        }
        if lock::is_held(&lock_path)? {
            return Ok(judge(record, true));
        }
        // The monitor writes `exited` before it lets go of the lock: only a record that is still
        // the same after the lock was seen free has no monitor.
        let again = self::record(layout, id)?;
        if again == record {
            return Ok(judge(record, false));
        }
        record = again;
    }
}

fn judge(record: StatusRecord, monitored: bool) -> Status {
    let state = match record.phase {
        Phase::Created => State::Created,
        Phase::Exited => State::Exited,
        Phase::Starting if monitored => State::Starting,
        Phase::Running if init_lives(&record) => match monitored {
            true => State::Running,
            false => State::Orphaned,
        },
        Phase::Running if monitored => State::Ending,
        Phase::Starting | Phase::Running => State::Broken,
    };
    Status { state, record }
}

fn init_lives(record: &StatusRecord) -> bool {
    let (Some(pid), Some(ticks)) = (record.pid, record.pid_start_ticks) else { return false };
    proc::boot_id().is_ok_and(|boot| boot == record.boot_id) && proc::is_alive(pid, ticks)
}

/// A container without a status record was made by an engine that died before writing it, or
/// its record was lost: it has not been started as far as anybody knows.
pub(crate) fn record(layout: &Layout, id: &str) -> Result<StatusRecord> {
    match atomic::read_json(&layout.container(id).join(files::STATUS)) {
        Ok(record) => Ok(record),
        Err(error) if error.is_not_found() => Ok(StatusRecord::default()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;

    fn write(scratch: &Scratch, id: &str, record: &StatusRecord) {
        let path = scratch.layout.container(id).join(files::STATUS);
        atomic::write_json(&path, record).unwrap();
    }

    fn running(pid: i32, ticks: u64, boot_id: String) -> StatusRecord {
        StatusRecord {
            phase: Phase::Running,
            pid: Some(pid),
            pid_start_ticks: Some(ticks),
            boot_id,
            ..StatusRecord::default()
        }
    }

    #[test]
    fn read_judges_by_lock_and_process_not_by_the_record() {
        let scratch = Scratch::new("status");
        let id = "a".repeat(64);
        scratch.fake_container(&id, "one");
        let state = || read(&scratch.layout, &id).unwrap().state;
        assert_eq!(state(), State::Created);

        let pid = i32::try_from(std::process::id()).unwrap();
        let ticks = proc::stat(pid).unwrap().unwrap().start_ticks;
        let boot = proc::boot_id().unwrap();
        write(&scratch, &id, &running(pid, ticks, boot.clone()));
        assert_eq!(state(), State::Orphaned);
        write(&scratch, &id, &running(pid, ticks + 1, boot));
        assert_eq!(state(), State::Broken);
        write(&scratch, &id, &running(pid, ticks, "another boot".into()));
        assert_eq!(state(), State::Broken);

        let dir = scratch.layout.make_run_container(&id).unwrap();
        let _lock = lock::exclusive(&dir.join(run_files::LOCK)).unwrap();
        assert_eq!(state(), State::Ending);
        write(&scratch, &id, &running(pid, ticks, proc::boot_id().unwrap()));
        assert_eq!(state(), State::Running);
        let starting = StatusRecord { phase: Phase::Starting, ..StatusRecord::default() };
        write(&scratch, &id, &starting);
        assert_eq!(state(), State::Starting);
    }
}
