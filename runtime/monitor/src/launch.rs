// SPDX-License-Identifier: Apache-2.0
//! The run directory: what to launch, and the lock that makes this process its monitor.

use brig_spec::monitor::{Launch, Phase, StatusRecord, VERSION, run_files};
use brig_state::{atomic, lock};
use brig_sys::{Context, SysError};
use rustix::fs::{AtFlags, Mode, OFlags, open, unlinkat};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a predecessor may take to tidy up after its container's end.
const PREDECESSOR_PATIENCE: Duration = Duration::from_secs(10);

/// Why the launch record cannot be followed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LaunchError {
    /// The directory, the lock or the record cannot be read.
    #[error(transparent)]
    State(#[from] brig_state::Error),
    /// A system call failed.
    #[error(transparent)]
    System(#[from] SysError),
    /// The record is of another version.
    #[error("launch record of version {version}, this brig-monitor knows {VERSION}")]
    Version { version: u32 },
    /// Another monitor is at work.
    #[error("container `{id}` is already running")]
    AlreadyRunning { id: String },
}

/// A run directory owned by this process.
#[derive(Debug)]
pub(crate) struct Run {
    /// Its path as the engine gave it.
    pub(crate) path: PathBuf,
    /// The directory itself.
    pub(crate) dir: OwnedFd,
    /// What to launch.
    pub(crate) launch: Launch,
    lock: Option<lock::Lock>,
}

impl Run {
    /// Opens the run directory `path` and takes its lock.
    pub(crate) fn open(path: &Path) -> Result<Self, LaunchError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir =
            open(path, flags, Mode::empty()).context("openat", || path.display().to_string())?;
        let launch: Launch = atomic::read_json(&path.join(run_files::LAUNCH))?;
        if launch.version != VERSION {
            return Err(LaunchError::Version { version: launch.version });
        }
        let lock = Some(take_lock(path, &launch)?);
        Ok(Self { path: path.to_owned(), dir, launch, lock })
    }

    /// Removes the launch record, which has served.
    ///
    /// To be done before the end is recorded: from then on the engine may write the next one.
    pub(crate) fn remove_launch(&self) {
        // Missing when somebody has cleared the directory.
        let _ = unlinkat(&self.dir, run_files::LAUNCH, AtFlags::empty());
    }

    /// Lets the next monitor of the same container begin.
    pub(crate) fn unlock(&mut self) {
        self.lock = None;
    }
}

fn take_lock(path: &Path, launch: &Launch) -> Result<lock::Lock, LaunchError> {
    let lock_path = path.join(run_files::LOCK);
    let start = Instant::now();
    loop {
        if let Some(lock) = lock::try_exclusive(&lock_path)? {
            return Ok(lock);
        }
        let status: StatusRecord = atomic::read_json(Path::new(&launch.status_path))?;
        if status.phase != Phase::Exited || start.elapsed() > PREDECESSOR_PATIENCE {
            return Err(LaunchError::AlreadyRunning { id: launch.id.clone() });
        }
        // The last run's monitor is tidying up, which takes it a few milliseconds.
        std::thread::sleep(Duration::from_millis(1));
    }
}
