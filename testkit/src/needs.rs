// SPDX-License-Identifier: Apache-2.0
//! What a test needs of its host. A missing need is a counted, named skip, never a silent pass.

use crate::runtime::Runtime;
use crate::{binaries, cgroup};
use std::fs;
use std::io::Write;

/// Ends the test as skipped unless the host has everything named.
///
/// `needs!(root, cgroup1)`; the words are those of [`needs::missing`](missing).
#[macro_export]
macro_rules! needs {
    ($($need:ident),+ $(,)?) => {
        if !$crate::needs::met($crate::test_name!(), &[$(stringify!($need)),+]) {
            return;
        }
    };
}

/// The path of the function in which it stands, without the crate.
#[macro_export]
macro_rules! test_name {
    () => {{
        fn here() {}
        $crate::needs::name_of(&here)
    }};
}

/// The name of the function around `inner`.
pub fn name_of<T>(_inner: &T) -> &'static str {
    let name = std::any::type_name::<T>().trim_end_matches("::here");
    name.split_once("::").map_or(name, |(_, rest)| rest)
}

/// Whether all needs are met; the first that is not is reported.
pub fn met(test: &str, needs: &[&str]) -> bool {
    let missing = needs.iter().find_map(|need| Some((*need, missing(need)?)));
    let Some((need, why)) = missing else { return true };
    skip(test, need, &why);
    false
}

/// Counts a test as skipped, for a need that only the test itself can judge; the test returns then.
///
/// It prints the skip where the test harness does not swallow it, and appends it to the skip log.
///
/// # Panics
/// When the log cannot be written.
pub fn skip(test: &str, need: &str, why: &str) {
    let log = std::env::var_os("BRIG_SKIP_LOG")
        .map_or_else(|| binaries::target_dir().join("skips.log"), Into::into);
    // One write each: other tests do the same at the same time.
    drop(std::io::stderr().write_all(format!("SKIP {test}: needs {need} ({why})\n").as_bytes()));
    let file = fs::OpenOptions::new().append(true).create(true).open(&log);
    if let Err(error) = file
        .and_then(|mut file| file.write_all(format!("{test} needs {need} ({why})\n").as_bytes()))
    {
        panic!(
            "a skip that is not counted is not allowed: cannot write {}: {error}",
            log.display()
        );
    }
}

/// Why the host lacks `need`, or `None` when it has it.
///
/// # Panics
/// For a word that is not known.
#[must_use]
pub fn missing(need: &str) -> Option<String> {
    let unless = |met: bool, why: &str| (!met).then(|| why.to_owned());
    match need {
        "root" => unless(rustix::process::geteuid().is_root(), "not root"),
        "runtime" => Runtime::missing(),
        "cgroups" => unless(cgroup::mode() != cgroup::Mode::None, "no cgroup hierarchy"),
        "cgroup1" => unless(
            matches!(cgroup::mode(), cgroup::Mode::V1 | cgroup::Mode::Hybrid),
            "no version 1 hierarchy",
        ),
        "cgroup2" => unless(
            cgroup::mode() == cgroup::Mode::V2,
            "the controllers are not on the version 2 tree",
        ),
        "userns" => number("/proc/sys/user/max_user_namespaces"),
        "timens" => path("/proc/self/ns/time"),
        "apparmor" => path("/sys/kernel/security/apparmor"),
        "apparmor_profile" => listed("/sys/kernel/security/apparmor/profiles", "brig-test-deny "),
        "selinux" => path("/sys/fs/selinux/enforce"),
        "selinux_container" => selinux_context("system_u:system_r:container_t:s0"),
        "no_lsm" => unless(
            missing("apparmor").is_some() && missing("selinux").is_some(),
            "AppArmor or SELinux is active",
        ),
        "seccomp" => path("/proc/sys/kernel/seccomp/actions_avail"),
        "kvm" => path("/dev/kvm"),
        "tun" => path("/dev/net/tun"),
        "fuse" => path("/dev/fuse"),
        "cap_sys_resource" => capability(24),
        "two_cpus" => {
            unless(std::thread::available_parallelism().is_ok_and(|n| n.get() > 1), "one cpu")
        }
        "nft" | "runc" | "crun" | "ip" | "unshare" | "strace" | "skopeo" | "busybox" | "tmux"
        | "podman" | "dockerd" | "containerd" | "ctr" => {
            unless(binaries::find(need).is_some(), "not installed")
        }
        "debian_image" | "alpine_image" => {
            let archive = binaries::image(need.trim_end_matches("_image"));
            unless(fs::metadata(archive).is_ok(), "not made; hint: `scripts/real-images.sh`")
        }
        "brig_oci" => unless(binaries::find("brig-oci").is_some(), "not built"),
        "brig" => unless(binaries::find("brig").is_some(), "not built"),
        other => Runtime::under_test().lacks(other),
    }
}

fn path(path: &str) -> Option<String> {
    fs::symlink_metadata(path).is_err().then(|| format!("no {path}"))
}

fn listed(file: &str, word: &str) -> Option<String> {
    let text = fs::read_to_string(file).unwrap_or_default();
    (!text.lines().any(|line| line.starts_with(word))).then(|| format!("no {word}in {file}"))
}

/// The kernel says which contexts its policy knows.
fn selinux_context(context: &str) -> Option<String> {
    fs::write("/sys/fs/selinux/context", context)
        .err()
        .map(|error| format!("the policy does not know {context}: {error}"))
}

fn number(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let positive = text.trim().parse::<u64>().is_ok_and(|number| number > 0);
    (!positive).then(|| format!("{path} is not above 0"))
}

fn capability(bit: u32) -> Option<String> {
    let own = i32::try_from(std::process::id()).ok()?;
    let mask = crate::process::status(own, "CapEff").unwrap_or_default();
    let has = u64::from_str_radix(&mask, 16).is_ok_and(|mask| mask >> bit & 1 == 1);
    (!has).then(|| format!("capability {bit} is not effective"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_name_is_the_path_of_the_function() {
        assert_eq!(crate::test_name!(), "needs::tests::test_name_is_the_path_of_the_function");
    }

    #[test]
    fn missing_says_why() {
        assert_eq!(missing("kvm").is_some(), fs::metadata("/dev/kvm").is_err());
    }
}
