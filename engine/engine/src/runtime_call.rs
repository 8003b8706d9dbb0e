// SPDX-License-Identifier: Apache-2.0
//! Calls of a container's OCI runtime by its command line, for what no monitor does.

use crate::container::record::ContainerRecord;
use crate::error::{Error, Result};
use std::process::{Command, Stdio};

/// A container as its runtime knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Handle {
    /// Id of the container.
    pub(crate) id: String,
    /// Absolute path of the runtime.
    pub(crate) path: String,
    /// Arguments before the verb.
    pub(crate) args: Vec<String>,
}

impl Handle {
    /// Takes it from the container's record.
    pub(crate) fn of(record: &ContainerRecord) -> Self {
        Self {
            id: record.id.clone(),
            path: record.runtime_path.clone(),
            args: record.runtime_args.clone(),
        }
    }
}

/// Sends a signal to the container's init.
pub(crate) fn kill(handle: &Handle, signal: i32) -> Result<()> {
    call(handle, "kill", &[&handle.id, &signal.to_string()])
}

/// Kills what is left of the container and removes its cgroup and the runtime's state of it; an
/// unknown container is fine.
pub(crate) fn delete(handle: &Handle) -> Result<()> {
    call(handle, "delete", &["--force", &handle.id])
}

fn call(handle: &Handle, verb: &'static str, args: &[&str]) -> Result<()> {
    let output = Command::new(&handle.path)
        .args(&handle.args)
        .arg(verb)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .map_err(Error::io("execute", &handle.path))?;
    if output.status.success() {
        return Ok(());
    }
    Err(Error::Runtime {
        runtime: handle.path.clone(),
        verb,
        message: last_words(&String::from_utf8_lossy(&output.stderr)),
    })
}

/// Returns the last line that says something, without a log line's decoration.
fn last_words(stderr: &str) -> String {
    let line = stderr.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("no reason");
    let message = line.split_once("msg=\"").and_then(|(_, rest)| rest.strip_suffix('"'));
    message.unwrap_or(line).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_words_are_undecorated() {
        let logrus = "time=\"2026\" level=error msg=\"container does not exist\"\n\n";
        assert_eq!(last_words(logrus), "container does not exist");
        assert_eq!(last_words("brig-oci: gone\n"), "brig-oci: gone");
        assert_eq!(last_words(""), "no reason");
    }
}
