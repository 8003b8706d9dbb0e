// SPDX-License-Identifier: Apache-2.0
//! SHA-256 over what passes through a reader.

use brig_spec::digest::Digest;
use sha2::{Digest as _, Sha256};
use std::io::{self, Read};

/// Returns the digest of bytes in memory.
pub(crate) fn digest_of(bytes: &[u8]) -> Digest {
    Digest::from_bytes(Sha256::digest(bytes).into())
}

/// A reader that hashes and counts what is read through it.
pub(crate) struct Hashing<R> {
    inner: R,
    hash: Sha256,
    bytes: u64,
}

impl<R: Read> Hashing<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self { inner, hash: Sha256::new(), bytes: 0 }
    }

    /// Returns the digest of everything read, its length, and the reader.
    pub(crate) fn finish(self) -> (Digest, u64, R) {
        (Digest::from_bytes(self.hash.finalize().into()), self.bytes, self.inner)
    }
}

/// Returns the digest of all that a reader gives.
pub(crate) fn digest_reader(reader: impl Read) -> io::Result<Digest> {
    let mut hashing = Hashing::new(reader);
    drain(&mut hashing)?;
    Ok(hashing.finish().0)
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hash.update(&buffer[..count]);
        self.bytes += count as u64;
        Ok(count)
    }
}

/// Reads to the end and forgets it, so that what wraps `reader` sees every byte.
pub(crate) fn drain(reader: &mut impl Read) -> io::Result<()> {
    let mut buffer = vec![0_u8; 128 * 1024];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
