// SPDX-License-Identifier: Apache-2.0
//! Records: read bounded, replaced whole.
//!
//! A replaced record survives the death of any process. It is not synced to the platter: after
//! a power cut a reader sees the old or the new version (rename on a journalled file system).

use crate::Error;
use serde::{Serialize, de::DeserializeOwned};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Largest record that [`read_json`] accepts, bytes.
pub const RECORD_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Replaces `path` by a file of mode 0600 with `bytes`, atomically.
///
/// The temporary file is `.<name>.<pid>.tmp` beside it; one left by a dead writer is overwritten
/// by the next process with that pid and is never read.
///
/// # Errors
/// When the file cannot be made, written (a full disk) or renamed; the old version then stays.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let written = write_new(&temporary, bytes)
        .and_then(|()| std::fs::rename(&temporary, path).map_err(Error::io("replace", path)));
    if written.is_err() {
        // The first error is the one to report; a temporary file is never read.
        drop(std::fs::remove_file(&temporary));
    }
    written
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .map_err(Error::io("create", path))?;
    file.write_all(bytes).map_err(Error::io("write", path))
}

/// Creates `path` with `bytes`, failing with [`Error::is_exists`] when it is there already.
///
/// The file appears with its whole content or not at all (written aside, then linked).
///
/// # Errors
/// When it exists, or cannot be written.
pub fn create(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{}.new", std::process::id()));
    let made = write_new(&temporary, bytes)
        .and_then(|()| std::fs::hard_link(&temporary, path).map_err(Error::io("create", path)));
    // Its only use was to be linked.
    drop(std::fs::remove_file(&temporary));
    made
}

/// Writes a record as JSON, atomically.
///
/// # Errors
/// As [`replace`].
pub fn write_json<T: Serialize>(path: &Path, record: &T) -> Result<(), Error> {
    let bytes = serde_json::to_vec(record)
        .map_err(|source| Error::Parse { path: path.to_owned(), source })?;
    replace(path, &bytes)
}

/// Reads a JSON record of at most [`RECORD_BYTES_MAX`] bytes.
///
/// # Errors
/// When it is missing, unreadable, too large or not of the expected shape.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let bytes = read(path, RECORD_BYTES_MAX)?;
    serde_json::from_slice(&bytes).map_err(|source| Error::Parse { path: path.to_owned(), source })
}

/// Reads a file of at most `limit_bytes`.
///
/// # Errors
/// When it is missing, unreadable or larger.
pub fn read(path: &Path, limit_bytes: u64) -> Result<Vec<u8>, Error> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    // With room from the start, a small record takes one read and not a growing series.
    let mut bytes = Vec::with_capacity(4096);
    file.take(limit_bytes + 1).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit_bytes {
        return Err(Error::TooLarge { path: path.to_owned(), limit_bytes });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> std::path::PathBuf {
        let dir = std::env::temp_dir().join(format!("brig-state-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        dir
    }

    #[test]
    fn replace_existing_record_leaves_no_temporary() {
        let dir = scratch("replace");
        let path = dir.join("r.json");
        replace(&path, b"1").unwrap();
        replace(&path, b"2").unwrap();
        assert_eq!(read(&path, 10).unwrap(), b"2");
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1);
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn create_existing_record_is_refused_and_kept() {
        let dir = scratch("create");
        let path = dir.join("name");
        create(&path, b"first").unwrap();
        assert!(create(&path, b"second").unwrap_err().is_exists());
        assert_eq!(read(&path, 10).unwrap(), b"first");
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn read_oversized_record_is_refused() {
        let dir = scratch("read");
        let path = dir.join("big");
        replace(&path, b"123456").unwrap();
        assert!(matches!(read(&path, 5), Err(Error::TooLarge { limit_bytes: 5, .. })));
        std::fs::remove_dir_all(dir).unwrap();
    }
}
