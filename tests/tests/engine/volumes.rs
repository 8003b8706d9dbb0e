// SPDX-License-Identifier: Apache-2.0
//! `-v`, `--mount`, `--tmpfs`, `--read-only`: what of the host is visible, to whom, and writable.

use super::Engine;
use super::fixture::is_there;
use brig_testkit::needs;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// A directory of the host with one file, and `-v`'s words for it.
fn shared(engine: &Engine, suffix: &str) -> (PathBuf, String) {
    let dir = engine.root.path("shared");
    if !is_there(&dir) {
        fs::create_dir(&dir).expect("the directory is ours");
        fs::write(dir.join("file"), "of the host\n").expect("the directory is ours");
    }
    let words = format!("{}:/data{suffix}", dir.display());
    (dir, words)
}

#[test]
fn volume_is_shared_both_ways_and_ids_stay_natural() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let (dir, words) = shared(&engine, "");
    let script = "cat /data/file && echo inside > /data/new && chown 1000:1000 /data/new && \
        stat -c %u:%g /data/file /data/new";
    let output = engine.run(&["-v", &words], &["sh", "-c", script]).ok();
    assert_eq!(output.text(), "of the host\n0:0\n1000:1000");
    let meta = fs::metadata(dir.join("new")).unwrap();
    assert_eq!((meta.uid(), meta.gid()), (1000, 1000));
    engine.finish();
}

#[test]
fn volume_ro_cannot_be_written_nor_made_writable() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let (dir, words) = shared(&engine, ":ro");
    let question =
        ["try-write", "/data/new", "x", "--", "try-remount-rw", "/data", "--", "cat", "/data/file"];
    let answer = engine.probe(&["-v", &words], &question);
    assert_eq!(answer, "EROFS\nEPERM\nof the host");
    assert!(!is_there(&dir.join("new")));
    engine.finish();
}

#[test]
fn volume_of_one_file_and_one_inside_another() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let (dir, words) = shared(&engine, "");
    let file = format!("{}:/etc/motd:ro", dir.join("file").display());
    let inner = engine.root.path("inner");
    fs::create_dir(&inner).unwrap();
    fs::write(inner.join("deep"), "inner").unwrap();
    let nested = format!("{}:/data/sub", inner.display());
    let flags = ["-v", &nested, "-v", &words, "-v", &file];
    let answer = engine.probe(&flags, &["cat", "/etc/motd", "--", "cat", "/data/sub/deep"]);
    assert_eq!(answer, "of the host\ninner");
    engine.finish();
}

#[test]
fn volume_source_is_made_by_v_and_not_by_mount() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let missing = engine.root.path("made/deep");
    let words = format!("{}:/data", missing.display());
    assert_eq!(engine.probe(&["-v", &words], &["type", "/data"]), "dir");
    assert!(missing.is_dir());
    let absent = engine.root.path("absent");
    let mount = format!("type=bind,src={},dst=/data", absent.display());
    let output = engine.run(&["--mount", &mount], &["true"]).exits(125);
    drop(output.says(&["bind source path does not exist"]));
    assert!(!is_there(&absent));
    engine.assert_clean("a refused mount");
    engine.finish();
}

#[test]
fn volume_words_that_make_no_sense_are_refused() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let (_, words) = shared(&engine, "");
    let (_, nonsense) = shared(&engine, ":nonsense");
    let (_, root) = shared(&engine, "/..");
    let (_, relative) = (0, words.replace(":/data", ":data"));
    for bad in [&nonsense, &root, &relative, &"relative/dir:/data".to_owned(), &"/only".to_owned()]
    {
        let output = engine.run(&["-v", bad], &["true"]).exits(125);
        assert!(output.stderr().contains("hint: "), "{output}");
    }
    let output = engine.run(&["-v", &words, "-v", &words], &["true"]).exits(125);
    drop(output.says(&["duplicate mount point: /data"]));
    engine.finish();
}

#[test]
fn volume_target_with_dots_stays_inside() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let (_, words) = shared(&engine, "/../../../../inside");
    assert_eq!(engine.probe(&["-v", &words], &["cat", "/inside/file"]), "of the host");
    engine.finish();
}

#[test]
fn mounts_made_on_the_host_later_do_not_come_in() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let (_, words) = shared(&engine, "");
    let answer = engine.probe(&["-v", &words], &["mount-of", "/data"]);
    let mount: serde_json::Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(mount["propagation"], serde_json::json!([]), "{mount}");
    let (_, words) = shared(&engine, ":rslave");
    drop(engine.run(&["-v", &words], &["true"]).ok());
    engine.finish();
}

#[test]
fn tmpfs_is_empty_private_and_of_the_size_asked_for() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let flags = ["--tmpfs", "/scratch:size=1m", "--read-only"];
    let script = "head -c 500000 /dev/zero > /scratch/a && ! head -c 900000 /dev/zero > /scratch/b";
    drop(engine.run(&flags, &["sh", "-c", script]).ok());
    let answer = engine.probe(&flags, &["mount-of", "/scratch"]);
    let mount: serde_json::Value = serde_json::from_str(&answer).unwrap();
    for option in ["nosuid", "nodev", "noexec"] {
        assert!(mount["options"].as_array().unwrap().iter().any(|o| o == option), "{mount}");
    }
    engine.finish();
}

#[test]
fn read_only_root_takes_no_writes_but_devices_and_shm_do() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let question = [
        "try-write",
        "/new",
        "x",
        "--",
        "try-write",
        "/etc/passwd",
        "x",
        "--",
        "try-mkdir",
        "/tmp/x",
        "--",
        "try-remount-rw",
        "/",
        "--",
        "try-open",
        "/dev/null",
        "w",
        "--",
        "try-write",
        "/dev/shm/x",
        "x",
    ];
    let answer = engine.probe(&["--read-only"], &question);
    assert_eq!(answer, "EROFS\nEROFS\nEROFS\nEPERM\nOK\nOK");
    engine.finish();
}

#[test]
fn root_is_the_containers_own_copy() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let script = "echo x > /bin/busybox.new && rm /bin/vi && echo 'hacked' > /etc/passwd";
    drop(engine.run(&[], &["sh", "-c", script]).ok());
    let question = ["exists", "/bin/busybox.new", "--", "exists", "/bin/vi"];
    assert_eq!(engine.probe(&["-u", "user"], &question), "false\ntrue");
    engine.finish();
}
