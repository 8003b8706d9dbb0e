// SPDX-License-Identifier: Apache-2.0
//! The creator's steps. Runs with the caller's rights in the host's namespaces; all host paths
//! of a configuration are opened here and nowhere else.

use crate::cgroup::{Cgroup, Group, Layout};
use crate::error::InStep;
use crate::plan::{HostStep, IdMaps, NamespaceKind};
use crate::rootfs::{Masks, make_dev};
use crate::{Error, Result};
use brig_policy::seccomp;
use brig_spec::runtime::{Resources, Seccomp, TimeOffset};
use brig_sys::mount::{self, AttrChange, attr};
use brig_sys::seccomp::Instruction;
use brig_sys::{Context, SysError, process, userns};
use rustix::fs::{CWD, Mode, OFlags, StatVfsMountFlags, fstatfs, fstatvfs, openat};
use rustix::process::Pid;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::collections::BTreeMap;
use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

/// `PROC_SUPER_MAGIC` of `linux/magic.h`.
const PROC_MAGIC: i64 = 0x9fa0;

/// A compiled system call filter.
#[derive(Debug)]
pub(super) struct Filter {
    pub(super) program: Vec<Instruction>,
    pub(super) flags: u64,
}

/// A detached mount of the container's directory in one hierarchy.
#[derive(Debug)]
pub(super) struct CgroupTree {
    /// Name of the hierarchy's directory, such as `cpu,cpuacct`.
    pub(super) name: String,
    /// Its controllers; empty for v2.
    pub(super) controllers: Vec<String>,
    pub(super) tree: OwnedFd,
}

/// Everything that the creator made and init uses, by descriptor.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    /// The host's procfs, verified to be one.
    pub(super) proc: Option<OwnedFd>,
    pub(super) rootfs: Option<OwnedFd>,
    pub(super) trees: BTreeMap<usize, OwnedFd>,
    pub(super) masks: Option<Masks>,
    pub(super) cgroup: Cgroup,
    pub(super) tasks: Vec<OwnedFd>,
    pub(super) cgroup_trees: Vec<CgroupTree>,
    pub(super) filter: Option<Filter>,
}

/// Opens the host's procfs and verifies that it is one.
pub(super) fn open_proc() -> Result<OwnedFd> {
    let step = || "open the host's /proc";
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let fd =
        openat(CWD, c"/proc", flags, Mode::empty()).context("openat", || "/proc").in_step(step)?;
    match fstatfs(&fd).context("fstatfs", || "/proc").in_step(step)?.f_type {
        PROC_MAGIC => Ok(fd),
        _ => Err(Error::refused(step(), "not a proc file system")),
    }
}

/// Re-executes the caller from a read-only detached mount of its own binary, unless it already
/// runs from a read-only one: a container whose root is the host's could otherwise overwrite the
/// binary through `/proc/<pid>/exe` (CVE-2019-5736). Returns when nothing is to be done.
///
/// # Errors
/// When the binary cannot be cloned or executed.
pub fn seal_self() -> Result<()> {
    let step = || "seal the runtime's binary";
    let exe = openat(CWD, c"/proc/self/exe", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
        .context("openat", || "/proc/self/exe")
        .in_step(step)?;
    let flags = fstatvfs(&exe).context("fstatvfs", || "/proc/self/exe").in_step(step)?.f_flag;
    if flags.contains(StatVfsMountFlags::RDONLY) {
        return Ok(());
    }
    let tree = mount::open_tree_clone(&exe, Path::new(""), false).in_step(step)?;
    let change = AttrChange { set: attr::RDONLY, ..AttrChange::default() };
    mount::set_attr(tree.as_fd(), change, false).in_step(step)?;
    let args: Vec<CString> =
        std::env::args_os().filter_map(|arg| CString::new(arg.into_vec()).ok()).collect();
    let env: Vec<CString> = std::env::vars_os()
        .filter_map(|(name, value)| {
            let mut word = name.into_vec();
            word.push(b'=');
            word.extend(value.into_vec());
            CString::new(word).ok()
        })
        .collect();
    Err(process::execveat(tree.as_fd(), &args, &env))
        .context("execveat", || "own binary")
        .in_step(step)
}

/// Runs the steps before the clone.
pub(super) fn prepare(
    steps: &[HostStep],
    layout: &Layout,
    default_cgroup: &str,
) -> Result<Prepared> {
    let mut prepared = Prepared { proc: Some(open_proc()?), ..Prepared::default() };
    for step in steps {
        prepared.step(step, layout, default_cgroup)?;
    }
    Ok(prepared)
}

impl Prepared {
    fn step(&mut self, step: &HostStep, layout: &Layout, default_cgroup: &str) -> Result<()> {
        match step {
            HostStep::SealSelf => seal_self(),
            HostStep::OpenRootfs { path } => {
                self.rootfs = Some(open_rootfs(path)?);
                Ok(())
            }
            HostStep::OpenTree { slot, .. } => {
                self.trees.insert(slot.0, open_tree(step)?);
                Ok(())
            }
            HostStep::MakeDev { slot, options, attributes, nodes, owner } => {
                let tree = make_dev(options, *attributes, nodes, *owner)?;
                self.trees.insert(slot.0, tree);
                Ok(())
            }
            HostStep::MakeMasks => {
                self.masks = Some(make_masks()?);
                Ok(())
            }
            HostStep::CreateCgroup { path, resources } => {
                let path = if path.is_empty() { default_cgroup } else { path };
                self.create_cgroup(layout, path, resources)
            }
            HostStep::OpenCgroupTrees { attributes, private } => {
                self.cgroup_trees = self
                    .cgroup
                    .groups
                    .iter()
                    .map(|group| clone_group(group, *attributes, *private))
                    .collect::<std::result::Result<_, _>>()
                    .in_step(|| step.to_string())?;
                Ok(())
            }
            HostStep::CompileSeccomp { profile } => {
                self.filter = Some(compile_filter(profile)?);
                Ok(())
            }
            HostStep::UnshareTime { offsets } => unshare_time(offsets),
            HostStep::JoinNamespace { kind, path } => join(*kind, path),
            HostStep::MapIds { .. } | HostStep::OomScore { .. } => {
                Err(Error::refused("prepare", "a step for after the clone"))
            }
        }
    }

    fn create_cgroup(&mut self, layout: &Layout, path: &str, resources: &Resources) -> Result<()> {
        brig_sys::fault::point("oci.cgroup").in_step(|| "make the cgroup")?;
        self.cgroup = Cgroup::create(layout, path, resources)?;
        self.tasks = self.cgroup.open_tasks()?;
        Ok(())
    }
}

/// Runs the steps after the clone, on the process `pid`.
pub(super) fn admit(steps: &[HostStep], pid: Pid) -> Result<()> {
    for step in steps {
        match step {
            HostStep::MapIds { maps } => map_ids(pid, maps)?,
            HostStep::OomScore { value } => oom_score(pid, *value)?,
            _ => return Err(Error::refused("admit", "a step for before the clone")),
        }
    }
    Ok(())
}

fn open_rootfs(path: &Path) -> Result<OwnedFd> {
    let step = || format!("open the root file system `{}`", path.display());
    let tree = mount::open_tree_clone(CWD, path, true)
        .in_step_hint(step, "check `root.path` in config.json; it is relative to the bundle")?;
    let stat = rustix::fs::fstat(&tree).context("fstat", || "rootfs").in_step(step)?;
    if rustix::fs::FileType::from_raw_mode(stat.st_mode) != rustix::fs::FileType::Directory {
        return Err(Error::refused(step(), "not a directory"));
    }
    let change = AttrChange { propagation: mount::propagation::PRIVATE, ..AttrChange::default() };
    mount::set_attr(tree.as_fd(), change, true).in_step(step)?;
    Ok(tree)
}

fn open_tree(step: &HostStep) -> Result<OwnedFd> {
    let HostStep::OpenTree { source, recursive, attr, recursive_attr, idmap, propagation, .. } =
        step
    else {
        return Err(Error::refused("open a bind source", "not one"));
    };
    let name = || format!("open the bind mount source `{}`", source.display());
    let tree = mount::open_tree_clone(CWD, source, *recursive)
        .in_step_hint(name, "the source of a bind mount must exist on the host")?;
    let (word, recursive_word) = *propagation;
    let (below, top) = if recursive_word { (word, 0) } else { (0, word) };
    let whole = AttrChange { propagation: below, ..*recursive_attr };
    let top = AttrChange { propagation: top, ..*attr };
    for (change, recursive) in [(whole, true), (top, false)] {
        if !change.is_empty() {
            mount::set_attr(tree.as_fd(), change, recursive).in_step(name)?;
        }
    }
    if let Some(maps) = idmap {
        let namespace = userns::userns_fd(&maps.uid, &maps.gid).in_step(name)?;
        mount::set_idmap(tree.as_fd(), namespace.as_fd(), false)
            .in_step_hint(name, "the source's file system does not support idmapped mounts")?;
    }
    Ok(tree)
}

/// Clones one group's directory; for the host's view on v2, the whole hierarchy.
fn clone_group(
    group: &Group,
    attributes: u64,
    private: bool,
) -> std::result::Result<CgroupTree, SysError> {
    let hierarchy = &group.hierarchy;
    let tree = if private || !hierarchy.is_unified() {
        mount::open_tree_clone(&group.dir, Path::new(""), false)?
    } else {
        mount::open_tree_clone(CWD, &hierarchy.mount, false)?
    };
    let change = AttrChange {
        set: attributes,
        propagation: mount::propagation::PRIVATE,
        ..AttrChange::default()
    };
    mount::set_attr(tree.as_fd(), change, false)?;
    let name = hierarchy.directory_name();
    Ok(CgroupTree { name, controllers: hierarchy.controllers.clone(), tree })
}

fn make_masks() -> Result<Masks> {
    let step = || "make the objects behind masked paths";
    let file = mount::open_tree_clone(CWD, Path::new("/dev/null"), false).in_step(step)?;
    let stat = rustix::fs::fstat(&file).context("fstat", || "/dev/null").in_step(step)?;
    if stat.st_rdev != rustix::fs::makedev(1, 3) {
        return Err(Error::refused(step(), "the host's /dev/null is not the null device"));
    }
    let options = [mount::FsOption::Value("size".into(), "0".into())];
    let attributes = attr::RDONLY | attr::NOSUID | attr::NODEV | attr::NOEXEC;
    let directory = mount::new_filesystem("tmpfs", "tmpfs", &options, attributes).in_step(step)?;
    Ok(Masks::new(file, directory))
}

pub(super) fn compile_filter(profile: &Seccomp) -> Result<Filter> {
    let field = |error: seccomp::SeccompError| Error::config("linux.seccomp", error.to_string());
    let foreign_abi = match profile.foreign_abi.as_str() {
        "" => seccomp::ForeignAbi::Kill,
        word => seccomp::ForeignAbi::parse(word).map_err(field)?,
    };
    let options =
        seccomp::Options { foreign_abi, newer_enosys: true, ..seccomp::Options::default() };
    let compiled = seccomp::compile(profile, &options).map_err(field)?;
    if compiled.notifies {
        let reason = "SCMP_ACT_NOTIFY is not supported by this release";
        return Err(Error::config("linux.seccomp", reason));
    }
    let program = compiled
        .program
        .insns()
        .iter()
        .map(|i| Instruction { code: i.code, jt: i.jt, jf: i.jf, k: i.k })
        .collect();
    Ok(Filter { program, flags: compiled.flags.into() })
}

fn unshare_time(offsets: &BTreeMap<String, TimeOffset>) -> Result<()> {
    let step = || "make the time namespace";
    process::unshare(process::flags::NEWTIME)
        .context("unshare", || "CLONE_NEWTIME")
        .in_step(step)?;
    let mut text = String::new();
    for (clock, offset) in offsets {
        use std::fmt::Write;
        writeln!(text, "{clock} {} {}", offset.secs, offset.nanosecs)
            .expect("writing to a String cannot fail");
    }
    if text.is_empty() {
        return Ok(());
    }
    std::fs::write("/proc/self/timens_offsets", &text)
        .context("write", || format!("/proc/self/timens_offsets, {:?}", text.trim_end()))
        .in_step(step)
}

/// Joins a namespace by path; the kernel checks that it is of the kind.
fn join(kind: NamespaceKind, path: &Path) -> Result<()> {
    let step = || format!("join {} namespace `{}`", kind.as_str(), path.display());
    let fd = open_namespace(path).in_step(step)?;
    move_into(&fd, kind).in_step(step)
}

pub(super) fn open_namespace(path: &Path) -> std::result::Result<OwnedFd, SysError> {
    openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .context("openat", || path.display().to_string())
}

pub(super) fn move_into(fd: &OwnedFd, kind: NamespaceKind) -> std::result::Result<(), SysError> {
    let which = match kind {
        NamespaceKind::User => LinkNameSpaceType::User,
        NamespaceKind::Mount => LinkNameSpaceType::Mount,
        NamespaceKind::Pid => LinkNameSpaceType::ProcessID,
        NamespaceKind::Network => LinkNameSpaceType::Network,
        NamespaceKind::Ipc => LinkNameSpaceType::InterProcessCommunication,
        NamespaceKind::Uts => LinkNameSpaceType::HostNameAndNISDomainName,
        NamespaceKind::Cgroup => LinkNameSpaceType::ControlGroup,
        NamespaceKind::Time => LinkNameSpaceType::Time,
    };
    move_into_link_name_space(fd.as_fd(), Some(which)).context("setns", || kind.as_str())
}

fn map_ids(pid: Pid, maps: &IdMaps) -> Result<()> {
    let deny_setgroups = !rustix::process::geteuid().is_root();
    userns::write_maps(pid, &maps.uid, &maps.gid, deny_setgroups).in_step_hint(
        || "map the container's ids",
        "extents must not overlap and must be the caller's to map",
    )
}

pub(super) fn oom_score(pid: Pid, value: i32) -> Result<()> {
    let path = format!("/proc/{}/oom_score_adj", pid.as_raw_nonzero());
    std::fs::write(&path, value.to_string())
        .context("write", || format!("{path}, {value}"))
        .in_step_hint(|| "set the OOM score adjustment", "lowering it needs CAP_SYS_RESOURCE")
}
