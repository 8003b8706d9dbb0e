// SPDX-License-Identifier: Apache-2.0
//! The container's init, from its first instruction to `execve`.
//!
//! Who runs here: a copy of the creator, alone in the new namespaces. Until `BecomeRoot` it has
//! full capabilities in its user namespace (if any) but no mapped id. It is not dumpable, so no
//! process of the container can look into it or through its descriptors.

use super::channel::{Channel, FromInit, ToInit};
use super::create::Console;
use super::hooks::{run_hooks, state_document};
use super::host::{self, Prepared};
use super::start::Listening;
use super::{mounts, process};
use crate::error::InStep;
use crate::plan::{InitStep, NamespaceKind, Plan};
use crate::rootfs::{self, Root};
use crate::{Error, Result};
use brig_spec::runtime::{Hooks, State, Status};
use brig_sys::mount::{self, AttrChange, attr};
use brig_sys::process::{Clone, clone3, exit_now, flags};
use brig_sys::{Context, fault, keyring, net};
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use rustix::thread::{Gid, Uid, set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};

/// What init was born with.
pub(super) struct Init<'a> {
    pub(super) plan: &'a Plan,
    pub(super) prepared: Prepared,
    pub(super) hooks: &'a Hooks,
    pub(super) state: State,
    pub(super) console: Console,
    pub(super) preserve_fds: u32,
    pub(super) start: Option<Listening>,
}

/// Runs init; never returns. `user` is a user namespace to join first, with the flags of the
/// namespaces to make inside it.
pub(super) fn main(init: Init<'_>, channel: &Channel, user: Option<(OwnedFd, u64)>) -> ! {
    let result = match user {
        Some((namespace, flags)) => intermediate(init, channel, &namespace, flags),
        None => Running::new(init, channel).run(),
    };
    fail(channel, &result)
}

fn fail(channel: &Channel, error: &Error) -> ! {
    // Nobody may be listening any more; the exit code says it too.
    drop(channel.send(&FromInit::Failed(error.to_failure()), None));
    exit_now(1)
}

/// Joins the user namespace, then makes init as its sibling (CLONE_PARENT): namespaces made
/// there belong to the joined user namespace.
fn intermediate(init: Init<'_>, channel: &Channel, namespace: &OwnedFd, new: u64) -> Error {
    let made = set_undumpable()
        .and_then(|()| {
            host::move_into(namespace, NamespaceKind::User).in_step(|| "join the user namespace")
        })
        .and_then(|()| {
            clone3(new | flags::PARENT, None)
                .context("clone3", || format!("flags {new:#x}, CLONE_PARENT"))
                .in_step(|| "make the container's namespaces")
        });
    match made {
        Err(error) => error,
        Ok(Clone::Child) => Running::new(init, channel).run(),
        Ok(Clone::Parent(child)) => {
            let pid = child.pid.as_raw_nonzero().get();
            match channel.send(&FromInit::Pid(pid), None) {
                Ok(()) => exit_now(0),
                Err(_) => exit_now(1),
            }
        }
    }
}

pub(super) fn set_undumpable() -> Result<()> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .context("prctl", || "PR_SET_DUMPABLE, 0")
        .in_step(|| "shield init")
}

/// Init at work.
struct Running<'a> {
    init: Init<'a>,
    channel: &'a Channel,
    root: Option<Root>,
    terminal: Option<OwnedFd>,
}

impl<'a> Running<'a> {
    fn new(init: Init<'a>, channel: &'a Channel) -> Self {
        Self { init, channel, root: None, terminal: None }
    }

    /// Runs all stages; returns only with an error that is still to be reported.
    fn run(mut self) -> Error {
        if let Err(error) = self.create() {
            return error;
        }
        let connection = match self.init.start.take() {
            None => None,
            Some(listening) => {
                if let Err(error) = self.channel.send(&FromInit::Ready, None) {
                    return error;
                }
                match listening.wait() {
                    Ok(connection) => Some(connection),
                    Err(error) => return error,
                }
            }
        };
        let error = match self.start(connection.is_none()) {
            Ok(never) => match never {},
            Err(error) => error,
        };
        match connection {
            None => error,
            Some(connection) => {
                connection.fail(&error);
                exit_now(i32::from(error.kind().exit_code()))
            }
        }
    }

    fn create(&mut self) -> Result<()> {
        set_undumpable()?;
        match self.channel.receive::<ToInit>()? {
            Some((ToInit::Go(pid), _)) => self.init.state.pid = pid,
            _ => return Err(Error::refused("start init", "the creator is gone")),
        }
        fault::point("oci.init").in_step(|| "start init")?;
        let plan = self.init.plan;
        for step in &plan.create {
            self.step(step)?;
        }
        if let Some(process) = &plan.process {
            process::before_start(process, self.terminal.as_ref())?;
        }
        fault::point("oci.created").in_step(|| "create the container")
    }

    fn start(&mut self, announce: bool) -> Result<std::convert::Infallible> {
        for step in &self.init.plan.start {
            self.step(step)?;
        }
        let Some(process) = &self.init.plan.process else {
            return Err(Error::config("process", "missing; the container cannot be started"));
        };
        if announce {
            self.channel.send(&FromInit::Ready, None)?;
        }
        let prepared = &self.init.prepared;
        let proc = prepared.proc.as_ref().expect("the creator opened /proc first");
        Err(process::execute(process, prepared.filter.as_ref(), proc, self.init.preserve_fds))
    }

    fn step(&mut self, step: &InitStep) -> Result<()> {
        let text = || step.to_string();
        match step {
            InitStep::JoinMountNamespace { path } => {
                let fd = host::open_namespace(path).in_step(text)?;
                host::move_into(&fd, NamespaceKind::Mount).in_step(text)
            }
            InitStep::BecomeRoot => become_root(),
            InitStep::AttachCgroup => self.attach_cgroup(),
            InitStep::UnshareCgroup => brig_sys::process::unshare(flags::NEWCGROUP)
                .context("unshare", || "CLONE_NEWCGROUP")
                .in_step(text),
            InitStep::NewSession => {
                rustix::process::setsid().map(drop).context("setsid", || "").in_step(text)
            }
            InitStep::LoopbackUp => net::loopback_up().in_step(text),
            InitStep::Hostname(name) => rustix::system::sethostname(name.as_bytes())
                .context("sethostname", || name.as_str())
                .in_step(text),
            InitStep::Domainname(name) => rustix::system::setdomainname(name.as_bytes())
                .context("setdomainname", || name.as_str())
                .in_step(text),
            InitStep::Sysctl { path, value } => self.sysctl(path, value).in_step(text),
            InitStep::RootPropagation { propagation } => {
                mount::set_propagation(c"/", *propagation, true).in_step(text)
            }
            InitStep::NewKeyring => {
                // An id has no zero byte; were there one, the kernel would choose the name.
                let name = CString::new(format!("_ses.{}", self.init.state.id));
                keyring::join_new_session(&name.unwrap_or_default()).in_step(text)
            }
            InitStep::RuntimeHooks => self.runtime_hooks(),
            InitStep::CreateContainerHooks => {
                let state = state_document(&self.init.state, Status::Creating);
                run_hooks("createContainer", &self.init.hooks.create_container, &state)
            }
            InitStep::StartContainerHooks => {
                let state = state_document(&self.init.state, Status::Created);
                run_hooks("startContainer", &self.init.hooks.start_container, &state)
            }
            _ => self.root_step(step),
        }
    }

    /// Steps that work on the root file system.
    fn root_step(&mut self, step: &InitStep) -> Result<()> {
        let text = || step.to_string();
        if matches!(step, InitStep::AttachRootfs) {
            self.root = Some(mounts::attach_rootfs(&mut self.init.prepared)?);
            return Ok(());
        }
        let prepared = &mut self.init.prepared;
        let root = self.root.as_ref().expect("every plan attaches the root before it is used");
        match step {
            InitStep::Mount(plan) => mounts::attach(root, plan, &mut prepared.trees),
            InitStep::MountCgroup { destination, attributes } => {
                mounts::attach_cgroup(root, &mut prepared.cgroup_trees, destination, *attributes)
            }
            InitStep::Device(node) => rootfs::make_node(root, node),
            InitStep::DevSymlinks => rootfs::dev_symlinks(root),
            InitStep::MakeCwd(path) => root.make_dirs(path, false).map(drop).in_step(text),
            InitStep::Mask(path) => {
                let masks = prepared.masks.as_mut().expect("a plan with masks makes them first");
                rootfs::mask(root, masks, path)
            }
            InitStep::ReadonlyPath(path) => rootfs::readonly_path(root, path),
            InitStep::Console => self.console(),
            InitStep::PivotRoot => pivot(root),
            InitStep::MoveRoot => mounts::move_root(root),
            InitStep::RootfsPropagation { propagation } => {
                mount::set_propagation(c"/", *propagation, true).in_step(text)
            }
            InitStep::ReadonlyRoot => {
                let change = AttrChange { set: attr::RDONLY, ..AttrChange::default() };
                mount::set_attr(root.as_fd(), change, false).in_step(text)
            }
            _ => Err(Error::refused(text(), "not a step of the root file system")),
        }
    }

    /// Writes `0` to each `tasks` file: the writer moves itself. On v2 init was born in the group,
    /// or its intermediate parent was.
    fn attach_cgroup(&mut self) -> Result<()> {
        for tasks in self.init.prepared.tasks.drain(..) {
            rustix::io::write(&tasks, b"0")
                .context("write", || "tasks, 0")
                .in_step(|| "enter the cgroup")?;
        }
        Ok(())
    }

    /// The procfs is the host's, verified by the creator; namespaced parameters are those of
    /// the writer's namespaces.
    fn sysctl(&self, path: &str, value: &str) -> std::result::Result<(), brig_sys::SysError> {
        let proc = self.init.prepared.proc.as_ref().expect("the creator opened /proc first");
        let path = format!("sys/{path}");
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        let flags = OFlags::WRONLY | OFlags::CLOEXEC;
        let fd = openat2(proc, path.as_str(), flags, Mode::empty(), resolve)
            .context("openat2", || path.as_str())?;
        rustix::io::write(&fd, value.as_bytes())
            .map(drop)
            .context("write", || format!("{path}, {value}"))
    }

    fn runtime_hooks(&self) -> Result<()> {
        if self.init.hooks.prestart.is_empty() && self.init.hooks.create_runtime.is_empty() {
            return Ok(());
        }
        self.channel.send(&FromInit::RuntimeHooks, None)?;
        match self.channel.receive::<ToInit>()? {
            Some((ToInit::HooksDone, _)) => Ok(()),
            _ => Err(Error::refused("run the hooks", "the creator is gone")),
        }
    }

    fn console(&mut self) -> Result<()> {
        let root = self.root.as_ref().expect("every plan attaches the root before it is used");
        let process = self.init.plan.process.as_ref();
        let size = process.and_then(|process| process.console_size);
        let owner = process.map_or(0, |process| process.user.uid);
        let terminal = rootfs::open_console(root, size, owner, true)?;
        hand_out(&terminal.master, &self.init.console, self.channel)?;
        self.terminal = Some(terminal.slave);
        Ok(())
    }
}

/// Sends the terminal's master to whom the caller named.
pub(super) fn hand_out(master: &OwnedFd, console: &Console, channel: &Channel) -> Result<()> {
    match console {
        Console::Keep => channel.send(&FromInit::Terminal, Some(master.as_fd())),
        Console::Socket(socket) => super::start::send_terminal(socket, master),
    }
}

fn pivot(root: &Root) -> Result<()> {
    let step = || "pivot to the new root";
    rustix::process::fchdir(root).context("fchdir", || "root").in_step(step)?;
    mount::pivot_to_cwd()
        .in_step_hint(step, "on an initramfs the root cannot be pivoted: use `--no-pivot`")
}

/// Becomes uid 0 and gid 0 of the user namespace, without supplementary groups.
pub(super) fn become_root() -> Result<()> {
    let step = || "become root of the user namespace";
    let (uid, gid) = (Uid::ROOT, Gid::ROOT);
    match set_thread_groups(&[]) {
        // `setgroups` is denied in a namespace that an unprivileged caller mapped.
        Ok(()) | Err(rustix::io::Errno::PERM) => {}
        Err(errno) => return Err(errno).context("setgroups", || "none").in_step(step),
    }
    set_thread_res_gid(gid, gid, gid).context("setresgid", || "0").in_step(step)?;
    set_thread_res_uid(uid, uid, uid).context("setresuid", || "0").in_step(step)
}
