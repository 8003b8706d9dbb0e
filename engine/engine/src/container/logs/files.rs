// SPDX-License-Identifier: Apache-2.0
//! The files of one log: the current one and the rotated ones.

use super::RECORD_BYTES_MAX;
use crate::error::{Error, Result};
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Bytes read at once.
const CHUNK_BYTES: usize = 64 * 1024;
/// Rotated files that are looked for.
const NUMBER_MAX: u32 = 10_000;

/// One open file and a position in it.
pub(super) struct LogFile {
    file: File,
    path: PathBuf,
    /// Identity: device and inode.
    pub(super) identity: (u64, u64),
    /// A record whose end has not been read yet.
    partial: Vec<u8>,
    /// Whether `partial` is longer than any record and will be dropped.
    overlong: bool,
}

/// All files, newest first.
pub(super) struct Files(Vec<LogFile>);

impl Files {
    /// Opens the files, newest first: they only ever move to higher numbers, so none is missed;
    /// one that moves meanwhile is met twice and known by its inode.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let mut files: Vec<LogFile> = Vec::new();
        for number in 0..NUMBER_MAX {
            match LogFile::open(&numbered(path, number))? {
                Some(file) if files.iter().any(|known| known.identity == file.identity) => {}
                Some(file) => files.push(file),
                // Before the first line, or between two steps of a rotation.
                None if number == 0 => {}
                None => break,
            }
        }
        Ok(Self(files))
    }

    /// Returns the files that hold the last `tail` records, oldest first, and how many records of
    /// the first one come before those.
    pub(super) fn starting_at(self, tail: Option<usize>) -> Result<(Vec<LogFile>, usize)> {
        let mut list = self.0;
        let Some(tail) = tail else {
            list.reverse();
            return Ok((list, 0));
        };
        let (mut total, mut kept) = (0, 0);
        for file in &mut list {
            kept += 1;
            total += file.count_records()?;
            if total >= tail {
                break;
            }
        }
        list.truncate(kept);
        list.reverse();
        Ok((list, total.saturating_sub(tail)))
    }
}

impl LogFile {
    /// Opens the file at `path`; `None` when there is none.
    pub(super) fn open(path: &Path) -> Result<Option<Self>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("open", path)(error)),
        };
        let meta = file.metadata().map_err(Error::io("read", path))?;
        Ok(Some(Self {
            file,
            path: path.to_owned(),
            identity: (meta.dev(), meta.ino()),
            partial: Vec::new(),
            overlong: false,
        }))
    }

    /// Hands every whole record from here to the end to `take`. A record without an end is read
    /// again by the next call: the writer may cut off what a full disk has torn.
    pub(super) fn read_records(
        &mut self,
        take: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>> {
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let count = match self.file.read(&mut chunk) {
                Ok(0) => return self.step_back().map(ControlFlow::Continue),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(Error::io("read", &self.path)(error)),
            };
            let mut rest = &chunk[..count];
            while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
                self.push_partial(&rest[..end]);
                rest = &rest[end + 1..];
                let record = std::mem::take(&mut self.partial);
                if std::mem::take(&mut self.overlong) {
                    continue;
                }
                if take(&record).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            self.push_partial(rest);
        }
    }

    fn push_partial(&mut self, bytes: &[u8]) {
        if self.partial.len() + bytes.len() > RECORD_BYTES_MAX {
            self.overlong = true;
            self.partial.clear();
        }
        if !self.overlong {
            self.partial.extend_from_slice(bytes);
        }
    }

    fn step_back(&mut self) -> Result<()> {
        let length = std::mem::take(&mut self.partial).len();
        if length > 0 {
            let back = -i64::try_from(length).unwrap_or(0);
            self.file.seek(SeekFrom::Current(back)).map_err(Error::io("read", &self.path))?;
        }
        Ok(())
    }

    fn count_records(&mut self) -> Result<usize> {
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut total = 0;
        loop {
            match self.file.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => total += chunk[..count].iter().filter(|&&b| b == b'\n').count(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::io("read", &self.path)(error)),
            }
        }
        self.file.rewind().map_err(Error::io("read", &self.path))?;
        Ok(total)
    }
}

/// Finds the file that was begun after the one with `identity` was put away: the one before it in
/// the numbering, or the oldest one when it has been deleted. `None` while it is the current one.
pub(super) fn successor(path: &Path, identity: (u64, u64)) -> Result<Option<LogFile>> {
    let files = Files::open(path)?.0;
    match files.iter().position(|file| file.identity == identity) {
        Some(0) => Ok(None),
        Some(at) => Ok(files.into_iter().nth(at - 1)),
        None => Ok(files.into_iter().last()),
    }
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    if number == 0 {
        return path.to_owned();
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    struct Dir(PathBuf);

    impl Dir {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("brig-log-{name}-{}", std::process::id()));
            drop(std::fs::remove_dir_all(&path));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }
        fn log(&self) -> PathBuf {
            self.0.join("c.log")
        }
        fn write(&self, number: u32, text: &str) {
            std::fs::write(numbered(&self.log(), number), text).unwrap();
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            drop(std::fs::remove_dir_all(&self.0));
        }
    }

    fn read(list: &mut [LogFile]) -> Vec<String> {
        let mut records = Vec::new();
        for file in list {
            let flow = file.read_records(&mut |record| {
                records.push(String::from_utf8_lossy(record).into_owned());
                ControlFlow::Continue(())
            });
            assert!(flow.unwrap().is_continue());
        }
        records
    }

    #[test]
    fn starting_at_tail_spans_rotated_files() {
        let dir = Dir::new("tail");
        for (number, text) in [(2, "a\nb\n"), (1, "c\nd\n"), (0, "e\n")] {
            dir.write(number, text);
        }
        let records = |tail| {
            let (mut list, skip) = Files::open(&dir.log()).unwrap().starting_at(tail).unwrap();
            read(&mut list)[skip..].to_vec()
        };
        assert_eq!(records(None), ["a", "b", "c", "d", "e"]);
        assert_eq!(records(Some(2)), ["d", "e"]);
        assert_eq!(records(Some(9)), ["a", "b", "c", "d", "e"]);
        assert_eq!(records(Some(0)), Vec::<String>::new());
    }

    #[test]
    fn read_records_leaves_a_torn_record_until_it_is_whole_or_cut() {
        let dir = Dir::new("torn");
        dir.write(0, "one\ntw");
        let mut list = vec![LogFile::open(&dir.log()).unwrap().unwrap()];
        assert_eq!(read(&mut list), ["one"]);
        let mut writer = std::fs::OpenOptions::new().append(true).open(dir.log()).unwrap();
        writer.write_all(b"o\nthr").unwrap();
        assert_eq!(read(&mut list), ["two"]);
        writer.set_len(8).unwrap();
        writer.write_all(b"four\n").unwrap();
        assert_eq!(read(&mut list), ["four"]);
    }

    #[test]
    fn successor_follows_rotation_by_inode() {
        let dir = Dir::new("successor");
        dir.write(0, "old\n");
        let old = LogFile::open(&dir.log()).unwrap().unwrap();
        assert!(successor(&dir.log(), old.identity).unwrap().is_none());
        for (from, to) in [(0, 1), (1, 2)] {
            let rename = |a, b| std::fs::rename(numbered(&dir.log(), a), numbered(&dir.log(), b));
            rename(from, to).unwrap();
        }
        dir.write(1, "middle\n");
        dir.write(0, "new\n");
        let middle = successor(&dir.log(), old.identity).unwrap().unwrap();
        let new = successor(&dir.log(), middle.identity).unwrap().unwrap();
        assert_eq!(read(&mut [middle, new]), ["middle", "new"]);
        std::fs::remove_file(numbered(&dir.log(), 2)).unwrap();
        let oldest = successor(&dir.log(), old.identity).unwrap().unwrap();
        assert_eq!(read(&mut [oldest]), ["middle"]);
    }
}
