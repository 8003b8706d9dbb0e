// SPDX-License-Identifier: Apache-2.0
//! Debian's dockerd and containerd with `brig-oci` as their runtime.

use super::busybox_archive;
use brig_testkit::pty::PtySession;
use brig_testkit::{Invocation, Output, TestRoot, binaries, expect_soon, needs};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// Both daemons in namespaces of their own, with all their state in the test's root.
struct Daemons {
    root: TestRoot,
}

impl Daemons {
    fn start() -> Self {
        let daemons = Self { root: TestRoot::new() };
        drop(daemons.script("up").output().ok());
        daemons
    }

    fn folder(&self) -> PathBuf {
        self.root.path("docker")
    }

    /// The script that measurements use.
    fn script(&self, verb: &str) -> Invocation {
        let script = super::repository().join("bench/docker");
        let runtime = binaries::require("brig-oci");
        let runtimes = serde_json::json!({"brig": {"path": runtime.to_string_lossy()}});
        let script = self.root.invocation(script).args([verb.as_ref(), self.folder().as_os_str()]);
        script
            .env("BRIG_DOCKER_RUNTIMES", runtimes.to_string())
            .env("BRIG_DOCKER_CGROUP", format!("{}/docker", self.root.cgroup_parent()))
            .timeout(Duration::from_secs(60))
    }

    /// A command of Debian's own client, of the daemon's version.
    fn docker(&self, words: &[&str]) -> Invocation {
        let debian = PathBuf::from("/usr/bin/docker");
        let client =
            if fs::metadata(&debian).is_ok() { debian } else { binaries::require("docker") };
        let host = format!("unix://{}/docker.sock", self.folder().display());
        let client = self.root.invocation(client).args(["-H", &host]).args(words);
        client.env("DOCKER_CONFIG", self.root.path("client"))
    }

    #[track_caller]
    fn says(&self, words: &[&str]) -> String {
        self.docker(words).output().ok().text().to_owned()
    }

    /// `run --rm --runtime brig --network none [FLAG..] busybox COMMAND..`
    fn run(&self, flags: &[&str], command: &[&str]) -> Invocation {
        let run = ["run", "--rm", "--runtime", "brig", "--network", "none"];
        self.docker(&run).args(flags).args(["busybox"]).args(command)
    }

    /// A command of containerd's client, in the daemons' namespaces: it makes files beside theirs.
    fn ctr(&self, words: &[&str]) -> Output {
        let holder = fs::read_to_string(self.folder().join("holder.pid")).expect("`up` wrote it");
        let enter = ["--target", holder.trim(), "--net", "--mount", "--", "ctr", "--address"];
        let socket = self.folder().join("containerd.sock");
        let ctr = self.root.invocation("nsenter").args(enter).args([socket]);
        ctr.args(["--namespace", "test"]).args(words).output()
    }

    /// `ctr run --runc-binary brig-oci [FLAG..] busybox ID COMMAND..`
    fn ctr_run(&self, flags: &[&str], id: &str, command: &[&str]) -> Output {
        let runtime = binaries::require("brig-oci").display().to_string();
        let cgroup = format!("{}/docker/{id}", self.root.cgroup_parent());
        let mut words = vec!["run", "--runc-binary", &runtime, "--cgroup", &cgroup];
        words.extend(flags.iter().chain(&["docker.io/library/busybox:latest", id]).chain(command));
        self.ctr(&words)
    }
}

impl Drop for Daemons {
    /// Ends the daemons, also after a failure; the root then looks for what is left of them.
    fn drop(&mut self) {
        drop(self.script("down").output());
    }
}

#[test]
fn dockerd_drives_the_runtime() {
    needs!(root, brig_oci, busybox, dockerd, containerd, unshare, ip);
    let daemons = Daemons::start();
    let archive = busybox_archive(&daemons.root).display().to_string();
    drop(daemons.says(&["load", "-i", &archive]));
    runs_and_exit_codes(&daemons);
    limits_and_terminal(&daemons);
    life_of_a_service(&daemons);
    drop(daemons);
}

fn runs_and_exit_codes(daemons: &Daemons) {
    let text = |flags: &[&str], command: &[&str]| {
        daemons.run(flags, command).output().ok().text().to_owned()
    };
    assert_eq!(text(&[], &["echo", "hello"]), "hello");
    assert_eq!(daemons.run(&["-i"], &["cat"]).stdin("input").output().ok().text(), "input");
    drop(daemons.run(&[], &["sh", "-c", "exit 7"]).output().exits(7));
    let missing = daemons.run(&[], &["no-such-command"]).output().exits(127);
    drop(missing.says(&["executable file not found in $path"]));
    drop(daemons.run(&[], &["/etc"]).output().exits(126).says(&["is a directory"]));
    assert_eq!(text(&["-w", "/new/place", "-u", "nobody"], &["pwd"]), "/new/place");
    assert_eq!(text(&["-u", "7:8", "--group-add", "9"], &["id", "-G"]), "8 9");
    assert_eq!(text(&["--hostname", "box"], &["hostname"]), "box");
    assert_eq!(text(&["-v", "data:/data"], &["sh", "-c", "echo kept > /data/f"]), "");
    assert_eq!(text(&["-v", "data:/data:ro"], &["cat", "/data/f"]), "kept");
}

fn limits_and_terminal(daemons: &Daemons) {
    let text = |flags: &[&str], script: &str| {
        daemons.run(flags, &["sh", "-c", script]).output().ok().text().to_owned()
    };
    let memory = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null | head -n 1";
    assert_eq!(text(&["--memory", "64m"], memory), "67108864");
    let caps = "grep CapEff /proc/self/status; touch /x 2>/dev/null || echo read-only";
    let none = "CapEff:\t0000000000000000\nread-only";
    assert_eq!(text(&["--cap-drop", "all", "--read-only"], caps), none);
    assert_eq!(text(&["--init"], "cat /proc/1/comm; test $$ -gt 1"), "docker-init");
    let flags = ["--ulimit", "nofile=100:100", "--tmpfs", "/y:size=64k", "--shm-size", "1m"];
    let script = "ulimit -n; grep -E ' /(y|dev/shm) ' /proc/mounts | grep -o 'size=[0-9]*k' | sort";
    assert_eq!(text(&flags, script), "100\nsize=1024k\nsize=64k");
    assert_eq!(text(&["--pid", "host"], "test $$ -gt 1 && echo host"), "host");
    // The client sends the size once the container has started.
    let terminal = daemons.run(
        &["-it"],
        &["sh", "-c", "tty; until stty size 2>/dev/null | grep .; do sleep 0.05; done; exit 4"],
    );
    let output = PtySession::spawn(&terminal).wait().exits(4);
    assert!(output.stdout().contains("/dev/pts/0\r\n24 80\r\n"), "{output}");
}

fn life_of_a_service(daemons: &Daemons) {
    let script = "trap 'echo bye; exit 5' TERM; echo up; while :; do sleep 0.1; done";
    let start = ["run", "-d", "--name", "service", "--runtime", "brig", "--network", "none"];
    let started = daemons.docker(&start).args(["busybox", "sh", "-c", script]);
    drop(started.output().ok());
    let field = |format: &str| daemons.says(&["inspect", "-f", format, "service"]);
    expect_soon("the service", || daemons.says(&["logs", "service"]).contains("up").then_some(()));
    let inside = "echo $(id -u) $(pwd) $A";
    let exec = ["exec", "-u", "nobody", "-w", "/tmp", "-e", "A=b", "service", "sh", "-c", inside];
    assert_eq!(daemons.says(&exec), "65534 /tmp b");
    drop(daemons.docker(&["exec", "service", "sh", "-c", "exit 9"]).output().exits(9));
    drop(daemons.docker(&["exec", "service", "no-such-command"]).output().fails());
    assert!(daemons.says(&["top", "service"]).contains("while :"));
    drop(daemons.says(&["pause", "service"]));
    assert_eq!(field("{{.State.Status}}"), "paused");
    drop(daemons.says(&["unpause", "service"]));
    drop(daemons.says(&["update", "--memory", "64m", "--memory-swap", "128m", "service"]));
    assert_eq!(field("{{.HostConfig.Memory}} {{.HostConfig.Runtime}}"), "67108864 brig");
    drop(daemons.says(&["stop", "-t", "10", "service"]));
    assert_eq!(field("{{.State.ExitCode}}"), "5");
    assert_eq!(daemons.says(&["logs", "service"]), "up\nbye");
    drop(daemons.says(&["start", "service"]));
    drop(daemons.says(&["kill", "service"]));
    assert_eq!(daemons.says(&["wait", "service"]), "137");
    drop(daemons.says(&["restart", "-t", "0", "service"]));
    drop(daemons.says(&["rm", "-f", "service"]));
    let hungry = ["dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1"];
    let start = ["run", "--name", "hungry", "--runtime", "brig", "--network", "none"];
    let hungry = daemons.docker(&start).args(["--memory", "16m", "busybox"]).args(hungry);
    drop(hungry.output().exits(137));
    assert_eq!(daemons.says(&["inspect", "-f", "{{.State.OOMKilled}}", "hungry"]), "true");
    drop(daemons.says(&["rm", "hungry"]));
    assert_eq!(daemons.says(&["ps", "-aq"]), "");
}

#[test]
fn containerd_drives_the_runtime() {
    needs!(root, brig_oci, busybox, dockerd, containerd, ctr, unshare, ip);
    let daemons = Daemons::start();
    let archive = busybox_archive(&daemons.root).display().to_string();
    drop(daemons.ctr(&["image", "import", &archive]).ok());
    assert_eq!(daemons.ctr_run(&["--rm"], "c1", &["echo", "hello"]).ok().text(), "hello");
    drop(daemons.ctr_run(&["--rm"], "c2", &["sh", "-c", "exit 7"]).exits(7));
    let missing = daemons.ctr_run(&["--rm"], "c3", &["no-such-command"]).fails();
    drop(missing.says(&["executable file not found in $path"]));
    // The reason comes by the log that containerd asks for.
    let refused = daemons.ctr_run(&["--rm", "--runc-systemd-cgroup"], "c4", &["true"]).fails();
    assert!(!refused.stderr().contains("unable to retrieve OCI runtime error"), "{refused}");
    let read_only = ["sh", "-c", "touch /x 2>/dev/null || grep Seccomp: /proc/self/status"];
    let output = daemons.ctr_run(&["--rm", "--read-only", "--seccomp"], "c5", &read_only).ok();
    assert_eq!(output.text(), "Seccomp:\t2");
    drop(daemons.ctr_run(&["-d"], "c6", &["sleep", "1000"]).ok());
    let task = |words: &[&str]| daemons.ctr(&[&["task"], words].concat());
    let exec = task(&["exec", "--exec-id", "e1", "c6", "sh", "-c", "echo inside; exit 9"]);
    assert_eq!(exec.exits(9).text(), "inside");
    drop(task(&["pause", "c6"]).ok());
    assert!(task(&["ls"]).ok().stdout().contains("PAUSED"));
    drop(task(&["resume", "c6"]).ok());
    assert!(task(&["metrics", "c6"]).ok().stdout().contains("memory.usage_in_bytes"));
    assert_eq!(task(&["ps", "c6"]).ok().lines().len(), 2);
    drop(task(&["kill", "-s", "KILL", "c6"]).ok());
    expect_soon("the end", || task(&["ls"]).ok().stdout().contains("STOPPED").then_some(()));
    drop(task(&["rm", "c6"]).ok());
    drop(daemons.ctr(&["containers", "rm", "c6"]).ok());
    drop(daemons.ctr(&["image", "rm", "docker.io/library/busybox:latest"]).ok());
    drop(daemons);
}
