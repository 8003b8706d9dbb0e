// SPDX-License-Identifier: Apache-2.0
//! cgroups: where the container is, and its limits as the host reads them.

use brig_testkit::cgroup::{self, Mode};
use brig_testkit::{Case, needs, process};
use serde_json::{Value, json};
use std::fs;

fn with(resources: &Value) -> Case {
    let mut case = Case::new(&["init"]);
    for (name, value) in resources.as_object().expect("an object") {
        case.config["linux"]["resources"][name] = value.clone();
    }
    case
}

#[test]
fn memory_limits_are_set() {
    needs!(root, runtime, cgroups);
    let mut memory = json!({
        "limit": 33_554_432, "reservation": 16_777_216, "disableOOMKiller": false,
    });
    if cgroup::mode() != Mode::V2 {
        memory["swappiness"] = json!(10);
    }
    let case = with(&json!({ "memory": memory }));
    drop(case.launch());
    let limit = case.cgroup_limit("memory", "memory.limit_in_bytes", "memory.max");
    let reservation = case.cgroup_limit("memory", "memory.soft_limit_in_bytes", "memory.low");
    assert_eq!([limit.as_str(), reservation.as_str()], ["33554432", "16777216"]);
    if cgroup::mode() != Mode::V2 {
        assert_eq!(case.cgroup_value("memory", "memory.swappiness"), "10");
    }
    case.delete_force();
    case.finish();
}

#[test]
fn memory_settings_that_v2_lacks_are_refused_by_name() {
    needs!(root, runtime, cgroup2, refuses_lost_limits);
    for (name, value) in [("swappiness", json!(10)), ("disableOOMKiller", json!(true))] {
        let case = with(&json!({"memory": {name: value}}));
        drop(case.run().fails().says(&[name.to_lowercase().as_str()]));
        case.finish();
    }
}

#[test]
fn memory_limit_of_minus_one_is_no_limit() {
    needs!(root, runtime, cgroups);
    let case = with(&json!({"memory": {"limit": -1}}));
    drop(case.launch());
    let limit = case.cgroup_limit("memory", "memory.limit_in_bytes", "memory.max");
    assert!(limit == "max" || limit.parse::<u64>().unwrap() > 1 << 50, "{limit}");
    case.delete_force();
    case.finish();
}

#[test]
fn memory_beyond_the_limit_is_killed() {
    needs!(root, runtime, cgroups);
    let mut case = with(&json!({"memory": {"limit": 16_777_216}}));
    case.probe(&["echo", "alive", "--", "memhog", "67108864", "--", "echo", "after"]);
    let output = case.run().exits(137);
    assert_eq!(output.text(), "alive");
    case.finish();
}

#[test]
fn pids_limit_is_set_and_holds() {
    needs!(root, runtime, cgroups);
    let mut case = with(&json!({"pids": {"limit": 10}}));
    case.probe(&["forkbomb", "50"]);
    let output = case.run().ok();
    let (started, why) = output.text().split_once(' ').unwrap();
    assert_eq!(why, "EAGAIN");
    assert!(started.parse::<u32>().unwrap() < 10, "{output}");
    case.finish();
}

#[test]
fn pids_limit_is_read_back() {
    needs!(root, runtime, cgroups);
    let case = with(&json!({"pids": {"limit": 123}}));
    drop(case.launch());
    assert_eq!(case.cgroup_value("pids", "pids.max"), "123");
    case.delete_force();
    case.finish();
}

#[test]
fn cpu_shares_quota_and_period_are_set() {
    needs!(root, runtime, cgroups);
    let case = with(&json!({"cpu": {"shares": 512, "quota": 20_000, "period": 50_000}}));
    drop(case.launch());
    if cgroup::mode() == Mode::V2 {
        assert_eq!(case.cgroup_value("cpu", "cpu.weight"), "20");
        assert_eq!(case.cgroup_value("cpu", "cpu.max"), "20000 50000");
    } else {
        assert_eq!(case.cgroup_value("cpu", "cpu.shares"), "512");
        assert_eq!(case.cgroup_value("cpu", "cpu.cfs_quota_us"), "20000");
        assert_eq!(case.cgroup_value("cpu", "cpu.cfs_period_us"), "50000");
    }
    case.delete_force();
    case.finish();
}

#[test]
fn cpu_quota_slows_down() {
    needs!(root, runtime, cgroups);
    let mut case = with(&json!({"cpu": {"quota": 10_000, "period": 50_000}}));
    case.probe(&["spin", "60"]);
    let elapsed: u64 = case.run().ok().text().parse().unwrap();
    assert!(elapsed >= 150, "60 ms of processor time at a fifth took {elapsed} ms");
    case.finish();
}

#[test]
fn cpuset_is_set_and_seen_inside() {
    needs!(root, runtime, cgroups, two_cpus);
    let mut case = with(&json!({"cpu": {"cpus": "1", "mems": "0"}}));
    case.probe(&["cpus", "--", "init"]);
    let output = case.launch();
    assert_eq!(output.later_stdout(), "1\nready\n");
    assert_eq!(case.cgroup_value("cpuset", "cpuset.cpus"), "1");
    assert_eq!(case.cgroup_value("cpuset", "cpuset.mems"), "0");
    case.delete_force();
    case.finish();
}

#[test]
fn container_is_in_its_cgroup_of_every_hierarchy() {
    needs!(root, runtime, cgroups);
    let case = Case::new(&["init"]);
    drop(case.launch());
    let pid = case.pid();
    let path = format!("{}/c1", case.root.cgroup_parent());
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    for line in text.lines() {
        let (controllers, place) = line.split_once(':').unwrap().1.split_once(':').unwrap();
        // The version 2 tree of a hybrid machine has nothing to limit here.
        let idle = controllers.is_empty() && cgroup::mode() == Mode::Hybrid;
        assert!(idle || place == path, "{line}");
    }
    case.delete_force();
    case.finish();
}

#[test]
fn every_process_of_the_container_is_counted() {
    needs!(root, runtime, cgroups);
    let case = Case::new(&["background", "sleep", "50", "--", "init"]);
    drop(case.launch());
    let pids = case.cgroup_value("pids", "cgroup.procs");
    assert_eq!(pids.lines().count(), 2);
    assert!(pids.lines().any(|pid| pid == case.pid().to_string()));
    case.delete_force();
    case.finish();
}

#[test]
fn exec_joins_the_cgroup() {
    needs!(root, runtime, cgroups);
    let case = with(&json!({"pids": {"limit": 40}}));
    drop(case.launch());
    let output = case.exec(&["cgroup"]).ok();
    let path = format!("{}/c1", case.root.cgroup_parent());
    let v1 = ["pids", "memory", "cpu", "devices", "freezer"];
    let controllers = if cgroup::mode() == Mode::V2 { &[""][..] } else { &v1[..] };
    for controller in controllers {
        let line = format!(":{controller}:{path}");
        assert!(output.stdout().contains(&line), "{line}: {output}");
    }
    case.delete_force();
    case.finish();
}

#[test]
fn cgroups_are_gone_after_delete() {
    needs!(root, runtime, cgroups);
    let case = Case::new(&["init"]);
    drop(case.launch());
    let directory = case.root.cgroup("memory", "c1");
    assert!(fs::metadata(&directory).is_ok());
    case.delete_force();
    assert!(fs::metadata(&directory).is_err(), "gone at once, not only later");
    case.finish();
}

#[test]
fn cgroup_path_with_several_new_levels_is_made() {
    needs!(root, runtime, cgroups);
    let mut case = with(&json!({"pids": {"limit": 30}, "cpu": {"shares": 100}}));
    case.config["linux"]["cgroupsPath"] =
        json!(format!("{}/deep/er/c1", case.root.cgroup_parent()));
    drop(case.launch());
    let file = case.root.cgroup("pids", "deep/er/c1").join("pids.max");
    assert_eq!(fs::read_to_string(file).unwrap().trim(), "30");
    if cgroup::mode() != Mode::V2 {
        let file = case.root.cgroup("cpuset", "deep/er/c1").join("cpuset.cpus");
        let cpus = fs::read_to_string(file).unwrap();
        assert_ne!(cpus.trim(), "", "an empty cpuset takes no process");
    }
    case.delete_force();
    // The levels between are nobody's: runc and crun leave them.
    for controller in [
        "blkio",
        "cpu",
        "cpuacct",
        "cpuset",
        "devices",
        "freezer",
        "memory",
        "pids",
        "name=systemd",
    ] {
        for level in ["deep/er", "deep"] {
            if cgroup::mode() == Mode::V2 {
                break;
            }
            drop(fs::remove_dir(case.root.cgroup(controller, level)));
        }
    }
    remove_unified_levels(&case);
    case.finish();
}

fn remove_unified_levels(case: &Case) {
    let unified = cgroup::hierarchies().into_iter().find(|tree| tree.is_v2);
    if let Some(tree) = unified {
        let top = tree.mount.join(case.root.cgroup_parent().trim_start_matches('/'));
        for level in ["deep/er/c1", "deep/er", "deep"] {
            drop(fs::remove_dir(top.join(level)));
        }
    }
}

#[test]
fn limits_can_be_changed_while_it_runs() {
    needs!(root, runtime, cgroups);
    let case = with(&json!({"pids": {"limit": 30}, "memory": {"limit": 67_108_864}}));
    drop(case.launch());
    let resources = json!({"pids": {"limit": 60}, "memory": {"limit": 134_217_728},
        "cpu": {"shares": 256}});
    let update = case.command(["update", "--resources", "-", case.id()]);
    drop(update.stdin(resources.to_string()).output().ok());
    assert_eq!(case.cgroup_value("pids", "pids.max"), "60");
    let limit = case.cgroup_limit("memory", "memory.limit_in_bytes", "memory.max");
    assert_eq!(limit, "134217728");
    let share = case.cgroup_limit("cpu", "cpu.shares", "cpu.weight");
    assert!(["256", "10"].contains(&share.as_str()), "{share}");
    case.delete_force();
    case.finish();
}

#[test]
fn update_flags_change_single_limits() {
    needs!(root, runtime, cgroups);
    let case = with(&json!({"pids": {"limit": 30}, "memory": {"limit": 67_108_864}}));
    drop(case.launch());
    let flags = ["update", "--pids-limit", "70", "--memory", "134217728", "--cpu-share", "300"];
    drop(case.command(flags).args([case.id()]).output().ok());
    assert_eq!(case.cgroup_value("pids", "pids.max"), "70");
    let limit = case.cgroup_limit("memory", "memory.limit_in_bytes", "memory.max");
    assert_eq!(limit, "134217728");
    let share = case.cgroup_limit("cpu", "cpu.shares", "cpu.weight");
    assert!(["300", "12"].contains(&share.as_str()), "{share}");
    case.delete_force();
    case.finish();
}

#[test]
fn impossible_limit_is_refused_and_leaves_nothing() {
    needs!(root, runtime, cgroups, cleans_up_after_limits);
    let case = with(&json!({"cpu": {"cpus": "4000"}}));
    drop(case.with_bundle("run", &[]).output().fails());
    case.finish();
}

#[test]
fn processes_cannot_write_to_their_cgroup() {
    needs!(root, runtime, cgroups);
    let mut case = Case::new(&["try-mount", "cgroup", "/tmp", "cgroup", "pids"]);
    case.namespace("cgroup", None);
    assert_eq!(case.run().ok().text(), "EPERM");
    case.finish();
}

#[test]
fn memory_bomb_leaves_the_host_and_the_next_container_alone() {
    needs!(root, runtime, cgroups);
    let mut bomb = with(&json!({"memory": {"limit": 8_388_608}}));
    bomb.probe(&["memhog", "536870912"]);
    let neighbour = Case::new(&["init"]);
    drop(neighbour.launch());
    drop(bomb.run().exits(137));
    assert!(process::is_alive(neighbour.pid()));
    neighbour.delete_force();
    neighbour.finish();
    bomb.finish();
}

#[test]
fn block_io_weight_and_throttle_are_set() {
    needs!(root, runtime, cgroups);
    // 7:0 is the first loop device, there also without one in use.
    let case = with(&json!({"blockIO": {
        "throttleReadBpsDevice": [{"major": 7, "minor": 0, "rate": 1_048_576}],
    }}));
    let created = case.with_bundle("create", &[]).output();
    if fs::metadata("/sys/dev/block/7:0").is_ok() {
        drop(created.ok());
        let value = case.cgroup_limit("blkio", "blkio.throttle.read_bps_device", "io.max");
        let v2 = "7:0 rbps=1048576 wbps=max riops=max wiops=max";
        assert!(["7:0 1048576", v2].contains(&value.as_str()), "{value}");
        case.delete_force();
    } else {
        drop(created.fails());
    }
    case.finish();
}
