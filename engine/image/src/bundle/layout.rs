// SPDX-License-Identifier: Apache-2.0
//! An OCI layout in a directory, which may be as hostile as an archive.

use super::{Bundle, BundleError};
use crate::blob::Blob;
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, open, openat2};
use rustix::io::Errno;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

/// A directory opened once.
pub(crate) struct Layout {
    root: OwnedFd,
}

impl Layout {
    pub(crate) fn open(path: &Path) -> Result<Self, BundleError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = open(path, flags, Mode::empty()).map_err(|errno| BundleError::Io {
            what: format!("directory `{}`", path.display()),
            source: errno.into(),
        })?;
        Ok(Self { root })
    }
}

impl Bundle for Layout {
    fn find(&self, name: &str) -> Result<Option<Blob>, BundleError> {
        let failed = |errno: Errno| BundleError::Io {
            what: format!("`{}`", crate::printable::printable(name.as_bytes())),
            source: errno.into(),
        };
        // NONBLOCK: opening a fifo must not wait for its writer.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        let fd = match openat2(&self.root, name, flags, Mode::empty(), resolve) {
            Ok(fd) => fd,
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            Err(errno) => return Err(failed(errno)),
        };
        let stat = fstat(&fd).map_err(failed)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(failed(Errno::INVAL));
        }
        let bytes = u64::try_from(stat.st_size).unwrap_or(0);
        Ok(Some(Blob { file: Arc::new(File::from(fd)), offset: 0, bytes }))
    }
}
