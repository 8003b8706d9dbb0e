// SPDX-License-Identifier: Apache-2.0
//! From the container's end to the monitor's.
//!
//! Invariants: whoever hears the exit code finds done what it implies: the output in the log, the
//! status recorded, the cgroup gone, a removed container removed. The lock is kept until the root
//! file system is unmounted; the next monitor of the container waits for it.

use crate::event_loop;
use crate::launch::Run;
use crate::remove;
use crate::runtime::Runtime;
use crate::start::{Running, remove_files, remove_rootfs};
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
    // Its failure leaves a cgroup or a state directory to the engine's own `delete`, which needs
    // the container's record to know of them.
    let deleted = runtime.delete();
    fault::point("monitor.deleted")?;
    // After `delete`, which has killed the last process that could write.
    event_loop::drain(&mut running);
    let log_records_dropped = running.log.dropped_records();
    drop(running.log);
    run.remove_launch();
    fault::point("monitor.drained")?;
    let end = End { exit_code, oom_killed, error: String::new(), log_records_dropped };
    let recorded = status.exited(end);
    fault::point("monitor.recorded")?;
    // After the record: who finds no socket to wait on finds the end recorded.
    remove_files(&run, runtime);
    let removed = if deleted.is_ok() { remove_if_asked(&run)? } else { None };
    running.clients.announce_exit(exit_code);
    if removed.is_none() {
        remove_rootfs(&run);
        if recorded.is_err() {
            record_later(&status);
        }
    }
    fault::point("monitor.tidied")?;
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
    remove_rootfs(run);
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
