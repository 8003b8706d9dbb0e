// SPDX-License-Identifier: Apache-2.0
//! From the container's end to the monitor's.
//!
//! Invariant: whoever hears the exit code finds everything that it implies already done: the
//! output in the log, the status recorded, the cgroup gone, a removed container removed.

use crate::event_loop;
use crate::launch::Run;
use crate::remove;
use crate::runtime::Runtime;
use crate::start::{Running, tidy};
use crate::status::{End, Recorder};
use brig_sys::{SysError, fault};
use std::path::PathBuf;
use std::time::Duration;

/// How often, and how many times, a status that could not be written is tried again.
const RECORD_INTERVAL: Duration = Duration::from_secs(1);
const RECORD_TRIES: u32 = 60;

/// Ends the run whose init has ended.
///
/// An error comes from the fault hook only: it leaves the rest undone, as a kill would.
pub(crate) fn finish(
    mut run: Run,
    runtime: &Runtime,
    mut running: Running,
    mut status: Recorder,
) -> Result<(), SysError> {
    let exit_code = running.init.exit_code();
    fault::point("monitor.exited")?;
    // Before `delete`, which removes the counter with the cgroup.
    let oom_killed = running.oom.has_grown();
    // Its failure leaves a cgroup or a state directory to the engine's own `delete`.
    drop(runtime.delete());
    fault::point("monitor.deleted")?;
    // After `delete`, which has killed the last process that could write.
    event_loop::drain(&mut running);
    let end = End {
        exit_code,
        oom_killed,
        error: String::new(),
        log_records_dropped: running.log.dropped_records(),
    };
    let recorded = status.exited(end);
    fault::point("monitor.recorded")?;
    drop(running.log);
    tidy(&run, runtime);
    fault::point("monitor.tidied")?;
    let removed = remove_if_asked(&run)?;
    running.clients.announce_exit(exit_code);
    if recorded.is_err() && removed.is_none() {
        record_later(&status);
    }
    run.unlock();
    running.clients.farewell();
    if let Some(trash) = removed {
        fault::point("monitor.removed")?;
        remove::empty_trash(&trash);
    }
    Ok(())
}

/// Removes the container if it was started so; returns what is left of it.
pub(crate) fn remove_if_asked(run: &Run) -> Result<Option<PathBuf>, SysError> {
    let Some(wanted) = &run.launch.auto_remove else { return Ok(None) };
    fault::point("monitor.removing")?;
    let trash = remove::remove_container(wanted, &run.launch.id);
    // The run directory goes last: its lock says that somebody is at work.
    drop(brig_state::tree::remove(&run.path));
    Ok(Some(trash))
}

/// Keeps trying to record the end: a full disk may get space again, and the record of a
/// container that runs would be a lie.
fn record_later(status: &Recorder) {
    for _ in 0..RECORD_TRIES {
        std::thread::sleep(RECORD_INTERVAL);
        if status.write().is_ok() {
            return;
        }
    }
}
