// SPDX-License-Identifier: Apache-2.0
//! The root file system: read-only, masked and read-only paths.

use brig_testkit::{Case, needs};
use serde_json::json;

#[test]
fn root_is_read_only_when_asked_and_dev_still_works() {
    needs!(root, runtime);
    let mut case = Case::new(&[
        "try-write",
        "/new",
        "x",
        "--",
        "try-mkdir",
        "/etc/new",
        "--",
        "try-write",
        "/dev/null",
        "x",
        "--",
        "try-write",
        "/dev/shm/x",
        "x",
        "--",
        "mount-of",
        "/",
    ]);
    case.config["root"]["readonly"] = json!(true);
    let output = case.run().ok();
    assert_eq!(output.lines()[..4], ["EROFS", "EROFS", "OK", "OK"]);
    assert!(output.lines()[4].contains("\"ro\""), "{output}");
    case.finish();
}

#[test]
fn root_is_writable_when_asked() {
    needs!(root, runtime);
    let case = Case::new(&["write", "/new", "inner"]);
    drop(case.run().ok());
    assert_eq!(std::fs::read_to_string(case.inside("new")).unwrap(), "inner");
    case.finish();
}

#[test]
fn masked_file_is_empty_and_masked_directory_has_nothing() {
    needs!(root, runtime);
    let mut case = Case::new(&[
        "cat",
        "/secret",
        "--",
        "ls",
        "/hidden",
        "--",
        "try-write",
        "/hidden/x",
        "y",
        "--",
        "type",
        "/secret",
        "--",
        "cat",
        "/proc/keys",
    ]);
    case.write("secret", "seen");
    case.mkdir("hidden/sub");
    case.config["linux"]["maskedPaths"] = json!(["/secret", "/hidden", "/proc/keys"]);
    let output = case.run().ok();
    assert_eq!(output.lines(), ["EROFS", "char 1:3"], "{output}");
    assert_eq!(std::fs::read_to_string(case.inside("secret")).unwrap(), "seen");
    case.finish();
}

#[test]
fn masked_path_that_is_missing_is_no_error() {
    needs!(root, runtime);
    let mut case = Case::new(&["exists", "/not/there"]);
    case.config["linux"]["maskedPaths"] = json!(["/not/there"]);
    case.config["linux"]["readonlyPaths"] = json!(["/not/there"]);
    assert_eq!(case.run().ok().text(), "false");
    case.finish();
}

#[test]
fn read_only_paths_refuse_writes_and_the_rest_takes_them() {
    needs!(root, runtime);
    let mut case = Case::new(&[
        "try-write",
        "/ro/file",
        "x",
        "--",
        "try-write",
        "/rw/file",
        "x",
        "--",
        "try-open",
        "/proc/sys/kernel/core_pattern",
        "w",
        "--",
        "try-open",
        "/single",
        "w",
    ]);
    case.mkdir("ro");
    case.mkdir("rw");
    case.write("ro/file", "");
    case.write("rw/file", "");
    case.write("single", "");
    brig_testkit::bundle::push(&mut case.config["linux"]["readonlyPaths"], json!("/ro"));
    brig_testkit::bundle::push(&mut case.config["linux"]["readonlyPaths"], json!("/single"));
    let output = case.run().ok();
    assert_eq!(output.lines(), ["EROFS", "OK", "EROFS", "EROFS"]);
    case.finish();
}

#[test]
fn read_only_path_keeps_nosuid_nodev_noexec_of_its_mount() {
    needs!(root, runtime, readonly_keeps_flags);
    let mut case = Case::new(&["mount-of", "/t/ro"]);
    case.mount(json!({"destination": "/t", "type": "tmpfs", "source": "tmpfs",
        "options": ["nosuid", "nodev", "noexec"]}));
    case.mount(json!({"destination": "/t/ro", "type": "tmpfs", "source": "tmpfs",
        "options": ["nosuid", "nodev", "noexec"]}));
    brig_testkit::bundle::push(&mut case.config["linux"]["readonlyPaths"], json!("/t/ro"));
    let mount = case.run().ok().json();
    for option in ["ro", "nosuid", "nodev", "noexec"] {
        assert!(mount["options"].as_array().unwrap().contains(&json!(option)), "{option}: {mount}");
    }
    case.finish();
}

#[test]
fn masked_path_cannot_be_reached_by_its_real_name() {
    needs!(root, runtime);
    let mut case = Case::new(&["try-umount", "/secret", "--", "cat", "/secret"]);
    case.write("secret", "seen");
    case.config["linux"]["maskedPaths"] = json!(["/secret"]);
    let output = case.run().ok();
    assert_eq!(output.lines(), ["EPERM"]);
    case.finish();
}

#[test]
fn root_path_may_be_absolute_and_elsewhere() {
    needs!(root, runtime);
    let mut case = Case::new(&["cat", "/marker"]);
    let elsewhere = case.root.path("elsewhere");
    case.write("marker", "moved");
    std::fs::rename(case.rootfs(), &elsewhere).unwrap();
    case.config["root"]["path"] = json!(elsewhere);
    assert_eq!(case.run().ok().text(), "moved");
    case.finish();
}

#[test]
fn old_root_is_out_of_reach() {
    needs!(root, runtime);
    let mut case = Case::new(&["ls", "/..", "--", "try-chroot", "/../.."]);
    for set in ["bounding", "effective", "permitted"] {
        case.config["process"]["capabilities"][set] = json!(["CAP_SYS_CHROOT"]);
    }
    let output = case.run().ok();
    assert_eq!(output.lines(), ["dev", "etc", "probe", "proc", "sys", "tmp", "OK"]);
    case.finish();
}

#[test]
fn no_pivot_runs_on_a_moved_root() {
    needs!(root, runtime);
    let case = Case::new(&["ls", "/"]);
    let output = case.with_bundle("run", &["--no-pivot"]).output().ok();
    assert_eq!(output.lines(), ["dev", "etc", "probe", "proc", "sys", "tmp"]);
    case.finish();
}
