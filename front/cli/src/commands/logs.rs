// SPDX-License-Identifier: Apache-2.0
//! `brig logs`.

use crate::failure::{Failure, Outcome};
use crate::render::time;
use brig_engine::Engine;
use brig_engine::container::logs::{LogLine, LogQuery};
use clap::Args;
use jiff::Timestamp;
use std::io::Write;
use std::ops::ControlFlow;

/// Arguments of `logs`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    /// Go on until the container ends
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Show lines since a moment (2026-01-02T13:23:37Z) or an age (42m)
    #[arg(long, value_name = "MOMENT")]
    pub(crate) since: Option<String>,
    /// Show lines before a moment or an age
    #[arg(long, value_name = "MOMENT")]
    pub(crate) until: Option<String>,
    /// Number of last lines to show, or `all`
    #[arg(
        short = 'n',
        long,
        value_name = "COUNT",
        default_value = "all",
        allow_hyphen_values = true
    )]
    pub(crate) tail: String,
    /// Show when each line was written
    #[arg(short, long)]
    pub(crate) timestamps: bool,
    /// Container: name, id or beginning of an id
    #[arg(value_name = "CONTAINER")]
    pub(crate) container: String,
}

/// Prints a container's log.
pub(crate) fn run(engine: &Engine, arguments: &Arguments) -> Outcome {
    let id = engine.find(&arguments.container)?;
    let query = LogQuery {
        tail: tail(&arguments.tail),
        since: moment(arguments.since.as_deref(), "since")?,
        until: moment(arguments.until.as_deref(), "until")?,
        follow: arguments.follow,
        ..LogQuery::default()
    };
    let mut failed = None;
    engine.logs(&id, &query, &mut |line| match print(&line, arguments.timestamps) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            failed = Some(error);
            ControlFlow::Break(())
        }
    })?;
    failed.map_or(Ok(0), |error| Err(error.into()))
}

/// Docker takes everything that is no number for `all`.
fn tail(text: &str) -> Option<usize> {
    text.parse().ok()
}

fn moment(text: Option<&str>, name: &str) -> Result<Option<Timestamp>, Failure> {
    let Some(text) = text else { return Ok(None) };
    match time::parse_moment(text, Timestamp::now()) {
        Some(moment) => Ok(Some(moment)),
        None => Err(Failure::invalid(
            format!("invalid value for \"{name}\": {}", text.escape_debug()),
            "give a moment such as 2026-01-02T13:23:37Z, an age such as 42m, or Unix seconds",
        )),
    }
}

fn print(line: &LogLine, timestamps: bool) -> std::io::Result<()> {
    let mut text = String::with_capacity(line.log.len() + 32);
    if timestamps {
        text.push_str(&time::fixed_nanoseconds(&line.time));
        text.push(' ');
    }
    text.push_str(&line.log);
    if line.stream == "stderr" {
        return std::io::stderr().write_all(text.as_bytes());
    }
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}
