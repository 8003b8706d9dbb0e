// SPDX-License-Identifier: Apache-2.0
//! The plan as text, for people and for snapshot tests.

use super::mount::MountSource;
use super::step::{HostStep, IdMaps, InitStep, Plan, TreeSlot};
use brig_sys::mount::{AttrChange, FsOption, attr, propagation};
use std::fmt::{self, Display, Formatter, Write};

/// Renders the plan, a step a line, under the process that runs it.
pub(super) fn render(plan: &Plan) -> String {
    let mut out = String::from("creator, before the clone:\n");
    let mut line = |text: &dyn Display| {
        writeln!(out, "  {text}").expect("writing to a String cannot fail");
    };
    plan.prepare.iter().for_each(|step| line(step));
    if let Some(path) = &plan.join_user {
        line(&format_args!("join user namespace {}", path.display()));
    }
    let kinds: Vec<_> = plan.new_namespaces.iter().map(|kind| kind.as_str()).collect();
    line(&format_args!("clone into new namespaces: {}", kinds.join(" ")));
    out.push_str("creator, after the clone:\n");
    let mut line = |text: &dyn Display| {
        writeln!(out, "  {text}").expect("writing to a String cannot fail");
    };
    plan.admit.iter().for_each(|step| line(step));
    line(&"record the pid, let init go on");
    out.push_str("init, until created:\n");
    let mut line = |text: &dyn Display| {
        writeln!(out, "  {text}").expect("writing to a String cannot fail");
    };
    plan.create.iter().for_each(|step| line(step));
    out.push_str("init, from start:\n");
    let mut line = |text: &dyn Display| {
        writeln!(out, "  {text}").expect("writing to a String cannot fail");
    };
    plan.start.iter().for_each(|step| line(step));
    if let Some(process) = &plan.process {
        let args: Vec<_> = process.args.iter().map(|a| a.to_string_lossy()).collect();
        line(&format_args!(
            "user {}:{} groups {:?}, capabilities {:#x} (bounding {:#x}), no new privileges: {}",
            process.user.uid,
            process.user.gid,
            process.user.groups,
            process.caps.effective,
            process.caps.bounding,
            process.no_new_privileges,
        ));
        line(&format_args!("execute {args:?} in {}", process.cwd.to_string_lossy()));
    }
    out
}

impl Display for TreeSlot {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "tree {}", self.0)
    }
}

impl Display for HostStep {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::SealSelf => f.write_str("re-execute from a read-only mount of this binary"),
            Self::OpenRootfs { path } => write!(f, "clone the root tree {}", path.display()),
            Self::OpenTree {
                slot,
                source,
                recursive,
                attr,
                recursive_attr,
                idmap,
                propagation,
            } => {
                write!(f, "{slot} = clone {}", source.display())?;
                write_if(f, *recursive, " recursively")?;
                write!(
                    f,
                    "{}{}",
                    Attributes(*attr, ""),
                    Attributes(*recursive_attr, "recursive ")
                )?;
                if let Some(maps) = idmap {
                    write!(f, ", idmapped {maps}")?;
                }
                let (word, recursive) = *propagation;
                write!(f, ", {}", propagation_word(word))?;
                write_if(f, !recursive, " at its top")
            }
            Self::MakeDev { slot, options, nodes, owner, .. } => {
                write!(
                    f,
                    "{slot} = new /dev{} owned by {}:{}",
                    Options(options),
                    owner.0,
                    owner.1
                )?;
                nodes.iter().try_for_each(|node| write!(f, " {}", node.path))
            }
            Self::MakeMasks => f.write_str("make the null device and the empty directory of masks"),
            Self::CreateCgroup { path, .. } => write!(f, "make cgroup {path:?} and set its limits"),
            Self::OpenCgroupTrees { attributes, private } => {
                let which = if *private { "the container's own" } else { "the host's" };
                write!(f, "clone {which} cgroup directories{}", Attributes(set(*attributes), ""))
            }
            Self::CompileSeccomp { profile } => write!(
                f,
                "compile the system call filter: {} rules, default {}",
                profile.syscalls.len(),
                profile.default_action
            ),
            Self::UnshareTime { offsets } => {
                write!(f, "make a time namespace, offsets {offsets:?}")
            }
            Self::JoinNamespace { kind, path } => {
                write!(f, "join {} namespace {}", kind.as_str(), path.display())
            }
            Self::MapIds { maps } => write!(f, "map ids {maps}"),
            Self::OomScore { value } => write!(f, "set the OOM score adjustment to {value}"),
        }
    }
}

impl Display for InitStep {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::JoinMountNamespace { path } => {
                write!(f, "join mount namespace {}", path.display())
            }
            Self::BecomeRoot => f.write_str("become root of the user namespace"),
            Self::AttachCgroup => f.write_str("enter the cgroup"),
            Self::UnshareCgroup => f.write_str("make a cgroup namespace"),
            Self::NewSession => f.write_str("become a session leader"),
            Self::LoopbackUp => f.write_str("bring up lo"),
            Self::Hostname(name) => write!(f, "set host name {name:?}"),
            Self::Domainname(name) => write!(f, "set domain name {name:?}"),
            Self::Sysctl { path, value } => write!(f, "write {value:?} to /proc/sys/{path}"),
            Self::RootPropagation { propagation } => {
                write!(f, "make all inherited mounts {}", propagation_word(*propagation))
            }
            Self::AttachRootfs => f.write_str("attach the root tree"),
            Self::Mount(mount) => {
                write!(f, "mount {} on {}", mount.source, mount.destination)?;
                write_if(f, mount.copy_up, ", copying up")?;
                match mount.propagation {
                    0 => Ok(()),
                    word => write!(f, ", {}", propagation_word(word)),
                }
            }
            Self::MountCgroup { destination, attributes } => {
                write!(f, "show the cgroup on {destination}{}", Attributes(set(*attributes), ""))
            }
            Self::Device(node) => {
                let kind = char::from(node.kind);
                write!(f, "make device {} {kind} {}:{}", node.path, node.major, node.minor)
            }
            Self::DevSymlinks => f.write_str("make the symbolic links of /dev"),
            Self::MakeCwd(path) => write!(f, "make working directory {path}"),
            Self::RuntimeHooks => {
                f.write_str("let the creator run prestart and createRuntime hooks")
            }
            Self::CreateContainerHooks => f.write_str("run createContainer hooks"),
            Self::Console => f.write_str("open the terminal and hand out its master"),
            Self::Mask(path) => write!(f, "mask {path}"),
            Self::ReadonlyPath(path) => write!(f, "make {path} read-only"),
            Self::PivotRoot => f.write_str("pivot to the new root and drop the host's"),
            Self::MoveRoot => f.write_str("move the new root over / and chroot into it"),
            Self::RootfsPropagation { propagation } => {
                write!(f, "make the root {}", propagation_word(*propagation))
            }
            Self::ReadonlyRoot => f.write_str("make the root read-only"),
            Self::NewKeyring => f.write_str("join a new session keyring"),
            Self::StartContainerHooks => f.write_str("run startContainer hooks"),
        }
    }
}

impl Display for MountSource {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prepared(slot) => slot.fmt(f),
            Self::New { kind, options, attributes, .. } => {
                write!(f, "new {kind}{}{}", Options(options), Attributes(set(*attributes), ""))
            }
        }
    }
}

impl Display for IdMaps {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (name, extents) in [("uid", &self.uid), ("gid", &self.gid)] {
            for e in extents {
                write!(f, "{name} {}={}+{} ", e.inside, e.outside, e.count)?;
            }
        }
        Ok(())
    }
}

struct Options<'a>(&'a [FsOption]);

impl Display for Options<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for option in self.0 {
            match option {
                FsOption::Flag(key) => write!(f, " {key}")?,
                FsOption::Value(key, value) => write!(f, " {key}={value}")?,
            }
        }
        Ok(())
    }
}

struct Attributes<'a>(AttrChange, &'a str);

fn set(bits: u64) -> AttrChange {
    AttrChange { set: bits, ..AttrChange::default() }
}

impl Display for Attributes<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        const NAMES: [(u64, &str); 7] = [
            (attr::RDONLY, "ro"),
            (attr::NOSUID, "nosuid"),
            (attr::NODEV, "nodev"),
            (attr::NOEXEC, "noexec"),
            (attr::NOATIME, "noatime"),
            (attr::NOSYMFOLLOW, "nosymfollow"),
            (attr::STRICTATIME, "strictatime"),
        ];
        for (bits, name) in NAMES {
            write_if(f, self.0.set & bits != 0, format_args!(" {}{name}", self.1))?;
            write_if(f, self.0.clear & bits != 0, format_args!(" {}not-{name}", self.1))?;
        }
        Ok(())
    }
}

fn propagation_word(value: u64) -> &'static str {
    match value {
        propagation::SLAVE => "slave",
        propagation::SHARED => "shared",
        propagation::UNBINDABLE => "unbindable",
        _ => "private",
    }
}

fn write_if(f: &mut Formatter<'_>, condition: bool, text: impl Display) -> fmt::Result {
    if condition { write!(f, "{text}") } else { Ok(()) }
}
