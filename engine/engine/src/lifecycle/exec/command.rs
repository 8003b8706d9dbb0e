// SPDX-License-Identifier: Apache-2.0
//! Looks for the command inside the container before the runtime is called, which has one exit
//! code for every refusal where Docker tells 126 from 127.
//!
//! The answer is advisory: the runtime finds out for itself, inside, and has the last word.

use crate::error::{Error, Result};
use crate::spec::process::env_map;
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, openat2};
use rustix::io::Errno;
use std::os::fd::OwnedFd;

/// What a look at one path found.
enum Found {
    Executable,
    NotExecutable(&'static str),
    Missing,
}

/// Refuses a command that is not there (127) or cannot be executed (126), in runc's words.
pub(super) fn check(root: &OwnedFd, command: &str, env: &[String], cwd: &str) -> Result<()> {
    if command.contains('/') {
        let path =
            if command.starts_with('/') { command.into() } else { format!("{cwd}/{command}") };
        return match look(root, &path) {
            Found::Executable => Ok(()),
            Found::NotExecutable(why) => Err(refusal(126, command, why)),
            Found::Missing => Err(refusal(127, command, "no such file or directory")),
        };
    }
    let env = env_map(env);
    let path = env.get("PATH").copied().unwrap_or_default();
    let mut seen = None;
    for dir in path.split(':').filter(|dir| !dir.is_empty()) {
        match look(root, &format!("{dir}/{command}")) {
            Found::Executable => return Ok(()),
            Found::NotExecutable(why) => seen = seen.or(Some(why)),
            Found::Missing => {}
        }
    }
    Err(match seen {
        Some(why) => refusal(126, command, why),
        None => refusal(127, command, "executable file not found in $PATH"),
    })
}

fn refusal(exit_code: i32, command: &str, why: &str) -> Error {
    Error::Start {
        exit_code,
        message: format!("exec: \"{}\": {why}", command.escape_debug()),
        hint: String::new(),
    }
}

fn look(root: &OwnedFd, path: &str) -> Found {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let path = path.trim_start_matches('/');
    let found = loop {
        match openat2(root, path, flags, Mode::empty(), ResolveFlags::IN_ROOT) {
            Ok(fd) => break fd,
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(Errno::NOENT | Errno::NOTDIR) => return Found::Missing,
            // Whatever else it is, the runtime will say it.
            Err(_) => return Found::Executable,
        }
    };
    let Ok(stat) = fstat(&found) else { return Found::Executable };
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile if stat.st_mode & 0o111 != 0 => Found::Executable,
        FileType::RegularFile => Found::NotExecutable("permission denied"),
        FileType::Directory => Found::NotExecutable("is a directory"),
        _ => Found::NotExecutable("permission denied"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn check_tells_missing_from_not_executable() {
        let base = std::env::temp_dir().join(format!("brig-command-{}", std::process::id()));
        drop(std::fs::remove_dir_all(&base));
        std::fs::create_dir_all(base.join("bin")).unwrap();
        for (name, mode) in [("good", 0o755), ("plain", 0o644)] {
            std::fs::write(base.join("bin").join(name), "").unwrap();
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(base.join("bin").join(name), mode).unwrap();
        }
        symlink("/bin/good", base.join("bin/link")).unwrap();
        let root = OwnedFd::from(std::fs::File::open(&base).unwrap());
        let env = ["PATH=/nope:/bin".to_owned()];
        let code = |command: &str| match check(&root, command, &env, "/bin") {
            Ok(()) => 0,
            Err(Error::Start { exit_code, .. }) => exit_code,
            Err(_) => -1,
        };
        for (command, expected) in [
            ("good", 0),
            ("link", 0),
            ("./good", 0),
            ("/bin/good", 0),
            ("plain", 126),
            ("/bin", 126),
            ("none", 127),
            ("/bin/none", 127),
            ("/bin/good/x", 127),
        ] {
            assert_eq!(code(command), expected, "{command}");
        }
        std::fs::remove_dir_all(base).unwrap();
    }
}
