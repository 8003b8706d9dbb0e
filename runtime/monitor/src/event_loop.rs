// SPDX-License-Identifier: Apache-2.0
//! The monitor's life while the container runs: one poll without a timeout.
//!
//! Invariant: nothing wakes the process but output, clients, a signal or the container's end.

use crate::log::json_file::Stream;
use crate::start::Running;
use crate::stdio::Output;
use brig_sys::signal::SignalFd;
use rustix::event::{PollFd, PollFlags, poll};

/// Bytes read at once from the container or a client: what a pipe holds.
const BUFFER_BYTES: usize = 64 * 1024;

/// Most bytes that are taken from each stream after the container's end. Only processes that
/// outlive it, which the runtime could not kill, write more.
const LAST_BYTES_MAX: usize = 1024 * 1024;

/// Who is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Init,
    Signals,
    Listener,
    Input,
    Output(Stream),
    Client(usize),
}

/// Serves the container until its init ends.
pub(crate) fn serve(running: &mut Running, signals: &SignalFd) {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let ready = wait_for_events(running, signals);
        for &(source, flags) in &ready {
            dispatch(running, signals, source, flags, &mut buffer);
        }
        running.clients.sweep(&mut running.stdio);
        if ready.iter().any(|(source, _)| *source == Source::Init) {
            return;
        }
    }
}

fn wait_for_events(running: &Running, signals: &SignalFd) -> Vec<(Source, PollFlags)> {
    let mut sources = vec![Source::Init, Source::Signals];
    let mut fds =
        vec![PollFd::new(&running.init.pidfd, PollFlags::IN), PollFd::new(signals, PollFlags::IN)];
    let mut add = |source, fd, flags| {
        sources.push(source);
        fds.push(PollFd::from_borrowed_fd(fd, flags));
    };
    if let Some(listener) = running.clients.listener() {
        add(Source::Listener, listener, PollFlags::IN);
    }
    if let Some((fd, flags)) = running.stdio.input_interest() {
        add(Source::Input, fd, flags);
    }
    if !running.clients.holds_output_back() {
        let streams = [Stream::Stdout, Stream::Stderr];
        for (stream, interest) in streams.into_iter().zip(running.stdio.output_interest()) {
            if let Some((fd, flags)) = interest {
                add(Source::Output(stream), fd, flags);
            }
        }
    }
    for (number, fd, flags) in running.clients.interests(running.stdio.accepts_input()) {
        add(Source::Client(number), fd, flags);
    }
    // EINTR cannot be with all signals blocked, ENOMEM is as transient: an empty round.
    if poll(&mut fds, None).is_err() {
        return Vec::new();
    }
    let ready = fds.iter().map(PollFd::revents);
    sources.into_iter().zip(ready).filter(|(_, flags)| !flags.is_empty()).collect()
}

fn dispatch(
    running: &mut Running,
    signals: &SignalFd,
    source: Source,
    flags: PollFlags,
    buffer: &mut [u8],
) {
    match source {
        Source::Init => {}
        Source::Signals => {
            // Several children may have ended for one signal; other signals are ignored.
            while let Ok(Some(_)) = signals.next() {}
            running.init.reap_children();
        }
        Source::Listener => running.clients.accept(),
        Source::Input => running.stdio.write_input(),
        Source::Output(stream) => {
            pump(running, stream, buffer);
        }
        Source::Client(number) => {
            running.clients.serve(number, flags, &mut running.stdio, buffer);
        }
    }
}

/// Hands one read of output on; returns how many bytes there were.
fn pump(running: &mut Running, stream: Stream, buffer: &mut [u8]) -> usize {
    let Output::Bytes(count) = running.stdio.read_output(stream, buffer) else { return 0 };
    running.log.write(stream, &buffer[..count]);
    running.clients.broadcast(stream, &buffer[..count]);
    count
}

/// Takes what the container has written before its end, without waiting for anything.
pub(crate) fn drain(running: &mut Running) {
    let mut buffer = vec![0; BUFFER_BYTES];
    for stream in [Stream::Stdout, Stream::Stderr] {
        let mut taken = 0;
        while taken < LAST_BYTES_MAX {
            match pump(running, stream, &mut buffer) {
                0 => break,
                count => taken += count,
            }
        }
    }
    running.log.finish();
}
