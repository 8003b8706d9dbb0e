// SPDX-License-Identifier: Apache-2.0
//! Control groups on v1, hybrid and v2 through cgroupfs.
//!
//! Runs in the creator. On v1 the container's init moves itself by writing `0` to each
//! hierarchy's `tasks`: a task that moves only itself skips the kernel's threadgroup lock, whose
//! RCU wait costs 10 ms after an idle gap (`cgroup.procs` always pays it). On v2 the clone is born
//! in the group (`CLONE_INTO_CGROUP`).

mod block;
mod check;
mod devices;
#[cfg(test)]
mod fake;
mod huge;
mod layout;
mod oom;
mod remove;
mod stats;
mod v1;
mod v2;

pub use layout::{Hierarchy, Layout};
pub use oom::OomWatch;
pub use remove::{pids, remove};
pub use stats::Stats;

use crate::error::InStep;
use crate::{Error, Result};
use brig_spec::runtime::Resources;
use brig_sys::{Context, SysError};
use rustix::fs::{Access, AtFlags, Mode, OFlags, mkdirat, openat};
use rustix::io::Errno;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

/// The container's directory in one hierarchy.
#[derive(Debug)]
pub struct Group {
    /// The hierarchy.
    pub hierarchy: Hierarchy,
    /// Absolute path of the directory.
    pub path: PathBuf,
    /// The directory.
    pub dir: OwnedFd,
}

/// The container's cgroup: one directory in each hierarchy.
#[derive(Debug, Default)]
pub struct Cgroup {
    /// Directories.
    pub groups: Vec<Group>,
}

/// Returns the absolute directories that a container's cgroup has, without making them.
///
/// # Errors
/// For a path that leaves its hierarchy.
pub fn directories(layout: &Layout, path: &str) -> Result<Vec<PathBuf>> {
    let relative = clean(path)?;
    Ok(layout
        .hierarchies
        .iter()
        .map(|hierarchy| match path.starts_with('/') {
            true => hierarchy.mount.join(&relative),
            false => hierarchy.own().join(&relative),
        })
        .collect())
}

/// Checks a configured path and makes it relative.
fn clean(path: &str) -> Result<PathBuf> {
    let mut out = PathBuf::new();
    for component in Path::new(path).components() {
        match component {
            Component::Normal(name) => out.push(name),
            Component::RootDir | Component::CurDir => {}
            _ => {
                let reason = format!("`{path}` must not contain `..`");
                return Err(Error::config("linux.cgroupsPath", reason));
            }
        }
    }
    if out.as_os_str().is_empty() {
        return Err(Error::config("linux.cgroupsPath", "the root cgroup cannot be a container's"));
    }
    Ok(out)
}

impl Cgroup {
    /// Makes the container's directory in each hierarchy and sets its limits.
    ///
    /// # Errors
    /// The failing file; directories made so far are left for [`remove`], whose list the caller
    /// has recorded before.
    pub fn create(layout: &Layout, path: &str, resources: &Resources) -> Result<Self> {
        let directories = directories(layout, path)?;
        let mut groups = Vec::with_capacity(directories.len());
        for (hierarchy, path) in layout.hierarchies.iter().zip(directories) {
            let dir = make_directory(hierarchy, &path, resources)
                .in_step_hint(|| format!("make cgroup `{}`", path.display()), MAKE_HINT)?;
            groups.push(Group { hierarchy: hierarchy.clone(), path, dir });
        }
        let cgroup = Self { groups };
        check::values(resources)?;
        check::devices(&cgroup.groups)?;
        check::controllers(&cgroup.groups, resources)?;
        for group in &cgroup.groups {
            if group.is_unified() {
                v2::apply_devices(group, resources)?;
            } else {
                v1::apply_devices(group, resources)?;
            }
        }
        cgroup.apply(resources)?;
        Ok(cgroup)
    }

    /// Changes the limits that are given; device rules are left as they are.
    ///
    /// # Errors
    /// What is malformed, before anything is changed; or the limit that the kernel refuses, when
    /// those written before it stay.
    pub fn update(&self, resources: &Resources) -> Result<()> {
        check::values(resources)?;
        check::controllers(&self.groups, resources)?;
        self.apply(resources)
    }

    /// Opens an existing cgroup by its recorded directories.
    ///
    /// # Errors
    /// When a directory is gone.
    pub fn open(layout: &Layout, directories: &[PathBuf]) -> Result<Self> {
        let mut groups = Vec::with_capacity(directories.len());
        for path in directories {
            let Some(hierarchy) = layout.hierarchies.iter().find(|h| path.starts_with(&h.mount))
            else {
                continue;
            };
            let dir =
                open_directory(path).in_step(|| format!("open cgroup `{}`", path.display()))?;
            groups.push(Group { hierarchy: hierarchy.clone(), path: path.clone(), dir });
        }
        Ok(Self { groups })
    }

    fn apply(&self, resources: &Resources) -> Result<()> {
        for group in &self.groups {
            if group.is_unified() {
                v2::apply(group, resources)?;
            } else {
                v1::apply(group, resources)?;
            }
        }
        Ok(())
    }

    /// Returns the v2 directory, for `CLONE_INTO_CGROUP`.
    #[must_use]
    pub fn unified(&self) -> Option<BorrowedFd<'_>> {
        use std::os::fd::AsFd;
        self.groups.iter().find(|g| g.hierarchy.is_unified()).map(|g| g.dir.as_fd())
    }

    /// Opens the `tasks` file of each v1 hierarchy: writing `0` moves the writer.
    ///
    /// # Errors
    /// The failing file.
    pub fn open_tasks(&self) -> Result<Vec<OwnedFd>> {
        self.groups
            .iter()
            .filter(|group| !group.hierarchy.is_unified())
            .map(|group| {
                openat(&group.dir, c"tasks", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())
                    .context("openat", || format!("{}/tasks", group.path.display()))
                    .in_step(|| "enter the cgroup")
            })
            .collect()
    }
}

const MAKE_HINT: &str = "the caller must be able to write below /sys/fs/cgroup; run as root";

/// Makes `path` and its parents below the hierarchy's mount point.
fn make_directory(
    hierarchy: &Hierarchy,
    path: &Path,
    resources: &Resources,
) -> std::result::Result<OwnedFd, SysError> {
    // The common case: only the last directory is new.
    if let (Some(parent), Some(name)) = (path.parent(), path.file_name())
        && let Ok(parent) = open_directory(parent)
    {
        return make_child(hierarchy, &parent, name, path, resources);
    }
    let mut walked = hierarchy.mount.clone();
    let mut dir = open_directory(&walked)?;
    for name in path.strip_prefix(&hierarchy.mount).unwrap_or(path).iter() {
        walked.push(name);
        dir = make_child(hierarchy, &dir, name, &walked, resources)?;
    }
    Ok(dir)
}

fn make_child(
    hierarchy: &Hierarchy,
    parent: &OwnedFd,
    name: &std::ffi::OsStr,
    path: &Path,
    resources: &Resources,
) -> std::result::Result<OwnedFd, SysError> {
    if hierarchy.is_unified() {
        v2::enable_controllers(parent, hierarchy, resources)?;
    }
    let made = match mkdirat(parent, name, Mode::from_raw_mode(0o755)) {
        Ok(()) => true,
        Err(Errno::EXIST) => false,
        Err(errno) => return Err(errno).context("mkdirat", || path.display().to_string()),
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let dir = openat(parent, name, flags, Mode::empty())
        .context("openat", || path.display().to_string())?;
    if made && hierarchy.has("cpuset") && !hierarchy.is_unified() {
        v1::inherit_cpuset(parent, &dir)?;
    }
    Ok(dir)
}

fn open_directory(path: &Path) -> std::result::Result<OwnedFd, SysError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).context("open", || path.display().to_string())
}

/// Writes one control file.
fn write_file(dir: &OwnedFd, name: &str, value: &str) -> std::result::Result<(), SysError> {
    let fd = openat(dir, name, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())
        .context("openat", || name)?;
    rustix::io::write(&fd, value.as_bytes())
        .map(drop)
        .context("write", || format!("{name}, {value}"))
}

/// Largest control file that is read: `io.stat` has a line for each device.
const CONTROL_FILE_BYTES_MAX: usize = 1 << 20;

/// Reads one control file of at most 1 MiB.
fn read_file(dir: &OwnedFd, name: &str) -> std::result::Result<String, SysError> {
    let fd = openat(dir, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .context("openat", || name)?;
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    // The kernel returns a page at most for each read.
    while bytes.len() < CONTROL_FILE_BYTES_MAX {
        match rustix::io::read(&fd, &mut chunk).context("read", || name)? {
            0 => break,
            count => bytes.extend_from_slice(&chunk[..count]),
        }
    }
    Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
}

/// Refuses a memory limit below the present usage, for a configuration that wants that checked.
fn check_usage(limit: i64, usage_bytes: u64) -> Result<()> {
    match u64::try_from(limit) {
        Ok(limit) if limit < usage_bytes => Err(Error::refused(
            format!("set linux.resources.memory.limit to {limit}"),
            format!("{usage_bytes} bytes are in use, and checkBeforeUpdate is set"),
        )),
        _ => Ok(()),
    }
}

impl Group {
    fn is_unified(&self) -> bool {
        self.hierarchy.is_unified()
    }

    /// Returns whether this is the only hierarchy, not the v2 side of a hybrid machine.
    fn is_pure(&self) -> bool {
        self.is_unified() && self.hierarchy.mount.ends_with("sys/fs/cgroup")
    }

    /// Writes a limit, naming the file and the value when the kernel refuses it.
    fn limit(&self, name: &str, value: impl ToString) -> Result<()> {
        self.limit_or_hint(name, value, "")
    }

    /// As [`Group::limit`], with a remedy.
    fn limit_or_hint(&self, name: &str, value: impl ToString, hint: &'static str) -> Result<()> {
        let value = value.to_string();
        write_file(&self.dir, name, &value).in_step_hint(
            || format!("set cgroup limit `{name}` to {value} in `{}`", self.path.display()),
            hint,
        )
    }

    fn has_file(&self, name: &str) -> bool {
        rustix::fs::accessat(&self.dir, name, Access::EXISTS, AtFlags::empty()).is_ok()
    }

    /// Reads a control file; `None` when the kernel has none of that name here.
    fn read(&self, name: &str) -> Result<Option<String>> {
        match read_file(&self.dir, name) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.errno == Errno::NOENT => Ok(None),
            other => other.map(Some).in_step(|| format!("read `{}/{name}`", self.path.display())),
        }
    }

    /// Reads a control file of one number; `None` for `max` and when there is no such file.
    fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>> {
        Ok(self.read(name)?.and_then(|text| text.parse().ok()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_with_dotdot_is_refused() {
        assert!(directories(&Layout::default(), "/a/../../b").is_err());
        assert!(directories(&Layout::default(), "/").is_err());
    }
}
