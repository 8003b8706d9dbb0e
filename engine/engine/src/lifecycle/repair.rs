// SPDX-License-Identifier: Apache-2.0
//! What a killed monitor leaves: a container that claims to run. Its remains are removed and its
//! record is made true, by whichever command sees it first.

use crate::container::lookup;
use crate::container::record::ContainerRecord;
use crate::container::status::{self, State};
use crate::container::transition::Transition;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::layout::{Layout, files};
use crate::{cgroup, runtime_call, time};
use brig_spec::monitor::{Phase, StatusRecord, run_files};
use brig_state::{atomic, lock, tree};
use brig_sys::fault;
use std::time::Duration;

/// Exit code when nobody saw the process end, as Docker has it.
const EXIT_UNKNOWN: i32 = 255;
/// Exit code of a start that the engine did not finish.
const EXIT_ENGINE: i32 = 125;

/// Repairs container `id` unless another command is changing it.
pub(crate) fn repair_if_free(engine: &Engine, id: &str) -> Result<()> {
    match Transition::try_begin(&engine.layout, id, Duration::ZERO)? {
        Some(transition) => repair(engine, id, &transition),
        None => Ok(()),
    }
}

/// Repairs container `id` if its record still claims too much.
pub(crate) fn repair(engine: &Engine, id: &str, _held: &Transition) -> Result<()> {
    let layout = &engine.layout;
    let status = status::read(layout, id)?;
    if status.state != State::Broken {
        return Ok(());
    }
    let record = lookup::record(layout, id)?;
    clear(layout, &record)?;
    fault::point("brig.repair-cleared")?;
    if record.options.auto_remove {
        return super::remove::discard(engine, id, Some(&record));
    }
    let ended = ended(status.record);
    Ok(atomic::write_json(&layout.container(id).join(files::STATUS), &ended)?)
}

/// Kills and removes everything of a container but its directory.
pub(crate) fn clear(layout: &Layout, record: &ContainerRecord) -> Result<()> {
    let run_dir = layout.run_container(&record.id);
    // A monitor that just began would be fought with: its lock says so.
    if lock::is_held(&run_dir.join(run_files::LOCK))? {
        return Err(Error::state(
            format!("container {} has just been started", record.short_id()),
            "try again",
        ));
    }
    // The runtime may be gone or know nothing; the cgroup then says what is left.
    let deleted = runtime_call::delete(record);
    let destroyed = cgroup::destroy(&record.cgroups_path, &record.id);
    if destroyed.is_err() {
        deleted?;
        destroyed?;
    }
    for root in [layout.runtime_root(&record.runtime_name).join(&record.id), run_dir] {
        tree::remove(&root)?;
    }
    Ok(())
}

fn ended(record: StatusRecord) -> StatusRecord {
    let (exit_code, error) = match record.phase {
        Phase::Starting => (EXIT_ENGINE, "the monitor ended before the container was started"),
        _ => (EXIT_UNKNOWN, "the monitor ended before the container did; its exit code is unknown"),
    };
    StatusRecord {
        phase: Phase::Exited,
        pid: None,
        pid_start_ticks: None,
        monitor_pid: None,
        finished_at: Some(time::now()),
        exit_code: Some(exit_code),
        error: error.to_owned(),
        ..record
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ended_after_a_run_has_an_unknown_exit_code_and_keeps_the_start() {
        let record = StatusRecord {
            phase: Phase::Running,
            pid: Some(7),
            started_at: Some("2026-01-01T00:00:00Z".into()),
            ..StatusRecord::default()
        };
        let ended = ended(record);
        assert_eq!((ended.phase, ended.pid, ended.exit_code), (Phase::Exited, None, Some(255)));
        assert!(ended.started_at.is_some() && ended.finished_at.is_some());
    }
}
