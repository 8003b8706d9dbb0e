// SPDX-License-Identifier: Apache-2.0
//! Failures of planning and execution, able to cross from the container's init to its creator.

use brig_report::{Kind, Report};
use brig_sys::SysError;
use serde::{Deserialize, Serialize};

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a container could not be made, entered or removed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The configuration asks for something impossible.
    #[error("invalid configuration: {field}: {reason}")]
    Config {
        /// Path of the field, such as `linux.namespaces`.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A step failed in the kernel.
    #[error("{step}")]
    Step {
        /// What was being done, on which object.
        step: String,
        /// The call and the kernel's answer.
        #[source]
        source: SysError,
        /// What to do about it, if known.
        hint: &'static str,
    },
    /// A step found something it must not go on with.
    #[error("{step}: {reason}")]
    Refused {
        /// What was being done, on which object.
        step: String,
        /// What was found.
        reason: String,
    },
    /// The program does not exist in the container.
    #[error("exec: {program:?}: {reason}")]
    CommandNotFound {
        /// argv\[0\].
        program: String,
        /// In runc's words.
        reason: String,
    },
    /// The program exists but cannot be executed.
    #[error("exec: {program:?}: {reason}")]
    CommandNotExecutable {
        /// argv\[0\].
        program: String,
        /// In runc's words.
        reason: String,
    },
    /// The init process reported a failure.
    #[error("{}", .0.message)]
    Init(Failure),
}

/// A failure as it crosses the channel between the container's init and its creator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Exit code that `run` gives for it: 126, 127, or 1 for everything else.
    pub exit_code: u8,
    /// The whole cause chain.
    pub message: String,
    /// What to do about it, if known.
    pub hint: String,
}

impl Error {
    /// Makes a [`Error::Config`].
    pub(crate) fn config(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Config { field: field.into(), reason: reason.into() }
    }

    /// Makes a [`Error::Refused`].
    pub(crate) fn refused(step: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Refused { step: step.into(), reason: reason.into() }
    }

    /// Returns the kind, which decides the exit code.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Config { .. } => Kind::Invalid,
            Self::Step { .. } | Self::Refused { .. } => Kind::Unavailable,
            Self::CommandNotFound { .. } => Kind::CommandNotFound,
            Self::CommandNotExecutable { .. } => Kind::CommandNotExecutable,
            Self::Init(failure) => match failure.exit_code {
                126 => Kind::CommandNotExecutable,
                127 => Kind::CommandNotFound,
                _ => Kind::Unavailable,
            },
        }
    }

    /// Returns the remedy, empty when none is known.
    #[must_use]
    pub fn hint(&self) -> &str {
        match self {
            Self::Step { hint, .. } => hint,
            Self::Init(failure) => &failure.hint,
            _ => "",
        }
    }

    /// Returns the failure to send to the creator.
    #[must_use]
    pub fn to_failure(&self) -> Failure {
        Failure {
            exit_code: self.kind().exit_code(),
            message: brig_report::chain::chain(self),
            hint: self.hint().to_owned(),
        }
    }

    /// Returns what the program's edge prints.
    #[must_use]
    pub fn to_report(&self) -> Report {
        Report::from_error(self.kind(), self).hint(self.hint())
    }
}

/// Names the step that a system call belongs to.
pub(crate) trait InStep<T> {
    /// Adds the step; `step` is evaluated on failure only.
    fn in_step<S: Into<String>>(self, step: impl FnOnce() -> S) -> Result<T>;

    /// As [`InStep::in_step`], with a remedy.
    fn in_step_hint<S: Into<String>>(
        self,
        step: impl FnOnce() -> S,
        hint: &'static str,
    ) -> Result<T>;
}

impl<T> InStep<T> for std::result::Result<T, SysError> {
    fn in_step<S: Into<String>>(self, step: impl FnOnce() -> S) -> Result<T> {
        self.in_step_hint(step, "")
    }

    fn in_step_hint<S: Into<String>>(
        self,
        step: impl FnOnce() -> S,
        hint: &'static str,
    ) -> Result<T> {
        self.map_err(|source| Error::Step { step: step().into(), source, hint })
    }
}
