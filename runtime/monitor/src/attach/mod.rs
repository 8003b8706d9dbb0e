// SPDX-License-Identifier: Apache-2.0
//! Attach clients: who follows the container's output, feeds its stdin and waits for its end.

mod client;
mod frame;
pub(crate) mod socket;

use crate::log::json_file::Stream;
use crate::stdio::Stdio;
use brig_spec::monitor::frame as wire;
use client::Client;
use frame::Incoming;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, read};
use rustix::time::Timespec;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

/// Most clients at a time; further ones wait to be accepted.
const CLIENTS_MAX: usize = 64;

/// How long clients other than the foreground one may take to read the end of the output.
const FAREWELL: Duration = Duration::from_secs(10);

/// All clients of one container.
#[derive(Debug)]
pub(crate) struct Clients {
    listener: OwnedFd,
    clients: Vec<Client>,
    stdin_once: bool,
    /// Whether the client whose end of stdin counts has been there.
    first_seen: bool,
}

impl Clients {
    /// Serves the clients that connect to `listener`, and `foreground`, which is connected.
    pub(crate) fn new(listener: OwnedFd, foreground: Option<OwnedFd>, stdin_once: bool) -> Self {
        let mut this = Self { listener, clients: Vec::new(), stdin_once, first_seen: false };
        if let Some(socket) = foreground {
            this.clients.push(Client::new(socket, true, stdin_once));
            this.first_seen = true;
        }
        this
    }

    /// Returns the socket that new clients connect to, while there is room for one.
    pub(crate) fn listener(&self) -> Option<BorrowedFd<'_>> {
        (self.clients.len() < CLIENTS_MAX).then_some(self.listener.as_fd())
    }

    /// Takes a new client.
    pub(crate) fn accept(&mut self) {
        if let Some(socket) = socket::accept(&self.listener) {
            let owns_stdin = self.stdin_once && !self.first_seen;
            self.first_seen = true;
            self.clients.push(Client::new(socket, false, owns_stdin));
        }
    }

    /// Returns what to wait for, by client number.
    pub(crate) fn interests(
        &self,
        accepts_input: bool,
    ) -> impl Iterator<Item = (usize, BorrowedFd<'_>, PollFlags)> {
        self.clients.iter().enumerate().filter_map(move |(number, client)| {
            let mut flags = PollFlags::empty();
            if accepts_input && !client.input_ended {
                flags |= PollFlags::IN;
            }
            if client.has_queued() {
                flags |= PollFlags::OUT;
            }
            // A hang-up is reported whatever is asked for: once known, do not ask in vain.
            (!client.deaf || !flags.is_empty()).then_some((number, client.as_fd(), flags))
        })
    }

    /// Serves client `number`, for which the poll returned `ready`.
    pub(crate) fn serve(
        &mut self,
        number: usize,
        ready: PollFlags,
        stdio: &mut Stdio,
        buffer: &mut [u8],
    ) {
        let client = &mut self.clients[number];
        if ready.contains(PollFlags::OUT) {
            client.flush();
        }
        let gone = ready.intersects(PollFlags::HUP | PollFlags::ERR);
        if gone {
            client.hang_up();
        }
        // What it sent before it left still counts; the last read returns the end.
        if (gone || ready.contains(PollFlags::IN)) && stdio.accepts_input() {
            receive(client, stdio, buffer);
        }
    }

    /// Forgets clients that are gone; numbers change.
    pub(crate) fn sweep(&mut self, stdio: &mut Stdio) {
        self.clients.retain(|client| {
            if client.is_finished() && client.leaving_ends_stdin {
                stdio.end_input();
            }
            !client.is_finished()
        });
    }

    /// Sends output to every client that wants it.
    pub(crate) fn broadcast(&mut self, stream: Stream, bytes: &[u8]) {
        let (kind, index) = match stream {
            Stream::Stdout => (wire::STDOUT, 0),
            Stream::Stderr => (wire::STDERR, 1),
        };
        for payload in bytes.chunks(wire::PAYLOAD_MAX) {
            for client in self.clients.iter_mut().filter(|client| client.wants[index]) {
                client.send(kind, payload);
            }
        }
    }

    /// Returns whether the foreground client has not read what it was sent, so that the
    /// container has to wait.
    pub(crate) fn holds_output_back(&self) -> bool {
        self.clients.iter().any(|client| client.foreground && client.has_queued())
    }

    /// Tells every client, also those that only just connected, the exit code.
    pub(crate) fn announce_exit(&mut self, exit_code: i32) {
        while let Some(socket) = socket::accept(&self.listener) {
            self.clients.push(Client::new(socket, false, false));
        }
        for client in &mut self.clients {
            client.send(wire::EXIT, &exit_code.to_be_bytes());
        }
    }

    /// Waits until the clients have read everything: the foreground one as long as it takes.
    pub(crate) fn farewell(mut self) {
        let start = Instant::now();
        loop {
            let patience = FAREWELL.saturating_sub(start.elapsed());
            self.clients
                .retain(|client| client.has_queued() && (client.foreground || !patience.is_zero()));
            if self.clients.is_empty() {
                return;
            }
            let others = self.clients.iter().any(|client| !client.foreground);
            let timeout = others.then(|| timespec(patience));
            let mut fds: Vec<PollFd<'_>> =
                self.clients.iter().map(|client| PollFd::new(client, PollFlags::OUT)).collect();
            if poll(&mut fds, timeout.as_ref()).is_err() {
                continue;
            }
            let ready: Vec<PollFlags> = fds.iter().map(PollFd::revents).collect();
            for (client, ready) in self.clients.iter_mut().zip(ready) {
                if ready.intersects(PollFlags::HUP | PollFlags::ERR) {
                    client.hang_up();
                } else if ready.contains(PollFlags::OUT) {
                    client.flush();
                }
            }
        }
    }
}

fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: duration.subsec_nanos().into(),
    }
}

/// Reads once from `client` and acts on what it sent.
fn receive(client: &mut Client, stdio: &mut Stdio, buffer: &mut [u8]) {
    let count = match read(&*client, &mut *buffer) {
        Ok(count) => count,
        Err(Errno::INTR | Errno::AGAIN) => return,
        Err(_) => 0,
    };
    if count == 0 {
        end_of_client_input(client, stdio);
        return;
    }
    let mut input = &buffer[..count];
    loop {
        match client.decoder.next(&mut input) {
            Ok(Some(Incoming::Stdin(bytes))) => stdio.push_input(bytes),
            Ok(Some(Incoming::StdinEof)) => {
                if client.eof_ends_stdin {
                    stdio.end_input();
                }
            }
            Ok(Some(Incoming::Resize { rows, columns })) => stdio.resize(rows, columns),
            Ok(Some(Incoming::Streams { stdout, stderr })) => client.wants = [stdout, stderr],
            Ok(None) => return,
            Err(_) => {
                // It speaks another protocol; closing is the answer it understands.
                client.hang_up();
                end_of_client_input(client, stdio);
                return;
            }
        }
    }
}

fn end_of_client_input(client: &mut Client, stdio: &mut Stdio) {
    client.input_ended = true;
    if client.leaving_ends_stdin {
        stdio.end_input();
    }
}
