// SPDX-License-Identifier: Apache-2.0
//! Which cgroup hierarchies the machine has, and where the caller is in them.

use crate::error::InStep;
use crate::{Error, Result};
use brig_sys::Context;
use std::path::PathBuf;

/// One mounted hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hierarchy {
    /// Controllers of a v1 hierarchy, with `name=` ones as they are; empty for v2.
    pub controllers: Vec<String>,
    /// Mount point.
    pub mount: PathBuf,
    /// The caller's own cgroup, relative to the mount point.
    pub(super) own: PathBuf,
}

/// All hierarchies, v1 first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout {
    /// Hierarchies.
    pub hierarchies: Vec<Hierarchy>,
}

impl Hierarchy {
    /// Returns whether this is the cgroup v2 hierarchy.
    #[must_use]
    pub fn is_unified(&self) -> bool {
        self.controllers.is_empty()
    }

    /// Returns whether a v1 hierarchy has the controller.
    #[must_use]
    pub fn has(&self, controller: &str) -> bool {
        self.controllers.iter().any(|c| c == controller)
    }

    /// Returns the caller's own cgroup directory.
    #[must_use]
    pub fn own(&self) -> PathBuf {
        self.mount.join(&self.own)
    }

    /// Returns the directory name under `/sys/fs/cgroup`, such as `cpu,cpuacct` or `systemd`.
    #[must_use]
    pub fn directory_name(&self) -> String {
        self.mount.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

impl Layout {
    /// Reads the machine's hierarchies.
    ///
    /// # Errors
    /// When procfs is unreadable or no cgroup file system is mounted.
    pub fn detect() -> Result<Self> {
        let read = |path: &str| {
            std::fs::read_to_string(path)
                .context("read", || path)
                .in_step(|| "find the cgroup hierarchies")
        };
        let layout = Self::parse(&read("/proc/self/mountinfo")?, &read("/proc/self/cgroup")?);
        if layout.hierarchies.is_empty() {
            return Err(Error::refused(
                "find the cgroup hierarchies",
                "no cgroup file system is mounted; mount cgroup2 on /sys/fs/cgroup",
            ));
        }
        Ok(layout)
    }

    /// Returns whether only cgroup v2 is there.
    #[must_use]
    pub fn is_unified(&self) -> bool {
        self.hierarchies.iter().all(Hierarchy::is_unified)
    }

    fn parse(mountinfo: &str, own: &str) -> Self {
        let hierarchies = mountinfo.lines().filter_map(|line| parse_mount(line, own)).collect();
        let mut layout = Self { hierarchies };
        layout.drop_covered(mountinfo);
        // A second mount of the same hierarchy adds nothing.
        let mut seen: Vec<Vec<String>> = Vec::new();
        layout.hierarchies.retain(|hierarchy| {
            let first = !seen.contains(&hierarchy.controllers);
            seen.push(hierarchy.controllers.clone());
            first
        });
        layout.hierarchies.sort_by_key(Hierarchy::is_unified);
        layout
    }

    /// Drops hierarchies that a later mount covers (`cgview.sh` hides the v2 side so).
    fn drop_covered(&mut self, mountinfo: &str) {
        let mut points: Vec<(&str, &str)> = Vec::new();
        for line in mountinfo.lines() {
            let Some((head, tail)) = line.split_once(" - ") else { continue };
            let (Some(point), Some(kind)) = (head.split(' ').nth(4), tail.split(' ').next()) else {
                continue;
            };
            points.push((point, kind));
        }
        self.hierarchies.retain(|hierarchy| {
            let wanted = if hierarchy.is_unified() { "cgroup2" } else { "cgroup" };
            let top = points.iter().rev().find(|(point, _)| hierarchy.mount.starts_with(point));
            top.is_some_and(|(point, kind)| {
                *kind == wanted && hierarchy.mount.as_os_str() == *point
            })
        });
    }
}

/// Parses one line of mountinfo; `None` unless it mounts a cgroup hierarchy's root.
fn parse_mount(line: &str, own: &str) -> Option<Hierarchy> {
    let (head, tail) = line.split_once(" - ")?;
    let mut head = head.split(' ').skip(3);
    let (root, mount) = (head.next()?, PathBuf::from(head.next()?));
    let mut tail = tail.split(' ');
    let controllers: Vec<String> = match tail.next()? {
        "cgroup2" => Vec::new(),
        "cgroup" => tail
            .nth(1)?
            .split(',')
            .filter(|word| !matches!(*word, "rw" | "ro" | "clone_children" | "xattr" | "none"))
            .filter(|word| !word.starts_with("release_agent="))
            .map(str::to_owned)
            .collect(),
        _ => return None,
    };
    let own = own_path(own, &controllers).unwrap_or("/");
    let own = own.strip_prefix(root.trim_end_matches('/')).unwrap_or("");
    Some(Hierarchy { controllers, mount, own: PathBuf::from(own.trim_start_matches('/')) })
}

/// Finds the caller's path in `/proc/self/cgroup` by the hierarchy's controllers.
fn own_path<'a>(own: &'a str, controllers: &[String]) -> Option<&'a str> {
    own.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (names, path) = (fields.next()?, fields.next()?);
        let matches = match controllers.first() {
            None => names.is_empty(),
            Some(first) => names.split(',').any(|name| name == first),
        };
        matches.then_some(path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
30 20 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
32 30 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
33 30 0:29 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd
34 30 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
";
    const OWN: &str = "4:memory:/mine\n2:cpu,cpuacct:/\n1:name=systemd:/\n0::/\n";

    #[test]
    fn parse_hybrid_lists_v1_first_and_own_paths() {
        let layout = Layout::parse(HYBRID, OWN);
        assert_eq!(layout.hierarchies.len(), 4);
        assert!(layout.hierarchies[3].is_unified());
        assert!(!layout.is_unified());
        assert_eq!(layout.hierarchies[1].own(), PathBuf::from("/sys/fs/cgroup/memory/mine"));
        assert_eq!(layout.hierarchies[0].directory_name(), "cpu,cpuacct");
        assert!(layout.hierarchies[2].has("name=systemd"));
    }

    #[test]
    fn parse_covered_unified_mount_is_dropped() {
        let covered = format!("{HYBRID}35 34 0:31 / /sys/fs/cgroup/unified rw - tmpfs none rw\n");
        assert!(Layout::parse(&covered, OWN).hierarchies.iter().all(|h| !h.is_unified()));
    }

    #[test]
    fn parse_unified_bound_over_v1_leaves_v2_alone() {
        let bound = format!("{HYBRID}35 30 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
        let layout = Layout::parse(&bound, OWN);
        assert!(layout.is_unified());
        assert_eq!(layout.hierarchies[0].mount, PathBuf::from("/sys/fs/cgroup"));
    }
}
