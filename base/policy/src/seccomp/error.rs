// SPDX-License-Identifier: Apache-2.0
//! What can be wrong with a seccomp profile.

/// A profile that cannot be turned into a filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeccompError {
    /// The action is not one of the specification's.
    #[error("unknown seccomp action `{action}`")]
    UnknownAction {
        /// The profile's word.
        action: String,
    },
    /// The action has an error number that it could not return.
    #[error("seccomp action `{action}` takes no error number")]
    ErrnoNotTaken {
        /// The profile's word.
        action: String,
    },
    /// The error number is larger than any the kernel returns.
    #[error("error number {errno} of seccomp action `{action}` is above 4095")]
    ErrnoTooLarge {
        /// The profile's word.
        action: String,
        /// The number.
        errno: u32,
    },
    /// The operator is not one of the specification's.
    #[error("unknown seccomp operator `{op}` for `{call}`")]
    UnknownOperator {
        /// The profile's word.
        op: String,
        /// First name of the rule.
        call: String,
    },
    /// The architecture is not one of the specification's.
    #[error("unknown seccomp architecture `{name}`")]
    UnknownArchitecture {
        /// The profile's word.
        name: String,
    },
    /// The word for calls of other ABIs is not one of brig's.
    #[error("unknown `brigForeignAbi` `{word}`: there is `errno` and `kill`")]
    UnknownForeignAbi {
        /// The profile's word.
        word: String,
    },
    /// The flag is not one that a profile may ask for.
    #[error("unknown seccomp flag `{flag}`")]
    UnknownFlag {
        /// The profile's word.
        flag: String,
    },
    /// A condition names an argument that no system call has.
    #[error("seccomp rule for `{call}` looks at argument {index}; arguments are 0 to 5")]
    ArgumentIndex {
        /// First name of the rule.
        call: String,
        /// The index.
        index: u32,
    },
    /// `SCMP_ACT_NOTIFY` where the supervisor could not even be told.
    #[error("SCMP_ACT_NOTIFY cannot be {place}: the runtime itself would wait for the supervisor")]
    NotifyImpossible {
        /// Where it stands.
        place: &'static str,
    },
    /// This executable runs on a processor without a table of system calls.
    #[error("no system call table for this processor")]
    UnsupportedProcessor,
    /// The profile needs more instructions than the kernel takes.
    #[error("the seccomp filter needs {count} instructions; the kernel takes 4096")]
    TooLong {
        /// Instructions needed.
        count: usize,
    },
    /// The bytes or instructions are not a filter that the kernel would accept.
    #[error("instruction {at} of the seccomp program is not valid")]
    InvalidProgram {
        /// Index of the instruction.
        at: usize,
    },
}
