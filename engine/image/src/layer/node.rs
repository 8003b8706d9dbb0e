// SPDX-License-Identifier: Apache-2.0
//! Members that are not directories: files, links, devices.
//!
//! Each is made under its own name by a call that fails when the name is taken, so nothing is ever
//! opened, changed or followed that this layer did not make just now.

use super::LayerError;
use super::directories::timestamps;
use super::file::Data;
use super::path::LayerPath;
use super::tree::{Owner, Tree, stat_at};
use super::xattr;
use crate::printable::printable;
use crate::tarball::{Kind, Member};
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, chmodat, chownat, fchmod, fchown, futimens, linkat, makedev,
    mknodat, openat, statat, symlinkat, utimensat,
};
use rustix::io::Errno;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};

impl Tree<'_> {
    pub(super) fn add_file(
        &mut self,
        parent: BorrowedFd<'_>,
        path: &LayerPath,
        name: &[u8],
        member: &Member,
        owner: Owner,
        data: &mut Data<'_>,
    ) -> Result<(), LayerError> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let create = || openat(parent, name, flags, Mode::RUSR | Mode::WUSR);
        let file = File::from(self.place(parent, path, name, "create", create)?);
        self.tally.content_bytes += self.content.write(&file, member, data)?;
        let os = |operation| LayerError::os(operation, path.as_bytes());
        // The order matters: chown clears set-user-id bits and capabilities.
        fchown(&file, Some(owner.uid), Some(owner.gid)).map_err(os("set the owner of"))?;
        fchmod(&file, Mode::from_raw_mode(member.mode)).map_err(os("set the mode of"))?;
        self.tally.xattrs_dropped +=
            xattr::set_all(file.as_fd(), xattr::Holder::File, &member.xattrs, path.as_bytes())?;
        futimens(&file, &timestamps(member.mtime)).map_err(os("set the time of"))
    }

    /// Links to a file that this layer has made already, be it a symbolic link.
    pub(super) fn add_link(
        &mut self,
        parent: BorrowedFd<'_>,
        path: &LayerPath,
        name: &[u8],
        member: &Member,
    ) -> Result<(), LayerError> {
        let missing =
            || LayerError::HardLink { path: path.to_string(), target: printable(&member.link) };
        let target = LayerPath::parse(&member.link, self.limits())?;
        let (target_parent, target_name) = target.split().ok_or_else(missing)?;
        let target_parent = self.directories.ensure(&target_parent)?;
        let no_target = |errno| match errno {
            Errno::NOENT | Errno::PERM | Errno::ISDIR => missing(),
            errno => LayerError::os("link", path.as_bytes())(errno),
        };
        let old =
            statat(&target_parent, target_name, AtFlags::SYMLINK_NOFOLLOW).map_err(no_target)?;
        if FileType::from_raw_mode(old.st_mode) == FileType::Directory {
            return Err(missing());
        }
        // Without SYMLINK_FOLLOW: a link to a symbolic link is a link to it, not to its target.
        let link = || linkat(&target_parent, target_name, parent, name, AtFlags::empty());
        match link() {
            Err(Errno::EXIST) => {}
            other => return other.map_err(no_target),
        }
        let there = stat_at(parent, path, name)?;
        if (there.st_dev, there.st_ino) == (old.st_dev, old.st_ino) {
            return Ok(());
        }
        self.displace(parent, path, name)?;
        link().map_err(no_target)
    }

    pub(super) fn add_symlink(
        &mut self,
        parent: BorrowedFd<'_>,
        path: &LayerPath,
        name: &[u8],
        member: &Member,
        owner: Owner,
    ) -> Result<(), LayerError> {
        // The target is stored as it is: it is followed by the container, in its own root.
        let create = || symlinkat(member.link.as_slice(), parent, name);
        self.place(parent, path, name, "create", create)?;
        self.describe(parent, path, name, member, owner)
    }

    /// Makes a device or a fifo. Devices are inert here: the store is mounted `nodev` for containers
    /// and nobody but its owner can enter it.
    pub(super) fn add_node(
        &mut self,
        parent: BorrowedFd<'_>,
        path: &LayerPath,
        name: &[u8],
        member: &Member,
        owner: Owner,
    ) -> Result<(), LayerError> {
        let (kind, device) = match member.kind {
            Kind::CharDevice => (FileType::CharacterDevice, member.device),
            Kind::BlockDevice => (FileType::BlockDevice, member.device),
            _ => (FileType::Fifo, (0, 0)),
        };
        let device = makedev(device.0, device.1);
        let create = || mknodat(parent, name, kind, Mode::RUSR | Mode::WUSR, device);
        self.place(parent, path, name, "create", create)?;
        self.describe(parent, path, name, member, owner)
    }

    /// Runs `create`, once more after making room if the name is taken.
    fn place<T>(
        &mut self,
        parent: BorrowedFd<'_>,
        path: &LayerPath,
        name: &[u8],
        operation: &'static str,
        create: impl Fn() -> Result<T, Errno>,
    ) -> Result<T, LayerError> {
        let made = match create() {
            Err(Errno::EXIST) => {
                self.displace(parent, path, name)?;
                create()
            }
            other => other,
        };
        made.map_err(LayerError::os(operation, path.as_bytes()))
    }

    /// Sets owner, mode and time of what cannot be opened.
    fn describe(
        &mut self,
        parent: BorrowedFd<'_>,
        path: &LayerPath,
        name: &[u8],
        member: &Member,
        owner: Owner,
    ) -> Result<(), LayerError> {
        let os = |operation| LayerError::os(operation, path.as_bytes());
        let nofollow = AtFlags::SYMLINK_NOFOLLOW;
        chownat(parent, name, Some(owner.uid), Some(owner.gid), nofollow)
            .map_err(os("set the owner of"))?;
        if member.kind != Kind::Symlink {
            // This call follows links, but the name is a device or fifo made just above in a tree
            // that nobody else can reach.
            chmodat(parent, name, Mode::from_raw_mode(member.mode), AtFlags::empty())
                .map_err(os("set the mode of"))?;
        }
        utimensat(parent, name, &timestamps(member.mtime), nofollow).map_err(os("set the time of"))
    }
}
