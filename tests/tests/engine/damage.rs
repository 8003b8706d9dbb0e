// SPDX-License-Identifier: Apache-2.0
//! Records that are cut off, garbage or gone: an error, never a panic, and `rm -f` works.

use super::Engine;
use brig_testkit::{needs, process};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

const NAME: &str = "victim";

/// Contents that no writer has written whole.
const GARBAGE: [&str; 7] =
    ["", "{", "null", "[]", "{\"version\":1}", "{\"version\":\"x\",\"id\":7}", "\u{0}\u{0}\u{0}"];

/// No command may panic, hang, or end by a signal.
fn assert_sane(engine: &Engine, id: &str, what: &str) {
    let all: [&[&str]; 10] = [
        &["ps", "-a"],
        &["inspect", id],
        &["logs", id],
        &["start", id],
        &["stop", "-t", "1", id],
        &["kill", id],
        &["exec", id, "true"],
        &["rename", id, "another"],
        &["images"],
        &["rm", id],
    ];
    for command in all {
        let output = engine.brig(command).timeout(std::time::Duration::from_secs(15)).output();
        assert!(output.code().is_some_and(|code| code < 128), "{what}: {output}");
        assert!(!output.stderr().contains("panicked"), "{what}: {output}");
        if output.code() != Some(0) {
            assert!(output.stderr().contains("brig"), "{what}: says nothing: {output}");
        }
    }
}

/// Damages one file of a stopped and of a running container in every way.
fn damaged(file: &str) {
    let engine = Engine::new();
    for (at, garbage) in GARBAGE.iter().enumerate() {
        let what = format!("{file} {garbage:?}");
        let id = if at % 2 == 0 {
            engine.up_ready(NAME, &[])
        } else {
            engine.ok(["create", "--name", NAME, "base", "/probe", "init"])
        };
        let init = (at % 2 == 0).then(|| engine.pid(NAME));
        fs::write(engine.container(&id).join(file), garbage).expect("the directory is readable");
        assert_sane(&engine, &id, &what);
        let remove = engine.brig(["rm", "-f", &id]).output();
        assert!(remove.code() == Some(0), "{what}: {remove}");
        assert!(init.is_none_or(|pid| !process::is_alive(pid)), "{what}");
        engine.assert_clean(&what);
        drop(engine.run(&["--name", NAME], &["true"]).ok());
    }
    engine.finish();
}

#[test]
fn record_damaged_is_an_error_and_rm_f_works() {
    needs!(root, brig, busybox);
    damaged("record.json");
}

#[test]
fn status_damaged_is_an_error_and_rm_f_works() {
    needs!(root, brig, busybox);
    damaged("status.json");
}

#[test]
fn bundle_damaged_is_an_error_and_rm_f_works() {
    needs!(root, brig, busybox);
    damaged("bundle/config.json");
}

#[test]
fn a_damaged_container_does_not_hide_the_others() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    drop(engine.up_ready("good", &[]));
    let id = engine.ok(["create", "--name", "bad", "base"]);
    fs::write(engine.container(&id).join("record.json"), "{").unwrap();
    let output = engine.brig(["ps", "-a", "--format", "{{.Names}}"]).output().ok();
    assert_eq!(output.text(), "good");
    drop(output.says(&["cannot be read"]));
    drop(engine.ok(["rm", "-f", "good", &id]));
    engine.finish();
}

#[test]
fn directories_that_are_missing_are_made_again() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    drop(engine.run(&[], &["true"]).ok());
    for name in ["containers", "making", "trash", "names", "idmap"] {
        fs::remove_dir_all(engine.root.path("root").join(name)).unwrap();
        drop(engine.brig(["ps", "-a"]).output().ok());
        let run = engine.run(&["--name", NAME], &["true"]);
        assert!(run.code() == Some(0), "without {name}: {run}");
    }
    fs::remove_dir_all(engine.root.path("run")).unwrap();
    drop(engine.run(&[], &["true"]).ok());
    engine.finish();
}

#[test]
fn run_root_lost_as_at_a_reboot_is_no_harm() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    drop(engine.up("before", &[], &["sh", "-c", "echo x >> /count; cat /count"]));
    drop(engine.ok(["wait", "before"]));
    fs::remove_dir_all(engine.root.path("run")).unwrap();
    assert_eq!(engine.state("before"), "exited");
    assert_eq!(engine.brig(["start", "-a", "before"]).output().ok().text(), "x\nx");
    drop(engine.ok(["rm", "before"]));
    engine.finish();
}

#[test]
fn records_swapped_for_links_are_not_followed_out() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let canary = engine.root.path("canary");
    fs::create_dir(&canary).unwrap();
    fs::write(canary.join("file"), "host").unwrap();
    for file in ["record.json", "status.json", "upper", "log", "bundle", "work"] {
        let id = engine.ok(["create", "--name", NAME, "base", "/probe", "echo", "x"]);
        let path = engine.container(&id).join(file);
        drop(fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path)));
        let target = if file.ends_with("json") { canary.join("file") } else { canary.clone() };
        symlink(target, &path).unwrap();
        drop(engine.brig(["ps", "-a"]).output());
        drop(engine.brig(["inspect", &id]).output());
        let remove = engine.brig(["rm", "-f", &id]).output();
        assert!(remove.code() == Some(0), "{file}: {remove}");
        assert_untouched(&canary, file);
        engine.assert_clean(file);
    }
    engine.finish();
}

#[track_caller]
fn assert_untouched(canary: &Path, what: &str) {
    let names = fs::read_dir(canary).expect("the directory is readable").count();
    let text = fs::read_to_string(canary.join("file")).unwrap_or_default();
    assert_eq!((names, text.as_str()), (1, "host"), "{what}");
}
