// SPDX-License-Identifier: Apache-2.0
//! The command line's definition: what can be typed. Each command's own part is in its file.

use crate::arguments;
use crate::commands::{
    attach, completion, create, exec, images, info, inspect, kill, load, logs, ps, rename, restart,
    rm, rmi, run, start, stop, tag, version, wait,
};
use crate::failure::Failure;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  brig load -i image.tar                     load an image
  brig run --rm -it busybox sh               an interactive shell
  brig run -d --name web --network host web  a service in the background
  brig logs -f web                           follow its output
  brig rm -f web                             stop and remove it

The network of a container is `none` unless `--network host` is given; other networks are not
available yet.";

/// Containers without a daemon.
#[derive(Debug, Parser)]
#[command(
    name = "brig",
    version,
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = EXAMPLES,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) roots: Roots,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Where the engine keeps its things.
#[derive(Debug, Default, Args)]
pub(crate) struct Roots {
    /// Data root [default: /var/lib/brig]
    #[arg(long, value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,
    /// Run root [default: /run/brig]
    #[arg(long, value_name = "DIR")]
    pub(crate) run_root: Option<PathBuf>,
    /// Configuration file [default: /etc/brig/config.toml]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Commands at the top level.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create and run a new container from an image
    Run(Box<run::Arguments>),
    /// Create a new container
    Create(Box<create::Arguments>),
    /// Start one or more stopped containers
    Start(start::Arguments),
    /// Stop one or more running containers
    Stop(stop::Arguments),
    /// Restart one or more containers
    Restart(restart::Arguments),
    /// Kill one or more running containers
    Kill(kill::Arguments),
    /// Block until containers stop, then print their exit codes
    Wait(wait::Arguments),
    /// Remove one or more containers
    Rm(rm::Arguments),
    /// Rename a container
    Rename(rename::Arguments),
    /// List containers
    Ps(ps::Arguments),
    /// Fetch the logs of a container
    Logs(logs::Arguments),
    /// Execute a command in a running container
    Exec(exec::Arguments),
    /// Attach standard input, output and error to a running container
    Attach(attach::Arguments),
    /// Return details of containers and images as JSON
    Inspect(inspect::Arguments),
    /// Load images from a tar archive, an OCI layout or stdin
    Load(load::Arguments),
    /// List images
    Images(images::Arguments),
    /// Remove one or more images
    Rmi(rmi::Arguments),
    /// Give an image a further name
    Tag(tag::Arguments),
    /// Manage containers
    #[command(subcommand)]
    Container(ContainerCommand),
    /// Manage images
    #[command(subcommand)]
    Image(ImageCommand),
    /// Show the version
    Version(version::Arguments),
    /// Show what this engine is and has
    Info(info::Arguments),
    /// Print a shell completion script
    Completion(completion::Arguments),
}

/// `brig container ...`.
#[derive(Debug, Subcommand)]
pub(crate) enum ContainerCommand {
    /// Create and run a new container from an image
    Run(Box<run::Arguments>),
    /// Create a new container
    Create(Box<create::Arguments>),
    /// Start one or more stopped containers
    Start(start::Arguments),
    /// Stop one or more running containers
    Stop(stop::Arguments),
    /// Restart one or more containers
    Restart(restart::Arguments),
    /// Kill one or more running containers
    Kill(kill::Arguments),
    /// Block until containers stop, then print their exit codes
    Wait(wait::Arguments),
    /// Remove one or more containers
    #[command(alias = "remove")]
    Rm(rm::Arguments),
    /// Rename a container
    Rename(rename::Arguments),
    /// List containers
    #[command(aliases = ["list", "ps"])]
    Ls(ps::Arguments),
    /// Fetch the logs of a container
    Logs(logs::Arguments),
    /// Execute a command in a running container
    Exec(exec::Arguments),
    /// Attach standard input, output and error to a running container
    Attach(attach::Arguments),
    /// Return details of containers as JSON
    Inspect(inspect::OneKind),
}

/// `brig image ...`.
#[derive(Debug, Subcommand)]
pub(crate) enum ImageCommand {
    /// Load images from a tar archive, an OCI layout or stdin
    Load(load::Arguments),
    /// List images
    #[command(alias = "list")]
    Ls(images::Arguments),
    /// Remove one or more images
    #[command(alias = "remove")]
    Rm(rmi::Arguments),
    /// Give an image a further name
    Tag(tag::Arguments),
    /// Return details of images as JSON
    Inspect(inspect::OneKind),
}

/// Parses a command line.
pub(crate) fn parse(args: impl Iterator<Item = OsString>) -> Result<Cli, Failure> {
    let args: Vec<OsString> = args.collect();
    let mut command = Cli::command();
    if arguments::has_switch_value(&args) {
        command = arguments::with_switch_values(command);
    }
    let matches = command.try_get_matches_from(args)?;
    Ok(Cli::from_arg_matches(&matches)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_words(line: &str) -> Result<Cli, Failure> {
        parse(line.split(' ').map(OsString::from))
    }

    fn run(line: &str) -> run::Arguments {
        match parse_words(line) {
            Ok(Cli { command: Command::Run(arguments), .. }) => *arguments,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn run_everything_after_the_image_is_the_commands() {
        let arguments = run("brig run -it --rm busybox ls -l --rm -- x");
        assert_eq!(arguments.image_and_command, ["busybox", "ls", "-l", "--rm", "--", "x"]);
        assert!(arguments.rm && arguments.container.tty && arguments.container.interactive);
        let arguments = run("brig run --entrypoint ls busybox -l");
        assert_eq!(arguments.image_and_command, ["busybox", "-l"]);
        let arguments = run("brig run -- busybox -l");
        assert_eq!(arguments.image_and_command, ["busybox", "-l"]);
    }

    #[test]
    fn run_switches_take_gos_values() {
        let arguments = run("brig run --rm=false -it=true --sig-proxy=0 busybox");
        assert!(!arguments.rm && arguments.container.tty && !arguments.sig_proxy());
        assert!(run("brig run -i busybox").sig_proxy());
    }

    #[test]
    fn run_values_may_begin_with_a_hyphen() {
        let arguments = run("brig run --memory-swap -1 --pids-limit -1 -e -x busybox");
        assert_eq!(arguments.container.memory_swap.as_deref(), Some("-1"));
        assert_eq!(arguments.container.env, ["-x"]);
    }

    #[test]
    fn unknown_flags_exit_with_125_and_missing_arguments_with_1() {
        let code = |line| parse_words(line).unwrap_err().print_code();
        assert_eq!(code("brig run --nope busybox"), 125);
        assert_eq!(code("brig ps --nope"), 125);
        assert_eq!(code("brig run"), 1);
        assert_eq!(code("brig nope"), 1);
    }

    #[test]
    fn both_spellings_are_the_same_command() {
        for line in ["brig container ls -a", "brig container ps -a", "brig container list -a"] {
            assert!(matches!(
                parse_words(line),
                Ok(Cli { command: Command::Container(ContainerCommand::Ls(_)), .. })
            ));
        }
    }
}
