// SPDX-License-Identifier: Apache-2.0
//! The container's root file system: an overlay in the monitor's private mount namespace.
//!
//! Invariants: runs as root in the host's user namespace, before the container exists. The
//! directories named in the launch record are brig's own; what is inside them is hostile and is
//! not looked at here. The mount is in no other namespace but the container's, so it vanishes
//! with the last process of the two.

use brig_spec::runtime::IdMapping;
use brig_sys::mount::{
    AttrChange, attach, attr, mount_filesystem, open_tree_clone, set_attr, set_idmap,
};
use brig_sys::{Context, SysError, userns};
use rustix::fs::{CWD, Mode, OFlags, mkdirat, open, openat};
use rustix::io::{Errno, read};
use rustix::mount::{
    FsOpenFlags, MountFlags, UnmountFlags, fsconfig_create, fsconfig_set_fd, fsconfig_set_flag,
    fsconfig_set_string, fsopen, mount, unmount,
};
use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

/// Options that keep overlay from acting on attributes that a hostile layer could carry.
const HARDENING: [(&str, &str); 3] =
    [("redirect_dir", "nofollow"), ("metacopy", "off"), ("index", "off")];

/// Why the root file system could not be mounted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RootfsError {
    /// A system call failed.
    #[error("mount the root file system")]
    System(#[from] SysError),
    /// The kernel refused the overlay; it explains itself in `log`.
    #[error("mount the root file system: {log}")]
    Overlay { log: String, source: SysError },
}

/// What to mount; directories as in the launch record.
#[derive(Debug)]
pub(crate) struct Overlay<'a> {
    pub(crate) lower: &'a [String],
    pub(crate) upper: &'a str,
    pub(crate) work: &'a str,
    pub(crate) uid_mappings: &'a [IdMapping],
    pub(crate) gid_mappings: &'a [IdMapping],
    /// Whether the container's writes need not survive it: overlay then never syncs.
    pub(crate) volatile: bool,
    /// Whether set-user-id bits and file capabilities are ignored.
    pub(crate) nosuid: bool,
}

/// The overlay's directories, open. Lower ones are idmapped if the container is.
///
/// Once the overlay is mounted they are of no use, but closing an idmapped one takes the kernel
/// a while (it waits for readers of the mount table), so that is left to a quiet moment.
#[derive(Debug)]
pub(crate) struct Layers {
    lower: Vec<OwnedFd>,
    upper: OwnedFd,
    work: OwnedFd,
    /// Whether the lower ones are clones that are attached nowhere.
    detached: bool,
    volatile: bool,
}

/// Mounts `overlay` on the directory `target`; what it returns may be dropped at any time.
pub(crate) fn mount_overlay(overlay: &Overlay<'_>, target: &Path) -> Result<Layers, RootfsError> {
    let layers = Layers::open(overlay)?;
    let target_dir = open_directory(target)?;
    match by_descriptors(&layers) {
        Ok(tree) => attach(tree.as_fd(), target_dir.as_fd())?,
        Err(error) if error.is_old_kernel() => by_options(&layers, target)?,
        Err(error) => return Err(error),
    }
    if overlay.nosuid {
        // Opened anew: the target now is what was mounted on it.
        let change = AttrChange { set: attr::NOSUID, ..AttrChange::default() };
        set_attr(open_directory(target)?.as_fd(), change, false)?;
    }
    Ok(layers)
}

/// Detaches what [`mount_overlay`] has mounted.
pub(crate) fn unmount_overlay(target: &Path) {
    // Not mounted when the mount failed; the end of the namespace does it in any case.
    while unmount(target, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW).is_ok() {}
}

impl RootfsError {
    /// Returns whether the error is one of a kernel that lacks the newest interface: overlay
    /// takes layers by descriptor since 6.13, detached mounts among them since 6.15. Before 6.5 it
    /// used the kernel's old file-system context, which has no descriptors at all (`EOPNOTSUPP`).
    fn is_old_kernel(&self) -> bool {
        let (Self::System(error) | Self::Overlay { source: error, .. }) = self;
        matches!(error.errno, Errno::INVAL | Errno::BADF | Errno::NOSYS | Errno::OPNOTSUPP)
    }
}

impl Layers {
    fn open(overlay: &Overlay<'_>) -> Result<Self, SysError> {
        let detached = !overlay.uid_mappings.is_empty();
        let lower = if detached {
            // Order matters: the helper process of the namespace is a copy of this one.
            let userns =
                userns::userns_fd(&extents(overlay.uid_mappings), &extents(overlay.gid_mappings))?;
            overlay.lower.iter().map(|path| idmapped(path, &userns)).collect::<Result<_, _>>()?
        } else {
            overlay
                .lower
                .iter()
                .map(|path| open_directory(path.as_ref()))
                .collect::<Result<_, _>>()?
        };
        Ok(Self {
            lower,
            upper: open_directory(overlay.upper.as_ref())?,
            work: open_directory(overlay.work.as_ref())?,
            detached,
            volatile: overlay.volatile,
        })
    }
}

fn extents(mappings: &[IdMapping]) -> Vec<userns::Extent> {
    mappings
        .iter()
        .map(|mapping| userns::Extent {
            inside: mapping.container_id,
            outside: mapping.host_id,
            count: mapping.size,
        })
        .collect()
}

/// Clones the mount at `path` and shifts its ids. The clone lasts as long as this descriptor.
fn idmapped(path: &str, userns: &OwnedFd) -> Result<OwnedFd, SysError> {
    let tree = open_tree_clone(CWD, path.as_ref(), false)?;
    set_idmap(tree.as_fd(), userns.as_fd(), false)
        .map_err(|error| SysError { object: format!("idmap, {path}"), ..error })?;
    Ok(tree)
}

fn open_directory(path: &Path) -> Result<OwnedFd, SysError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    open(path, flags, Mode::empty()).context("openat", || path.display().to_string())
}

/// Makes the overlay, detached, from the descriptors themselves.
fn by_descriptors(layers: &Layers) -> Result<OwnedFd, RootfsError> {
    let fs = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC).context("fsopen", || "overlay")?;
    let configure = || -> Result<(), SysError> {
        let set = |key: &'static str, fd: &OwnedFd| {
            fsconfig_set_fd(&fs, key, fd).context("fsconfig", || format!("overlay, {key}"))
        };
        layers.lower.iter().try_for_each(|fd| set("lowerdir+", fd))?;
        set("upperdir", &layers.upper)?;
        set("workdir", &layers.work)?;
        for (key, value) in HARDENING {
            fsconfig_set_string(&fs, key, value)
                .context("fsconfig", || format!("overlay, {key}={value}"))?;
        }
        if layers.volatile {
            fsconfig_set_flag(&fs, "volatile").context("fsconfig", || "overlay, volatile")?;
        }
        fsconfig_create(&fs).context("fsconfig", || "overlay, create")
    };
    configure().map_err(|source| explained(&fs, source))?;
    Ok(mount_filesystem(&fs, "overlay", attr::NODEV)?)
}

/// Adds what the kernel wrote into the file-system context's log, if anything.
fn explained(fs: &OwnedFd, source: SysError) -> RootfsError {
    let mut messages = Vec::new();
    let mut message = [0_u8; 512];
    while let Ok(count) = read(fs, &mut message) {
        // "e " for errors, "w " for warnings, "i " for information.
        let text = String::from_utf8_lossy(&message[..count]).trim_end().to_owned();
        messages.push(text.get(2..).unwrap_or_default().to_owned());
    }
    if messages.is_empty() {
        return source.into();
    }
    RootfsError::Overlay { log: messages.join("; "), source }
}

/// Makes the overlay by mount(2), whose options name the directories through this process's
/// descriptors: short, and free of characters that would need escaping.
fn by_options(layers: &Layers, target: &Path) -> Result<(), RootfsError> {
    if layers.detached {
        return Ok(by_options_with_scratch(layers, target)?);
    }
    Ok(mount_by_options(layers, target)?)
}

/// As [`by_options`], for clones: they must be attached in this namespace for the while, which
/// happens below a small tmpfs on the mount point itself.
fn by_options_with_scratch(layers: &Layers, target: &Path) -> Result<(), SysError> {
    let name = || target.display().to_string();
    mount("tmpfs", target, "tmpfs", MountFlags::NODEV, None).context("mount", name)?;
    let built = build_in_scratch(layers, target);
    let cleaned = unmount(target, UnmountFlags::DETACH).context("umount2", name);
    let tree = built?;
    cleaned?;
    attach(tree.as_fd(), open_directory(target)?.as_fd())
}

/// Returns a detached clone of the overlay, for the scratch directory does not last.
fn build_in_scratch(layers: &Layers, scratch: &Path) -> Result<OwnedFd, SysError> {
    let dir = open_directory(scratch)?;
    let make = |name: &str| -> Result<OwnedFd, SysError> {
        mkdirat(&dir, name, Mode::from_raw_mode(0o700)).context("mkdirat", || name)?;
        openat(&dir, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .context("openat", || name)
    };
    for (number, lower) in layers.lower.iter().enumerate() {
        attach(lower.as_fd(), make(&number.to_string())?.as_fd())?;
    }
    drop(make("overlay")?);
    let overlay = scratch.join("overlay");
    mount_by_options(layers, &overlay)?;
    open_tree_clone(CWD, &overlay, false)
}

fn mount_by_options(layers: &Layers, target: &Path) -> Result<(), SysError> {
    let options = options(layers);
    let data = CString::new(options.as_str()).expect("made of digits and words");
    mount("overlay", target, "overlay", MountFlags::NODEV, data.as_c_str())
        .context("mount", || format!("overlay, {options}"))
}

fn options(layers: &Layers) -> String {
    let path = |fd: &OwnedFd| format!("/proc/self/fd/{}", fd.as_raw_fd());
    let lower: Vec<String> = layers.lower.iter().map(path).collect();
    let mut options = format!(
        "lowerdir={},upperdir={},workdir={}",
        lower.join(":"),
        path(&layers.upper),
        path(&layers.work)
    );
    for (key, value) in HARDENING {
        options.push_str(&format!(",{key}={value}"));
    }
    if layers.volatile {
        options.push_str(",volatile");
    }
    options
}

#[cfg(test)]
mod tests;
