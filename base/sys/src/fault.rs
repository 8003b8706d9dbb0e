// SPDX-License-Identifier: Apache-2.0
//! Fault hook: stop, kill or fail any of our processes at a named step.
//!
//! `BRIG_FAULT=<point>=<action>` with action `kill` (SIGKILL to itself), `stop` (SIGSTOP) or `fail`
//! (the step returns EIO). `BRIG_FAULT_TRACE=<file>` appends the name of each point passed. The
//! environment belongs to the caller, who could as well send the signal: the hook gives no power.

use crate::error::{Context, SysError};
use rustix::io::Errno;
use rustix::process::{Signal, getpid, kill_process};
use std::io::Write;
use std::sync::OnceLock;

/// What the environment asks for.
#[derive(Debug, Default)]
struct Hook {
    fault: Option<(String, String)>,
    trace: Option<std::path::PathBuf>,
}

fn hook() -> &'static Hook {
    static HOOK: OnceLock<Hook> = OnceLock::new();
    HOOK.get_or_init(|| Hook {
        fault: std::env::var("BRIG_FAULT").ok().and_then(|value| {
            value.split_once('=').map(|(point, action)| (point.to_owned(), action.to_owned()))
        }),
        trace: std::env::var_os("BRIG_FAULT_TRACE").map(Into::into),
    })
}

/// Marks a step; `name` is `<program>.<step>`.
///
/// # Errors
/// EIO when the environment asks this step to fail.
pub fn point(name: &str) -> Result<(), SysError> {
    let hook = hook();
    if let Some(path) = &hook.trace {
        let file = std::fs::OpenOptions::new().append(true).create(true).open(path);
        // A trace that cannot be written must not change what is traced.
        drop(file.and_then(|mut file| file.write_all(format!("{name}\n").as_bytes())));
    }
    match &hook.fault {
        Some((point, action)) if point == name => act(name, action),
        _ => Ok(()),
    }
}

fn act(name: &str, action: &str) -> Result<(), SysError> {
    let signal = match action {
        "kill" => Signal::KILL,
        "stop" => Signal::STOP,
        _ => return Err(Errno::IO).context("fault", || name),
    };
    if getpid().is_init() {
        // The kernel ignores what an init of a PID namespace sends to itself.
        match signal {
            Signal::KILL => crate::process::exit_now(137),
            _ => drop(rustix::event::poll(&mut [], None)),
        }
    }
    kill_process(getpid(), signal).context("kill", || name)
}
