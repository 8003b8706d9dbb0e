// SPDX-License-Identifier: Apache-2.0
//! `kill`: sends a signal to the container's init, or with `--all` to each of its processes.

use super::{Failure, Outcome};
use crate::arguments::{Arguments, switch};
use crate::global::Global;
use crate::record::Init;
use crate::store::Container;
use brig_report::{Kind, Report};
use brig_sandbox::cgroup;
use brig_spec::runtime::Status;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::os::fd::OwnedFd;

pub(super) fn run(global: &Global, words: &[String]) -> Outcome {
    let arguments = Arguments::parse(words, &[switch("all", b'a')], None)?;
    let container = Container::named(&global.root, arguments.id()?)?;
    let record = container.load()?;
    let signal = parse(arguments.operands.get(1).map_or("TERM", String::as_str))?;
    if arguments.is_set("all") {
        for pid in cgroup::pids(&record.cgroup)?.into_iter().filter_map(Pid::from_raw) {
            // Gone in between: fine.
            if let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty()) {
                let _ = pidfd_send_signal(&pidfd, signal);
            }
        }
        return Ok(0);
    }
    if matches!(container.status(&record)?, Status::Stopped | Status::Creating) {
        return Err(not_running());
    }
    let init = record.init.ok_or_else(not_running)?;
    let pidfd = open(init)?.ok_or_else(not_running)?;
    match pidfd_send_signal(&pidfd, signal) {
        Ok(()) => Ok(0),
        Err(Errno::SRCH) => Err(not_running()),
        Err(errno) => Err(Report::new(Kind::Denied, format!("signal init: {errno}")).into()),
    }
}

fn not_running() -> Failure {
    Report::new(Kind::Conflict, "container not running").into()
}

/// Opens the very process that was recorded; `None` when it has ended.
///
/// # Errors
/// At the descriptor limit.
pub(super) fn open(init: Init) -> Result<Option<OwnedFd>, Report> {
    let Some(pid) = Pid::from_raw(init.pid) else { return Ok(None) };
    match pidfd_open(pid, PidfdFlags::empty()) {
        // The pid may have been reused before the descriptor was there; not after.
        Ok(pidfd) => Ok(init.is_alive().then_some(pidfd)),
        Err(Errno::SRCH) => Ok(None),
        Err(errno) => Err(Report::new(Kind::Internal, format!("pidfd_open {}: {errno}", init.pid))),
    }
}

/// Parses `TERM`, `SIGTERM` or `15`.
fn parse(word: &str) -> Result<Signal, Report> {
    let unknown = || Report::new(Kind::Invalid, format!("unknown signal {word:?}"));
    let number = match word.parse::<i32>() {
        Ok(number) => number,
        Err(_) => {
            let upper = word.to_ascii_uppercase();
            let name = upper.strip_prefix("SIG").unwrap_or(&upper);
            NAMES.iter().find(|(known, _)| *known == name).map(|(_, n)| *n).ok_or_else(unknown)?
        }
    };
    Signal::from_named_raw(number).ok_or_else(unknown)
}

/// Names and numbers on x86 and ARM.
const NAMES: [(&str, i32); 32] = [
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ILL", 4),
    ("TRAP", 5),
    ("ABRT", 6),
    ("IOT", 6),
    ("BUS", 7),
    ("FPE", 8),
    ("KILL", 9),
    ("USR1", 10),
    ("SEGV", 11),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", 15),
    ("STKFLT", 16),
    ("CHLD", 17),
    ("CONT", 18),
    ("STOP", 19),
    ("TSTP", 20),
    ("TTIN", 21),
    ("TTOU", 22),
    ("URG", 23),
    ("XCPU", 24),
    ("XFSZ", 25),
    ("VTALRM", 26),
    ("PROF", 27),
    ("WINCH", 28),
    ("IO", 29),
    ("PWR", 30),
    ("SYS", 31),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_all_three_spellings() {
        for word in ["TERM", "SIGTERM", "sigterm", "15"] {
            assert_eq!(parse(word).unwrap(), Signal::TERM);
        }
        assert!(parse("NOPE").is_err());
        assert!(parse("0x9").is_err());
    }
}
