// SPDX-License-Identifier: Apache-2.0
//! Calls of the OCI runtime, by its command line.
//!
//! Invariants: the runtime inherits descriptors 0 to 2 and nothing else, since everything that the
//! monitor opens is close-on-exec; it starts with no signal blocked, though the monitor blocks
//! them all (`std::process` would hand the mask on, even into the container).

use crate::stdio::{self, ContainerEnds};
use brig_spec::monitor::Launch;
use brig_sys::{Context, SysError, spawn};
use rustix::fs::{Access, MemfdFlags, access, memfd_create};
use rustix::io::Errno;
use rustix::process::{WaitId, WaitIdOptions, WaitIdStatus, waitid};
use std::ffi::{CString, OsString};
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// Name of the runtime's own log in the run directory.
const LOG: &str = "runtime.log";

/// Name of the file in which the runtime leaves the pid of the container's init.
const PID_FILE: &str = "init.pid";

/// Most bytes of a runtime's words that are read.
const WORDS_BYTES_MAX: u64 = 64 * 1024;

/// Why a call of the runtime failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RuntimeError {
    /// The runtime itself could not be executed.
    #[error("cannot execute the OCI runtime `{}`", program.display())]
    Execute { program: PathBuf, source: Errno },
    /// No process could be made for it.
    #[error("cannot start the OCI runtime")]
    Spawn(#[from] SysError),
    /// It said no.
    #[error("{message}")]
    Refused { message: String },
    /// It said no, but not in its log, so the reason is on the container's stderr if anywhere.
    #[error("the OCI runtime failed without a word")]
    Silent,
    /// It succeeded but left no usable pid.
    #[error("the OCI runtime left no pid in `{}`", path.display())]
    NoPid { path: PathBuf },
}

impl RuntimeError {
    /// Returns Docker's exit code for a start that failed so.
    pub(crate) fn exit_code(&self) -> i32 {
        match self {
            Self::Refused { message } => exit_code_of(message),
            _ => 125,
        }
    }
}

/// The runtime, bound to one container.
#[derive(Debug)]
pub(crate) struct Runtime {
    program: PathBuf,
    /// What comes before the verb, the program's name included.
    arguments: Vec<OsString>,
    environment: Vec<CString>,
    id: String,
    bundle: String,
    run_dir: PathBuf,
}

impl Runtime {
    /// Binds the runtime of `launch`; its files go into `run_dir`.
    pub(crate) fn new(launch: &Launch, run_dir: &Path) -> Self {
        let mut arguments = vec![OsString::from(&launch.runtime)];
        arguments.extend(launch.runtime_args.iter().map(OsString::from));
        arguments.extend(["--log".into(), run_dir.join(LOG).into_os_string()]);
        arguments.extend(["--log-format".into(), "json".into()]);
        Self {
            program: launch.runtime.clone().into(),
            arguments,
            environment: environment(),
            id: launch.id.clone(),
            bundle: launch.bundle.clone(),
            run_dir: run_dir.to_owned(),
        }
    }

    /// Creates and starts the container; returns the pid of its init, which may have ended.
    ///
    /// One call of `run --detach` instead of `create` and `start`: everything that outlives the
    /// start is ready by then, and each call of a runtime costs an `execve` of it.
    pub(crate) fn run(
        &self,
        console_socket: Option<&str>,
        ends: ContainerEnds,
    ) -> Result<i32, RuntimeError> {
        let pid_file = self.run_dir.join(PID_FILE);
        let mut words = vec!["--detach".into(), "--bundle".into(), OsString::from(&self.bundle)];
        words.extend(["--pid-file".into(), pid_file.clone().into_os_string()]);
        if let Some(path) = console_socket {
            words.extend(["--console-socket".into(), path.into()]);
        }
        let stdio = [ends.stdin.as_fd(), ends.stdout.as_fd(), ends.stderr.as_fd()];
        self.call("run", words, stdio, None)?;
        let text = read_some(File::open(&pid_file));
        let pid = text.trim().parse().ok().filter(|&pid| pid > 0);
        pid.ok_or(RuntimeError::NoPid { path: pid_file })
    }

    /// Kills what is left of the container and removes its cgroup and its state. Tried twice:
    /// nobody else will remove the state of an auto-removed container if the first is killed.
    pub(crate) fn delete(&self) -> Result<(), RuntimeError> {
        let delete = || self.call_alone("delete", vec!["--force".into()]);
        delete().or_else(|_| delete())
    }

    /// Removes the files that the calls have left in the run directory.
    pub(crate) fn remove_files(&self) {
        for name in [LOG, PID_FILE] {
            // Missing is fine, and a leftover is overwritten by the next run.
            drop(std::fs::remove_file(self.run_dir.join(name)));
        }
    }

    /// Makes a call that has nothing to do with the container's own stdio.
    fn call_alone(&self, verb: &str, words: Vec<OsString>) -> Result<(), RuntimeError> {
        let null = stdio::dev_null()?;
        // A file, since nobody reads a pipe while the runtime runs.
        let stderr = memfd_create("brig-runtime", MemfdFlags::CLOEXEC)
            .context("memfd_create", || "brig-runtime")?;
        let stdio = [null.as_fd(), null.as_fd(), stderr.as_fd()];
        self.call(verb, words, stdio, Some(&stderr))
    }

    fn call(
        &self,
        verb: &str,
        words: Vec<OsString>,
        stdio: [BorrowedFd<'_>; 3],
        stderr: Option<&OwnedFd>,
    ) -> Result<(), RuntimeError> {
        let words = [verb.into()].into_iter().chain(words).chain([OsString::from(&self.id)]);
        let argv: Vec<CString> =
            self.arguments.iter().cloned().chain(words).map(c_string).collect();
        let program = c_string(self.program.clone().into_os_string());
        let child = spawn::spawn(&program, &argv, &self.environment, &stdio, false)?;
        let status = waitid(WaitId::PidFd(child.pidfd.as_fd()), WaitIdOptions::EXITED)
            .context("waitid", || format!("runtime, pid {}", child.pid.as_raw_nonzero()))?;
        match status.as_ref().and_then(WaitIdStatus::exit_status) {
            Some(0) => Ok(()),
            code => Err(self.refusal(code, stderr)),
        }
    }

    /// Returns the runtime's last error, from its log, else from what it wrote to stderr.
    fn refusal(&self, code: Option<i32>, stderr: Option<&OwnedFd>) -> RuntimeError {
        let log = read_some(File::open(self.run_dir.join(LOG)));
        if let Some(message) = last_error(&log) {
            return RuntimeError::Refused { message };
        }
        if code == Some(spawn::EXEC_FAILED)
            && let Err(source) = access(&self.program, Access::EXEC_OK)
        {
            return RuntimeError::Execute { program: self.program.clone(), source };
        }
        let Some(stderr) = stderr else { return RuntimeError::Silent };
        let text = stderr.try_clone().map(File::from).map(|mut file| {
            // It was written through a shared offset, which stands at the end.
            drop(file.rewind());
            read_some(Ok(file))
        });
        RuntimeError::Refused { message: explanation_from_stderr(&text.unwrap_or_default()) }
    }
}

/// Returns this process's environment, of which the runtime and its hooks use `PATH`.
fn environment() -> Vec<CString> {
    std::env::vars_os()
        .map(|(mut name, value)| {
            name.push("=");
            name.push(value);
            c_string(name)
        })
        .collect()
}

/// Converts a word for `execve`; one with a zero byte, which no path has, ends there.
fn c_string(word: OsString) -> CString {
    let mut bytes = word.into_vec();
    if let Some(end) = bytes.iter().position(|&byte| byte == 0) {
        bytes.truncate(end);
    }
    CString::new(bytes).expect("cut before the first zero")
}

/// Returns the last line that says something; a runtime that cannot even open its log says it
/// on stderr.
pub(crate) fn explanation_from_stderr(text: &str) -> String {
    let last = text.lines().map(str::trim).rfind(|line| !line.is_empty());
    last.unwrap_or("the OCI runtime failed without a word").to_owned()
}

/// Returns the message of the last error in a log of JSON lines.
fn last_error(log: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Entry {
        level: String,
        msg: String,
    }
    log.lines()
        .rev()
        .filter_map(|line| serde_json::from_str::<Entry>(line).ok())
        .find(|entry| matches!(entry.level.as_str(), "error" | "fatal"))
        .map(|entry| entry.msg)
}

fn read_some(file: io::Result<File>) -> String {
    let mut bytes = Vec::new();
    if let Ok(file) = file {
        // What was read before an error is as good as what there is.
        drop(file.take(WORDS_BYTES_MAX).read_to_end(&mut bytes));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reasons why an existing file is not executed.
const NOT_EXECUTABLE: [&str; 5] = [
    "permission denied",
    "operation not permitted",
    "is a directory",
    "not a directory",
    "exec format error",
];

/// Returns Docker's exit code for a runtime's words: 127 command not found, 126 command cannot
/// be executed, 125 everything else. Runtimes have no other way to tell.
fn exit_code_of(message: &str) -> i32 {
    let text = message.to_ascii_lowercase();
    // Go's os/exec and its imitators say `exec: "NAME": reason`; crun `open executable` or
    // `executable file ... not found`; others `exec NAME: reason`.
    let about_the_command = ["exec:", "exec \"", "exec `", "exec /", "executable"]
        .iter()
        .any(|word| text.contains(word));
    let says = |reason: &str| text.contains(reason);
    if says("not found in $path") {
        127
    } else if !about_the_command {
        125
    } else if says("no such file or directory") {
        127
    } else if NOT_EXECUTABLE.iter().any(|reason| says(reason)) {
        126
    } else {
        125
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_code_of_runtimes_words_is_dockers() {
        for (message, code) in [
            (
                r#"runc create failed: unable to start container process: exec: "nosuch": executable file not found in $PATH"#,
                127,
            ),
            (
                r#"unable to start container process: exec: "/nosuch": stat /nosuch: no such file or directory"#,
                127,
            ),
            (r#"unable to start container process: exec: "/etc/passwd": permission denied"#, 126),
            (r#"unable to start container process: exec: "/etc": is a directory"#, 126),
            ("executable file `nosuch` not found in $PATH: No such file or directory", 127),
            ("open executable: Permission denied", 126),
            ("open executable: Operation not permitted", 126),
            ("exec /script: exec format error", 126),
            (r#"error mounting "/nosuch" to rootfs at "/mnt": no such file or directory"#, 125),
            (r#"chdir to cwd ("/root") set in config.json failed: permission denied"#, 125),
            ("container with given ID already exists", 125),
        ] {
            assert_eq!(exit_code_of(message), code, "{message}");
        }
    }

    #[test]
    fn last_error_skips_what_is_no_error() {
        let log = concat!(
            r#"{"level":"error","msg":"first","time":"2024-01-01T00:00:00Z"}"#,
            "\n",
            r#"{"level":"error","msg":"exec: \"x\": no","time":"2024-01-01T00:00:00Z"}"#,
            "\n",
            r#"{"level":"warning","msg":"later","time":"2024-01-01T00:00:00Z"}"#,
            "\nnot json\n{\"level\":\"err",
        );
        assert_eq!(last_error(log).unwrap(), "exec: \"x\": no");
        assert_eq!(last_error("not json\n"), None);
    }

    #[test]
    fn explanation_from_stderr_takes_the_last_words() {
        assert_eq!(explanation_from_stderr("usage\n\nbad flag\n\n"), "bad flag");
        assert_eq!(explanation_from_stderr(" \n"), "the OCI runtime failed without a word");
    }
}
