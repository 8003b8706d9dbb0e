// SPDX-License-Identifier: Apache-2.0
//! Paths below the root file system's descriptor.

use crate::error::InStep;
use crate::{Error, Result};
use brig_sys::{Context, SysError};
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, mkdirat, openat2};
use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// The root of the container's file system.
#[derive(Debug)]
pub(crate) struct Root(OwnedFd);

/// What a mount target must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A directory, made when missing.
    Directory,
    /// Anything but a directory; an empty file is made when missing.
    File,
}

type Sys<T> = std::result::Result<T, SysError>;

/// Opens `path` below `dir` with the given resolution, again and again while renames elsewhere
/// make the kernel give up.
fn open2(dir: BorrowedFd<'_>, path: &str, flags: OFlags, resolve: ResolveFlags) -> Sys<OwnedFd> {
    let resolve = resolve | ResolveFlags::NO_MAGICLINKS;
    loop {
        match openat2(dir, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            other => return other.context("openat2", || format!("{path}, {resolve:?}")),
        }
    }
}

/// Makes a path relative; an empty one means the root itself.
fn relative(path: &str) -> &str {
    match path.trim_start_matches('/') {
        "" => ".",
        rest => rest,
    }
}

impl Root {
    pub(crate) fn new(fd: OwnedFd) -> Self {
        Self(fd)
    }

    /// Opens an existing object, symbolic links resolved as if the root were `/`.
    pub(crate) fn open(&self, path: &str, flags: OFlags) -> Sys<OwnedFd> {
        open2(self.0.as_fd(), relative(path), flags, ResolveFlags::IN_ROOT)
    }

    /// Opens an existing object on a path without any symbolic link.
    pub(crate) fn open_plain(&self, path: &str, flags: OFlags) -> Sys<OwnedFd> {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        open2(self.0.as_fd(), relative(path), flags, resolve)
    }

    /// Opens the target of a mount, making it (and the directories above) when missing.
    ///
    /// `plain` refuses symbolic links anywhere on the path: for the mounts whose place the
    /// kernel's interfaces depend on (`/proc`, `/sys`, `/dev`).
    pub(crate) fn target(&self, path: &str, shape: Shape, plain: bool) -> Result<OwnedFd> {
        let opened =
            if plain { self.open_plain(path, OFlags::PATH) } else { self.open(path, OFlags::PATH) };
        let step = || format!("prepare mount point `{path}`");
        match opened {
            Ok(fd) => {
                check_shape(&fd, shape, path)?;
                Ok(fd)
            }
            Err(error) if error.errno == Errno::NOENT => {
                let (parent, name) = split(path);
                let parent = self.make_dirs(parent, plain).in_step(step)?;
                make_last(&parent, name, shape).in_step(step)
            }
            Err(error) if plain && matches!(error.errno, Errno::LOOP | Errno::NOTDIR) => {
                Err(Error::refused(step(), "the image has a symbolic link there"))
            }
            Err(error) => Err(error).in_step(step),
        }
    }

    /// Opens a directory, making the missing part of its path with mode 0755.
    pub(crate) fn make_dirs(&self, path: &str, plain: bool) -> Sys<OwnedFd> {
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        let opened = if plain { self.open_plain(path, flags) } else { self.open(path, flags) };
        match opened {
            Err(error) if error.errno == Errno::NOENT && relative(path) != "." => {
                let (parent, name) = split(path);
                let parent = self.make_dirs(parent, plain)?;
                make_last(&parent, name, Shape::Directory)
            }
            other => other,
        }
    }
}

impl AsFd for Root {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn split(path: &str) -> (&str, &str) {
    let path = path.trim_end_matches('/');
    path.rsplit_once('/').unwrap_or(("", path))
}

fn make_last(parent: &OwnedFd, name: &str, shape: Shape) -> Sys<OwnedFd> {
    match shape {
        Shape::Directory => match mkdirat(parent, name, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno).context("mkdirat", || name),
        },
        Shape::File => {
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            match rustix::fs::openat(parent, name, flags, Mode::from_raw_mode(0o644)) {
                Ok(_) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno).context("openat", || name),
            }
        }
    }
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    open2(parent.as_fd(), name, OFlags::PATH, resolve)
}

fn check_shape(fd: &OwnedFd, shape: Shape, path: &str) -> Result<()> {
    let step = || format!("prepare mount point `{path}`");
    let stat = fstat(fd).context("fstat", || path).in_step(step)?;
    let is_directory = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
    match (shape, is_directory) {
        (Shape::Directory, false) => Err(Error::refused(step(), "not a directory")),
        (Shape::File, true) => Err(Error::refused(step(), "is a directory, the source is not")),
        _ => Ok(()),
    }
}
