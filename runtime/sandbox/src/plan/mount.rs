// SPDX-License-Identifier: Apache-2.0
//! Mount options in mount(8)'s words, as runc understands them.

use super::step::{IdMaps, TreeSlot};
use crate::{Error, Result};
use brig_spec::runtime::{IdMapping, Mount};
use brig_sys::mount::{AttrChange, FsOption, attr, propagation};
use brig_sys::userns::Extent;

/// One mount, ready to be attached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountPlan {
    /// Absolute path inside the container.
    pub destination: String,
    /// Where the mount comes from.
    pub source: MountSource,
    /// Propagation after the mount is attached; 0: private.
    pub propagation: u64,
    /// Whether a tmpfs starts with a copy of what it covers.
    pub copy_up: bool,
}

/// Where a mount comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MountSource {
    /// A detached tree that the creator opened.
    Prepared(TreeSlot),
    /// A new file system made by init.
    New {
        /// Type.
        kind: String,
        /// Source name.
        source: String,
        /// Options of the file system.
        options: Vec<FsOption>,
        /// Attributes of the mount.
        attributes: u64,
    },
}

/// Options after parsing.
#[derive(Debug, Default)]
pub(super) struct Options {
    pub(super) bind: bool,
    pub(super) recursive: bool,
    pub(super) attr: AttrChange,
    pub(super) recursive_attr: AttrChange,
    pub(super) propagation: u64,
    pub(super) copy_up: bool,
    pub(super) recursive_propagation: bool,
    pub(super) idmap: Option<bool>,
    pub(super) data: Vec<FsOption>,
}

/// Words that set or clear one attribute; the recursive form has an `r` before it.
const ATTRIBUTES: [(&str, u64, bool); 15] = [
    ("ro", attr::RDONLY, true),
    ("rw", attr::RDONLY, false),
    ("nosuid", attr::NOSUID, true),
    ("suid", attr::NOSUID, false),
    ("nodev", attr::NODEV, true),
    ("dev", attr::NODEV, false),
    ("noexec", attr::NOEXEC, true),
    ("exec", attr::NOEXEC, false),
    ("nosymfollow", attr::NOSYMFOLLOW, true),
    ("symfollow", attr::NOSYMFOLLOW, false),
    ("noatime", attr::NOATIME, true),
    ("atime", attr::NOATIME, false),
    ("nodiratime", attr::NODIRATIME, true),
    ("diratime", attr::NODIRATIME, false),
    ("strictatime", attr::STRICTATIME, true),
];

fn propagation_of(word: &str) -> Option<u64> {
    Some(match word {
        "private" => propagation::PRIVATE,
        "slave" => propagation::SLAVE,
        "shared" => propagation::SHARED,
        "unbindable" => propagation::UNBINDABLE,
        _ => return None,
    })
}

/// Parses `rprivate` and kin; returns the type and whether it is recursive.
pub(super) fn parse_propagation(word: &str) -> Option<(u64, bool)> {
    match word.strip_prefix('r').and_then(propagation_of) {
        Some(value) => Some((value, true)),
        None => propagation_of(word).map(|value| (value, false)),
    }
}

fn apply(change: &mut AttrChange, bits: u64, set: bool) {
    if set {
        change.set |= bits;
        change.clear &= !bits;
    } else {
        change.clear |= bits;
        change.set &= !bits;
    }
}

impl Options {
    pub(super) fn parse(words: &[String]) -> Self {
        let mut out = Self::default();
        for word in words {
            out.word(word);
        }
        out
    }

    fn word(&mut self, word: &str) {
        if let Some((value, recursive)) = parse_propagation(word) {
            self.propagation = value;
            self.recursive_propagation = recursive;
            return;
        }
        let find = |name: &str| ATTRIBUTES.iter().find(|(n, _, _)| *n == name);
        if let Some(&(_, bits, set)) = find(word) {
            return apply(&mut self.attr, bits, set);
        }
        if let Some(&(_, bits, set)) = word.strip_prefix('r').and_then(find) {
            return apply(&mut self.recursive_attr, bits, set);
        }
        match word {
            "bind" => self.bind = true,
            "rbind" => (self.bind, self.recursive) = (true, true),
            "tmpcopyup" => self.copy_up = true,
            "idmap" => self.idmap = Some(false),
            "ridmap" => self.idmap = Some(true),
            "relatime" => apply(&mut self.attr, attr::ATIME_MASK, false),
            "rrelatime" => apply(&mut self.recursive_attr, attr::ATIME_MASK, false),
            // Default behaviour, or without meaning for a mount made by descriptor.
            "defaults" | "norelatime" | "nostrictatime" | "async" | "loud" | "nomand"
            | "noiversion" | "remount" | "" => {}
            _ => self.data.push(match word.split_once('=') {
                Some((key, value)) => FsOption::Value(key.to_owned(), value.to_owned()),
                None => FsOption::Flag(word.to_owned()),
            }),
        }
    }
}

/// Converts configuration maps to extents.
pub(super) fn id_maps(uid: &[IdMapping], gid: &[IdMapping]) -> IdMaps {
    let convert = |list: &[IdMapping]| {
        list.iter()
            .map(|m| Extent { inside: m.container_id, outside: m.host_id, count: m.size })
            .collect()
    };
    IdMaps { uid: convert(uid), gid: convert(gid) }
}

/// Checks a destination and tidies it: absolute, without `.`, `..` and doubled slashes. Symbolic
/// links are the kernel's business, below the root's descriptor.
pub(super) fn destination(mount: &Mount) -> Result<String> {
    if mount.destination.is_empty() || mount.destination.contains('\0') {
        let reason = format!("destination {:?}", mount.destination);
        return Err(Error::config("mounts", reason));
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in mount.destination.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    Ok(format!("/{}", parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Options {
        Options::parse(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn parse_ro_then_rw_keeps_the_last() {
        let options = parse(&["ro", "nosuid", "rw"]);
        assert_eq!(options.attr.set, attr::NOSUID);
        assert_eq!(options.attr.clear, attr::RDONLY);
    }

    #[test]
    fn parse_rbind_rro_rslave_sets_the_recursive_forms() {
        let options = parse(&["rbind", "rro", "rslave"]);
        assert!(options.bind && options.recursive && options.recursive_propagation);
        assert_eq!(options.recursive_attr.set, attr::RDONLY);
        assert_eq!(options.attr.set, 0);
        assert_eq!(options.propagation, propagation::SLAVE);
    }

    #[test]
    fn parse_unknown_words_become_file_system_options() {
        let options = parse(&["mode=755", "size=64k", "newinstance"]);
        assert_eq!(options.data[0], FsOption::Value("mode".into(), "755".into()));
        assert_eq!(options.data[2], FsOption::Flag("newinstance".into()));
    }
}
