// SPDX-License-Identifier: Apache-2.0
//! Errors of the file operations.

use std::io;
use std::path::{Path, PathBuf};

/// A file operation that failed, with the object it failed on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A system call failed.
    #[error("{operation} `{}`", path.display())]
    Io {
        /// What was tried, such as `create`.
        operation: &'static str,
        /// The object.
        path: PathBuf,
        /// The kernel's answer.
        source: io::Error,
    },
    /// A record is not what its writer wrote.
    #[error("record `{}` is not readable", path.display())]
    Parse {
        /// The record.
        path: PathBuf,
        /// What the parser says.
        source: serde_json::Error,
    },
    /// A record is larger than any writer makes it.
    #[error("record `{}` exceeds {limit_bytes} bytes", path.display())]
    TooLarge {
        /// The record.
        path: PathBuf,
        /// The bound, bytes.
        limit_bytes: u64,
    },
}

impl Error {
    /// Returns whether the object does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// Returns whether the object exists already.
    #[must_use]
    pub fn is_exists(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::AlreadyExists)
    }

    pub(crate) fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { operation, path, source }
    }

    pub(crate) fn errno(
        operation: &'static str,
        path: &Path,
    ) -> impl FnOnce(rustix::io::Errno) -> Self {
        let path = path.to_owned();
        move |errno| Self::Io { operation, path, source: errno.into() }
    }
}
