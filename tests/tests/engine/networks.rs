// SPDX-License-Identifier: Apache-2.0
//! `--network none` and `host`, and which OCI runtime does the work.

use super::Engine;
use brig_testkit::needs;
use brig_testkit::netns::in_netns;
use serde_json::Value;
use std::fs;

#[test]
fn network_none_has_a_loopback_only() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let own = fs::read_link("/proc/self/ns/net").unwrap();
    for flags in [&["--network", "none"][..], &[]] {
        let answer = engine.probe(flags, &["ls", "/sys/class/net", "--", "ns", "net"]);
        assert_ne!(answer.lines().last().unwrap(), own.to_string_lossy());
        assert_eq!(answer.lines().next(), Some("lo"), "{answer}");
    }
    let script = "nc -l -p 80 -e cat & sleep 0.2; echo through | nc 127.0.0.1 80";
    let output = engine.run(&["--network", "none"], &["timeout", "5", "sh", "-c", script]);
    drop(output);
    let ping = engine.run(&[], &["ping", "-c", "1", "-W", "2", "127.0.0.1"]).ok();
    assert!(ping.stdout().contains("1 packets received"), "{ping}");
    engine.finish();
}

#[test]
fn network_host_is_the_callers() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let own = fs::read_link("/proc/self/ns/net").unwrap();
    let flags = ["--network", "host"];
    assert_eq!(engine.probe(&flags, &["ns", "net"]), own.to_string_lossy());
    let hosts = engine.probe(&flags, &["cat", "/etc/hosts"]);
    assert_eq!(hosts.trim_end(), fs::read_to_string("/etc/hosts").unwrap().trim_end());
    // Also where the caller's network is not the machine's.
    let run = engine.run_command(&flags, &["/probe", "ls", "/sys/class/net"]);
    assert_eq!(in_netns(run).output().ok().text(), "lo");
    engine.finish();
}

#[test]
fn network_that_does_not_exist_is_refused() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    for network in ["bridge", "nope"] {
        let output = engine.run(&["--network", network], &["true"]).exits(125);
        assert!(output.stderr().contains(network) && output.stderr().contains("hint:"), "{output}");
    }
    engine.finish();
}

/// Everything that the engine asks of a runtime, by one that is not brig's own.
fn works_with(runtime: &str) {
    let engine = Engine::new();
    let flags = ["--runtime", runtime, "--userns", "host"];
    assert_eq!(engine.run(&flags, &["echo", "hi"]).ok().text(), "hi");
    drop(engine.run(&flags, &["/probe", "exit", "7"]).exits(7));
    drop(engine.run(&flags, &["no-such-command"]).exits(127));
    let limited = [&flags[..], &["--memory", "64m"]].concat();
    let id = engine.up_ready("service", &limited);
    assert_eq!(engine.inspect("service")["HostConfig"]["Runtime"], runtime);
    assert!(engine.root.path("run/oci").join(runtime).join(&id).exists());
    assert_eq!(engine.ok(["exec", "service", "cat", "/proc/1/comm"]), "probe");
    drop(engine.ok(["stop", "service"]));
    assert_eq!(engine.inspect("service")["State"]["ExitCode"], 0);
    drop(engine.ok(["start", "service"]));
    assert_eq!(engine.state("service"), "running");
    drop(engine.ok(["rm", "-f", "service"]));
    engine.finish();
}

#[test]
fn runtime_runc_does_everything() {
    needs!(root, brig, busybox, runc);
    works_with("runc");
}

#[test]
fn runtime_crun_does_everything() {
    needs!(root, brig, busybox, crun);
    works_with("crun");
}

#[test]
fn runtime_that_is_unknown_or_broken_exits_with_125() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let unknown = engine.run(&["--runtime", "nope"], &["true"]).exits(125);
    drop(unknown.says(&["unknown or invalid runtime name: nope"]));
    drop(engine.run(&["--runtime", "/no/such/file"], &["true"]).exits(125));
    drop(engine.run(&["--runtime", "/bin/false"], &["true"]).exits(125));
    engine.assert_clean("a runtime that fails without a word");
    engine.finish();
}

#[test]
fn runtime_is_chosen_by_the_configuration() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let oci = brig_testkit::binaries::require("brig-oci");
    let config = format!(
        "cgroup-parent = \"{}\"\ndefault-runtime = \"mine\"\n[runtimes.mine]\npath = \"{}\"\n",
        engine.root.cgroup_parent(),
        oci.display()
    );
    fs::write(engine.root.path("config.toml"), config).unwrap();
    let id = engine.up_ready("service", &[]);
    assert_eq!(engine.inspect("service")["HostConfig"]["Runtime"], "mine");
    assert!(engine.root.path("run/oci/mine").join(&id).exists());
    drop(engine.ok(["rm", "-f", "service"]));
    let info: Value = serde_json::from_str(&engine.ok(["info", "--format", "json"])).unwrap();
    assert_eq!(info["DefaultRuntime"], "mine", "{info}");
    engine.finish();
}
