// SPDX-License-Identifier: Apache-2.0
//! Learning that a container ran out of memory.
//!
//! v1 signals an eventfd that is registered in `cgroup.event_control`; v2 wakes pollers of
//! `memory.events`, where a counter says whether it was that. Either descriptor is for the
//! caller's own `poll`.

use super::{Cgroup, Group};
use crate::error::InStep;
use crate::{Error, Result};
use brig_sys::{Context, SysError};
use rustix::event::{EventfdFlags, PollFlags, eventfd};
use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// Watches one container's memory cgroup.
#[derive(Debug)]
pub struct OomWatch {
    /// `memory.oom_control` or `memory.events`.
    counter: OwnedFd,
    /// v1's eventfd.
    signal: Option<OwnedFd>,
    /// Value of `oom_kill` when last looked at.
    seen: u64,
}

impl Cgroup {
    /// Starts watching; what happened before is not reported.
    ///
    /// # Errors
    /// When no hierarchy has the memory controller, or it gives no notification.
    pub fn watch_oom(&self) -> Result<OomWatch> {
        let v1 = self.groups.iter().find(|group| group.hierarchy.has("memory"));
        if let Some(group) = v1 {
            return watch_v1(group).in_step(|| step(group));
        }
        let v2 = |group: &&Group| group.is_unified() && group.has_file("memory.events");
        let Some(group) = self.groups.iter().find(v2) else {
            return Err(Error::refused(
                "watch for out-of-memory",
                "no cgroup hierarchy gives the container the controller `memory`",
            ));
        };
        watch_v2(group).in_step(|| step(group))
    }
}

fn step(group: &Group) -> String {
    format!("watch for out-of-memory in `{}`", group.path.display())
}

fn open(group: &Group, name: &str) -> std::result::Result<OwnedFd, SysError> {
    openat(&group.dir, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .context("openat", || name)
}

fn watch_v1(group: &Group) -> std::result::Result<OomWatch, SysError> {
    let counter = open(group, "memory.oom_control")?;
    let signal = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
        .context("eventfd", || "out-of-memory")?;
    let words = format!("{} {}", signal.as_raw_fd(), counter.as_raw_fd());
    super::write_file(&group.dir, "cgroup.event_control", &words)?;
    Ok(OomWatch { counter, signal: Some(signal), seen: 0 })
}

fn watch_v2(group: &Group) -> std::result::Result<OomWatch, SysError> {
    let counter = open(group, "memory.events")?;
    let seen = read_kills(&counter)?;
    Ok(OomWatch { counter, signal: None, seen })
}

/// Reads `oom_kill`, which also arms v2's next wake-up.
fn read_kills(counter: &OwnedFd) -> std::result::Result<u64, SysError> {
    let mut bytes = [0; 4096];
    let count = rustix::io::pread(counter, &mut bytes, 0).context("pread", || "oom_kill")?;
    let text = String::from_utf8_lossy(&bytes[..count]);
    let line = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
    Ok(line.and_then(|number| number.trim().parse().ok()).unwrap_or(0))
}

impl OomWatch {
    /// Returns the descriptor to poll and for what.
    #[must_use]
    pub fn poll_for(&self) -> (BorrowedFd<'_>, PollFlags) {
        match &self.signal {
            Some(signal) => (signal.as_fd(), PollFlags::IN),
            None => (self.counter.as_fd(), PollFlags::PRI),
        }
    }

    /// Returns whether it happened since the last call; a removed cgroup has had none.
    ///
    /// # Errors
    /// When the kernel refuses to say.
    pub fn happened(&mut self) -> Result<bool> {
        if let Some(signal) = &self.signal {
            match rustix::io::read(signal, &mut [0; 8]) {
                Err(Errno::AGAIN) => return Ok(false),
                other => other.map(drop).context("read", || "eventfd"),
            }
            .in_step(|| "read out-of-memory events")?;
        }
        match read_kills(&self.counter) {
            // v1 signals the removal of the cgroup too.
            Err(error) if error.errno == Errno::NODEV => Ok(false),
            Err(error) => Err(error).in_step(|| "read out-of-memory events"),
            Ok(kills) => {
                let more = kills > self.seen;
                self.seen = kills;
                // v1 signals nothing else, and with its OOM killer off there is no kill.
                Ok(more || self.signal.is_some())
            }
        }
    }
}
