// SPDX-License-Identifier: Apache-2.0
//! Maps of sparse files: which parts of a file are in the archive.

use super::member::Extent;
use super::pax::decimal;
use super::{BLOCK, header};
use tar::{GnuExtSparseHeader, GnuSparseHeader, Header};

/// What is wrong with a map.
type Fault = &'static str;

/// Checks that extents ascend, stay within the file and account for all data.
pub(super) fn check(extents: &[Extent], real_bytes: u64, data_bytes: u64) -> Result<(), Fault> {
    let (mut end, mut total) = (0_u64, 0_u64);
    for extent in extents {
        if extent.offset < end {
            return Err("sparse extents overlap");
        }
        end = extent.offset.checked_add(extent.bytes).ok_or("sparse extent too long")?;
        total += extent.bytes;
    }
    if end > real_bytes {
        return Err("sparse extent beyond the file");
    }
    if total != data_bytes {
        return Err("sparse extents do not add up");
    }
    Ok(())
}

/// Old GNU format: returns the extents in the header, the length of the file, and whether blocks with
/// further extents follow.
pub(super) fn old_gnu(header: &Header) -> Result<(Vec<Extent>, u64, bool), Fault> {
    let gnu = header.as_gnu().ok_or("sparse member without a GNU header")?;
    let real_bytes = header::unsigned(&gnu.realsize, "sparse length")?;
    Ok((old_gnu_extents(&gnu.sparse)?, real_bytes, gnu.isextended[0] != 0))
}

/// Old GNU format: decodes a block of further extents, and whether one more follows.
pub(super) fn old_gnu_block(block: &[u8; BLOCK]) -> Result<(Vec<Extent>, bool), Fault> {
    let mut extended = GnuExtSparseHeader::new();
    extended.as_mut_bytes().copy_from_slice(block);
    Ok((old_gnu_extents(&extended.sparse)?, extended.isextended[0] != 0))
}

fn old_gnu_extents(fields: &[GnuSparseHeader]) -> Result<Vec<Extent>, Fault> {
    let mut extents = Vec::new();
    for field in fields {
        // The first empty slot ends the list.
        if field.offset[0] == 0 || field.numbytes[0] == 0 {
            break;
        }
        extents.push(Extent {
            offset: header::unsigned(&field.offset, "sparse offset")?,
            bytes: header::unsigned(&field.numbytes, "sparse length")?,
        });
    }
    Ok(extents)
}

/// PAX format 1.0: a map of decimal lines in front of the data, fed block by block.
#[derive(Debug, Default)]
pub(super) struct LeadingMap {
    line: Vec<u8>,
    wanted: Option<u64>,
    pub(super) numbers: Vec<u64>,
}

impl LeadingMap {
    /// Takes one block; returns whether the map is complete.
    pub(super) fn feed(&mut self, block: &[u8; BLOCK], extents_max: u64) -> Result<bool, Fault> {
        for byte in block {
            if *byte != b'\n' {
                // Twenty digits hold any length; a longer line is not a number.
                if self.line.len() == 20 {
                    return Err("sparse map");
                }
                self.line.push(*byte);
                continue;
            }
            let number = decimal(&self.line)?;
            self.line.clear();
            match self.wanted {
                None if number > extents_max => return Err("sparse map with too many extents"),
                None => self.wanted = Some(number * 2),
                Some(_) => self.numbers.push(number),
            }
            if self.wanted == Some(self.numbers.len() as u64) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_hostile_extents_are_refused() {
        let e = |offset, bytes| Extent { offset, bytes };
        assert_eq!(check(&[e(0, 4), e(8, 4)], 12, 8), Ok(()));
        assert_eq!(check(&[], 1 << 30, 0), Ok(()));
        assert!(check(&[e(0, 4), e(3, 4)], 12, 8).is_err());
        assert!(check(&[e(8, 5)], 12, 5).is_err());
        assert!(check(&[e(u64::MAX, 2)], u64::MAX, 2).is_err());
        assert!(check(&[e(0, 4)], 12, 5).is_err());
    }

    #[test]
    fn leading_map_endless_line_or_count_is_refused() {
        let mut block = [b'1'; BLOCK];
        assert!(LeadingMap::default().feed(&block, 10).is_err());
        block[..3].copy_from_slice(b"11\n");
        assert!(LeadingMap::default().feed(&block, 10).is_err());
        block[..8].copy_from_slice(b"1\n0\n512\n");
        let mut map = LeadingMap::default();
        assert_eq!(map.feed(&block, 10), Ok(true));
        assert_eq!(map.numbers, [0, 512]);
    }
}
