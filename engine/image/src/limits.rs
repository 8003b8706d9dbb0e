// SPDX-License-Identifier: Apache-2.0
//! Bounds on what an archive may cost, each far above any genuine image.

/// Bounds on one load; exceeding one is an error that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of an archive that is spooled from a pipe or decompressed.
    pub archive_bytes_max: u64,
    /// Members of an archive.
    pub archive_members_max: u64,
    /// Bytes of a manifest, an index or a configuration.
    pub document_bytes_max: u64,
    /// Images in one archive.
    pub images_max: usize,
    /// Layers of one image: overlayfs stacks no more.
    pub layers_max: usize,
    /// Indexes inside indexes.
    pub index_depth_max: usize,
    /// Bytes of one layer's tar, uncompressed.
    pub layer_bytes_max: u64,
    /// Files, directories and links of one layer, implied directories included.
    pub layer_entries_max: u64,
    /// Logical bytes of one file, holes included.
    pub file_bytes_max: u64,
    /// Bytes of one path: the kernel's `PATH_MAX` without the terminator.
    pub path_bytes_max: usize,
    /// Directories above one file.
    pub path_depth_max: usize,
    /// Bytes of one extended header.
    pub pax_bytes_max: u64,
    /// Bytes of all extended attributes of one layer.
    pub layer_xattr_bytes_max: u64,
    /// Extents of one sparse file.
    pub sparse_extents_max: u64,
    /// Times that a stream may grow by decompression, once beyond `ratio_grace_bytes`.
    pub ratio_max: u64,
    /// Decompressed bytes below which the ratio does not count.
    pub ratio_grace_bytes: u64,
    /// Binary logarithm of the zstd window, which is what decompression allocates.
    pub zstd_window_log_max: u32,
}

impl Limits {
    /// The bounds of a store that was not told otherwise.
    pub const DEFAULT: Self = Self {
        archive_bytes_max: 256 << 30,
        archive_members_max: 100_000,
        document_bytes_max: 4 << 20,
        images_max: 1_000,
        layers_max: 500,
        index_depth_max: 4,
        layer_bytes_max: 128 << 30,
        layer_entries_max: 1_000_000,
        file_bytes_max: 1 << 40,
        path_bytes_max: 4_095,
        path_depth_max: 256,
        pax_bytes_max: 1 << 20,
        layer_xattr_bytes_max: 256 << 20,
        sparse_extents_max: 1 << 18,
        ratio_max: 200,
        ratio_grace_bytes: 1 << 30,
        zstd_window_log_max: 27,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
