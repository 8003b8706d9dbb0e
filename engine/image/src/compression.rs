// SPDX-License-Identifier: Apache-2.0
//! Decompression by magic number, bounded in size, growth and memory.

use crate::limits::Limits;
use brig_spec::image::LayerEncoding;
use flate2::read::MultiGzDecoder;
use std::cell::Cell;
use std::io::{self, BufReader, Read};
use std::rc::Rc;

/// Bytes of a stream's beginning that tell its encoding.
pub(crate) const MAGIC_BYTES: usize = 262;

const BUFFER_BYTES: usize = 128 * 1024;

/// A stream that is refused, not broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// Decompression gives more than a stream may hold.
    #[error("decompression gives more than {bytes_max} bytes")]
    TooLong {
        /// The bound, bytes.
        bytes_max: u64,
    },
    /// Decompression multiplies the data as only bombs do.
    #[error("decompression makes {compressed_bytes} bytes grow more than {ratio_max}-fold")]
    Ratio {
        /// Compressed bytes read when the bound was passed.
        compressed_bytes: u64,
        /// The bound.
        ratio_max: u64,
    },
    /// The encoding is known but not spoken.
    #[error("compressed with {0}: only gzip and zstd are accepted")]
    Encoding(&'static str),
}

impl StreamError {
    /// Returns the refusal that a reader of this module wrapped into an I/O error.
    pub(crate) fn within(error: &io::Error) -> Option<&Self> {
        error.get_ref().and_then(|inner| inner.downcast_ref())
    }
}

/// Tells a stream's encoding from its first bytes.
///
/// zstd's skippable frames count as zstd: some builders put one first.
pub(crate) fn detect(magic: &[u8]) -> Result<LayerEncoding, StreamError> {
    // A tar may begin with a file of any name, so its own mark decides first.
    if magic.get(257..262) == Some(b"ustar") {
        return Ok(LayerEncoding::Plain);
    }
    match magic {
        [0x1f, 0x8b, 0x08, ..] => Ok(LayerEncoding::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
            Ok(LayerEncoding::Zstd)
        }
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Err(StreamError::Encoding("xz")),
        [b'B', b'Z', b'h', ..] => Err(StreamError::Encoding("bzip2")),
        _ => Ok(LayerEncoding::Plain),
    }
}

/// Reads up to [`MAGIC_BYTES`] and returns them with a reader that begins with them again.
pub(crate) fn peek<R: Read>(mut reader: R) -> io::Result<(Vec<u8>, impl Read + use<R>)> {
    let mut magic = Vec::with_capacity(MAGIC_BYTES);
    reader.by_ref().take(MAGIC_BYTES as u64).read_to_end(&mut magic)?;
    Ok((magic.clone(), io::Cursor::new(magic).chain(reader)))
}

/// A decoded stream within the bounds of [`Limits`].
pub(crate) struct Decoder<R: Read> {
    inner: Inner<R>,
    compressed_bytes: Rc<Cell<u64>>,
    bytes: u64,
    bytes_max: u64,
    ratio_max: u64,
    ratio_grace_bytes: u64,
}

enum Inner<R: Read> {
    Plain(Counting<R>),
    Gzip(Box<MultiGzDecoder<BufReader<Counting<R>>>>),
    Zstd(Box<zstd::stream::read::Decoder<'static, BufReader<Counting<R>>>>),
}

impl<R: Read> Decoder<R> {
    /// Makes a decoder that gives at most `bytes_max` bytes.
    pub(crate) fn new(
        reader: R,
        encoding: LayerEncoding,
        bytes_max: u64,
        limits: &Limits,
    ) -> io::Result<Self> {
        let compressed_bytes = Rc::new(Cell::new(0));
        let counting = Counting { inner: reader, bytes: Rc::clone(&compressed_bytes) };
        let buffered = |counting| BufReader::with_capacity(BUFFER_BYTES, counting);
        let inner = match encoding {
            LayerEncoding::Plain => Inner::Plain(counting),
            LayerEncoding::Gzip => Inner::Gzip(Box::new(MultiGzDecoder::new(buffered(counting)))),
            LayerEncoding::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(buffered(counting))?;
                decoder.window_log_max(limits.zstd_window_log_max)?;
                Inner::Zstd(Box::new(decoder))
            }
        };
        Ok(Self {
            inner,
            compressed_bytes,
            bytes: 0,
            bytes_max,
            ratio_max: limits.ratio_max,
            ratio_grace_bytes: limits.ratio_grace_bytes,
        })
    }

    /// Returns the compressed reader, at whatever place the decoder's read-ahead left it.
    pub(crate) fn into_inner(self) -> R {
        match self.inner {
            Inner::Plain(counting) => counting.inner,
            Inner::Gzip(decoder) => decoder.into_inner().into_inner().inner,
            Inner::Zstd(decoder) => decoder.finish().into_inner().inner,
        }
    }

    fn check(&self) -> Result<(), StreamError> {
        if self.bytes > self.bytes_max {
            return Err(StreamError::TooLong { bytes_max: self.bytes_max });
        }
        let compressed_bytes = self.compressed_bytes.get();
        let allowed = compressed_bytes.saturating_mul(self.ratio_max).max(self.ratio_grace_bytes);
        if self.bytes > allowed {
            return Err(StreamError::Ratio { compressed_bytes, ratio_max: self.ratio_max });
        }
        Ok(())
    }
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.inner {
            Inner::Plain(reader) => reader.read(buffer),
            Inner::Gzip(decoder) => decoder.read(buffer),
            Inner::Zstd(decoder) => decoder.read(buffer),
        }?;
        self.bytes += count as u64;
        self.check().map_err(io::Error::other)?;
        Ok(count)
    }
}

/// Counts what the decoder takes in.
struct Counting<R> {
    inner: R,
    bytes: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.bytes.set(self.bytes.get() + count as u64);
        Ok(count)
    }
}
