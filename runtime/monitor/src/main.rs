// SPDX-License-Identifier: Apache-2.0
//! `brig-monitor RUN_DIR`: lives as long as one container and keeps its stdio, log, attach
//! clients and exit status.
//!
//! Invariants: single-threaded; no timer while the container runs; decides nothing but what the
//! launch record says; knows the container's runtime by the OCI command line only. It may be
//! killed at any instruction: what it leaves is a container that `runtime delete --force` and
//! the engine remove, for the mounts die with its namespace.
#![forbid(unsafe_code)]

mod attach;
mod cgroup;
mod console;
mod event;
mod event_loop;
mod exit;
mod init;
mod isolate;
mod launch;
mod log;
mod remove;
mod rootfs;
mod runtime;
mod start;
mod status;
mod stdio;

use brig_report::chain::chain;
use brig_spec::monitor::StartEvent;
use brig_sys::fault;
use event::EventPipe;
use launch::{LaunchError, Run};
use runtime::Runtime;
use start::StartError;
use status::{End, Recorder};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::ExitCode;

/// Why the monitor itself gave up.
#[derive(Debug, thiserror::Error)]
enum MonitorError {
    /// The command line is wrong.
    #[error("usage: brig-monitor RUN_DIR (started by brig, not by hand)")]
    Usage,
    /// The run directory cannot be used.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// The process cannot be cut off from its parent.
    #[error(transparent)]
    System(#[from] brig_sys::SysError),
    /// The container did not start.
    #[error(transparent)]
    Start(#[from] StartError),
}

fn main() -> ExitCode {
    let (events, client) = event::take_inherited();
    match monitor(events, client) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the program's single error edge")]
            {
                eprintln!("brig-monitor: {}", chain(&error));
            }
            ExitCode::FAILURE
        }
    }
}

fn monitor(events: EventPipe, client: Option<OwnedFd>) -> Result<(), MonitorError> {
    let (run, signals, mut status) = match prepare() {
        Ok(prepared) => prepared,
        Err(error) => {
            let is_running =
                matches!(error, MonitorError::Launch(LaunchError::AlreadyRunning { .. }));
            let failed = failed(&error, 125, "");
            events.send(if is_running { &StartEvent::AlreadyRunning } else { &failed });
            return Err(error);
        }
    };
    let runtime = Runtime::new(&run.launch, &run.path);
    match start::start(&run, &runtime, &mut status, client) {
        Ok(mut running) => {
            events.send(&StartEvent::Started { pid: running.init.pid });
            running.layers = None;
            fault::point("monitor.announced")?;
            event_loop::serve(&mut running, &signals);
            Ok(exit::finish(run, &runtime, running, status)?)
        }
        Err(error) => {
            let (exit_code, hint) = (error.exit_code(), error.hint());
            let error = MonitorError::from(error);
            let undone = start::undo(&run, &runtime);
            let end = End { exit_code, error: chain(&error), ..End::default() };
            // A disk that refuses this record has refused the earlier ones, too.
            drop(status.exited(end));
            // The engine's own `delete` needs the container's record.
            let trash = if undone { exit::remove_if_asked(&run)? } else { None };
            events.send(&failed(&error, exit_code, hint));
            if let Some(trash) = trash {
                remove::empty_trash(&trash);
            }
            Err(error)
        }
    }
}

/// Does what comes before anything can be recorded.
fn prepare() -> Result<(Run, brig_sys::signal::SignalFd, Recorder), MonitorError> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(path), None) = (arguments.next(), arguments.next()) else {
        return Err(MonitorError::Usage);
    };
    let run = Run::open(&PathBuf::from(path))?;
    fault::point("monitor.locked")?;
    let signals = isolate::isolate()?;
    let status = Recorder::new(&run.launch.status_path)?;
    Ok((run, signals, status))
}

fn failed(error: &MonitorError, exit_code: i32, hint: &str) -> StartEvent {
    StartEvent::Failed { exit_code, message: chain(error), hint: hint.to_owned() }
}
