// SPDX-License-Identifier: Apache-2.0
//! A log file of bounded size, with a bounded number of older ones beside it.
//!
//! Invariants: `path` grows to `max_size_bytes` (a single larger record excepted), then becomes
//! `path.1`; at most `max_files` exist. A file ends at a record's end, even after a full disk or
//! a killed writer. No error stops the container: records that cannot be written are counted.

use rustix::fs::{FileType, Mode, OFlags, fstat, ftruncate, open, rename, unlink};
use rustix::io::{Errno, pread, write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// Records are collected up to this many bytes before they are written, within one wake-up.
const BUFFER_BYTES: usize = 64 * 1024;

/// The file being written and what is on its way to it.
#[derive(Debug)]
pub(crate) struct RotatingFile {
    path: PathBuf,
    max_size_bytes: u64,
    max_files: u32,
    file: Option<OwnedFd>,
    /// Bytes in `file`, all of them whole records.
    size_bytes: u64,
    buffer: Vec<u8>,
    dropped_records: u64,
}

impl RotatingFile {
    /// Prepares to append to `path`; 0 for a bound means none.
    ///
    /// A file that cannot be opened now is tried again with each write.
    pub(crate) fn new(path: &Path, max_size_bytes: u64, max_files: u32) -> Self {
        let mut this = Self {
            path: path.to_owned(),
            max_size_bytes: if max_size_bytes == 0 { u64::MAX } else { max_size_bytes },
            max_files: max_files.max(1),
            file: None,
            size_bytes: 0,
            buffer: Vec::new(),
            dropped_records: 0,
        };
        this.reopen();
        this
    }

    /// Returns how many records could not be written so far.
    pub(crate) fn dropped_records(&self) -> u64 {
        self.dropped_records
    }

    /// Takes one record; it is in the file after the next [`Self::flush`].
    pub(crate) fn append(&mut self, record: &[u8]) {
        let held = self.size_bytes + len(&self.buffer);
        if held > 0 && held + len(record) > self.max_size_bytes {
            self.flush();
            self.rotate();
        }
        self.buffer.extend_from_slice(record);
        if self.buffer.len() >= BUFFER_BYTES {
            self.flush();
        }
    }

    /// Writes what was appended.
    pub(crate) fn flush(&mut self) {
        if self.buffer.is_empty() {
            return;
        }
        if self.file.is_none() {
            self.reopen();
        }
        let written = self.file.as_ref().map_or(0, |file| write_most(file, &self.buffer));
        let kept = self.buffer[..written].iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        self.size_bytes += len(&self.buffer[..kept]);
        if kept < self.buffer.len() {
            // A torn record would spoil the one written after it.
            self.cut_to_size();
            let lost = self.buffer[kept..].iter().filter(|&&byte| byte == b'\n').count();
            self.dropped_records += u64::try_from(lost).unwrap_or(u64::MAX);
        }
        self.buffer.clear();
    }

    fn cut_to_size(&self) {
        if let Some(file) = &self.file {
            // A failure leaves a torn record, which readers skip.
            let _ = ftruncate(file, self.size_bytes);
        }
    }

    fn reopen(&mut self) {
        let flags = OFlags::RDWR
            | OFlags::CREATE
            | OFlags::APPEND
            | OFlags::NOFOLLOW
            | OFlags::NONBLOCK
            | OFlags::CLOEXEC;
        let Ok(file) = open(&self.path, flags, Mode::from_raw_mode(0o640)) else { return };
        let Ok(stat) = fstat(&file) else { return };
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return;
        }
        let size_bytes = u64::try_from(stat.st_size).unwrap_or(0);
        self.size_bytes = whole_records(&file, size_bytes);
        self.file = Some(file);
        if self.size_bytes < size_bytes {
            self.cut_to_size();
        }
    }

    fn rotate(&mut self) {
        self.file = None;
        if self.max_files == 1 {
            // ENOENT means that somebody else has removed it, which is as good.
            let _ = unlink(&self.path);
        } else {
            for number in (1..self.max_files - 1).rev() {
                let _ = rename(self.numbered(number), self.numbered(number + 1));
            }
            if rename(&self.path, self.numbered(1)).is_err() {
                // The bound on the disk outweighs old lines.
                let _ = unlink(&self.path);
            }
        }
        self.size_bytes = 0;
        self.reopen();
    }

    fn numbered(&self, number: u32) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(format!(".{number}"));
        path.into()
    }
}

/// Writes `bytes` and returns how many the file took.
fn write_most(file: &OwnedFd, bytes: &[u8]) -> usize {
    let mut written = 0;
    while written < bytes.len() {
        match write(file, &bytes[written..]) {
            Ok(0) => break,
            Ok(count) => written += count,
            Err(Errno::INTR) => {}
            Err(_) => break,
        }
    }
    written
}

/// Returns how many of a file's bytes are whole records, given that only the last may be torn.
fn whole_records(file: &OwnedFd, size_bytes: u64) -> u64 {
    if size_bytes == 0 {
        return 0;
    }
    // Longer than any record: a part of a line whose every byte is escaped by six.
    let mut tail = vec![0; 128 * 1024];
    let from = size_bytes.saturating_sub(len(&tail));
    let count = pread(file, &mut tail, from).unwrap_or(0);
    match tail[..count].iter().rposition(|&byte| byte == b'\n') {
        Some(at) => from + len(&tail[..=at]),
        None if from == 0 => 0,
        None => size_bytes,
    }
}

fn len(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).expect("a length in memory fits 64 bits")
}

#[cfg(test)]
mod tests;
