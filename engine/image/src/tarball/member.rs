// SPDX-License-Identifier: Apache-2.0
//! What a tar says about one file, before anyone believes it.

/// Kind of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Regular,
    HardLink,
    Symlink,
    CharDevice,
    BlockDevice,
    Directory,
    Fifo,
    /// A type that this reader does not know; its data is skipped.
    Other(u8),
}

impl Kind {
    /// Returns whether the header's size counts bytes that follow in the archive.
    ///
    /// Writers have put sizes on links and directories without writing data; Go ignores them.
    pub(crate) fn has_data(self) -> bool {
        matches!(self, Self::Regular | Self::Other(_))
    }
}

/// An extent of a sparse file that has data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) offset: u64,
    pub(crate) bytes: u64,
}

/// One file as the archive describes it.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    /// Raw path; not normalised, not checked.
    pub(crate) path: Vec<u8>,
    /// Raw target of a hard or symbolic link.
    pub(crate) link: Vec<u8>,
    pub(crate) kind: Kind,
    pub(crate) mode: u32,
    pub(crate) uid: u64,
    pub(crate) gid: u64,
    /// Seconds and nanoseconds since 1970.
    pub(crate) mtime: (i64, u32),
    /// Bytes of data that follow in the archive.
    pub(crate) data_bytes: u64,
    /// Where the data goes, if the file has holes, and the file's logical length.
    pub(crate) sparse: Option<(Vec<Extent>, u64)>,
    /// Extended attributes, names without the `SCHILY.xattr.` prefix.
    pub(crate) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) device: (u32, u32),
}

impl Member {
    /// Returns the length of the file when read, holes included.
    pub(crate) fn logical_bytes(&self) -> u64 {
        self.sparse.as_ref().map_or(self.data_bytes, |(_, bytes)| *bytes)
    }
}
