// SPDX-License-Identifier: Apache-2.0
//! Other processes, seen through `/proc`.

use crate::deadline::wait_for;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// All process ids, our own not among them.
#[must_use]
pub fn all() -> Vec<i32> {
    let own = i32::try_from(std::process::id()).ok();
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| Some(*pid) != own)
        .collect()
}

/// Whether the process is there and more than a zombie.
#[must_use]
pub fn is_alive(pid: i32) -> bool {
    stat(pid).is_some_and(|stat| !stat.starts_with(['Z', 'X']))
}

/// `/proc/PID/stat` from the state on.
fn stat(pid: i32) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(text.rsplit_once(") ")?.1.to_owned())
}

/// A field of `/proc/PID/status`.
#[must_use]
pub fn status(pid: i32, field: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    Some(line.trim().to_owned())
}

/// The command line, words separated by blanks.
#[must_use]
pub fn command_line(pid: i32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).trim_end_matches('\0').replace('\0', " ")
}

/// The target of `/proc/PID/<link>`, empty when there is none.
#[must_use]
pub fn link(pid: i32, link: &str) -> String {
    fs::read_link(format!("/proc/{pid}/{link}"))
        .map(|path| path.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// Processes that work below `root`, with the reason: working directory, root directory,
/// executable, or the path among their arguments.
#[must_use]
pub fn using(root: &Path) -> Vec<(i32, String)> {
    let mut found = Vec::new();
    let mark = root.to_string_lossy();
    for pid in all() {
        if !is_alive(pid) {
            continue;
        }
        let reason = ["cwd", "root", "exe"]
            .iter()
            .find(|name| Path::new(&link(pid, name)).starts_with(root))
            .map(|name| (*name).to_owned())
            .or_else(|| command_line(pid).contains(&*mark).then(|| "arguments".to_owned()));
        found.extend(reason.map(|reason| (pid, reason)));
    }
    found
}

/// Processes, one for each mount namespace other than ours, that see a mount whose line contains
/// `mark`.
#[must_use]
pub fn mount_namespaces_with(mark: &str) -> Vec<(i32, String)> {
    let own = fs::read_link("/proc/self/ns/mnt").unwrap_or_default();
    let mut seen = BTreeSet::from([own.to_string_lossy().into_owned()]);
    let mut found = Vec::new();
    for pid in all() {
        let namespace = link(pid, "ns/mnt");
        if namespace.is_empty() || !seen.insert(namespace) {
            continue;
        }
        let text = fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap_or_default();
        let line = text.lines().find(|line| line.contains(mark));
        found.extend(line.map(|line| (pid, line.to_owned())));
    }
    found
}

/// Kills a process for which `still` holds after its identity has been pinned, and waits for its end.
pub fn kill(pid: i32, still: impl Fn() -> bool) {
    let Some(handle) = Pid::from_raw(pid) else { return };
    let Ok(pidfd) = pidfd_open(handle, PidfdFlags::empty()) else { return };
    // The number may have a new owner by now; from here on the descriptor names one process.
    if !still() {
        return;
    }
    // ESRCH: it has ended by itself.
    let _ = pidfd_send_signal(&pidfd, Signal::KILL);
    wait_for(Duration::from_secs(5), || (!is_alive(pid)).then_some(()));
}
