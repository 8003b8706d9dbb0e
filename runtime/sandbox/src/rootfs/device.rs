// SPDX-License-Identifier: Apache-2.0
//! Device nodes and the rest of `/dev`.

use super::path::{Root, Shape};
use crate::error::InStep;
use crate::plan::DeviceNode;
use crate::{Error, Result};
use brig_sys::mount::{self, FsOption};
use brig_sys::{Context, SysError};
use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, Uid, chmodat, chownat, makedev, mkdirat, mknodat, openat,
    symlinkat,
};
use rustix::io::Errno;
use std::os::fd::{AsFd, OwnedFd};

/// Makes a detached `/dev` with `nodes` in it. Runs in the creator, so the nodes are the host
/// root's and work in a user namespace too; `owner` is the container's root as the host sees it.
pub(crate) fn make_dev(
    options: &[FsOption],
    attributes: u64,
    nodes: &[DeviceNode],
    owner: (u32, u32),
) -> Result<OwnedFd> {
    let tree =
        mount::new_filesystem("tmpfs", "tmpfs", options, attributes).in_step(|| "make /dev")?;
    let (uid, gid) = owner;
    if owner != (0, 0) {
        let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
        // fsmount gives an O_PATH descriptor, which fchown refuses.
        chownat(&tree, c"", Some(uid), Some(gid), AtFlags::EMPTY_PATH)
            .context("fchownat", || "/dev")
            .in_step(|| "make /dev")?;
    }
    for node in nodes {
        let Some(name) = node.path.strip_prefix("/dev/") else {
            let reason = format!("`{}` is not below /dev", node.path);
            return Err(Error::config("linux.devices", reason));
        };
        node_below(&tree, name, node, node.owner)
            .in_step(|| format!("make device `{}`", node.path))?;
    }
    Ok(tree)
}

/// Makes one node below a tree of our own, with its directories.
fn node_below(
    tree: &OwnedFd,
    name: &str,
    node: &DeviceNode,
    owner: (u32, u32),
) -> std::result::Result<(), SysError> {
    let mut names: Vec<&str> = name.split('/').filter(|part| !part.is_empty()).collect();
    let Some(last) = names.pop() else {
        return Err(Errno::INVAL).context("mknodat", || name);
    };
    if names.is_empty() {
        return mknod(tree.as_fd(), last, node, owner);
    }
    let mut dir: Option<OwnedFd> = None;
    for part in names {
        let parent = dir.as_ref().map_or(tree.as_fd(), AsFd::as_fd);
        match mkdirat(parent, part, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno).context("mkdirat", || part),
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        dir = Some(openat(parent, part, flags, Mode::empty()).context("openat", || part)?);
    }
    let parent = dir.as_ref().map_or(tree.as_fd(), AsFd::as_fd);
    mknod(parent, last, node, owner)
}

fn mknod(
    dir: std::os::fd::BorrowedFd<'_>,
    name: &str,
    node: &DeviceNode,
    owner: (u32, u32),
) -> std::result::Result<(), SysError> {
    let kind = match node.kind {
        b'b' => FileType::BlockDevice,
        b'p' => FileType::Fifo,
        _ => FileType::CharacterDevice,
    };
    let mode = Mode::from_raw_mode(node.mode);
    match mknodat(dir, name, kind, mode, makedev(node.major, node.minor)) {
        Ok(()) => {}
        // An image's own node stays out of the way: it is replaced, never trusted.
        Err(Errno::EXIST) => {
            rustix::fs::unlinkat(dir, name, AtFlags::empty()).context("unlinkat", || name)?;
            mknodat(dir, name, kind, mode, makedev(node.major, node.minor))
                .context("mknodat", || name)?;
        }
        Err(errno) => return Err(errno).context("mknodat", || name),
    }
    // The creation mask took bits away.
    chmodat(dir, name, mode, AtFlags::empty()).context("fchmodat", || name)?;
    if owner == (0, 0) {
        return Ok(());
    }
    let (uid, gid) = (Uid::from_raw(owner.0), Gid::from_raw(owner.1));
    chownat(dir, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW).context("fchownat", || name)
}

/// Makes a node in the image's own `/dev`.
pub(crate) fn make_node(root: &Root, node: &DeviceNode) -> Result<()> {
    let step = || format!("make device `{}`", node.path);
    let (parent, name) = node.path.rsplit_once('/').unwrap_or(("", &node.path));
    let parent = root.make_dirs(parent, true).in_step(step)?;
    mknod(parent.as_fd(), name, node, node.owner).in_step(step)
}

/// Makes the symbolic links that the specification demands; existing entries stay.
pub(crate) fn dev_symlinks(root: &Root) -> Result<()> {
    const LINKS: [(&str, &str); 5] = [
        ("/proc/self/fd", "fd"),
        ("/proc/self/fd/0", "stdin"),
        ("/proc/self/fd/1", "stdout"),
        ("/proc/self/fd/2", "stderr"),
        ("pts/ptmx", "ptmx"),
    ];
    let step = || "make the symbolic links of /dev";
    let dev = root.target("/dev", Shape::Directory, true)?;
    for (target, name) in LINKS {
        match symlinkat(target, &dev, name) {
            // A read-only /dev of the image has what it has.
            Ok(()) | Err(Errno::EXIST | Errno::ROFS) => {}
            Err(errno) => return Err(errno).context("symlinkat", || name).in_step(step),
        }
    }
    Ok(())
}
