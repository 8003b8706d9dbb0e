// SPDX-License-Identifier: Apache-2.0
//! `--network none` and `host`, and which OCI runtime does the work.

use super::Engine;
use super::fixture::is_there;
use brig_testkit::netns::in_netns;
use brig_testkit::{binaries, cgroup, needs};
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
    drop(engine.up_ready("server", &[]));
    let listen = engine.brig(["exec", "server", "/probe", "listen", "127.0.0.1:80"]).spawn();
    listen.expect_stdout("listening");
    let connect = ["exec", "server", "/probe", "connect", "127.0.0.1:80", "through"];
    assert_eq!(engine.ok(connect), "through");
    drop(listen.wait().ok());
    // Another container's loopback is another one.
    assert_eq!(engine.probe(&[], &["connect", "127.0.0.1:80"]), "ECONNREFUSED");
    drop(engine.ok(["rm", "-f", "server"]));
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
    let run = engine.run_command(&flags, &["/probe", "interfaces"]);
    let interfaces = in_netns(run).output().ok().json();
    assert_eq!(interfaces.as_object().unwrap().keys().collect::<Vec<_>>(), ["lo"]);
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
fn works_with(engine: Engine, runtime: &str) {
    let flags = ["--runtime", runtime];
    assert_eq!(engine.run(&flags, &["echo", "hi"]).ok().text(), "hi");
    drop(engine.run(&flags, &["/probe", "exit", "7"]).exits(7));
    drop(engine.run(&flags, &["no-such-command"]).exits(127));
    let limited = [&flags[..], &["--memory", "64m"]].concat();
    let id = engine.up_ready("service", &limited);
    assert_eq!(engine.inspect("service")["HostConfig"]["Runtime"], runtime);
    assert!(is_there(&engine.root.path("run/oci").join(runtime).join(&id)));
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
    works_with(Engine::new(), "runc");
}

#[test]
fn runtime_crun_does_everything() {
    needs!(root, brig, busybox, crun);
    let mut engine = Engine::new();
    if cgroup::mode() == cgroup::Mode::Hybrid {
        let probe = binaries::probe().as_os_str();
        engine.before = [probe, "pure-v1".as_ref(), "--".as_ref()].map(Into::into).into();
    }
    works_with(engine, "crun");
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
    let oci = binaries::require("brig-oci");
    let config = format!(
        "cgroup-parent = \"{}\"\ndefault-runtime = \"mine\"\n[runtimes.mine]\npath = \"{}\"\n",
        engine.root.cgroup_parent(),
        oci.display()
    );
    fs::write(engine.root.path("config.toml"), config).unwrap();
    let id = engine.up_ready("service", &[]);
    assert_eq!(engine.inspect("service")["HostConfig"]["Runtime"], "mine");
    assert!(is_there(&engine.root.path("run/oci/mine").join(&id)));
    drop(engine.ok(["rm", "-f", "service"]));
    let info: Value = serde_json::from_str(&engine.ok(["info", "--format", "json"])).unwrap();
    assert_eq!(info["DefaultRuntime"], "mine", "{info}");
    engine.finish();
}
