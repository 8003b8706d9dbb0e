// SPDX-License-Identifier: Apache-2.0
//! A tar with images in it: read in place when it is a plain tar in a file, spooled otherwise.
//!
//! A spool is one file without a name, so a killed loader leaves nothing of it behind.

use super::{Bundle, BundleError};
use crate::blob::{Blob, BlobReader};
use crate::compression::{Decoder, MAGIC_BYTES, detect, peek};
use crate::holes;
use crate::limits::Limits;
use crate::printable::printable;
use crate::tarball::{Kind, Member, Sequential, Source, TarError, TarReader};
use brig_spec::image::LayerEncoding;
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::str;
use std::sync::Arc;

/// Links followed from one name, as many as a kernel would.
const LINKS_MAX: usize = 40;

/// Bytes between two reports of progress.
const REPORT_BYTES: u64 = 1 << 20;

/// An archive's members by normalised name.
pub(crate) struct Archive {
    members: BTreeMap<String, Entry>,
}

enum Entry {
    Data(Blob),
    /// Normalised name of another member.
    Link(String),
}

/// Where and how an archive is spooled.
pub(crate) struct Spool<'s> {
    /// Directory on the file system that takes the spool file.
    pub(crate) dir: &'s Path,
    pub(crate) limits: &'s Limits,
    /// Hears how many bytes were spooled.
    pub(crate) progress: &'s mut dyn FnMut(u64),
}

impl Archive {
    /// Opens an archive in a file. A plain tar is not copied.
    pub(crate) fn from_file(file: File, spool: &mut Spool<'_>) -> Result<Self, BundleError> {
        let failed = |source| BundleError::Io { what: "the archive".to_owned(), source };
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Self::from_reader(file, spool);
        }
        // The caller may have read or positioned the file; the archive begins where it stands.
        let offset = rustix::fs::tell(&file).map_err(|errno| failed(errno.into()))?;
        let bytes = metadata.len().saturating_sub(offset);
        let blob = Blob { file: Arc::new(file), offset, bytes };
        let mut magic = Vec::with_capacity(MAGIC_BYTES);
        blob.reader().take(MAGIC_BYTES as u64).read_to_end(&mut magic).map_err(failed)?;
        if detect(&magic)? != LayerEncoding::Plain {
            return Self::from_reader(blob.reader(), spool);
        }
        let mut tar = TarReader::new(blob.reader(), spool.limits);
        let mut members = Members::new(spool.limits);
        while let Some(member) = tar.next()? {
            members.add(&member, || Ok(in_place(&tar, &member)))?;
        }
        Ok(Self { members: members.entries })
    }

    /// Reads an archive from a stream, decompressing it.
    pub(crate) fn from_reader(
        reader: impl Read,
        spool: &mut Spool<'_>,
    ) -> Result<Self, BundleError> {
        let failed = |source| BundleError::Io { what: "the archive".to_owned(), source };
        let (magic, reader) = peek(reader).map_err(failed)?;
        let limits = spool.limits;
        let decoder = Decoder::new(reader, detect(&magic)?, limits.archive_bytes_max, limits)
            .map_err(failed)?;
        let buffered = io::BufReader::with_capacity(64 * 1024, decoder);
        let mut tar = TarReader::new(Sequential(buffered), limits);
        let mut file = SpoolFile::create(spool)?;
        let mut members = Members::new(limits);
        while let Some(member) = tar.next()? {
            members.add(&member, || file.append(&mut tar))?;
        }
        // A writer at the other end of a pipe must not die of SIGPIPE over the final zeros.
        crate::hash::drain(&mut tar.into_source())
            .map_err(|error| BundleError::Tar(TarError::io(error, 0)))?;
        Ok(Self { members: members.entries })
    }
}

/// Describes the data of the member that was just read, without reading it.
fn in_place(tar: &TarReader<'_, BlobReader>, member: &Member) -> Blob {
    let (file, offset) = tar.source().place();
    Blob { file: Arc::clone(file), offset, bytes: member.data_bytes }
}

impl Bundle for Archive {
    fn find(&self, name: &str) -> Result<Option<Blob>, BundleError> {
        let failed = || BundleError::Link { name: printable(name.as_bytes()) };
        let mut current = normalise("", name).ok_or_else(failed)?;
        for hop in 0..=LINKS_MAX {
            match self.members.get(&current) {
                Some(Entry::Data(blob)) => return Ok(Some(blob.clone())),
                Some(Entry::Link(target)) => current.clone_from(target),
                None if hop == 0 => return Ok(None),
                None => return Err(failed()),
            }
        }
        Err(failed())
    }
}

/// Collects members; a later one of the same name replaces the earlier, as unpacking would.
struct Members<'l> {
    entries: BTreeMap<String, Entry>,
    limits: &'l Limits,
    seen: u64,
}

impl<'l> Members<'l> {
    fn new(limits: &'l Limits) -> Self {
        Self { entries: BTreeMap::new(), limits, seen: 0 }
    }

    fn add(
        &mut self,
        member: &Member,
        data: impl FnOnce() -> Result<Blob, BundleError>,
    ) -> Result<(), BundleError> {
        self.seen += 1;
        let limit = self.limits.archive_members_max;
        if self.seen > limit {
            return Err(BundleError::Limit { what: "the number of files in the archive", limit });
        }
        // What has no proper name cannot be referred to; neither can a file with holes.
        let path = str::from_utf8(&member.path).ok().and_then(|path| normalise("", path));
        let Some(name) = path.filter(|name| name.len() <= self.limits.path_bytes_max) else {
            return Ok(());
        };
        let link = str::from_utf8(&member.link).ok();
        let entry = match member.kind {
            Kind::Regular if member.sparse.is_none() => Some(Entry::Data(data()?)),
            Kind::HardLink => link.and_then(|link| normalise("", link)).map(Entry::Link),
            Kind::Symlink => {
                let directory = name.rsplit_once('/').map_or("", |(directory, _)| directory);
                link.and_then(|link| normalise(directory, link)).map(Entry::Link)
            }
            _ => None,
        };
        match entry {
            Some(entry) => self.entries.insert(name, entry),
            None => self.entries.remove(&name),
        };
        Ok(())
    }
}

/// Joins and normalises names inside an archive; `None` for what leaves it.
fn normalise(directory: &str, name: &str) -> Option<String> {
    let mut components: Vec<&str> = Vec::new();
    let base = if name.starts_with('/') { "" } else { directory };
    for component in base.split('/').chain(name.split('/')) {
        match component {
            "" | "." => {}
            ".." => {
                components.pop()?;
            }
            name => components.push(name),
        }
    }
    Some(components.join("/"))
}

/// The file that takes the members of a stream.
struct SpoolFile<'s, 'p> {
    file: Arc<File>,
    end: u64,
    reported: u64,
    buffer: Vec<u8>,
    spool: &'p mut Spool<'s>,
}

impl<'s, 'p> SpoolFile<'s, 'p> {
    fn create(spool: &'p mut Spool<'s>) -> Result<Self, BundleError> {
        let fd = nameless(spool.dir).map_err(|errno| BundleError::Io {
            what: "the spool file".to_owned(),
            source: errno.into(),
        })?;
        let file = Arc::new(File::from(fd));
        Ok(Self { file, end: 0, reported: 0, buffer: vec![0; 256 * 1024], spool })
    }

    /// Appends the data of the current member.
    fn append<S: Source>(&mut self, tar: &mut TarReader<'_, S>) -> Result<Blob, BundleError> {
        let offset = self.end;
        let failed =
            |source| BundleError::Io { what: "the archive into the spool file".to_owned(), source };
        let mut written = None;
        loop {
            let count = tar.read_data(&mut self.buffer)?;
            if count == 0 {
                break;
            }
            let data = &self.buffer[..count];
            written = holes::write_at(&self.file, data, self.end).map_err(failed)?.or(written);
            self.end += count as u64;
            if self.end - self.reported >= REPORT_BYTES {
                self.reported = self.end;
                (self.spool.progress)(self.end);
            }
        }
        if written.is_none_or(|end| end < self.end) {
            self.file.set_len(self.end).map_err(failed)?;
        }
        Ok(Blob { file: Arc::clone(&self.file), offset, bytes: self.end - offset })
    }
}

/// Makes a file without a name; where the file system cannot, one that loses its name at once.
fn nameless(dir: &Path) -> Result<OwnedFd, Errno> {
    let (flags, mode) = (OFlags::RDWR | OFlags::CLOEXEC, Mode::RUSR | Mode::WUSR);
    match open(dir, flags | OFlags::TMPFILE, mode) {
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => {}
        other => return other,
    }
    let path = dir.join("spool");
    let fd = open(&path, flags | OFlags::CREATE | OFlags::EXCL, mode)?;
    rustix::fs::unlink(&path)?;
    Ok(fd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalise_stays_inside_or_refuses() {
        let n = |d, name| normalise(d, name);
        assert_eq!(n("", "./a//b/").as_deref(), Some("a/b"));
        assert_eq!(n("id", "../other/layer.tar").as_deref(), Some("other/layer.tar"));
        assert_eq!(n("id", "/x").as_deref(), Some("x"));
        assert_eq!(n("", "../x"), None);
        assert_eq!(n("a", "../../x"), None);
    }
}
