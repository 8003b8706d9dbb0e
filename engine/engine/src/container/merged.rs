// SPDX-License-Identifier: Apache-2.0
//! Reads single files of an image without mounting it: the layers' merged view, walked by hand.
//!
//! Invariants: layer contents are hostile. Every step is one `openat2` of one name below one
//! directory descriptor, symbolic links are resolved here and never by the kernel, `..` stops at
//! the root, only regular files are read, and no more of them than a bound. Follows overlayfs:
//! upper entries hide lower ones, directories merge, whiteouts and opaque directories cut.

use crate::error::{Error, Result};
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, openat2, readlinkat};
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::rc::Rc;

/// Links followed in one look-up before it is called a loop, as the kernel counts.
const LINKS_MAX: u32 = 40;
/// Names in one path, links included.
const STEPS_MAX: u32 = 400;
/// Extended attribute that hides everything below a directory.
const OPAQUE: &CStr = c"trusted.overlay.opaque";
const OPAQUE_USER: &CStr = c"user.overlay.opaque";

/// The same directory in each layer that has it, top first.
type Merged = Vec<Rc<OwnedFd>>;

/// The merged view of some layers.
#[derive(Debug)]
pub(crate) struct View {
    root: Merged,
}

enum Found {
    Nothing,
    Directory(Merged),
    Link(CString),
    File(OwnedFd),
}

impl View {
    /// Opens the layer directories, top first.
    pub(crate) fn open<P: AsRef<Path>>(layers: &[P]) -> Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let open = |path: &P| {
            rustix::fs::open(path.as_ref(), flags, Mode::empty())
                .map(Rc::new)
                .map_err(Error::errno("open the layer", path.as_ref()))
        };
        Ok(Self { root: layers.iter().map(open).collect::<Result<_>>()? })
    }

    /// Reads the regular file at `path`; `None` when it does not exist, or is not a regular file.
    ///
    /// # Errors
    /// When it is larger than `limit_bytes`, or reading fails.
    pub(crate) fn read(&self, path: &str, limit_bytes: u64) -> Result<Option<Vec<u8>>> {
        let shown = || Path::new("image").join(path.trim_start_matches('/'));
        let Some(fd) = self.resolve(path).map_err(|e| Error::errno("read", shown())(e))? else {
            return Ok(None);
        };
        read_bounded(File::from(fd), limit_bytes, &shown())
    }

    fn resolve(&self, path: &str) -> std::result::Result<Option<OwnedFd>, Errno> {
        let mut todo = components(path.as_bytes());
        let mut stack: Vec<Merged> = vec![self.root.clone()];
        let (mut links, mut steps) = (0, 0);
        while let Some(name) = todo.pop() {
            steps += 1;
            if steps > STEPS_MAX {
                return Err(Errno::NAMETOOLONG);
            }
            if name.as_slice() == b".." {
                if stack.len() > 1 {
                    stack.pop();
                }
                continue;
            }
            let name = CString::new(name).map_err(|_| Errno::INVAL)?;
            let here = stack.last().expect("the root is never popped");
            match look_up(here, &name)? {
                Found::Nothing => return Ok(None),
                Found::Directory(dir) => stack.push(dir),
                Found::File(fd) => return Ok(todo.is_empty().then_some(fd)),
                Found::Link(target) => {
                    links += 1;
                    if links > LINKS_MAX {
                        return Err(Errno::LOOP);
                    }
                    if target.to_bytes().starts_with(b"/") {
                        stack.truncate(1);
                    }
                    todo.extend(components(target.to_bytes()));
                }
            }
        }
        Ok(None)
    }
}

/// Splits a path, last name first.
fn components(path: &[u8]) -> Vec<Vec<u8>> {
    path.split(|&b| b == b'/')
        .filter(|name| !matches!(*name, b"" | b"."))
        .map(<[u8]>::to_vec)
        .rev()
        .collect()
}

fn look_up(dirs: &Merged, name: &CStr) -> std::result::Result<Found, Errno> {
    let mut merged = Merged::new();
    for dir in dirs {
        let Some(fd) = open_name(dir.as_fd(), name)? else { continue };
        let stat = fstat(&fd)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                let opaque = is_opaque(&fd);
                merged.push(Rc::new(fd));
                if opaque {
                    break;
                }
            }
            // What is hidden by a directory of an upper layer is not part of it.
            _ if !merged.is_empty() => break,
            FileType::CharacterDevice if stat.st_rdev == 0 => return Ok(Found::Nothing),
            FileType::Symlink => return Ok(Found::Link(readlinkat(&fd, c"", Vec::new())?)),
            FileType::RegularFile => return Ok(Found::File(reopen(&fd)?)),
            _ => return Ok(Found::Nothing),
        }
    }
    Ok(if merged.is_empty() { Found::Nothing } else { Found::Directory(merged) })
}

/// Opens the entry itself, whatever it is, without its side effects (a fifo would block).
fn open_name(dir: impl AsFd, name: &CStr) -> std::result::Result<Option<OwnedFd>, Errno> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
    loop {
        match openat2(&dir, name, flags, Mode::empty(), resolve) {
            Ok(fd) => return Ok(Some(fd)),
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// Opens for reading what a path descriptor refers to: our own descriptor, not a name again.
fn reopen(fd: &OwnedFd) -> std::result::Result<OwnedFd, Errno> {
    use std::os::fd::AsRawFd;
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty())
}

/// Attributes of a path descriptor are read through its link in /proc.
fn is_opaque(fd: &OwnedFd) -> bool {
    use std::os::fd::AsRawFd;
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    let mut value = [0_u8; 2];
    [OPAQUE, OPAQUE_USER].iter().any(|name| {
        matches!(rustix::fs::getxattr(&path, *name, &mut value[..]), Ok(1) if value[0] == b'y')
    })
}

/// Reads a whole file of at most `limit_bytes`.
pub(crate) fn read_bounded(file: File, limit_bytes: u64, shown: &Path) -> Result<Option<Vec<u8>>> {
    let mut bytes = Vec::with_capacity(4096);
    file.take(limit_bytes + 1).read_to_end(&mut bytes).map_err(Error::io("read", shown))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit_bytes {
        return Err(Error::invalid(
            format!("`{}` exceeds {limit_bytes} bytes", shown.display()),
            "repair the image",
        ));
    }
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    struct Layers(Vec<PathBuf>);

    impl Layers {
        fn new(name: &str, count: usize) -> Self {
            let base =
                std::env::temp_dir().join(format!("brig-merged-{name}-{}", std::process::id()));
            drop(std::fs::remove_dir_all(&base));
            let layers: Vec<PathBuf> = (0..count).map(|n| base.join(n.to_string())).collect();
            for layer in &layers {
                std::fs::create_dir_all(layer.join("etc")).unwrap();
            }
            Self(layers)
        }

        fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
            View::open(&self.0).unwrap().read(path, 1000)
        }
    }

    impl Drop for Layers {
        fn drop(&mut self) {
            drop(std::fs::remove_dir_all(self.0[0].parent().unwrap()));
        }
    }

    #[test]
    fn read_upper_layer_hides_lower_and_directories_merge() {
        let layers = Layers::new("hide", 2);
        std::fs::write(layers.0[0].join("etc/passwd"), "top").unwrap();
        std::fs::write(layers.0[1].join("etc/passwd"), "bottom").unwrap();
        std::fs::write(layers.0[1].join("etc/group"), "group").unwrap();
        assert_eq!(layers.read("/etc/passwd").unwrap().unwrap(), b"top");
        assert_eq!(layers.read("etc/group").unwrap().unwrap(), b"group");
        assert_eq!(layers.read("/etc/shadow").unwrap(), None);
        assert_eq!(layers.read("/etc").unwrap(), None);
    }

    #[test]
    fn read_symbolic_links_stay_inside_the_image() {
        let layers = Layers::new("links", 2);
        symlink("../../../../usr/passwd", layers.0[0].join("etc/passwd")).unwrap();
        std::fs::create_dir(layers.0[1].join("usr")).unwrap();
        std::fs::write(layers.0[1].join("usr/passwd"), "inside").unwrap();
        symlink("/proc/self/root/etc/passwd", layers.0[0].join("etc/group")).unwrap();
        symlink("loop", layers.0[0].join("etc/loop")).unwrap();
        assert_eq!(layers.read("/etc/passwd").unwrap().unwrap(), b"inside");
        assert_eq!(layers.read("/etc/group").unwrap(), None);
        assert!(layers.read("/etc/loop").is_err());
    }

    #[test]
    fn read_what_is_no_bounded_regular_file_is_refused() {
        let layers = Layers::new("kinds", 1);
        let fifo = layers.0[0].join("etc/passwd");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, FileType::Fifo, Mode::RUSR, 0).unwrap();
        assert_eq!(layers.read("/etc/passwd").unwrap(), None);
        std::fs::write(layers.0[0].join("etc/group"), vec![b'x'; 1001]).unwrap();
        assert!(layers.read("/etc/group").unwrap_err().to_string().contains("1000 bytes"));
    }

    #[test]
    fn read_file_below_a_file_of_an_upper_layer_is_hidden() {
        let layers = Layers::new("file", 2);
        std::fs::write(layers.0[0].join("opt"), "a file").unwrap();
        std::fs::create_dir(layers.0[1].join("opt")).unwrap();
        std::fs::write(layers.0[1].join("opt/x"), "hidden").unwrap();
        assert_eq!(layers.read("/opt/x").unwrap(), None);
    }
}
