// SPDX-License-Identifier: Apache-2.0
//! Where the container's memory is accounted, to tell whether the kernel killed for lack of it.

use std::fs;
use std::path::PathBuf;

/// Where cgroup v1's memory controller is mounted on every distribution.
const V1_MEMORY: &str = "/sys/fs/cgroup/memory";

/// Where cgroup v2 is mounted on its own.
const V2: &str = "/sys/fs/cgroup";

/// Files whose `oom_kill` line counts the processes killed in the container's cgroup.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct OomCounter {
    files: Vec<PathBuf>,
    /// Kills before the container started: a runtime may reuse a cgroup.
    before: u64,
}

impl OomCounter {
    /// Finds the cgroup of the living process `pid`. A dead one shows the root, so call it
    /// before the process may end.
    pub(crate) fn of_process(pid: i32) -> Self {
        let memberships = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        let mut counter = Self { files: counter_files(&memberships), before: 0 };
        counter.before = counter.read();
        counter
    }

    /// Returns whether the kernel killed a process of the container since it started.
    pub(crate) fn has_grown(&self) -> bool {
        self.read() > self.before
    }

    fn read(&self) -> u64 {
        self.files
            .iter()
            .filter_map(|file| fs::read_to_string(file).ok())
            .filter_map(|text| kills(&text))
            .sum()
    }
}

/// Returns the files for the lines of `/proc/<pid>/cgroup`, none for the root cgroup, which
/// counts the whole machine.
fn counter_files(memberships: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in memberships.lines() {
        let mut fields = line.splitn(3, ':');
        let (Some(hierarchy), Some(controllers), Some(path)) =
            (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        if path == "/" || path.contains("/..") {
            continue;
        }
        if controllers.split(',').any(|name| name == "memory") {
            files.push(PathBuf::from(format!("{V1_MEMORY}{path}/memory.oom_control")));
        } else if hierarchy == "0" && controllers.is_empty() {
            files.push(PathBuf::from(format!("{V2}{path}/memory.events")));
        }
    }
    files
}

/// Returns the value of the `oom_kill` line, which both versions have.
fn kills(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counter_files_hybrid_names_the_v1_controller() {
        let text = "12:pids:/brig/a\n5:cpu,cpuacct:/brig/a\n4:memory:/brig/a:b\n0::/\n";
        let expected = PathBuf::from("/sys/fs/cgroup/memory/brig/a:b/memory.oom_control");
        assert_eq!(counter_files(text), [expected]);
    }

    #[test]
    fn counter_files_unified_names_events_and_root_names_nothing() {
        let expected = PathBuf::from("/sys/fs/cgroup/brig/a/memory.events");
        assert_eq!(counter_files("0::/brig/a\n"), [expected]);
        assert_eq!(counter_files("4:memory:/\n0::/\n"), Vec::<PathBuf>::new());
    }

    #[test]
    fn kills_of_both_versions_is_the_count() {
        assert_eq!(kills("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"), Some(2));
        assert_eq!(kills("low 0\noom 3\noom_kill 1\noom_group_kill 0\n"), Some(1));
        assert_eq!(kills("under_oom 0\n"), None);
    }
}
