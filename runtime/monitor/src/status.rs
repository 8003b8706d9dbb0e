// SPDX-License-Identifier: Apache-2.0
//! The container's status record, which this process alone writes while it lives.

use brig_spec::monitor::{Phase, StatusRecord, VERSION};
use brig_state::atomic;
use brig_state::time::Timestamp;
use brig_sys::{SysError, proc};
use std::path::PathBuf;

/// The record and where it is kept.
#[derive(Debug)]
pub(crate) struct Recorder {
    path: PathBuf,
    record: StatusRecord,
}

/// How a container ended.
#[derive(Debug, Clone, Default)]
pub(crate) struct End {
    pub(crate) exit_code: i32,
    pub(crate) oom_killed: bool,
    /// Why the start failed; empty when it did not.
    pub(crate) error: String,
    pub(crate) log_records_dropped: u64,
}

impl Recorder {
    /// Starts a new record for `path`; nothing is written yet.
    pub(crate) fn new(path: &str) -> Result<Self, SysError> {
        let record = StatusRecord {
            version: VERSION,
            boot_id: proc::boot_id()?,
            monitor_pid: i32::try_from(std::process::id()).ok(),
            ..StatusRecord::default()
        };
        Ok(Self { path: path.into(), record })
    }

    /// Records that the container is being prepared.
    pub(crate) fn starting(&mut self) -> Result<(), brig_state::Error> {
        self.record.phase = Phase::Starting;
        self.write()
    }

    /// Records that the user's process runs.
    pub(crate) fn running(&mut self, pid: i32, start_ticks: u64) -> Result<(), brig_state::Error> {
        self.record.phase = Phase::Running;
        self.record.pid = Some(pid);
        self.record.pid_start_ticks = Some(start_ticks);
        self.record.started_at = Some(Timestamp::now().to_record());
        self.write()
    }

    /// Records the end.
    pub(crate) fn exited(&mut self, end: End) -> Result<(), brig_state::Error> {
        self.record.phase = Phase::Exited;
        self.record.pid = None;
        self.record.pid_start_ticks = None;
        self.record.finished_at = Some(Timestamp::now().to_record());
        self.record.exit_code = Some(end.exit_code);
        self.record.oom_killed = end.oom_killed;
        self.record.error = end.error;
        self.record.log_records_dropped = end.log_records_dropped;
        self.write()
    }

    /// Writes the record as it is, again.
    pub(crate) fn write(&self) -> Result<(), brig_state::Error> {
        atomic::write_json(&self.path, &self.record)
    }
}
