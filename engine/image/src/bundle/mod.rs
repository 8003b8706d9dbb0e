// SPDX-License-Identifier: Apache-2.0
//! Named blobs of something to load: an archive's members, or the files of an OCI layout.
//!
//! Invariant: a name can only reach a regular file of the bundle itself.

mod archive;
mod layout;

pub(crate) use archive::{Archive, Spool};
pub(crate) use layout::Layout;

use crate::blob::Blob;
use crate::compression::StreamError;
use crate::tarball::TarError;
use std::io::{self, Read};

/// Something to load that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The archive is malformed.
    #[error(transparent)]
    Tar(#[from] TarError),
    /// The archive's stream is refused.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// Reading failed.
    #[error("read {what}")]
    Io {
        /// What was read.
        what: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// A bound of the limits is passed.
    #[error("{what} exceeds the limit of {limit}")]
    Limit {
        /// What is too large.
        what: &'static str,
        /// The bound.
        limit: u64,
    },
    /// A link in the archive leads nowhere or in a circle.
    #[error("`{name}` in the archive is a link that leads to no file of the archive")]
    Link {
        /// The member.
        name: String,
    },
}

/// A source of named blobs.
pub(crate) trait Bundle: Sync {
    /// Looks a name up.
    fn find(&self, name: &str) -> Result<Option<Blob>, BundleError>;

    /// Reads a document of at most `bytes_max`.
    fn read(&self, name: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, BundleError> {
        let Some(blob) = self.find(name)? else { return Ok(None) };
        if blob.bytes > bytes_max {
            return Err(BundleError::Limit {
                what: "a document's length in bytes",
                limit: bytes_max,
            });
        }
        let mut bytes = Vec::new();
        let what = || format!("`{}`", crate::printable::printable(name.as_bytes()));
        blob.reader()
            .read_to_end(&mut bytes)
            .map_err(|source| BundleError::Io { what: what(), source })?;
        Ok(Some(bytes))
    }
}
