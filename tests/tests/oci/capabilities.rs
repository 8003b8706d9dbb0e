// SPDX-License-Identifier: Apache-2.0
//! The five capability sets, for root and for others.

use brig_testkit::{Case, needs};
use serde_json::{Value, json};

const SETS: &[&str] = &["inheritable", "permitted", "effective", "bounding", "ambient"];

fn with(capabilities: Value) -> Case {
    let mut case = Case::new(&["caps"]);
    case.config["process"]["capabilities"] = capabilities;
    case
}

#[test]
fn sets_are_exactly_those_of_the_configuration() {
    needs!(root, runtime);
    let case = with(json!({
        "bounding": ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW"],
        "permitted": ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW"],
        "effective": ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW"],
        "inheritable": [],
        "ambient": [],
    }));
    let sets = case.run().ok().json();
    let wanted = json!(["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW"]);
    for set in ["bounding", "permitted", "effective"] {
        assert_eq!(sets[set], wanted, "{set}");
    }
    assert_eq!((&sets["inheritable"], &sets["ambient"]), (&json!([]), &json!([])));
    case.finish();
}

#[test]
fn no_capabilities_means_none_at_all() {
    needs!(root, runtime);
    let case = with(json!({}));
    let sets = case.run().ok().json();
    for set in SETS {
        assert_eq!(sets[set], json!([]), "{set}");
    }
    case.finish();
}

#[test]
fn other_users_keep_only_ambient_ones() {
    needs!(root, runtime);
    let mut case = with(json!({
        "bounding": ["CAP_CHOWN", "CAP_KILL"],
        "permitted": ["CAP_CHOWN", "CAP_KILL"],
        "effective": ["CAP_CHOWN", "CAP_KILL"],
        "inheritable": ["CAP_KILL"],
        "ambient": ["CAP_KILL"],
    }));
    case.config["process"]["user"] = json!({"uid": 1000, "gid": 1000});
    let sets = case.run().ok().json();
    assert_eq!(sets["bounding"], json!(["CAP_CHOWN", "CAP_KILL"]));
    for set in ["ambient", "permitted", "effective", "inheritable"] {
        assert_eq!(sets[set], json!(["CAP_KILL"]), "{set}");
    }
    case.finish();
}

#[test]
fn other_users_without_ambient_ones_have_none() {
    needs!(root, runtime);
    let list = json!(["CAP_CHOWN", "CAP_KILL"]);
    let mut case = with(json!({"bounding": list, "permitted": list, "effective": list}));
    case.config["process"]["user"] = json!({"uid": 1000, "gid": 1000});
    let sets = case.run().ok().json();
    for set in ["ambient", "permitted", "effective", "inheritable"] {
        assert_eq!(sets[set], json!([]), "{set}");
    }
    assert_eq!(sets["bounding"], list);
    case.finish();
}

#[test]
fn effective_may_be_less_than_permitted_for_a_user_with_ambient_ones() {
    needs!(root, runtime);
    let mut case = with(json!({
        "bounding": ["CAP_NET_BIND_SERVICE"],
        "permitted": ["CAP_NET_BIND_SERVICE"],
        "effective": ["CAP_NET_BIND_SERVICE"],
        "inheritable": ["CAP_NET_BIND_SERVICE"],
        "ambient": ["CAP_NET_BIND_SERVICE"],
    }));
    case.probe(&["listen", "80"]);
    case.config["process"]["user"] = json!({"uid": 1000, "gid": 1000});
    case.config["linux"]["sysctl"] = json!({"net.ipv4.ip_unprivileged_port_start": "1024"});
    let output = case.create();
    case.start();
    output.expect_later("listening");
    case.delete_force();
    case.finish();
}

#[test]
fn dropped_capability_has_its_effect() {
    needs!(root, runtime);
    let case = Case::new(&[
        "try-chown",
        "/tmp",
        "1",
        "1",
        "--",
        "try-sethostname",
        "x",
        "--",
        "try-mount",
        "none",
        "/tmp",
        "tmpfs",
        "--",
        "try-chroot",
        "/tmp",
    ]);
    assert_eq!(case.run().ok().lines(), ["EPERM", "EPERM", "EPERM", "EPERM"]);
    case.finish();
}

#[test]
fn unknown_capability_is_refused_or_left_out_and_never_widens() {
    needs!(root, runtime);
    let list = json!(["CAP_KILL", "CAP_NO_SUCH_THING"]);
    let case = with(json!({"bounding": list, "permitted": list, "effective": list}));
    let output = case.run();
    if output.code() == Some(0) {
        assert_eq!(output.json()["effective"], json!(["CAP_KILL"]));
    }
    case.finish();
}

#[test]
fn capabilities_cannot_be_gained_by_a_setuid_file() {
    needs!(root, runtime);
    let mut case = Case::new(&["try-exec", "/suid", "write", "/tmp/uid", "x"]);
    let suid = case.inside("suid");
    let copied = std::process::Command::new("cp").arg(case.inside("probe")).arg(&suid).status();
    assert!(copied.unwrap().success());
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o4755);
    std::fs::set_permissions(&suid, mode).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o1777);
    std::fs::set_permissions(case.inside("tmp"), mode).unwrap();
    case.config["process"]["user"] = json!({"uid": 1000, "gid": 1000});
    assert_eq!(case.run().ok().text(), "OK");
    let made = std::fs::metadata(case.inside("tmp/uid")).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&made), 1000, "noNewPrivileges is set");
    case.finish();
}
