// SPDX-License-Identifier: Apache-2.0
//! Which extended attributes of an archive reach the disk.
//!
//! An archive must not speak to overlayfs (`overlay.redirect` names other directories of the stack),
//! nor to the host's security modules. What is left: file capabilities and attributes of programs.

use super::LayerError;
use rustix::fs::{XattrFlags, fsetxattr};
use rustix::io::Errno;
use std::os::fd::BorrowedFd;

/// Kind of inode, as far as attributes care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    File,
    Directory,
}

/// Sets the attributes that an image may carry; returns how many the file system could not hold.
///
/// Comes after `chown`, which clears capabilities.
pub(super) fn set_all(
    fd: BorrowedFd<'_>,
    holder: Holder,
    xattrs: &[(Vec<u8>, Vec<u8>)],
    path: &[u8],
) -> Result<u64, LayerError> {
    let mut dropped = 0;
    for (name, value) in xattrs {
        if !is_kept(name, holder) {
            continue;
        }
        match fsetxattr(fd, name.as_slice(), value, XattrFlags::empty()) {
            Ok(()) => {}
            // A store on a file system without attributes; Docker goes on as well.
            Err(Errno::OPNOTSUPP) => dropped += 1,
            Err(errno) => return Err(LayerError::os("set an extended attribute of", path)(errno)),
        }
    }
    Ok(dropped)
}

fn is_kept(name: &[u8], holder: Holder) -> bool {
    if name.contains(&0) {
        return false;
    }
    match holder {
        Holder::File if name == b"security.capability" => true,
        Holder::File | Holder::Directory => {
            name.starts_with(b"user.") && !name.starts_with(b"user.overlay.")
        }
    }
}

/// Marks a directory so that overlayfs shows nothing of the same directory below it.
///
/// Both spellings: `trusted.` for mounts by root, `user.` for mounts within a user namespace.
pub(super) fn set_opaque(fd: BorrowedFd<'_>, path: &[u8]) -> Result<(), LayerError> {
    let set = |name: &str| fsetxattr(fd, name, b"y", XattrFlags::empty());
    let trusted = set("trusted.overlay.opaque");
    let user = set("user.overlay.opaque");
    match (trusted, user) {
        (Ok(()), Ok(()) | Err(Errno::OPNOTSUPP)) | (Err(Errno::PERM), Ok(())) => Ok(()),
        (Err(errno), _) | (Ok(()), Err(errno)) => {
            Err(LayerError::os("mark as opaque", path)(errno))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_kept_refuses_what_the_kernel_or_overlayfs_obeys() {
        for name in ["user.comment", "user.overlayx", "security.capability"] {
            assert!(is_kept(name.as_bytes(), Holder::File), "{name}");
        }
        for name in [
            "trusted.overlay.opaque",
            "trusted.overlay.redirect",
            "user.overlay.opaque",
            "user.overlay.redirect",
            "user.overlay.metacopy",
            "security.selinux",
            "security.ima",
            "security.evm",
            "security.apparmor",
            "system.posix_acl_access",
            "user.a\0b",
            "",
        ] {
            assert!(!is_kept(name.as_bytes(), Holder::File), "{name}");
        }
        assert!(!is_kept(b"security.capability", Holder::Directory));
    }
}
