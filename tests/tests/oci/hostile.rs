// SPDX-License-Identifier: Apache-2.0
//! A hostile root file system: links where the runtime mounts and writes. The host's canary stays
//! as it is, whether the runtime refuses or keeps the link inside.

use brig_testkit::{Case, Output, mountinfo, needs};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

/// A host directory that a container must never change.
struct Canary {
    path: PathBuf,
}

impl Canary {
    fn new(case: &Case) -> Self {
        let path = case.root.path("canary");
        fs::create_dir(&path).expect("new");
        fs::write(path.join("file"), "host").expect("new");
        Self { path }
    }

    fn assert_untouched(&self, output: &Output) {
        let names: Vec<_> = fs::read_dir(&self.path)
            .expect("there")
            .flatten()
            .map(|entry| entry.file_name())
            .collect();
        assert_eq!(names, ["file"], "{output}");
        assert_eq!(fs::read_to_string(self.path.join("file")).expect("there"), "host", "{output}");
        let below = |mount: &mountinfo::Mount| Path::new(&mount.target).starts_with(&self.path);
        assert!(!mountinfo::of("self").iter().any(below), "{output}");
    }
}

/// Runs with `path` as a link to the canary; `relative` climbs out by dots.
fn link_at(path: &str, relative: bool, edit: impl Fn(&mut Case)) -> Output {
    let mut case = Case::new(&["mounts"]);
    let canary = Canary::new(&case);
    let target = if relative {
        Path::new("../../../../../../../..").join(canary.path.strip_prefix("/").expect("absolute"))
    } else {
        canary.path.clone()
    };
    case.symlink(path, target);
    edit(&mut case);
    let output = case.run();
    canary.assert_untouched(&output);
    case.finish();
    output
}

#[test]
fn proc_as_a_link_is_refused_or_stays_inside() {
    needs!(root, runtime);
    for relative in [false, true] {
        drop(link_at("proc", relative, |_| {}).fails());
    }
}

#[test]
fn sys_as_a_link_is_refused_or_stays_inside() {
    needs!(root, runtime);
    for relative in [false, true] {
        drop(link_at("sys", relative, |_| {}).fails());
    }
}

#[test]
fn dev_as_a_link_stays_inside() {
    needs!(root, runtime, safe_dev_links);
    for relative in [false, true] {
        drop(link_at("dev", relative, |_| {}));
    }
}

#[test]
fn dev_as_a_link_without_a_mount_stays_inside() {
    needs!(root, runtime, safe_dev_nodes);
    for relative in [false, true] {
        drop(link_at("dev", relative, |case| {
            for target in ["/dev", "/dev/pts", "/dev/shm", "/dev/mqueue"] {
                case.unmount(target);
            }
        }));
    }
}

#[test]
fn volume_target_as_a_link_stays_inside() {
    needs!(root, runtime);
    for relative in [false, true] {
        let output = link_at("v", relative, |case| {
            let source = case.root.path("src");
            fs::create_dir(&source).unwrap();
            case.bind(&source, "/v", &[]);
        });
        // Where it is followed, it is followed inside.
        if output.code() == Some(0) {
            assert!(output.stdout().contains("\"target\":\"/tmp/"), "{output}");
        }
    }
}

#[test]
fn parent_of_a_volume_target_as_a_link_stays_inside() {
    needs!(root, runtime);
    for relative in [false, true] {
        drop(link_at("v", relative, |case| {
            let source = case.root.path("src");
            fs::create_dir(&source).unwrap();
            case.bind(&source, "/v/deep/er", &[]);
        }));
    }
}

#[test]
fn tmpfs_target_as_a_link_stays_inside() {
    needs!(root, runtime);
    for relative in [false, true] {
        drop(link_at("v", relative, |case| {
            case.mount(json!({"destination": "/v/t", "type": "tmpfs", "source": "tmpfs"}));
        }));
    }
}

#[test]
fn volume_target_for_a_file_as_a_link_stays_inside() {
    needs!(root, runtime);
    for target in ["/../../../../canary-file", "/etc/brig-test-canary"] {
        let mut case = Case::new(&["exit", "0"]);
        let canary = Canary::new(&case);
        case.symlink("v", target);
        let source = canary.path.join("file");
        case.bind(&source, "/v", &["ro"]);
        let output = case.run();
        canary.assert_untouched(&output);
        assert!(fs::symlink_metadata("/etc/brig-test-canary").is_err());
        case.finish();
    }
}

#[test]
fn masked_path_as_a_link_never_touches_the_host() {
    needs!(root, runtime);
    drop(link_at("masked", false, |case| {
        case.config["linux"]["maskedPaths"] = json!(["/masked", "/masked/file"]);
        case.config["linux"]["readonlyPaths"] = json!(["/masked"]);
    }));
}

#[test]
fn device_path_as_a_link_never_touches_the_host() {
    needs!(root, runtime);
    for relative in [false, true] {
        drop(link_at("nodes", relative, |case| {
            case.config["linux"]["devices"] = json!([
                {"path": "/nodes/zero", "type": "c", "major": 1, "minor": 5, "fileMode": 0o666},
            ]);
        }));
    }
}

#[test]
fn working_directory_as_a_link_never_touches_the_host() {
    needs!(root, runtime);
    for relative in [false, true] {
        drop(link_at("work", relative, |case| {
            case.config["process"]["cwd"] = json!("/work/new");
        }));
    }
}

#[test]
fn working_directory_through_proc_self_fd_does_not_reach_the_host() {
    needs!(root, runtime);
    for number in 3..20 {
        let mut case = Case::new(&["cwd", "--", "ls", "/proc/self/cwd/../../../../.."]);
        case.config["process"]["cwd"] = json!(format!("/proc/self/fd/{number}"));
        let output = case.run();
        let host =
            fs::symlink_metadata("/usr/sbin/runc").is_ok() && output.stdout().contains("usr");
        assert!(output.code() != Some(0) || !host, "CVE-2024-21626: {output}");
        case.finish();
    }
}

#[test]
fn exec_working_directory_through_proc_self_fd_does_not_reach_the_host() {
    needs!(root, runtime);
    let case = Case::new(&["init"]);
    drop(case.launch());
    for number in 3..20 {
        let cwd = format!("/proc/self/fd/{number}");
        let output = case.exec_with(&["--cwd", &cwd], &["ls", "/proc/self/cwd/../../../../.."]);
        let outside = output.code() == Some(0) && output.stdout().contains("usr");
        assert!(!outside, "CVE-2024-21626: {output}");
    }
    case.delete_force();
    case.finish();
}

#[test]
fn pts_as_a_link_never_touches_the_host() {
    needs!(root, runtime);
    let mut case = Case::new(&["exit", "0"]);
    let canary = Canary::new(&case);
    case.unmount("/dev");
    case.unmount("/dev/shm");
    case.unmount("/dev/mqueue");
    case.symlink("dev/pts", &canary.path);
    case.symlink("dev/console", canary.path.join("file"));
    case.symlink("dev/null", canary.path.join("file"));
    let output = case.run();
    canary.assert_untouched(&output);
    case.finish();
}

#[test]
fn null_device_swapped_for_a_file_masks_nothing_with_it() {
    needs!(root, runtime);
    let mut case = Case::new(&["cat", "/secret"]);
    case.unmount("/dev");
    case.unmount("/dev/pts");
    case.unmount("/dev/shm");
    case.unmount("/dev/mqueue");
    case.write("dev/null", "forged");
    case.write("secret", "seen");
    case.config["linux"]["maskedPaths"] = json!(["/secret"]);
    let output = case.run();
    assert!(!output.stdout().contains("forged") && !output.stdout().contains("seen"), "{output}");
    case.finish();
}

#[test]
fn passwd_as_a_fifo_or_endless_does_not_hang_the_runtime() {
    needs!(root, runtime, bounded_passwd);
    let mut case = Case::new(&["uid"]);
    let fifo = case.inside("etc/passwd");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    case.config["process"]["user"] = json!({"uid": 1000, "gid": 1000});
    let run = case.with_bundle("run", &[]).timeout(std::time::Duration::from_secs(10));
    drop(run.output());
    case.finish();
}

#[test]
fn rootfs_itself_as_a_link_is_used_or_refused_as_a_whole() {
    needs!(root, runtime);
    let case = Case::new(&["ls", "/"]);
    let moved = case.root.path("moved");
    fs::rename(case.rootfs(), &moved).unwrap();
    std::os::unix::fs::symlink(&moved, case.rootfs()).unwrap();
    let output = case.run();
    if output.code() == Some(0) {
        assert!(!output.stdout().contains("usr"), "{output}");
    }
    case.finish();
}
