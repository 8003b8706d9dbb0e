// SPDX-License-Identifier: Apache-2.0
//! What the host's kernel has of a container: the owners of its files, the devices it may open.

use super::Engine;
use brig_testkit::{needs, process};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The file of this name below `dir`.
fn find(dir: &Path, name: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    for entry in entries {
        if entry.file_name() == name {
            return Some(entry.path());
        }
        if entry.file_type().is_ok_and(|kind| kind.is_dir())
            && let Some(found) = find(&entry.path(), name)
        {
            return Some(found);
        }
    }
    None
}

#[test]
fn files_written_inside_belong_outside_to_the_containers_ids() {
    needs!(root, brig, busybox, userns);
    let engine = Engine::new();
    let id = engine.up_ready("writer", &[]);
    let map = fs::read_to_string(format!("/proc/{}/uid_map", engine.pid("writer"))).unwrap();
    let first: u32 = map.split_whitespace().nth(1).unwrap().parse().unwrap();
    drop(engine.ok(["exec", "-u", "1000", "writer", "touch", "/tmp/brig-mark"]));
    assert_eq!(engine.ok(["exec", "writer", "stat", "-c", "%u", "/tmp/brig-mark"]), "1000");
    // A copy of a file of the image, too, is the container's.
    drop(engine.ok(["exec", "writer", "chmod", "600", "/etc/group"]));
    let upper = |name| fs::metadata(find(&engine.container(&id), name).unwrap()).unwrap().uid();
    assert_eq!([upper("brig-mark"), upper("group")], [first + 1000, first]);
    let uid = process::status(engine.pid("writer"), "Uid").unwrap();
    assert!(uid.starts_with(&first.to_string()), "{uid}");
    drop(engine.ok(["rm", "-f", "writer"]));
    engine.finish();
}

#[test]
fn device_of_the_host_in_a_volume_cannot_be_opened() {
    needs!(root, brig, busybox, cgroups);
    let engine = Engine::new();
    assert!(fs::File::open("/dev/kmsg").is_ok(), "root may");
    // Its root is the host's, so that it is not the owner's rights that deny.
    let flags = ["--userns", "host", "-v", "/dev/kmsg:/kmsg"];
    let question = ["type", "/kmsg", "--", "try-open", "/kmsg", "r"];
    assert_eq!(engine.probe(&flags, &question), "char 1:11\nEPERM");
    drop(engine.up_ready("running", &flags));
    let exec = ["exec", "running", "/probe", "try-open", "/kmsg", "r"];
    assert_eq!(engine.ok(exec), "EPERM");
    drop(engine.ok(["rm", "-f", "running"]));
    engine.finish();
}
