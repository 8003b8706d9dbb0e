// SPDX-License-Identifier: Apache-2.0
//! A directory of plain files in place of a cgroup, for tests without a kernel's consent.

use super::{Group, Hierarchy, open_directory};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

/// Removed when dropped.
pub(super) struct Fake {
    pub(super) group: Group,
}

/// Makes a v2 group that has the files.
pub(super) fn unified(files: &[(&str, &str)]) -> Fake {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("brig-fake-cgroup-{}-{number}", std::process::id());
    let mount = std::env::temp_dir().join(name).join("sys/fs/cgroup");
    let path = mount.join("c1");
    std::fs::create_dir_all(&path).unwrap();
    for (name, text) in files {
        std::fs::write(path.join(name), text).unwrap();
    }
    let hierarchy = Hierarchy { controllers: Vec::new(), mount, own: PathBuf::new() };
    let dir = open_directory(&path).unwrap();
    Fake { group: Group { hierarchy, path, dir } }
}

impl Drop for Fake {
    fn drop(&mut self) {
        let top = self.group.hierarchy.mount.ancestors().nth(3).unwrap();
        drop(std::fs::remove_dir_all(top));
    }
}
