// SPDX-License-Identifier: Apache-2.0
//! Why a layer is refused or fails.

use super::path::PathFault;
use crate::tarball::TarError;
use brig_spec::digest::Digest;
use rustix::io::Errno;
use std::io;

/// A layer that cannot be unpacked. Paths are text for people, made printable.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// The archive is malformed.
    #[error(transparent)]
    Tar(#[from] TarError),
    /// A path could name something outside the layer, or cannot exist.
    #[error("path `{path}` in the layer {fault}")]
    Path {
        /// The path.
        path: String,
        /// What is wrong with it.
        fault: PathFault,
    },
    /// A path leads through a symbolic link that does not end in a directory of the layer.
    #[error("path `{path}` in the layer leads through a symbolic link")]
    SymlinkParent {
        /// The path.
        path: String,
    },
    /// A path leads through something that is not a directory.
    #[error("path `{path}` in the layer leads through a file")]
    FileParent {
        /// The path.
        path: String,
    },
    /// A hard link's target is not a file of the layer.
    #[error("hard link `{path}` in the layer points to `{target}`, which is no file of the layer")]
    HardLink {
        /// The link.
        path: String,
        /// Where it points.
        target: String,
    },
    /// A member is of a type that no image has.
    #[error("`{path}` in the layer is of the unknown tar type {kind:#04x}")]
    Kind {
        /// The path.
        path: String,
        /// The type flag.
        kind: u8,
    },
    /// An owner does not exist on Linux.
    #[error("`{path}` in the layer belongs to id {id}, beyond 4294967294")]
    Owner {
        /// The path.
        path: String,
        /// The user or group id.
        id: u64,
    },
    /// A whiteout marker that would hide more than one name.
    #[error("whiteout `{path}` in the layer is invalid")]
    Whiteout {
        /// The marker.
        path: String,
    },
    /// A bound of the limits is passed.
    #[error("{what} exceeds the limit of {limit}")]
    Limit {
        /// What is too large.
        what: &'static str,
        /// The bound.
        limit: u64,
    },
    /// The uncompressed layer is not the one that the configuration names.
    #[error("the layer's content has digest {actual}, the configuration says {expected}")]
    DiffId {
        /// What the configuration says.
        expected: Digest,
        /// What was read.
        actual: Digest,
    },
    /// The blob is not the one that the manifest names.
    #[error("the layer's blob has digest {actual}, the manifest says {expected}")]
    BlobDigest {
        /// What the manifest says.
        expected: Digest,
        /// What was read.
        actual: Digest,
    },
    /// The blob is not encoded as its media type says.
    #[error("the layer's media type `{media_type}` does not match its content")]
    Encoding {
        /// The media type.
        media_type: String,
    },
    /// The kernel refused an operation.
    #[error("{operation} `{path}`")]
    Os {
        /// What was tried, such as `create`.
        operation: &'static str,
        /// The path in the layer.
        path: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// The layer's record cannot be written.
    #[error(transparent)]
    Store(brig_state::Error),
    /// Another layer of the image failed first.
    #[error("abandoned because another layer failed")]
    Abandoned,
}

impl LayerError {
    pub(super) fn os(operation: &'static str, path: &[u8]) -> impl FnOnce(Errno) -> Self {
        let path = crate::printable::printable(path);
        move |errno| Self::Os { operation, path, source: errno.into() }
    }
}
