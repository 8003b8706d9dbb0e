// SPDX-License-Identifier: Apache-2.0
//! Removal, from any state.
//!
//! Order: processes, cgroup and the runtime's state; the directory, by one rename into the trash;
//! reservations; the run directory; its bytes. Whatever interrupts it, the next removal goes on from there.

use super::remains::{self, Remains};
use crate::container::record::ContainerRecord;
use crate::container::status::{self, State};
use crate::container::transition::Transition;
use crate::container::{lookup, sweep};
use crate::engine::Engine;
use crate::error::{Error, Result};
use brig_state::tree;
use brig_sys::fault;
use rustix::fs::{RenameFlags, renameat_with};
use rustix::io::Errno;
use std::time::Duration;

/// How long another command that changes the container is waited for before a forced removal
/// kills what that command waits for.
const BUSY_PATIENCE: Duration = Duration::from_secs(2);
/// How long that command may take afterwards: a removal of its own may wait for the kernel.
const HOLDER_PATIENCE: Duration = Duration::from_secs(15);

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
                    Remains::of(&self.layout, id).kill_monitor();
                    Transition::try_begin(&self.layout, id, HOLDER_PATIENCE)?
                        .ok_or_else(|| self.still_busy(id))?
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

    /// Somebody else's command is not killed: it may serve more than this container.
    fn still_busy(&self, id: &str) -> Error {
        match remains::lock_holder(&self.layout.container(id)) {
            Some(pid) => Error::state(
                format!("process {pid} is changing container {id} and does not get on"),
                format!("if it is stopped, continue it with `kill -CONT {pid}`, or end it"),
            ),
            None => Error::state(format!("container {id} is being changed"), "try again"),
        }
    }

    fn remove_locked(&self, id: &str, force: bool, _held: Transition) -> Result<()> {
        // A damaged record must not keep the rest from being removed; a damaged status means that
        // nothing is known, so everything is looked for.
        let record = lookup::record(&self.layout, id).ok();
        let state = status::read(&self.layout, id).map_or(State::Broken, |status| status.state);
        let remains = Remains::of(&self.layout, id);
        if state.is_running() || (state == State::Broken && remains.has_monitor()) {
            if !force {
                return Err(still_running(record.as_ref().map_or(id, |r| r.name.as_str())));
            }
            remains.end()?;
        }
        fault::point("brig.removal-ended")?;
        remains.await_monitor();
        if !matches!(state, State::Created | State::Exited) || remains.is_known_to_runtime() {
            remains.clear()?;
        }
        fault::point("brig.removal-cleared")?;
        discard(self, id)
    }
}

/// A container of `--rm` that has ended is about to go, if its monitor has not died over it.
pub(super) fn refuse_if_leaving(record: &ContainerRecord, state: State) -> Result<()> {
    if !record.options.auto_remove || state != State::Exited {
        return Ok(());
    }
    Err(Error::state(
        format!("container {} is marked for removal and cannot be changed or started", record.name),
        format!("it was made with `--rm` and has ended; `brig rm {}` removes it now", record.name),
    ))
}

fn still_running(name: &str) -> Error {
    Error::state(
        format!(
            "cannot remove container \"/{name}\": container is running: stop the container before \
             removing or force remove"
        ),
        format!("stop it with `brig stop {name}`, or use `brig rm -f {name}`"),
    )
}

/// Takes the container out of sight and deletes it: the name and the ids are free only when there
/// is no container any more that could use them.
pub(crate) fn discard(engine: &Engine, id: &str) -> Result<()> {
    let layout = &engine.layout;
    let has_record = lookup::record(layout, id).is_ok();
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
    if !has_record {
        sweep::release_all(layout, id)?;
    }
    // The container is gone; what stays is removed by the next command.
    drop(sweep::finish_removal(layout, id));
    Ok(())
}
