// SPDX-License-Identifier: Apache-2.0
//! Devices: the default ones, additional ones, and what the device cgroup denies.

use brig_testkit::{Case, needs};
use serde_json::json;

fn allow(case: &mut Case, capabilities: &[&str]) {
    for set in ["bounding", "effective", "permitted"] {
        case.config["process"]["capabilities"][set] = json!(capabilities);
    }
}

#[test]
fn default_devices_are_there_with_their_numbers() {
    needs!(root, runtime);
    let names = ["null", "zero", "full", "random", "urandom", "tty"];
    let mut args = Vec::new();
    let paths: Vec<String> = names.iter().map(|name| format!("/dev/{name}")).collect();
    for path in &paths {
        args.extend(["type", path, "--", "mode", path, "--"]);
    }
    let case = Case::new(&args);
    let output = case.run().ok();
    let kinds: Vec<&str> = output.lines().into_iter().step_by(2).collect();
    assert_eq!(kinds, ["char 1:3", "char 1:5", "char 1:7", "char 1:8", "char 1:9", "char 5:0"]);
    assert!(output.lines().iter().skip(1).step_by(2).all(|mode| *mode == "0666"), "{output}");
    case.finish();
}

#[test]
fn default_links_are_there() {
    needs!(root, runtime);
    let case = Case::new(&[
        "readlink",
        "/dev/fd",
        "--",
        "readlink",
        "/dev/stdin",
        "--",
        "readlink",
        "/dev/stdout",
        "--",
        "readlink",
        "/dev/stderr",
        "--",
        "readlink",
        "/dev/ptmx",
    ]);
    let output = case.run().ok();
    let lines = output.lines();
    assert_eq!(
        lines[..4],
        ["/proc/self/fd", "/proc/self/fd/0", "/proc/self/fd/1", "/proc/self/fd/2"]
    );
    assert!(["pts/ptmx", "/dev/pts/ptmx"].contains(&lines[4]), "{output}");
    case.finish();
}

#[test]
fn default_devices_work() {
    needs!(root, runtime);
    let case = Case::new(&[
        "try-write",
        "/dev/null",
        "x",
        "--",
        "try-write",
        "/dev/full",
        "x",
        "--",
        "try-open",
        "/dev/urandom",
        "r",
        "--",
        "try-open",
        "/dev/ptmx",
        "rw",
        "--",
        "try-open",
        "/dev/tty",
        "r",
    ]);
    let output = case.run().ok();
    assert_eq!(output.lines(), ["OK", "ENOSPC", "OK", "OK", "ENXIO"]);
    case.finish();
}

#[test]
fn additional_device_has_its_numbers_mode_and_owner() {
    needs!(root, runtime);
    let mut case = Case::new(&[
        "type",
        "/dev/sub/mine",
        "--",
        "mode",
        "/dev/sub/mine",
        "--",
        "owner",
        "/dev/sub/mine",
        "--",
        "type",
        "/dev/pipe",
    ]);
    case.config["linux"]["devices"] = json!([
        {"path": "/dev/sub/mine", "type": "c", "major": 1, "minor": 5, "fileMode": 0o640,
         "uid": 5, "gid": 6},
        {"path": "/dev/pipe", "type": "p"},
    ]);
    let output = case.run().ok();
    assert_eq!(output.lines(), ["char 1:5", "0640", "5:6", "fifo"]);
    case.finish();
}

#[test]
fn additional_device_may_lie_outside_dev() {
    needs!(root, runtime);
    let mut case = Case::new(&["type", "/srv/dev/zero"]);
    case.config["linux"]["devices"] =
        json!([{"path": "/srv/dev/zero", "type": "c", "major": 1, "minor": 5, "fileMode": 0o666}]);
    assert_eq!(case.run().ok().text(), "char 1:5");
    case.finish();
}

#[test]
fn device_without_a_cgroup_rule_cannot_be_opened() {
    needs!(root, runtime, cgroups);
    // 7:0 is a loop device: none of the defaults.
    let mut case = Case::new(&["try-open", "/dev/loop", "r"]);
    case.config["linux"]["devices"] =
        json!([{"path": "/dev/loop", "type": "b", "major": 7, "minor": 0, "fileMode": 0o666}]);
    assert_eq!(case.run().ok().text(), "EPERM");
    case.finish();
}

#[test]
fn device_with_a_cgroup_rule_can_be_opened_as_far_as_it_goes() {
    needs!(root, runtime, cgroups, fuse);
    let mut case = Case::new(&["try-open", "/dev/fuse", "r", "--", "try-open", "/dev/fuse", "w"]);
    case.config["linux"]["devices"] =
        json!([{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 0o666}]);
    case.config["linux"]["resources"]["devices"] = json!([
        {"allow": false, "access": "rwm"},
        {"allow": true, "type": "c", "major": 10, "minor": 229, "access": "r"},
    ]);
    assert_eq!(case.run().ok().lines(), ["OK", "EPERM"]);
    case.finish();
}

#[test]
fn mknod_is_allowed_and_the_node_cannot_be_opened() {
    needs!(root, runtime, cgroups);
    let mut case =
        Case::new(&["try-mknod", "/tmp/mem", "c", "1", "1", "--", "try-open", "/tmp/mem", "r"]);
    allow(&mut case, &["CAP_MKNOD"]);
    let output = case.run().ok();
    // runc and crun add the rule `c *:* m` to every container.
    let made = output.lines()[0];
    assert!(["OK", "EPERM"].contains(&made), "{output}");
    assert!(["EPERM", "ENOENT"].contains(&output.lines()[1]), "{output}");
    case.finish();
}

#[test]
fn mknod_needs_its_capability() {
    needs!(root, runtime);
    let case = Case::new(&["try-mknod", "/tmp/null", "c", "1", "3"]);
    assert_eq!(case.run().ok().text(), "EPERM");
    case.finish();
}

#[test]
fn cgroup_rules_are_those_of_the_configuration_and_the_defaults() {
    needs!(root, runtime, cgroup1);
    let mut case = Case::new(&["init"]);
    case.config["linux"]["resources"]["devices"] = json!([
        {"allow": false, "access": "rwm"},
        {"allow": true, "type": "c", "major": 10, "minor": 229, "access": "rw"},
        {"allow": true, "type": "b", "access": "m"},
    ]);
    drop(case.launch());
    let list = case.cgroup_value("devices", "devices.list");
    let rules: Vec<&str> = list.lines().collect();
    assert!(rules.contains(&"c 10:229 rw"), "{rules:?}");
    assert!(rules.contains(&"b *:* m"), "{rules:?}");
    assert!(rules.contains(&"c 1:3 rwm"), "{rules:?}");
    assert!(!rules.contains(&"a *:* rwm"), "{rules:?}");
    case.delete_force();
    case.finish();
}

#[test]
fn exec_is_bound_by_the_device_cgroup_too() {
    needs!(root, runtime, cgroups);
    let mut case = Case::new(&["init"]);
    case.config["linux"]["devices"] =
        json!([{"path": "/dev/loop", "type": "b", "major": 7, "minor": 0, "fileMode": 0o666}]);
    drop(case.launch());
    assert_eq!(case.exec(&["try-open", "/dev/loop", "r"]).ok().text(), "EPERM");
    case.delete_force();
    case.finish();
}

#[test]
fn device_of_an_unknown_type_is_refused() {
    needs!(root, runtime, strict_devices);
    let mut case = Case::new(&["exit", "0"]);
    case.config["linux"]["devices"] =
        json!([{"path": "/dev/x", "type": "z", "major": 1, "minor": 3}]);
    drop(case.run().fails());
    case.finish();
}
