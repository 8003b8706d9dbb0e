// SPDX-License-Identifier: Apache-2.0
//! The last resort of removal: kills whatever is in a container's cgroup and removes it, when
//! the runtime that made it does not, or knows nothing of it any more.
//!
//! Invariants: only touches cgroups whose last name is a container id; kills through pidfds, after
//! seeing the process in the cgroup with the pidfd already open, so that a reused pid is safe.

use crate::error::{Error, Result};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long the kernel may take to empty a cgroup of killed processes.
const PATIENCE: Duration = Duration::from_secs(5);
const RETRY: Duration = Duration::from_millis(5);

/// Kills and removes the cgroup `path` of container `id` in every hierarchy.
pub(crate) fn destroy(path: &str, id: &str) -> Result<()> {
    if !brig_state::id::is_full(id) || Path::new(path).file_name() != Some(id.as_ref()) {
        return Ok(());
    }
    let mountinfo = std::fs::read_to_string("/proc/self/mountinfo")
        .map_err(Error::io("read", "/proc/self/mountinfo"))?;
    let dirs: Vec<PathBuf> = hierarchies(&mountinfo)
        .into_iter()
        .map(|mount| mount.join(path.trim_start_matches('/')))
        .filter(|dir| std::fs::symlink_metadata(dir).is_ok_and(|m| m.is_dir()))
        .collect();
    let start = Instant::now();
    loop {
        let left: Vec<&PathBuf> = dirs.iter().filter(|dir| !remove(dir)).collect();
        let Some(first) = left.first() else { return Ok(()) };
        if start.elapsed() > PATIENCE {
            return Err(Error::unavailable(
                format!("the cgroup `{}` stays busy", first.display()),
                "look for its processes in `cgroup.procs`; one in an uninterruptible wait ends \
                 when the device that it waits for answers",
            ));
        }
        for dir in left {
            kill_all(dir);
        }
        std::thread::sleep(RETRY);
    }
}

/// Returns the mount points of all cgroup hierarchies mounted from their root.
fn hierarchies(mountinfo: &str) -> Vec<PathBuf> {
    mountinfo
        .lines()
        .filter_map(|line| {
            let (left, right) = line.split_once(" - ")?;
            let kind = right.split(' ').next()?;
            let mut fields = left.split(' ').skip(3);
            let (root, point) = (fields.next()?, fields.next()?);
            let is_cgroup = matches!(kind, "cgroup" | "cgroup2") && root == "/";
            is_cgroup.then(|| PathBuf::from(point))
        })
        .collect()
}

/// Removes a cgroup and those below it; returns whether it is gone.
fn remove(dir: &Path) -> bool {
    for child in children(dir) {
        remove(&child);
    }
    match std::fs::remove_dir(dir) {
        Ok(()) => true,
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

fn children(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}

/// Kills every process in a cgroup and below it. Failures show in the next round.
fn kill_all(dir: &Path) {
    for child in children(dir) {
        kill_all(&child);
    }
    // A frozen process does not die before it is thawed (v1; v2 thaws on kill).
    drop(std::fs::write(dir.join("freezer.state"), "THAWED"));
    if std::fs::write(dir.join("cgroup.kill"), "1").is_ok() {
        return;
    }
    for pid in pids(dir) {
        let Some(raw) = Pid::from_raw(pid) else { continue };
        let Ok(pidfd) = pidfd_open(raw, PidfdFlags::empty()) else { continue };
        if pids(dir).contains(&pid) {
            let _ = pidfd_send_signal(&pidfd, Signal::KILL);
        }
    }
}

fn pids(dir: &Path) -> Vec<i32> {
    let text = std::fs::read_to_string(dir.join("cgroup.procs")).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hierarchies_of_a_hybrid_machine_are_all_found() {
        let mountinfo = "\
            30 20 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n\
            31 30 0:27 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory\n\
            32 30 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n\
            33 30 0:28 /brig/x /mnt rw - cgroup2 cgroup2 rw\n";
        assert_eq!(
            hierarchies(mountinfo),
            [Path::new("/sys/fs/cgroup/memory"), Path::new("/sys/fs/cgroup/unified")]
        );
    }

    #[test]
    fn destroy_path_that_is_no_containers_touches_nothing() {
        destroy("/", &"a".repeat(64)).unwrap();
        destroy("/brig", "brig").unwrap();
    }
}
