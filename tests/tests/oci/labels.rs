// SPDX-License-Identifier: Apache-2.0
//! AppArmor profiles and SELinux labels, on machines that know those of `testkit/vm`: the emulated
//! machine's tests run them there.

use brig_testkit::{Case, needs};
use serde_json::json;

const PROFILE: &str = "brig-test-deny";
const LABEL: &str = "system_u:system_r:container_t:s0:c1,c2";

/// What is answered otherwise under the profile.
const QUESTION: [&str; 10] = [
    "try-write",
    "/tmp/denied",
    "x",
    "--",
    "try-write",
    "/tmp/allowed",
    "x",
    "--",
    "cat",
    "/proc/self/attr/current",
];

fn confined(profile: &str) -> Case {
    let mut case = Case::new(&QUESTION);
    case.config["process"]["apparmorProfile"] = json!(profile);
    case
}

#[test]
fn apparmor_profile_confines_the_process() {
    needs!(root, runtime, apparmor_profile);
    let case = confined(PROFILE);
    let output = case.run().ok();
    assert_eq!(output.lines(), ["EACCES", "OK", "brig-test-deny (enforce)"]);
    case.finish();
    let case = confined("");
    assert_eq!(case.run().ok().lines(), ["OK", "OK", "unconfined"], "without the profile");
    case.finish();
}

#[test]
fn apparmor_profile_holds_without_new_privileges_and_for_a_user() {
    needs!(root, runtime, apparmor_profile);
    let mut case = confined(PROFILE);
    case.config["process"]["noNewPrivileges"] = json!(true);
    case.config["process"]["user"] = json!({"uid": 1000, "gid": 1000});
    assert_eq!(case.run().ok().lines()[2], "brig-test-deny (enforce)");
    case.finish();
}

#[test]
fn apparmor_profile_of_an_exec_is_the_containers_or_its_own() {
    needs!(root, runtime, apparmor_profile);
    let mut case = Case::new(&["init"]);
    case.config["process"]["apparmorProfile"] = json!(PROFILE);
    drop(case.launch());
    let question = ["cat", "/proc/self/attr/current"];
    assert_eq!(case.exec(&question).ok().text(), "brig-test-deny (enforce)");
    drop(case.exec_with(&["--apparmor", "no-such-profile"], &question).fails());
    case.delete_force();
    case.finish();
}

#[test]
fn apparmor_profile_that_is_not_loaded_is_refused_by_name() {
    needs!(root, runtime, apparmor_profile);
    let case = confined("no-such-profile");
    let created = case.with_bundle("create", &[]).output();
    if created.code() == Some(0) {
        // The process of the user's program is made by `start`.
        let started = case.command(["start", case.id()]).output();
        drop(started.fails().says(&["no-such-profile"]));
        case.delete_force();
    } else {
        drop(created.says(&["no-such-profile"]));
    }
    drop(case.command(["state", case.id()]).output().fails());
    case.finish();
}

/// A container whose label may use what is below `/tmp` there, but no other file of the host.
fn labelled(args: &[&str]) -> Case {
    let mut case = Case::new(args);
    case.config["process"]["selinuxLabel"] = json!(LABEL);
    case
}

#[test]
fn selinux_label_confines_the_process() {
    needs!(root, runtime, selinux_container);
    let mut case = labelled(&[
        "cat",
        "/proc/self/attr/current",
        "--",
        "try-write",
        "/tmp/file",
        "x",
        "--",
        "try-write",
        "/v/file",
        "x",
    ]);
    case.bind(std::path::Path::new("/var/tmp"), "/v", &[]);
    let output = case.run().ok();
    let answers = output.stdout().replace('\0', "");
    assert_eq!(answers.lines().collect::<Vec<_>>(), [LABEL, "OK", "EACCES"]);
    case.finish();
}

#[test]
fn selinux_label_of_an_exec_is_the_containers() {
    needs!(root, runtime, selinux_container);
    let case = labelled(&["init"]);
    drop(case.launch());
    let output = case.exec(&["cat", "/proc/self/attr/current"]).ok();
    assert_eq!(output.text().trim_end_matches('\0'), LABEL);
    case.delete_force();
    case.finish();
}

#[test]
fn selinux_mount_label_makes_the_mounts_the_containers_own() {
    needs!(root, runtime, selinux_container);
    for (label, answer) in [("", "EACCES"), ("system_u:object_r:container_file_t:s0:c1,c2", "OK")] {
        let mut case = labelled(&["try-write", "/scratch/file", "x"]);
        case.config["linux"]["mountLabel"] = json!(label);
        case.mount(json!({"destination": "/scratch", "type": "tmpfs", "source": "tmpfs"}));
        assert_eq!(case.run().ok().text(), answer, "{label}");
        case.finish();
    }
}

#[test]
fn selinux_label_that_the_policy_does_not_know_is_refused_by_name() {
    needs!(root, runtime, selinux_container);
    let mut case = labelled(&["exit", "0"]);
    case.config["process"]["selinuxLabel"] = json!("system_u:system_r:no_such_t:s0");
    drop(case.run().fails().says(&["no_such_t"]));
    drop(case.command(["state", case.id()]).output().fails());
    case.finish();
}
