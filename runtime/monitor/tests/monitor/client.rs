// SPDX-License-Identifier: Apache-2.0
//! An attach client.

use brig_spec::monitor::frame;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// What a client received until the end.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    /// `None` when the connection ended without an exit frame.
    pub(crate) exit_code: Option<i32>,
}

pub(crate) struct Client(pub(crate) UnixStream);

impl Client {
    pub(crate) fn new(socket: UnixStream) -> Self {
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self(socket)
    }

    pub(crate) fn send(&mut self, kind: u8, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        self.0.write_all(&[kind, 0, 0, 0]).unwrap();
        self.0.write_all(&length).unwrap();
        self.0.write_all(payload).unwrap();
    }

    /// Receives one frame, `None` at the end of the connection, where a frame may be cut off.
    pub(crate) fn receive(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut header = [0_u8; 8];
        self.0.read_exact(&mut header).ok()?;
        let length = u32::from_be_bytes(header[4..].try_into().unwrap());
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.0.read_exact(&mut payload).ok()?;
        Some((header[0], payload))
    }

    /// Receives everything.
    pub(crate) fn finish(mut self) -> Received {
        let mut received = Received::default();
        while let Some((kind, payload)) = self.receive() {
            assert_eq!(received.exit_code, None, "a frame after the exit frame");
            match kind {
                frame::STDOUT => received.stdout.extend(payload),
                frame::STDERR => received.stderr.extend(payload),
                frame::EXIT => {
                    received.exit_code = Some(i32::from_be_bytes(payload.try_into().unwrap()));
                }
                kind => panic!("frame of kind {kind}"),
            }
        }
        received
    }

    /// Receives until stdout contains `text`.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        let mut seen = String::new();
        while !seen.contains(text) {
            let (_, payload) = self.receive().unwrap_or_else(|| panic!("{text:?} not in {seen:?}"));
            seen.push_str(&String::from_utf8_lossy(&payload));
        }
        seen
    }
}
