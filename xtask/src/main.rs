// SPDX-License-Identifier: Apache-2.0
//! Chores of the work tree: `cargo run -p xtask -- tidy | bench`. Never part of the product.

use std::io::{self, Write};
use std::process::ExitCode;

mod bench;
mod tidy;

const USAGE: &str = "\
usage: cargo run -p xtask -- tidy
       cargo run -p xtask -- bench [--rounds N] [--gap-ms N] [--json FILE] [--errors FILE] LIST
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut out = io::stdout().lock();
    let result = match arguments.first().map(String::as_str) {
        Some("tidy") => run_tidy(&mut out),
        Some("bench") => bench::run(&arguments[1..], &mut out),
        Some("bench-worker") => bench::serve(&arguments[1..], &mut out),
        _ => out.write_all(USAGE.as_bytes()).map(|()| false),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Nothing is left to try when even standard error is closed.
            let _ignored = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run_tidy(out: &mut impl Write) -> io::Result<bool> {
    let findings = tidy::run(&tidy::root())?;
    for finding in &findings {
        writeln!(out, "{finding}")?;
    }
    writeln!(out, "tidy: {} findings", findings.len())?;
    Ok(findings.is_empty())
}
