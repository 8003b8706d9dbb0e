// SPDX-License-Identifier: Apache-2.0
//! Directories for unfinished work, each locked by the process that works in it.

use crate::error::Error;
use brig_state::lock::{self, Lock};
use rustix::fs::{Mode, mkdir};
use std::path::{Path, PathBuf};

/// A private directory that vanishes with this value, or after the death of its process.
#[derive(Debug)]
pub(super) struct Staging {
    path: PathBuf,
    _lock: Lock,
}

impl Staging {
    /// Makes a directory in `staging`.
    pub(super) fn create(staging: &Path) -> Result<Self, Error> {
        loop {
            let mut random = [0_u8; 8];
            rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())
                .map_err(Error::os("read random bytes for", staging))?;
            let name = format!("{}-{:016x}", std::process::id(), u64::from_ne_bytes(random));
            let path = staging.join(name);
            mkdir(&path, Mode::RWXU).map_err(Error::os("create", &path))?;
            // Between these two calls another process may take the directory for a dead one's.
            let lock = match lock::try_exclusive_dir(&path) {
                Err(error) if error.is_not_found() => None,
                other => other?,
            };
            match lock {
                Some(lock) if std::fs::symlink_metadata(&path).is_ok() => {
                    return Ok(Self { path, _lock: lock });
                }
                _ => {}
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next process that opens the store.
        drop(brig_state::tree::remove(&self.path));
    }
}

/// Removes what dead processes left; never waits and never fails, because the caller has other work.
pub(super) fn remove_abandoned(staging: &Path) {
    let Ok(entries) = std::fs::read_dir(staging) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if let Ok(Some(lock)) = lock::try_exclusive_dir(&path) {
            drop(brig_state::tree::remove(&path));
            drop(lock);
        }
    }
}
