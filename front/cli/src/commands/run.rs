// SPDX-License-Identifier: Apache-2.0
//! `brig run`.

use super::exit_code;
use crate::failure::{Failure, Outcome, say};
use crate::options::{ClientArguments, ContainerArguments, request};
use crate::render::line;
use crate::session::attach::{End, Session};
use crate::session::{DetachKeys, terminal};
use brig_engine::Engine;
use brig_sys::signal::{SignalFd, block_all};
use clap::Args;
use std::os::fd::OwnedFd;

const USAGE: &str = "brig run [OPTIONS] IMAGE [COMMAND] [ARG...]";
const EXAMPLES: &str = "\
Examples:
  brig run --rm busybox echo hello
  brig run --rm -it -v \"$PWD:/work\" -w /work debian bash
  brig run -d --name web --network host --memory 256m --cpus 0.5 web
  tar c . | brig run --rm -i busybox tar t

Exit codes: the command's own; 125 brig failed, 126 the command cannot be executed,
127 the command was not found, 128+N the command was ended by signal N.";

/// Arguments of `run`.
#[derive(Debug, Clone, Args)]
#[command(override_usage = USAGE, after_help = EXAMPLES, disable_help_flag = true)]
pub(crate) struct Arguments {
    /// Run in the background and print the container's id
    #[arg(short, long)]
    pub(crate) detach: bool,
    #[command(flatten)]
    pub(crate) client: ClientArguments,
    /// Remove the container when it ends
    #[arg(long)]
    pub(crate) rm: bool,
    #[command(flatten)]
    pub(crate) container: ContainerArguments,
    /// Image, then the command and its arguments
    #[arg(
        value_name = "IMAGE [COMMAND] [ARG...]",
        required = true,
        num_args = 1..,
        trailing_var_arg = true,
        hide = true
    )]
    pub(crate) image_and_command: Vec<String>,
}

/// Runs a new container.
pub(crate) fn run(engine: &Engine, arguments: &Arguments) -> Outcome {
    run_container(engine, arguments).map_err(Failure::of_run)
}

fn run_container(engine: &Engine, arguments: &Arguments) -> Outcome {
    let container = &arguments.container;
    let attached = !arguments.detach;
    if attached {
        check_terminal(container.tty, container.interactive)?;
    }
    let detach_keys = DetachKeys::parse(arguments.client.detach_keys.as_deref())?;
    let request = request(container, &arguments.image_and_command, arguments.rm, attached)?;
    let cidfile = super::create::CidFile::reserve(container.cidfile.as_deref())?;
    // From here on signals wait until there is a container to pass them on to.
    let signals = if attached && arguments.client.sig_proxy() { Some(block_all()?) } else { None };
    let created = engine.create(&request)?;
    let id = created.record().id.clone();
    cidfile.fill(&id)?;
    let started = engine.start_created(created, attached)?;
    let Some(socket) = started.client else {
        line(&id);
        return Ok(0);
    };
    let session =
        Session { socket, stdin: container.interactive, tty: container.tty, detach_keys, signals };
    converse(engine, &id, session)
}

/// Refuses `-it` without a terminal, before anything is made.
pub(crate) fn check_terminal(tty: bool, interactive: bool) -> Result<(), Failure> {
    if tty && interactive && !terminal::stdin_is_terminal() {
        return Err(Failure::invalid(
            "the input device is not a TTY",
            "leave `-t` out when stdin is a pipe or a file",
        ));
    }
    Ok(())
}

/// Runs a session to its end; returns the exit code of the command.
pub(crate) fn converse(engine: &Engine, id: &str, session: Session) -> Outcome {
    let end = session.run(&mut |signal| {
        // A container that has just ended needs no signal.
        if let Err(error) = engine.kill(id, signal)
            && !matches!(
                error,
                brig_engine::Error::State { .. } | brig_engine::Error::NoSuchContainer(_)
            )
        {
            say(&error.report());
        }
    })?;
    match end {
        End::Exited(code) => Ok(exit_code(code)),
        End::Detached => Ok(0),
        End::Lost => lost(engine, id),
    }
}

/// The monitor has died: whether the container lives and how it ended is on disk.
fn lost(engine: &Engine, id: &str) -> Outcome {
    let status = engine.status(id)?;
    if status.state.is_running() {
        return Err(Failure::Report(brig_report::Report::new(
            brig_report::Kind::Internal,
            format!("lost the connection to container {}; it runs on", &id[..12]),
        )));
    }
    say(&match status.record.error.as_str() {
        "" => "the monitor ended before it told the exit code",
        error => error,
    });
    Ok(exit_code(status.record.exit_code.unwrap_or(125)))
}

/// Makes a session of an attach client for commands that join a container.
pub(crate) fn session(
    socket: OwnedFd,
    stdin: bool,
    tty: bool,
    detach_keys: DetachKeys,
    signals: Option<SignalFd>,
) -> Session {
    Session { socket, stdin, tty, detach_keys, signals }
}
