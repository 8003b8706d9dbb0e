// SPDX-License-Identifier: Apache-2.0
//! Locks: `flock` on files, freed by the kernel when the holder dies.

use crate::Error;
use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use std::path::Path;

/// A lock held until dropped or until the process dies.
#[derive(Debug)]
pub struct Lock {
    _fd: OwnedFd,
}

/// Waits for the exclusive lock on the file `path`, which is created when missing.
///
/// # Errors
/// When the file cannot be opened or locked.
pub fn exclusive(path: &Path) -> Result<Lock, Error> {
    take(path, FlockOperation::LockExclusive)
}

/// Waits for a shared lock on the file `path`, which is created when missing.
///
/// # Errors
/// When the file cannot be opened or locked.
pub fn shared(path: &Path) -> Result<Lock, Error> {
    take(path, FlockOperation::LockShared)
}

/// Takes the exclusive lock on the file `path` if nobody holds it; `None` when somebody does.
///
/// # Errors
/// When the file cannot be opened or locked.
pub fn try_exclusive(path: &Path) -> Result<Option<Lock>, Error> {
    attempt(open_file(path)?, path)
}

/// Takes the exclusive lock on the existing directory `path` if nobody holds it.
///
/// # Errors
/// When the directory cannot be opened or locked.
pub fn try_exclusive_dir(path: &Path) -> Result<Option<Lock>, Error> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let fd = open(path, flags, Mode::empty()).map_err(Error::errno("open", path))?;
    attempt(fd, path)
}

/// Returns whether somebody holds the lock on the file `path`; a missing file is not held.
///
/// # Errors
/// When the file cannot be opened for another reason.
pub fn is_held(path: &Path) -> Result<bool, Error> {
    let fd = match open(path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()) {
        Ok(fd) => fd,
        Err(Errno::NOENT) => return Ok(false),
        Err(errno) => return Err(Error::errno("open", path)(errno)),
    };
    Ok(attempt_shared(&fd, path)?.is_none())
}

fn open_file(path: &Path) -> Result<OwnedFd, Error> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC;
    open(path, flags, Mode::from_raw_mode(0o600)).map_err(Error::errno("open", path))
}

fn take(path: &Path, operation: FlockOperation) -> Result<Lock, Error> {
    let fd = open_file(path)?;
    loop {
        match flock(&fd, operation) {
            Ok(()) => return Ok(Lock { _fd: fd }),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(Error::errno("lock", path)(errno)),
        }
    }
}

fn attempt(fd: OwnedFd, path: &Path) -> Result<Option<Lock>, Error> {
    match flock(&fd, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(Lock { _fd: fd })),
        Err(Errno::WOULDBLOCK) => Ok(None),
        Err(errno) => Err(Error::errno("lock", path)(errno)),
    }
}

/// Probes with a shared lock so that two probers do not take each other for a holder.
fn attempt_shared(fd: &OwnedFd, path: &Path) -> Result<Option<()>, Error> {
    match flock(fd, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(Some(())),
        Err(Errno::WOULDBLOCK) => Ok(None),
        Err(errno) => Err(Error::errno("lock", path)(errno)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn try_exclusive_held_lock_returns_none_until_dropped() {
        let path = std::env::temp_dir().join(format!("brig-lock-{}", std::process::id()));
        let held = exclusive(&path).unwrap();
        assert!(try_exclusive(&path).unwrap().is_none());
        assert!(is_held(&path).unwrap());
        drop(held);
        assert!(!is_held(&path).unwrap());
        assert!(try_exclusive(&path).unwrap().is_some());
        std::fs::remove_file(&path).unwrap();
        assert!(!is_held(&path).unwrap());
    }
}
