// SPDX-License-Identifier: Apache-2.0
//! From the launch record to a running container, and back when a step fails.

use crate::attach::{Clients, socket};
use crate::cgroup::OomCounter;
use crate::console::{ConsoleError, ConsoleSocket};
use crate::init::Init;
use crate::launch::Run;
use crate::log::{Log, UnknownDriver, json_file::Stream};
use crate::rootfs::{self, Layers, Overlay, RootfsError};
use crate::runtime::{Runtime, RuntimeError, explanation_from_stderr};
use crate::status::Recorder;
use crate::stdio::{self, ContainerEnds, Endpoint, Output, Stdio};
use brig_spec::monitor::{Rootfs, run_files};
use brig_spec::runtime::IdMapping;
use brig_sys::{Context, SysError, fault, proc};
use rustix::fs::{Gid, Mode, Uid, mkdirat};
use rustix::io::Errno;
use std::os::fd::{AsFd, OwnedFd};

/// Why a container did not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// A system call failed.
    #[error(transparent)]
    System(#[from] SysError),
    /// The status record cannot be written.
    #[error(transparent)]
    State(#[from] brig_state::Error),
    /// The root file system cannot be mounted.
    #[error(transparent)]
    Rootfs(#[from] RootfsError),
    /// The log cannot be opened.
    #[error(transparent)]
    Log(#[from] UnknownDriver),
    /// The runtime said no.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// There is no terminal.
    #[error(transparent)]
    Console(#[from] ConsoleError),
    /// The runtime reported a process that does not exist.
    #[error("the container's init, pid {pid}, does not exist")]
    InitGone { pid: i32 },
}

impl StartError {
    /// Returns Docker's exit code for the failure.
    pub(crate) fn exit_code(&self) -> i32 {
        match self {
            Self::Runtime(error) => error.exit_code(),
            _ => 125,
        }
    }

    /// Returns what may help, empty when nothing is known to.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::Runtime(RuntimeError::Execute { .. }) => {
                "install the OCI runtime or name another one with `--runtime`"
            }
            Self::State(_) => "free some space, see `df`",
            Self::Rootfs(RootfsError::System(error)) if error.call == "mount_setattr" => {
                "the data root's file system cannot shift ids: move BRIG_ROOT to ext4, xfs or \
                 btrfs (tmpfs from Linux 6.3), or use `--userns host`"
            }
            _ => "",
        }
    }
}

/// Everything that serves a running container.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) init: Init,
    pub(crate) stdio: Stdio,
    pub(crate) clients: Clients,
    pub(crate) log: Log,
    pub(crate) oom: OomCounter,
    /// To be dropped once the start has been announced.
    pub(crate) layers: Option<Layers>,
}

/// Starts the container of `run`. On failure the caller calls [`undo`].
pub(crate) fn start(
    run: &Run,
    runtime: &Runtime,
    status: &mut Recorder,
    foreground: Option<OwnedFd>,
) -> Result<Running, StartError> {
    let launch = &run.launch;
    status.starting()?;
    fault::point("monitor.starting")?;
    let layers = prepare_rootfs(run)?;
    fault::point("monitor.rootfs")?;
    let log = Log::open(&launch.log)?;
    if let Some(socket) = &foreground {
        stdio::nonblocking(socket)?;
    }
    let listener = socket::listen_at(run.dir.as_fd(), run_files::SOCKET)?;
    let clients = Clients::new(listener, foreground, launch.stdin_once);
    fault::point("monitor.socket")?;
    let (pid, stdio) = start_container(run, runtime)?;
    fault::point("monitor.started")?;
    let init = Init::adopt(pid)?;
    let oom = OomCounter::of_process(pid);
    let stat = proc::stat(pid)?.ok_or(StartError::InitGone { pid })?;
    status.running(pid, stat.start_ticks)?;
    fault::point("monitor.running")?;
    Ok(Running { init, stdio, clients, log, oom, layers })
}

/// Removes what a failed [`start`] has left; returns whether the runtime has nothing left of it.
pub(crate) fn undo(run: &Run, runtime: &Runtime) -> bool {
    // Unknown to the runtime when it was not called yet, which is no failure.
    let deleted = runtime.delete();
    run.remove_launch();
    remove_files(run, runtime);
    remove_rootfs(run);
    deleted.is_ok()
}

/// Removes the files that the run has made but for the lock.
pub(crate) fn remove_files(run: &Run, runtime: &Runtime) {
    runtime.remove_files();
    ConsoleSocket::unlink(&run.dir);
    // Missing after a start that failed early.
    let _ = rustix::fs::unlinkat(&run.dir, run_files::SOCKET, rustix::fs::AtFlags::empty());
}

/// Unmounts the root file system and removes its mount point.
///
/// Takes long where the overlay is not volatile: the kernel then syncs the whole file system
/// that holds the upper directory.
pub(crate) fn remove_rootfs(run: &Run) {
    if matches!(run.launch.rootfs, Rootfs::Overlay { .. }) {
        rootfs::unmount_overlay(run.launch.rootfs_path.as_ref());
    }
    let _ = rustix::fs::unlinkat(&run.dir, run_files::ROOTFS, rustix::fs::AtFlags::REMOVEDIR);
}

fn prepare_rootfs(run: &Run) -> Result<Option<Layers>, StartError> {
    let Rootfs::Overlay { lower, upper, work, uid_mappings, gid_mappings, nosuid } =
        &run.launch.rootfs
    else {
        return Ok(None);
    };
    match mkdirat(&run.dir, run_files::ROOTFS, Mode::from_raw_mode(0o700)) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(errno).context("mkdirat", || run_files::ROOTFS)?,
    }
    let overlay = Overlay {
        lower,
        upper,
        work,
        uid_mappings,
        gid_mappings,
        volatile: run.launch.auto_remove.is_some(),
        nosuid: *nosuid,
    };
    Ok(Some(rootfs::mount_overlay(&overlay, run.launch.rootfs_path.as_ref())?))
}

fn start_container(run: &Run, runtime: &Runtime) -> Result<(i32, Stdio), StartError> {
    if run.launch.terminal {
        start_with_terminal(run, runtime)
    } else {
        start_with_pipes(run, runtime)
    }
}

fn start_with_terminal(run: &Run, runtime: &Runtime) -> Result<(i32, Stdio), StartError> {
    let console = ConsoleSocket::listen(&run.dir, &run.path)?;
    let ends = ContainerEnds {
        stdin: stdio::dev_null()?,
        stdout: stdio::dev_null()?,
        stderr: stdio::dev_null()?,
    };
    let pid = runtime.run(Some(&console.path), ends)?;
    let terminal = console.receive()?;
    ConsoleSocket::unlink(&run.dir);
    Ok((pid, Stdio::new(Endpoint::Terminal(terminal), run.launch.stdin_open)))
}

fn start_with_pipes(run: &Run, runtime: &Runtime) -> Result<(i32, Stdio), StartError> {
    let (endpoint, ends) = stdio::pipes(run.launch.stdin_open, container_root(run))?;
    let mut stdio = Stdio::new(endpoint, run.launch.stdin_open);
    match runtime.run(None, ends) {
        Ok(pid) => Ok((pid, stdio)),
        Err(RuntimeError::Silent) => {
            let mut words = [0_u8; 4096];
            let count = match stdio.read_output(Stream::Stderr, &mut words) {
                Output::Bytes(count) => count,
                Output::Nothing | Output::Ended => 0,
            };
            let message = explanation_from_stderr(&String::from_utf8_lossy(&words[..count]));
            Err(RuntimeError::Refused { message }.into())
        }
        Err(error) => Err(error.into()),
    }
}

/// Returns the host ids of the container's root where it differs from the host's.
fn container_root(run: &Run) -> Option<(Uid, Gid)> {
    let Rootfs::Overlay { uid_mappings, gid_mappings, .. } = &run.launch.rootfs else {
        return None;
    };
    let root = |mappings: &[IdMapping]| {
        mappings.iter().find(|mapping| mapping.container_id == 0).map(|mapping| mapping.host_id)
    };
    Some((Uid::from_raw(root(uid_mappings)?), Gid::from_raw(root(gid_mappings)?)))
}
