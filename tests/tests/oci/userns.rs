// SPDX-License-Identifier: Apache-2.0
//! User namespaces: mappings, what belongs to whom, what root inside may not do.

use brig_testkit::{Case, needs, process};
use serde_json::json;
use std::fs;
use std::os::unix::fs::MetadataExt;

const BASE: u32 = 200_000;

#[test]
fn mappings_are_those_of_the_configuration() {
    needs!(root, runtime, userns);
    let mut case = Case::new(&["userns", "--", "uid", "--", "gid", "--", "ns", "user"]);
    case.user_namespace(BASE, 1000);
    let output = case.run().ok();
    let maps: serde_json::Value = serde_json::from_str(output.lines()[0]).unwrap();
    assert_eq!(maps["uid"], json!([[0, BASE, 1000]]));
    assert_eq!(maps["gid"], json!([[0, BASE, 1000]]));
    assert_eq!(maps["setgroups"], "allow");
    assert_eq!(output.lines()[1..3], ["0", "0"]);
    let own = fs::read_link("/proc/self/ns/user").unwrap();
    assert_ne!(output.lines()[3], own.to_string_lossy());
    case.finish();
}

#[test]
fn several_extents_are_mapped_in_order() {
    needs!(root, runtime, userns);
    let mut case = Case::new(&["userns"]);
    case.user_namespace(BASE, 10);
    let extents = json!([
        {"containerID": 0, "hostID": BASE, "size": 10},
        {"containerID": 1000, "hostID": BASE + 1000, "size": 1},
        {"containerID": 65_534, "hostID": BASE + 65_534, "size": 2},
    ]);
    case.config["linux"]["uidMappings"] = extents.clone();
    case.config["linux"]["gidMappings"] = extents;
    let maps = case.run().ok().json();
    let wanted = json!([[0, BASE, 10], [1000, BASE + 1000, 1], [65_534, BASE + 65_534, 2]]);
    assert_eq!(maps["uid"], wanted);
    assert_eq!(maps["gid"], wanted);
    case.finish();
}

#[test]
fn root_inside_is_nobody_outside() {
    needs!(root, runtime, userns);
    let mut case = Case::new(&["write", "/made", "x", "--", "init"]);
    case.user_namespace(BASE, 1000);
    drop(case.launch());
    let uids = process::status(case.pid(), "Uid").unwrap();
    assert_eq!(uids, format!("{BASE}\t{BASE}\t{BASE}\t{BASE}"));
    assert_eq!(fs::metadata(case.inside("made")).unwrap().uid(), BASE);
    case.delete_force();
    case.finish();
}

#[test]
fn user_and_groups_inside_are_mapped() {
    needs!(root, runtime, userns);
    let mut case = Case::new(&["uid", "--", "gid", "--", "groups", "--", "init"]);
    case.user_namespace(BASE, 1000);
    case.config["process"]["user"] = json!({"uid": 500, "gid": 501, "additionalGids": [7]});
    let output = case.launch();
    assert_eq!(output.later_stdout(), "500\n501\n[7]\nready\n");
    let groups = process::status(case.pid(), "Groups").unwrap();
    assert_eq!(groups, (BASE + 7).to_string());
    case.delete_force();
    case.finish();
}

#[test]
fn hosts_files_and_kernel_are_out_of_reach() {
    needs!(root, runtime, userns);
    let mut case = Case::new(&[
        "try-write",
        "/canary/file",
        "x",
        "--",
        "try-open",
        "/canary/file",
        "r",
        "--",
        "try-mknod",
        "/tmp/null",
        "c",
        "1",
        "3",
        "--",
        "try-sethostname",
        "inner",
    ]);
    let canary = case.root.path("canary");
    fs::create_dir(&canary).unwrap();
    fs::write(canary.join("file"), "host").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(canary.join("file"), mode).unwrap();
    case.mkdir("canary");
    case.user_namespace(BASE, 1000);
    case.bind(&canary, "/canary", &["rbind"]);
    let all = json!(["CAP_SYS_ADMIN", "CAP_MKNOD", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_CHOWN"]);
    for set in ["bounding", "effective", "permitted"] {
        case.config["process"]["capabilities"][set] = all.clone();
    }
    let output = case.run().ok();
    assert_eq!(output.lines(), ["EACCES", "EACCES", "EPERM", "OK"]);
    assert_eq!(fs::read_to_string(canary.join("file")).unwrap(), "host");
    case.finish();
}

#[test]
fn devices_proc_and_sys_work_inside() {
    needs!(root, runtime, userns);
    let mut case = Case::new(&[
        "try-write",
        "/dev/null",
        "x",
        "--",
        "try-open",
        "/dev/zero",
        "r",
        "--",
        "type",
        "/dev/null",
        "--",
        "owner",
        "/proc/self",
        "--",
        "mount-of",
        "/sys",
    ]);
    case.user_namespace(BASE, 1000);
    let output = case.run().ok();
    assert_eq!(output.lines()[..4], ["OK", "OK", "char 1:3", "0:0"]);
    case.finish();
}

#[test]
fn user_namespace_joined_by_path_keeps_its_mappings() {
    needs!(root, runtime, userns, userns_path_alone);
    let mut first = Case::new(&["init"]);
    first.user_namespace(BASE, 1000);
    drop(first.launch());
    let pid = first.pid();
    let mut second = Case::new(&["ns", "user", "--", "uid"]);
    second.user_namespace(BASE, 1000);
    second.namespace("user", Some(&format!("/proc/{pid}/ns/user")));
    let linux = second.config["linux"].as_object_mut().unwrap();
    linux.remove("uidMappings");
    linux.remove("gidMappings");
    let output = second.run().ok();
    assert_eq!(output.lines(), [process::link(pid, "ns/user").as_str(), "0"]);
    second.finish();
    first.delete_force();
    first.finish();
}

#[test]
fn mappings_without_a_user_namespace_are_refused() {
    needs!(root, runtime, strict_mappings);
    let mut case = Case::new(&["exit", "0"]);
    case.user_namespace(BASE, 1000);
    case.without_namespace("user");
    drop(case.run().fails());
    case.finish();
}

#[test]
fn exec_enters_the_user_namespace() {
    needs!(root, runtime, userns);
    let mut case = Case::new(&["init"]);
    case.user_namespace(BASE, 1000);
    drop(case.launch());
    let output = case.exec(&["uid", "--", "ns", "user"]).ok();
    assert_eq!(output.lines(), ["0", process::link(case.pid(), "ns/user").as_str()]);
    case.delete_force();
    case.finish();
}

#[test]
fn cgroup_namespace_and_limits_go_together_with_mappings() {
    needs!(root, runtime, userns, cgroups);
    let mut case = Case::new(&["init"]);
    case.user_namespace(BASE, 1000);
    case.namespace("cgroup", None);
    case.config["linux"]["resources"]["pids"] = json!({"limit": 50});
    drop(case.launch());
    assert_eq!(case.cgroup_value("pids", "pids.max"), "50");
    case.delete_force();
    case.finish();
}
