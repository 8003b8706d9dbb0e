// SPDX-License-Identifier: Apache-2.0
//! What a filter answers, in the specification's words and in the kernel's.

use super::SeccompError;

/// The largest errno the kernel lets a filter return.
const ERRNO_MAX: u32 = 4095;
const EPERM: u16 = 1;

/// The fate of a system call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// The whole process dies of SIGSYS.
    KillProcess,
    /// The calling thread dies of SIGSYS.
    KillThread,
    /// The thread receives SIGSYS.
    Trap,
    /// The call is not made and fails with this error number.
    Errno(u16),
    /// A supervisor decides, through the notification descriptor.
    Notify,
    /// A ptrace tracer decides and receives this message; without one the call fails with ENOSYS.
    Trace(u16),
    /// The call is made and logged.
    Log,
    /// The call is made.
    Allow,
}

impl Action {
    /// Reads an action of a profile with its error number, which defaults to EPERM.
    ///
    /// # Errors
    /// The word is unknown, takes no error number, or the number is out of range.
    pub fn parse(word: &str, errno_ret: Option<u32>) -> Result<Self, SeccompError> {
        let number = || match errno_ret {
            None => Ok(EPERM),
            Some(n) if n <= ERRNO_MAX => Ok(u16::try_from(n).expect("4095 fits 16 bits")),
            Some(errno) => Err(SeccompError::ErrnoTooLarge { action: word.to_owned(), errno }),
        };
        let action = match word {
            "SCMP_ACT_ERRNO" => return Ok(Self::Errno(number()?)),
            "SCMP_ACT_TRACE" => return Ok(Self::Trace(number()?)),
            "SCMP_ACT_KILL" | "SCMP_ACT_KILL_THREAD" => Self::KillThread,
            "SCMP_ACT_KILL_PROCESS" => Self::KillProcess,
            "SCMP_ACT_TRAP" => Self::Trap,
            "SCMP_ACT_NOTIFY" => Self::Notify,
            "SCMP_ACT_LOG" => Self::Log,
            "SCMP_ACT_ALLOW" => Self::Allow,
            _ => return Err(SeccompError::UnknownAction { action: word.to_owned() }),
        };
        match errno_ret {
            None => Ok(action),
            Some(_) => Err(SeccompError::ErrnoNotTaken { action: word.to_owned() }),
        }
    }

    /// Returns the kernel's `SECCOMP_RET_` value.
    #[must_use]
    pub fn to_ret(self) -> u32 {
        match self {
            Self::KillProcess => 0x8000_0000,
            Self::KillThread => 0,
            Self::Trap => 0x0003_0000,
            Self::Errno(errno) => 0x0005_0000 | u32::from(errno),
            Self::Notify => 0x7fc0_0000,
            Self::Trace(message) => 0x7ff0_0000 | u32::from(message),
            Self::Log => 0x7ffc_0000,
            Self::Allow => 0x7fff_0000,
        }
    }

    /// Reads a `SECCOMP_RET_` value as the kernel does: an unknown one kills the process.
    #[must_use]
    pub fn from_ret(ret: u32) -> Self {
        let data = u16::try_from(ret & 0xffff).expect("masked to 16 bits");
        match ret & 0xffff_0000 {
            0 => Self::KillThread,
            0x0003_0000 => Self::Trap,
            0x0005_0000 => Self::Errno(data),
            0x7fc0_0000 => Self::Notify,
            0x7ff0_0000 => Self::Trace(data),
            0x7ffc_0000 => Self::Log,
            0x7fff_0000 => Self::Allow,
            _ => Self::KillProcess,
        }
    }

    /// Whether the call may still be made: by itself, or by whoever supervises.
    #[must_use]
    pub fn is_permissive(self) -> bool {
        matches!(self, Self::Allow | Self::Log | Self::Trace(_) | Self::Notify)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_and_ret_round_trip_for_every_word() {
        for (word, errno, action) in [
            ("SCMP_ACT_KILL", None, Action::KillThread),
            ("SCMP_ACT_KILL_THREAD", None, Action::KillThread),
            ("SCMP_ACT_KILL_PROCESS", None, Action::KillProcess),
            ("SCMP_ACT_TRAP", None, Action::Trap),
            ("SCMP_ACT_ERRNO", None, Action::Errno(1)),
            ("SCMP_ACT_ERRNO", Some(0), Action::Errno(0)),
            ("SCMP_ACT_ERRNO", Some(4095), Action::Errno(4095)),
            ("SCMP_ACT_TRACE", None, Action::Trace(1)),
            ("SCMP_ACT_TRACE", Some(7), Action::Trace(7)),
            ("SCMP_ACT_NOTIFY", None, Action::Notify),
            ("SCMP_ACT_LOG", None, Action::Log),
            ("SCMP_ACT_ALLOW", None, Action::Allow),
        ] {
            assert_eq!(Action::parse(word, errno).unwrap(), action);
            assert_eq!(Action::from_ret(action.to_ret()), action);
        }
        assert_eq!(Action::from_ret(0x1234_0000), Action::KillProcess);
    }

    #[test]
    fn parse_bad_word_or_errno_is_refused() {
        assert!(Action::parse("ALLOW", None).is_err());
        assert!(Action::parse("", None).is_err());
        assert!(Action::parse("SCMP_ACT_ALLOW", Some(1)).is_err());
        assert!(Action::parse("SCMP_ACT_KILL", Some(1)).is_err());
        assert!(Action::parse("SCMP_ACT_ERRNO", Some(4096)).is_err());
    }
}
