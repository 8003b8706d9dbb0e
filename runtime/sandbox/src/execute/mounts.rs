// SPDX-License-Identifier: Apache-2.0
//! Attaching mounts. Runs in init.

use super::host::{CgroupTree, Prepared};
use crate::error::InStep;
use crate::plan::{MountPlan, MountSource};
use crate::rootfs::{Root, Shape, copy_up};
use crate::{Error, Result};
use brig_sys::Context;
use brig_sys::mount::{self, AttrChange, FsOption, attr};
use rustix::fs::{FileType, Mode, OFlags, fstat, mkdirat, openat, symlinkat};
use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};

/// Attaches the root tree over `/sys`, a directory that every host has and that init can reach
/// whatever its ids are: the tree's own path may lie below directories closed to it. From there
/// the tree is pivoted to, and the host's `/sys` goes with the rest.
pub(super) fn attach_rootfs(prepared: &mut Prepared) -> Result<Root> {
    let step = || "attach the root file system";
    let tree = prepared.rootfs.take().expect("every plan opens the root first");
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let place =
        rustix::fs::open(c"/sys", flags, Mode::empty()).context("open", || "/sys").in_step(step)?;
    mount::attach(tree.as_fd(), place.as_fd()).in_step(step)?;
    Ok(Root::new(tree))
}

/// Moves the root mount over `/` and makes it the root directory.
pub(super) fn move_root(root: &Root) -> Result<()> {
    let step = || "move the new root over /";
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let place =
        rustix::fs::open(c"/", flags, Mode::empty()).context("open", || "/").in_step(step)?;
    rustix::process::fchdir(root).context("fchdir", || "root").in_step(step)?;
    mount::attach(root.as_fd(), place.as_fd()).in_step(step)?;
    rustix::process::chroot(c".").context("chroot", || ".").in_step(step)?;
    rustix::process::chdir(c"/").context("chdir", || "/").in_step(step)
}

/// Attaches one mount.
pub(super) fn attach(
    root: &Root,
    plan: &MountPlan,
    trees: &mut BTreeMap<usize, OwnedFd>,
) -> Result<()> {
    let step = || format!("mount {} on `{}`", plan.source, plan.destination);
    let (tree, plain) = match &plan.source {
        MountSource::Prepared(slot) => {
            let tree = trees.remove(&slot.0).expect("every slot is filled before it is used");
            (tree, plan.destination == "/dev")
        }
        MountSource::New { kind, source, options, attributes } => {
            let tree = mount::new_filesystem(kind, source, options, *attributes)
                .in_step_hint(step, hint_for(kind))?;
            (tree, matches!(kind.as_str(), "proc" | "sysfs"))
        }
    };
    let stat = fstat(&tree).context("fstat", || "tree").in_step(step)?;
    let shape = match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Shape::Directory,
        _ => Shape::File,
    };
    let target = root.target(&plan.destination, shape, plain)?;
    if plan.copy_up {
        copy_up(target.as_fd(), tree.as_fd(), &plan.destination)?;
    }
    mount::attach(tree.as_fd(), target.as_fd()).in_step(step)?;
    if plan.propagation != 0 {
        let change = AttrChange { propagation: plan.propagation, ..AttrChange::default() };
        mount::set_attr(tree.as_fd(), change, false).in_step(step)?;
    }
    Ok(())
}

fn hint_for(kind: &str) -> &'static str {
    match kind {
        "proc" => "in a user namespace the host's /proc must not be partly hidden",
        "sysfs" => {
            "sysfs needs a network namespace owned by the container's user namespace; \
                    bind /sys instead"
        }
        _ => "",
    }
}

/// Shows the cgroup: clones of its directories, which cost 0.02 ms each where a new mount of a
/// v1 hierarchy costs up to 1 ms.
pub(super) fn attach_cgroup(
    root: &Root,
    trees: &mut Vec<CgroupTree>,
    destination: &str,
    attributes: u64,
) -> Result<()> {
    let step = || format!("show the cgroup on `{destination}`");
    let target = root.target(destination, Shape::Directory, true)?;
    let trees = std::mem::take(trees);
    if let [CgroupTree { controllers, tree, .. }] = trees.as_slice()
        && controllers.is_empty()
    {
        return mount::attach(tree.as_fd(), target.as_fd()).in_step(step);
    }
    if trees.is_empty() {
        return Err(Error::refused(step(), "the container has no cgroup"));
    }
    let mode = [FsOption::Value("mode".into(), "755".into())];
    let tmpfs = mount::new_filesystem("tmpfs", "cgroup", &mode, attributes & !attr::RDONLY)
        .in_step(step)?;
    mount::attach(tmpfs.as_fd(), target.as_fd()).in_step(step)?;
    for tree in &trees {
        attach_tree(&tmpfs, tree).in_step(step)?;
    }
    if attributes & attr::RDONLY == 0 {
        return Ok(());
    }
    let change = AttrChange { set: attr::RDONLY, ..AttrChange::default() };
    mount::set_attr(tmpfs.as_fd(), change, false).in_step(step)
}

fn attach_tree(tmpfs: &OwnedFd, tree: &CgroupTree) -> std::result::Result<(), brig_sys::SysError> {
    let name = tree.name.as_str();
    mkdirat(tmpfs, name, Mode::from_raw_mode(0o755)).context("mkdirat", || name)?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let target = openat(tmpfs, name, flags, Mode::empty()).context("openat", || name)?;
    mount::attach(tree.tree.as_fd(), target.as_fd())?;
    for controller in tree.controllers.iter().filter(|_| name.contains(',')) {
        symlinkat(name, tmpfs, controller.as_str()).context("symlinkat", || controller.as_str())?;
    }
    Ok(())
}
