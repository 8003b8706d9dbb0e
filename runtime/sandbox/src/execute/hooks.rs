// SPDX-License-Identifier: Apache-2.0
//! Hooks: programs of the configuration, with the state document on stdin.

use crate::{Error, Result};
use brig_spec::runtime::{Hook, State, Status};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};

/// Longest tail of a hook's output that an error quotes, bytes.
const QUOTE_BYTES_MAX: u64 = 4096;

/// Returns the state document that a hook reads.
#[must_use]
pub fn state_document(state: &State, status: Status) -> String {
    let state = State { status, ..state.clone() };
    serde_json::to_string(&state).expect("a state document has only plain fields")
}

/// Runs hooks in order; the first that fails ends the list.
///
/// # Errors
/// Which hook failed, how, and what it printed.
pub fn run_hooks(kind: &str, hooks: &[Hook], state: &str) -> Result<()> {
    for hook in hooks {
        run(hook, state).map_err(|reason| {
            Error::refused(format!("run the {kind} hook `{}`", hook.path), reason)
        })?;
    }
    Ok(())
}

fn run(hook: &Hook, state: &str) -> std::result::Result<(), String> {
    if !hook.path.starts_with('/') {
        return Err("the path is not absolute".to_owned());
    }
    let mut command = Command::new(&hook.path);
    if let Some((name, args)) = hook.args.split_first() {
        command.arg0(name).args(args);
    }
    // An empty environment unless the configuration gives one (CVE-2025-23266).
    command.env_clear();
    command.envs(hook.env.iter().filter_map(|word| word.split_once('=')));
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    if let Some(mut stdin) = child.stdin.take() {
        // A hook that does not read its state is not at fault.
        drop(stdin.write_all(state.as_bytes()));
    }
    let in_time = wait_in_time(&child, hook.timeout)?;
    if !in_time {
        drop(child.kill());
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    if !in_time {
        return Err(format!("not done after {} s", hook.timeout.unwrap_or_default()));
    }
    if status.success() {
        return Ok(());
    }
    let how = match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, signal) => format!("signal {}", signal.unwrap_or_default()),
    };
    Err(format!("{how}, stderr: {}", quote(&mut child)))
}

/// Waits until the hook ends or its time is over; returns whether it ended.
fn wait_in_time(child: &Child, timeout_s: Option<u32>) -> std::result::Result<bool, String> {
    let Some(timeout_s) = timeout_s.filter(|timeout| *timeout > 0) else { return Ok(true) };
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or("the hook has no pid")?;
    let pidfd = pidfd_open(pid, PidfdFlags::empty()).map_err(|errno| errno.to_string())?;
    let timeout = Timespec { tv_sec: timeout_s.into(), tv_nsec: 0 };
    let ready = poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&timeout))
        .map_err(|errno| errno.to_string())?;
    if ready == 0 {
        // ESRCH: it ended just now.
        let _ = pidfd_send_signal(&pidfd, Signal::KILL);
    }
    Ok(ready > 0)
}

fn quote(child: &mut Child) -> String {
    let mut text = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        drop(stderr.take(QUOTE_BYTES_MAX).read_to_end(&mut text));
    }
    String::from_utf8_lossy(&text).trim_end().to_owned()
}
