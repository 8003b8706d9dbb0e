// SPDX-License-Identifier: Apache-2.0
//! Why documents are refused.

use crate::bundle::BundleError;
use brig_spec::digest::Digest;
use brig_spec::reference::ReferenceError;

/// Documents that do not describe an image. Names in it are text for people, made printable.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Reading failed.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// There is neither `index.json` nor `manifest.json`.
    #[error("neither a docker-archive nor an OCI layout: no manifest.json and no index.json in it")]
    NotAnImage,
    /// There is an index without any image.
    #[error("the index has no container image")]
    Empty,
    /// Something that a document names is not there.
    #[error("{what} `{name}` is missing")]
    BlobMissing {
        /// What it is: manifest, configuration, layer.
        what: &'static str,
        /// Its digest or file name.
        name: String,
    },
    /// A blob has another length than its descriptor says.
    #[error("{what} {digest} has {actual} bytes, its descriptor says {expected}")]
    Size {
        /// What it is.
        what: &'static str,
        /// Its digest.
        digest: Digest,
        /// What the descriptor says.
        expected: u64,
        /// The blob's length.
        actual: u64,
    },
    /// A blob has another digest than its descriptor says.
    #[error("{what} {expected} has in fact digest {actual}")]
    Digest {
        /// What it is.
        what: &'static str,
        /// What the descriptor says.
        expected: Digest,
        /// The blob's digest.
        actual: Digest,
    },
    /// A document is not the JSON that it should be.
    #[error("{what} is not valid JSON of its kind")]
    Json {
        /// What it is.
        what: &'static str,
        /// What the parser says.
        source: serde_json::Error,
    },
    /// A document could be read as two kinds at once.
    #[error("{what} could be read as both a manifest and an index")]
    Confused {
        /// What it is.
        what: &'static str,
    },
    /// A document says of itself another type than its descriptor says.
    #[error("{what} is of type `{actual}`, its descriptor says `{expected}`")]
    MediaType {
        /// What it is.
        what: &'static str,
        /// What the descriptor says.
        expected: String,
        /// What the document says.
        actual: String,
    },
    /// A document is of a type that is no part of a container image.
    #[error("{what} is of type `{media_type}`, which is no container image")]
    Artifact {
        /// What it is.
        what: &'static str,
        /// Its type.
        media_type: String,
    },
    /// A document is of a version that brig does not read.
    #[error("{what} has schema version {version}, only 2 is read")]
    Version {
        /// What it is.
        what: &'static str,
        /// Its version.
        version: u32,
    },
    /// Configuration and manifest count different layers.
    #[error("the manifest has {manifest} layers, the configuration {config}")]
    LayerCount {
        /// Layers of the manifest.
        manifest: usize,
        /// Layers of the configuration.
        config: usize,
    },
    /// A bound of the limits is passed.
    #[error("{what} exceeds the limit of {limit}")]
    Limit {
        /// What is too large.
        what: &'static str,
        /// The bound.
        limit: u64,
    },
    /// No image of the index is for this machine.
    #[error("no image for {wanted} in the index, only for {available}")]
    Platform {
        /// This machine.
        wanted: String,
        /// What there is.
        available: String,
    },
    /// The image is for another operating system.
    #[error("the image is for the operating system `{os}`")]
    Os {
        /// The operating system.
        os: String,
    },
    /// A name in the archive is not an image reference.
    #[error("the archive names an image `{name}`")]
    Name {
        /// The name.
        name: String,
        /// What is wrong.
        source: ReferenceError,
    },
}
