// SPDX-License-Identifier: Apache-2.0
//! PAX extended headers: `LENGTH KEY=VALUE\n`, where a value may hold any byte.

use super::member::{Extent, Member};
use std::str;

/// What is wrong with a record.
type Fault = &'static str;

/// What an extended header says about the member that follows.
#[derive(Debug, Default, Clone)]
pub(super) struct Extended {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    uid: Option<u64>,
    gid: Option<u64>,
    mtime: Option<(i64, u32)>,
    xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) sparse: Sparse,
}

/// GNU's three ways to describe holes in PAX records.
#[derive(Debug, Default, Clone)]
pub(super) struct Sparse {
    major: Vec<u8>,
    minor: Vec<u8>,
    pub(super) real_bytes: Option<u64>,
    /// Formats 0.0 and 0.1: offsets and lengths in turn.
    numbers: Vec<u64>,
    has_map: bool,
}

/// Where a member's map of extents is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MapPlace {
    /// The file has no holes.
    None,
    /// In the extended header.
    Header,
    /// In front of the data.
    Data,
}

impl Extended {
    /// Parses a whole extended header.
    pub(super) fn parse(mut data: &[u8], extents_max: u64) -> Result<Self, Fault> {
        let mut extended = Self::default();
        while !data.is_empty() {
            let Record { key, value, rest } = record(data)?;
            extended.take(key, value, extents_max)?;
            data = rest;
        }
        Ok(extended)
    }

    fn take(&mut self, key: &[u8], value: &[u8], extents_max: u64) -> Result<(), Fault> {
        if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
            return self.take_xattr(name, value);
        }
        if let Some(name) = key.strip_prefix(b"GNU.sparse.") {
            return self.take_sparse(name, value, extents_max);
        }
        // An empty value takes a record back.
        let given = !value.is_empty();
        match key {
            b"path" => self.path = text(value)?,
            b"linkpath" => self.link = text(value)?,
            b"size" => self.size = given.then(|| decimal(value)).transpose()?,
            b"uid" => self.uid = given.then(|| decimal(value)).transpose()?,
            b"gid" => self.gid = given.then(|| decimal(value)).transpose()?,
            b"mtime" => self.mtime = given.then(|| time(value)).transpose()?,
            _ => {}
        }
        Ok(())
    }

    fn take_xattr(&mut self, name: &[u8], value: &[u8]) -> Result<(), Fault> {
        if name.is_empty() {
            return Err("attribute without a name");
        }
        self.xattrs.retain(|(earlier, _)| earlier != name);
        self.xattrs.push((name.to_vec(), value.to_vec()));
        Ok(())
    }

    fn take_sparse(&mut self, name: &[u8], value: &[u8], max: u64) -> Result<(), Fault> {
        let sparse = &mut self.sparse;
        let given = !value.is_empty();
        match name {
            b"major" => sparse.major = value.to_vec(),
            b"minor" => sparse.minor = value.to_vec(),
            b"name" => self.path = text(value)?,
            b"size" | b"realsize" => sparse.real_bytes = Some(decimal(value)?),
            b"map" => {
                sparse.has_map = true;
                let numbers = value.split(|b| *b == b',').filter(|_| given);
                sparse.numbers = numbers.map(decimal).collect::<Result<_, _>>()?;
            }
            b"offset" | b"numbytes" => {
                // They come in pairs; any other order would mislead.
                let even = sparse.numbers.len().is_multiple_of(2);
                if even != (name == b"offset") {
                    return Err("sparse map out of order");
                }
                sparse.has_map = true;
                sparse.numbers.push(decimal(value)?);
            }
            _ => {}
        }
        if sparse.numbers.len() as u64 / 2 > max {
            return Err("sparse map with too many extents");
        }
        Ok(())
    }

    /// Lets the records override what the plain header says; sizes are the reader's matter.
    pub(super) fn apply(&mut self, member: &mut Member) {
        let Self { path, link, uid, gid, mtime, xattrs, .. } = std::mem::take(self);
        member.path = path.unwrap_or(std::mem::take(&mut member.path));
        member.link = link.unwrap_or(std::mem::take(&mut member.link));
        member.uid = uid.unwrap_or(member.uid);
        member.gid = gid.unwrap_or(member.gid);
        member.mtime = mtime.unwrap_or(member.mtime);
        member.xattrs = xattrs;
    }
}

impl Sparse {
    pub(super) fn map_place(&self) -> MapPlace {
        match (self.major.as_slice(), self.minor.as_slice()) {
            (b"1", b"0") => MapPlace::Data,
            (b"0", b"0" | b"1") | (b"", _) if self.has_map => MapPlace::Header,
            _ => MapPlace::None,
        }
    }

    pub(super) fn extents(&self) -> Result<Vec<Extent>, Fault> {
        pairs(&self.numbers)
    }
}

/// Groups offsets and lengths.
pub(super) fn pairs(numbers: &[u64]) -> Result<Vec<Extent>, Fault> {
    if !numbers.len().is_multiple_of(2) {
        return Err("sparse map with half an extent");
    }
    Ok(numbers.chunks_exact(2).map(|n| Extent { offset: n[0], bytes: n[1] }).collect())
}

/// A record, and what follows it.
struct Record<'d> {
    key: &'d [u8],
    value: &'d [u8],
    rest: &'d [u8],
}

/// Splits the first record off.
fn record(data: &[u8]) -> Result<Record<'_>, Fault> {
    let space = data.iter().take(20).position(|b| *b == b' ').ok_or("record without a length")?;
    let length = usize::try_from(decimal(&data[..space])?).map_err(|_| "record length")?;
    if length <= space + 1 || length > data.len() {
        return Err("record length");
    }
    let (record, rest) = data.split_at(length);
    let body = record[space + 1..].strip_suffix(b"\n").ok_or("record without an end")?;
    let equals = body.iter().position(|b| *b == b'=').ok_or("record without a value")?;
    let (key, value) = (&body[..equals], &body[equals + 1..]);
    if key.is_empty() || key.contains(&0) {
        return Err("record key");
    }
    Ok(Record { key, value, rest })
}

fn text(value: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
    if value.contains(&0) {
        return Err("zero byte in a path");
    }
    Ok((!value.is_empty()).then(|| value.to_vec()))
}

/// Reads a decimal number of ASCII digits; signs and blanks are not accepted.
pub(super) fn decimal(value: &[u8]) -> Result<u64, Fault> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err("number");
    }
    str::from_utf8(value).ok().and_then(|text| text.parse().ok()).ok_or("number")
}

/// Reads `SECONDS[.FRACTION]`, maybe negative.
fn time(value: &[u8]) -> Result<(i64, u32), Fault> {
    let (negative, digits) = match value.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, value),
    };
    let mut parts = digits.splitn(2, |b| *b == b'.');
    let seconds = decimal(parts.next().unwrap_or_default()).map_err(|_| "time")?;
    let seconds = i64::try_from(seconds).map_err(|_| "time")?;
    let mut nanoseconds = 0_u32;
    if let Some(fraction) = parts.next() {
        if !fraction.iter().all(u8::is_ascii_digit) {
            return Err("time");
        }
        for n in 0..9 {
            let digit = fraction.get(n).map_or(0, |b| b - b'0');
            nanoseconds = nanoseconds * 10 + u32::from(digit);
        }
    }
    Ok(match (negative, nanoseconds) {
        (false, _) => (seconds, nanoseconds),
        (true, 0) => (-seconds, 0),
        (true, _) => (-seconds - 1, 1_000_000_000 - nanoseconds),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(key: &str, value: &[u8]) -> Vec<u8> {
        let rest = key.len() + value.len() + 3;
        let mut length = rest;
        while length.to_string().len() + rest != length {
            length = length.to_string().len() + rest;
        }
        [format!("{length} {key}=").as_bytes(), value, b"\n"].concat()
    }

    #[test]
    fn parse_binary_attribute_keeps_line_feeds_and_zeros() {
        let value = [1, 0, 0, 2, b'\n', 0, b'\n', b'=', 0xff];
        let mut data = build("SCHILY.xattr.security.capability", &value);
        data.extend(build("size", b"12345678901"));
        let extended = Extended::parse(&data, 10).unwrap();
        assert_eq!(extended.xattrs, [(b"security.capability".to_vec(), value.to_vec())]);
        assert_eq!(extended.size, Some(12_345_678_901));
    }

    #[test]
    fn parse_malformed_records_is_refused() {
        let cases: &[&[u8]] = &[
            b"4 a=\n",
            b"6 a=b",
            b"6 a=bX",
            b"x a=b\n",
            b" a=b\n",
            b"99999999999999999999999 a=b\n",
            b"5 ab\n",
            b"5 =b\n",
            b"9 path=\0\n",
            b"11 size=-1\n",
            b"3 \n",
            b"0 a=b\n",
        ];
        for data in cases {
            assert!(Extended::parse(data, 10).is_err(), "{:?}", String::from_utf8_lossy(data));
        }
    }

    #[test]
    fn time_with_fraction_and_sign_is_exact() {
        assert_eq!(time(b"1.5"), Ok((1, 500_000_000)));
        assert_eq!(time(b"-1.25"), Ok((-2, 750_000_000)));
        assert_eq!(time(b"-3"), Ok((-3, 0)));
        assert_eq!(time(b"1.0000000019"), Ok((1, 1)));
        assert!(time(b"1.x").is_err() && time(b"").is_err() && time(b"--1").is_err());
    }

    #[test]
    fn sparse_map_too_long_is_refused() {
        let data = build("GNU.sparse.map", b"0,1,2,1,4,1");
        assert!(Extended::parse(&data, 2).is_err());
        let extended = Extended::parse(&data, 3).unwrap();
        assert_eq!(extended.sparse.map_place(), MapPlace::Header);
        assert_eq!(extended.sparse.extents().unwrap().len(), 3);
    }
}
