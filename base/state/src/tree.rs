// SPDX-License-Identifier: Apache-2.0
//! Removal of directory trees whose contents are hostile.

use crate::Error;
use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, RenameFlags, ResolveFlags, openat2, renameat_with,
    unlinkat,
};
use rustix::io::Errno;
use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// Removes `path` and everything below it; a missing path is fine.
///
/// Works on descriptors only: never follows a symbolic link, never crosses a mount point (a
/// mount in the tree is an error), does not recurse on the stack, and holds a bounded number of
/// descriptors however deep the tree is.
///
/// # Errors
/// The first entry that cannot be removed.
pub fn remove(path: &Path) -> Result<(), Error> {
    let parent = path.parent().unwrap_or(Path::new("/"));
    let name = path.file_name().unwrap_or_default();
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let parent = match rustix::fs::open(parent, flags, Mode::empty()) {
        Ok(fd) => fd,
        Err(Errno::NOENT) => return Ok(()),
        Err(errno) => return Err(Error::errno("open", parent)(errno)),
    };
    let name = CString::new(name.as_encoded_bytes())
        .map_err(|_| Error::errno("remove", path)(Errno::INVAL))?;
    match unlinkat(&parent, &name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(errno) => return Err(Error::errno("remove", path)(errno)),
    }
    remove_dir(parent, name).map_err(Error::errno("remove", path))
}

/// Most levels of a tree that are open at once; a hostile tree may be deeper than any limit on
/// descriptors.
const LEVELS_MAX: usize = 64;

/// One directory being emptied.
struct Level {
    name: CString,
    dir: Dir,
}

fn remove_dir(parent: OwnedFd, name: CString) -> Result<(), Errno> {
    let mut moved = 0;
    loop {
        let moved_before = moved;
        empty_dir(parent.as_fd(), &name, &mut moved)?;
        match unlinkat(&parent, &name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => return Ok(()),
            // What was moved up may lie before the point that the listing had reached.
            Err(Errno::NOTEMPTY) if moved > moved_before => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// Empties the directory `name`, but for subtrees from below [`LEVELS_MAX`], which it moves up
/// into the directory itself and counts in `moved`.
fn empty_dir(parent: BorrowedFd<'_>, name: &CString, moved: &mut u64) -> Result<(), Errno> {
    let mut levels = vec![open_level(parent, name.clone())?];
    loop {
        let depth = levels.len();
        let level = levels.last_mut().expect("returns when it pops the first level");
        match next_directory(level)? {
            Some(name) if depth < LEVELS_MAX => {
                let child = open_level(level.dir.fd()?, name)?;
                levels.push(child);
            }
            Some(name) => {
                let (top, level) = (&levels[0], &levels[depth - 1]);
                move_up(level.dir.fd()?, &name, top.dir.fd()?, moved)?;
            }
            None => {
                let level = levels.pop().expect("the loop saw a last level");
                let Some(above) = levels.last() else { return Ok(()) };
                match unlinkat(above.dir.fd()?, &level.name, AtFlags::REMOVEDIR) {
                    Ok(()) | Err(Errno::NOENT) => {}
                    Err(errno) => return Err(errno),
                }
            }
        }
    }
}

fn move_up(
    from: BorrowedFd<'_>,
    name: &CString,
    to: BorrowedFd<'_>,
    moved: &mut u64,
) -> Result<(), Errno> {
    loop {
        let new_name = format!(".brig-deep-{moved}");
        *moved += 1;
        match renameat_with(from, name, to, new_name, RenameFlags::NOREPLACE) {
            // The tree's maker may have thought of the name, too.
            Err(Errno::EXIST) => {}
            other => return other,
        }
    }
}

fn open_level(parent: BorrowedFd<'_>, name: CString) -> Result<Level, Errno> {
    let dir = Dir::new(open_beneath(parent, &name)?)?;
    Ok(Level { name, dir })
}

fn open_beneath(parent: BorrowedFd<'_>, name: &CString) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
    loop {
        match openat2(parent, name, flags, Mode::empty(), resolve) {
            Err(Errno::INTR | Errno::AGAIN) => {}
            other => return other,
        }
    }
}

/// Unlinks files of `level` until a subdirectory comes up; returns its name.
fn next_directory(level: &mut Level) -> Result<Option<CString>, Errno> {
    while let Some(entry) = level.dir.read() {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        if entry.file_type() != FileType::Directory {
            match unlinkat(level.dir.fd()?, name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => continue,
                Err(Errno::ISDIR) => {}
                Err(errno) => return Err(errno),
            }
        }
        return Ok(Some(name.to_owned()));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remove_tree_with_symlink_out_keeps_the_target() {
        let base = std::env::temp_dir().join(format!("brig-tree-{}", std::process::id()));
        let (tree, canary) = (base.join("tree"), base.join("canary"));
        std::fs::create_dir_all(tree.join("a/b/c")).unwrap();
        std::fs::create_dir_all(&canary).unwrap();
        std::fs::write(canary.join("file"), "x").unwrap();
        std::os::unix::fs::symlink(&canary, tree.join("a/out")).unwrap();
        std::fs::write(tree.join("a/b/file"), "x").unwrap();
        remove(&tree).unwrap();
        assert!(std::fs::metadata(&tree).is_err());
        assert_eq!(std::fs::read(canary.join("file")).unwrap(), b"x");
        remove(&tree).unwrap();
        std::fs::remove_dir_all(base).unwrap();
    }

    #[test]
    fn remove_tree_deeper_than_paths_and_descriptors_go() {
        let base = std::env::temp_dir().join(format!("brig-deep-{}", std::process::id()));
        std::fs::create_dir_all(&base).unwrap();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mut dir = rustix::fs::open(&base, flags, Mode::empty()).unwrap();
        for depth in 0..3000 {
            // A name that the removal itself would use, and siblings on both sides.
            let names = [c".brig-deep-0", c"a", c"z"];
            for name in names {
                rustix::fs::mkdirat(&dir, name, Mode::from_raw_mode(0o700)).unwrap();
            }
            dir = rustix::fs::openat(&dir, names[depth % 3], flags, Mode::empty()).unwrap();
        }
        remove(&base).unwrap();
        assert!(std::fs::metadata(&base).is_err());
    }
}
