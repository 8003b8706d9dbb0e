// SPDX-License-Identifier: Apache-2.0
//! A data root without space: a clear error, nothing half-made, and work again once there is space.
//!
//! The data root is a small tmpfs below the test's directory, which the end of the test unmounts: in a
//! mount namespace of its own it would be of no use to several commands.

use super::{Engine, image};
use brig_testkit::{expect_soon, leak, needs};
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_remount, unmount};
use std::fs;
use std::path::PathBuf;

/// An engine whose data root is a tmpfs of its own.
struct Small {
    engine: Engine,
    root: PathBuf,
}

impl Small {
    fn new(options: &std::ffi::CStr) -> Self {
        let engine = Engine::empty();
        let root = engine.root.path("root");
        mount("tmpfs", &root, "tmpfs", MountFlags::empty(), options)
            .expect("the data root is a tmpfs of ours");
        Self { engine, root }
    }

    /// Changes its size.
    fn resize(&self, options: &str) {
        mount_remount(&self.root, MountFlags::empty(), options)
            .expect("the data root is a tmpfs of ours");
    }

    /// Fills it with one file.
    fn fill(&self) -> PathBuf {
        let path = self.root.join("filler");
        let mut file = fs::File::create(&path).expect("the data root is a tmpfs of ours");
        let block = vec![1_u8; 64 * 1024];
        while std::io::Write::write_all(&mut file, &block).is_ok() {}
        while std::io::Write::write_all(&mut file, &[1]).is_ok() {}
        path
    }

    fn finish(self) {
        expect_soon("nothing but the data root", || {
            let left = leak::of(&self.engine.root);
            left.iter().all(|line| line.starts_with("mount of tmpfs on")).then_some(())
        });
        unmount(&self.root, UnmountFlags::DETACH).expect("the data root is a tmpfs of ours");
        self.engine.root.finish();
    }
}

/// Names in the data root's directories that only unfinished work has.
fn unfinished(small: &Small) -> Vec<String> {
    let mut found = Vec::new();
    for directory in ["staging", "making", "trash", "containers", "names", "idmap", "layers"] {
        let entries = fs::read_dir(small.root.join(directory)).into_iter().flatten().flatten();
        found.extend(entries.map(|entry| entry.path().display().to_string()));
    }
    found.retain(|path| !path.ends_with("lock"));
    found
}

#[test]
fn load_on_a_full_disk_fails_clearly_and_works_once_there_is_space() {
    needs!(root, brig, busybox);
    let small = Small::new(c"size=1m,mode=755");
    let load = ["load".as_ref(), "-i".as_ref(), image::base().as_os_str()];
    for _ in 0..2 {
        let output = small.engine.brig(load).output().exits(1);
        let output = output.says(&["no space left on device"]);
        assert!(output.stderr().contains("hint: free some space"), "{output}");
        assert_eq!(unfinished(&small), Vec::<String>::new());
        assert_eq!(small.engine.ok(["images", "-q"]), "");
    }
    small.resize("size=64m");
    small.engine.load(image::base());
    drop(small.engine.run(&[], &["true"]).ok());
    small.finish();
}

#[test]
fn run_on_a_full_disk_fails_clearly_and_works_once_there_is_space() {
    needs!(root, brig, busybox);
    let small = Small::new(c"size=64m,mode=755");
    small.engine.load(image::base());
    drop(small.engine.run(&[], &["true"]).ok());
    let before = expect_soon("an empty trash", || {
        let left = unfinished(&small);
        (left.len() == 1).then_some(left)
    });
    let filler = small.fill();
    for flags in [&[][..], &["-d"]] {
        let run = small.engine.brig(["run", "--rm"]).args(flags).args(["base", "true"]).output();
        let output = run.exits(125).says(&["no space left on device"]);
        assert!(output.stderr().contains("hint: free some space"), "{output}");
        assert_eq!(unfinished(&small), before);
    }
    assert_eq!(small.engine.ok(["ps", "-aq"]), "");
    fs::remove_file(filler).unwrap();
    drop(small.engine.run(&[], &["true"]).ok());
    small.finish();
}

#[test]
fn container_that_fills_the_disk_ends_and_is_removed() {
    needs!(root, brig, busybox);
    let small = Small::new(c"size=32m,mode=755");
    small.engine.load(image::base());
    let hog = "head -c 100000000 /dev/zero > /big; echo code $?; sleep 1000";
    drop(small.engine.up("hog", &[], &["sh", "-c", hog]));
    // The log has no space either: what was printed may be lost, the end must not be.
    expect_soon("a full disk", || {
        let stat = rustix::fs::statvfs(&small.root).unwrap();
        (stat.f_bavail == 0).then_some(())
    });
    assert_eq!(small.engine.state("hog"), "running");
    drop(small.engine.brig(["ps", "-a"]).output().ok());
    drop(small.engine.brig(["kill", "hog"]).output());
    drop(small.engine.brig(["rm", "-f", "hog"]).output().ok());
    drop(small.engine.run(&[], &["true"]).ok());
    small.finish();
}

#[test]
fn inodes_used_up_are_told_and_nothing_is_left() {
    needs!(root, brig, busybox);
    let small = Small::new(c"nr_inodes=200,mode=755");
    let load = ["load".as_ref(), "-i".as_ref(), image::base().as_os_str()];
    drop(small.engine.brig(load).output().exits(1).says(&["no space left on device"]));
    assert_eq!(unfinished(&small), Vec::<String>::new());
    small.resize("nr_inodes=0");
    small.engine.load(image::base());
    drop(small.engine.run(&[], &["true"]).ok());
    small.finish();
}
