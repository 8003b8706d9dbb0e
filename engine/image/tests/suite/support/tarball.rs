// SPDX-License-Identifier: Apache-2.0
//! Tars with any header, the impossible ones included.

use std::io::Write;
use tar::{EntryType, Header};

/// A tar being written.
#[derive(Default)]
pub(crate) struct Tar(Vec<u8>);

/// One member; fields are written as they are.
pub(crate) struct Entry<'e> {
    pub(crate) path: &'e [u8],
    pub(crate) kind: EntryType,
    pub(crate) link: &'e [u8],
    pub(crate) data: &'e [u8],
    pub(crate) mode: u32,
    pub(crate) owner: (u64, u64),
    pub(crate) mtime: u64,
    pub(crate) device: (u32, u32),
}

impl Default for Entry<'_> {
    fn default() -> Self {
        let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
        Self {
            path: b"",
            kind: EntryType::Regular,
            link: b"",
            data: b"",
            mode: 0o644,
            owner: (uid.as_raw().into(), gid.as_raw().into()),
            mtime: 1_000_000_000,
            device: (0, 0),
        }
    }
}

impl Tar {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn entry(mut self, entry: &Entry<'_>) -> Self {
        let mut header = Header::new_gnu();
        let old = header.as_old_mut();
        assert!(entry.path.len() <= 100 && entry.link.len() <= 100, "write a pax header");
        old.name[..entry.path.len()].copy_from_slice(entry.path);
        old.linkname[..entry.link.len()].copy_from_slice(entry.link);
        header.set_entry_type(entry.kind);
        header.set_size(entry.data.len() as u64);
        header.set_mode(entry.mode);
        header.set_uid(entry.owner.0);
        header.set_gid(entry.owner.1);
        header.set_mtime(entry.mtime);
        header.set_device_major(entry.device.0).unwrap();
        header.set_device_minor(entry.device.1).unwrap();
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self.data(entry.data)
    }

    /// Adds bytes, filled up to whole blocks.
    pub(crate) fn data(mut self, data: &[u8]) -> Self {
        self.0.extend_from_slice(data);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub(crate) fn header(mut self, mut header: Header) -> Self {
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self
    }

    pub(crate) fn file(self, path: &str, data: &[u8]) -> Self {
        self.entry(&Entry { path: path.as_bytes(), data, ..Entry::default() })
    }

    pub(crate) fn dir(self, path: &str) -> Self {
        let kind = EntryType::Directory;
        self.entry(&Entry { path: path.as_bytes(), kind, mode: 0o755, ..Entry::default() })
    }

    pub(crate) fn symlink(self, path: &str, target: &str) -> Self {
        self.link(path, target, EntryType::Symlink)
    }

    pub(crate) fn hard_link(self, path: &str, target: &str) -> Self {
        self.link(path, target, EntryType::Link)
    }

    fn link(self, path: &str, target: &str, kind: EntryType) -> Self {
        let (path, link) = (path.as_bytes(), target.as_bytes());
        self.entry(&Entry { path, link, kind, ..Entry::default() })
    }

    /// Adds a PAX header for the next member.
    pub(crate) fn pax(self, records: &[(&str, &[u8])]) -> Self {
        let mut data = Vec::new();
        for (key, value) in records {
            let rest = key.len() + value.len() + 3;
            let mut length = rest + 1;
            while length.to_string().len() + rest != length {
                length = length.to_string().len() + rest;
            }
            write!(data, "{length} {key}=").unwrap();
            data.extend_from_slice(value);
            data.push(b'\n');
        }
        let kind = EntryType::XHeader;
        self.entry(&Entry { path: b"pax", kind, data: &data, ..Entry::default() })
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.0.extend_from_slice(&[0; 1024]);
        self.0
    }

    /// Ends without the two blocks of zeros.
    pub(crate) fn unfinished(self) -> Vec<u8> {
        self.0
    }
}
