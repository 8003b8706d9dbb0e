// SPDX-License-Identifier: Apache-2.0
//! Errors of the store, as its callers see them.

use crate::bundle::BundleError;
use crate::layer::LayerError;
use crate::plan::PlanError;
use brig_report::Kind;
use brig_spec::digest::Digest;
use brig_spec::reference::ReferenceError;
use std::io;
use std::path::PathBuf;

/// A failed operation on the store. Where clients match Docker's words, the words are Docker's.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A reference does not follow the grammar.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// Nothing has this name or id.
    #[error("No such image: {reference}")]
    NoSuchImage {
        /// What was looked for, with its tag.
        reference: String,
    },
    /// Several images have an id that begins so.
    #[error("multiple IDs found with provided prefix: {prefix}")]
    Ambiguous {
        /// The beginning.
        prefix: String,
    },
    /// The last name of an image that containers use.
    #[error(
        "conflict: unable to remove repository reference \"{reference}\" (must force) - \
         container {container} is using its referenced image {image}"
    )]
    ReferenceInUse {
        /// The name.
        reference: String,
        /// A container's short id.
        container: String,
        /// The image's short id.
        image: String,
    },
    /// An image that cannot be deleted.
    #[error("conflict: unable to delete {image} ({force}) - {reason}")]
    ImageInUse {
        /// The image's short id.
        image: String,
        /// `must be forced` or `cannot be forced`.
        force: &'static str,
        /// Why.
        reason: String,
    },
    /// The caller could not tell which containers exist; nothing was removed.
    #[error("find out which containers use the image")]
    Containers(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The documents of an archive or layout are refused.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// An archive or layout cannot be read.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// A layer cannot be unpacked.
    #[error("unpack layer {diff_id}")]
    Layer {
        /// The layer.
        diff_id: Digest,
        /// Why.
        source: LayerError,
    },
    /// A stored document or layer is missing or changed.
    #[error("image {id} is damaged: {what}")]
    Damaged {
        /// The image.
        id: Digest,
        /// What is wrong.
        what: String,
    },
    /// A record cannot be read or written.
    #[error(transparent)]
    State(#[from] brig_state::Error),
    /// The fault hook let a step fail.
    #[error(transparent)]
    Fault(#[from] brig_sys::SysError),
    /// The kernel refused an operation on the store.
    #[error("{operation} `{}`", path.display())]
    Os {
        /// What was tried, such as `create`.
        operation: &'static str,
        /// The object.
        path: PathBuf,
        /// The kernel's answer.
        source: io::Error,
    },
}

impl Error {
    /// Returns the kind, which decides exit codes and HTTP statuses.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Reference(_) | Self::Plan(_) | Self::Bundle(_) | Self::Layer { .. } => {
                self.io_kind().unwrap_or(Kind::Invalid)
            }
            Self::NoSuchImage { .. } => Kind::NotFound,
            Self::Ambiguous { .. } => Kind::Invalid,
            Self::ReferenceInUse { .. } | Self::ImageInUse { .. } => Kind::Conflict,
            Self::State(_) | Self::Os { .. } => self.io_kind().unwrap_or(Kind::Internal),
            Self::Containers(_) | Self::Damaged { .. } | Self::Fault(_) => Kind::Internal,
        }
    }

    /// Tells failures of the machine, such as a full disk, from what is wrong with the input.
    fn io_kind(&self) -> Option<Kind> {
        let mut current: Option<&(dyn std::error::Error + 'static)> = Some(self);
        while let Some(error) = current {
            if let Some(io) = error.downcast_ref::<io::Error>() {
                return match io.kind() {
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                        Some(Kind::Unavailable)
                    }
                    io::ErrorKind::PermissionDenied => Some(Kind::Denied),
                    _ => None,
                };
            }
            current = error.source();
        }
        None
    }

    pub(crate) fn os(
        operation: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(rustix::io::Errno) -> Self {
        let path = path.into();
        move |errno| Self::Os { operation, path, source: errno.into() }
    }
}
