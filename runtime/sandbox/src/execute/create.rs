// SPDX-License-Identifier: Apache-2.0
//! The creator's side of making a container.

use super::channel::{self, Channel, FromInit, ToInit};
use super::hooks::{run_hooks, state_document};
use super::host;
use super::init::{self, Init};
use super::start::Listening;
use crate::cgroup::Layout;
use crate::error::InStep;
use crate::plan::Plan;
use crate::{Error, Result};
use brig_spec::runtime::{Hooks, State, Status};
use brig_sys::process::{Child, Clone, clone3};
use brig_sys::{Context, fault};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, pidfd_send_signal, waitid,
};
use std::os::fd::{AsFd, OwnedFd};

/// Where the terminal's master goes.
#[derive(Debug)]
pub enum Console {
    /// No terminal, or one that the creator keeps ([`Created::terminal`]).
    Keep,
    /// To the peer of this connected unix socket.
    Socket(OwnedFd),
}

/// Told of the container's pid before init goes on: what is recorded by then is found again
/// whoever dies.
pub type Observer<'a> = &'a mut dyn FnMut(Pid) -> Result<()>;

/// A container to make.
pub struct Request<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Cgroup hierarchies of the machine.
    pub layout: &'a Layout,
    /// Cgroup path for a configuration without one.
    pub default_cgroup: &'a str,
    /// Hooks of the configuration.
    pub hooks: &'a Hooks,
    /// State document for hooks; status and pid are filled in.
    pub state: State,
    /// Where the terminal goes.
    pub console: Console,
    /// Number of descriptors from 3 on that the program inherits.
    pub preserve_fds: u32,
    /// Where init waits for `start`; without it the program starts at once.
    pub start: Option<Listening>,
}

/// A container that was made.
#[derive(Debug)]
pub struct Created {
    /// Host pid of init.
    pub pid: Pid,
    /// Its pidfd.
    pub pidfd: OwnedFd,
    /// The terminal's master, for [`Console::Keep`].
    pub terminal: Option<OwnedFd>,
}

/// Makes a container up to the state `created`, or, without a start socket, `running`.
///
/// # Errors
/// The failing step. Init has ended by then; cgroup directories are left to the caller, who has
/// recorded them.
pub fn create(request: Request<'_>, observer: Observer<'_>) -> Result<Created> {
    let plan = request.plan;
    let prepared = host::prepare(&plan.prepare, request.layout, request.default_cgroup)?;
    let user = match &plan.join_user {
        Some(path) => Some(host::open_namespace(path).in_step(|| "join the user namespace")?),
        None => None,
    };
    let (ours, theirs) = channel::pair()?;
    let flags = plan.new_namespaces.iter().fold(0, |bits, kind| bits | kind.flag());
    let context = Init {
        plan,
        prepared,
        hooks: request.hooks,
        state: request.state.clone(),
        console: request.console,
        preserve_fds: request.preserve_fds,
        start: request.start,
    };
    let first_flags = if user.is_some() { 0 } else { flags };
    let unified = context.prepared.cgroup.unified();
    let cloned = clone3(first_flags, unified)
        .context("clone3", || format!("flags {first_flags:#x}"))
        .in_step_hint(|| "make the container's namespaces", CLONE_HINT)?;
    let child = match cloned {
        Clone::Child => {
            drop(ours);
            init::main(context, &theirs, user.map(|namespace| (namespace, flags)))
        }
        Clone::Parent(child) => child,
    };
    drop(theirs);
    let creator = Creator {
        plan,
        hooks: request.hooks,
        state: request.state,
        channel: ours,
        waits_for_start: context.start.is_some(),
    };
    let child = creator.adopt(child)?;
    // What only init needs: its copies keep the descriptors open.
    drop(context);
    creator.accompany(child, observer)
}

const CLONE_HINT: &str = "EPERM: not root; ENOSPC: a limit in /proc/sys/user/max_*_namespaces; \
                          EINVAL: the kernel lacks a namespace kind";

struct Creator<'a> {
    plan: &'a Plan,
    hooks: &'a Hooks,
    state: State,
    channel: Channel,
    waits_for_start: bool,
}

impl Creator<'_> {
    /// With a joined user namespace the clone was an intermediate process: takes over the init
    /// that it made.
    fn adopt(&self, child: Child) -> Result<Child> {
        if self.plan.join_user.is_none() {
            return Ok(child);
        }
        let step = || "make the container's init";
        let answer = self.channel.receive::<FromInit>()?;
        waitid(WaitId::PidFd(child.pidfd.as_fd()), WaitIdOptions::EXITED)
            .context("waitid", || "intermediate process")
            .in_step(step)?;
        match answer {
            Some((FromInit::Pid(pid), _)) => {
                let pid = Pid::from_raw(pid).ok_or_else(|| {
                    Error::refused(step(), "the intermediate process gave no pid")
                })?;
                let pidfd = pidfd_open(pid, PidfdFlags::empty())
                    .context("pidfd_open", || "init")
                    .in_step(step)?;
                Ok(Child { pid, pidfd })
            }
            Some((FromInit::Failed(failure), _)) => Err(Error::Init(failure)),
            _ => Err(Error::refused(step(), "the intermediate process died")),
        }
    }

    /// Leads init from its first instruction to `created` or `running`; ends it on failure.
    fn accompany(mut self, child: Child, observer: Observer<'_>) -> Result<Created> {
        match self.lead(&child, observer) {
            Ok(terminal) => Ok(Created { pid: child.pid, pidfd: child.pidfd, terminal }),
            Err(error) => {
                // ESRCH: it has ended by itself; the first error is the one to report.
                let _ = pidfd_send_signal(&child.pidfd, Signal::KILL);
                let _ = waitid(WaitId::PidFd(child.pidfd.as_fd()), WaitIdOptions::EXITED);
                Err(error)
            }
        }
    }

    fn lead(&mut self, child: &Child, observer: Observer<'_>) -> Result<Option<OwnedFd>> {
        fault::point("oci.cloned").in_step(|| "lead init")?;
        host::admit(&self.plan.admit, child.pid)?;
        observer(child.pid)?;
        fault::point("oci.recorded").in_step(|| "lead init")?;
        self.state.pid = child.pid.as_raw_nonzero().get();
        self.channel.send(&ToInit::Go(self.state.pid), None)?;
        let mut terminal = None;
        let mut ready = false;
        loop {
            match self.channel.receive::<FromInit>()? {
                Some((FromInit::RuntimeHooks, _)) => {
                    self.runtime_hooks()?;
                    self.channel.send(&ToInit::HooksDone, None)?;
                }
                Some((FromInit::Terminal, fd)) => terminal = fd,
                // Waiting for `start`, or about to execute: then the end of the channel is the news.
                Some((FromInit::Ready, _)) if self.waits_for_start => return Ok(terminal),
                Some((FromInit::Ready, _)) => ready = true,
                Some((FromInit::Failed(failure), _)) => return Err(Error::Init(failure)),
                Some((FromInit::Pid(_), _)) => {
                    return Err(Error::refused("lead init", "message out of order"));
                }
                None if ready => return Ok(terminal),
                None => return Err(Error::refused("make the container", died(child))),
            }
        }
    }

    fn runtime_hooks(&self) -> Result<()> {
        let creating = state_document(&self.state, Status::Creating);
        run_hooks("prestart", &self.hooks.prestart, &creating)?;
        run_hooks("createRuntime", &self.hooks.create_runtime, &creating)
    }
}

/// Says how init ended without a word.
fn died(child: &Child) -> String {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    let status = waitid(WaitId::PidFd(child.pidfd.as_fd()), options).ok().flatten();
    match status.and_then(|status| status.terminating_signal()) {
        Some(9) => "the container's init was killed; is the memory limit too small?".to_owned(),
        Some(signal) => format!("the container's init was ended by signal {signal}"),
        None => "the container's init ended unexpectedly".to_owned(),
    }
}
