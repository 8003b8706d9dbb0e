// SPDX-License-Identifier: Apache-2.0
//! `ps`: the processes of a container.

use super::{Outcome, print, print_json};
use crate::arguments::{Arguments, value};
use crate::global::Global;
use crate::store::Container;
use brig_report::{Kind, Report};
use brig_sandbox::cgroup;
use std::process::Command;

pub(super) fn run(global: &Global, words: &[String]) -> Outcome {
    let arguments = Arguments::parse(words, &[value("format", b'f')], Some(1))?;
    let container = Container::named(&global.root, arguments.id()?)?;
    let record = container.load()?;
    let pids = cgroup::pids(&record.cgroup)?;
    if arguments.get("format") == Some("json") {
        return print_json(&pids);
    }
    let options = arguments.operands.get(1..).filter(|rest| !rest.is_empty());
    let default = ["-ef".to_owned()];
    let output =
        Command::new("ps").args(options.unwrap_or(&default)).output().map_err(|error| {
            Report::new(Kind::Unavailable, format!("run ps: {error}"))
                .hint("install procps, or use `--format json`")
        })?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut lines = text.lines();
    let header = lines.next().unwrap_or_default();
    let column = header
        .split_whitespace()
        .position(|name| name == "PID")
        .ok_or_else(|| Report::new(Kind::Invalid, "couldn't find PID field in ps output"))?;
    let mut out = format!("{header}\n");
    for line in lines {
        let pid = line.split_whitespace().nth(column).and_then(|word| word.parse::<i32>().ok());
        if pid.is_some_and(|pid| pids.binary_search(&pid).is_ok()) {
            out.push_str(line);
            out.push('\n');
        }
    }
    print(&out)
}
