// SPDX-License-Identifier: Apache-2.0
//! The kinds of failure, and what each means to a shell or an HTTP client.

/// Kind of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The request is malformed: a bad flag, name, reference or document.
    Invalid,
    /// The object does not exist.
    NotFound,
    /// The object is in a state that forbids the request, or the name is taken.
    Conflict,
    /// The caller may not do this.
    Denied,
    /// The machine lacks what the request needs (kernel feature, program, space).
    Unavailable,
    /// The container's command exists but cannot be executed.
    CommandNotExecutable,
    /// The container's command does not exist.
    CommandNotFound,
    /// brig itself failed.
    Internal,
}

impl Kind {
    /// Returns the exit code of Docker's one-shot commands (everything but `run`, `create`, `exec`).
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::CommandNotExecutable => 126,
            Self::CommandNotFound => 127,
            _ => 1,
        }
    }

    /// Returns the exit code of commands that pass a container's own code through, where 125
    /// means that the engine failed before the command ran.
    #[must_use]
    pub fn run_exit_code(self) -> u8 {
        match self {
            Self::CommandNotExecutable => 126,
            Self::CommandNotFound => 127,
            _ => 125,
        }
    }

    /// Returns the HTTP status of the Docker API.
    #[must_use]
    pub fn http_status(self) -> u16 {
        match self {
            Self::Invalid | Self::CommandNotExecutable | Self::CommandNotFound => 400,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::Denied => 403,
            Self::Unavailable => 503,
            Self::Internal => 500,
        }
    }
}
