// SPDX-License-Identifier: Apache-2.0
//! Masked and read-only paths.
//!
//! What a mask shows is brig's own: a null device and an empty directory that the creator made,
//! never anything of the image (CVE-2025-31133).

use super::path::Root;
use crate::Result;
use crate::error::InStep;
use brig_sys::mount::{self, AttrChange, attr};
use brig_sys::{Context, SysError};
use rustix::fs::{FileType, OFlags, fstat};
use rustix::io::Errno;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// The two objects behind every mask.
#[derive(Debug)]
pub(crate) struct Masks {
    file: Mask,
    directory: Mask,
}

/// One object: detached until its first use, cloned from the attached mount afterwards
/// (before Linux 6.15 a detached mount cannot be cloned).
#[derive(Debug)]
struct Mask {
    tree: OwnedFd,
    attached: bool,
}

impl Masks {
    /// Takes a detached mount of a null device and one of an empty read-only directory.
    pub(crate) fn new(file: OwnedFd, directory: OwnedFd) -> Self {
        let mask = |tree| Mask { tree, attached: false };
        Self { file: mask(file), directory: mask(directory) }
    }
}

impl Mask {
    fn cover(&mut self, target: &OwnedFd) -> std::result::Result<(), SysError> {
        if !self.attached {
            self.attached = true;
            return mount::attach(self.tree.as_fd(), target.as_fd());
        }
        let copy = mount::open_tree_clone(&self.tree, Path::new(""), false)?;
        mount::attach(copy.as_fd(), target.as_fd())
    }
}

fn open_if_there(root: &Root, path: &str) -> std::result::Result<Option<OwnedFd>, SysError> {
    match root.open(path, OFlags::PATH) {
        Ok(fd) => Ok(Some(fd)),
        Err(error) if matches!(error.errno, Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Hides `path`; a missing one needs no hiding.
pub(crate) fn mask(root: &Root, masks: &mut Masks, path: &str) -> Result<()> {
    let step = || format!("mask `{path}`");
    let Some(target) = open_if_there(root, path).in_step(step)? else { return Ok(()) };
    let stat = fstat(&target).context("fstat", || path).in_step(step)?;
    let mask = match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => &mut masks.directory,
        _ => &mut masks.file,
    };
    mask.cover(&target).in_step(step)
}

/// Makes `path` and everything mounted below it read-only; a missing one needs nothing.
pub(crate) fn readonly_path(root: &Root, path: &str) -> Result<()> {
    let step = || format!("make `{path}` read-only");
    let Some(target) = open_if_there(root, path).in_step(step)? else { return Ok(()) };
    let copy = mount::open_tree_clone(&target, Path::new(""), true).in_step(step)?;
    let change = AttrChange { set: attr::RDONLY, ..AttrChange::default() };
    mount::set_attr(copy.as_fd(), change, true).in_step(step)?;
    mount::attach(copy.as_fd(), target.as_fd()).in_step(step)
}
