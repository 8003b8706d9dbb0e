// SPDX-License-Identifier: Apache-2.0
//! Where brig's own programs and the OCI runtimes are.

use crate::config::Config;
use crate::container::create::ChosenRuntime;
use crate::error::{Error, Result};
use crate::layout::Layout;
use rustix::fs::{Access, access};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Name of brig's own runtime.
pub const OWN_RUNTIME: &str = "brig-oci";
/// Name of the monitor.
pub const MONITOR: &str = "brig-monitor";
/// Runtimes that may be named without being configured.
const KNOWN: &[&str] = &[OWN_RUNTIME, "runc", "crun", "runsc", "youki"];

/// Finds one of brig's own programs: in `BRIG_LIBEXEC`, beside this executable, in `PATH`.
///
/// # Errors
/// When it is in none of them.
pub fn own_program(name: &str) -> Result<PathBuf> {
    if let Some(dir) = std::env::var_os("BRIG_LIBEXEC").filter(|dir| !dir.is_empty()) {
        let path = PathBuf::from(dir).join(name);
        if is_executable(&path) {
            return Ok(path);
        }
        return Err(missing(name, &format!("`BRIG_LIBEXEC` names `{}`", path.display())));
    }
    let beside = std::env::current_exe().ok().map(|exe| exe.with_file_name(name));
    if let Some(path) = beside.filter(|path| is_executable(path)) {
        return Ok(path);
    }
    in_path(name, std::env::var_os("PATH"))
        .ok_or_else(|| missing(name, "put it beside `brig`, into `PATH`, or set `BRIG_LIBEXEC`"))
}

fn missing(name: &str, hint: &str) -> Error {
    Error::unavailable(format!("cannot find the program `{name}`"), hint)
}

/// Chooses the runtime called `wanted`: a path, a configured name, a known name.
///
/// # Errors
/// When the name is unknown or the program is missing.
pub fn choose(layout: &Layout, config: &Config, wanted: Option<&str>) -> Result<ChosenRuntime> {
    let wanted = wanted.or(config.default_runtime.as_deref()).unwrap_or(OWN_RUNTIME);
    let (path, mut args) = locate(config, wanted)?;
    let name = Path::new(wanted).file_name().map_or(wanted.into(), |name| name.to_string_lossy());
    args.push("--root".to_owned());
    args.push(layout.runtime_root(&name).to_string_lossy().into_owned());
    Ok(ChosenRuntime { name: wanted.to_owned(), path: path.to_string_lossy().into_owned(), args })
}

/// Returns whether a runtime maps the ids of bind mounts; one that does not would silently leave
/// them unmapped.
pub(crate) fn maps_mount_ids(runtime: &ChosenRuntime) -> bool {
    if runtime.name == OWN_RUNTIME {
        return true;
    }
    let mut command = Command::new(&runtime.path);
    command.arg("features").stdin(Stdio::null()).stderr(Stdio::null());
    let features = match command.output() {
        Ok(output) if output.status.success() => output.stdout,
        _ => return false,
    };
    serde_json::from_slice::<serde_json::Value>(&features).is_ok_and(|features| {
        features.pointer("/linux/mountExtensions/idmap/enabled").and_then(|v| v.as_bool())
            == Some(true)
    })
}

fn locate(config: &Config, wanted: &str) -> Result<(PathBuf, Vec<String>)> {
    if wanted.contains('/') {
        let path = std::path::absolute(wanted).map_err(Error::io("resolve", wanted))?;
        return match is_executable(&path) {
            true => Ok((path, Vec::new())),
            false => Err(missing(wanted, "`--runtime` takes the path of an executable")),
        };
    }
    if let Some(entry) = config.runtimes.get(wanted) {
        let program = if entry.path.is_empty() { wanted } else { &entry.path };
        let path = match program.contains('/') {
            true => Some(PathBuf::from(program)).filter(|path| is_executable(path)),
            false => in_path(program, std::env::var_os("PATH")),
        };
        let path = path.ok_or_else(|| {
            missing(program, &format!("correct `runtimes.{wanted}` in the configuration"))
        })?;
        return Ok((path, entry.runtime_args.clone()));
    }
    if wanted == OWN_RUNTIME {
        return Ok((own_program(wanted)?, Vec::new()));
    }
    if !KNOWN.contains(&wanted) {
        return Err(Error::invalid(
            format!("unknown or invalid runtime name: {}", wanted.escape_debug()),
            format!(
                "use {}, a path, or add it to `runtimes` in the configuration",
                KNOWN.join(", ")
            ),
        ));
    }
    let path = in_path(wanted, std::env::var_os("PATH"))
        .ok_or_else(|| missing(wanted, "install it, or use brig's own runtime"))?;
    Ok((path, Vec::new()))
}

fn in_path(name: &str, path: Option<OsString>) -> Option<PathBuf> {
    let path = path.unwrap_or_else(|| "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin".into());
    std::env::split_paths(&path)
        .filter(|dir| dir.is_absolute())
        .map(|dir| dir.join(name))
        .find(|path| is_executable(path))
}

fn is_executable(path: &Path) -> bool {
    access(path, Access::EXEC_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;

    #[test]
    fn choose_configured_name_uses_its_path_and_arguments() {
        let scratch = Scratch::new("runtimes");
        let entry =
            crate::config::Runtime { path: "/bin/true".into(), runtime_args: vec!["-x".into()] };
        let config = Config {
            runtimes: [("mine".to_owned(), entry)].into(),
            default_runtime: Some("mine".into()),
            ..Config::default()
        };
        let chosen = choose(&scratch.layout, &config, None).unwrap();
        assert_eq!(chosen.path, "/bin/true");
        assert_eq!(chosen.args[..2], ["-x", "--root"]);
        assert!(chosen.args[2].ends_with("run/oci/mine"));
    }

    #[test]
    fn maps_mount_ids_of_a_program_without_features_is_false() {
        let runtime =
            ChosenRuntime { name: "x".into(), path: "/bin/true".into(), args: Vec::new() };
        assert!(!maps_mount_ids(&runtime));
    }

    #[test]
    fn choose_path_is_taken_as_it_is_and_unknown_names_are_refused() {
        let scratch = Scratch::new("runtimes-path");
        let choose = |wanted| choose(&scratch.layout, &Config::default(), Some(wanted));
        assert!(choose("/bin/true").unwrap().args[1].ends_with("oci/true"));
        assert!(choose("/nonexistent/runc").is_err());
        let error = choose("evil").unwrap_err();
        assert!(error.to_string().contains("unknown or invalid runtime name: evil"));
    }
}
