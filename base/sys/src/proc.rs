// SPDX-License-Identifier: Apache-2.0
//! Reads of the host's procfs.

use crate::error::{Context, SysError};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;

fn read(path: &str) -> Result<Vec<u8>, SysError> {
    let fd =
        open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).context("openat", || path)?;
    let mut bytes = vec![0_u8; 4096];
    let count = rustix::io::read(&fd, &mut bytes).context("read", || path)?;
    bytes.truncate(count);
    Ok(bytes)
}

/// Facts of `/proc/<pid>/stat` that identify a process and tell whether it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// State letter; `Z` and `X` are dead.
    pub state: u8,
    /// Field 22: start time, clock ticks since boot.
    pub start_ticks: u64,
}

/// Returns facts of process `pid`, `None` when there is none.
///
/// # Errors
/// When procfs cannot be read.
pub fn stat(pid: i32) -> Result<Option<Stat>, SysError> {
    let path = format!("/proc/{pid}/stat");
    match read(&path) {
        Ok(bytes) => parse_stat(&bytes).map(Some).ok_or(Errno::IO).context("parse", || path),
        Err(error) if matches!(error.errno, Errno::NOENT | Errno::SRCH) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns whether process `pid` with this start time still lives (a zombie does not).
#[must_use]
pub fn is_alive(pid: i32, start_ticks: u64) -> bool {
    matches!(stat(pid), Ok(Some(s)) if s.start_ticks == start_ticks && !matches!(s.state, b'Z' | b'X'))
}

/// Parses `stat`; the command in parentheses may hold anything, so fields count from its end.
fn parse_stat(bytes: &[u8]) -> Option<Stat> {
    let end = bytes.iter().rposition(|&b| b == b')')?;
    let text = std::str::from_utf8(bytes.get(end + 2..)?).ok()?;
    let mut fields = text.split(' ');
    let state = *fields.next()?.as_bytes().first()?;
    Some(Stat { state, start_ticks: fields.nth(18)?.parse().ok()? })
}

/// Returns the kernel's boot id.
///
/// # Errors
/// When procfs cannot be read.
pub fn boot_id() -> Result<String, SysError> {
    let bytes = read("/proc/sys/kernel/random/boot_id")?;
    Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_stat_with_hostile_command_name_finds_the_fields() {
        let line = b"7 (a) R 1 (b)) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 20 21";
        assert_eq!(parse_stat(line), Some(Stat { state: b'S', start_ticks: 4242 }));
    }

    #[test]
    fn stat_of_own_process_is_alive() {
        let pid = i32::try_from(std::process::id()).unwrap();
        let ticks = stat(pid).unwrap().unwrap().start_ticks;
        assert!(is_alive(pid, ticks));
        assert!(!is_alive(pid, ticks + 1));
    }
}
