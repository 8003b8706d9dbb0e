// SPDX-License-Identifier: Apache-2.0
//! `events`: usage at intervals and out-of-memory notifications, one JSON document a line, in
//! runc's shapes.

use super::{Failure, Outcome, kill};
use crate::arguments::{Arguments, switch, value};
use crate::global::Global;
use crate::store::Container;
use brig_report::{Kind, Report};
use brig_sandbox::cgroup::{Cgroup, Layout, OomWatch, Stats};
use brig_spec::runtime::Status;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use serde::Serialize;
use std::io::{ErrorKind, Write};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// runc's interval.
const INTERVAL: Duration = Duration::from_secs(5);

/// One line of output.
#[derive(Serialize)]
struct Event<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Stats>,
}

pub(super) fn run(global: &Global, words: &[String]) -> Outcome {
    let flags = [switch("stats", 0), value("interval", 0)];
    let arguments = Arguments::parse(words, &flags, None)?;
    let interval = arguments.get("interval").map_or(Ok(INTERVAL), parse_duration)?;
    let container = Container::named(&global.root, arguments.id()?)?;
    let record = container.load()?;
    let stopped = || {
        let text = format!("container with id {} is not running", record.id);
        Failure::from(Report::new(Kind::Conflict, text))
    };
    if matches!(container.status(&record)?, Status::Stopped | Status::Creating) {
        return Err(stopped());
    }
    let cgroup = Cgroup::open(&Layout::detect()?, &record.cgroup)?;
    if arguments.is_set("stats") {
        emit(&record.id, "stats", Some(cgroup.stats()?))?;
        return Ok(0);
    }
    let init = record.init.ok_or_else(stopped)?;
    let pidfd = kill::open(init)?.ok_or_else(stopped)?;
    stream(&record.id, &cgroup, &pidfd, interval)
}

/// Reports until init ends or nobody reads.
fn stream(id: &str, cgroup: &Cgroup, pidfd: &OwnedFd, interval: Duration) -> Outcome {
    let mut watch = cgroup.watch_oom()?;
    let mut next = Instant::now() + interval;
    loop {
        let ended = wait(&watch, pidfd, next)?;
        // Before the end is acted on: running out of memory is what most often causes it.
        if watch.happened()? && !emit(id, "oom", None)? {
            return Ok(0);
        }
        if ended {
            return Ok(0);
        }
        if Instant::now() < next {
            continue;
        }
        next = Instant::now() + interval;
        match cgroup.stats() {
            Ok(stats) => {
                if !emit(id, "stats", Some(stats))? {
                    return Ok(0);
                }
            }
            // Deleted in between.
            Err(_) if wait(&watch, pidfd, Instant::now())? => return Ok(0),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Sleeps until the time, an event or the end of init; returns whether init has ended.
fn wait(watch: &OomWatch, pidfd: &OwnedFd, until: Instant) -> Result<bool, Report> {
    let left = until.saturating_duration_since(Instant::now());
    let timeout = Timespec {
        tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: left.subsec_nanos().into(),
    };
    let (oom, flags) = watch.poll_for();
    let mut wanted = [PollFd::new(pidfd, PollFlags::IN), PollFd::from_borrowed_fd(oom, flags)];
    match poll(&mut wanted, Some(&timeout)) {
        Ok(_) | Err(Errno::INTR) => Ok(wanted[0].revents().contains(PollFlags::IN)),
        Err(errno) => Err(Report::new(Kind::Internal, format!("poll: {errno}"))),
    }
}

/// Prints one event; returns whether there is still a reader.
fn emit(id: &str, kind: &str, data: Option<Stats>) -> Result<bool, Report> {
    let mut line = serde_json::to_vec(&Event { kind, id, data })
        .map_err(|error| Report::new(Kind::Internal, error.to_string()))?;
    line.push(b'\n');
    match std::io::stdout().write_all(&line) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Report::new(Kind::Internal, format!("write to stdout: {error}"))),
    }
}

/// Parses Go's duration format, such as `5s`, `500ms` or `1m30s`; fractions are not taken.
fn parse_duration(text: &str) -> Result<Duration, Report> {
    let invalid = || {
        Report::new(Kind::Invalid, format!("invalid value {text:?} for flag --interval"))
            .hint("a duration looks like `5s`, `500ms` or `1m30s` and is greater than 0")
    };
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(invalid)?;
        let number: u64 = rest[..digits].parse().map_err(|_| invalid())?;
        rest = &rest[digits..];
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let unit = match &rest[..end] {
            "ms" => Duration::from_millis(number),
            "s" => Duration::from_secs(number),
            "m" => Duration::from_secs(number.checked_mul(60).ok_or_else(invalid)?),
            "h" => Duration::from_secs(number.checked_mul(3600).ok_or_else(invalid)?),
            "us" | "µs" => Duration::from_micros(number),
            _ => return Err(invalid()),
        };
        total = total.checked_add(unit).ok_or_else(invalid)?;
        rest = &rest[end..];
    }
    // An interval beyond what the clock can count would overflow when it is added to the time.
    let sensible = !total.is_zero() && total <= Duration::from_secs(u32::MAX.into());
    sensible.then_some(total).ok_or_else(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_duration_in_gos_format() {
        assert_eq!(parse_duration("5s").unwrap(), Duration::from_secs(5));
        assert_eq!(parse_duration("1m30s").unwrap(), Duration::from_secs(90));
        assert_eq!(parse_duration("250ms").unwrap(), Duration::from_millis(250));
        for bad in ["", "0s", "5", "s", "-1s", "1d", "99999999999999999999s", "9999999999999h"] {
            assert!(parse_duration(bad).is_err(), "{bad:?}");
        }
    }
}
