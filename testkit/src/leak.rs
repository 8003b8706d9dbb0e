// SPDX-License-Identifier: Apache-2.0
//! What a test has left behind: mounts, namespaces, cgroups, processes, state, descriptors.
//!
//! Only traces that carry the unique name of its root count, so tests can run side by side.

use crate::{TestRoot, cgroup, mountinfo, process};
use std::fs;
use std::path::Path;

/// One line for each thing left.
#[must_use]
pub fn of(root: &TestRoot) -> Vec<String> {
    let mut leaks = processes(root);
    leaks.extend(mounts(root));
    leaks.extend(cgroups(root));
    leaks.extend(files(root));
    leaks.extend(descriptors(root));
    leaks
}

fn processes(root: &TestRoot) -> Vec<String> {
    let shown = |pid: i32, reason: &str| {
        format!("process {pid} ({reason}): {}", process::command_line(pid))
    };
    let mut found: Vec<String> =
        process::using(root.dir()).iter().map(|(pid, reason)| shown(*pid, reason)).collect();
    found.extend(cgroup::processes(root.id()).into_iter().map(|pid| shown(pid, "cgroup")));
    found
}

fn mounts(root: &TestRoot) -> Vec<String> {
    let mark = root.dir().file_name().unwrap_or_default().to_string_lossy().into_owned();
    let host = mountinfo::of("self");
    let on_host = host.iter().filter(|mount| mount.target.contains(&mark));
    let mut found: Vec<String> =
        on_host.map(|mount| format!("mount of {} on {}", mount.kind, mount.target)).collect();
    found.extend(
        process::mount_namespaces_with(&mark)
            .into_iter()
            .map(|(pid, line)| format!("mount in the namespace of process {pid}: {line}")),
    );
    found
}

fn cgroups(root: &TestRoot) -> Vec<String> {
    let tops = cgroup::directories(root.id());
    let left = tops.iter().flat_map(|top| cgroup::below(top));
    left.map(|directory| format!("cgroup {}", directory.display())).collect()
}

/// State directories of runtimes, and what the engine keeps for a container or while it makes one.
fn files(root: &TestRoot) -> Vec<String> {
    let mut found = Vec::new();
    for directory in ["state", "run/containers", "root/containers"] {
        found.extend(entries(&root.path(directory)));
    }
    for directory in ["root/making", "root/trash", "root/names", "root/idmap"] {
        found.extend(entries(&root.path(directory)));
    }
    for runtime in fs::read_dir(root.path("run/oci")).into_iter().flatten().flatten() {
        found.extend(entries(&runtime.path()));
    }
    staging(&root.path("root"), &mut found);
    staging(&root.path("run"), &mut found);
    found.into_iter().map(|path| format!("file {path}")).collect()
}

fn entries(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path().display().to_string())
        .filter(|path| !path.ends_with(".lock") && !path.ends_with("/lock"))
        .collect()
}

fn staging(directory: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let name = entry.file_name();
        if name == "staging" || name == "tmp" {
            found.extend(entries(&entry.path()));
        } else if name != "rootfs" && name != "layers" {
            staging(&entry.path(), found);
        }
    }
}

/// Our own descriptors of files below the root, its lock aside.
fn descriptors(root: &TestRoot) -> Vec<String> {
    let lock = root.path("lock");
    let open = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    open.filter_map(|entry| {
        let target = fs::read_link(entry.path()).ok()?;
        let name = entry.file_name().to_string_lossy().into_owned();
        (target.starts_with(root.dir()) && target != lock)
            .then(|| format!("descriptor {name} of the test: {}", target.display()))
    })
    .collect()
}
