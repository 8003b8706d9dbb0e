// SPDX-License-Identifier: Apache-2.0
//! Propagation of mounts between the host, the container and back.

use brig_testkit::{Case, mountinfo, needs};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// A host directory that is a shared mount of its own.
struct Shared {
    path: PathBuf,
}

impl Shared {
    fn new(case: &Case) -> Self {
        use rustix::mount::{MountPropagationFlags, mount_bind, mount_change};
        let path = case.root.path("shared");
        fs::create_dir(&path).expect("new");
        mount_bind(&path, &path).expect("root may bind");
        mount_change(&path, MountPropagationFlags::SHARED).expect("root may share");
        fs::create_dir(path.join("sub")).expect("new");
        Self { path }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let flags = rustix::mount::UnmountFlags::DETACH;
        // What travelled here from inside goes with it.
        let _ = rustix::mount::unmount(self.path.join("sub"), flags);
        let _ = rustix::mount::unmount(&self.path, flags);
    }
}

fn mounted(path: &Path) -> bool {
    mountinfo::of("self").iter().any(|mount| Path::new(&mount.target) == path)
}

fn propagation(case: &Case, target: &str) -> Vec<String> {
    let output = case.exec(&["mount-of", target]).ok();
    serde_json::from_value(output.json()["propagation"].clone()).expect("a list")
}

fn allow_mounting(case: &mut Case) {
    for set in ["bounding", "effective", "permitted"] {
        case.config["process"]["capabilities"][set] = json!(["CAP_SYS_ADMIN"]);
    }
}

#[test]
fn private_bind_mount_sees_nothing_that_comes_later() {
    needs!(root, runtime, host_propagation);
    let mut case = Case::new(&["init"]);
    let shared = Shared::new(&case);
    case.bind(&shared.path, "/v", &["rprivate"]);
    drop(case.launch());
    assert_eq!(propagation(&case, "/v"), Vec::<String>::new());
    case.delete_force();
    drop(shared);
    case.finish();
}

#[test]
fn slave_bind_mount_follows_the_host_and_not_the_other_way() {
    needs!(root, runtime, host_propagation);
    let mut case = Case::new(&["init"]);
    let shared = Shared::new(&case);
    allow_mounting(&mut case);
    case.bind(&shared.path, "/v", &["rslave"]);
    drop(case.launch());
    assert!(propagation(&case, "/v").iter().any(|word| word.starts_with("master:")));
    let sub = shared.path.join("sub");
    rustix::mount::mount("none", &sub, "tmpfs", rustix::mount::MountFlags::empty(), None).unwrap();
    assert!(case.exec(&["mount-of", "/v/sub"]).ok().stdout().contains("tmpfs"));
    rustix::mount::unmount(&sub, rustix::mount::UnmountFlags::DETACH).unwrap();
    assert_eq!(case.exec(&["try-mount", "none", "/v/sub", "tmpfs"]).ok().text(), "OK");
    assert!(!mounted(&sub), "a slave does not tell its master");
    case.delete_force();
    drop(shared);
    case.finish();
}

#[test]
fn shared_bind_mount_travels_both_ways() {
    needs!(root, runtime, host_propagation);
    let mut case = Case::new(&["init"]);
    let shared = Shared::new(&case);
    allow_mounting(&mut case);
    case.config["linux"]["rootfsPropagation"] = json!("shared");
    case.bind(&shared.path, "/v", &["rshared"]);
    drop(case.launch());
    assert!(propagation(&case, "/v").iter().any(|word| word.starts_with("shared:")));
    assert_eq!(case.exec(&["try-mount", "none", "/v/sub", "tmpfs"]).ok().text(), "OK");
    assert!(mounted(&shared.path.join("sub")));
    case.delete_force();
    drop(shared);
    case.finish();
}

#[test]
fn root_is_private_by_default_or_a_slave() {
    needs!(root, runtime);
    let case = Case::new(&["mount-of", "/"]);
    let mount = case.run().ok().json();
    let shared = |word: &Value| word.as_str().is_some_and(|word| word.starts_with("shared:"));
    assert!(!mount["propagation"].as_array().unwrap().iter().any(shared), "{mount}");
    case.finish();
}

#[test]
fn root_is_shared_when_asked() {
    needs!(root, runtime, shared_root);
    let mut case = Case::new(&["mount-of", "/"]);
    case.config["linux"]["rootfsPropagation"] = json!("shared");
    let mount = case.run().ok().json();
    let shared = |word: &Value| word.as_str().is_some_and(|word| word.starts_with("shared:"));
    assert!(mount["propagation"].as_array().unwrap().iter().any(shared), "{mount}");
    case.finish();
}

#[test]
fn nothing_mounted_inside_reaches_the_host() {
    needs!(root, runtime);
    let mut case = Case::new(&["try-mount", "none", "/tmp", "tmpfs"]);
    allow_mounting(&mut case);
    let before = mountinfo::of("self").len();
    let other = |mounts: &[mountinfo::Mount]| {
        mounts.iter().filter(|mount| mount.target.contains(case.root.id())).count()
    };
    assert_eq!(case.run().ok().text(), "OK");
    let after = mountinfo::of("self");
    assert_eq!(other(&after), 0, "{before} before: {after:?}");
    case.finish();
}
