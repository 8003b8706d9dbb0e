// SPDX-License-Identifier: Apache-2.0
//! Finding the user's program inside the container, with runc's words when it is not there.

use crate::{Error, Result};
use rustix::fs::{Access, FileType, access, stat};
use rustix::io::Errno;
use std::ffi::{CStr, CString};

/// Finds `args[0]`: as it is when it has a slash, else along `PATH` of `env`.
pub(super) fn find(program: &CStr, env: &[CString]) -> Result<CString> {
    let name = program.to_string_lossy().into_owned();
    if program.to_bytes().contains(&b'/') {
        return match executable(program) {
            Ok(()) => Ok(program.to_owned()),
            Err(errno) => Err(refusal(&name, &name, errno)),
        };
    }
    let path = env.iter().find_map(|word| word.to_bytes().strip_prefix(b"PATH="));
    let mut denied = None;
    for directory in path.unwrap_or_default().split(|byte| *byte == b':') {
        let directory = if directory.is_empty() { b"." } else { directory };
        let mut candidate = directory.to_vec();
        candidate.push(b'/');
        candidate.extend_from_slice(program.to_bytes());
        let Ok(candidate) = CString::new(candidate) else { continue };
        match executable(&candidate) {
            Ok(()) => return Ok(candidate),
            Err(Errno::ACCESS) => denied = Some(candidate),
            Err(_) => {}
        }
    }
    match denied {
        Some(candidate) => Err(refusal(&name, &candidate.to_string_lossy(), Errno::ACCESS)),
        None => Err(Error::CommandNotFound {
            program: name,
            reason: "executable file not found in $PATH".to_owned(),
        }),
    }
}

fn executable(path: &CStr) -> std::result::Result<(), Errno> {
    let stat = stat(path)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Err(Errno::ISDIR),
        _ => access(path, Access::EXEC_OK),
    }
}

/// Turns the kernel's answer to `stat`, `access` or `execve` into the right error.
pub(super) fn refusal(program: &str, path: &str, errno: Errno) -> Error {
    let program = program.to_owned();
    match errno {
        Errno::NOENT | Errno::NOTDIR => Error::CommandNotFound {
            program,
            reason: format!("stat {path}: no such file or directory"),
        },
        // Both words: Docker 20.10 takes its exit code 126 from the second, later ones from either.
        Errno::ISDIR => Error::CommandNotExecutable {
            program,
            reason: "is a directory: permission denied".to_owned(),
        },
        Errno::ACCESS | Errno::PERM => {
            Error::CommandNotExecutable { program, reason: "permission denied".to_owned() }
        }
        Errno::NOEXEC => {
            Error::CommandNotExecutable { program, reason: "exec format error".to_owned() }
        }
        errno => Error::CommandNotExecutable { program, reason: errno.to_string() },
    }
}
