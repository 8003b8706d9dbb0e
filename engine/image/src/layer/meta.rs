// SPDX-License-Identifier: Apache-2.0
//! What is recorded about an unpacked layer, beside its tree.

use brig_spec::digest::Digest;
use brig_spec::image::Descriptor;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Version of the record that this program writes.
pub(crate) const VERSION: u32 = 1;

/// Record of an unpacked layer, `layer.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerMeta {
    /// Version of this record.
    pub version: u32,
    /// Digest of the uncompressed layer.
    pub diff_id: Digest,
    /// The blob that the layer came from; the blob itself is not kept.
    pub descriptor: Descriptor,
    /// Length of the uncompressed tar, bytes.
    pub tar_bytes: u64,
    /// Data in regular files, bytes; holes and further hard links do not count.
    pub content_bytes: u64,
    /// Files, directories, links and whiteouts, implied directories included.
    pub entries: u64,
    /// Directories that the archive only implied; they got mode 0755 and owner 0.
    pub implied_directories: u64,
    /// Highest user id that owns something.
    pub uid_max: u32,
    /// Highest group id that owns something.
    pub gid_max: u32,
    /// Whether the layer hides everything below; overlayfs knows no opaque root.
    pub opaque_root: bool,
    /// Extended attributes that the store's file system could not hold.
    pub xattrs_dropped: u64,
    /// Fields of a newer version.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}
