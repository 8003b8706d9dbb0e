// SPDX-License-Identifier: Apache-2.0
//! The verbs, one file each.

mod control;
mod create;
mod delete;
mod events;
mod exec;
mod features;
mod kill;
mod list;
mod make;
mod plan;
mod ps;
mod run;
mod spec;
mod start;
mod state;
mod update;

use crate::global::Global;
use brig_report::{Kind, Report};
use std::io::Write;

/// Why a verb failed, with the exit code that runc gives.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) report: Report,
    pub(crate) exit_code: u8,
}

impl From<Report> for Failure {
    fn from(report: Report) -> Self {
        Self { report, exit_code: 1 }
    }
}

impl From<brig_sandbox::Error> for Failure {
    fn from(error: brig_sandbox::Error) -> Self {
        error.to_report().into()
    }
}

/// Result of a verb: the exit code.
pub(crate) type Outcome = Result<u8, Failure>;

const HELP: &str = "\
brig-oci: OCI runtime of brig, with runc's command line

usage: brig-oci [global options] COMMAND [options] CONTAINER

commands:
  create CONTAINER      make a container: everything but its program
  start CONTAINER       start the program of a created container
  run CONTAINER         create and start; without --detach also wait and delete
  exec CONTAINER CMD    run a further process in a running container
  state CONTAINER       print the state document
  kill CONTAINER [SIG]  send a signal to the container's init (default TERM)
  delete CONTAINER      remove a stopped container (--force: kill it first)
  list                  list the containers below --root
  ps CONTAINER          list the processes of a container
  update CONTAINER      change limits while it runs (--resources FILE|-, --memory,
                        --memory-reservation, --memory-swap, --cpu-period, --cpu-quota,
                        --cpu-burst, --cpu-share, --cpu-idle, --cpuset-cpus, --cpuset-mems,
                        --pids-limit, --blkio-weight); what is not given stays
  events CONTAINER      print usage every 5 s and out-of-memory events, as JSON lines
                        (--interval DURATION; --stats: usage once)
  pause, resume         freeze and thaw the processes of a container
  spec                  write a config.json to start from
  features              print what this runtime supports
  plan                  print, in order, what `create` would do; changes nothing

global options:
  --root DIR            where the containers' records live (default /run/brig-oci)
  --log FILE            log errors to FILE besides stderr
  --log-format FORMAT   text (default) or json

examples:
  brig-oci spec && brig-oci run c1
  brig-oci --root /tmp/r create --bundle /tmp/b --pid-file /tmp/pid c1
  brig-oci exec --tty c1 sh
  brig-oci update --memory 256m --pids-limit 100 c1
  brig-oci plan --bundle /tmp/b
";

/// Runs the verb that the words name.
///
/// # Errors
/// Whatever the verb says.
pub(crate) fn run(global: &Global, words: &[String]) -> Outcome {
    let Some((verb, rest)) = words.split_first() else {
        return print(HELP);
    };
    if rest.iter().take_while(|w| *w != "--").any(|w| w == "--help" || w == "-h") && verb != "exec"
    {
        return print(HELP);
    }
    match verb.as_str() {
        "create" => create::run(global, rest),
        "start" => start::run(global, rest),
        "run" => run::run(global, rest),
        "exec" => exec::run(global, rest),
        "state" => state::run(global, rest),
        "kill" => kill::run(global, rest),
        "delete" => delete::run(global, rest),
        "list" => list::run(global, rest),
        "update" => update::run(global, rest),
        "events" => events::run(global, rest),
        "ps" => ps::run(global, rest),
        "pause" => control::pause(global, rest),
        "resume" => control::resume(global, rest),
        "spec" => spec::run(rest),
        "features" => features::run(rest),
        "plan" => plan::run(rest),
        "help" | "--help" | "-h" => print(HELP),
        "--version" | "-v" | "version" => print(&format!(
            "brig-oci version {}\nspec: {}\n",
            env!("CARGO_PKG_VERSION"),
            spec::OCI_VERSION
        )),
        other => Err(Report::new(Kind::Invalid, format!("unknown command {other:?}"))
            .hint("`brig-oci help` lists the commands")
            .into()),
    }
}

/// Prints to stdout.
fn print(text: &str) -> Outcome {
    std::io::stdout()
        .write_all(text.as_bytes())
        .map_err(|error| Report::new(Kind::Internal, format!("write to stdout: {error}")))?;
    Ok(0)
}

/// Prints a document, indented as runc does.
fn print_json<T: serde::Serialize>(document: &T) -> Outcome {
    let text = serde_json::to_string_pretty(document)
        .map_err(|error| Report::new(Kind::Internal, error.to_string()))?;
    print(&(text + "\n"))
}
