// SPDX-License-Identifier: Apache-2.0
//! `exec`: a further process in a running container.
//!
//! The creator joins the container's PID namespace for its children, clones once, and the child
//! moves itself into the cgroup and all other namespaces.

use super::channel::{self, Channel, FromInit, ToInit};
use super::create::{Console, Created, Observer};
use super::host::{self, Filter, oom_score, open_proc};
use super::{init, process};
use crate::cgroup::{Cgroup, Layout};
use crate::error::InStep;
use crate::plan::{NamespaceKind, ProcessPlan};
use crate::rootfs::{Root, open_console};
use crate::{Error, Result};
use brig_spec::runtime::Seccomp;
use brig_sys::process::{Child, Clone, clone3, exit_now};
use brig_sys::{Context, fault};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Signal, WaitId, WaitIdOptions, pidfd_send_signal, waitid};
use rustix::thread::{ThreadNameSpaceType, move_into_thread_name_spaces};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

/// A process to add to a running container.
pub struct EnterRequest<'a> {
    /// Pidfd of the container's init.
    pub init: BorrowedFd<'a>,
    /// Kinds of namespaces that the container does not share with the host.
    pub namespaces: &'a [NamespaceKind],
    /// Cgroup hierarchies of the machine.
    pub layout: &'a Layout,
    /// The container's recorded cgroup directories.
    pub cgroup: &'a [PathBuf],
    /// The process.
    pub process: &'a ProcessPlan,
    /// The container's system call filter.
    pub seccomp: Option<&'a Seccomp>,
    /// Where the terminal goes.
    pub console: Console,
    /// Number of descriptors from 3 on that the program inherits.
    pub preserve_fds: u32,
}

/// A process that was added.
pub type Entered = Created;

/// Adds a process; returns when its program runs.
///
/// # Errors
/// The failing step; the process has ended by then.
pub fn enter(request: EnterRequest<'_>, observer: Observer<'_>) -> Result<Entered> {
    let proc = open_proc()?;
    let cgroup = Cgroup::open(request.layout, request.cgroup)?;
    let tasks = cgroup.open_tasks()?;
    let filter = request.seccomp.map(host::compile_filter).transpose()?;
    if request.namespaces.contains(&NamespaceKind::Pid) {
        move_into_thread_name_spaces(request.init, ThreadNameSpaceType::PROCESS_ID)
            .context("setns", || "pid")
            .in_step(|| "join the container's PID namespace")?;
    }
    let (ours, theirs) = channel::pair()?;
    let cloned = clone3(0, cgroup.unified())
        .context("clone3", || "into the cgroup")
        .in_step(|| "make the process")?;
    match cloned {
        Clone::Child => {
            drop(ours);
            let entering = Entering { request, proc, tasks, filter };
            let error = entering.run(&theirs);
            // Nobody may be listening any more; the exit code says it too.
            drop(theirs.send(&FromInit::Failed(error.to_failure()), None));
            exit_now(i32::from(error.kind().exit_code()))
        }
        Clone::Parent(child) => {
            drop(theirs);
            lead(child, &ours, request.process, observer)
        }
    }
}

fn lead(
    child: Child,
    channel: &Channel,
    process: &ProcessPlan,
    observer: Observer<'_>,
) -> Result<Entered> {
    match accompany(&child, channel, process, observer) {
        Ok(terminal) => Ok(Created { pid: child.pid, pidfd: child.pidfd, terminal }),
        Err(error) => {
            // ESRCH: it has ended by itself; the first error is the one to report.
            let _ = pidfd_send_signal(&child.pidfd, Signal::KILL);
            let _ = waitid(WaitId::PidFd(child.pidfd.as_fd()), WaitIdOptions::EXITED);
            Err(error)
        }
    }
}

fn accompany(
    child: &Child,
    channel: &Channel,
    process: &ProcessPlan,
    observer: Observer<'_>,
) -> Result<Option<OwnedFd>> {
    fault::point("oci.entered").in_step(|| "enter the container")?;
    if let Some(value) = process.oom_score_adj {
        oom_score(child.pid, value)?;
    }
    observer(child.pid)?;
    channel.send(&ToInit::Go(child.pid.as_raw_nonzero().get()), None)?;
    let (mut terminal, mut ready) = (None, false);
    loop {
        match channel.receive::<FromInit>()? {
            Some((FromInit::Terminal, fd)) => terminal = fd,
            Some((FromInit::Ready, _)) => ready = true,
            Some((FromInit::Failed(failure), _)) => return Err(Error::Init(failure)),
            None if ready => return Ok(terminal),
            _ => return Err(Error::refused("enter the container", "the process died")),
        }
    }
}

/// The new process, on its way in.
struct Entering<'a> {
    request: EnterRequest<'a>,
    proc: OwnedFd,
    tasks: Vec<OwnedFd>,
    filter: Option<Filter>,
}

impl Entering<'_> {
    /// Returns only with the reason why the program did not come to run.
    fn run(mut self, channel: &Channel) -> Error {
        match self.prepare(channel) {
            Err(error) => error,
            Ok(()) => process::execute(
                self.request.process,
                self.filter.as_ref(),
                &self.proc,
                self.request.preserve_fds,
            ),
        }
    }

    fn prepare(&mut self, channel: &Channel) -> Result<()> {
        init::set_undumpable()?;
        match channel.receive::<ToInit>()? {
            Some((ToInit::Go(_), _)) => {}
            _ => return Err(Error::refused("enter the container", "the creator is gone")),
        }
        for tasks in self.tasks.drain(..) {
            rustix::io::write(&tasks, b"0")
                .context("write", || "tasks, 0")
                .in_step(|| "enter the container's cgroup")?;
        }
        self.join()?;
        let process = self.request.process;
        rustix::process::setsid()
            .map(drop)
            .context("setsid", || "")
            .in_step(|| "make a session")?;
        if process.terminal {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let root = rustix::fs::open(c"/", flags, Mode::empty())
                .context("open", || "/")
                .in_step(|| "open the container's root")?;
            let root = Root::new(root);
            let terminal = open_console(&root, process.console_size, process.user.uid, false)?;
            init::hand_out(&terminal.master, &self.request.console, channel)?;
            process::take_terminal(&terminal.slave)?;
        }
        process::before_start(process, None)?;
        channel.send(&FromInit::Ready, None)
    }

    /// Joins everything but the PID namespace in one call, the user namespace first: the kernel
    /// orders them.
    fn join(&self) -> Result<()> {
        let mut which = ThreadNameSpaceType::empty();
        for kind in self.request.namespaces {
            which |= match kind {
                NamespaceKind::User => ThreadNameSpaceType::USER,
                NamespaceKind::Mount => ThreadNameSpaceType::MOUNT,
                NamespaceKind::Network => ThreadNameSpaceType::NETWORK,
                NamespaceKind::Ipc => ThreadNameSpaceType::INTER_PROCESS_COMMUNICATION,
                NamespaceKind::Uts => ThreadNameSpaceType::HOST_NAME_AND_NIS_DOMAIN_NAME,
                NamespaceKind::Cgroup => ThreadNameSpaceType::CONTROL_GROUP,
                NamespaceKind::Time => ThreadNameSpaceType::TIME,
                NamespaceKind::Pid => continue,
            };
        }
        move_into_thread_name_spaces(self.request.init, which)
            .context("setns", || format!("{which:?}"))
            .in_step_hint(
                || "join the container's namespaces",
                "the container may have just ended",
            )?;
        if self.request.namespaces.contains(&NamespaceKind::User) {
            init::become_root()?;
        }
        Ok(())
    }
}
