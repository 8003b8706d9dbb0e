// SPDX-License-Identifier: Apache-2.0
//! Removal, from any state.
//!
//! Order: processes, cgroup and the runtime's state; reservations; the directory, by one rename
//! into the trash; its bytes. Whatever interrupts it, the next removal goes on from there.

use super::wait::End;
use crate::container::record::ContainerRecord;
use crate::container::status::{self, State};
use crate::container::transition::Transition;
use crate::container::{idmap, lookup, names, reservation, sweep};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::layout::Layout;
use crate::{cgroup, runtime_call, signal};
use brig_spec::monitor::run_files;
use brig_state::{lock, tree};
use brig_sys::fault;
use rustix::fs::{RenameFlags, renameat_with};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::time::{Duration, Instant};

/// How long another command that changes the container is waited for before a forced removal
/// kills what that command waits for.
const BUSY_PATIENCE: Duration = Duration::from_secs(2);
/// How long a monitor may take to tidy up after its container's end.
const MONITOR_PATIENCE: Duration = Duration::from_secs(5);

impl Engine {
    /// Removes what dead processes left half-made or half-removed.
    ///
    /// # Errors
    /// When the data root cannot be read.
    pub fn sweep(&self) -> Result<()> {
        sweep::sweep(&self.layout)
    }

    /// Removes container `id`; with `force` also one that runs.
    ///
    /// # Errors
    /// When it runs and `force` is not given, or something of it cannot be removed.
    pub fn remove(&self, id: &str, force: bool) -> Result<()> {
        let transition = if force {
            match Transition::try_begin(&self.layout, id, BUSY_PATIENCE)? {
                Some(transition) => transition,
                None => {
                    kill_monitor(&self.layout, id);
                    Transition::begin(&self.layout, id)?
                }
            }
        } else {
            Transition::begin(&self.layout, id)?
        };
        match self.remove_locked(id, force, transition) {
            // Its monitor removed it (`--rm`) while we were at it.
            Err(Error::NoSuchContainer(_)) if force => Ok(()),
            other => other,
        }
    }

    fn remove_locked(&self, id: &str, force: bool, _held: Transition) -> Result<()> {
        // A record that is damaged or missing must not keep the rest from being removed.
        let record = lookup::record(&self.layout, id).ok();
        // Nor must a damaged status: it means that nothing is known, so everything is cleared.
        let state = status::read(&self.layout, id).map_or(State::Broken, |status| status.state);
        let name = record.as_ref().map_or(id, |record| record.name.as_str());
        if state.is_running() && !force {
            return Err(Error::state(
                format!(
                    "cannot remove container \"/{name}\": container is running: stop the container \
                     before removing or force remove"
                ),
                format!("stop it with `brig stop {name}`, or use `brig rm -f {name}`"),
            ));
        }
        if state.is_running() {
            self.end_by_force(id, record.as_ref())?;
        }
        fault::point("brig.removal-ended")?;
        await_monitor(&self.layout, id);
        clear(&self.layout, id, record.as_ref(), state)?;
        fault::point("brig.removal-cleared")?;
        discard(self, id, record.as_ref())
    }

    /// Kills the container in the gentlest way that works: through the runtime, so that the monitor
    /// records the end; else through the cgroup.
    pub(super) fn end_by_force(&self, id: &str, record: Option<&ContainerRecord>) -> Result<()> {
        let Some(record) = record else { return Ok(()) };
        let killed = runtime_call::kill(record, signal::KILL);
        if killed.is_ok() && self.wait_end(id, Some(MONITOR_PATIENCE))? != End::TimedOut {
            return Ok(());
        }
        kill_monitor(&self.layout, id);
        drop(runtime_call::delete(record));
        cgroup::destroy(&record.cgroups_path, id)
    }
}

/// Removes what may be left of a container that does not run.
fn clear(layout: &Layout, id: &str, record: Option<&ContainerRecord>, state: State) -> Result<()> {
    match record {
        Some(record) => {
            let runtime_dir = layout.runtime_root(&record.runtime_name).join(id);
            let is_known = std::fs::symlink_metadata(runtime_dir).is_ok();
            if is_known || !matches!(state, State::Created | State::Exited) {
                super::repair::clear(layout, record)?;
            }
        }
        None => cgroup::destroy(&format!("/brig/{id}"), id)?,
    }
    Ok(tree::remove(&layout.run_container(id))?)
}

/// Takes the container out of sight and deletes it.
pub(crate) fn discard(engine: &Engine, id: &str, record: Option<&ContainerRecord>) -> Result<()> {
    let layout = &engine.layout;
    match record {
        Some(record) => {
            reservation::release(&names::path(layout, &record.name), id)?;
            if let Some(slot) = record.id_slot {
                idmap::free(layout, id, slot)?;
            }
        }
        None => sweep::release_all(layout, id)?,
    }
    fault::point("brig.removal-released")?;
    let (from, to) = (layout.container(id), layout.trash().join(id));
    match renameat_with(rustix::fs::CWD, &from, rustix::fs::CWD, &to, RenameFlags::NOREPLACE) {
        Ok(()) => {}
        Err(Errno::NOENT) => return Err(Error::NoSuchContainer(id.to_owned())),
        Err(Errno::EXIST) => {
            tree::remove(&to)?;
            rustix::fs::rename(&from, &to).map_err(Error::errno("remove", &from))?;
        }
        Err(errno) => return Err(Error::errno("remove", &from)(errno)),
    }
    fault::point("brig.removal-trashed")?;
    // The container is gone; bytes that stay are deleted by the next command.
    drop(tree::remove(&to));
    drop(tree::remove(&layout.run_container(id)));
    Ok(())
}

/// Waits for the monitor's lock; one that does not let go is killed.
fn await_monitor(layout: &Layout, id: &str) {
    let path = layout.run_container(id).join(run_files::LOCK);
    let start = Instant::now();
    while lock::is_held(&path).unwrap_or(false) {
        if start.elapsed() > MONITOR_PATIENCE {
            kill_monitor(layout, id);
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Kills the monitor that the status record names, if it is still the one that holds the lock.
fn kill_monitor(layout: &Layout, id: &str) {
    let path = layout.run_container(id).join(run_files::LOCK);
    let Ok(record) = status::record(layout, id) else { return };
    let Some(pid) = record.monitor_pid.and_then(Pid::from_raw) else { return };
    let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty()) else { return };
    let is_monitor = std::fs::read_to_string(format!("/proc/{}/comm", pid.as_raw_nonzero()))
        .is_ok_and(|name| name.trim_end() == crate::runtimes::MONITOR);
    if !is_monitor || !lock::is_held(&path).unwrap_or(false) {
        return;
    }
    let _ = pidfd_send_signal(&pidfd, Signal::KILL);
    let start = Instant::now();
    while lock::is_held(&path).unwrap_or(false) && start.elapsed() < MONITOR_PATIENCE {
        std::thread::sleep(Duration::from_millis(1));
    }
}
