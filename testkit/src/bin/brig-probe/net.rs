// SPDX-License-Identifier: Apache-2.0
//! The network as seen from inside.

use crate::{Answer, Args, Failure, errno, say};
use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixListener, UnixStream};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) fn answer(args: &Args<'_>) -> Option<Answer> {
    Some(match args.verb {
        "interfaces" => interfaces(),
        "listen" => listen(args),
        "connect" => connect(args),
        "listen-unix" => listen_unix(args),
        "connect-unix" => connect_unix(args),
        _ => return None,
    })
}

/// `{"lo": {"up": true}, ..}`.
fn interfaces() -> Answer {
    let mut all = serde_json::Map::new();
    for line in fs::read_to_string("/proc/self/net/dev")?.lines().skip(2) {
        let Some((name, _)) = line.trim_start().split_once(':') else { continue };
        all.insert(name.to_owned(), json!({"up": up(name)}));
    }
    Ok(Value::Object(all).to_string())
}

/// `null` where `/sys` does not say.
fn up(name: &str) -> Option<bool> {
    let text = fs::read_to_string(format!("/sys/class/net/{name}/flags")).ok()?;
    let flags = u32::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok()?;
    Some(flags & 1 == 1)
}

/// `listen PORT|ADDRESS`: prints `listening`, answers one connection with what it sent.
fn listen(args: &Args<'_>) -> Answer {
    let text = args.text(0)?;
    let address = if text.contains(':') { text.to_owned() } else { format!("0.0.0.0:{text}") };
    let listener = TcpListener::bind(parse(&address)?)?;
    say("listening");
    let (stream, _) = listener.accept()?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    reply(stream)
}

fn reply(mut stream: impl Read + Write) -> Answer {
    let mut buffer = [0; 256];
    let length = stream.read(&mut buffer)?;
    let got = buffer.get(..length).unwrap_or_default();
    stream.write_all(got)?;
    Ok(String::from_utf8_lossy(got).into_owned())
}

/// `connect ADDRESS [TEXT]`: prints what came back, or the name of the error.
fn connect(args: &Args<'_>) -> Answer {
    let stream = match TcpStream::connect_timeout(&parse(args.text(0)?)?, TIMEOUT) {
        Ok(stream) => stream,
        Err(error) => return refusal(&error),
    };
    stream.set_read_timeout(Some(TIMEOUT))?;
    exchange(stream, args.text(1).unwrap_or("ping"))
}

fn exchange(mut stream: impl Read + Write, text: &str) -> Answer {
    stream.write_all(text.as_bytes())?;
    let mut buffer = [0; 256];
    let length = stream.read(&mut buffer)?;
    Ok(String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()).into_owned())
}

fn refusal(error: &std::io::Error) -> Answer {
    match error.raw_os_error() {
        Some(number) => Ok(errno::name(number)),
        None => Ok(error.kind().to_string()),
    }
}

fn parse(text: &str) -> Result<SocketAddr, Failure> {
    text.parse().map_err(|_| Failure::Text(format!("not ADDRESS:PORT: {text}")))
}

/// A path, or `@NAME` for an abstract one.
fn unix(text: &str) -> std::io::Result<UnixAddr> {
    match text.strip_prefix('@') {
        Some(name) => UnixAddr::from_abstract_name(name),
        None => UnixAddr::from_pathname(text),
    }
}

fn listen_unix(args: &Args<'_>) -> Answer {
    let listener = UnixListener::bind_addr(&unix(args.text(0)?)?)?;
    say("listening");
    reply(listener.accept()?.0)
}

fn connect_unix(args: &Args<'_>) -> Answer {
    match UnixStream::connect_addr(&unix(args.text(0)?)?) {
        Ok(stream) => exchange(stream, args.text(1).unwrap_or("ping")),
        Err(error) => refusal(&error),
    }
}
