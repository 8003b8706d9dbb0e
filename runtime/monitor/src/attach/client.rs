// SPDX-License-Identifier: Apache-2.0
//! One attach client: what it sent, and what it has yet to read.
//!
//! Invariant: a client holds at most [`QUEUE_BYTES_MAX`] of the monitor's memory. One that lags
//! further behind is cut off, so that it cannot stop the container; only the foreground client,
//! for whom the container runs, slows its output down instead.

use super::frame::{Decoder, HEADER_BYTES, header};
use rustix::io::{Errno, IoSlice, write, writev};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Most unread bytes that are kept for a client.
pub(crate) const QUEUE_BYTES_MAX: usize = 1024 * 1024;

/// A connected client.
#[derive(Debug)]
pub(crate) struct Client {
    socket: OwnedFd,
    /// Whether the engine handed it over at the start.
    pub(crate) foreground: bool,
    /// Whether its end of stdin ends the container's.
    pub(crate) eof_ends_stdin: bool,
    /// Whether its leaving ends the container's stdin, too.
    pub(crate) leaving_ends_stdin: bool,
    /// Its position in what it sends.
    pub(crate) decoder: Decoder,
    /// Whether it sends no more.
    pub(crate) input_ended: bool,
    /// Whether it can receive no more.
    pub(crate) deaf: bool,
    /// Whether it wants stdout, stderr.
    pub(crate) wants: [bool; 2],
    queue: Vec<u8>,
    queue_from: usize,
}

impl Client {
    /// Wraps a connected, non-blocking socket. `owns_stdin`: the container's stdin ends with it.
    pub(crate) fn new(socket: OwnedFd, foreground: bool, owns_stdin: bool) -> Self {
        Self {
            socket,
            foreground,
            eof_ends_stdin: foreground || owns_stdin,
            leaving_ends_stdin: owns_stdin,
            decoder: Decoder::default(),
            input_ended: false,
            deaf: false,
            wants: [true; 2],
            queue: Vec::new(),
            queue_from: 0,
        }
    }

    /// Returns whether output waits for the client.
    pub(crate) fn has_queued(&self) -> bool {
        !self.deaf && self.queue_from < self.queue.len()
    }

    /// Returns whether nothing more can come of the client.
    pub(crate) fn is_finished(&self) -> bool {
        self.deaf && self.input_ended
    }

    /// Sends a frame, or queues what the socket does not take now.
    pub(crate) fn send(&mut self, kind: u8, payload: &[u8]) {
        if self.deaf {
            return;
        }
        let header = header(kind, payload.len());
        let sent = if self.has_queued() { 0 } else { self.send_now(&header, payload) };
        if sent == HEADER_BYTES + payload.len() || self.deaf {
            return;
        }
        if !self.foreground && self.queue.len() + payload.len() > QUEUE_BYTES_MAX {
            // Closing tells the client; a gap in its stream would not.
            self.hang_up();
            self.input_ended = true;
            return;
        }
        self.queue.extend_from_slice(&header[sent.min(HEADER_BYTES)..]);
        self.queue.extend_from_slice(&payload[sent.saturating_sub(HEADER_BYTES)..]);
    }

    fn send_now(&mut self, header: &[u8], payload: &[u8]) -> usize {
        loop {
            match writev(&self.socket, &[IoSlice::new(header), IoSlice::new(payload)]) {
                Ok(count) => return count,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return 0,
                Err(_) => {
                    self.hang_up();
                    return 0;
                }
            }
        }
    }

    /// Sends what is queued, as far as the socket takes it.
    pub(crate) fn flush(&mut self) {
        while self.has_queued() {
            match write(&self.socket, &self.queue[self.queue_from..]) {
                Ok(count) => self.queue_from += count,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    self.queue.drain(..self.queue_from);
                    self.queue_from = 0;
                    return;
                }
                Err(_) => self.hang_up(),
            }
        }
        // The memory goes back: idle monitors are counted in hundreds.
        self.queue = Vec::new();
        self.queue_from = 0;
    }

    /// Gives up sending; what the client sent before it left is still read.
    pub(crate) fn hang_up(&mut self) {
        self.deaf = true;
        self.queue = Vec::new();
        self.queue_from = 0;
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
