// SPDX-License-Identifier: Apache-2.0
//! Following a log: sleeps until the kernel reports a write or the container's end.

use super::Filter;
use super::files::{LogFile, successor};
use crate::container::status::Status;
use crate::engine::Engine;
use crate::error::{Error, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::path::Path;

/// How often the end is looked for once the process has ended and its monitor tidies up.
const TIDY_MS: i64 = 5;
/// How often a log is looked at where the kernel has no watch to spare.
const POLL_MS: i64 = 200;

/// Goes on after `last` until the container ends and its log is read to the end.
pub(super) fn follow(
    engine: &Engine,
    id: &str,
    path: &Path,
    mut last: Option<LogFile>,
    filter: &mut Filter<'_, '_>,
) -> Result<()> {
    let watch = watch(path.parent().unwrap_or(path));
    loop {
        // The state is read before the log: what was written before the end is then seen.
        let status = match engine.status(id) {
            Ok(status) => Some(status).filter(|status| status.state.is_running()),
            Err(Error::NoSuchContainer(_)) => None,
            Err(error) => return Err(error),
        };
        if read_on(path, &mut last, filter)?.is_break() {
            return Ok(());
        }
        let Some(status) = status else { return Ok(()) };
        if filter.query.until.is_some_and(|until| jiff::Timestamp::now() > until) {
            return Ok(());
        }
        wait(watch.as_ref(), &status);
    }
}

/// Reads the current file to its end, then those that were begun since.
fn read_on(
    path: &Path,
    last: &mut Option<LogFile>,
    filter: &mut Filter<'_, '_>,
) -> Result<ControlFlow<()>> {
    loop {
        let next = match last {
            Some(file) => {
                if file.read_records(&mut |record| filter.take(record))?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                let Some(next) = successor(path, file.identity)? else {
                    return Ok(ControlFlow::Continue(()));
                };
                // It was put away: nothing comes after what is in it now.
                if file.read_records(&mut |record| filter.take(record))?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                Some(next)
            }
            None => LogFile::open(path)?,
        };
        if next.is_none() {
            return Ok(ControlFlow::Continue(()));
        }
        *last = next;
    }
}

fn watch(dir: &Path) -> Option<OwnedFd> {
    let fd = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).ok()?;
    let events =
        WatchFlags::MODIFY | WatchFlags::CREATE | WatchFlags::MOVE | WatchFlags::DELETE_SELF;
    inotify::add_watch(&fd, dir, events).ok()?;
    Some(fd)
}

/// Waits for a write or the end of the container's process.
fn wait(watch: Option<&OwnedFd>, status: &Status) {
    let init = status.record.pid.and_then(Pid::from_raw);
    let init = init.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
    let mut fds: Vec<PollFd<'_>> = Vec::new();
    fds.extend(watch.map(|fd| PollFd::new(fd, PollFlags::IN)));
    let timeout_ms = match (&init, watch) {
        (Some(init), Some(_)) if !has_ended(init) => None,
        (Some(_), Some(_)) | (None, _) => Some(TIDY_MS),
        (Some(_), None) => Some(POLL_MS),
    };
    if let (Some(init), None) = (&init, timeout_ms) {
        fds.push(PollFd::new(init, PollFlags::IN));
    }
    let timeout = timeout_ms.map(|ms| Timespec { tv_sec: 0, tv_nsec: ms * 1_000_000 });
    // An interrupted wait is a short one.
    let _ = poll(&mut fds, timeout.as_ref());
    if let Some(watch) = watch {
        drain(watch);
    }
}

fn has_ended(pidfd: &OwnedFd) -> bool {
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    matches!(poll(&mut [PollFd::new(pidfd, PollFlags::IN)], Some(&now)), Ok(count) if count > 0)
}

/// Forgets the events; that there were some is all that counts.
fn drain(watch: &OwnedFd) {
    let mut buffer = [0_u8; 4096];
    while matches!(rustix::io::read(watch, &mut buffer), Ok(count) if count > 0) {}
}
