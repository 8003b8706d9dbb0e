// SPDX-License-Identifier: Apache-2.0
//! Removal of what dead processes left in `making/` and `trash/`.
//!
//! Runs at the start of each command that changes something; its cost grows with the leftovers,
//! not with the containers. Several sweepers at once are fine.

use super::reservation::release;
use crate::error::{Error, Result};
use crate::layout::Layout;
use brig_state::{lock, tree};
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
        drop(tree::remove(&layout.trash().join(name)));
    }
    Ok(())
}

/// Removes a container that never came to be, and what it had reserved.
pub(crate) fn discard_made(layout: &Layout, id: &str, dir: &Path) {
    // A reservation that stays is stale from here on and reclaimed by whoever wants it.
    drop(tree::remove(dir));
    drop(release_all(layout, id));
}

/// Releases every name and slot of a container that does not exist. Walks the reservations: only
/// for the rare case in which no record says which they are.
pub(crate) fn release_all(layout: &Layout, id: &str) -> Result<()> {
    for dir in [layout.names(), layout.idmap()] {
        for key in entries(&dir)? {
            release(&dir.join(key), id)?;
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
