// SPDX-License-Identifier: Apache-2.0
//! What `create` and `run` share: from a bundle to a container.

use super::Failure;
use crate::arguments::{Arguments, Flag, switch, value};
use crate::global::Global;
use crate::record::{Record, VERSION};
use crate::store::{self, Container};
use crate::terminal;
use brig_report::{Kind, Report};
use brig_sandbox::cgroup::{self, Layout};
use brig_sandbox::execute::{self, Console, Created, Listening, Request};
use brig_sandbox::plan::{Facts, Plan};
use brig_spec::runtime::{Linux, Spec, Status};
use brig_state::time::Timestamp;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use std::path::{Path, PathBuf};

pub(super) const FLAGS: [Flag; 11] = [
    value("bundle", b'b'),
    value("config", b'f'),
    value("pid-file", 0),
    value("console-socket", 0),
    value("preserve-fds", 0),
    value("pidfd-socket", 0),
    switch("no-pivot", 0),
    switch("no-new-keyring", 0),
    switch("detach", b'd'),
    switch("keep", 0),
    switch("no-subreaper", 0),
];

/// Largest configuration, bytes.
const CONFIG_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// A bundle, read and planned.
pub(super) struct Bundle {
    pub(super) directory: PathBuf,
    pub(super) spec: Spec,
    pub(super) plan: Plan,
    bytes: Vec<u8>,
}

/// A container that was made.
pub(super) struct Made {
    pub(super) container: Container,
    pub(super) record: Record,
}

/// Reads and plans the bundle that the arguments name; changes nothing.
///
/// # Errors
/// A missing or malformed configuration.
pub(super) fn read_bundle(arguments: &Arguments) -> Result<Bundle, Failure> {
    let bundle = PathBuf::from(arguments.get("bundle").unwrap_or("."));
    let directory = std::path::absolute(&bundle).map_err(|error| {
        Report::new(Kind::Invalid, format!("bundle `{}`: {error}", bundle.display()))
    })?;
    let path = match arguments.get("config") {
        Some(path) => PathBuf::from(path),
        None => directory.join("config.json"),
    };
    let bytes = brig_state::atomic::read(&path, CONFIG_BYTES_MAX).map_err(|error| {
        Report::from_error(Kind::NotFound, &error)
            .hint("a bundle is a directory with a config.json; `brig-oci spec` writes one")
    })?;
    let mut spec: Spec = serde_json::from_slice(&bytes).map_err(|error| {
        Report::new(Kind::Invalid, format!("`{}` is not a configuration: {error}", path.display()))
    })?;
    if let Some(process) = &mut spec.process {
        terminal::default_size(process);
    }
    pass_listen_fds(&mut spec);
    let facts = Facts {
        bundle: directory.clone(),
        no_pivot: arguments.is_set("no-pivot"),
        no_new_keyring: arguments.is_set("no-new-keyring"),
    };
    let plan = Plan::compile(&spec, &facts)?;
    Ok(Bundle { directory, spec, plan, bytes })
}

/// Makes the container of a bundle. With `wait_for_start` its init waits for `start`.
///
/// # Errors
/// The failing step; nothing of the container is left then.
pub(super) fn make(
    global: &Global,
    arguments: &Arguments,
    bundle: &Bundle,
    wait_for_start: bool,
) -> Result<(Made, Created), Failure> {
    let id = arguments.id()?;
    if arguments.get("pidfd-socket").is_some() {
        let text = "--pidfd-socket is not supported by this release";
        return Err(Report::new(Kind::Unavailable, text).into());
    }
    let container = Container::named(&global.root, id)?;
    // First of all: it starts this program anew.
    if bundle.plan.prepare.contains(&brig_sandbox::plan::HostStep::SealSelf) {
        execute::seal_self()?;
    }
    let console = console(arguments, bundle, wait_for_start)?;
    let layout = Layout::detect()?;
    let creating = container.make(&global.root, id)?;
    let made = populate(&container, arguments, bundle, &layout, console, wait_for_start);
    drop(creating);
    match made {
        Ok((record, created)) => Ok((Made { container, record }, created)),
        Err(failure) => {
            undo(&container, &layout, bundle, id);
            Err(failure)
        }
    }
}

/// Removes what a failed creation left; the first error is the one to report.
fn undo(container: &Container, layout: &Layout, bundle: &Bundle, id: &str) {
    if let Ok(directories) = cgroup::directories(layout, &cgroup_path(&bundle.spec, id)) {
        drop(cgroup::remove(&directories));
    }
    drop(container.remove());
}

fn cgroup_path(spec: &Spec, id: &str) -> String {
    let configured = spec.linux.as_ref().map(|linux| linux.cgroups_path.clone());
    configured.filter(|path| !path.is_empty()).unwrap_or_else(|| id.to_owned())
}

fn populate(
    container: &Container,
    arguments: &Arguments,
    bundle: &Bundle,
    layout: &Layout,
    console: Console,
    wait_for_start: bool,
) -> Result<(Record, Created), Failure> {
    let id = arguments.id()?;
    let path = cgroup_path(&bundle.spec, id);
    let mut record = record(id, bundle, cgroup::directories(layout, &path)?);
    // Before anything is made: whoever dies from here on, `delete` finds the rest.
    container.save(&record)?;
    container.save_config(&bundle.bytes)?;
    let start = match wait_for_start {
        true => Some(Listening::bind(&container.directory)?),
        false => None,
    };
    let hooks = bundle.spec.hooks.clone().unwrap_or_default();
    let request = Request {
        plan: &bundle.plan,
        layout,
        default_cgroup: &path,
        hooks: &hooks,
        state: record.state(Status::Creating),
        console,
        preserve_fds: preserved(arguments)?,
        start,
    };
    let created = execute::create(request, &mut |pid| {
        let init = store::identify(pid.as_raw_nonzero().get()).map_err(observed)?;
        record.init = Some(init);
        container.save(&record).map_err(observed)
    })?;
    write_pid_file(arguments, created.pid.as_raw_nonzero().get())?;
    Ok((record, created))
}

/// Returns how many descriptors from 3 on the program inherits: those asked for and those of
/// systemd's socket activation.
///
/// # Errors
/// When the option is not a number.
pub(super) fn preserved(arguments: &Arguments) -> Result<u32, Report> {
    let asked: u32 = arguments.number("preserve-fds")?.unwrap_or(0);
    Ok(asked + listen_fds().unwrap_or(0))
}

fn listen_fds() -> Option<u32> {
    std::env::var("LISTEN_FDS").ok()?.parse().ok()
}

/// Tells the program of the sockets that the caller was activated with, as runc does: as pid 1,
/// which it is in a PID namespace of its own.
fn pass_listen_fds(spec: &mut Spec) {
    if let (Some(count), Some(process)) = (listen_fds(), &mut spec.process) {
        process.env.push(format!("LISTEN_FDS={count}"));
        process.env.push("LISTEN_PID=1".to_owned());
    }
}

/// Carries a report through the sandbox's error type.
pub(super) fn observed(report: Report) -> brig_sandbox::Error {
    brig_sandbox::Error::Refused { step: "record the container".to_owned(), reason: report.message }
}

fn record(id: &str, bundle: &Bundle, cgroup: Vec<PathBuf>) -> Record {
    let spec = &bundle.spec;
    let linux = spec.linux.as_ref();
    Record {
        version: VERSION,
        oci_version: spec.oci_version.clone(),
        id: id.to_owned(),
        bundle: bundle.directory.clone(),
        rootfs: bundle.directory.join(spec.root.as_ref().map_or("", |root| root.path.as_str())),
        created: Timestamp::now().to_log(),
        annotations: spec.annotations.clone(),
        cgroup,
        namespaces: linux.map(namespaces).unwrap_or_default(),
        init: None,
    }
}

fn namespaces(linux: &Linux) -> Vec<String> {
    linux.namespaces.iter().map(|namespace| namespace.kind.clone()).collect()
}

/// Writes the pid for the caller, whole or not at all.
pub(super) fn write_pid_file(arguments: &Arguments, pid: i32) -> Result<(), Failure> {
    let Some(path) = arguments.get("pid-file") else { return Ok(()) };
    brig_state::atomic::replace(Path::new(path), pid.to_string().as_bytes())
        .map_err(|error| Report::from_error(Kind::Unavailable, &error).into())
}

/// Checks the terminal's options against each other and connects the console socket.
fn console(arguments: &Arguments, bundle: &Bundle, created_only: bool) -> Result<Console, Failure> {
    let terminal = bundle.spec.process.as_ref().is_some_and(|process| process.terminal);
    let detached = created_only || arguments.is_set("detach");
    console_for(arguments.get("console-socket"), terminal, detached)
}

/// Connects the console socket, if there is to be one.
///
/// # Errors
/// runc's sentences for the two impossible combinations.
pub(super) fn console_for(
    path: Option<&str>,
    terminal: bool,
    detached: bool,
) -> Result<Console, Failure> {
    let bad = |text: &str| Err(Report::new(Kind::Invalid, text).into());
    match (path, terminal, detached) {
        (None, true, true) => {
            bad("cannot allocate tty if runc will detach without setting console socket")
        }
        (Some(_), false, _) => {
            bad("cannot use console socket if runc will not detach or allocate tty")
        }
        (None, _, _) => Ok(Console::Keep),
        (Some(path), true, _) => connect_console(path).map(Console::Socket),
    }
}

fn connect_console(path: &str) -> Result<std::os::fd::OwnedFd, Failure> {
    let connected =
        socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).and_then(
            |socket| {
                connect(&socket, &SocketAddrUnix::new(path)?)?;
                Ok(socket)
            },
        );
    connected.map_err(|errno| {
        Report::new(Kind::Invalid, format!("connect to console socket `{path}`: {errno}")).into()
    })
}
