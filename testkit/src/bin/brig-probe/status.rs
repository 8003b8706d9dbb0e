// SPDX-License-Identifier: Apache-2.0
//! What the kernel keeps about this process: capabilities, limits, seccomp, cgroup, descriptors.

use crate::{Answer, Args, Failure, capability, raw};
use serde_json::{Value, json};
use std::fs;

pub(crate) fn answer(args: &Args<'_>) -> Option<Answer> {
    Some(match args.verb {
        "caps" => caps(),
        "nnp" => field("NoNewPrivs"),
        "seccomp" => field("Seccomp"),
        "seccomp-filters" => field("Seccomp_filters"),
        "umask" => field("Umask"),
        "status" => args.text(0).and_then(field),
        "rlimits" => rlimits(),
        "oom-score-adj" => first_line("/proc/self/oom_score_adj"),
        "personality" => first_line("/proc/self/personality"),
        "cgroup" => whole("/proc/self/cgroup"),
        "timens" => whole("/proc/self/timens_offsets"),
        "sysctl" => args
            .text(0)
            .and_then(|name| first_line(&format!("/proc/sys/{}", name.replace('.', "/")))),
        "keyring" => raw::session_keyring().map_err(Failure::Errno),
        "fds" => fds(),
        "cpus" => field("Cpus_allowed_list"),
        "clock" => clock(args),
        "ioprio" => ioprio(),
        "nice" => nice(),
        _ => return None,
    })
}

fn whole(path: &str) -> Answer {
    Ok(fs::read_to_string(path)?.trim_end().to_owned())
}

fn first_line(path: &str) -> Answer {
    Ok(fs::read_to_string(path)?.lines().next().unwrap_or_default().to_owned())
}

/// A field of `/proc/self/status`.
pub(crate) fn field(name: &str) -> Answer {
    let status = fs::read_to_string("/proc/self/status")?;
    status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .map(|value| value.trim().to_owned())
        .ok_or_else(|| Failure::Text(format!("no {name} in /proc/self/status")))
}

/// The five sets, each a list of names.
fn caps() -> Answer {
    let mut sets = serde_json::Map::new();
    for (name, key) in [
        ("inheritable", "CapInh"),
        ("permitted", "CapPrm"),
        ("effective", "CapEff"),
        ("bounding", "CapBnd"),
        ("ambient", "CapAmb"),
    ] {
        let mask = u64::from_str_radix(&field(key)?, 16)
            .map_err(|_| Failure::Text(format!("{key} is not a mask")))?;
        sets.insert(name.to_owned(), json!(capability::names(mask)));
    }
    Ok(Value::Object(sets).to_string())
}

/// `{"RLIMIT_NOFILE": {"soft": 1024, "hard": 4096}, ..}`; `null` is unlimited.
fn rlimits() -> Answer {
    const NAMES: &[(&str, &str)] = &[
        ("Max cpu time", "CPU"),
        ("Max file size", "FSIZE"),
        ("Max data size", "DATA"),
        ("Max stack size", "STACK"),
        ("Max core file size", "CORE"),
        ("Max resident set", "RSS"),
        ("Max processes", "NPROC"),
        ("Max open files", "NOFILE"),
        ("Max locked memory", "MEMLOCK"),
        ("Max address space", "AS"),
        ("Max file locks", "LOCKS"),
        ("Max pending signals", "SIGPENDING"),
        ("Max msgqueue size", "MSGQUEUE"),
        ("Max nice priority", "NICE"),
        ("Max realtime priority", "RTPRIO"),
        ("Max realtime timeout", "RTTIME"),
    ];
    let text = fs::read_to_string("/proc/self/limits")?;
    let mut limits = serde_json::Map::new();
    for (label, name) in NAMES {
        let Some(rest) = text.lines().find_map(|line| line.strip_prefix(label)) else { continue };
        let mut values = rest.split_whitespace().map(|word| word.parse::<u64>().ok());
        let (soft, hard) = (values.next().flatten(), values.next().flatten());
        limits.insert(format!("RLIMIT_{name}"), json!({"soft": soft, "hard": hard}));
    }
    Ok(Value::Object(limits).to_string())
}

/// `{"0": "/dev/null", ..}`: the open descriptors, without the one that reads the list.
fn fds() -> Answer {
    let own = fs::read_dir("/proc/self/fd")?;
    let mut open = serde_json::Map::new();
    for entry in own {
        let entry = entry?;
        if let Ok(target) = fs::read_link(entry.path()) {
            let target = target.to_string_lossy().into_owned();
            if !target.ends_with("/fd") {
                open.insert(entry.file_name().to_string_lossy().into_owned(), json!(target));
            }
        }
    }
    Ok(Value::Object(open).to_string())
}

/// Seconds of the clock `monotonic` or `boottime`.
fn clock(args: &Args<'_>) -> Answer {
    use rustix::time::{ClockId, clock_gettime};
    let id = match args.text(0)? {
        "monotonic" => ClockId::Monotonic,
        "boottime" => ClockId::Boottime,
        other => return Err(Failure::Text(format!("no such clock: {other}"))),
    };
    Ok(clock_gettime(id).tv_sec.to_string())
}

/// `CLASS:PRIORITY` in numbers.
fn ioprio() -> Answer {
    const IOPRIO_WHO_PROCESS: usize = 1;
    let value =
        raw::syscall(libc::SYS_ioprio_get, &[IOPRIO_WHO_PROCESS, 0]).map_err(Failure::Errno)?;
    Ok(format!("{}:{}", value >> 13, value & 0x1fff))
}

fn nice() -> Answer {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // After the last parenthesis: the name of the command may contain anything.
    let after = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    after
        .split(' ')
        .nth(16)
        .map(str::to_owned)
        .ok_or_else(|| Failure::Text("unreadable /proc/self/stat".to_owned()))
}
