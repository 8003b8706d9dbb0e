// SPDX-License-Identifier: Apache-2.0
//! What a load tells its caller while it works.

use brig_spec::digest::Digest;

/// A step of a load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoadEvent {
    /// Bytes of the archive read so far; only where an archive must be spooled.
    Spooled {
        /// Bytes after decompression.
        bytes: u64,
    },
    /// A layer is in the store already.
    LayerPresent {
        /// The layer.
        diff_id: Digest,
    },
    /// Bytes of a layer's blob unpacked so far; the first report has 0, the last all.
    LayerProgress {
        /// The layer.
        diff_id: Digest,
        /// Bytes of the blob read.
        bytes: u64,
        /// Bytes of the blob.
        bytes_total: u64,
    },
    /// A layer is unpacked and verified.
    LayerDone {
        /// The layer.
        diff_id: Digest,
    },
    /// A name that belonged to another image now belongs to the one being loaded.
    Renamed {
        /// The name.
        reference: String,
        /// The image that had it.
        previous: Digest,
    },
}

/// An image that was loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedImage {
    /// Its names in the archive, in the form that people type; maybe none.
    pub references: Vec<String>,
    /// Its id.
    pub id: Digest,
}
