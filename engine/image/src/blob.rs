// SPDX-License-Identifier: Apache-2.0
//! A run of bytes inside an open file: a member of an archive, or a blob of a layout.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Bytes of an open file. Several readers may be at work at once; none moves a shared position.
#[derive(Debug, Clone)]
pub(crate) struct Blob {
    pub(crate) file: Arc<File>,
    pub(crate) offset: u64,
    pub(crate) bytes: u64,
}

impl Blob {
    pub(crate) fn reader(&self) -> BlobReader {
        BlobReader { blob: self.clone(), position: 0 }
    }
}

/// Reads a blob from its beginning.
#[derive(Debug)]
pub(crate) struct BlobReader {
    blob: Blob,
    position: u64,
}

impl BlobReader {
    /// Returns the file and the place in it that is read next.
    pub(crate) fn place(&self) -> (&Arc<File>, u64) {
        (&self.blob.file, self.blob.offset + self.position)
    }

    /// Moves forward without reading.
    pub(crate) fn skip(&mut self, bytes: u64) -> io::Result<()> {
        match self.position.checked_add(bytes) {
            Some(position) if position <= self.blob.bytes => {
                self.position = position;
                Ok(())
            }
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.blob.bytes - self.position;
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        if wanted == 0 {
            return Ok(0);
        }
        let place = self.blob.offset + self.position;
        let count = self.blob.file.read_at(&mut buffer[..wanted], place)?;
        if count == 0 {
            // The file shrank under its reader; a short blob must not pass for a whole one.
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.position += count as u64;
        Ok(count)
    }
}
