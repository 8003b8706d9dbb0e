// SPDX-License-Identifier: Apache-2.0
//! Ending everything in a cgroup, and removing it.

use crate::error::InStep;
use crate::{Error, Result};
use brig_sys::Context;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long to wait for killed tasks to be gone.
const DEADLINE: Duration = Duration::from_secs(10);

/// Kills every task below the directories, then removes them; missing ones are fine.
///
/// # Errors
/// When a directory cannot be removed before the deadline.
pub fn remove(directories: &[PathBuf]) -> Result<()> {
    let mut killed = false;
    for directory in directories {
        let deadline = Instant::now() + DEADLINE;
        let mut pause = Duration::from_micros(100);
        loop {
            match remove_tree(directory) {
                Ok(()) => break,
                Err(Errno::BUSY) if Instant::now() < deadline => {
                    // The kernel frees a killed task's membership a little after its end.
                    kill_tree(directory);
                    if killed {
                        std::thread::sleep(pause);
                        pause = (pause * 2).min(Duration::from_millis(20));
                    }
                    killed = true;
                }
                Err(errno) => {
                    return Err::<(), _>(errno)
                        .context("rmdir", || directory.display().to_string())
                        .in_step(|| "remove the container's cgroup");
                }
            }
        }
    }
    Ok(())
}

/// Removes a directory and its child groups, deepest first.
fn remove_tree(directory: &Path) -> std::result::Result<(), Errno> {
    match rustix::fs::rmdir(directory) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        Err(Errno::BUSY | Errno::NOTEMPTY) => {}
        Err(errno) => return Err(errno),
    }
    for child in children(directory) {
        remove_tree(&child)?;
    }
    match rustix::fs::rmdir(directory) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(errno),
    }
}

fn children(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}

fn kill_tree(directory: &Path) {
    // v2 kills all at once, against forking too.
    if std::fs::write(directory.join("cgroup.kill"), "1").is_ok() {
        return;
    }
    for child in children(directory) {
        kill_tree(&child);
    }
    let procs = std::fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
    for pid in procs.lines().filter_map(|line| line.parse().ok()).filter_map(Pid::from_raw) {
        // Gone in between: fine.
        if let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty()) {
            let _ = pidfd_send_signal(&pidfd, Signal::KILL);
        }
    }
}

/// Returns the pids below the first of the directories, sorted.
///
/// # Errors
/// When it cannot be read.
pub fn pids(directories: &[PathBuf]) -> Result<Vec<i32>> {
    let Some(first) = directories.first() else {
        return Err(Error::refused("list processes", "the container has no cgroup"));
    };
    let mut pids = Vec::new();
    let mut pending = vec![first.clone()];
    while let Some(directory) = pending.pop() {
        let path = directory.join("cgroup.procs");
        let text = std::fs::read_to_string(&path)
            .context("read", || path.display().to_string())
            .in_step(|| "list processes")?;
        pids.extend(text.lines().filter_map(|line| line.parse::<i32>().ok()));
        pending.extend(children(&directory));
    }
    pids.sort_unstable();
    pids.dedup();
    Ok(pids)
}
