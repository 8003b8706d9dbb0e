// SPDX-License-Identifier: Apache-2.0
//! Terminals and standard input.

use crate::{Answer, Args, Failure, raw, say};
use rustix::termios::{isatty, tcgetwinsize};
use std::io::{self, BufRead, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

pub(crate) fn answer(args: &Args<'_>) -> Option<Answer> {
    Some(match args.verb {
        "isatty" => descriptors(|fd| isatty(fd).to_string()),
        "winsize" => size().map_err(Failure::from),
        "tty-size-wait" => size_wait(args),
        "ttyname" => name(),
        "ctty" => std::fs::File::open("/dev/tty")
            .map(|_| "true".to_owned())
            .or_else(|_| Ok("false".to_owned())),
        "foreground" => rustix::termios::tcgetpgrp(io::stdin())
            .map(|group| (group == rustix::process::getpgrp()).to_string())
            .map_err(Failure::from),
        "echo-stdin" => echo(),
        "read-line" => line(),
        "raw-mode" => raw_mode(),
        _ => return None,
    })
}

/// The answer for descriptors 0, 1 and 2, separated by spaces.
fn descriptors(ask: impl Fn(BorrowedFd<'_>) -> String) -> Answer {
    let (input, output, error) = (io::stdin(), io::stdout(), io::stderr());
    Ok([input.as_fd(), output.as_fd(), error.as_fd()].map(ask).join(" "))
}

/// `COLUMNSxROWS` of the terminal on standard input.
fn size() -> rustix::io::Result<String> {
    tcgetwinsize(io::stdin()).map(|size| format!("{}x{}", size.ws_col, size.ws_row))
}

/// `tty-size-wait COLUMNSxROWS`: prints `waiting`, then how often SIGWINCH came until it fitted.
fn size_wait(args: &Args<'_>) -> Answer {
    const WINCH: u64 = 1 << 27;
    let (wanted, end) = (args.text(0)?, Instant::now() + Duration::from_secs(10));
    raw::block_signals(WINCH).map_err(Failure::Errno)?;
    say("waiting");
    while size()? != wanted {
        let left = end.saturating_duration_since(Instant::now());
        match raw::wait_signal(WINCH, Some(left)) {
            Err(libc::EAGAIN) => return Err(Failure::Text(format!("still {}", size()?))),
            _ => continue,
        }
    }
    size().map_err(Failure::from)
}

/// The path of the terminal on standard input, and the device of it.
fn name() -> Answer {
    let path = std::fs::read_link("/proc/self/fd/0")?;
    let stat = rustix::fs::fstat(io::stdin())?;
    let major = rustix::fs::major(stat.st_rdev);
    Ok(format!("{} major {major}", path.to_string_lossy()))
}

fn echo() -> Answer {
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    io::copy(&mut input, &mut output)?;
    output.flush()?;
    Ok(String::new())
}

fn line() -> Answer {
    let mut text = String::new();
    io::stdin().lock().read_line(&mut text)?;
    Ok(format!("line {:?}", text.trim_end_matches(['\n', '\r'])))
}

fn raw_mode() -> Answer {
    let mut attributes = rustix::termios::tcgetattr(io::stdin())?;
    attributes.make_raw();
    let when = rustix::termios::OptionalActions::Now;
    rustix::termios::tcsetattr(io::stdin(), when, &attributes)?;
    Ok(String::new())
}
