// SPDX-License-Identifier: Apache-2.0
//! Reservations: a symbolic link named after a scarce thing, whose text is the id of the container
//! that has it. It leads nowhere: a link is what one system call makes whole, or not at all.
//!
//! Invariants: a reservation is only ever created, never overwritten. It is *stale* when its container neither exists nor is being made by a live
//! process; a stale one is removed under a lock, after being read again under
//! that lock, so that two reclaimers never remove each other's fresh reservation. An owner removes
//! its own under the same lock.

use crate::error::Result;
use crate::layout::Layout;
use brig_state::lock;
use rustix::fs::{readlink, symlink};
use rustix::io::Errno;
use std::path::Path;

/// Below the data root, for names and slots alike.
const LOCK: &str = "reservations.lock";

/// Outcome of an attempt to reserve.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reserve {
    /// It is ours now.
    Taken,
    /// The container with this id has it.
    Held(String),
}

/// Reserves `dir/key` for container `id`, reclaiming a stale reservation.
pub(crate) fn reserve(layout: &Layout, dir: &Path, key: &str, id: &str) -> Result<Reserve> {
    let path = dir.join(key);
    loop {
        match symlink(id, &path) {
            Ok(()) => return Ok(Reserve::Taken),
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(crate::Error::errno("reserve", path)(errno)),
        }
        let Some(holder) = holder(&path)? else { continue };
        if holder == id {
            return Ok(Reserve::Taken);
        }
        if !is_stale(layout, dir, key, &holder)? {
            return Ok(Reserve::Held(holder));
        }
        reclaim(layout, dir, key, &path)?;
    }
}

/// Returns the id in a reservation, `None` when there is none. What is no link holds nothing.
pub(crate) fn holder(path: &Path) -> Result<Option<String>> {
    match readlink(path, Vec::with_capacity(128)) {
        Ok(text) => Ok(Some(text.to_string_lossy().into_owned())),
        Err(Errno::NOENT) => Ok(None),
        Err(Errno::INVAL) => Ok(Some(String::new())),
        Err(errno) => Err(crate::Error::errno("read the reservation", path)(errno)),
    }
}

/// Removes a reservation if container `id` has it. Under the lock, since a container that is gone
/// already may lose it to another one at any moment.
pub(crate) fn release(layout: &Layout, dir: &Path, key: &str, id: &str) -> Result<()> {
    let path = dir.join(key);
    // Looked at without the lock first: most look-ups of a sweep are about others.
    if holder(&path)?.as_deref() != Some(id) {
        return Ok(());
    }
    let _lock = lock::exclusive(&layout.root.join(LOCK))?;
    if holder(&path)?.as_deref() == Some(id) {
        remove(&path)?;
    }
    Ok(())
}

fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(crate::Error::io("remove", path)(error)),
    }
}

fn reclaim(layout: &Layout, dir: &Path, key: &str, path: &Path) -> Result<()> {
    let _lock = lock::exclusive(&layout.root.join(LOCK))?;
    match holder(path)? {
        Some(holder) if is_stale(layout, dir, key, &holder)? => remove(path),
        _ => Ok(()),
    }
}

/// A holder that is not a container id was written by nobody and holds nothing.
fn is_stale(layout: &Layout, dir: &Path, key: &str, holder: &str) -> Result<bool> {
    if !brig_state::id::is_full(holder) {
        return Ok(true);
    }
    // Staging is looked at first: a container moves from there to its place, never back.
    if is_being_made(layout, holder)? {
        return Ok(false);
    }
    let record = layout.container(holder).join(crate::layout::files::RECORD);
    if std::fs::symlink_metadata(&record).is_err() {
        return Ok(true);
    }
    if dir != layout.names() {
        return Ok(false);
    }
    super::names::is_left_by_rename(layout, key, holder)
}

/// A staging directory is locked by its maker; one that just appeared may not be yet, so a
/// directory whose lock is free counts as live for as long as the sweeper has not taken it.
fn is_being_made(layout: &Layout, id: &str) -> Result<bool> {
    let dir = layout.making().join(id);
    match lock::try_exclusive_dir(&dir) {
        Ok(Some(_)) => Ok(false),
        Ok(None) => Ok(true),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;

    const A: &str = "a000000000000000000000000000000000000000000000000000000000000000";
    const B: &str = "b000000000000000000000000000000000000000000000000000000000000000";

    fn reserve_slot(scratch: &Scratch, key: &str, id: &str) -> Reserve {
        reserve(&scratch.layout, &scratch.layout.idmap(), key, id).unwrap()
    }

    #[test]
    fn reserve_held_by_a_container_names_the_holder() {
        let scratch = Scratch::new("reserve-held");
        scratch.fake_container(A, "one");
        assert_eq!(reserve_slot(&scratch, "7", A), Reserve::Taken);
        assert_eq!(reserve_slot(&scratch, "7", B), Reserve::Held(A.to_owned()));
        assert_eq!(reserve_slot(&scratch, "7", A), Reserve::Taken);
    }

    #[test]
    fn reserve_held_by_a_live_maker_is_refused_until_the_maker_dies() {
        let scratch = Scratch::new("reserve-live");
        let staging = scratch.layout.making().join(A);
        std::fs::create_dir(&staging).unwrap();
        let lock = lock::try_exclusive_dir(&staging).unwrap().unwrap();
        assert_eq!(reserve_slot(&scratch, "7", A), Reserve::Taken);
        assert_eq!(reserve_slot(&scratch, "7", B), Reserve::Held(A.to_owned()));
        drop(lock);
        assert_eq!(reserve_slot(&scratch, "7", B), Reserve::Taken);
    }

    #[test]
    fn reserve_with_a_garbage_holder_is_taken() {
        let scratch = Scratch::new("reserve-garbage");
        std::fs::write(scratch.layout.idmap().join("7"), A).unwrap();
        std::os::unix::fs::symlink("../../etc", scratch.layout.idmap().join("8")).unwrap();
        assert_eq!(reserve_slot(&scratch, "7", A), Reserve::Taken);
        assert_eq!(reserve_slot(&scratch, "8", A), Reserve::Taken);
    }

    #[test]
    fn release_by_another_container_keeps_it() {
        let scratch = Scratch::new("release");
        scratch.fake_container(A, "one");
        let path = scratch.layout.idmap().join("7");
        assert_eq!(reserve_slot(&scratch, "7", A), Reserve::Taken);
        release(&scratch.layout, &scratch.layout.idmap(), "7", B).unwrap();
        assert_eq!(holder(&path).unwrap().as_deref(), Some(A));
        release(&scratch.layout, &scratch.layout.idmap(), "7", A).unwrap();
        assert_eq!(holder(&path).unwrap(), None);
    }
}
