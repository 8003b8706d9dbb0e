// SPDX-License-Identifier: Apache-2.0
//! The walk over an archive's members.

use super::member::Member;
use super::pax::{Extended, MapPlace, pairs};
use super::sparse::{self, LeadingMap};
use super::{BLOCK, TarError, header};
use crate::blob::BlobReader;
use crate::limits::Limits;
use std::io::{self, Read};
use tar::Header;

/// A stream whose bytes can be passed over.
pub(crate) trait Source: Read {
    /// Passes over `bytes`; fewer left is an error of kind `UnexpectedEof`.
    fn skip(&mut self, bytes: u64) -> io::Result<()>;
}

impl Source for BlobReader {
    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        Self::skip(self, bytes)
    }
}

/// A stream that must be read to be passed over, because something hashes it.
pub(crate) struct Sequential<R>(pub(crate) R);

impl<R: Read> Read for Sequential<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R: Read> Source for Sequential<R> {
    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        let skipped = io::copy(&mut (&mut self.0).take(bytes), &mut io::sink())?;
        if skipped < bytes { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
}

/// Reads members one by one; data of the current member first, then the next.
pub(crate) struct TarReader<'l, S> {
    source: S,
    limits: &'l Limits,
    /// Bytes read and passed over so far.
    offset: u64,
    /// Data of the current member that was not read yet.
    left: u64,
    /// Bytes from the end of the data to the next header.
    padding: u64,
}

/// Long names that GNU writes in front of a member.
#[derive(Default)]
struct Pending {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    extended: Option<Extended>,
}

impl Pending {
    fn is_empty(&self) -> bool {
        self.name.is_none() && self.link.is_none() && self.extended.is_none()
    }
}

impl<'l, S: Source> TarReader<'l, S> {
    pub(crate) fn new(source: S, limits: &'l Limits) -> Self {
        Self { source, limits, offset: 0, left: 0, padding: 0 }
    }

    /// Returns the stream, which stands behind the last header or data that was read.
    pub(crate) fn into_source(self) -> S {
        self.source
    }

    pub(crate) fn source(&self) -> &S {
        &self.source
    }

    /// Reads the next member's description; `None` at the archive's end.
    pub(crate) fn next(&mut self) -> Result<Option<Member>, TarError> {
        let mut pending = Pending::default();
        loop {
            self.skip_rest()?;
            let at = self.offset;
            let Some(header) = self.header()? else {
                if pending.is_empty() {
                    return Ok(None);
                }
                return Err(TarError::Extended { offset: at, what: "no member follows" });
            };
            let invalid = |what| TarError::Header { offset: at, what };
            match header.as_old().linkflag[0] {
                b'L' => set(&mut pending.name, self.long_name(&header, at)?, at)?,
                b'K' => set(&mut pending.link, self.long_name(&header, at)?, at)?,
                b'x' => {
                    let data = self.extension(&header, at, self.limits.pax_bytes_max)?;
                    let extended = Extended::parse(&data, self.limits.sparse_extents_max)
                        .map_err(|what| TarError::Extended { offset: at, what })?;
                    set(&mut pending.extended, extended, at)?;
                }
                // Global records are for tools like git; no image tool applies them to members.
                b'g' => {
                    self.expect_data(header::decode(&header).map_err(invalid)?.data_bytes)?;
                }
                flag => {
                    let member = header::decode(&header).map_err(invalid)?;
                    return self.finish(&header, flag, member, pending, at).map(Some);
                }
            }
        }
    }

    /// Reads data of the current member; 0 at its end.
    pub(crate) fn read_data(&mut self, buffer: &mut [u8]) -> Result<usize, TarError> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let mut filled = 0;
        while filled < wanted {
            match self.source.read(&mut buffer[filled..wanted]) {
                Ok(0) => return Err(TarError::Truncated { offset: self.offset }),
                Ok(count) => {
                    filled += count;
                    self.offset += count as u64;
                    self.left -= count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(TarError::io(error, self.offset)),
            }
        }
        Ok(filled)
    }

    fn finish(
        &mut self,
        header: &Header,
        flag: u8,
        mut member: Member,
        pending: Pending,
        at: u64,
    ) -> Result<Member, TarError> {
        let invalid = |what| TarError::Extended { offset: at, what };
        let mut extended = pending.extended.unwrap_or_default();
        let (size, mut holes) = (extended.size, std::mem::take(&mut extended.sparse));
        extended.apply(&mut member);
        member.path = pending.name.unwrap_or(member.path);
        member.link = pending.link.unwrap_or(member.link);
        if !member.kind.has_data() {
            self.expect_data(0)?;
            return Ok(member);
        }
        member.data_bytes = size.unwrap_or(member.data_bytes);
        if flag == b'S' {
            let (extents, real_bytes) = self.old_gnu_map(header, at)?;
            member.sparse = Some((extents, real_bytes));
            holes = super::pax::Sparse::default();
        }
        self.expect_data(member.data_bytes)?;
        match holes.map_place() {
            MapPlace::None => {}
            MapPlace::Header => {
                let extents = holes.extents().map_err(invalid)?;
                member.sparse = Some((extents, holes.real_bytes.unwrap_or(member.data_bytes)));
            }
            MapPlace::Data => {
                let extents = self.leading_map(at)?;
                member.data_bytes = self.left;
                member.sparse = Some((extents, holes.real_bytes.unwrap_or(member.data_bytes)));
            }
        }
        if let Some((extents, real_bytes)) = &member.sparse {
            sparse::check(extents, *real_bytes, member.data_bytes).map_err(invalid)?;
        }
        Ok(member)
    }

    /// Reads a header; `None` at the end: two blocks of zeros, or the end of the stream.
    fn header(&mut self) -> Result<Option<Header>, TarError> {
        let at = self.offset;
        let mut header = Header::new_old();
        if !self.block(header.as_mut_bytes())? {
            return Ok(None);
        }
        if header.as_bytes().iter().all(|byte| *byte == 0) {
            let mut second = [0_u8; BLOCK];
            if !self.block(&mut second)? || second.iter().all(|byte| *byte == 0) {
                return Ok(None);
            }
            return Err(TarError::Header { offset: at, what: "a single block of zeros" });
        }
        if !header::has_valid_checksum(&header) {
            return Err(TarError::Header { offset: at, what: "checksum" });
        }
        Ok(Some(header))
    }

    /// Fills a block; `false` if the stream ends in front of it.
    fn block(&mut self, block: &mut [u8; BLOCK]) -> Result<bool, TarError> {
        let mut filled = 0;
        while filled < BLOCK {
            match self.source.read(&mut block[filled..]) {
                Ok(0) if filled == 0 => return Ok(false),
                Ok(0) => return Err(TarError::Truncated { offset: self.offset }),
                Ok(count) => {
                    filled += count;
                    self.offset += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(TarError::io(error, self.offset)),
            }
        }
        Ok(true)
    }

    /// Announces the data that follows.
    fn expect_data(&mut self, bytes: u64) -> Result<(), TarError> {
        let block = BLOCK as u64;
        let limit = self.limits.archive_bytes_max;
        if bytes > limit {
            return Err(TarError::Limit { what: "a member's length in bytes", limit });
        }
        self.left = bytes;
        self.padding = (block - bytes % block) % block;
        Ok(())
    }

    fn skip_rest(&mut self) -> Result<(), TarError> {
        let bytes = self.left + self.padding;
        if bytes > 0 {
            self.source.skip(bytes).map_err(|error| TarError::io(error, self.offset))?;
            self.offset += bytes;
        }
        (self.left, self.padding) = (0, 0);
        Ok(())
    }

    /// Reads the data of an extension header into memory.
    fn extension(&mut self, header: &Header, at: u64, limit: u64) -> Result<Vec<u8>, TarError> {
        let bytes = header::unsigned(&header.as_old().size, "size")
            .map_err(|what| TarError::Header { offset: at, what })?;
        if bytes > limit {
            return Err(TarError::Limit { what: "an extended header's length in bytes", limit });
        }
        self.expect_data(bytes)?;
        let capacity = usize::try_from(bytes).expect("the limits of headers fit memory");
        let mut data = vec![0; capacity];
        self.read_data(&mut data)?;
        Ok(data)
    }

    fn long_name(&mut self, header: &Header, at: u64) -> Result<Vec<u8>, TarError> {
        // The terminating zero is counted in the length.
        let limit = self.limits.path_bytes_max as u64 + 1;
        let mut name = self.extension(header, at, limit)?;
        if let Some(end) = name.iter().position(|byte| *byte == 0) {
            name.truncate(end);
        }
        Ok(name)
    }

    fn old_gnu_map(
        &mut self,
        header: &Header,
        at: u64,
    ) -> Result<(Vec<super::member::Extent>, u64), TarError> {
        let invalid = |what| TarError::Extended { offset: at, what };
        let (mut extents, real_bytes, mut more) = sparse::old_gnu(header).map_err(invalid)?;
        while more {
            let mut block = [0_u8; BLOCK];
            if !self.block(&mut block)? {
                return Err(TarError::Truncated { offset: self.offset });
            }
            let (further, again) = sparse::old_gnu_block(&block).map_err(invalid)?;
            extents.extend(further);
            more = again;
            if extents.len() as u64 > self.limits.sparse_extents_max {
                return Err(invalid("sparse map with too many extents"));
            }
        }
        Ok((extents, real_bytes))
    }

    fn leading_map(&mut self, at: u64) -> Result<Vec<super::member::Extent>, TarError> {
        let invalid = |what| TarError::Extended { offset: at, what };
        let mut map = LeadingMap::default();
        loop {
            let mut block = [0_u8; BLOCK];
            if self.read_data(&mut block)? < BLOCK {
                return Err(invalid("sparse map without an end"));
            }
            if map.feed(&block, self.limits.sparse_extents_max).map_err(invalid)? {
                return pairs(&map.numbers).map_err(invalid);
            }
        }
    }
}

/// Keeps a value that may be given once for a member.
fn set<T>(slot: &mut Option<T>, value: T, offset: u64) -> Result<(), TarError> {
    if slot.replace(value).is_some() {
        return Err(TarError::Extended { offset, what: "given twice for one member" });
    }
    Ok(())
}
