// SPDX-License-Identifier: Apache-2.0
//! The content of regular files, with holes where the archive or a run of zeros allows one.

use super::LayerError;
use crate::holes;
use crate::printable::printable;
use crate::tarball::{Extent, Member, TarError};
use rustix::fs::ftruncate;
use std::fs::File;

/// Bytes moved at a time.
const CHUNK: usize = 128 * 1024;

/// Gives a member's data in order; 0 at the end.
pub(super) type Data<'d> = dyn FnMut(&mut [u8]) -> Result<usize, TarError> + 'd;

/// A writer with its buffer, used for all files of a layer.
pub(super) struct Content {
    buffer: Vec<u8>,
}

impl Content {
    pub(super) fn new() -> Self {
        Self { buffer: vec![0; CHUNK] }
    }

    /// Writes a member's data into its new file; returns the bytes that are not holes of the archive.
    pub(super) fn write(
        &mut self,
        file: &File,
        member: &Member,
        data: &mut Data<'_>,
    ) -> Result<u64, LayerError> {
        let whole = [Extent { offset: 0, bytes: member.data_bytes }];
        let extents = member.sparse.as_ref().map_or(&whole[..], |(extents, _)| extents);
        let mut end = 0;
        for extent in extents {
            end = self.extent(file, member, data, *extent)?.unwrap_or(end);
        }
        if end < member.logical_bytes() {
            ftruncate(file, member.logical_bytes())
                .map_err(LayerError::os("extend", &member.path))?;
        }
        Ok(member.data_bytes)
    }

    /// Writes one extent; returns the end of the last byte that was written, if any was.
    fn extent(
        &mut self,
        file: &File,
        member: &Member,
        data: &mut Data<'_>,
        extent: Extent,
    ) -> Result<Option<u64>, LayerError> {
        let (mut position, mut end) = (extent.offset, None);
        let last = extent.offset + extent.bytes;
        while position < last {
            let left = usize::try_from(last - position).unwrap_or(usize::MAX);
            let wanted = left.min(CHUNK);
            let count = data(&mut self.buffer[..wanted])?;
            if count == 0 {
                break;
            }
            let written = holes::write_at(file, &self.buffer[..count], position);
            let written = written.map_err(|source| LayerError::Os {
                operation: "write",
                path: printable(&member.path),
                source,
            })?;
            end = written.or(end);
            position += count as u64;
        }
        Ok(end)
    }
}
