// SPDX-License-Identifier: Apache-2.0
//! `list`: the containers below the root.

use super::{Outcome, print, print_json};
use crate::arguments::{Arguments, switch, value};
use crate::global::Global;
use crate::store;
use serde_json::json;
use std::fmt::Write;

pub(super) fn run(global: &Global, words: &[String]) -> Outcome {
    let flags = [value("format", b'f'), switch("quiet", b'q')];
    let arguments = Arguments::parse(words, &flags, None)?;
    let mut rows = Vec::new();
    for container in store::list(&global.root)? {
        // Being made or removed right now: not a container yet, or no more.
        let Ok(record) = container.load() else { continue };
        let status = container.status(&record)?;
        rows.push((record.state(status), record, container.owner()));
    }
    if arguments.get("format") == Some("json") {
        let rows: Vec<_> = rows
            .iter()
            .map(|(state, record, owner)| {
                json!({
                    "ociVersion": state.oci_version, "id": state.id, "pid": state.pid,
                    "status": state.status, "bundle": state.bundle, "rootfs": record.rootfs,
                    "created": record.created, "owner": owner,
                })
            })
            .collect();
        return print_json(&rows);
    }
    let mut text = String::new();
    if !arguments.is_set("quiet") {
        text.push_str("ID          PID         STATUS      BUNDLE      CREATED     OWNER\n");
    }
    for (state, record, owner) in &rows {
        let written = if arguments.is_set("quiet") {
            writeln!(text, "{}", state.id)
        } else {
            let status = state.status.as_str();
            writeln!(
                text,
                "{:<11} {:<11} {status:<11} {:<11} {:<11} {}",
                state.id, state.pid, state.bundle, record.created, owner
            )
        };
        written.expect("writing to a String cannot fail");
    }
    print(&text)
}
