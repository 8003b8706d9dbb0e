// SPDX-License-Identifier: Apache-2.0
//! What can go wrong in the engine, in Docker's words where clients match them.

use brig_report::{Kind, Report};
use std::path::PathBuf;

/// A failure of an engine operation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No container has this name, id or id prefix.
    #[error("No such container: {0}")]
    NoSuchContainer(String),
    /// More than one container's id begins like this.
    #[error("Multiple IDs found with provided prefix: {0}")]
    AmbiguousContainer(String),
    /// The image is not in the store.
    #[error("Unable to find image '{0}' locally")]
    NoSuchImage(String),
    /// The name belongs to another container.
    #[error(
        "Conflict. The container name \"/{name}\" is already in use by container \"{id}\". You \
         have to remove (or rename) that container to be able to reuse that name."
    )]
    NameInUse {
        /// The name.
        name: String,
        /// The container that has it.
        id: String,
    },
    /// A request that cannot be meant.
    #[error("{message}")]
    Invalid {
        /// The sentence.
        message: String,
        /// What to do instead; may be empty.
        hint: String,
    },
    /// The container is in a state that forbids the request.
    #[error("{message}")]
    State {
        /// The sentence.
        message: String,
        /// What to do first; may be empty.
        hint: String,
    },
    /// The machine lacks what the request needs.
    #[error("{message}")]
    Unavailable {
        /// The sentence.
        message: String,
        /// The remedy; may be empty.
        hint: String,
    },
    /// The monitor reports that the container's process could not be started.
    #[error("{message}")]
    Start {
        /// Docker's code: 125, 126 or 127.
        exit_code: i32,
        /// The monitor's sentence.
        message: String,
        /// The monitor's remedy; may be empty.
        hint: String,
    },
    /// The OCI runtime refused.
    #[error("`{runtime} {verb}` failed: {message}")]
    Runtime {
        /// Path of the runtime.
        runtime: String,
        /// The command, such as `kill`.
        verb: &'static str,
        /// What it said.
        message: String,
    },
    /// A file operation failed.
    #[error("cannot {operation} `{}`", path.display())]
    Io {
        /// What was tried, such as `create the directory`.
        operation: &'static str,
        /// The object.
        path: PathBuf,
        /// The kernel's answer.
        source: std::io::Error,
    },
    /// A record could not be read or written.
    #[error(transparent)]
    Record(#[from] brig_state::Error),
    /// A system call failed.
    #[error(transparent)]
    Sys(#[from] brig_sys::SysError),
    /// The image store refused.
    #[error(transparent)]
    Image(#[from] brig_image::Error),
    /// The configuration file is wrong.
    #[error("configuration `{}` is not valid", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        source: toml::de::Error,
    },
}

/// Result of an engine operation.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Makes a refusal of a malformed request.
    pub fn invalid(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Invalid { message: message.into(), hint: hint.into() }
    }

    /// Makes a refusal because of a container's state.
    pub fn state(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::State { message: message.into(), hint: hint.into() }
    }

    /// Makes a refusal because the machine lacks something.
    pub fn unavailable(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Unavailable { message: message.into(), hint: hint.into() }
    }

    pub(crate) fn io(
        operation: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { operation, path, source }
    }

    pub(crate) fn errno(
        operation: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(rustix::io::Errno) -> Self {
        let path = path.into();
        move |errno| Self::Io { operation, path, source: errno.into() }
    }

    /// Returns the kind, which decides exit codes and HTTP statuses.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::NoSuchContainer(_) | Self::NoSuchImage(_) => Kind::NotFound,
            Self::AmbiguousContainer(_) | Self::Invalid { .. } | Self::Config { .. } => {
                Kind::Invalid
            }
            Self::NameInUse { .. } | Self::State { .. } => Kind::Conflict,
            Self::Unavailable { .. } => Kind::Unavailable,
            Self::Start { exit_code: 126, .. } => Kind::CommandNotExecutable,
            Self::Start { exit_code: 127, .. } => Kind::CommandNotFound,
            Self::Start { .. } | Self::Runtime { .. } => Kind::Internal,
            Self::Io { source, .. } => kind_of_io(source),
            Self::Record(brig_state::Error::Io { source, .. }) => kind_of_io(source),
            Self::Record(_) => Kind::Internal,
            Self::Sys(error) => kind_of_io(&error.errno.into()),
            Self::Image(error) => error.kind(),
        }
    }

    /// Returns the error as it is shown: sentence with causes, and remedies.
    #[must_use]
    pub fn report(&self) -> Report {
        let report = Report::from_error(self.kind(), self);
        match self {
            Self::NoSuchContainer(_) => report.hint("list containers with `brig ps -a`"),
            Self::AmbiguousContainer(_) => report.hint("give more digits of the id"),
            Self::NoSuchImage(_) => report.hint(
                "load it with `brig load -i FILE`; pulling from a registry is not available yet",
            ),
            Self::NameInUse { name, .. } => {
                report.hint(format!("remove it with `brig rm -f {name}`, or choose another name"))
            }
            Self::Invalid { hint, .. }
            | Self::State { hint, .. }
            | Self::Unavailable { hint, .. }
            | Self::Start { hint, .. } => report.hint(hint.clone()),
            Self::Image(brig_image::Error::NoSuchImage { .. }) => {
                report.hint("list images with `brig images`, load one with `brig load -i FILE`")
            }
            Self::Image(brig_image::Error::Reference(_)) => {
                report.hint("write `NAME[:TAG]`, the name in lower case")
            }
            Self::Image(brig_image::Error::Damaged { .. }) => {
                report.hint("remove the image with `brig rmi` and load it again")
            }
            _ => match self.kind() {
                Kind::Denied => report.hint(
                    "run brig as root, or name directories of your own with `--root` and \
                     `--run-root`",
                ),
                Kind::Unavailable => report.hint("free some space, then try again"),
                _ => report,
            },
        }
    }
}

fn kind_of_io(error: &std::io::Error) -> Kind {
    use std::io::ErrorKind as E;
    match error.kind() {
        E::PermissionDenied | E::ReadOnlyFilesystem => Kind::Denied,
        E::StorageFull | E::QuotaExceeded => Kind::Unavailable,
        _ => Kind::Internal,
    }
}
