// SPDX-License-Identifier: Apache-2.0
//! Auto-remove: the container disappears by one rename, its bytes afterwards.

use brig_spec::monitor::AutoRemove;
use brig_state::tree;
use std::fs;
use std::path::{Path, PathBuf};

/// Frees the container's names and moves its directory into the trash, where it is no longer
/// a container. Returns what is left to delete.
pub(crate) fn remove_container(wanted: &AutoRemove, id: &str) -> PathBuf {
    for file in &wanted.files {
        // Missing when an earlier attempt was cut short; any other leftover names a container
        // that does not exist and is recognised as stale.
        drop(fs::remove_file(file));
    }
    let container = Path::new(&wanted.container_dir);
    let trash = Path::new(&wanted.trash_dir).join(id);
    match fs::rename(container, &trash) {
        Ok(()) => trash,
        // No trash directory, or one on another file system: slower, and visible meanwhile.
        Err(_) => container.to_owned(),
    }
}

/// Deletes what [`remove_container`] has left. The contents are hostile.
pub(crate) fn empty_trash(trash: &Path) {
    // What cannot be deleted now is deleted by a later command.
    drop(tree::remove(trash));
}
