// SPDX-License-Identifier: Apache-2.0
//! Whiteouts: what a layer hides of the layers below.
//!
//! In an archive a file `.wh.NAME` hides NAME, `.wh..wh..opq` hides everything in its directory. On
//! disk overlayfs wants a character device 0/0 called NAME, and a mark on the directory.

use rustix::fs::{FileType, Stat};

const PREFIX: &[u8] = b".wh.";
const META_PREFIX: &[u8] = b".wh..wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";

/// What a name in an archive means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning<'n> {
    /// Itself.
    Name,
    /// Hides this name.
    Hides(&'n [u8]),
    /// Hides everything in its directory.
    Opaque,
    /// Notes of aufs, which no other engine reads.
    Ignored,
    /// A marker without a name, or that would mean the directory or its parent.
    Invalid,
}

/// Reads a marker.
pub(super) fn meaning(name: &[u8]) -> Meaning<'_> {
    if name == OPAQUE {
        return Meaning::Opaque;
    }
    if name.starts_with(META_PREFIX) {
        return Meaning::Ignored;
    }
    match name.strip_prefix(PREFIX) {
        None => Meaning::Name,
        Some(b"" | b"." | b"..") => Meaning::Invalid,
        Some(hidden) => Meaning::Hides(hidden),
    }
}

/// Returns whether an inode is a whiteout as overlayfs knows it.
pub(super) fn is_whiteout(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice && stat.st_rdev == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meaning_of_every_marker() {
        assert_eq!(meaning(b"a"), Meaning::Name);
        assert_eq!(meaning(b".whx"), Meaning::Name);
        assert_eq!(meaning(b".wh.a"), Meaning::Hides(b"a"));
        assert_eq!(meaning(b".wh..a"), Meaning::Hides(b".a"));
        assert_eq!(meaning(b".wh..wh..opq"), Meaning::Opaque);
        assert_eq!(meaning(b".wh..wh.plnk"), Meaning::Ignored);
        for name in [&b".wh."[..], b".wh..", b".wh..."] {
            assert_eq!(meaning(name), Meaning::Invalid);
        }
    }
}
