// SPDX-License-Identifier: Apache-2.0
//! What a killed monitor leaves: a container that claims to run. Its remains are removed and its
//! record is made true, by whichever command sees it first.

use super::remains::Remains;
use crate::container::lookup;
use crate::container::record::ContainerRecord;
use crate::container::status::{self, State};
use crate::container::transition::Transition;
use crate::engine::Engine;
use crate::error::Result;
use crate::layout::files;
use crate::time;
use brig_spec::monitor::{Phase, StatusRecord};
use brig_state::atomic;
use brig_sys::fault;
use std::time::Duration;

/// Exit code when nobody saw the process end, as Docker has it.
const EXIT_UNKNOWN: i32 = 255;
/// Exit code of a start that the engine did not finish.
const EXIT_ENGINE: i32 = 125;

/// Returns whether the record claims too much, or the container outstays its end (`--rm`); a
/// monitor that is about to see to it is for the repair itself to notice.
pub(crate) fn needs_repair(state: State, record: &ContainerRecord) -> bool {
    state == State::Broken || (state == State::Exited && record.options.auto_remove)
}

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
    let record = lookup::record(layout, id)?;
    if !needs_repair(status.state, &record) {
        return Ok(());
    }
    let remains = Remains::of(layout, id);
    // A monitor that has just begun is not to be fought with.
    if remains.has_monitor() {
        return Ok(());
    }
    remains.clear()?;
    fault::point("brig.repair-cleared")?;
    if record.options.auto_remove {
        return super::remove::discard(engine, id);
    }
    let ended = ended(status.record);
    Ok(atomic::write_json(&layout.container(id).join(files::STATUS), &ended)?)
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
