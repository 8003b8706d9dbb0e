// SPDX-License-Identifier: Apache-2.0
//! The container's init, and whatever other orphans come to this process.

use brig_sys::{Context, SysError};
use rustix::process::{
    Pid, PidfdFlags, WaitId, WaitIdOptions, WaitOptions, pidfd_open, wait, waitid,
};
use std::os::fd::{AsFd, OwnedFd};

/// Exit code recorded when the kernel gave the status to somebody else; Docker's for unknown.
const CODE_UNKNOWN: i32 = 255;

/// The container's init.
#[derive(Debug)]
pub(crate) struct Init {
    pub(crate) pid: i32,
    /// Refers to exactly this process, also when its pid is used again.
    pub(crate) pidfd: OwnedFd,
    /// Known once it has been reaped along with others.
    exit_code: Option<i32>,
}

impl Init {
    /// Takes the process that the runtime created and left to this process, its subreaper.
    ///
    /// To be called before anything is reaped: until then the process, even a dead one, keeps
    /// its pid, so the descriptor refers to it.
    pub(crate) fn adopt(pid: i32) -> Result<Self, SysError> {
        let raw = Pid::from_raw(pid).ok_or(rustix::io::Errno::SRCH);
        let pidfd = raw
            .and_then(|raw| pidfd_open(raw, PidfdFlags::empty()))
            .context("pidfd_open", || pid.to_string())?;
        Ok(Self { pid, pidfd, exit_code: None })
    }

    /// Reaps every dead child: the init, and processes of a container without a PID namespace
    /// whose parent has died.
    pub(crate) fn reap_children(&mut self) {
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            if pid.as_raw_nonzero().get() == self.pid && self.exit_code.is_none() {
                self.exit_code = Some(code(status.exit_status(), status.terminating_signal()));
            }
        }
    }

    /// Waits for the init's end and returns its exit code as Docker counts it.
    pub(crate) fn exit_code(&mut self) -> i32 {
        if let Some(code) = self.exit_code {
            return code;
        }
        let code = match waitid(WaitId::PidFd(self.pidfd.as_fd()), WaitIdOptions::EXITED) {
            Ok(Some(status)) => code(status.exit_status(), status.terminating_signal()),
            // ECHILD: a runtime whose process is not this one's descendant.
            Ok(None) | Err(_) => CODE_UNKNOWN,
        };
        self.exit_code = Some(code);
        code
    }
}

fn code(exit_status: Option<i32>, signal: Option<i32>) -> i32 {
    exit_status.or(signal.map(|number| 128 + number)).unwrap_or(CODE_UNKNOWN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[expect(clippy::zombie_processes, reason = "the code under test is what waits")]
    fn child(script: &str) -> Init {
        let child = Command::new("/bin/sh").args(["-c", script]).spawn().unwrap();
        Init::adopt(child.id().try_into().unwrap()).unwrap()
    }

    #[test]
    fn exit_code_of_exit_and_signal_is_dockers() {
        assert_eq!(child("exit 7").exit_code(), 7);
        assert_eq!(child("kill -9 $$").exit_code(), 137);
        assert_eq!(child("kill -15 $$").exit_code(), 143);
    }
}
