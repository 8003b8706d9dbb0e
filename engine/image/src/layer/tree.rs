// SPDX-License-Identifier: Apache-2.0
//! A tree under construction: members in, inodes out.

use super::LayerError;
use super::directories::{Directories, Final};
use super::file::{Content, Data};
use super::path::LayerPath;
use super::whiteout::{self, Meaning, is_whiteout};
use super::xattr;
use crate::limits::Limits;
use crate::printable::printable;
use crate::tarball::{Kind, Member};
use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, Stat, Uid, mkdirat, mknodat, open, renameat, statat,
    unlinkat,
};
use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// What was made of an archive.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Tally {
    pub(super) entries: u64,
    pub(super) content_bytes: u64,
    pub(super) uid_max: u32,
    pub(super) gid_max: u32,
    pub(super) xattrs_dropped: u64,
    pub(super) opaque_root: bool,
    xattr_bytes: u64,
}

/// The tree of one layer, while it is made.
pub(super) struct Tree<'l> {
    pub(super) directories: Directories,
    pub(super) tally: Tally,
    pub(super) content: Content,
    limits: &'l Limits,
    /// Directories that the archive replaced are moved here: removing them is not worth a pause.
    trash: OwnedFd,
    trashed: u64,
}

/// Owner of a member, checked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owner {
    pub(super) uid: Uid,
    pub(super) gid: Gid,
}

impl<'l> Tree<'l> {
    /// Begins a tree in `root`, an empty directory of the caller's; `trash` is one beside it.
    pub(super) fn new(root: &Path, trash: &Path, limits: &'l Limits) -> Result<Self, LayerError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open_dir = |path: &Path| {
            open(path, flags, Mode::empty())
                .map_err(LayerError::os("open", path.as_os_str().as_encoded_bytes()))
        };
        let (root, trash) = (open_dir(root)?, open_dir(trash)?);
        // A set-group-id bit inherited from above would give every file a wrong group.
        rustix::fs::fchmod(&root, Mode::RWXU).map_err(LayerError::os("set the mode of", b"/"))?;
        Ok(Self {
            directories: Directories::new(root),
            tally: Tally::default(),
            content: Content::new(),
            limits,
            trash,
            trashed: 0,
        })
    }

    /// Adds one member; `data` gives its content.
    pub(super) fn add(&mut self, member: &Member, data: &mut Data<'_>) -> Result<(), LayerError> {
        let path = LayerPath::parse(&member.path, self.limits)?;
        self.count(member)?;
        let Some((parent_path, name)) = path.split() else { return self.set_root(member) };
        match whiteout::meaning(name) {
            Meaning::Name => {}
            Meaning::Hides(hidden) => return self.hide(&parent_path, hidden),
            Meaning::Opaque => return self.hide_all(&parent_path),
            Meaning::Ignored => return Ok(()),
            Meaning::Invalid => return Err(LayerError::Whiteout { path: path.to_string() }),
        }
        let owner = self.owner(member)?;
        let parent = self.directories.ensure(&parent_path)?;
        let parent = parent.as_fd();
        match member.kind {
            Kind::Directory => self.add_directory(parent, &path, name, member, owner),
            Kind::Regular => self.add_file(parent, &path, name, member, owner, data),
            Kind::HardLink => self.add_link(parent, &path, name, member),
            Kind::Symlink => self.add_symlink(parent, &path, name, member, owner),
            Kind::CharDevice | Kind::BlockDevice | Kind::Fifo => {
                self.add_node(parent, &path, name, member, owner)
            }
            Kind::Other(kind) => Err(LayerError::Kind { path: path.to_string(), kind }),
        }
    }

    /// Sets the directories' modes and times; nothing may be added afterwards.
    pub(super) fn finish(self) -> Result<(Tally, u64), LayerError> {
        let (tally, implied) = (self.tally, self.directories.implied);
        self.directories.finish()?;
        Ok((tally, implied))
    }

    fn count(&mut self, member: &Member) -> Result<(), LayerError> {
        self.tally.entries += 1;
        let limit = self.limits.layer_entries_max;
        if self.tally.entries + self.directories.implied > limit {
            return Err(LayerError::Limit { what: "the number of files in the layer", limit });
        }
        let limit = self.limits.file_bytes_max;
        if member.logical_bytes() > limit {
            return Err(LayerError::Limit { what: "a file's length in bytes", limit });
        }
        let xattr_bytes: usize = member.xattrs.iter().map(|(n, v)| n.len() + v.len()).sum();
        self.tally.xattr_bytes += xattr_bytes as u64;
        let limit = self.limits.layer_xattr_bytes_max;
        if self.tally.xattr_bytes > limit {
            return Err(LayerError::Limit {
                what: "the layer's extended attributes in bytes",
                limit,
            });
        }
        Ok(())
    }

    fn owner(&mut self, member: &Member) -> Result<Owner, LayerError> {
        let check = |id: u64| match u32::try_from(id) {
            // The highest number means "no change" to chown.
            Ok(id) if id != u32::MAX => Ok(id),
            _ => Err(LayerError::Owner { path: printable(&member.path), id }),
        };
        let (uid, gid) = (check(member.uid)?, check(member.gid)?);
        self.tally.uid_max = self.tally.uid_max.max(uid);
        self.tally.gid_max = self.tally.gid_max.max(gid);
        Ok(Owner { uid: Uid::from_raw(uid), gid: Gid::from_raw(gid) })
    }

    fn set_root(&mut self, member: &Member) -> Result<(), LayerError> {
        if member.kind != Kind::Directory {
            return Err(LayerError::Path {
                path: printable(&member.path),
                fault: super::path::PathFault::Root,
            });
        }
        let owner = self.owner(member)?;
        let root = self.directories.ensure(&LayerPath::ROOT)?;
        self.describe_directory(root.as_fd(), &LayerPath::ROOT, member, owner)
    }

    /// Makes a character device 0/0, unless the layer itself has something by that name.
    fn hide(&mut self, parent: &LayerPath, name: &[u8]) -> Result<(), LayerError> {
        let fd = self.strict_parent(parent)?;
        let path = parent.join(name);
        let os = |operation| LayerError::os(operation, path.as_bytes());
        match mknodat(&fd, name, FileType::CharacterDevice, Mode::empty(), 0) {
            Err(Errno::EXIST) => {}
            other => return other.map_err(os("create a whiteout at")),
        }
        let stat = statat(&fd, name, AtFlags::SYMLINK_NOFOLLOW).map_err(os("stat"))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
            return Ok(());
        }
        let fd = super::directories::open_child(fd.as_fd(), name).map_err(os("open"))?;
        xattr::set_opaque(fd.as_fd(), path.as_bytes())
    }

    fn hide_all(&mut self, directory: &LayerPath) -> Result<(), LayerError> {
        let fd = self.strict_parent(directory)?;
        self.tally.opaque_root |= directory.is_root();
        xattr::set_opaque(fd.as_fd(), directory.as_bytes())
    }

    /// Opens a whiteout's directory, which no link may stand for: it would hide something else.
    fn strict_parent(&mut self, path: &LayerPath) -> Result<OwnedFd, LayerError> {
        self.directories.ensure(path)?;
        self.directories
            .open_strict(path)
            .map_err(|_| LayerError::SymlinkParent { path: path.to_string() })
    }

    fn add_directory(
        &mut self,
        parent: BorrowedFd<'_>,
        path: &LayerPath,
        name: &[u8],
        member: &Member,
        owner: Owner,
    ) -> Result<(), LayerError> {
        let os = |operation| LayerError::os(operation, path.as_bytes());
        let mut hides = false;
        match mkdirat(parent, name, Mode::RWXU) {
            Err(Errno::EXIST) => {
                let stat = stat_at(parent, path, name)?;
                if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
                    hides = is_whiteout(&stat);
                    self.displace(parent, path, name)?;
                    mkdirat(parent, name, Mode::RWXU).map_err(os("create"))?;
                }
            }
            other => other.map_err(os("create"))?,
        }
        let fd = super::directories::open_child(parent, name).map_err(os("open"))?;
        if hides {
            xattr::set_opaque(fd.as_fd(), path.as_bytes())?;
        }
        self.describe_directory(fd.as_fd(), path, member, owner)
    }

    fn describe_directory(
        &mut self,
        fd: BorrowedFd<'_>,
        path: &LayerPath,
        member: &Member,
        owner: Owner,
    ) -> Result<(), LayerError> {
        rustix::fs::fchown(fd, Some(owner.uid), Some(owner.gid))
            .map_err(LayerError::os("set the owner of", path.as_bytes()))?;
        self.tally.xattrs_dropped +=
            xattr::set_all(fd, xattr::Holder::Directory, &member.xattrs, path.as_bytes())?;
        let end = Final { mode: member.mode, mtime: Some(member.mtime) };
        if self.directories.open_strict(path).is_ok() {
            self.directories.set_final(path.clone(), end);
            return Ok(());
        }
        // Reached through a link of the layer: the end's look-up goes through none.
        end.apply(fd, path.as_bytes())
    }

    /// Makes room for a new inode where the archive put another one before.
    pub(super) fn displace(
        &mut self,
        parent: BorrowedFd<'_>,
        path: &LayerPath,
        name: &[u8],
    ) -> Result<(), LayerError> {
        self.directories.forget();
        match unlinkat(parent, name, AtFlags::empty()) {
            Err(Errno::ISDIR) => {
                self.trashed += 1;
                renameat(parent, name, &self.trash, self.trashed.to_string())
            }
            other => other,
        }
        .map_err(LayerError::os("replace", path.as_bytes()))
    }

    pub(super) fn limits(&self) -> &'l Limits {
        self.limits
    }
}

pub(super) fn stat_at(
    parent: BorrowedFd<'_>,
    path: &LayerPath,
    name: &[u8],
) -> Result<Stat, LayerError> {
    statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).map_err(LayerError::os("stat", path.as_bytes()))
}
