// SPDX-License-Identifier: Apache-2.0
//! The descriptors that the engine hands over, and the one event that goes back.

use brig_spec::monitor::StartEvent;
use brig_sys::inherited;
use rustix::io::{Errno, write};
use std::os::fd::OwnedFd;

/// Descriptor of the event pipe.
const EVENTS: i32 = 3;

/// Descriptor of the first attach client.
const CLIENT: i32 = 4;

/// Environment variable that announces [`CLIENT`].
const CLIENT_VARIABLE: &str = "BRIG_MONITOR_ATTACH";

/// Where the engine waits for the outcome of the start.
#[derive(Debug)]
pub(crate) struct EventPipe(Option<OwnedFd>);

/// Takes what the engine handed over: the event pipe and, maybe, a connected client.
///
/// Must be called before anything is opened.
pub(crate) fn take_inherited() -> (EventPipe, Option<OwnedFd>) {
    let events = inherited::take(EVENTS);
    let announced = std::env::var_os(CLIENT_VARIABLE).is_some_and(|value| value == "1");
    let client = if announced { inherited::take(CLIENT) } else { None };
    (EventPipe(events), client)
}

impl EventPipe {
    /// Sends the event and closes the pipe. An engine that has gone does not hear it and has
    /// nothing to do with the container's life.
    pub(crate) fn send(self, event: &StartEvent) {
        let Some(pipe) = self.0 else { return };
        let mut line = serde_json::to_vec(event).expect("an enum of strings and numbers is JSON");
        line.push(b'\n');
        let mut rest = &line[..];
        while !rest.is_empty() {
            match write(&pipe, rest) {
                Ok(count) => rest = &rest[count..],
                Err(Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }
}
