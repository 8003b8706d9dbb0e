// SPDX-License-Identifier: Apache-2.0
//! Removal of what dead processes left in `making/` and `trash/`.
//!
//! Runs at the start of each command that changes something; its cost grows with the leftovers,
//! not with the containers. Several sweepers at once are fine.

use super::record::ContainerRecord;
use super::reservation::release;
use crate::error::{Error, Result};
use crate::layout::{Layout, files};
use crate::lifecycle::remains::Remains;
use brig_state::{atomic, lock, tree};
use std::path::Path;

/// Removes leftovers. One that cannot be removed is left for the next command: it must not stop
/// a command that has nothing to do with it.
pub(crate) fn sweep(layout: &Layout) -> Result<()> {
    for id in entries(&layout.making())? {
        let dir = layout.making().join(&id);
        if let Ok(Some(_lock)) = lock::try_exclusive_dir(&dir) {
            // Under the lock, so that nobody takes the half-made container for a live one.
            discard_made(layout, &id, &dir);
        }
    }
    for name in entries(&layout.trash())? {
        drop(finish_removal(layout, &name));
    }
    Ok(())
}

/// Removes a container that never came to be, and what it had reserved. The directory goes last:
/// as long as it is there, the next sweep goes on from here.
pub(crate) fn discard_made(layout: &Layout, id: &str, dir: &Path) {
    if release_all(layout, id).is_ok() {
        drop(tree::remove(dir));
    }
}

/// Removes everything of a container whose directory is in the trash, that directory last.
pub(crate) fn finish_removal(layout: &Layout, id: &str) -> Result<()> {
    let trash = layout.trash().join(id);
    if !brig_state::id::is_full(id) {
        return Ok(tree::remove(&trash)?);
    }
    // Without a record, all this was done before the record was deleted.
    if let Ok(record) = atomic::read_json::<ContainerRecord>(&trash.join(files::RECORD)) {
        for name in record.renaming.iter().chain([&record.name]) {
            release(layout, &layout.names(), name, id)?;
        }
        if let Some(slot) = record.id_slot {
            release(layout, &layout.idmap(), &slot.to_string(), id)?;
        }
        let remains = Remains::of_record(layout, id, &record);
        // A monitor that is ending sees to it itself.
        if remains.has_monitor() {
            return Ok(());
        }
        if remains.is_known_to_runtime() {
            remains.clear()?;
        }
    }
    tree::remove(&layout.run_container(id))?;
    Ok(tree::remove(&trash)?)
}

/// Releases every name and slot of a container that does not exist. Walks the reservations: only
/// for the rare case in which no record says which they are.
pub(crate) fn release_all(layout: &Layout, id: &str) -> Result<()> {
    for dir in [layout.names(), layout.idmap()] {
        for key in entries(&dir)? {
            release(layout, &dir, &key, id)?;
        }
    }
    Ok(())
}

/// Returns the names in a directory, hidden ones excluded; a missing directory is empty.
pub(crate) fn entries(dir: &Path) -> Result<Vec<String>> {
    let reader = match std::fs::read_dir(dir) {
        Ok(reader) => reader,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("list", dir)(error)),
    };
    let mut names = Vec::new();
    for entry in reader {
        let entry = entry.map_err(Error::io("list", dir))?;
        match entry.file_name().into_string() {
            Ok(name) if !name.starts_with('.') => names.push(name),
            // brig makes no other names.
            _ => {}
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::idmap;
    use crate::testing::Scratch;

    #[test]
    fn sweep_removes_dead_maker_with_its_reservations_and_keeps_live_ones() {
        let scratch = Scratch::new("sweep");
        let (dead, live) = ("d".repeat(64), "e".repeat(64));
        for id in [&dead, &live] {
            std::fs::create_dir_all(scratch.layout.making().join(id).join("upper")).unwrap();
        }
        std::fs::create_dir_all(scratch.layout.trash().join("t/x")).unwrap();
        let _live = lock::try_exclusive_dir(&scratch.layout.making().join(&live)).unwrap();
        let slots =
            [&dead, &live].map(|id| idmap::allocate(&scratch.layout, id).unwrap().to_string());
        sweep(&scratch.layout).unwrap();
        assert_eq!(entries(&scratch.layout.making()).unwrap(), [live]);
        assert_eq!(entries(&scratch.layout.trash()).unwrap(), Vec::<String>::new());
        assert_eq!(entries(&scratch.layout.idmap()).unwrap(), [slots[1].clone()]);
    }
}
