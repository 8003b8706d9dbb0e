// SPDX-License-Identifier: Apache-2.0
//! The steps a plan consists of.

use super::{DeviceNode, MountPlan, NamespaceKind, ProcessPlan};
use brig_spec::runtime::{Resources, Seccomp, TimeOffset};
use brig_sys::mount::{AttrChange, FsOption};
use brig_sys::userns::Extent;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Everything needed to make one container, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Creator, before the clone: descriptors of everything the host contributes.
    pub prepare: Vec<HostStep>,
    /// User namespace that the container joins before any other is made.
    pub join_user: Option<PathBuf>,
    /// Namespaces made by the clone.
    pub new_namespaces: Vec<NamespaceKind>,
    /// Creator, after the clone, before init goes on.
    pub admit: Vec<HostStep>,
    /// Init, up to the state `created`.
    pub create: Vec<InitStep>,
    /// Init, from `start` to the user's program.
    pub start: Vec<InitStep>,
    /// The user's program; absent: the container cannot be started, only created.
    pub process: Option<ProcessPlan>,
}

/// Number of a detached mount made by the creator and attached by init.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TreeSlot(pub usize);

/// Id maps of a user namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IdMaps {
    /// User ids.
    pub uid: Vec<Extent>,
    /// Group ids.
    pub gid: Vec<Extent>,
}

/// A step of the creator.
#[derive(Debug, Clone, PartialEq)]
pub enum HostStep {
    /// Re-execute from a read-only detached mount, so that the runtime's binary cannot be
    /// written through `/proc/self/exe` by a container whose root is the host's (CVE-2019-5736).
    SealSelf,
    /// Clone the root file system's mount tree.
    OpenRootfs {
        /// Absolute host path.
        path: PathBuf,
    },
    /// Clone a host tree for a bind mount.
    OpenTree {
        /// Where the result goes.
        slot: TreeSlot,
        /// Absolute host path.
        source: PathBuf,
        /// With everything mounted below it.
        recursive: bool,
        /// Change of the top mount.
        attr: AttrChange,
        /// Change of the top mount and all below it.
        recursive_attr: AttrChange,
        /// Ids to shift by.
        idmap: Option<IdMaps>,
        /// Propagation, from [`brig_sys::mount::propagation`], and whether it is that of
        /// everything mounted below, too.
        propagation: (u64, bool),
    },
    /// Make `/dev`: a tmpfs with brig's own device nodes, never the image's.
    MakeDev {
        /// Where the result goes.
        slot: TreeSlot,
        /// Options of the tmpfs.
        options: Vec<FsOption>,
        /// Attributes of the mount.
        attributes: u64,
        /// Nodes, owners as the host sees them.
        nodes: Vec<DeviceNode>,
        /// Host owner of `/dev` itself.
        owner: (u32, u32),
    },
    /// Make the two objects that masked paths show: a null device and an empty directory.
    MakeMasks,
    /// Make the container's cgroup and set its limits.
    CreateCgroup {
        /// Path as configured; empty: derived from the container's id.
        path: String,
        /// Limits.
        resources: Box<Resources>,
    },
    /// Clone the cgroup's directories, to show them inside.
    OpenCgroupTrees {
        /// Mount attributes.
        attributes: u64,
        /// Whether the cgroup namespace is the container's own; on v2 the host's shows all.
        private: bool,
    },
    /// Compile the system call filter.
    CompileSeccomp {
        /// The profile.
        profile: Box<Seccomp>,
    },
    /// Make a time namespace for the child and set its clocks.
    UnshareTime {
        /// Offsets by clock.
        offsets: BTreeMap<String, TimeOffset>,
    },
    /// Join a namespace in the creator, so that the clone is born in it.
    JoinNamespace {
        /// Kind.
        kind: NamespaceKind,
        /// Path.
        path: PathBuf,
    },
    /// Write the id maps of the new user namespace.
    MapIds {
        /// Maps.
        maps: IdMaps,
    },
    /// Set the OOM score adjustment of init.
    OomScore {
        /// -1000 to 1000.
        value: i32,
    },
}

/// A step of the container's init.
#[derive(Debug, Clone, PartialEq)]
pub enum InitStep {
    /// Join a mount namespace by path.
    JoinMountNamespace {
        /// Index is fixed: there is at most one.
        path: PathBuf,
    },
    /// Become uid 0 and gid 0 of the user namespace.
    BecomeRoot,
    /// Move into the cgroup through descriptors opened by the creator.
    AttachCgroup,
    /// Make a cgroup namespace rooted at the container's cgroup.
    UnshareCgroup,
    /// Become a session leader.
    NewSession,
    /// Bring up the loopback interface.
    LoopbackUp,
    /// Set the host name.
    Hostname(String),
    /// Set the NIS domain name.
    Domainname(String),
    /// Write a kernel parameter through the host's verified procfs.
    Sysctl {
        /// Path below `/proc/sys`.
        path: String,
        /// Value.
        value: String,
    },
    /// Cut or keep the propagation of every mount inherited from the host.
    RootPropagation {
        /// From [`brig_sys::mount::propagation`].
        propagation: u64,
    },
    /// Attach the root file system and make it the base of all following paths.
    AttachRootfs,
    /// Attach one mount at a path resolved inside the root file system.
    Mount(Box<MountPlan>),
    /// Show the container's own cgroup.
    MountCgroup {
        /// Path inside the container.
        destination: String,
        /// Mount attributes.
        attributes: u64,
    },
    /// Make a device node where `/dev` is not a fresh tmpfs of ours.
    Device(DeviceNode),
    /// Make `/dev/{fd,stdin,stdout,stderr,ptmx}`.
    DevSymlinks,
    /// Make the working directory if the image lacks it.
    MakeCwd(String),
    /// Let the creator run the hooks of the runtime namespace.
    RuntimeHooks,
    /// Run the createContainer hooks.
    CreateContainerHooks,
    /// Open the terminal, hand its master out, make it the controlling one.
    Console,
    /// Hide a path behind brig's null device or empty directory.
    Mask(String),
    /// Make a path read-only.
    ReadonlyPath(String),
    /// Make the root the container's root and drop the host's.
    PivotRoot,
    /// Make the root by `chroot` after moving it over `/` (initramfs hosts, `--no-pivot`).
    MoveRoot,
    /// Propagation of the container's root mount.
    RootfsPropagation {
        /// From [`brig_sys::mount::propagation`].
        propagation: u64,
    },
    /// Make the root mount read-only.
    ReadonlyRoot,
    /// Join a new session keyring.
    NewKeyring,
    /// Run the startContainer hooks.
    StartContainerHooks,
}
