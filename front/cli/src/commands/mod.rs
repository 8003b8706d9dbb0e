// SPDX-License-Identifier: Apache-2.0
//! One file per command: what can be typed, and what is done.

pub(crate) mod attach;
pub(crate) mod completion;
pub(crate) mod create;
pub(crate) mod exec;
pub(crate) mod images;
pub(crate) mod info;
pub(crate) mod inspect;
pub(crate) mod kill;
pub(crate) mod load;
pub(crate) mod logs;
pub(crate) mod ps;
pub(crate) mod rename;
pub(crate) mod restart;
pub(crate) mod rm;
pub(crate) mod rmi;
pub(crate) mod run;
pub(crate) mod start;
pub(crate) mod stop;
pub(crate) mod tag;
pub(crate) mod version;
pub(crate) mod wait;

use crate::cli::{Cli, Command, ContainerCommand, ImageCommand, Roots};
use crate::failure::{Failure, Outcome};
use crate::render::line;
use brig_engine::Engine;
use brig_state::dirs::{Dirs, Environment};

/// Runs a parsed command line.
pub(crate) fn dispatch(cli: Cli) -> Outcome {
    let open = || engine(&cli.roots);
    match cli.command {
        Command::Run(a) => run::run(&open().map_err(Failure::of_run)?, &a.0),
        Command::Create(a) => create::run(&open().map_err(Failure::of_run)?, &a.0),
        Command::Exec(a) => exec::run(&open().map_err(Failure::of_run)?, &a.0),
        Command::Start(a) => start::run(&open()?, &a.0),
        Command::Stop(a) => stop::run(&open()?, &a.0),
        Command::Restart(a) => restart::run(&open()?, &a.0),
        Command::Kill(a) => kill::run(&open()?, &a.0),
        Command::Wait(a) => wait::run(&open()?, &a.0),
        Command::Rm(a) => rm::run(&open()?, &a.0),
        Command::Rename(a) => rename::run(&open()?, &a.0),
        Command::Ps(a) => ps::run(&open()?, &a.0),
        Command::Logs(a) => logs::run(&open()?, &a.0),
        Command::Attach(a) => attach::run(&open()?, &a.0),
        Command::Inspect(a) => inspect::run(&open()?, &a.0),
        Command::Load(a) => load::run(&open()?, &a.0),
        Command::Images(a) => images::run(&open()?, &a.0),
        Command::Rmi(a) => rmi::run(&open()?, &a.0),
        Command::Tag(a) => tag::run(&open()?, &a.0),
        Command::Container(command) => container(&cli.roots, command),
        Command::Image(command) => image(&cli.roots, command),
        Command::Version(a) => version::run(&a.0),
        Command::Info(a) => info::run(&open()?, &a.0),
        Command::Completion(a) => completion::run(&a.0),
    }
}

fn container(roots: &Roots, command: ContainerCommand) -> Outcome {
    let open = || engine(roots);
    match command {
        ContainerCommand::Run(a) => run::run(&open().map_err(Failure::of_run)?, &a.0),
        ContainerCommand::Create(a) => create::run(&open().map_err(Failure::of_run)?, &a.0),
        ContainerCommand::Exec(a) => exec::run(&open().map_err(Failure::of_run)?, &a.0),
        ContainerCommand::Start(a) => start::run(&open()?, &a.0),
        ContainerCommand::Stop(a) => stop::run(&open()?, &a.0),
        ContainerCommand::Restart(a) => restart::run(&open()?, &a.0),
        ContainerCommand::Kill(a) => kill::run(&open()?, &a.0),
        ContainerCommand::Wait(a) => wait::run(&open()?, &a.0),
        ContainerCommand::Rm(a) => rm::run(&open()?, &a.0),
        ContainerCommand::Rename(a) => rename::run(&open()?, &a.0),
        ContainerCommand::Ls(a) => ps::run(&open()?, &a.0),
        ContainerCommand::Logs(a) => logs::run(&open()?, &a.0),
        ContainerCommand::Attach(a) => attach::run(&open()?, &a.0),
        ContainerCommand::Inspect(a) => inspect::run_kind(&open()?, &a.0, inspect::Kind::Container),
    }
}

fn image(roots: &Roots, command: ImageCommand) -> Outcome {
    let engine = engine(roots)?;
    match command {
        ImageCommand::Load(a) => load::run(&engine, &a.0),
        ImageCommand::Ls(a) => images::run(&engine, &a.0),
        ImageCommand::Rm(a) => rmi::run(&engine, &a.0),
        ImageCommand::Tag(a) => tag::run(&engine, &a.0),
        ImageCommand::Inspect(a) => inspect::run_kind(&engine, &a.0, inspect::Kind::Image),
    }
}

fn engine(roots: &Roots) -> Result<Engine, Failure> {
    let mut dirs = Dirs::from_environment(&Environment::of_process());
    if let Some(root) = &roots.root {
        dirs.root.clone_from(root);
    }
    if let Some(run) = &roots.run_root {
        dirs.run.clone_from(run);
    }
    if let Some(config) = &roots.config {
        if std::fs::metadata(config).is_err() {
            return Err(Failure::invalid(
                format!("configuration `{}` does not exist", config.display()),
                "correct `--config`",
            ));
        }
        dirs.config.clone_from(config);
    }
    Ok(Engine::open(&dirs)?)
}

/// Does something to each container and prints its name as it was given; an error is printed and
/// does not keep the others from their turn.
fn for_each(names: &[String], mut action: impl FnMut(&str) -> Result<(), Failure>) -> Outcome {
    let mut worst = 0;
    for name in names {
        match action(name) {
            Ok(()) => line(name),
            Err(failure) => {
                failure.print_code();
                worst = 1;
            }
        }
    }
    Ok(worst)
}

/// Returns an exit code as a process can have it.
fn exit_code(code: i32) -> u8 {
    u8::try_from(code & 0xff).unwrap_or(u8::MAX)
}
