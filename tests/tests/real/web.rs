// SPDX-License-Identifier: Apache-2.0
//! The host's end of a web server on the host's network.

use brig_testkit::wait_for;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

/// How long a genuine server may take to start on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A port of 127.0.0.1 that nobody listens on now.
pub(super) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("the loopback has ports");
    listener.local_addr().expect("it is bound").port()
}

/// Fetches `path`, once somebody answers; headers and body.
#[track_caller]
pub(super) fn fetch(port: u16, path: &str) -> String {
    let mut last = String::new();
    let answer = wait_for(PATIENCE, || match get(port, path) {
        Ok(answer) if answer.starts_with("HTTP/") => Some(answer),
        Ok(answer) => {
            last = answer;
            None
        }
        Err(error) => {
            last = error.to_string();
            None
        }
    });
    answer.unwrap_or_else(|| panic!("nobody serves on port {port}: {last:?}"))
}

fn get(port: u16, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Whether somebody listens on the port.
pub(super) fn is_open(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}
