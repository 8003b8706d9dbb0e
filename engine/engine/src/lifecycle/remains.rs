// SPDX-License-Identifier: Apache-2.0
//! What is left of a container outside its directory: processes, cgroup, the runtime's state, the
//! monitor; and how it is ended and cleared when nobody else does.
//!
//! Invariants: works from whatever is still readable (the record, else the launch record and the
//! bundle); trusts locks and pidfds, not numbers in files.

use crate::container::lookup;
use crate::container::record::ContainerRecord;
use crate::error::Result;
use crate::layout::{Layout, files};
use crate::runtime_call::{self, Handle};
use crate::{cgroup, runtimes, signal};
use brig_spec::monitor::{Launch, run_files};
use brig_spec::runtime::Spec;
use brig_state::{atomic, lock, tree};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a monitor may take to tidy up after its container's end.
const MONITOR_PATIENCE: Duration = Duration::from_secs(5);
const STEP: Duration = Duration::from_millis(1);

/// What is known about the outside of one container.
#[derive(Debug)]
pub(crate) struct Remains<'a> {
    layout: &'a Layout,
    id: &'a str,
    runtime: Option<Handle>,
    cgroups_path: Option<String>,
}

impl<'a> Remains<'a> {
    /// Finds out from the records of container `id`, damaged or missing ones aside.
    pub(crate) fn of(layout: &'a Layout, id: &'a str) -> Self {
        if let Ok(record) = lookup::record(layout, id) {
            return Self::of_record(layout, id, &record);
        }
        let launch = layout.run_container(id).join(run_files::LAUNCH);
        let runtime = atomic::read_json::<Launch>(&launch).ok().map(|launch| Handle {
            id: id.to_owned(),
            path: launch.runtime,
            args: launch.runtime_args,
        });
        let bundle = layout.container(id).join(files::BUNDLE).join("config.json");
        let spec = atomic::read_json::<Spec>(&bundle).ok();
        let cgroups_path = spec.and_then(|spec| spec.linux).map(|linux| linux.cgroups_path);
        Self { layout, id, runtime, cgroups_path }
    }

    /// Takes it from a record that was read.
    pub(crate) fn of_record(layout: &'a Layout, id: &'a str, record: &ContainerRecord) -> Self {
        let cgroups_path = Some(record.cgroups_path.clone());
        Self { layout, id, runtime: Some(Handle::of(record)), cgroups_path }
    }

    fn lock_path(&self) -> PathBuf {
        self.layout.run_container(self.id).join(run_files::LOCK)
    }

    /// Returns whether a monitor is at work.
    pub(crate) fn has_monitor(&self) -> bool {
        lock::is_held(&self.lock_path()).unwrap_or(false)
    }

    /// Ends the container's processes in the gentlest way that works: through the runtime, so that
    /// the monitor records the end; else without the monitor, through the cgroup.
    pub(crate) fn end(&self) -> Result<()> {
        let was_monitored = self.has_monitor();
        if let Some(runtime) = &self.runtime {
            // A container that is just being started cannot be signalled yet.
            drop(runtime_call::kill(runtime, signal::KILL));
        }
        if was_monitored && self.monitor_leaves(MONITOR_PATIENCE) {
            return Ok(());
        }
        self.kill_monitor();
        self.clear()
    }

    /// Waits for the monitor to finish; one that does not is killed.
    pub(crate) fn await_monitor(&self) {
        if !self.monitor_leaves(MONITOR_PATIENCE) {
            self.kill_monitor();
        }
    }

    fn monitor_leaves(&self, patience: Duration) -> bool {
        let start = Instant::now();
        while self.has_monitor() {
            if start.elapsed() > patience {
                return false;
            }
            std::thread::sleep(STEP);
        }
        true
    }

    /// Kills the process that holds the monitor's lock.
    pub(crate) fn kill_monitor(&self) {
        let path = self.lock_path();
        let Some(pid) = lock_holder(&path) else { return };
        let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty()) else { return };
        // Looked at with the pidfd open: it then refers to the holder itself.
        let comm = std::fs::read_to_string(format!("/proc/{}/comm", pid.as_raw_nonzero()));
        let is_monitor = comm.is_ok_and(|name| name.trim_end() == runtimes::MONITOR);
        if is_monitor && lock_holder(&path) == Some(pid) {
            let _ = pidfd_send_signal(&pidfd, Signal::KILL);
            self.monitor_leaves(MONITOR_PATIENCE);
        }
    }

    /// Returns whether the runtime still has a state of the container.
    pub(crate) fn is_known_to_runtime(&self) -> bool {
        self.runtime_dirs().iter().any(|dir| std::fs::symlink_metadata(dir).is_ok())
    }

    fn runtime_dirs(&self) -> Vec<PathBuf> {
        let all = self.layout.run.join("oci");
        let names = std::fs::read_dir(all).map(|dir| dir.flatten().collect::<Vec<_>>());
        names.unwrap_or_default().iter().map(|entry| entry.path().join(self.id)).collect()
    }

    /// Kills and removes everything but the container's directory.
    pub(crate) fn clear(&self) -> Result<()> {
        // The runtime may be gone or know nothing; the cgroup then says what is left.
        let deleted = self.runtime.as_ref().map_or(Ok(()), runtime_call::delete);
        let destroyed = match &self.cgroups_path {
            Some(path) => cgroup::destroy(path, self.id),
            None => Ok(()),
        };
        if destroyed.is_err() {
            deleted?;
            destroyed?;
        }
        for dir in self.runtime_dirs() {
            tree::remove(&dir)?;
        }
        Ok(tree::remove(&self.layout.run_container(self.id))?)
    }
}

/// Returns the process that holds the lock on the file at `path`, as the kernel tells it.
pub(super) fn lock_holder(path: &Path) -> Option<Pid> {
    let meta = std::fs::metadata(path).ok()?;
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    find_holder(&locks, meta.dev(), meta.ino())
}

fn find_holder(locks: &str, device: u64, inode: u64) -> Option<Pid> {
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let wanted = format!("{major:02x}:{minor:02x}:{inode}");
    locks.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        // A waiter's line has an arrow after the number.
        let ["FLOCK", _, "WRITE", pid, file, ..] = fields.get(1..)? else { return None };
        if *file != wanted {
            return None;
        }
        Pid::from_raw(pid.parse().ok()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_holder_of_an_own_lock_is_this_process() {
        let path = std::env::temp_dir().join(format!("brig-holder-{}", std::process::id()));
        std::fs::write(&path, "").unwrap();
        assert_eq!(lock_holder(&path), None);
        let _lock = lock::exclusive(&path).unwrap();
        assert_eq!(lock_holder(&path), Some(rustix::process::getpid()));
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn find_holder_takes_flocks_of_that_file_only() {
        let locks = "1: POSIX  ADVISORY  WRITE 7 fe:00:42 0 EOF\n\
            2: -> FLOCK  ADVISORY  WRITE 8 fe:00:42 0 EOF\n\
            3: FLOCK  ADVISORY  READ 9 fe:00:42 0 EOF\n\
            4: FLOCK  ADVISORY  WRITE 10 fe:00:42 0 EOF\n";
        let device = rustix::fs::makedev(0xfe, 0);
        assert_eq!(find_holder(locks, device, 42), Pid::from_raw(10));
        assert_eq!(find_holder(locks, device, 43), None);
    }
}
