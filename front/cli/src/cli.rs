// SPDX-License-Identifier: Apache-2.0
//! The command line's definition: what can be typed. Each command's own part is in its file.

use crate::arguments;
use crate::commands::{
    attach, completion, create, exec, images, info, inspect, kill, load, logs, ps, rename, restart,
    rm, rmi, run, start, stop, tag, version, wait,
};
use crate::failure::Failure;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
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
    Run(Lazy<run::Arguments>),
    /// Create a new container
    Create(Lazy<create::Arguments>),
    /// Start one or more stopped containers
    Start(Lazy<start::Arguments>),
    /// Stop one or more running containers
    Stop(Lazy<stop::Arguments>),
    /// Restart one or more containers
    Restart(Lazy<restart::Arguments>),
    /// Kill one or more running containers
    Kill(Lazy<kill::Arguments>),
    /// Block until containers stop, then print their exit codes
    Wait(Lazy<wait::Arguments>),
    /// Remove one or more containers
    Rm(Lazy<rm::Arguments>),
    /// Rename a container
    Rename(Lazy<rename::Arguments>),
    /// List containers
    Ps(Lazy<ps::Arguments>),
    /// Fetch the logs of a container
    Logs(Lazy<logs::Arguments>),
    /// Execute a command in a running container
    Exec(Lazy<exec::Arguments>),
    /// Attach standard input, output and error to a running container
    Attach(Lazy<attach::Arguments>),
    /// Return details of containers and images as JSON
    Inspect(Lazy<inspect::Arguments>),
    /// Load images from a tar archive, an OCI layout or stdin
    Load(Lazy<load::Arguments>),
    /// List images
    Images(Lazy<images::Arguments>),
    /// Remove one or more images
    Rmi(Lazy<rmi::Arguments>),
    /// Give an image a further name
    Tag(Lazy<tag::Arguments>),
    /// Manage containers
    #[command(subcommand)]
    Container(ContainerCommand),
    /// Manage images
    #[command(subcommand)]
    Image(ImageCommand),
    /// Show the version
    Version(Lazy<version::Arguments>),
    /// Show what this engine is and has
    Info(Lazy<info::Arguments>),
    /// Print a shell completion script
    Completion(Lazy<completion::Arguments>),
}

/// `brig container ...`.
#[derive(Debug, Subcommand)]
pub(crate) enum ContainerCommand {
    /// Create and run a new container from an image
    Run(Lazy<run::Arguments>),
    /// Create a new container
    Create(Lazy<create::Arguments>),
    /// Start one or more stopped containers
    Start(Lazy<start::Arguments>),
    /// Stop one or more running containers
    Stop(Lazy<stop::Arguments>),
    /// Restart one or more containers
    Restart(Lazy<restart::Arguments>),
    /// Kill one or more running containers
    Kill(Lazy<kill::Arguments>),
    /// Block until containers stop, then print their exit codes
    Wait(Lazy<wait::Arguments>),
    /// Remove one or more containers
    #[command(alias = "remove")]
    Rm(Lazy<rm::Arguments>),
    /// Rename a container
    Rename(Lazy<rename::Arguments>),
    /// List containers
    #[command(aliases = ["list", "ps"])]
    Ls(Lazy<ps::Arguments>),
    /// Fetch the logs of a container
    Logs(Lazy<logs::Arguments>),
    /// Execute a command in a running container
    Exec(Lazy<exec::Arguments>),
    /// Attach standard input, output and error to a running container
    Attach(Lazy<attach::Arguments>),
    /// Return details of containers as JSON
    Inspect(Lazy<inspect::OneKind>),
}

/// `brig image ...`.
#[derive(Debug, Subcommand)]
pub(crate) enum ImageCommand {
    /// Load images from a tar archive, an OCI layout or stdin
    Load(Lazy<load::Arguments>),
    /// List images
    #[command(alias = "list")]
    Ls(Lazy<images::Arguments>),
    /// Remove one or more images
    #[command(alias = "remove")]
    Rm(Lazy<rmi::Arguments>),
    /// Give an image a further name
    Tag(Lazy<tag::Arguments>),
    /// Return details of images as JSON
    Inspect(Lazy<inspect::OneKind>),
}

/// Arguments of a command, defined only when that command is typed: most of a short command's time
/// would else go into the definitions of all the others.
#[derive(Debug)]
pub(crate) struct Lazy<T>(pub(crate) Box<T>);

impl<T: Args> Args for Lazy<T> {
    fn augment_args(command: clap::Command) -> clap::Command {
        command.defer(|command| define(command, T::augment_args))
    }
    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        command.defer(|command| define(command, T::augment_args_for_update))
    }
}

/// Adds arguments, but keeps the command's description, which is not that of the arguments' type.
fn define(
    command: clap::Command,
    augment: impl Fn(clap::Command) -> clap::Command,
) -> clap::Command {
    let about = command.get_about().cloned();
    let command = arguments::with_switch_values(augment(command));
    match about {
        Some(about) => command.about(about),
        None => command,
    }
}

impl<T: FromArgMatches> FromArgMatches for Lazy<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        T::from_arg_matches(matches).map(|arguments| Self(Box::new(arguments)))
    }
    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.update_from_arg_matches(matches)
    }
}

/// Parses a command line.
pub(crate) fn parse(args: impl Iterator<Item = OsString>) -> Result<Cli, Failure> {
    let args: Vec<OsString> = args.collect();
    if arguments::has_switch_value(&args) {
        arguments::allow_switch_values();
    }
    let mut command = Cli::command();
    let matches = command.try_get_matches_from_mut(args);
    // Hundreds of small allocations that the end of the process frees at once.
    std::mem::forget(command);
    Ok(Cli::from_arg_matches(&matches?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_words(line: &str) -> Result<Cli, Failure> {
        parse(line.split(' ').map(OsString::from))
    }

    fn run(line: &str) -> run::Arguments {
        match parse_words(line) {
            Ok(Cli { command: Command::Run(arguments), .. }) => *arguments.0,
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
        assert!(!arguments.rm && arguments.container.tty && !arguments.client.sig_proxy());
        assert!(run("brig run -i busybox").client.sig_proxy());
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
