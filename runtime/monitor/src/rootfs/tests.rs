// SPDX-License-Identifier: Apache-2.0
//! Tests of the overlay by both of the kernel's interfaces. They need root and mount in a
//! namespace of their thread's own.

use super::*;
use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::PathBuf;

struct Scratch(PathBuf);

impl Scratch {
    /// Two layers, of which the upper one hides a file of the lower one.
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("brig-rootfs-{name}-{}", std::process::id()));
        drop(fs::remove_dir_all(&dir));
        for sub in ["low:er,1", "lower2", "upper", "work", "target"] {
            fs::create_dir_all(dir.join(sub)).unwrap();
        }
        fs::write(dir.join("low:er,1/file"), "top").unwrap();
        fs::write(dir.join("lower2/file"), "bottom").unwrap();
        fs::write(dir.join("lower2/other"), "other").unwrap();
        chown(dir.join("lower2/other"), Some(5), Some(6)).unwrap();
        Self(dir)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).into_os_string().into_string().unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Returns whether the test can run; names it when not.
fn has_root(test: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("SKIP {test}: needs root");
    }
    root
}

/// Mounts in a thread with a mount namespace of its own and checks what is seen there.
fn check(name: &'static str, shift: u32, by_options_only: bool) {
    if !has_root(name) {
        return;
    }
    let run = move || {
        let scratch = Scratch::new(name);
        #[expect(deprecated, reason = "its successor is unsafe for CLONE_FILES, not used here")]
        rustix::thread::unshare(rustix::thread::UnshareFlags::NEWNS).unwrap();
        brig_sys::mount::set_propagation(c"/", brig_sys::mount::propagation::PRIVATE, true)
            .unwrap();
        let mapping = [IdMapping { container_id: 0, host_id: shift, size: 65536 }];
        let mappings = if shift == 0 { &mapping[..0] } else { &mapping[..] };
        let overlay = Overlay {
            lower: &[scratch.path("low:er,1"), scratch.path("lower2")],
            upper: &scratch.path("upper"),
            work: &scratch.path("work"),
            uid_mappings: mappings,
            gid_mappings: mappings,
            volatile: true,
            nosuid: true,
        };
        let target = scratch.0.join("target");
        if by_options_only {
            by_options(&Layers::open(&overlay).unwrap(), &target).unwrap();
        } else {
            drop(mount_overlay(&overlay, &target).unwrap());
        }
        assert_eq!(fs::read_to_string(target.join("file")).unwrap(), "top");
        let other = fs::metadata(target.join("other")).unwrap();
        assert_eq!((other.uid(), other.gid()), (5 + shift, 6 + shift));
        fs::write(target.join("new"), "new").unwrap();
        chown(target.join("other"), Some(shift), None).unwrap();
        let copied_up = fs::metadata(scratch.0.join("upper/other")).unwrap();
        assert_eq!((copied_up.uid(), copied_up.gid()), (shift, 6 + shift));
        assert_eq!(fs::metadata(scratch.0.join("lower2/other")).unwrap().uid(), 5);
        let mounts = fs::read_to_string("/proc/thread-self/mountinfo").unwrap();
        let ours: Vec<&str> = mounts.lines().filter(|line| line.contains(name)).collect();
        assert_eq!(ours.len(), 1, "{ours:?}");
        assert!(ours[0].contains(",nodev,") && ours[0].contains("volatile"), "{ours:?}");
        unmount_overlay(&target);
        assert_eq!(fs::read_dir(&target).unwrap().count(), 0);
    };
    std::thread::spawn(run).join().unwrap();
}

#[test]
fn mount_overlay_plain_shows_the_layers() {
    check("plain", 0, false);
}

#[test]
fn mount_overlay_idmapped_shifts_the_lower_layers_only() {
    check("idmapped", 100_000, false);
}

#[test]
fn by_options_plain_shows_the_layers() {
    check("plain-options", 0, true);
}

#[test]
fn by_options_idmapped_shifts_the_lower_layers_only() {
    check("idmapped-options", 100_000, true);
}

#[test]
fn mount_overlay_without_work_directory_names_it() {
    let overlay = Overlay {
        lower: &["/".into()],
        upper: "/",
        work: "/nonexistent/work",
        uid_mappings: &[],
        gid_mappings: &[],
        volatile: false,
        nosuid: false,
    };
    let error = mount_overlay(&overlay, Path::new("/")).unwrap_err();
    let text = brig_report::chain::chain(&error);
    assert!(text.contains("/nonexistent/work") && text.contains("No such file"), "{text}");
}
