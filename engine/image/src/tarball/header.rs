// SPDX-License-Identifier: Apache-2.0
//! Fields of a tar header.

use super::member::{Kind, Member};
use tar::Header;

/// Which field of a header is not a number.
type Field = &'static str;

/// Returns whether the checksum is right, by either of the two historical ways of adding bytes.
pub(super) fn has_valid_checksum(header: &Header) -> bool {
    let bytes = header.as_bytes();
    let blank = |n: usize| (148..156).contains(&n);
    let byte = |n: usize| if blank(n) { b' ' } else { bytes[n] };
    let unsigned: u64 = (0..bytes.len()).map(|n| u64::from(byte(n))).sum();
    let signed: i64 = (0..bytes.len()).map(|n| i64::from(i8::from_ne_bytes([byte(n)]))).sum();
    match number(&header.as_old().cksum) {
        Some(sum) => sum == i128::from(unsigned) || sum == i128::from(signed),
        None => false,
    }
}

/// Decodes the plain fields of a header.
pub(super) fn decode(header: &Header) -> Result<Member, Field> {
    let old = header.as_old();
    let path = header.path_bytes().into_owned();
    let kind = kind(old.linkflag[0], &path);
    let declared_bytes = unsigned(&old.size, "size")?;
    let device = match header.as_ustar().map(|h| (&h.dev_major, &h.dev_minor)) {
        Some(fields) => Some(fields),
        None => header.as_gnu().map(|h| (&h.dev_major, &h.dev_minor)),
    };
    let device = match (kind, device) {
        (Kind::CharDevice | Kind::BlockDevice, Some((major, minor))) => {
            (device_number(major)?, device_number(minor)?)
        }
        _ => (0, 0),
    };
    let mtime = number(&old.mtime).ok_or("mtime")?;
    Ok(Member {
        path,
        link: header.link_name_bytes().map(|link| link.into_owned()).unwrap_or_default(),
        kind,
        mode: mode(&old.mode)?,
        uid: unsigned(&old.uid, "uid")?,
        gid: unsigned(&old.gid, "gid")?,
        mtime: (i64::try_from(mtime).map_err(|_| "mtime")?, 0),
        data_bytes: if kind.has_data() { declared_bytes } else { 0 },
        sparse: None,
        xattrs: Vec::new(),
        device,
    })
}

fn kind(flag: u8, path: &[u8]) -> Kind {
    match flag {
        // The oldest tars have no type for directories but a trailing slash.
        0 if path.last() == Some(&b'/') => Kind::Directory,
        0 | b'0' | b'7' | b'S' => Kind::Regular,
        b'1' => Kind::HardLink,
        b'2' => Kind::Symlink,
        b'3' => Kind::CharDevice,
        b'4' => Kind::BlockDevice,
        b'5' => Kind::Directory,
        b'6' => Kind::Fifo,
        other => Kind::Other(other),
    }
}

fn mode(field: &[u8]) -> Result<u32, Field> {
    // Old writers put the file type into the mode as well; only the permission bits count.
    let mode = unsigned(field, "mode")? & 0o7777;
    u32::try_from(mode).map_err(|_| "mode")
}

fn device_number(field: &[u8]) -> Result<u32, Field> {
    u32::try_from(unsigned(field, "device number")?).map_err(|_| "device number")
}

/// Reads a number that may not be negative.
pub(super) fn unsigned(field: &[u8], name: Field) -> Result<u64, Field> {
    number(field).and_then(|n| u64::try_from(n).ok()).ok_or(name)
}

/// Reads a numeric field: octal text padded with blanks and NULs, nothing at all (zero), or, with the
/// first bit set, a big-endian binary number in two's complement (GNU and star).
fn number(field: &[u8]) -> Option<i128> {
    if field.first().is_some_and(|byte| byte & 0x80 != 0) {
        let negative = field[0] & 0x40 != 0;
        let mut value: i128 = if negative { -1 } else { 0 };
        for (n, byte) in field.iter().enumerate() {
            let digit = if n == 0 && !negative { byte & 0x7f } else { *byte };
            value = value << 8 | i128::from(digit);
        }
        return Some(value);
    }
    let is_padding = |byte: &u8| matches!(byte, b' ' | 0);
    let start = field.iter().position(|b| !is_padding(b)).unwrap_or(field.len());
    let text = &field[start..];
    let text = &text[..text.iter().position(is_padding).unwrap_or(text.len())];
    text.iter().try_fold(0_i128, |value, digit| {
        matches!(digit, b'0'..=b'7').then(|| value << 3 | i128::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_reads_every_historical_form() {
        assert_eq!(number(b"0000644\0"), Some(0o644));
        assert_eq!(number(b"   644 \0"), Some(0o644));
        assert_eq!(number(b"\0\0\0\0"), Some(0));
        assert_eq!(number(b""), Some(0));
        assert_eq!(number(&[0x80, 0, 0, 0, 0, 0, 1, 0]), Some(256));
        assert_eq!(number(&[0xff, 0xff, 0xff, 0xff]), Some(-1));
        assert_eq!(number(b"12x\0"), None);
        assert_eq!(number(b"-1\0"), None);
        assert_eq!(unsigned(&[0xff; 12], "size"), Err("size"));
        assert_eq!(unsigned(&[0xbf; 12], "size"), Err("size"));
    }
}
