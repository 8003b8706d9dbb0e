// SPDX-License-Identifier: Apache-2.0
//! `brig exec`.

use crate::failure::{Failure, Outcome};
use crate::options::env;
use brig_engine::Engine;
use brig_engine::lifecycle::exec::{ExecPlan, ExecRequest};
use brig_report::{Kind, Report};
use clap::Args;
use rustix::fs::{MemfdFlags, memfd_create};
use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Longest explanation of a runtime that is read, bytes.
const WORDS_BYTES_MAX: u64 = 64 * 1024;

/// Arguments of `exec`.
#[derive(Debug, Clone, Args)]
#[command(override_usage = "brig exec [OPTIONS] CONTAINER COMMAND [ARG...]")]
pub(crate) struct Arguments {
    /// Run in the background
    #[arg(short, long)]
    pub(crate) detach: bool,
    /// Set an environment variable; a name alone takes the caller's value
    #[arg(short, long, value_name = "NAME[=VALUE]", allow_hyphen_values = true)]
    pub(crate) env: Vec<String>,
    /// Read environment variables from a file
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Vec<PathBuf>,
    /// Keep stdin open
    #[arg(short, long)]
    pub(crate) interactive: bool,
    /// Give extended privileges to the command
    #[arg(long)]
    pub(crate) privileged: bool,
    /// Allocate a pseudo terminal
    #[arg(short, long)]
    pub(crate) tty: bool,
    /// User name or id: USER[:GROUP] [default: the container's]
    #[arg(
        short,
        long,
        value_name = "USER",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    pub(crate) user: String,
    /// Working directory inside the container [default: the container's]
    #[arg(short, long, value_name = "DIR", default_value = "", hide_default_value = true)]
    pub(crate) workdir: String,
    /// Container, then the command and its arguments
    #[arg(
        value_name = "CONTAINER COMMAND [ARG...]",
        required = true,
        num_args = 2..,
        trailing_var_arg = true,
        hide = true
    )]
    pub(crate) container_and_command: Vec<String>,
}

/// Executes a command in a running container.
pub(crate) fn run(engine: &Engine, arguments: &Arguments) -> Outcome {
    execute(engine, arguments).map_err(Failure::of_run)
}

fn execute(engine: &Engine, arguments: &Arguments) -> Outcome {
    let (container, command) =
        arguments.container_and_command.split_first().expect("clap requires two words");
    if !arguments.detach {
        super::run::check_terminal(arguments.tty, arguments.interactive)?;
    }
    let request = ExecRequest {
        args: command.to_vec(),
        env: env::environment(&arguments.env_file, &arguments.env, env::of_process)?,
        workdir: arguments.workdir.clone(),
        user: arguments.user.clone(),
        terminal: arguments.tty,
        detach: arguments.detach,
        privileged: arguments.privileged,
    };
    let plan = engine.exec(&engine.find(container)?, &request)?;
    let mut runtime = Command::new(&plan.program);
    runtime.args(&plan.argv[1..]);
    plan.inherit()?;
    if arguments.detach {
        return in_background(runtime, &plan);
    }
    if !arguments.interactive {
        runtime.stdin(Stdio::null());
    }
    // The runtime takes this process's place: its stdio, signals and exit code are the caller's.
    let error = runtime.exec();
    Err(cannot_execute(&plan, &error))
}

/// Waits for the runtime, not for the command, whose stderr would keep a pipe open.
fn in_background(mut runtime: Command, plan: &ExecPlan) -> Outcome {
    let words = memfd_create("brig-exec", MemfdFlags::CLOEXEC).map_err(std::io::Error::from)?;
    let mut words = File::from(words);
    runtime.stdin(Stdio::null()).stdout(Stdio::null()).stderr(words.try_clone()?);
    let status = runtime.status().map_err(|error| cannot_execute(plan, &error))?;
    if status.success() {
        return Ok(0);
    }
    let mut text = String::new();
    words.rewind()?;
    words.take(WORDS_BYTES_MAX).read_to_string(&mut text)?;
    let last = text.lines().map(str::trim).rfind(|line| !line.is_empty());
    Err(Failure::Report(Report::new(
        Kind::Internal,
        last.unwrap_or("the OCI runtime failed without a word"),
    )))
}

fn cannot_execute(plan: &ExecPlan, error: &std::io::Error) -> Failure {
    Failure::Report(Report::new(
        Kind::Internal,
        format!("cannot execute the OCI runtime `{}`: {error}", plan.program),
    ))
}
