// SPDX-License-Identifier: Apache-2.0
//! A further process in a running container. The engine writes the process document; the front
//! end executes the runtime with the caller's own stdio, so nothing stands between.

mod command;

use crate::container::merged::read_bounded;
use crate::container::options::Options;
use crate::container::record::ContainerRecord;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::layout::files;
use crate::spec::user::{self, DATABASE_BYTES_MAX, Identity};
use crate::spec::{process, security};
use brig_policy::caps::CapSet;
use brig_spec::runtime::{Process, Spec};
use brig_sys::{Context, proc};
use rustix::fs::{MemfdFlags, Mode, OFlags, ResolveFlags, fstat, memfd_create, open, openat2};
use rustix::io::{Errno, FdFlags, fcntl_setfd};
use std::fs::File;
use std::io::{Seek, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

/// What `exec` is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExecRequest {
    /// Argument vector.
    pub args: Vec<String>,
    /// `NAME=value`, added to the container's environment.
    pub env: Vec<String>,
    /// Working directory, absolute; empty: the container's.
    pub workdir: String,
    /// `user[:group]`; empty: the container's.
    pub user: String,
    /// Whether the process gets a pseudo terminal.
    pub terminal: bool,
    /// Whether the caller does not wait.
    pub detach: bool,
    /// Whether the process gets every capability that the container's user namespace allows.
    pub privileged: bool,
}

/// A command line that enters the container.
#[derive(Debug)]
pub struct ExecPlan {
    /// Absolute path of the runtime.
    pub program: String,
    /// Arguments, `argv[0]` included.
    pub argv: Vec<String>,
    /// The process document, inherited under the number that `argv` names.
    document: OwnedFd,
}

impl ExecPlan {
    /// Lets the document's descriptor be inherited; to be called just before the runtime is
    /// executed.
    ///
    /// # Errors
    /// When the descriptor's flag cannot be changed.
    pub fn inherit(&self) -> Result<()> {
        fcntl_setfd(&self.document, FdFlags::empty())
            .map_err(Error::errno("pass on", "the process document"))
    }
}

impl Engine {
    /// Prepares a further process in container `id`.
    ///
    /// # Errors
    /// When the container does not run, or the request does not fit it.
    pub fn exec(&self, id: &str, request: &ExecRequest) -> Result<ExecPlan> {
        let record = self.record(id)?;
        if !self.settled_state(id)?.is_running() {
            return Err(Error::state(
                format!("container {id} is not running"),
                format!("start it with `brig start {}`", record.name),
            ));
        }
        let status = self.status(id)?;
        let root = container_root(&status.record)?;
        let process = process_document(self, &record, request, &root)?;
        command::check(&root, &process.args[0], &process.env, &process.cwd)?;
        let document = memfd_document(&process)?;
        let mut argv = vec![record.runtime_path.clone()];
        argv.extend(record.runtime_args.clone());
        argv.extend([
            "exec".to_owned(),
            "--process".to_owned(),
            format!("/proc/self/fd/{}", document.as_raw_fd()),
        ]);
        if request.terminal {
            argv.push("--tty".to_owned());
        }
        if request.detach {
            argv.push("--detach".to_owned());
        }
        argv.push(record.id);
        Ok(ExecPlan { program: record.runtime_path, argv, document })
    }
}

fn process_document(
    engine: &Engine,
    record: &ContainerRecord,
    request: &ExecRequest,
    root: &OwnedFd,
) -> Result<Process> {
    let bundle = engine.layout.container(&record.id).join(files::BUNDLE);
    let spec: Spec = brig_state::atomic::read_json(&bundle.join("config.json"))?;
    let base = spec.process.unwrap_or_default();
    let identity = identity(record, request, root)?;
    let mut config = record.config.clone();
    if !request.workdir.is_empty() {
        config.working_dir.clone_from(&request.workdir);
    }
    let options = Options { env: request.env.clone(), ..Options::default() };
    let config = process::merge(&config, &options);
    let (capabilities, no_new_privileges) = if request.privileged {
        let options = Options { privileged: true, ..record.options.clone() };
        let available = CapSet::from_bits(brig_sys::caps::permitted()?);
        security::privileges(&options, identity.uid, available)?
    } else {
        security::privileges(&record.options, identity.uid, CapSet::ALL)?
    };
    if request.args.is_empty() {
        return Err(Error::invalid("no exec command specified", "give a command"));
    }
    Ok(Process {
        terminal: request.terminal,
        user: identity.to_user(),
        args: request.args.clone(),
        env: process::env(&config, &record.hostname, request.terminal, &identity.home)?,
        cwd: process::cwd(&config, &request.workdir)?,
        capabilities: Some(capabilities),
        rlimits: base.rlimits,
        no_new_privileges,
        apparmor_profile: base.apparmor_profile,
        ..Process::default()
    })
}

fn identity(record: &ContainerRecord, request: &ExecRequest, root: &OwnedFd) -> Result<Identity> {
    let wanted = if request.user.is_empty() { &record.config.user } else { &request.user };
    let passwd = read_inside(root, "etc/passwd")?;
    let group = read_inside(root, "etc/group")?;
    let add = if request.user.is_empty() { &record.options.group_add[..] } else { &[] };
    user::resolve(wanted, add, &passwd, &group)
}

/// Opens the root directory of the container's init, whose contents are the container's to change.
fn container_root(status: &brig_spec::monitor::StatusRecord) -> Result<OwnedFd> {
    let gone = || Error::state("the container has just ended", "start it again");
    let (Some(pid), Some(ticks)) = (status.pid, status.pid_start_ticks) else { return Err(gone()) };
    let path = format!("/proc/{pid}/root");
    let root = open(&path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|errno| match errno {
            Errno::NOENT | Errno::SRCH => gone(),
            errno => Error::errno("open", &path)(errno),
        })?;
    // Looked at after the open: the directory is then this very process's.
    if proc::is_alive(pid, ticks) { Ok(root) } else { Err(gone()) }
}

/// Reads a regular file inside the container; a missing one is empty.
fn read_inside(root: &OwnedFd, path: &str) -> Result<String> {
    let shown = Path::new("container").join(path);
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let found = loop {
        match openat2(root, path, flags, Mode::empty(), resolve) {
            Ok(fd) => break fd,
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(String::new()),
            Err(errno) => return Err(Error::errno("read", shown)(errno)),
        }
    };
    let stat = fstat(&found).map_err(Error::errno("read", &shown))?;
    if rustix::fs::FileType::from_raw_mode(stat.st_mode) != rustix::fs::FileType::RegularFile {
        return Ok(String::new());
    }
    let fd = open(
        format!("/proc/self/fd/{}", found.as_raw_fd()),
        OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .map_err(Error::errno("read", &shown))?;
    let bytes = read_bounded(File::from(fd), DATABASE_BYTES_MAX, &shown)?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A file without a name: it needs no removal, whoever dies.
fn memfd_document(process: &Process) -> Result<OwnedFd> {
    let memfd = memfd_create("brig-process", MemfdFlags::CLOEXEC)
        .context("memfd_create", || "process document")?;
    let bytes = serde_json::to_vec(process)
        .map_err(|source| brig_state::Error::Parse { path: "process document".into(), source })?;
    let mut file = File::from(memfd);
    file.write_all(&bytes)
        .and_then(|()| file.rewind())
        .map_err(Error::io("write", "the process document"))?;
    Ok(file.into())
}
