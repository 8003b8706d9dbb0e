// SPDX-License-Identifier: Apache-2.0
//! Writing that leaves long runs of zeros out, so that a bomb of zeros costs time but no disk.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Zeros that become a hole: long enough that ordinary files stay in one piece.
const HOLE: usize = 64 * 1024;

/// Writes `data` at `offset`; returns the end of the last byte written, if any was.
///
/// A hole at the end does not extend the file; that is the caller's matter.
pub(crate) fn write_at(file: &File, data: &[u8], offset: u64) -> io::Result<Option<u64>> {
    let (mut position, mut end) = (offset, None);
    for piece in data.chunks(HOLE) {
        if piece.len() < HOLE || !is_zero(piece) {
            file.write_all_at(piece, position)?;
            end = Some(position + piece.len() as u64);
        }
        position += piece.len() as u64;
    }
    Ok(end)
}

/// Returns whether a piece is all zeros; most are not, and their first bytes tell.
fn is_zero(piece: &[u8]) -> bool {
    piece[..64].iter().all(|byte| *byte == 0) && piece.iter().all(|byte| *byte == 0)
}
