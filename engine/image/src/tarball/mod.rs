// SPDX-License-Identifier: Apache-2.0
//! Tar as Go's `archive/tar` reads it, because images are made and scanned with that.
//!
//! The `tar` crate gives the layout of a header. Its iterator is not used: it reads extended headers
//! of any size into memory, cuts binary attribute values at line feeds, and knows no PAX sparse files.
//!
//! Invariants: memory is bounded by [`Limits`]; a parser disagreement (two sizes, two names) is
//! decided as Go decides it; nothing here touches a file system.
//!
//! [`Limits`]: crate::Limits

mod header;
mod member;
mod pax;
mod reader;
mod sparse;

pub(crate) use member::{Extent, Kind, Member};
pub(crate) use reader::{Sequential, Source, TarReader};

use crate::compression::StreamError;
use std::io;

/// Length of a tar block.
pub(crate) const BLOCK: usize = 512;

/// An archive that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TarError {
    /// The stream under the archive failed.
    #[error("read the archive")]
    Io(#[source] io::Error),
    /// The stream under the archive is refused.
    #[error(transparent)]
    Stream(StreamError),
    /// The archive ends within a member.
    #[error("the archive ends at byte {offset}, within a member")]
    Truncated {
        /// Where, in the uncompressed archive.
        offset: u64,
    },
    /// A header is not one.
    #[error("the tar header at byte {offset} is invalid ({what})")]
    Header {
        /// Where, in the uncompressed archive.
        offset: u64,
        /// Which part.
        what: &'static str,
    },
    /// An extended header is malformed.
    #[error("the extended tar header at byte {offset} is invalid ({what})")]
    Extended {
        /// Where, in the uncompressed archive.
        offset: u64,
        /// Which part.
        what: &'static str,
    },
    /// A bound of the limits is passed.
    #[error("{what} exceeds the limit of {limit}")]
    Limit {
        /// What is too large.
        what: &'static str,
        /// The bound.
        limit: u64,
    },
}

impl TarError {
    pub(crate) fn io(error: io::Error, offset: u64) -> Self {
        if let Some(refusal) = StreamError::within(&error) {
            return Self::Stream(refusal.clone());
        }
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return Self::Truncated { offset };
        }
        Self::Io(error)
    }
}
