// SPDX-License-Identifier: Apache-2.0
//! `-u` and the user namespace: who the process is inside, and who it is on the host.

use super::Engine;
use brig_testkit::{needs, process};
use serde_json::json;
use std::fs;

/// The first host id that a container may have.
const ID_BASE: u64 = 536_870_912;

/// uid, gid and groups of a process started with `-u USER`.
fn identity(engine: &Engine, flags: &[&str]) -> String {
    engine.probe(flags, &["uid", "--", "gid", "--", "groups"]).replace('\n', " ")
}

#[test]
fn user_is_resolved_by_the_images_databases() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    assert_eq!(identity(&engine, &[]), "0 0 [0]");
    assert_eq!(identity(&engine, &["-u", "user"]), "1000 1000 [1000,2000]");
    assert_eq!(identity(&engine, &["-u", "1000"]), "1000 1000 [1000,2000]");
    assert_eq!(identity(&engine, &["-u", "user:extra"]), "1000 2000 [2000]");
    assert_eq!(identity(&engine, &["-u", "7:8"]), "7 8 [8]");
    assert_eq!(identity(&engine, &["-u", "4242"]), "4242 0 [0]");
    assert_eq!(identity(&engine, &["-u", "7:8", "--group-add", "extra"]), "7 8 [8,2000]");
    engine.finish();
}

#[test]
fn user_that_is_unknown_exits_with_125() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let unknown = engine.run(&["-u", "stranger"], &["true"]).exits(125);
    drop(unknown.says(&["unable to find user stranger"]));
    drop(engine.run(&["-u", "user:strangers"], &["true"]).exits(125).says(&["strangers"]));
    for malformed in ["4294967296", "-1", "1:2:3"] {
        let output = engine.run(&[&format!("--user={malformed}")], &["true"]);
        assert_eq!(output.code(), Some(125), "{malformed}: {output}");
    }
    engine.finish();
}

#[test]
fn home_is_that_of_the_user() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    assert_eq!(engine.probe(&["-u", "user"], &["env", "HOME"]), "/home/user");
    assert_eq!(engine.probe(&["-u", "9999"], &["env", "HOME"]), "/");
    engine.finish();
}

#[test]
fn root_inside_is_nobody_outside() {
    needs!(root, brig, busybox, userns);
    let engine = Engine::new();
    let map: serde_json::Value = serde_json::from_str(&engine.probe(&[], &["userns"])).unwrap();
    let outside = map["uid"][0][1].as_u64().unwrap();
    assert!(outside >= ID_BASE, "{map}");
    assert_eq!(map["uid"], json!([[0, outside, 65_536]]));
    assert_eq!(map["gid"], map["uid"]);
    drop(engine.up_ready("service", &["-u", "1000"]));
    let uids = process::status(engine.pid("service"), "Uid").unwrap();
    let uid: u64 = uids.split_whitespace().next().unwrap().parse().unwrap();
    assert_eq!((uid - ID_BASE) % 65_536, 1000, "{uids}");
    drop(engine.ok(["rm", "-f", "service"]));
    engine.finish();
}

#[test]
fn id_ranges_of_two_containers_do_not_overlap() {
    needs!(root, brig, busybox, userns);
    let engine = Engine::new();
    let first = engine.up_ready("first", &[]);
    let second = engine.up_ready("second", &[]);
    let map = |id: &str| fs::read_to_string(format!("/proc/{}/uid_map", engine.pid(id))).unwrap();
    assert_ne!(map(&first), map(&second));
    drop(engine.ok(["rm", "-f", "first", "second"]));
    engine.finish();
}

#[test]
fn files_of_the_image_belong_to_the_same_users_inside() {
    needs!(root, brig, busybox, userns);
    let engine = Engine::new();
    let question = ["owner", "/bin/busybox", "--", "owner", "/home/user", "--", "owner", "/"];
    assert_eq!(engine.probe(&[], &question), "0:0\n1000:1000\n0:0");
    let script = "chown user:extra /etc/passwd && rm /etc/group && id -u";
    assert_eq!(engine.run(&[], &["sh", "-c", script]).ok().text(), "0");
    engine.finish();
}

#[test]
fn userns_host_shares_the_hosts_ids() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let own = fs::read_link("/proc/self/ns/user").unwrap();
    let inside = engine.probe(&["--userns", "host"], &["ns", "user"]);
    assert_eq!(inside, own.to_string_lossy());
    assert_ne!(engine.probe(&[], &["ns", "user"]), own.to_string_lossy());
    drop(engine.run(&["--userns", "nonsense"], &["true"]).exits(125));
    engine.finish();
}
