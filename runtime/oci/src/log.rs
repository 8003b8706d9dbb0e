// SPDX-License-Identifier: Apache-2.0
//! The single edge where an error becomes text, a log line and an exit code.

use crate::global::Global;
use brig_report::Report;
use brig_state::time::Timestamp;
use std::fs::OpenOptions;
use std::io::Write;
use std::process::ExitCode;

/// Prints a report to stderr and, in runc's format, to the log; returns the exit code.
pub(crate) fn fail(global: &Global, report: &Report, exit_code: u8) -> ExitCode {
    // Nobody to tell when stderr itself is broken.
    drop(writeln!(std::io::stderr(), "brig-oci: {report}"));
    if let Some(path) = &global.log
        && let Ok(mut file) = OpenOptions::new().append(true).create(true).open(path)
    {
        drop(file.write_all(line(global.log_json, report).as_bytes()));
    }
    ExitCode::from(exit_code)
}

fn line(json: bool, report: &Report) -> String {
    let time = Timestamp::now().to_log();
    if json {
        let line = serde_json::json!({"level": "error", "msg": report.message, "time": time});
        format!("{line}\n")
    } else {
        format!("time=\"{time}\" level=error msg={:?}\n", report.message)
    }
}
