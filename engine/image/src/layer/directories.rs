// SPDX-License-Identifier: Apache-2.0
//! Directories of a tree under construction: opening, implying, and finishing them.
//!
//! While a tree is made its directories have mode 0700; the modes and times that the archive gives
//! are set at the end, because a read-only or set-group-id directory would change what follows, and
//! every file made in a directory changes its time.

use super::LayerError;
use super::path::LayerPath;
use super::whiteout;
use super::xattr;
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, ResolveFlags, Timespec, Timestamps, fchmod, futimens, mkdirat,
    openat, openat2, statat, unlinkat,
};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

/// Directories kept open: an archive's neighbours mostly share their parents.
const OPEN_MAX: usize = 32;

/// Mode of directories that the archive needs but does not describe; Docker's choice.
const IMPLIED_MODE: u32 = 0o755;

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Mode and time that a directory gets at the end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Final {
    pub(super) mode: u32,
    /// `None` leaves the time of the unpacking.
    pub(super) mtime: Option<(i64, u32)>,
}

/// The directories of one tree.
pub(super) struct Directories {
    root: Rc<OwnedFd>,
    open: BTreeMap<LayerPath, Rc<OwnedFd>>,
    finals: BTreeMap<LayerPath, Final>,
    /// Directories made because something below them was.
    pub(super) implied: u64,
}

impl Directories {
    pub(super) fn new(root: OwnedFd) -> Self {
        let finals = [(LayerPath::ROOT, Final { mode: IMPLIED_MODE, mtime: None })];
        Self {
            root: Rc::new(root),
            open: BTreeMap::new(),
            finals: finals.into_iter().collect(),
            implied: 0,
        }
    }

    /// Opens a directory, making it and its parents when the archive only implies them.
    ///
    /// Where a symbolic link of the layer leads to a directory of the layer (`lib -> usr/lib`, then
    /// `lib/x`), it is followed as it would be inside the finished container, and never out of it.
    pub(super) fn ensure(&mut self, path: &LayerPath) -> Result<Rc<OwnedFd>, LayerError> {
        if let Some(fd) = self.open.get(path) {
            return Ok(Rc::clone(fd));
        }
        let Some((parent, name)) = path.split() else { return Ok(Rc::clone(&self.root)) };
        if let Ok(fd) = self.open_strict(path) {
            return Ok(self.keep(path.clone(), fd));
        }
        let parent = self.ensure(&parent)?;
        let fd = match open_child(parent.as_fd(), name) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => self.imply(parent.as_fd(), path, name)?,
            Err(Errno::NOTDIR | Errno::LOOP) => self.pass(parent.as_fd(), path, name)?,
            Err(errno) => return Err(LayerError::os("open", path.as_bytes())(errno)),
        };
        Ok(self.keep(path.clone(), fd))
    }

    /// Opens a directory that is reached without any symbolic link.
    pub(super) fn open_strict(&self, path: &LayerPath) -> Result<OwnedFd, Errno> {
        self.resolve(path, ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS)
    }

    /// Says what a directory is to look like at the end.
    pub(super) fn set_final(&mut self, path: LayerPath, end: Final) {
        self.finals.insert(path, end);
    }

    /// Forgets open directories, because a name in the tree has come to mean another inode.
    pub(super) fn forget(&mut self) {
        self.open.clear();
    }

    /// Gives all directories their modes and times, the deepest first.
    pub(super) fn finish(self) -> Result<(), LayerError> {
        for (path, end) in self.finals.iter().rev() {
            match self.open_strict(path) {
                Ok(fd) => end.apply(fd.as_fd(), path.as_bytes())?,
                // The archive replaced it later by something else.
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
                Err(errno) => return Err(LayerError::os("open", path.as_bytes())(errno)),
            }
        }
        Ok(())
    }

    fn keep(&mut self, path: LayerPath, fd: OwnedFd) -> Rc<OwnedFd> {
        if self.open.len() >= OPEN_MAX {
            self.open.clear();
        }
        let fd = Rc::new(fd);
        self.open.insert(path, Rc::clone(&fd));
        fd
    }

    fn imply(
        &mut self,
        parent: BorrowedFd<'_>,
        path: &LayerPath,
        name: &[u8],
    ) -> Result<OwnedFd, LayerError> {
        let os = |operation| LayerError::os(operation, path.as_bytes());
        mkdirat(parent, name, Mode::RWXU).map_err(os("create"))?;
        self.implied += 1;
        self.set_final(path.clone(), Final { mode: IMPLIED_MODE, mtime: None });
        open_child(parent, name).map_err(os("open"))
    }

    /// Gets past a name that is not a directory.
    fn pass(
        &mut self,
        parent: BorrowedFd<'_>,
        path: &LayerPath,
        name: &[u8],
    ) -> Result<OwnedFd, LayerError> {
        let os = |operation| LayerError::os(operation, path.as_bytes());
        let stat = statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).map_err(os("stat"))?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Symlink => self
                .resolve(path, ResolveFlags::IN_ROOT)
                .map_err(|_| LayerError::SymlinkParent { path: path.to_string() }),
            _ if whiteout::is_whiteout(&stat) => {
                // What the layer hides and then fills again shows nothing of what lies below.
                unlinkat(parent, name, AtFlags::empty()).map_err(os("replace"))?;
                let fd = self.imply(parent, path, name)?;
                xattr::set_opaque(fd.as_fd(), path.as_bytes())?;
                Ok(fd)
            }
            _ => Err(LayerError::FileParent { path: path.to_string() }),
        }
    }

    fn resolve(&self, path: &LayerPath, resolve: ResolveFlags) -> Result<OwnedFd, Errno> {
        let name: &[u8] = if path.is_root() { b"." } else { path.as_bytes() };
        let resolve = resolve | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
        loop {
            match openat2(&self.root, name, DIRECTORY, Mode::empty(), resolve) {
                // AGAIN: a rename elsewhere on the machine made the kernel unsure about `..`.
                Err(Errno::INTR | Errno::AGAIN) => {}
                other => return other,
            }
        }
    }
}

impl Final {
    /// Sets mode and time now.
    pub(super) fn apply(self, fd: BorrowedFd<'_>, path: &[u8]) -> Result<(), LayerError> {
        fchmod(fd, Mode::from_raw_mode(self.mode))
            .map_err(LayerError::os("set the mode of", path))?;
        match self.mtime {
            Some(mtime) => {
                futimens(fd, &timestamps(mtime)).map_err(LayerError::os("set the time of", path))
            }
            None => Ok(()),
        }
    }
}

/// Opens a directory by its name in another, never through a link.
pub(super) fn open_child(parent: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, Errno> {
    openat(parent, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())
}

/// Access time too, so that two unpackings of a layer are alike.
pub(super) fn timestamps((seconds, nanoseconds): (i64, u32)) -> Timestamps {
    let time = Timespec { tv_sec: seconds, tv_nsec: i64::from(nanoseconds) };
    Timestamps { last_access: time, last_modification: time }
}
