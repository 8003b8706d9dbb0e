// SPDX-License-Identifier: Apache-2.0
//! Reading a container's log: Docker's json-file records, across rotated files, following.
//!
//! Invariants: readers take no lock and the monitor knows nothing of them; files are told apart by
//! inode, so a rotation in the middle loses and repeats nothing; records that cannot be parsed
//! (torn by a crash) are passed over; no record is held that is longer than any writer makes it.

mod files;
mod follow;

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::layout::files as names;
use files::{Files, LogFile};
use jiff::Timestamp;
use serde::Deserialize;
use std::ops::ControlFlow;

/// Longest record that is read, bytes.
pub(crate) const RECORD_BYTES_MAX: usize = 1024 * 1024;

/// Which lines are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogQuery {
    /// Whether stdout is wanted.
    pub stdout: bool,
    /// Whether stderr is wanted.
    pub stderr: bool,
    /// Number of last lines; absent: all.
    pub tail: Option<usize>,
    /// First moment.
    pub since: Option<Timestamp>,
    /// Last moment.
    pub until: Option<Timestamp>,
    /// Whether to go on until the container ends.
    pub follow: bool,
}

impl Default for LogQuery {
    fn default() -> Self {
        Self { stdout: true, stderr: true, tail: None, since: None, until: None, follow: false }
    }
}

/// One record of a log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LogLine {
    /// The line, its newline included; a part of a very long line has none.
    pub log: String,
    /// `stdout` or `stderr`.
    pub stream: String,
    /// When it was written, RFC 3339.
    pub time: String,
}

/// Receives lines; `Break` ends the reading.
pub type Sink<'a> = dyn FnMut(LogLine) -> ControlFlow<()> + 'a;

impl Engine {
    /// Hands the log lines of container `id` to `sink`, oldest first.
    ///
    /// # Errors
    /// When the container has no readable log.
    pub fn logs(&self, id: &str, query: &LogQuery, sink: &mut Sink<'_>) -> Result<()> {
        let record = self.record(id)?;
        if record.log_driver != "json-file" {
            return Err(Error::invalid(
                "configured logging driver does not support reading",
                format!("the container was made with `--log-driver {}`", record.log_driver),
            ));
        }
        let path = self.layout.container(id).join(names::LOG).join(names::LOG_FILE);
        let files = Files::open(&path)?;
        let mut filter = Filter { query, sink };
        match read_all(files, query.tail, &mut filter)? {
            ControlFlow::Continue(last) if query.follow => {
                follow::follow(self, id, &path, last, &mut filter)
            }
            _ => Ok(()),
        }
    }
}

/// Reads all files to their ends; returns the newest for following.
fn read_all(
    files: Files,
    tail: Option<usize>,
    filter: &mut Filter<'_, '_>,
) -> Result<ControlFlow<(), Option<LogFile>>> {
    let (mut list, skip) = files.starting_at(tail)?;
    let mut skip = skip;
    for file in &mut list {
        let flow = file.read_records(&mut |record| {
            if skip > 0 {
                skip -= 1;
                return ControlFlow::Continue(());
            }
            filter.take(record)
        })?;
        if flow.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(list.pop()))
}

/// What is between records and the caller.
struct Filter<'a, 's> {
    query: &'a LogQuery,
    sink: &'a mut Sink<'s>,
}

impl Filter<'_, '_> {
    fn take(&mut self, record: &[u8]) -> ControlFlow<()> {
        let Ok(line) = serde_json::from_slice::<LogLine>(record) else {
            return ControlFlow::Continue(());
        };
        let wanted = match line.stream.as_str() {
            "stderr" => self.query.stderr,
            _ => self.query.stdout,
        };
        if !wanted {
            return ControlFlow::Continue(());
        }
        if self.query.since.is_some() || self.query.until.is_some() {
            let Ok(time) = line.time.parse::<Timestamp>() else { return ControlFlow::Continue(()) };
            if self.query.since.is_some_and(|since| time < since) {
                return ControlFlow::Continue(());
            }
            if self.query.until.is_some_and(|until| time > until) {
                return ControlFlow::Break(());
            }
        }
        (self.sink)(line)
    }
}
