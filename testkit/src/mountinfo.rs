// SPDX-License-Identifier: Apache-2.0
//! `/proc/PID/mountinfo`, as much of it as tests ask for.

use std::fs;

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// What is mounted, as a path inside its file system.
    pub root: String,
    /// Where.
    pub target: String,
    /// Options of the mount.
    pub options: Vec<String>,
    /// `shared:N`, `master:N` and so on.
    pub propagation: Vec<String>,
    /// Type of the file system.
    pub kind: String,
    /// Its source.
    pub source: String,
    /// Options of the file system.
    pub super_options: Vec<String>,
}

/// The mounts that a process sees; `self` for our own. Empty when it is gone.
#[must_use]
pub fn of(pid: &str) -> Vec<Mount> {
    let text = fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap_or_default();
    parse(&text)
}

/// Parses the text of a mountinfo file; lines it does not understand are left out.
#[must_use]
pub fn parse(text: &str) -> Vec<Mount> {
    text.lines().filter_map(line).collect()
}

fn line(line: &str) -> Option<Mount> {
    let (left, right) = line.split_once(" - ")?;
    let left: Vec<&str> = left.split(' ').collect();
    let mut right = right.split(' ');
    let list = |text: &str| text.split(',').map(str::to_owned).collect();
    Some(Mount {
        root: unescape(left.get(3)?),
        target: unescape(left.get(4)?),
        options: list(left.get(5)?),
        propagation: left.get(6..)?.iter().map(|word| (*word).to_owned()).collect(),
        kind: right.next()?.to_owned(),
        source: unescape(right.next()?),
        super_options: list(right.next().unwrap_or_default()),
    })
}

/// The kernel writes blank, tab, newline and backslash in octal.
fn unescape(text: &str) -> String {
    ["\\040", "\\011", "\\012", "\\134"]
        .iter()
        .zip([" ", "\t", "\n", "\\"])
        .fold(text.to_owned(), |text, (code, plain)| text.replace(code, plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_reads_a_line_with_propagation_and_escapes() {
        let text =
            "36 35 98:0 /mnt1 /mnt\\0402 rw,noatime shared:1 master:2 - ext3 /dev/r rw,x=y\n";
        let mounts = parse(text);
        assert_eq!(mounts.len(), 1);
        assert_eq!(mounts[0].target, "/mnt 2");
        assert_eq!(mounts[0].propagation, ["shared:1", "master:2"]);
        assert_eq!(mounts[0].super_options, ["rw", "x=y"]);
        assert!(parse("garbage").is_empty());
    }
}
