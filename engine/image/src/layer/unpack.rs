// SPDX-License-Identifier: Apache-2.0
//! One layer, from blob to finished directory, verified on the way.

use super::LayerError;
use super::meta::{self, LayerMeta};
use super::tree::Tree;
use crate::blob::Blob;
use crate::compression::{self, Decoder, MAGIC_BYTES};
use crate::hash::{Hashing, drain};
use crate::limits::Limits;
use crate::tarball::{Sequential, TarError, TarReader};
use brig_spec::digest::Digest;
use brig_spec::image::{Descriptor, LayerEncoding};
use std::io::{self, BufReader, Read};
use std::path::Path;

const BUFFER_BYTES: usize = 64 * 1024;

/// Where a layer comes from and what it has to be.
#[derive(Debug, Clone)]
pub(crate) struct LayerSource {
    /// Digest of the uncompressed layer by the image's configuration.
    pub(crate) diff_id: Digest,
    /// What the manifest says of the blob.
    pub(crate) descriptor: Descriptor,
    pub(crate) blob: Blob,
}

/// Hears of progress and may end it.
pub(crate) trait Signal {
    /// Takes note of bytes read from the blob; `false` abandons the layer.
    fn advance(&self, bytes: u64) -> bool;
}

/// Unpacks into `dir`, a fresh directory of the caller's: `fs` and `layer.json` appear in it.
pub(crate) fn unpack(
    source: &LayerSource,
    dir: &Path,
    limits: &Limits,
    signal: &dyn Signal,
) -> Result<LayerMeta, LayerError> {
    let (root, trash) = (dir.join("fs"), dir.join("trash"));
    for path in [&root, &trash] {
        rustix::fs::mkdir(path, rustix::fs::Mode::RWXU)
            .map_err(LayerError::os("create", path.as_os_str().as_encoded_bytes()))?;
    }
    let encoding = encoding(source)?;
    let mut tree = Tree::new(&root, &trash, limits)?;
    let tar_bytes = read(source, encoding, limits, signal, &mut tree)?;
    let (tally, implied) = tree.finish()?;
    brig_state::tree::remove(&trash).map_err(store_error)?;
    let meta = LayerMeta {
        version: meta::VERSION,
        diff_id: source.diff_id,
        descriptor: source.descriptor.clone(),
        tar_bytes,
        content_bytes: tally.content_bytes,
        entries: tally.entries + implied,
        implied_directories: implied,
        uid_max: tally.uid_max,
        gid_max: tally.gid_max,
        opaque_root: tally.opaque_root,
        xattrs_dropped: tally.xattrs_dropped,
        extra: serde_json::Map::new(),
    };
    brig_state::atomic::write_json(&dir.join("layer.json"), &meta).map_err(store_error)?;
    Ok(meta)
}

/// Tells the blob's encoding, which must be the one that its media type names.
fn encoding(source: &LayerSource) -> Result<LayerEncoding, LayerError> {
    let mut magic = Vec::with_capacity(MAGIC_BYTES);
    let mut head = source.blob.reader().take(MAGIC_BYTES as u64);
    head.read_to_end(&mut magic).map_err(|error| TarError::io(error, 0))?;
    let media_type = &source.descriptor.media_type;
    let promised = LayerEncoding::of_media_type(media_type);
    match compression::detect(&magic) {
        Ok(encoding) if promised == Some(encoding) => Ok(encoding),
        _ => Err(LayerError::Encoding {
            media_type: crate::printable::printable(media_type.as_bytes()),
        }),
    }
}

/// Reads the whole blob into the tree and verifies both digests; returns the tar's length.
fn read(
    source: &LayerSource,
    encoding: LayerEncoding,
    limits: &Limits,
    signal: &dyn Signal,
    tree: &mut Tree<'_>,
) -> Result<u64, LayerError> {
    let io = |error| lift(TarError::io(error, 0));
    let blob = Hashing::new(Watched { inner: source.blob.reader(), signal });
    let decoder = Decoder::new(blob, encoding, limits.layer_bytes_max, limits).map_err(io)?;
    let buffered = BufReader::with_capacity(BUFFER_BYTES, Hashing::new(decoder));
    let mut tar = TarReader::new(Sequential(buffered), limits);
    while let Some(member) = tar.next().map_err(lift)? {
        let mut data = |buffer: &mut [u8]| tar.read_data(buffer);
        tree.add(&member, &mut data).map_err(|error| match error {
            LayerError::Tar(error) => lift(error),
            other => other,
        })?;
    }
    // Bytes behind the archive's end belong to the digests as well.
    let mut buffered = tar.into_source().0;
    drain(&mut buffered).map_err(io)?;
    let (diff_id, tar_bytes, decoder) = buffered.into_inner().finish();
    let mut blob = decoder.into_inner();
    drain(&mut blob).map_err(io)?;
    let (blob_digest, _, _) = blob.finish();
    if blob_digest != source.descriptor.digest {
        let expected = source.descriptor.digest;
        return Err(LayerError::BlobDigest { expected, actual: blob_digest });
    }
    if diff_id != source.diff_id {
        return Err(LayerError::DiffId { expected: source.diff_id, actual: diff_id });
    }
    Ok(tar_bytes)
}

/// A reader that reports progress.
struct Watched<'s, R> {
    inner: R,
    signal: &'s dyn Signal,
}

/// The layer is no longer wanted.
#[derive(Debug, thiserror::Error)]
#[error("abandoned")]
struct Abandoned;

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if self.signal.advance(count as u64) { Ok(count) } else { Err(io::Error::other(Abandoned)) }
    }
}

fn lift(error: TarError) -> LayerError {
    match error {
        TarError::Io(error) if error.get_ref().is_some_and(|e| e.is::<Abandoned>()) => {
            LayerError::Abandoned
        }
        other => LayerError::Tar(other),
    }
}

fn store_error(source: brig_state::Error) -> LayerError {
    LayerError::Store(source)
}
