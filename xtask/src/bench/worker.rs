// SPDX-License-Identifier: Apache-2.0
//! Processes that run and time the commands on behalf of `bench`, one for each view of the machine.
//!
//! Protocol: the parent writes the index of a case, the worker answers `NANOSECONDS SUCCESS`, one
//! line each. A worker ends with its standard input.
//!
//! `Command` without hooks takes `posix_spawn`, so timing adds one vfork to each run.

use std::env;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use super::case::Case;

/// A running worker, seen from the parent.
pub(super) struct Worker {
    wrapper: Vec<String>,
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Worker {
    /// Starts one worker for each wrapper that the cases name, the empty one included.
    pub(super) fn start_all(cases: &[Case], list: &str, errors: &str) -> io::Result<Vec<Self>> {
        let mut workers: Vec<Self> = Vec::new();
        for case in cases {
            if !workers.iter().any(|worker| worker.wrapper == case.wrapper) {
                workers.push(Self::start(&case.wrapper, list, errors)?);
            }
        }
        Ok(workers)
    }

    fn start(wrapper: &[String], list: &str, errors: &str) -> io::Result<Self> {
        let program = env::current_exe()?.to_string_lossy().into_owned();
        let mut words = wrapper.to_vec();
        words.extend([program, "bench-worker".to_owned(), list.to_owned(), errors.to_owned()]);
        let mut child = Command::new(&words[0])
            .args(&words[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let requests = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().expect("standard output is piped"));
        Ok(Self { wrapper: wrapper.to_vec(), child, requests, answers })
    }

    fn ask(&mut self, index: usize) -> io::Result<(Duration, bool)> {
        let requests = self.requests.as_mut().expect("open until the worker is dropped");
        writeln!(requests, "{index}")?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        let parsed = line.trim_end().split_once(' ').and_then(|(nanoseconds, success)| {
            Some((Duration::from_nanos(nanoseconds.parse().ok()?), success == "true"))
        });
        parsed.ok_or_else(|| io::Error::other(format!("a bench worker answered `{line}`")))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.requests.take());
        // It has nothing more to say; only its zombie is to be collected.
        let _ended = self.child.wait();
    }
}

/// Lets the worker that has the right view of the machine run a case.
pub(super) fn run(
    workers: &mut [Worker],
    cases: &[Case],
    index: usize,
) -> io::Result<(Duration, bool)> {
    let wrapper = &cases[index].wrapper;
    let worker = workers.iter_mut().find(|worker| worker.wrapper == *wrapper);
    worker.expect("there is one for each wrapper").ask(index)
}

/// Answers requests until they end.
pub(super) fn serve(
    cases: &[Case],
    errors: &str,
    requests: impl BufRead,
    answers: &mut impl Write,
) -> io::Result<()> {
    let errors = File::options().append(true).create(true).open(errors)?;
    for line in requests.lines() {
        let case = line?.trim().parse().ok().and_then(|index: usize| cases.get(index));
        let case = case.ok_or_else(|| io::Error::other("no such case"))?;
        let mut command = Command::new(&case.words[0]);
        command.args(&case.words[1..]).stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(errors.try_clone()?);
        let start = Instant::now();
        let status = command.status()?;
        let elapsed = start.elapsed();
        writeln!(answers, "{} {}", elapsed.as_nanos(), status.success())?;
        answers.flush()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serve_times_and_judges_each_request() {
        let cases = Case::parse_list("good\t/bin/true\nbad\t/bin/false\nslow\tsleep 0.05").unwrap();
        let mut answers = Vec::new();
        serve(&cases, "/dev/null", &b"0\n1\n2\n"[..], &mut answers).unwrap();
        let text = String::from_utf8(answers).unwrap();
        let lines: Vec<(&str, &str)> =
            text.lines().filter_map(|line| line.split_once(' ')).collect();
        assert_eq!(lines.iter().map(|line| line.1).collect::<Vec<_>>(), ["true", "false", "true"]);
        assert!(lines[2].0.parse::<u64>().unwrap() >= 50_000_000);
    }

    #[test]
    fn serve_refuses_an_unknown_case() {
        assert!(serve(&[], "/dev/null", &b"0\n"[..], &mut Vec::new()).is_err());
    }
}
