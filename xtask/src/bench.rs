// SPDX-License-Identifier: Apache-2.0
//! Times commands against each other: each round runs every command once, in rotating order, with
//! an idle gap before each run. A tight loop would hide what an idle kernel makes the first
//! writer wait for (an RCU grace period, on cgroup v1).
//!
//! A command that needs another view of the machine than the rest (crun refuses hybrid cgroups) is
//! run by a worker inside that view, so that entering it costs the command nothing.

use std::fs;
use std::io::{self, Write};
use std::time::Duration;

mod case;
mod summary;
mod worker;

use case::Case;
use summary::Row;
use worker::Worker;

struct Options {
    rounds: usize,
    gap: Duration,
    json: Option<String>,
    errors: String,
    list: String,
}

/// Runs the commands of a list and writes the table; returns whether every run succeeded.
pub(crate) fn run(arguments: &[String], out: &mut impl Write) -> io::Result<bool> {
    let options = Options::parse(arguments)?;
    let cases = Case::parse_list(&fs::read_to_string(&options.list)?)?;
    let mut workers = Worker::start_all(&cases, &options.list, &options.errors)?;
    let rows = measure(&cases, &options, |index| worker::run(&mut workers, &cases, index))?;
    out.write_all(summary::table(&rows).as_bytes())?;
    if let Some(path) = &options.json {
        fs::write(path, summary::json(&rows, options.rounds).to_string() + "\n")?;
    }
    Ok(rows.iter().all(|row| row.failures == 0))
}

/// Serves a parent's [`run`]; see [`worker`].
pub(crate) fn serve(arguments: &[String], out: &mut impl Write) -> io::Result<bool> {
    let [list, errors] = arguments else {
        return Err(invalid("a list and a file for errors are needed".to_owned()));
    };
    let cases = Case::parse_list(&fs::read_to_string(list)?)?;
    worker::serve(&cases, errors, io::stdin().lock(), out).map(|()| true)
}

impl Options {
    fn parse(arguments: &[String]) -> io::Result<Self> {
        let mut options = Self {
            rounds: 31,
            gap: Duration::from_millis(40),
            json: None,
            errors: "/dev/null".to_owned(),
            list: String::new(),
        };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut value =
                || rest.next().ok_or_else(|| invalid(format!("{argument} needs a value")));
            match argument.as_str() {
                "--rounds" => options.rounds = number(value()?)?,
                "--gap-ms" => options.gap = Duration::from_millis(number(value()?)?),
                "--json" => options.json = Some(value()?.clone()),
                "--errors" => options.errors.clone_from(value()?),
                flag if flag.starts_with('-') => return Err(invalid(format!("no option {flag}"))),
                list => options.list = list.to_owned(),
            }
        }
        if options.list.is_empty() || options.rounds == 0 {
            return Err(invalid("a list of commands and at least one round are needed".to_owned()));
        }
        Ok(options)
    }
}

fn number<T: std::str::FromStr>(text: &str) -> io::Result<T> {
    text.parse().map_err(|_| invalid(format!("`{text}` is not a number")))
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

/// Interleaves the cases; `once` runs one and returns how long it took and whether it succeeded.
fn measure(
    cases: &[Case],
    options: &Options,
    mut once: impl FnMut(usize) -> io::Result<(Duration, bool)>,
) -> io::Result<Vec<Row>> {
    let mut rows: Vec<Row> = cases.iter().map(|case| Row::new(&case.name)).collect();
    // The first round warms caches and is not counted.
    for round in 0..=options.rounds {
        for position in 0..cases.len() {
            let index = (position + round) % cases.len();
            std::thread::sleep(options.gap);
            let (elapsed, success) = once(index)?;
            if round > 0 {
                rows[index].add(elapsed, success);
            }
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measure_rotates_and_leaves_the_warm_up_out() {
        let cases = Case::parse_list("a\t/bin/true\nb\t/bin/false\n").unwrap();
        let arguments = ["--rounds", "2", "--gap-ms", "0", "list"].map(str::to_owned);
        let options = Options::parse(&arguments).unwrap();
        let mut order = Vec::new();
        let rows = measure(&cases, &options, |index| {
            order.push(index);
            Ok((Duration::from_millis(1), index == 0))
        });
        let failures: Vec<usize> = rows.unwrap().iter().map(|row| row.failures).collect();
        assert_eq!(order, [0, 1, 1, 0, 0, 1]);
        assert_eq!(failures, [0, 2]);
    }

    #[test]
    fn options_without_a_list_or_a_value_are_refused() {
        assert!(Options::parse(&["--rounds".to_owned(), "3".to_owned()]).is_err());
        assert!(Options::parse(&["list".to_owned(), "--rounds".to_owned()]).is_err());
        assert!(
            Options::parse(&["list".to_owned(), "--rounds".to_owned(), "x".to_owned()]).is_err()
        );
    }
}
