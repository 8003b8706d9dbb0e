// SPDX-License-Identifier: Apache-2.0
//! Attackers who change files while the runtime works on them, and many containers at once.

use brig_testkit::{Case, mountinfo, needs};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Ends the attacker, also when the test fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs for a while with `/v/target`, a mount target inside a volume, changing all the time between
/// a directory and a link out to the canary (the class of CVE-2019-19921 and CVE-2021-30465).
#[test]
fn mount_target_swapped_for_a_link_never_gets_a_mount_outside() {
    needs!(root, runtime);
    let mut case = Case::new(&["mounts"]);
    let canary = case.root.path("canary");
    let volume = case.root.path("volume");
    let source = case.root.path("src");
    for directory in [&canary, &volume, &source, &volume.join("target")] {
        fs::create_dir(directory).unwrap();
    }
    fs::write(canary.join("file"), "host").unwrap();
    // Absolute and climbing, so that it leads out wherever it is followed from.
    let out = Path::new("../../../../../../../..").join(canary.strip_prefix("/").unwrap());
    std::os::unix::fs::symlink(out, volume.join("link")).unwrap();
    case.bind(&volume, "/v", &[]);
    case.bind(&source, "/v/target/deep", &[]);
    case.bind(&source, "/v/target", &["ro"]);
    let run = case.with_bundle("run", &[]);
    let done = AtomicBool::new(false);
    let (target, link) = (volume.join("target"), volume.join("link"));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                // Only a runtime that removed one of them makes this fail, and that is seen below.
                let _ = renameat_with(CWD, &target, CWD, &link, RenameFlags::EXCHANGE);
            }
        });
        let stop = Stop(&done);
        let end = Instant::now() + Duration::from_secs(2);
        while Instant::now() < end {
            let output = run.output();
            let names: Vec<_> = fs::read_dir(&canary).unwrap().flatten().collect();
            assert_eq!(names.len(), 1, "{output}");
            let on_canary =
                |mount: &mountinfo::Mount| Path::new(&mount.target).starts_with(&canary);
            assert!(!mountinfo::of("self").iter().any(on_canary), "{output}");
        }
        drop(stop);
    });
    case.delete_force();
    case.finish();
}

/// The same for the root file system's own `/proc`.
#[test]
fn proc_swapped_for_a_link_never_gets_a_mount_outside() {
    needs!(root, runtime);
    let case = Case::new(&["mount-of", "/proc"]);
    let canary = case.root.path("canary");
    fs::create_dir(&canary).unwrap();
    case.symlink("link", &canary);
    let run = case.with_bundle("run", &[]);
    let done = AtomicBool::new(false);
    let (proc, link) = (case.inside("proc"), case.inside("link"));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let _ = renameat_with(CWD, &proc, CWD, &link, RenameFlags::EXCHANGE);
            }
        });
        let stop = Stop(&done);
        let end = Instant::now() + Duration::from_secs(1);
        while Instant::now() < end {
            let output = run.output();
            assert!(output.code() != Some(0) || output.stdout().contains("proc"), "{output}");
            assert_eq!(fs::read_dir(&canary).unwrap().count(), 0, "{output}");
        }
        drop(stop);
    });
    case.delete_force();
    case.finish();
}

#[test]
fn containers_side_by_side_do_not_disturb_each_other() {
    needs!(root, runtime);
    let cases: Vec<Case> =
        (0..8).map(|number: u8| Case::new(&["echo", &number.to_string(), "--", "init"])).collect();
    let created: Vec<_> =
        cases.iter().map(|case| case.with_bundle("create", &[]).spawn()).collect();
    let outputs: Vec<_> = created.into_iter().map(|create| create.wait().ok()).collect();
    let started: Vec<_> =
        cases.iter().map(|case| case.command(["start", case.id()]).spawn()).collect();
    started.into_iter().for_each(|start| drop(start.wait().ok()));
    for (number, output) in outputs.iter().enumerate() {
        output.expect_later(&format!("{number}\nready"));
    }
    let deleted: Vec<_> =
        cases.iter().map(|case| case.command(["delete", "--force", case.id()]).spawn()).collect();
    deleted.into_iter().for_each(|delete| drop(delete.wait().ok()));
    cases.into_iter().for_each(Case::finish);
}

#[test]
fn one_id_created_by_many_at_once_goes_to_exactly_one() {
    needs!(root, runtime);
    let case = Case::new(&["init"]);
    let create = case.with_bundle("create", &[]);
    let all: Vec<_> = (0..6).map(|_| create.spawn()).collect();
    let won = all.into_iter().map(|create| create.wait()).filter(|output| output.code() == Some(0));
    assert_eq!(won.count(), 1);
    assert_eq!(case.status(), "created");
    case.delete_force();
    case.finish();
}

#[test]
fn one_container_deleted_by_many_at_once_is_gone() {
    needs!(root, runtime);
    let case = Case::new(&["init"]);
    drop(case.launch());
    let delete = case.command(["delete", "--force", case.id()]);
    let all: Vec<_> = (0..6).map(|_| delete.spawn()).collect();
    all.into_iter().for_each(|delete| drop(delete.wait()));
    drop(case.command(["state", case.id()]).output().fails());
    case.finish();
}
