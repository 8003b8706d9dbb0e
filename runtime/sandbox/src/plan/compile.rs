// SPDX-License-Identifier: Apache-2.0
//! `config.json` → plan. Pure: the same input gives the same plan on every machine.

use super::mount::{self, MountPlan, MountSource, Options};
use super::namespace::{NamespaceKind, Namespaces};
use super::process::ProcessPlan;
use super::step::{HostStep, IdMaps, InitStep, Plan, TreeSlot};
use super::{DeviceNode, device, print};
use crate::{Error, Result};
use brig_spec::runtime::{Linux, Mount, Spec};
use brig_sys::mount::{AttrChange, FsOption, attr, propagation};
use std::path::{Path, PathBuf};

/// What the plan needs to know besides the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Absolute path of the bundle.
    pub bundle: PathBuf,
    /// `--no-pivot`.
    pub no_pivot: bool,
    /// `--no-new-keyring`.
    pub no_new_keyring: bool,
}

impl Plan {
    /// Compiles a configuration.
    ///
    /// # Errors
    /// For a configuration that is malformed, contradictory or beyond this runtime.
    pub fn compile(spec: &Spec, facts: &Facts) -> Result<Self> {
        check_version(&spec.oci_version)?;
        let linux = spec.linux.clone().unwrap_or_default();
        let namespaces = Namespaces::parse(&linux.namespaces)?;
        let compiler = Compiler {
            spec,
            linux: &linux,
            facts,
            maps: mount::id_maps(&linux.uid_mappings, &linux.gid_mappings),
            namespaces,
            prepare: Vec::new(),
            create: Vec::new(),
            slots: 0,
        };
        compiler.check()?;
        compiler.compile()
    }

    /// Renders the plan, a step a line.
    #[must_use]
    pub fn render(&self) -> String {
        print::render(self)
    }
}

fn check_version(version: &str) -> Result<()> {
    if version.starts_with("1.") {
        return Ok(());
    }
    let reason = if version.is_empty() {
        "missing".to_owned()
    } else {
        format!("`{version}` is not a version that this runtime knows (1.x)")
    };
    Err(Error::config("ociVersion", reason))
}

struct Compiler<'a> {
    spec: &'a Spec,
    linux: &'a Linux,
    facts: &'a Facts,
    maps: IdMaps,
    namespaces: Namespaces,
    prepare: Vec<HostStep>,
    create: Vec<InitStep>,
    slots: usize,
}

impl Compiler<'_> {
    fn check(&self) -> Result<()> {
        let new_user = self.namespaces.is_new(NamespaceKind::User);
        if new_user && (self.maps.uid.is_empty() || self.maps.gid.is_empty()) {
            let reason = "a new user namespace needs uidMappings and gidMappings";
            return Err(Error::config("linux.uidMappings", reason));
        }
        if !self.namespaces.has(NamespaceKind::User) && !self.maps.uid.is_empty() {
            let reason = "given without a user namespace";
            return Err(Error::config("linux.uidMappings", reason));
        }
        if !self.namespaces.has(NamespaceKind::Mount) {
            let reason = "a mount namespace is needed";
            return Err(Error::config("linux.namespaces", reason));
        }
        let uts = self.namespaces.has(NamespaceKind::Uts);
        let named = !self.spec.hostname.is_empty() || !self.spec.domainname.is_empty();
        if named && !uts {
            return Err(Error::config("hostname", "given without a uts namespace"));
        }
        Ok(())
    }

    fn compile(mut self) -> Result<Plan> {
        let rootfs = self.rootfs()?;
        if !self.has_userns() {
            self.prepare.push(HostStep::SealSelf);
        }
        self.prepare.push(HostStep::OpenRootfs { path: rootfs });
        self.enter_steps()?;
        self.mount_steps()?;
        self.finish_steps()?;
        self.prepare.push(HostStep::CreateCgroup {
            path: self.linux.cgroups_path.clone(),
            resources: Box::new(self.linux.resources.clone().unwrap_or_default()),
        });
        self.cgroup_trees();
        if let Some(profile) = &self.linux.seccomp {
            self.prepare.push(HostStep::CompileSeccomp { profile: Box::new(profile.clone()) });
        }
        self.namespace_steps();
        let process = self.spec.process.as_ref().map(ProcessPlan::compile).transpose()?;
        Ok(Plan {
            join_user: self.namespaces.joined(NamespaceKind::User).cloned(),
            new_namespaces: self.namespaces.cloned(),
            admit: self.admit_steps(process.as_ref()),
            start: vec![InitStep::StartContainerHooks],
            prepare: self.prepare,
            create: self.create,
            process,
        })
    }

    fn cgroup_trees(&mut self) {
        let attributes = self.create.iter().find_map(|step| match step {
            InitStep::MountCgroup { attributes, .. } => Some(*attributes),
            _ => None,
        });
        if let Some(attributes) = attributes {
            let private = self.namespaces.has(NamespaceKind::Cgroup);
            self.prepare.push(HostStep::OpenCgroupTrees { attributes, private });
        }
    }

    fn has_userns(&self) -> bool {
        self.namespaces.has(NamespaceKind::User)
    }

    fn rootfs(&self) -> Result<PathBuf> {
        match &self.spec.root {
            Some(root) if !root.path.is_empty() => Ok(self.facts.bundle.join(&root.path)),
            _ => Err(Error::config("root.path", "missing")),
        }
    }

    fn slot(&mut self) -> TreeSlot {
        self.slots += 1;
        TreeSlot(self.slots - 1)
    }

    /// Steps that make init a member of its namespaces and cgroup.
    fn enter_steps(&mut self) -> Result<()> {
        if let Some(path) = self.namespaces.joined(NamespaceKind::Mount) {
            self.create.push(InitStep::JoinMountNamespace { path: path.clone() });
        }
        if self.has_userns() {
            self.create.push(InitStep::BecomeRoot);
        }
        self.create.push(InitStep::AttachCgroup);
        if self.namespaces.is_new(NamespaceKind::Cgroup) {
            self.create.push(InitStep::UnshareCgroup);
        }
        self.create.push(InitStep::NewSession);
        if self.namespaces.is_new(NamespaceKind::Network) {
            self.create.push(InitStep::LoopbackUp);
        }
        if !self.spec.hostname.is_empty() {
            self.create.push(InitStep::Hostname(self.spec.hostname.clone()));
        }
        if !self.spec.domainname.is_empty() {
            self.create.push(InitStep::Domainname(self.spec.domainname.clone()));
        }
        Ok(())
    }

    /// Checks that a kernel parameter belongs to a namespace of the container.
    fn sysctl(&self, key: &str) -> Result<String> {
        let bad = |reason: &str| Err(Error::config("linux.sysctl", format!("`{key}`: {reason}")));
        let simple = key.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/".contains(&b));
        if key.is_empty() || !simple || key.contains("..") || key.starts_with('/') {
            return bad("not a parameter name");
        }
        let dotted = key.replace('/', ".");
        let owner = match dotted.as_str() {
            "kernel.domainname" | "kernel.hostname" => NamespaceKind::Uts,
            "kernel.msgmax"
            | "kernel.msgmnb"
            | "kernel.msgmni"
            | "kernel.sem"
            | "kernel.shmall"
            | "kernel.shmmax"
            | "kernel.shmmni"
            | "kernel.shm_rmid_forced" => NamespaceKind::Ipc,
            name if name.starts_with("fs.mqueue.") => NamespaceKind::Ipc,
            name if name.starts_with("net.") => NamespaceKind::Network,
            name if name.starts_with("user.max_") => NamespaceKind::User,
            _ => return bad("is not in a separate kernel namespace"),
        };
        if !self.namespaces.has(owner) {
            return bad("needs a namespace of its own of the kind it belongs to");
        }
        let slashes = if key.contains('/') { key.to_owned() } else { key.replace('.', "/") };
        Ok(slashes)
    }

    /// Root file system, mounts, devices.
    fn mount_steps(&mut self) -> Result<()> {
        let propagation = self.root_propagation()?;
        // A shared root would let the container's mounts flow back to the host.
        let inherited = match propagation {
            propagation::SLAVE | propagation::SHARED => propagation::SLAVE,
            _ => propagation::PRIVATE,
        };
        self.create.push(InitStep::RootPropagation { propagation: inherited });
        self.create.push(InitStep::AttachRootfs);
        let mut own_dev = false;
        for mount in &self.spec.mounts {
            own_dev |= self.mount(mount)?;
        }
        if !own_dev {
            self.devices_in_place()?;
        }
        if !self.is_bind("/dev") {
            self.create.push(InitStep::DevSymlinks);
        }
        Ok(())
    }

    fn is_bind(&self, destination: &str) -> bool {
        self.spec
            .mounts
            .iter()
            .any(|mount| mount.destination.trim_end_matches('/') == destination && is_bind(mount))
    }

    /// Plans one mount; returns whether it is a `/dev` that the creator fills.
    fn mount(&mut self, mount: &Mount) -> Result<bool> {
        let mut options = Options::parse(&mount.options);
        let destination = mount::destination(mount)?;
        if options.bind || mount.kind == "bind" {
            self.bind(mount, options, destination)?;
            return Ok(false);
        }
        if matches!(mount.kind.as_str(), "cgroup" | "cgroup2") {
            let attributes = options.attr.set | options.recursive_attr.set;
            self.create.push(InitStep::MountCgroup { destination, attributes });
            return Ok(false);
        }
        if mount.kind.is_empty() {
            return Err(Error::config("mounts", format!("`{destination}`: the type is missing")));
        }
        self.label(&mount.kind, &mut options);
        let plain_dev = destination == "/dev" && mount.kind == "tmpfs" && !options.copy_up;
        if plain_dev && self.namespaces.joined(NamespaceKind::User).is_none() {
            self.dev(options, destination)?;
            return Ok(true);
        }
        self.create.push(InitStep::Mount(Box::new(MountPlan {
            destination,
            propagation: options.propagation,
            copy_up: options.copy_up && mount.kind == "tmpfs",
            source: MountSource::New {
                kind: mount.kind.clone(),
                source: mount.source.clone(),
                options: options.data,
                attributes: options.attr.set | options.recursive_attr.set,
            },
        })));
        Ok(false)
    }

    /// Gives a new file system the container's SELinux label, but for those that the policy itself
    /// labels and that refuse the option.
    fn label(&self, kind: &str, options: &mut Options) {
        let label = &self.linux.mount_label;
        if label.is_empty() || matches!(kind, "proc" | "sysfs" | "mqueue") {
            return;
        }
        let has_own =
            |option: &FsOption| matches!(option, FsOption::Value(name, _) if name == "context");
        if !options.data.iter().any(has_own) {
            options.data.push(FsOption::Value("context".to_owned(), label.clone()));
        }
    }

    fn bind(&mut self, mount: &Mount, options: Options, destination: String) -> Result<()> {
        if let Some(option) = options.data.first() {
            let name = match option {
                FsOption::Flag(name) | FsOption::Value(name, _) => name,
            };
            let reason =
                format!("`{destination}`: option `{name}` has no meaning for a bind mount");
            return Err(Error::config("mounts", reason));
        }
        if mount.source.is_empty() {
            return Err(Error::config("mounts", format!("`{destination}`: the source is missing")));
        }
        let idmap = if !mount.uid_mappings.is_empty() || !mount.gid_mappings.is_empty() {
            Some(mount::id_maps(&mount.uid_mappings, &mount.gid_mappings))
        } else if options.idmap.is_some() {
            Some(self.maps.clone())
        } else {
            None
        };
        let slot = self.slot();
        self.prepare.push(HostStep::OpenTree {
            slot,
            source: self.facts.bundle.join(&mount.source),
            recursive: options.recursive,
            attr: options.attr,
            recursive_attr: options.recursive_attr,
            idmap,
            propagation: match options.propagation {
                0 => (propagation::PRIVATE, true),
                word => (word, options.recursive_propagation),
            },
        });
        self.create.push(InitStep::Mount(Box::new(MountPlan {
            destination,
            source: MountSource::Prepared(slot),
            propagation: 0,
            copy_up: false,
        })));
        Ok(())
    }

    fn dev(&mut self, options: Options, destination: String) -> Result<()> {
        let slot = self.slot();
        let (nodes, elsewhere): (Vec<_>, Vec<_>) = device::nodes(&self.linux.devices)?
            .into_iter()
            .partition(|node| node.path.starts_with("/dev/"));
        let shift = |(uid, gid)| (outside(&self.maps.uid, uid), outside(&self.maps.gid, gid));
        let nodes = nodes.into_iter().map(|node| DeviceNode { owner: shift(node.owner), ..node });
        self.prepare.push(HostStep::MakeDev {
            slot,
            options: options.data,
            attributes: options.attr.set & !attr::NODEV,
            owner: shift((0, 0)),
            nodes: nodes.collect(),
        });
        self.create.push(InitStep::Mount(Box::new(MountPlan {
            destination,
            source: MountSource::Prepared(slot),
            propagation: options.propagation,
            copy_up: false,
        })));
        for node in elsewhere {
            if self.has_userns() {
                let reason = format!("`{}`: only below /dev in a user namespace", node.path);
                return Err(Error::config("linux.devices", reason));
            }
            self.create.push(InitStep::Device(node));
        }
        Ok(())
    }

    /// Devices where `/dev` is the image's or a bind mount: nodes made in place, or the host's
    /// nodes bound where a user namespace forbids `mknod`.
    fn devices_in_place(&mut self) -> Result<()> {
        let configured = device::nodes(&self.linux.devices)?;
        if self.is_bind("/dev") {
            return Ok(());
        }
        for node in configured {
            if !self.has_userns() {
                self.create.push(InitStep::Device(node));
                continue;
            }
            let slot = self.slot();
            self.prepare.push(HostStep::OpenTree {
                slot,
                source: PathBuf::from(&node.path),
                recursive: false,
                attr: AttrChange::default(),
                recursive_attr: AttrChange::default(),
                idmap: None,
                propagation: (propagation::PRIVATE, true),
            });
            self.create.push(InitStep::Mount(Box::new(MountPlan {
                destination: node.path,
                source: MountSource::Prepared(slot),
                propagation: 0,
                copy_up: false,
            })));
        }
        Ok(())
    }

    fn root_propagation(&self) -> Result<u64> {
        let word = self.linux.rootfs_propagation.as_str();
        if word.is_empty() {
            return Ok(propagation::PRIVATE);
        }
        mount::parse_propagation(word).map(|(value, _)| value).ok_or_else(|| {
            Error::config("linux.rootfsPropagation", format!("unknown word `{word}`"))
        })
    }

    /// Hooks, masks, terminal, root.
    fn finish_steps(&mut self) -> Result<()> {
        if let Some(process) = &self.spec.process
            && Path::new(&process.cwd) != Path::new("/")
        {
            self.create.push(InitStep::MakeCwd(process.cwd.clone()));
        }
        self.create.push(InitStep::RuntimeHooks);
        self.create.push(InitStep::CreateContainerHooks);
        if self.spec.process.as_ref().is_some_and(|process| process.terminal) {
            self.create.push(InitStep::Console);
        }
        if !self.linux.masked_paths.is_empty() {
            self.prepare.push(HostStep::MakeMasks);
        }
        for path in &self.linux.readonly_paths {
            self.create.push(InitStep::ReadonlyPath(path.clone()));
        }
        for path in &self.linux.masked_paths {
            self.create.push(InitStep::Mask(path.clone()));
        }
        // After the last mount: each detached one counts as a mount namespace, whose number
        // `user.max_mnt_namespaces` may limit; before the host's /proc goes.
        for (key, value) in &self.linux.sysctl {
            let path = self.sysctl(key)?;
            self.create.push(InitStep::Sysctl { path, value: value.clone() });
        }
        let propagation = self.root_propagation()?;
        self.create.push(match self.facts.no_pivot {
            true => InitStep::MoveRoot,
            false => InitStep::PivotRoot,
        });
        if propagation != propagation::PRIVATE {
            self.create.push(InitStep::RootfsPropagation { propagation });
        }
        if self.spec.root.as_ref().is_some_and(|root| root.readonly) {
            self.create.push(InitStep::ReadonlyRoot);
        }
        if !self.facts.no_new_keyring {
            self.create.push(InitStep::NewKeyring);
        }
        Ok(())
    }

    /// Namespaces that the creator joins or makes for its child, last of its preparations: all
    /// host paths have been opened by then.
    fn namespace_steps(&mut self) {
        if self.namespaces.is_new(NamespaceKind::Time) {
            let offsets = self.linux.time_offsets.clone();
            self.prepare.push(HostStep::UnshareTime { offsets });
        }
        let joined: Vec<_> = self
            .namespaces
            .joined_by_creator()
            .map(|(kind, path)| HostStep::JoinNamespace { kind, path: path.clone() })
            .collect();
        self.prepare.extend(joined);
    }

    fn admit_steps(&self, process: Option<&ProcessPlan>) -> Vec<HostStep> {
        let mut steps = Vec::new();
        if self.namespaces.is_new(NamespaceKind::User) {
            steps.push(HostStep::MapIds { maps: self.maps.clone() });
        }
        if let Some(value) = process.and_then(|process| process.oom_score_adj) {
            steps.push(HostStep::OomScore { value });
        }
        steps
    }
}

fn is_bind(mount: &Mount) -> bool {
    mount.kind == "bind" || mount.options.iter().any(|o| matches!(o.as_str(), "bind" | "rbind"))
}

/// Maps an inside id to the host's; without a map they are the same.
fn outside(extents: &[brig_sys::userns::Extent], inside: u32) -> u32 {
    extents
        .iter()
        .find(|extent| inside >= extent.inside && inside - extent.inside < extent.count)
        .map_or(inside, |extent| extent.outside.saturating_add(inside - extent.inside))
}
