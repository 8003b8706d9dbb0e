// SPDX-License-Identifier: Apache-2.0
//! `--memory`, `--cpus`, `--pids-limit` and the like: in the host's cgroup files, and felt inside.

use super::Engine;
use super::fixture::is_there;
use brig_testkit::cgroup::{self, Mode};
use brig_testkit::{expect_soon, needs};

/// The value of a limit in the file of the machine's cgroup version.
fn limit(engine: &Engine, id: &str, controller: &str, v1: &str, v2: &str) -> String {
    engine.cgroup_value(id, controller, if cgroup::mode() == Mode::V2 { v2 } else { v1 })
}

#[test]
fn limits_are_in_the_hosts_cgroup_files() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let flags = ["--memory", "64m", "--cpus", "0.5", "--pids-limit", "33"];
    let id = engine.up_ready("limited", &flags);
    let memory = limit(&engine, &id, "memory", "memory.limit_in_bytes", "memory.max");
    assert_eq!(memory, "67108864");
    assert_eq!(limit(&engine, &id, "pids", "pids.max", "pids.max"), "33");
    let quota = limit(&engine, &id, "cpu", "cpu.cfs_quota_us", "cpu.max");
    assert!(["50000", "50000 100000"].contains(&quota.as_str()), "{quota}");
    let host_config = &engine.inspect("limited")["HostConfig"];
    assert_eq!(host_config["Memory"], 67_108_864);
    assert_eq!(host_config["NanoCpus"], 500_000_000);
    assert_eq!(host_config["PidsLimit"], 33);
    drop(engine.ok(["rm", "-f", "limited"]));
    engine.finish();
}

#[test]
fn pids_are_limited_without_being_asked() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let id = engine.up_ready("plain", &[]);
    assert_eq!(engine.cgroup_value(&id, "pids", "pids.max"), "4096");
    drop(engine.ok(["rm", "-f", "plain"]));
    let id = engine.up_ready("free", &["--pids-limit", "-1"]);
    assert_eq!(engine.cgroup_value(&id, "pids", "pids.max"), "max");
    drop(engine.ok(["rm", "-f", "free"]));
    engine.finish();
}

#[test]
fn pids_limit_stops_a_fork_bomb() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let answer = engine.probe(&["--pids-limit", "10"], &["forkbomb", "50"]);
    assert_eq!(answer, "9 EAGAIN");
    engine.finish();
}

#[test]
fn memory_limit_kills_and_is_told() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let hog = ["/probe", "memhog", "100000000"];
    let flags = ["--memory", "32m", "--memory-swap", "32m"];
    drop(engine.up("hog", &flags, &hog));
    assert_eq!(engine.ok(["wait", "hog"]), "137");
    assert_eq!(engine.inspect("hog")["State"]["OOMKilled"], true);
    drop(engine.ok(["rm", "hog"]));
    assert_eq!(engine.probe(&["--memory", "256m"], &["memhog", "100000000"]), "held");
    engine.finish();
}

#[test]
fn cpus_limit_slows_the_container_down() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let answer = engine.probe(&["--cpus", "0.2"], &["spin", "200"]);
    let wall_ms: u64 = answer.parse().unwrap();
    // 200 ms of processor time at a fifth of a processor; the first period is a gift.
    assert!(wall_ms >= 600, "{wall_ms} ms");
    engine.finish();
}

#[test]
fn cpuset_and_ulimits_reach_the_process() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let flags = ["--cpuset-cpus", "0", "--ulimit", "nofile=123:456"];
    let answer = engine.probe(&flags, &["cpus", "--", "rlimits"]);
    let (cpus, limits) = answer.split_once('\n').unwrap();
    assert_eq!(cpus, "0");
    let limits: serde_json::Value = serde_json::from_str(limits).unwrap();
    assert_eq!(limits["RLIMIT_NOFILE"], serde_json::json!({"soft": 123, "hard": 456}));
    engine.finish();
}

#[test]
fn limits_out_of_range_are_refused() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    for (flag, value, word) in [
        ("--memory", "1m", "minimum memory limit"),
        ("--memory", "lots", "lots"),
        ("--cpus", "1000", "range of cpus"),
        ("--cpus", "-1", ""),
        ("--pids-limit", "many", "many"),
        ("--memory-swap", "64m", "memory"),
        ("--cpuset-cpus", "99", ""),
        ("--ulimit", "nofile=2:1", "limit"),
        ("--shm-size", "0", ""),
    ] {
        let output = engine.run(&[flag, value], &["true"]).exits(125);
        drop(output.says(&[word]));
        engine.assert_clean(flag);
    }
    engine.finish();
}

#[test]
fn cgroup_is_private_to_the_container_and_goes_with_it() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let cgroups = engine.probe(&[], &["cgroup"]);
    assert!(cgroups.lines().all(|line| line.ends_with(":/")), "{cgroups}");
    let id = engine.up_ready("service", &[]);
    let directory = engine.root.cgroup("memory", &id);
    assert!(directory.is_dir());
    drop(engine.ok(["stop", "service"]));
    expect_soon("the cgroup to go", || (!is_there(&directory)).then_some(()));
    drop(engine.ok(["rm", "service"]));
    engine.finish();
}
