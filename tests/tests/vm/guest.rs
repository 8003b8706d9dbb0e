// SPDX-License-Identifier: Apache-2.0
//! One emulated machine that runs some of the tests of this executable; see `testkit/vm/README.md`.

use brig_testkit::{binaries, needs};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Prepares the machine, runs `$@`, and says what that has left behind.
///
/// `/tmp` is the root disk's, an ext4: tmpfs takes idmapped mounts since Linux 6.3 only. With SELinux
/// it is what containers may write: what they print goes there too.
const SCRIPT: &str = r#"
umount /tmp
if [ -e /sys/fs/selinux/enforce ]; then
    mount -t tmpfs -o 'context="system_u:object_r:container_file_t:s0:c1,c2"' tmpfs /tmp || exit 99
fi
mkdir -p /var/target && echo guest >/etc/hostname && chmod 1777 /tmp || exit 99
modprobe fuse; modprobe loop
export BRIG_BIN_DIR=/usr/bin CARGO_TARGET_DIR=/var/target PATH=/usr/bin:/bin:/sbin
traces() { sort /proc/mounts; find /sys/fs/cgroup -type d | sort; }
traces >/run/before
"$@"
code=$?
traces >/run/after
diff /run/before /run/after || { echo "left behind in the guest"; exit 98; }
exit $code
"#;

/// Programs of this machine that the tests ask for and busybox does not replace.
const TOOLS: [&str; 2] = ["tar", "ps"];

/// A machine to boot.
#[derive(Debug)]
pub(super) struct Guest {
    kernel: &'static str,
    lsm: &'static str,
    timeout_s: u32,
}

/// What is known of a run before.
#[derive(Debug)]
pub(super) struct Expected<'a> {
    /// Tests that at least pass, those that are skipped not among them.
    pub(super) passed_min: usize,
    /// Tests that may be skipped.
    pub(super) skips: &'a [&'a str],
}

impl Guest {
    /// A machine with this kernel, `6.1` or `6.12`, and nothing but capabilities for security.
    pub(super) fn new(kernel: &'static str) -> Self {
        Self { kernel, lsm: "none", timeout_s: 400 }
    }

    /// Turns on `apparmor` or `selinux`.
    pub(super) fn with_lsm(self, lsm: &'static str) -> Self {
        Self { lsm, ..self }
    }

    /// Whether there can be such a machine; if not, `test` is counted as skipped.
    pub(super) fn can_boot(&self, test: &str) -> bool {
        let prepare = Command::new(tool("prepare")).args([self.kernel, "cloud", self.lsm]).output();
        let why = match prepare {
            Ok(output) if output.status.success() => return true,
            Ok(output) => String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; "),
            Err(error) => error.to_string(),
        };
        needs::skip(test, "an emulated machine", &why);
        false
    }

    /// Runs the tests whose names contain one of `filters`.
    #[track_caller]
    pub(super) fn tests(&self, test: &str, filters: &[&str], expected: &Expected<'_>) {
        let output = self.run(filters);
        let [stdout, stderr] =
            [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
        let shown = || format!("{}\n--- stderr\n{}", failures(&stdout), stderr.trim_end());
        let result = stdout.lines().find(|line| line.starts_with("test result:"));
        let result =
            result.unwrap_or_else(|| panic!("no tests ran: {}\n{}", output.status, shown()));
        let skipped: BTreeSet<&str> = stderr
            .lines()
            .filter_map(|line| line.strip_prefix("SKIP ")?.split_once(": ").map(|(name, _)| name))
            .collect();
        let summary =
            format!("{test}: kernel {}: {result}, {} skipped", self.kernel, skipped.len());
        drop(writeln!(std::io::stderr(), "{summary} {skipped:?}"));
        assert!(output.status.success(), "{}: {summary}\n{}", output.status, shown());
        assert_eq!(count(result, "failed"), Some(0), "{result}");
        let passed = count(result, "passed").unwrap_or(0).saturating_sub(skipped.len());
        assert!(passed >= expected.passed_min, "only {passed} tests have passed: {summary}");
        let excess: Vec<_> =
            skipped.iter().filter(|name| !expected.skips.contains(*name)).collect();
        assert!(excess.is_empty(), "skips that are not expected: {excess:?}\n{}", shown());
    }

    fn run(&self, filters: &[&str]) -> Output {
        // Not its name: another build may have replaced the file meanwhile.
        let own = PathBuf::from(format!("/proc/{}/exe", std::process::id()));
        let mut command = Command::new("timeout");
        // The machine ends by its own timeout; this one is for `run` itself.
        command.arg((self.timeout_s + 60).to_string()).arg(tool("run"));
        command.args(["--kernel", self.kernel, "--lsm", self.lsm, "--timeout"]);
        command.arg(self.timeout_s.to_string()).arg("--exe").arg(placed(&own, "/e2e"));
        for name in TOOLS {
            let place = format!("/usr/bin/{name}");
            command.arg("--exe").arg(placed(&binaries::require(name), &place));
        }
        let threads = ["--test-threads", "2"];
        command.args(["--", "sh", "-c", SCRIPT, "sh", "/e2e"]).args(filters).args(threads);
        command.env("BRIG_BIN_DIR", programs()).output().expect("coreutils are there")
    }
}

/// The folder with the programs under test.
fn programs() -> PathBuf {
    let oci = binaries::require("brig-oci");
    oci.parent().map_or_else(PathBuf::new, Path::to_owned)
}

fn tool(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("testkit").join("vm").join(name)
}

fn placed(file: &Path, place: &str) -> String {
    format!("{}:{place}", file.display())
}

/// The number before `what` in the test harness's last line.
fn count(result: &str, what: &str) -> Option<usize> {
    let (before, _) = result.split_once(what)?;
    before.split_whitespace().last()?.parse().ok()
}

/// What the test harness says but for the tests that pass.
fn failures(stdout: &str) -> String {
    let lines: Vec<&str> = stdout.lines().filter(|line| !line.ends_with("... ok")).collect();
    lines.join("\n")
}

#[test]
fn count_reads_the_harness_line() {
    let line = "test result: ok. 256 passed; 7 failed; 3 ignored; 0 measured; 101 filtered out";
    assert_eq!((count(line, "passed"), count(line, "failed")), (Some(256), Some(7)));
    assert_eq!(count("running 3 tests", "passed"), None);
}
