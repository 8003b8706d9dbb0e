// SPDX-License-Identifier: Apache-2.0
//! Mounts: kinds, options, order.

use brig_testkit::{Case, Output, cgroup, needs};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

/// A host directory with one file in it.
fn source(case: &Case) -> PathBuf {
    let directory = case.root.path("src");
    fs::create_dir(&directory).expect("new");
    fs::write(directory.join("file"), "host").expect("new");
    directory
}

fn options(output: &Output) -> Vec<String> {
    let mount: Value = serde_json::from_str(output.lines()[0]).expect("mount-of is JSON");
    serde_json::from_value(mount["options"].clone()).expect("a list")
}

#[test]
fn bind_mount_is_writable_by_default() {
    needs!(root, runtime);
    let mut case = Case::new(&["cat", "/v/file", "--", "write", "/v/new", "inner"]);
    let source = source(&case);
    case.bind(&source, "/v", &[]);
    assert_eq!(case.run().ok().text(), "host");
    assert_eq!(fs::read_to_string(source.join("new")).unwrap(), "inner");
    case.finish();
}

#[test]
fn bind_mount_read_only_refuses_writes() {
    needs!(root, runtime);
    let mut case = Case::new(&["try-write", "/v/file", "x", "--", "mount-of", "/v"]);
    let source = source(&case);
    case.bind(&source, "/v", &["ro"]);
    let output = case.run().ok();
    assert_eq!(output.lines()[0], "EROFS");
    assert!(output.lines()[1].contains("\"ro\""), "{output}");
    assert_eq!(fs::read_to_string(source.join("file")).unwrap(), "host");
    case.finish();
}

#[test]
fn bind_mount_of_a_file_makes_its_target() {
    needs!(root, runtime);
    let mut case = Case::new(&["cat", "/deep/er/file"]);
    let source = source(&case).join("file");
    case.bind(&source, "/deep/er/file", &["ro"]);
    assert_eq!(case.run().ok().text(), "host");
    case.finish();
}

#[test]
fn bind_mount_attributes_are_applied_and_the_source_keeps_its_own() {
    needs!(root, runtime);
    let mut case = Case::new(&["mount-of", "/v"]);
    let source = source(&case);
    case.bind(&source, "/v", &["nosuid", "nodev", "noexec", "noatime"]);
    let output = case.run().ok();
    let found = options(&output);
    for option in ["rw", "nosuid", "nodev", "noexec", "noatime"] {
        assert!(found.iter().any(|other| other == option), "{option}: {output}");
    }
    case.finish();
}

#[test]
fn noexec_and_nosuid_have_their_effect() {
    needs!(root, runtime);
    let mut case = Case::new(&["try-exec", "/v/probe", "uid"]);
    let source = source(&case);
    // By `cp`, for the reason that `Bundle::new` gives.
    let copied = std::process::Command::new("cp").arg(case.inside("probe")).arg(&source).status();
    assert!(copied.unwrap().success());
    case.bind(&source, "/v", &["noexec"]);
    assert_eq!(case.run().ok().text(), "EACCES");
    case.finish();
}

#[test]
fn bind_alone_leaves_out_what_is_mounted_below_and_rbind_brings_it() {
    needs!(root, runtime);
    for (kind, wanted) in [("bind", "false"), ("rbind", "true")] {
        let mut case = Case::new(&["exists", "/v/sub/marker"]);
        let source = source(&case);
        fs::create_dir(source.join("sub")).unwrap();
        let probe = brig_testkit::binaries::probe();
        // The mount exists only in the runtime's own namespace.
        case.mount(
            json!({"destination": "/v", "type": "bind", "source": source, "options": [kind]}),
        );
        let run = case.with_bundle("run", &[]);
        let target = source.join("sub");
        let script =
            format!("mount -t tmpfs none {0} && : > {0}/marker && exec \"$@\"", target.display());
        let inner = run.wrapped(["sh", "-c", &script, "sh"]);
        let all =
            inner.wrapped([probe.as_os_str(), "in-ns".as_ref(), "mnt".as_ref(), "--".as_ref()]);
        assert_eq!(all.output().ok().text(), wanted, "{kind}");
        case.finish();
    }
}

#[test]
fn tmpfs_has_its_size_mode_and_attributes() {
    needs!(root, runtime);
    let mut case = Case::new(&["mount-of", "/t", "--", "mode", "/t", "--", "write", "/t/x", "y"]);
    case.mount(json!({"destination": "/t", "type": "tmpfs", "source": "tmpfs",
        "options": ["nosuid", "nodev", "size=1m", "mode=1770"]}));
    let output = case.run().ok();
    let mount: Value = serde_json::from_str(output.lines()[0]).unwrap();
    assert_eq!(mount["type"], "tmpfs");
    assert!(mount["super"].as_array().unwrap().contains(&json!("size=1024k")), "{mount}");
    assert_eq!(output.lines()[1], "1770");
    assert!(fs::symlink_metadata(case.inside("t/x")).is_err(), "written to the tmpfs, not below");
    case.finish();
}

#[test]
fn tmpfs_size_is_a_limit() {
    needs!(root, runtime);
    let big = "x".repeat(65_536 + 1);
    let mut case = Case::new(&["try-write", "/t/x", &big]);
    case.mount(json!({"destination": "/t", "type": "tmpfs", "source": "tmpfs",
        "options": ["size=64k"]}));
    assert_eq!(case.run().ok().text(), "ENOSPC");
    case.finish();
}

#[test]
fn standard_mounts_have_their_types_and_options() {
    needs!(root, runtime);
    let case = Case::new(&["mounts"]);
    let mounts = case.run().ok().json();
    let find = |target: &str| {
        let mut all = mounts.as_array().unwrap().iter();
        all.rfind(|mount| mount["target"] == target).cloned().unwrap_or(Value::Null)
    };
    for (target, kind) in [
        ("/proc", "proc"),
        ("/dev", "tmpfs"),
        ("/dev/pts", "devpts"),
        ("/dev/shm", "tmpfs"),
        ("/dev/mqueue", "mqueue"),
        ("/sys", "sysfs"),
    ] {
        assert_eq!(find(target)["type"], kind, "{target}");
    }
    let has = |target: &str, option: &str| {
        find(target)["options"].as_array().is_some_and(|all| all.contains(&json!(option)))
    };
    for option in ["ro", "nosuid", "nodev", "noexec"] {
        assert!(has("/sys", option), "{option} {}", find("/sys"));
    }
    assert!(has("/dev", "nosuid") && has("/dev/shm", "noexec"));
    case.finish();
}

#[test]
fn no_mount_of_the_host_is_left_in_the_container() {
    needs!(root, runtime);
    let case = Case::new(&["mounts"]);
    let mounts = case.run().ok().json();
    for mount in mounts.as_array().unwrap() {
        let target = mount["target"].as_str().unwrap();
        let known = ["/", "/proc", "/dev", "/sys"].contains(&target)
            || ["/proc/", "/dev/", "/sys/"].iter().any(|prefix| target.starts_with(prefix));
        assert!(known, "{mount}");
    }
    case.finish();
}

#[test]
fn mounts_are_made_in_order() {
    needs!(root, runtime);
    let mut case = Case::new(&["exists", "/a/b", "--", "mount-of", "/a/b"]);
    case.mount(json!({"destination": "/a", "type": "tmpfs", "source": "first"}));
    case.mount(json!({"destination": "/a/b", "type": "tmpfs", "source": "second"}));
    let output = case.run().ok();
    assert_eq!(output.lines()[0], "true");
    assert!(output.lines()[1].contains("second"), "{output}");
    case.finish();
}

#[test]
fn later_mount_hides_the_earlier_one() {
    needs!(root, runtime);
    let mut case = Case::new(&["exists", "/v/file"]);
    let source = source(&case);
    case.bind(&source, "/v", &[]);
    case.mount(json!({"destination": "/v", "type": "tmpfs", "source": "tmpfs"}));
    assert_eq!(case.run().ok().text(), "false");
    case.finish();
}

#[test]
fn missing_source_is_refused() {
    needs!(root, runtime);
    let mut case = Case::new(&["exit", "0"]);
    let missing = case.root.path("missing");
    case.bind(&missing, "/v", &[]);
    drop(case.run().fails().says(&["missing", "no such file"]));
    case.finish();
}

#[test]
fn unknown_file_system_is_refused() {
    needs!(root, runtime);
    let mut case = Case::new(&["exit", "0"]);
    case.mount(json!({"destination": "/v", "type": "nosuchfs", "source": "none"}));
    drop(case.run().fails());
    case.finish();
}

#[test]
fn recursive_read_only_reaches_what_is_mounted_below() {
    needs!(root, runtime, recursive_attributes);
    let mut case = Case::new(&["try-write", "/v/file", "x", "--", "try-write", "/v/sub/x", "x"]);
    let source = source(&case);
    fs::create_dir(source.join("sub")).unwrap();
    case.mount(json!({"destination": "/v", "type": "bind", "source": source,
        "options": ["rbind", "rro"]}));
    let script = format!("mount -t tmpfs none {} && exec \"$@\"", source.join("sub").display());
    let run = case.with_bundle("run", &[]).wrapped(["sh", "-c", &script, "sh"]);
    let probe = brig_testkit::binaries::probe().as_os_str();
    let all = run.wrapped([probe, "in-ns".as_ref(), "mnt".as_ref(), "--".as_ref()]);
    assert_eq!(all.output().ok().lines(), ["EROFS", "EROFS"]);
    case.finish();
}

/// Where a mount of type `cgroup` shows a file of the pids controller.
fn shown_in_pids(file: &str) -> String {
    let directory = if cgroup::mode() == cgroup::Mode::V2 { "" } else { "pids/" };
    format!("/sys/fs/cgroup/{directory}{file}")
}

#[test]
fn cgroup_mount_shows_the_containers_own_cgroup_read_only() {
    needs!(root, runtime, cgroups);
    let [limit, processes] = ["pids.max", "cgroup.procs"].map(shown_in_pids);
    let mut case =
        Case::new(&["cat", &limit, "--", "try-write", &limit, "max", "--", "cat", &processes]);
    case.namespace("cgroup", None);
    case.mount(json!({"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
        "options": ["nosuid", "noexec", "nodev", "relatime", "ro"]}));
    case.config["linux"]["resources"]["pids"] = json!({"limit": 77});
    assert_eq!(case.run().ok().lines(), ["77", "EROFS", "1"]);
    case.finish();
}

#[test]
fn cgroup_mount_without_a_cgroup_namespace_shows_the_same() {
    needs!(root, runtime, cgroups);
    let mut case = Case::new(&[]);
    // On version 2 the view is the namespace's, so here the host's.
    let own = format!("{}/c1", case.root.cgroup_parent());
    let file = match cgroup::mode() {
        cgroup::Mode::V2 => shown_in_pids(&format!("{own}/pids.max")),
        _ => shown_in_pids("pids.max"),
    };
    case.probe(&["cat", &file]);
    case.mount(json!({"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
        "options": ["nosuid", "noexec", "nodev", "relatime", "ro"]}));
    case.config["linux"]["resources"]["pids"] = json!({"limit": 78});
    assert_eq!(case.run().ok().text(), "78");
    case.finish();
}

#[test]
fn destination_may_be_relative_or_untidy() {
    needs!(root, runtime);
    let mut case = Case::new(&["exists", "/v/file"]);
    let source = source(&case);
    case.bind(&source, "/x/..//v/", &[]);
    assert_eq!(case.run().ok().text(), "true");
    case.finish();
}

#[test]
fn idmapped_bind_mount_shows_the_mapped_owner() {
    needs!(root, runtime, userns, idmapped_mounts);
    let mut case =
        Case::new(&["owner", "/v/file", "--", "write", "/v/new", "x", "--", "owner", "/v/new"]);
    let source = source(&case);
    case.user_namespace(400_000, 1000);
    let map = json!([{"containerID": 0, "hostID": 400_000, "size": 1000}]);
    case.mount(json!({"destination": "/v", "type": "bind", "source": source,
        "options": ["rbind"], "uidMappings": map, "gidMappings": map}));
    assert_eq!(case.run().ok().lines(), ["0:0", "0:0"]);
    let made = fs::metadata(source.join("new")).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&made), 0, "root inside is root on the volume");
    case.finish();
}
