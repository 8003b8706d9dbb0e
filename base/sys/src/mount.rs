// SPDX-License-Identifier: Apache-2.0
//! The mount API of descriptors: trees are cloned, changed and only then attached.
// UNSAFETY: mount_setattr(2) has no safe wrapper in rustix.
#![expect(unsafe_code, reason = "see UNSAFETY above")]

use crate::error::{Context, SysError, check};
use rustix::fs::CWD;
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags, fsconfig_create,
    fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, move_mount, open_tree,
};
use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// Attributes of a mount; values from `linux/mount.h`.
pub mod attr {
    /// Read-only.
    pub const RDONLY: u64 = 0x1;
    /// Set-user-id bits and file capabilities are ignored.
    pub const NOSUID: u64 = 0x2;
    /// Device nodes cannot be opened.
    pub const NODEV: u64 = 0x4;
    /// Programs cannot be executed.
    pub const NOEXEC: u64 = 0x8;
    /// The access-time bits; zero in them means relatime.
    pub const ATIME_MASK: u64 = 0x70;
    /// Access times are not updated.
    pub const NOATIME: u64 = 0x10;
    /// Access times are always updated.
    pub const STRICTATIME: u64 = 0x20;
    /// Access times of directories are not updated.
    pub const NODIRATIME: u64 = 0x80;
    /// Ids are shifted by a user namespace.
    pub const IDMAP: u64 = 0x0010_0000;
    /// Symbolic links are not followed.
    pub const NOSYMFOLLOW: u64 = 0x0020_0000;
}

/// Propagation types, the `MS_*` values.
pub mod propagation {
    /// `private`.
    pub const PRIVATE: u64 = 1 << 18;
    /// `slave`.
    pub const SLAVE: u64 = 1 << 19;
    /// `shared`.
    pub const SHARED: u64 = 1 << 20;
    /// `unbindable`.
    pub const UNBINDABLE: u64 = 1 << 17;
}

/// A change of a mount's attributes, applied in one step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AttrChange {
    /// Attributes to set, from [`attr`].
    pub set: u64,
    /// Attributes to clear, from [`attr`].
    pub clear: u64,
    /// Propagation type from [`propagation`]; 0 leaves it.
    pub propagation: u64,
}

impl AttrChange {
    /// Returns whether the change changes nothing.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }
}

/// `struct mount_attr`.
#[repr(C)]
struct MountAttr {
    attr_set: u64,
    attr_clr: u64,
    propagation: u64,
    userns_fd: u64,
}

fn mount_setattr(
    dir: BorrowedFd<'_>,
    path: &CStr,
    recursive: bool,
    attr: &MountAttr,
) -> Result<(), Errno> {
    let mut at_flags = libc::AT_EMPTY_PATH;
    if recursive {
        at_flags |= libc::AT_RECURSIVE;
    }
    // SAFETY: `path` is a C string and `attr` a struct of the size given; both outlive the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            dir.as_raw_fd(),
            path.as_ptr(),
            at_flags,
            std::ptr::from_ref(attr),
            size_of::<MountAttr>(),
        )
    };
    check(result).map(drop)
}

/// Changes the attributes of the mount open at `mount`, and with `recursive` of all below it.
///
/// # Errors
/// EPERM when an attribute is locked, EINVAL when `mount` is not the root of a mount.
pub fn set_attr(
    mount: BorrowedFd<'_>,
    change: AttrChange,
    recursive: bool,
) -> Result<(), SysError> {
    let AttrChange { set, mut clear, propagation } = change;
    if set & attr::ATIME_MASK != 0 {
        clear |= attr::ATIME_MASK;
    }
    let raw = MountAttr { attr_set: set, attr_clr: clear, propagation, userns_fd: 0 };
    mount_setattr(mount, c"", recursive, &raw).context("mount_setattr", || {
        format!("set {set:#x}, clear {clear:#x}, propagation {propagation:#x}")
    })
}

/// Changes the propagation of the mount at `path` in the caller's namespace and all below it.
///
/// # Errors
/// As `mount_setattr(2)`.
pub fn set_propagation(path: &CStr, propagation: u64, recursive: bool) -> Result<(), SysError> {
    let raw = MountAttr { attr_set: 0, attr_clr: 0, propagation, userns_fd: 0 };
    mount_setattr(CWD, path, recursive, &raw).context("mount_setattr", || {
        format!("{}, propagation {propagation:#x}", path.to_string_lossy())
    })
}

/// Shifts the ids seen through a detached mount by the user namespace open at `userns`.
///
/// # Errors
/// EINVAL where the file system cannot be idmapped, EPERM for an attached mount.
pub fn set_idmap(
    mount: BorrowedFd<'_>,
    userns: BorrowedFd<'_>,
    recursive: bool,
) -> Result<(), SysError> {
    let raw = MountAttr {
        attr_set: attr::IDMAP,
        attr_clr: 0,
        propagation: 0,
        userns_fd: u64::from(userns.as_raw_fd().unsigned_abs()),
    };
    mount_setattr(mount, c"", recursive, &raw).context("mount_setattr", || "idmap")
}

/// Clones the mount at `path` (relative to `dir`), detached from every namespace.
///
/// # Errors
/// As `open_tree(2)`.
pub fn open_tree_clone(dir: impl AsFd, path: &Path, recursive: bool) -> Result<OwnedFd, SysError> {
    let mut flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_EMPTY_PATH;
    if recursive {
        flags |= OpenTreeFlags::AT_RECURSIVE;
    }
    open_tree(dir, path, flags).context("open_tree", || path.display().to_string())
}

/// Attaches the detached mount `mount` on the very file or directory open at `target`.
///
/// # Errors
/// As `move_mount(2)`.
pub fn attach(mount: BorrowedFd<'_>, target: BorrowedFd<'_>) -> Result<(), SysError> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(mount, "", target, "", flags).context("move_mount", || "detached tree")
}

/// A file-system option: a flag, or a key with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FsOption {
    /// A bare word.
    Flag(String),
    /// `key=value`.
    Value(String, String),
}

/// Makes a new file system of type `kind` and a detached mount of it.
///
/// # Errors
/// The failing call; an unknown option's name is in the object.
pub fn new_filesystem(
    kind: &str,
    source: &str,
    options: &[FsOption],
    attributes: u64,
) -> Result<OwnedFd, SysError> {
    let fs = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC).context("fsopen", || kind)?;
    if !source.is_empty() {
        fsconfig_set_string(&fs, "source", source)
            .context("fsconfig", || format!("{kind}, source={source}"))?;
    }
    for option in options {
        match option {
            FsOption::Flag(key) => fsconfig_set_flag(&fs, key.as_str())
                .context("fsconfig", || format!("{kind}, {key}"))?,
            FsOption::Value(key, value) => {
                fsconfig_set_string(&fs, key.as_str(), value.as_str())
                    .context("fsconfig", || format!("{kind}, {key}={value}"))?
            }
        }
    }
    fsconfig_create(&fs).context("fsconfig", || format!("{kind}, create"))?;
    mount_filesystem(&fs, kind, attributes)
}

/// Makes a detached mount of the file-system context open at `fs`.
///
/// # Errors
/// As `fsmount(2)`.
pub fn mount_filesystem(fs: &OwnedFd, kind: &str, attributes: u64) -> Result<OwnedFd, SysError> {
    let bits = u32::try_from(attributes).unwrap_or(0);
    let flags = MountAttrFlags::from_bits_retain(bits);
    fsmount(fs, FsMountFlags::FSMOUNT_CLOEXEC, flags)
        .context("fsmount", || format!("{kind}, attributes {attributes:#x}"))
}

/// Moves the caller's root to the current directory and drops the old one.
///
/// The old root is stacked under the new one (`pivot_root(".", ".")`) and detached, so no
/// directory of the new root is needed for it.
///
/// # Errors
/// EINVAL when the current directory is not the root of a mount.
pub fn pivot_to_cwd() -> Result<(), SysError> {
    rustix::process::pivot_root(c".", c".").context("pivot_root", || "., .")?;
    rustix::mount::unmount(c".", rustix::mount::UnmountFlags::DETACH)
        .context("umount2", || "old root, MNT_DETACH")?;
    rustix::process::chdir(c"/").context("chdir", || "/")
}
