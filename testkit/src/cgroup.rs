// SPDX-License-Identifier: Apache-2.0
//! The machine's cgroup trees, and the directories of one test in each of them.
//!
//! Everything lives below `/brig-test/<id>`; nothing else is ever written.

use crate::deadline::wait_for;
use crate::mountinfo;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The parent of all tests' cgroups, in every hierarchy.
pub const PARENT: &str = "brig-test";

/// How the machine arranges its controllers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Version 1 only.
    V1,
    /// Version 1 with a version 2 tree beside it.
    Hybrid,
    /// Version 2 only.
    V2,
    /// No cgroups.
    None,
}

/// One mounted tree.
#[derive(Debug, Clone)]
pub struct Hierarchy {
    /// Where it is mounted.
    pub mount: PathBuf,
    /// Its controllers; empty for version 2.
    pub controllers: Vec<String>,
    /// Whether it is version 2.
    pub is_v2: bool,
}

/// The mounted trees.
#[must_use]
pub fn hierarchies() -> Vec<Hierarchy> {
    let mut found: Vec<Hierarchy> = Vec::new();
    for mount in mountinfo::of("self") {
        let is_v2 = mount.kind == "cgroup2";
        if !(is_v2 || mount.kind == "cgroup")
            || found.iter().any(|h| h.mount == Path::new(&mount.target))
        {
            continue;
        }
        let controllers = if is_v2 {
            Vec::new()
        } else {
            mount.super_options.into_iter().filter(|o| o != "rw").collect()
        };
        found.push(Hierarchy { mount: mount.target.into(), controllers, is_v2 });
    }
    found
}

/// How this machine arranges its controllers.
#[must_use]
pub fn mode() -> Mode {
    let all = hierarchies();
    match (all.iter().any(|h| !h.is_v2), all.iter().any(|h| h.is_v2)) {
        (true, true) => Mode::Hybrid,
        (true, false) => Mode::V1,
        (false, true) => Mode::V2,
        (false, false) => Mode::None,
    }
}

/// The mount point of the tree that has `controller`.
#[must_use]
pub fn mount_of(controller: &str) -> Option<PathBuf> {
    let all = hierarchies();
    let v1 = all.iter().find(|h| h.controllers.iter().any(|name| name == controller));
    let unified = all.iter().find(|h| {
        h.is_v2
            && fs::read_to_string(h.mount.join("cgroup.controllers"))
                .is_ok_and(|text| text.split_whitespace().any(|name| name == controller))
    });
    v1.or(unified).map(|h| h.mount.clone())
}

/// The directories of test `id`, one for each tree.
#[must_use]
pub fn directories(id: &str) -> Vec<PathBuf> {
    hierarchies().into_iter().map(|h| h.mount.join(PARENT).join(id)).collect()
}

/// Makes the directories of test `id`, so that the common parent stays while it runs.
///
/// # Errors
/// EACCES for anybody but root.
pub fn create(id: &str) -> io::Result<()> {
    for hierarchy in hierarchies() {
        let parent = hierarchy.mount.join(PARENT);
        let own = parent.join(id);
        // Another test may remove the empty parent between the two calls.
        let made = wait_for(Duration::from_secs(5), || {
            drop(fs::create_dir(&parent));
            match fs::create_dir(&own) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                other => Some(other),
            }
        });
        made.unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into()))?;
        delegate(&hierarchy, &[&parent, &own])?;
    }
    Ok(())
}

/// What a runtime may expect of a parent: version 1 cpusets filled, version 2 controllers enabled.
fn delegate(hierarchy: &Hierarchy, chain: &[&PathBuf]) -> io::Result<()> {
    if hierarchy.controllers.iter().any(|name| name == "cpuset") {
        for directory in chain {
            for file in ["cpuset.cpus", "cpuset.mems"] {
                let above = directory.parent().unwrap_or(directory).join(file);
                fs::write(directory.join(file), fs::read(above)?)?;
            }
        }
    }
    if hierarchy.is_v2 {
        for directory in chain {
            let available = fs::read_to_string(directory.join("cgroup.controllers"))?;
            for controller in available.split_whitespace() {
                // Not every controller of a hybrid machine can be passed on.
                drop(fs::write(directory.join("cgroup.subtree_control"), format!("+{controller}")));
            }
        }
    }
    Ok(())
}

/// Directories below `top`, deepest first, without itself.
#[must_use]
pub fn below(top: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(top) else { return found };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(below(&entry.path()));
            found.push(entry.path());
        }
    }
    found
}

/// The processes of all cgroups of test `id`.
#[must_use]
pub fn processes(id: &str) -> Vec<i32> {
    let mut pids: Vec<i32> = directories(id)
        .iter()
        .flat_map(|top| below(top).into_iter().chain([top.clone()]))
        .filter_map(|directory| fs::read_to_string(directory.join("cgroup.procs")).ok())
        .flat_map(|text| text.lines().filter_map(|line| line.parse().ok()).collect::<Vec<_>>())
        .collect();
    pids.sort_unstable();
    pids.dedup();
    pids
}

/// Lets frozen processes run again, so that they can be killed.
pub fn thaw(id: &str) {
    for directory in directories(id).iter().flat_map(|top| below(top)) {
        drop(
            fs::OpenOptions::new()
                .write(true)
                .open(directory.join("freezer.state"))
                .and_then(|mut file| io::Write::write_all(&mut file, b"THAWED")),
        );
        drop(
            fs::OpenOptions::new()
                .write(true)
                .open(directory.join("cgroup.freeze"))
                .and_then(|mut file| io::Write::write_all(&mut file, b"0")),
        );
    }
}

/// Removes the directories of test `id` and, when it was the last, the common parent.
pub fn remove(id: &str) {
    for top in directories(id) {
        for directory in below(&top).into_iter().chain([top.clone()]) {
            // EBUSY for a moment after its last process has died.
            wait_for(Duration::from_secs(2), || match fs::remove_dir(&directory) {
                Err(error) if error.raw_os_error() == Some(libc::EBUSY) => None,
                _ => Some(()),
            });
        }
        if let Some(parent) = top.parent() {
            // ENOTEMPTY or EBUSY: other tests run.
            drop(fs::remove_dir(parent));
        }
    }
}
