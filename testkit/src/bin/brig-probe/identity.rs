// SPDX-License-Identifier: Apache-2.0
//! Who and what this process is: arguments, environment, ids, names, namespaces.

use crate::{Answer, Args, Failure};
use serde_json::json;
use std::fs;
use std::os::unix::ffi::OsStringExt;

const NAMESPACES: &[&str] =
    &["cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "user", "uts"];

pub(crate) fn answer(args: &Args<'_>) -> Option<Answer> {
    Some(match args.verb {
        "args" => Ok(json!(strings(std::env::args_os())).to_string()),
        "env" => env(args),
        "cwd" => std::env::current_dir()
            .map(|path| path.to_string_lossy().into_owned())
            .map_err(Failure::from),
        "uid" => Ok(rustix::process::geteuid().as_raw().to_string()),
        "gid" => Ok(rustix::process::getegid().as_raw().to_string()),
        "groups" => groups(),
        "pid" => Ok(std::process::id().to_string()),
        "ppid" => Ok(rustix::process::Pid::as_raw(rustix::process::getppid()).to_string()),
        "sid" => rustix::process::getsid(None)
            .map(|sid| sid.as_raw_nonzero().to_string())
            .map_err(Failure::from),
        "pgid" => Ok(rustix::process::getpgrp().as_raw_nonzero().to_string()),
        "hostname" => Ok(lossy(rustix::system::uname().nodename())),
        "domainname" => Ok(lossy(rustix::system::uname().domainname())),
        "machine" => Ok(lossy(rustix::system::uname().machine())),
        "ns" => ns(args),
        "userns" => userns(),
        _ => return None,
    })
}

fn lossy(text: &std::ffi::CStr) -> String {
    text.to_string_lossy().into_owned()
}

fn strings(items: impl Iterator<Item = std::ffi::OsString>) -> Vec<String> {
    items.map(|item| String::from_utf8_lossy(&item.into_vec()).into_owned()).collect()
}

/// Without a name the whole environment as a JSON list, in order; with one its value.
fn env(args: &Args<'_>) -> Answer {
    if let Some(name) = args.all().first() {
        return std::env::var_os(name)
            .map(|value| value.to_string_lossy().into_owned())
            .ok_or_else(|| Failure::Text(format!("{name} is not set")));
    }
    let all = std::env::vars_os().map(|(mut name, value)| {
        name.push("=");
        name.push(value);
        name
    });
    Ok(json!(strings(all)).to_string())
}

/// Supplementary groups, sorted.
fn groups() -> Answer {
    let mut groups: Vec<u32> =
        rustix::process::getgroups()?.iter().map(|group| group.as_raw()).collect();
    groups.sort_unstable();
    Ok(json!(groups).to_string())
}

/// `{"mnt": "mnt:[4026531841]", ..}`, or with a name that one's link.
fn ns(args: &Args<'_>) -> Answer {
    let link = |name: &str| {
        fs::read_link(format!("/proc/self/ns/{name}"))
            .map(|target| target.to_string_lossy().into_owned())
    };
    if let Some(name) = args.all().first() {
        return Ok(link(name)?);
    }
    let all: serde_json::Map<_, _> = NAMESPACES
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), json!(link(name).ok()?))))
        .collect();
    Ok(serde_json::Value::Object(all).to_string())
}

/// `{"uid": [[inside, outside, count], ..], "gid": .., "setgroups": "allow"}`.
fn userns() -> Answer {
    let map = |file: &str| -> Result<Vec<Vec<u64>>, Failure> {
        let text = fs::read_to_string(format!("/proc/self/{file}"))?;
        Ok(text
            .lines()
            .map(|line| line.split_whitespace().filter_map(|word| word.parse().ok()).collect())
            .collect())
    };
    let setgroups = fs::read_to_string("/proc/self/setgroups")?;
    Ok(json!({
        "uid": map("uid_map")?,
        "gid": map("gid_map")?,
        "setgroups": setgroups.trim_end(),
    })
    .to_string())
}
