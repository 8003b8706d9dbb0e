// SPDX-License-Identifier: Apache-2.0
//! One transition at a time: a lock on the container's own directory.
//!
//! Invariants: start, removal, renaming and the repair of a status hold it; its maker holds it
//! from the staging directory on, for a lock belongs to the directory and not to its name. A
//! dead holder never blocks.

use crate::error::{Error, Result};
use crate::layout::Layout;
use rustix::fs::{FlockOperation, Mode, OFlags, flock, fstat, open, stat};
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

/// How often a busy lock is tried again.
const RETRY: Duration = Duration::from_millis(5);

/// The lock on one container.
#[derive(Debug)]
pub(crate) struct Transition {
    _dir: OwnedFd,
}

impl Transition {
    /// Waits for the lock on container `id`.
    pub(crate) fn begin(layout: &Layout, id: &str) -> Result<Self> {
        let path = layout.container(id);
        let dir = open_dir(&path, id)?;
        loop {
            match flock(&dir, FlockOperation::LockExclusive) {
                Ok(()) => break,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(Error::errno("lock", path)(errno)),
            }
        }
        Self::checked(dir, &path, id)
    }

    /// Takes the lock if it is free or becomes free within `patience`.
    pub(crate) fn try_begin(layout: &Layout, id: &str, patience: Duration) -> Result<Option<Self>> {
        let path = layout.container(id);
        let dir = open_dir(&path, id)?;
        let start = Instant::now();
        loop {
            match flock(&dir, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Self::checked(dir, &path, id).map(Some),
                Err(Errno::INTR) => {}
                Err(Errno::WOULDBLOCK) if start.elapsed() < patience => {
                    // Who holds it may be removing the container, and for long.
                    if !is_at(&dir, &path)? {
                        return Err(Error::NoSuchContainer(id.to_owned()));
                    }
                    std::thread::sleep(RETRY);
                }
                Err(Errno::WOULDBLOCK) => return Ok(None),
                Err(errno) => return Err(Error::errno("lock", path)(errno)),
            }
        }
    }

    /// Adopts the locked staging directory of a container that has just got its place.
    pub(crate) fn adopt(dir: OwnedFd) -> Self {
        Self { _dir: dir }
    }

    /// The directory may have been removed while the lock was awaited.
    fn checked(dir: OwnedFd, path: &Path, id: &str) -> Result<Self> {
        if is_at(&dir, path)? {
            return Ok(Self { _dir: dir });
        }
        Err(Error::NoSuchContainer(id.to_owned()))
    }
}

/// Returns whether the directory is still the one at `path`.
fn is_at(dir: &OwnedFd, path: &Path) -> Result<bool> {
    let mine = fstat(dir).map_err(Error::errno("read", path))?;
    Ok(stat(path).is_ok_and(|there| (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)))
}

fn open_dir(path: &Path, id: &str) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    open(path, flags, Mode::empty()).map_err(|errno| match errno {
        Errno::NOENT => Error::NoSuchContainer(id.to_owned()),
        errno => Error::errno("open", path)(errno),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;

    #[test]
    fn try_begin_held_lock_is_none_and_removed_container_is_unknown() {
        let scratch = Scratch::new("transition");
        let id = "a".repeat(64);
        scratch.fake_container(&id, "one");
        let held = Transition::begin(&scratch.layout, &id).unwrap();
        let brief = Duration::from_millis(1);
        assert!(Transition::try_begin(&scratch.layout, &id, brief).unwrap().is_none());
        drop(held);
        assert!(Transition::try_begin(&scratch.layout, &id, brief).unwrap().is_some());
        std::fs::remove_dir_all(scratch.layout.container(&id)).unwrap();
        let error = Transition::begin(&scratch.layout, &id).unwrap_err();
        assert!(matches!(error, Error::NoSuchContainer(_)));
    }
}
