// SPDX-License-Identifier: Apache-2.0
//! `exec`: a further process in a running container.

use super::{Failure, Outcome, kill, make};
use crate::arguments::{Arguments, Flag, switch, value};
use crate::foreground;
use crate::global::Global;
use crate::record::Record;
use crate::store::Container;
use crate::terminal;
use brig_report::{Kind, Report};
use brig_sandbox::cgroup::Layout;
use brig_sandbox::execute::{self, EnterRequest};
use brig_sandbox::plan::{NamespaceKind, ProcessPlan};
use brig_spec::runtime::{Capabilities, Process, Spec, Status};
use std::os::fd::AsFd;
use std::path::Path;

/// runc's exit code for a process that did not come to run.
const NOT_STARTED: u8 = 255;

const FLAGS: [Flag; 16] = [
    value("console-socket", 0),
    value("cwd", 0),
    value("env", b'e'),
    switch("tty", b't'),
    value("user", b'u'),
    value("additional-gids", b'g'),
    value("process", b'p'),
    switch("detach", b'd'),
    value("pid-file", 0),
    value("process-label", 0),
    value("apparmor", 0),
    switch("no-new-privs", 0),
    value("cap", b'c'),
    value("preserve-fds", 0),
    switch("ignore-paused", 0),
    switch("help", b'h'),
];

/// The largest `--process` document, bytes.
const PROCESS_BYTES_MAX: u64 = 1024 * 1024;

pub(super) fn run(global: &Global, words: &[String]) -> Outcome {
    let arguments = Arguments::parse(words, &FLAGS, Some(1))?;
    let container = Container::named(&global.root, arguments.id()?)?;
    let record = container.load()?;
    match container.status(&record)? {
        Status::Running | Status::Created => {}
        Status::Paused if arguments.is_set("ignore-paused") => {}
        Status::Paused => {
            let text = "cannot exec in a paused container (use --ignore-paused to override)";
            return Err(fail(Report::new(Kind::Conflict, text)));
        }
        status => {
            let text = format!("cannot exec in a {} container", status.as_str());
            return Err(fail(Report::new(Kind::Conflict, text)));
        }
    }
    enter(&arguments, &container, &record).map_err(|mut failure| {
        failure.exit_code = NOT_STARTED;
        failure
    })
}

fn fail(report: Report) -> Failure {
    Failure { report, exit_code: NOT_STARTED }
}

fn enter(arguments: &Arguments, container: &Container, record: &Record) -> Outcome {
    let spec = container.config()?;
    let mut process = process(arguments, &spec)?;
    terminal::default_size(&mut process);
    let detach = arguments.is_set("detach");
    let plan = ProcessPlan::compile(&process)?;
    let namespaces: Vec<NamespaceKind> =
        record.namespaces.iter().filter_map(|word| NamespaceKind::parse(word)).collect();
    if !namespaces.contains(&NamespaceKind::User) {
        execute::seal_self()?;
    }
    let console = make::console_for(arguments.get("console-socket"), process.terminal, detach)?;
    let layout = Layout::detect()?;
    let signals = foreground::block_signals()?;
    let init = record.init.ok_or_else(|| Report::new(Kind::Conflict, "container not running"))?;
    let pidfd = kill::open(init)?
        .ok_or_else(|| Report::new(Kind::Conflict, "cannot exec in a stopped container"))?;
    let request = EnterRequest {
        init: pidfd.as_fd(),
        namespaces: &namespaces,
        layout: &layout,
        cgroup: &record.cgroup,
        process: &plan,
        seccomp: spec.linux.as_ref().and_then(|linux| linux.seccomp.as_ref()),
        console,
        preserve_fds: make::preserved(arguments)?,
    };
    let entered = execute::enter(request, &mut |_| Ok(()))?;
    make::write_pid_file(arguments, entered.pid.as_raw_nonzero().get())?;
    if detach {
        return Ok(0);
    }
    Ok(foreground::wait(entered, &signals)?)
}

/// The process to run: a document, or the container's own changed by the options.
fn process(arguments: &Arguments, spec: &Spec) -> Result<Process, Failure> {
    if let Some(path) = arguments.get("process") {
        let bytes = brig_state::atomic::read(Path::new(path), PROCESS_BYTES_MAX)
            .map_err(|error| Report::from_error(Kind::Invalid, &error))?;
        return serde_json::from_slice(&bytes).map_err(|error| {
            Report::new(Kind::Invalid, format!("`{path}` is not a process document: {error}"))
                .into()
        });
    }
    let mut process = spec.process.clone().unwrap_or_default();
    process.args = arguments.operands.get(1..).unwrap_or_default().to_vec();
    if process.args.is_empty() {
        return Err(Report::new(Kind::Invalid, "process args cannot be empty")
            .hint("`brig-oci exec CONTAINER COMMAND [ARGS]`")
            .into());
    }
    process.terminal = arguments.is_set("tty");
    process.console_size = None;
    if let Some(cwd) = arguments.get("cwd") {
        cwd.clone_into(&mut process.cwd);
    }
    process.env.extend(arguments.all("env").iter().cloned());
    if let Some(user) = arguments.get("user") {
        set_user(&mut process, user)?;
    }
    process.user.additional_gids = gids(arguments)?.unwrap_or(process.user.additional_gids);
    if let Some(label) = arguments.get("process-label") {
        label.clone_into(&mut process.selinux_label);
    }
    if let Some(profile) = arguments.get("apparmor") {
        profile.clone_into(&mut process.apparmor_profile);
    }
    if arguments.get("no-new-privs").is_some() {
        process.no_new_privileges = arguments.is_set("no-new-privs");
    }
    add_caps(&mut process, arguments.all("cap"));
    Ok(process)
}

/// Sets `uid[:gid]`; numbers only, as the container's user database is not the runtime's.
fn set_user(process: &mut Process, user: &str) -> Result<(), Report> {
    let number = |text: &str| {
        text.parse::<u32>().map_err(|_| {
            Report::new(Kind::Invalid, format!("user {user:?} is not `uid[:gid]` in numbers"))
        })
    };
    match user.split_once(':') {
        Some((uid, gid)) => (process.user.uid, process.user.gid) = (number(uid)?, number(gid)?),
        None => process.user.uid = number(user)?,
    }
    Ok(())
}

fn gids(arguments: &Arguments) -> Result<Option<Vec<u32>>, Report> {
    let words = arguments.all("additional-gids");
    if words.is_empty() {
        return Ok(None);
    }
    words
        .iter()
        .flat_map(|word| word.split(','))
        .map(|word| {
            word.parse().map_err(|_| {
                Report::new(Kind::Invalid, format!("group id {word:?} is not a number"))
            })
        })
        .collect::<Result<_, _>>()
        .map(Some)
}

fn add_caps(process: &mut Process, names: &[String]) {
    if names.is_empty() {
        return;
    }
    let sets = process.capabilities.get_or_insert_with(Capabilities::default);
    for set in [&mut sets.bounding, &mut sets.effective, &mut sets.permitted] {
        set.extend(names.iter().cloned());
    }
}
