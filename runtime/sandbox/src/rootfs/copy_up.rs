// SPDX-License-Identifier: Apache-2.0
//! `tmpcopyup`: a tmpfs that starts with what it covers.

use crate::Result;
use crate::error::InStep;
use brig_sys::{Context, SysError};
use rustix::fs::{
    AtFlags, Dir, FileType, Gid, Mode, OFlags, Uid, chownat, fchmod, mkdirat, openat, readlinkat,
    statat, symlinkat,
};
use std::ffi::CStr;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Directories deeper than this are refused: the tree is the image's.
const DEPTH_MAX: usize = 128;

type Sys<T> = std::result::Result<T, SysError>;

/// Copies regular files, directories and symbolic links from `source` into `target`.
pub(crate) fn copy_up(source: BorrowedFd<'_>, target: BorrowedFd<'_>, path: &str) -> Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let source = openat(source, c".", flags, Mode::empty()).context("openat", || path);
    source
        .and_then(|source| copy_directory(source, target, 0))
        .in_step(|| format!("copy the contents of `{path}` into its tmpfs"))
}

fn copy_directory(source: OwnedFd, target: BorrowedFd<'_>, depth: usize) -> Sys<()> {
    if depth > DEPTH_MAX {
        return Err(rustix::io::Errno::NAMETOOLONG).context("copy", || "directory depth");
    }
    let mut entries = Dir::read_from(&source).context("getdents64", || "")?;
    while let Some(entry) = entries.read() {
        let entry = entry.context("getdents64", || "")?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            copy_entry(&source, target, entry.file_name(), depth)?;
        }
    }
    Ok(())
}

fn copy_entry(source: &OwnedFd, target: BorrowedFd<'_>, name: &CStr, depth: usize) -> Sys<()> {
    let shown = || name.to_string_lossy().into_owned();
    let stat = statat(source, name, AtFlags::SYMLINK_NOFOLLOW).context("fstatat", shown)?;
    let mode = Mode::from_raw_mode(stat.st_mode & 0o7777);
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => {
            mkdirat(target, name, mode).context("mkdirat", shown)?;
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let from = openat(source, name, flags, Mode::empty()).context("openat", shown)?;
            let to = openat(target, name, flags, Mode::empty()).context("openat", shown)?;
            fchmod(&to, mode).context("fchmod", shown)?;
            copy_directory(from, to.as_fd(), depth + 1)?;
        }
        FileType::RegularFile => copy_file(source, target, name, mode)?,
        FileType::Symlink => {
            let link = readlinkat(source, name, Vec::new()).context("readlinkat", shown)?;
            symlinkat(&link, target, name).context("symlinkat", shown)?;
        }
        _ => return Ok(()),
    }
    let (uid, gid) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
    chownat(target, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)
        .context("fchownat", shown)
}

fn copy_file(source: &OwnedFd, target: BorrowedFd<'_>, name: &CStr, mode: Mode) -> Sys<()> {
    let shown = || name.to_string_lossy().into_owned();
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let from = openat(source, name, flags, Mode::empty()).context("openat", shown)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let to = openat(target, name, flags, mode).context("openat", shown)?;
    fchmod(&to, mode).context("fchmod", shown)?;
    let (mut from, mut to) = (std::fs::File::from(from), std::fs::File::from(to));
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match from.read(&mut buffer).context("read", shown)? {
            0 => return Ok(()),
            count => to.write_all(&buffer[..count]).context("write", shown)?,
        }
    }
}
