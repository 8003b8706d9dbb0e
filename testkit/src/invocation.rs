// SPDX-License-Identifier: Apache-2.0
//! Running a program with its output in files and a limit on its time.
//!
//! Files, not pipes: a container that outlives the command that created it keeps its output open,
//! and a reader of a pipe would wait for it.

use crate::deadline::{SOON, expect_soon};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long a program may take before the test gives up on it.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A program to run, as data: it can be wrapped, run again, shown.
#[derive(Debug, Clone)]
pub struct Invocation {
    words: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    cwd: Option<PathBuf>,
    stdin: Option<Vec<u8>>,
    io: PathBuf,
    timeout: Duration,
    note: String,
}

impl Invocation {
    /// A program whose output goes to new files in the directory `io`.
    pub fn new(io: &Path, program: impl AsRef<OsStr>) -> Self {
        Self {
            words: vec![program.as_ref().to_owned()],
            env: Vec::new(),
            cwd: None,
            stdin: None,
            io: io.to_owned(),
            timeout: TIMEOUT,
            note: String::new(),
        }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.words.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Adds a variable to the environment.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Sets the working directory.
    #[must_use]
    pub fn cwd(mut self, cwd: impl AsRef<Path>) -> Self {
        self.cwd = Some(cwd.as_ref().to_owned());
        self
    }

    /// Gives these bytes on standard input; without them it is `/dev/null`.
    #[must_use]
    pub fn stdin(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.stdin = Some(bytes.as_ref().to_owned());
        self
    }

    /// Changes the limit on its time.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Adds what a failure should tell besides the command.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// Puts `before` in front of the command: a wrapper that becomes it.
    #[must_use]
    pub fn wrapped<S: AsRef<OsStr>>(mut self, before: impl IntoIterator<Item = S>) -> Self {
        let mut words: Vec<OsString> =
            before.into_iter().map(|word| word.as_ref().to_owned()).collect();
        words.append(&mut self.words);
        self.words = words;
        self
    }

    /// The words of the command.
    #[must_use]
    pub fn words(&self) -> &[OsString] {
        &self.words
    }

    pub(crate) fn command(&self) -> Command {
        let (program, args) = self.words.split_first().expect("new() put a program there");
        let mut command = Command::new(program);
        command.args(args).envs(self.env.iter().map(|(name, value)| (name, value)));
        if let Some(cwd) = &self.cwd {
            command.current_dir(cwd);
        }
        command
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// When it cannot be started or takes too long.
    #[must_use]
    pub fn output(&self) -> Output {
        self.spawn().wait()
    }

    /// Starts it.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn spawn(&self) -> Running {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let [stdout, stderr] = ["out", "err"].map(|name| self.io.join(format!("{name}{number}")));
        let mut command = self.command();
        command.stdin(if self.stdin.is_some() { Stdio::piped() } else { Stdio::null() });
        let open = |path: &Path| {
            let mut options = File::options();
            options.append(true).create_new(true);
            let file = options.open(path);
            file.unwrap_or_else(|error| panic!("cannot create {}: {error}", path.display()))
        };
        command.stdout(open(&stdout)).stderr(open(&stderr));
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", self.shown()));
        let mut input = child.stdin.take();
        if let (Some(bytes), Some(pipe)) = (&self.stdin, &mut input) {
            use std::io::Write;
            // EPIPE: it ended without reading, which its exit code will tell.
            drop(pipe.write_all(bytes));
        }
        drop(input);
        Running { child: Some(child), stdout, stderr, invocation: self.clone() }
    }

    fn shown(&self) -> String {
        let words: Vec<_> = self.words.iter().map(|word| word.to_string_lossy()).collect();
        words.join(" ")
    }
}

/// A started program. Killed when dropped.
#[derive(Debug)]
pub struct Running {
    child: Option<Child>,
    stdout: PathBuf,
    stderr: PathBuf,
    invocation: Invocation,
}

impl Running {
    /// Its process id.
    ///
    /// # Panics
    /// Never before [`Running::wait`], which takes it.
    #[must_use]
    pub fn pid(&self) -> i32 {
        let child = self.child.as_ref().expect("taken only by wait()");
        i32::try_from(child.id()).expect("process ids are positive")
    }

    /// Sends it a signal; that it has ended already is no failure.
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = Pid::from_raw(self.pid()) {
            let _ = kill_process(pid, signal);
        }
    }

    /// What it has written to standard output.
    #[must_use]
    pub fn stdout(&self) -> String {
        read(&self.stdout)
    }

    /// Waits until its standard output contains `text`.
    ///
    /// # Panics
    /// When that does not happen soon.
    pub fn expect_stdout(&self, text: &str) -> String {
        let what = format!("`{text}` from {}", self.invocation.shown());
        expect_soon(&what, || Some(self.stdout()).filter(|out| out.contains(text)))
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it takes too long; it is killed.
    #[must_use]
    pub fn wait(mut self) -> Output {
        let timeout = self.invocation.timeout;
        let ended = has_ended(self.pid(), timeout);
        let mut child = self.child.take().expect("only wait() takes it");
        if !ended {
            drop(child.kill());
        }
        let status = child.wait().unwrap_or_else(|error| panic!("cannot wait: {error}"));
        let output = Output {
            status,
            stdout: read(&self.stdout),
            stderr: read(&self.stderr),
            stdout_file: self.stdout.clone(),
            command: self.invocation.shown(),
            note: self.invocation.note.clone(),
        };
        assert!(ended, "not done after {timeout:?}: {output}");
        output
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// Waits for the end of a child without reaping it.
pub(crate) fn has_ended(pid: i32, timeout: Duration) -> bool {
    let pid = Pid::from_raw(pid).expect("a child's id is positive");
    // ESRCH: not ours any more, so it has ended.
    let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty()) else { return true };
    let end = std::time::Instant::now() + timeout;
    loop {
        let left = end.saturating_duration_since(std::time::Instant::now());
        let left = Timespec::try_from(left).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
        match poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&left)) {
            Ok(0) => return false,
            Ok(_) => return true,
            Err(_) => {}
        }
    }
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}

/// What a program did.
#[derive(Debug, Clone)]
pub struct Output {
    status: ExitStatus,
    stdout: String,
    stderr: String,
    stdout_file: PathBuf,
    command: String,
    note: String,
}

impl Output {
    pub(crate) fn of_terminal(status: ExitStatus, stdout: String, command: String) -> Self {
        Self {
            status,
            stdout,
            stderr: String::new(),
            stdout_file: PathBuf::new(),
            command,
            note: String::new(),
        }
    }

    /// Its exit code; `None` when a signal ended it.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The signal that ended it.
    #[must_use]
    pub fn signal(&self) -> Option<i32> {
        self.status.signal()
    }

    /// Standard output.
    #[must_use]
    pub fn stdout(&self) -> &str {
        &self.stdout
    }

    /// Standard error.
    #[must_use]
    pub fn stderr(&self) -> &str {
        &self.stderr
    }

    /// What is in its standard output now: a container it left behind may still write there.
    #[must_use]
    pub fn later_stdout(&self) -> String {
        read(&self.stdout_file)
    }

    /// Waits until `text` is in its standard output, also from a container it left behind.
    ///
    /// # Panics
    /// When that does not happen soon.
    pub fn expect_later(&self, text: &str) -> String {
        let what = format!("`{text}` in the output of {self}");
        let found =
            crate::wait_for(SOON, || Some(self.later_stdout()).filter(|out| out.contains(text)));
        found.unwrap_or_else(|| {
            panic!("waited in vain for {what}; it says {:?}", self.later_stdout())
        })
    }

    /// Requires exit code 0.
    ///
    /// # Panics
    /// Otherwise.
    #[must_use]
    #[track_caller]
    pub fn ok(self) -> Self {
        self.exits(0)
    }

    /// Requires this exit code.
    ///
    /// # Panics
    /// Otherwise.
    #[must_use]
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code(), Some(code), "{self}");
        self
    }

    /// Requires an exit code other than 0, and no signal.
    ///
    /// # Panics
    /// Otherwise.
    #[must_use]
    #[track_caller]
    pub fn fails(self) -> Self {
        assert!(self.code().is_some_and(|code| code != 0), "should have failed: {self}");
        self
    }

    /// Requires that standard error says something, with one of these words in it.
    ///
    /// # Panics
    /// Otherwise.
    #[must_use]
    #[track_caller]
    pub fn says(self, words: &[&str]) -> Self {
        let text = self.stderr.to_lowercase();
        assert!(words.iter().any(|word| text.contains(word)), "expected one of {words:?}: {self}");
        self
    }

    /// The lines of standard output.
    #[must_use]
    pub fn lines(&self) -> Vec<&str> {
        self.stdout.lines().collect()
    }

    /// Standard output without the last newline.
    #[must_use]
    pub fn text(&self) -> &str {
        self.stdout.trim_end_matches('\n')
    }

    /// Standard output as one JSON value.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        match serde_json::from_str(&self.stdout) {
            Ok(value) => value,
            Err(error) => panic!("not JSON ({error}): {self}"),
        }
    }
}

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "`{}` ended with {}", self.command, self.status)?;
        writeln!(f, "--- stdout\n{}", self.stdout.trim_end())?;
        writeln!(f, "--- stderr\n{}", self.stderr.trim_end())?;
        write!(f, "--- {}", self.note)
    }
}
