// SPDX-License-Identifier: Apache-2.0
//! Waiting for a process in the foreground: signals are passed on, a terminal is relayed.
//!
//! Signals are blocked before the process is made and read from a descriptor; its end is read
//! from a pidfd. Neither can be lost, however early the process ends.

use crate::terminal::Relay;
use brig_report::{Kind, Report};
use brig_sandbox::execute::Created;
use brig_sys::signal::SignalFd;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Signal, WaitId, WaitIdOptions, pidfd_send_signal, waitid};
use std::os::fd::AsFd;

/// `SIGCHLD`, `SIGWINCH` and the like, which are the waiter's own business.
fn is_own(signal: i32) -> bool {
    const URG: i32 = 23;
    signal == Signal::CHILD.as_raw() || signal == URG || signal == Signal::PIPE.as_raw()
}

/// Blocks signals so that they can be read while waiting.
///
/// # Errors
/// At the descriptor limit.
pub(crate) fn block_signals() -> Result<SignalFd, Report> {
    brig_sys::signal::block_all().map_err(|error| Report::from_error(Kind::Internal, &error))
}

/// Waits until the process ends; returns its code, or 128 plus the signal that ended it.
///
/// # Errors
/// When the kernel cannot be asked.
pub(crate) fn wait(mut created: Created, signals: &SignalFd) -> Result<u8, Report> {
    let mut relay = created.terminal.take().map(Relay::new);
    let stdin = std::io::stdin();
    loop {
        let mut fds =
            vec![PollFd::new(&created.pidfd, PollFlags::IN), PollFd::new(signals, PollFlags::IN)];
        if let Some(relay) = &relay {
            fds.extend(relay.poll_fds(&stdin));
        }
        match poll(&mut fds, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(Report::new(Kind::Internal, format!("poll: {errno}"))),
        }
        let ready = |index: usize| fds.get(index).is_some_and(|fd| !fd.revents().is_empty());
        let (ended, signalled, stdin_ready) = (ready(0), ready(1), ready(3));
        drop(fds);
        if signalled {
            forward(signals, &created, relay.as_ref());
        }
        let open = relay.as_mut().is_none_or(|relay| relay.pump(stdin_ready));
        if ended {
            return reap(&created);
        }
        if !open {
            relay = None;
        }
    }
}

fn forward(signals: &SignalFd, created: &Created, relay: Option<&Relay>) {
    while let Ok(Some(number)) = signals.next() {
        if number == Signal::WINCH.as_raw() {
            if let Some(relay) = relay {
                relay.resize();
            }
        } else if let (false, Some(signal)) = (is_own(number), Signal::from_named_raw(number)) {
            // It may have just ended.
            let _ = pidfd_send_signal(&created.pidfd, signal);
        }
    }
}

fn reap(created: &Created) -> Result<u8, Report> {
    let status = waitid(WaitId::PidFd(created.pidfd.as_fd()), WaitIdOptions::EXITED)
        .map_err(|errno| Report::new(Kind::Internal, format!("wait for the process: {errno}")))?;
    let code = match status {
        None => 255,
        Some(status) => match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => code,
            (None, signal) => 128 + signal.unwrap_or_default(),
        },
    };
    Ok(u8::try_from(code).unwrap_or(255))
}
