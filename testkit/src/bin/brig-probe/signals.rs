// SPDX-License-Identifier: Apache-2.0
//! Signals: waiting for one, sending one to oneself, being an init.

use crate::{Answer, Args, Failure, raw, say};
use rustix::process::{WaitOptions, wait};

const NAMES: &[(&str, u64)] = &[
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ABRT", 6),
    ("KILL", 9),
    ("USR1", 10),
    ("SEGV", 11),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", 15),
    ("CHLD", 17),
    ("CONT", 18),
    ("STOP", 19),
    ("TSTP", 20),
    ("WINCH", 28),
    ("SYS", 31),
];

pub(crate) fn answer(args: &Args<'_>) -> Option<Answer> {
    Some(match args.verb {
        "trap-signal" => trap(args),
        "signal-self" => signal_self(args),
        "init" => init(),
        "sigmask" => crate::status::field("SigBlk"),
        "sigignore" => crate::status::field("SigIgn"),
        _ => return None,
    })
}

fn number(name: &str) -> Result<u64, Failure> {
    let short = name.strip_prefix("SIG").unwrap_or(name);
    NAMES
        .iter()
        .find(|(known, _)| *known == short)
        .map(|(_, number)| *number)
        .or_else(|| short.parse().ok())
        .ok_or_else(|| Failure::Text(format!("no such signal: {name}")))
}

fn name(number: usize) -> String {
    let known = NAMES.iter().find(|(_, known)| usize::try_from(*known) == Ok(number));
    known.map_or_else(|| number.to_string(), |(name, _)| format!("SIG{name}"))
}

/// Blocks the named signals, prints `ready`, prints the first one that arrives.
fn trap(args: &Args<'_>) -> Answer {
    let mut mask = 0;
    for word in args.all() {
        mask |= 1 << (number(word)? - 1);
    }
    raw::block_signals(mask).map_err(Failure::Errno)?;
    say("ready");
    raw::wait_signal(mask, None).map(name).map_err(Failure::Errno)
}

fn signal_self(args: &Args<'_>) -> Answer {
    let signal = usize::try_from(number(args.text(0)?)?).unwrap_or(0);
    let pid = usize::try_from(std::process::id()).unwrap_or(0);
    raw::syscall(libc::SYS_kill, &[pid, signal]).map_err(Failure::Errno)?;
    Ok(String::new())
}

/// Prints `ready`, then reaps children until TERM or INT asks it to end.
fn init() -> Answer {
    const TERM_INT_CHLD: u64 = 1 << 14 | 1 << 1 | 1 << 16;
    raw::block_signals(TERM_INT_CHLD).map_err(Failure::Errno)?;
    say("ready");
    loop {
        // EINTR after a stop and continue: wait again.
        let Ok(signal) = raw::wait_signal(TERM_INT_CHLD, None) else { continue };
        if name(signal) != "SIGCHLD" {
            return Ok(name(signal));
        }
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
    }
}
