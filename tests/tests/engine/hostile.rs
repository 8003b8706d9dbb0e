// SPDX-License-Identifier: Apache-2.0
//! Images made to harm: links where things are mounted, databases that never end, working
//! directories that lead out. The canary is a file of the host that nobody may touch.

use super::{Engine, image::Image};
use brig_testkit::needs;
use serde_json::json;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

const EVIL: &str = "evil";

/// A host directory with one file, and the words of the file.
struct Canary(PathBuf);

impl Canary {
    fn new(engine: &Engine) -> Self {
        let dir = engine.root.path("canary");
        fs::create_dir(&dir).expect("the canary is readable");
        fs::write(dir.join("file"), "host").expect("the canary is readable");
        Self(dir)
    }

    #[track_caller]
    fn assert_untouched(&self, what: &str) {
        assert_eq!(
            fs::read_to_string(self.0.join("file")).expect("the canary is readable"),
            "host",
            "{what}"
        );
        assert_eq!(fs::read_dir(&self.0).expect("the canary is readable").count(), 1, "{what}");
        let mounts = fs::read_to_string("/proc/self/mountinfo").expect("the canary is readable");
        assert!(!mounts.contains(self.0.to_str().expect("the canary is readable")), "{what}");
    }
}

/// Makes an image, bends it, loads it.
fn load(engine: &Engine, bend: impl FnOnce(&mut Image)) {
    let dir = engine.root.path("image");
    drop(fs::remove_dir_all(&dir));
    let mut image = Image::new(&dir, EVIL);
    bend(&mut image);
    engine.load(&image.pack());
}

/// Runs `sh -c SCRIPT` in the hostile image; whatever the outcome, it is one of Docker's.
fn run(engine: &Engine, flags: &[&str], script: &str) -> brig_testkit::Output {
    let run = engine.brig(["run", "--rm"]).args(flags).args([EVIL, "sh", "-c", script]);
    let output = run.timeout(Duration::from_secs(20)).output();
    assert!(!output.stderr().contains("panicked"), "{output}");
    output
}

#[test]
fn links_at_mount_points_do_not_lead_to_the_host() {
    needs!(root, brig, busybox);
    let engine = Engine::empty();
    let canary = Canary::new(&engine);
    let file = canary.0.join("file");
    // Absolute, and climbing above the root.
    let climbing = PathBuf::from("../../../../../../..").join(file.strip_prefix("/").unwrap());
    for path in ["proc", "sys", "dev", "dev/pts", "dev/shm", "dev/mqueue", "sys/fs/cgroup"] {
        load(&engine, |image| image.symlink(path, &canary.0));
        let output = run(&engine, &[], "true");
        assert!(matches!(output.code(), Some(0 | 125)), "{path}: {output}");
        canary.assert_untouched(path);
        engine.assert_clean(path);
    }
    for path in ["etc/hosts", "etc/resolv.conf", "etc/hostname"] {
        for target in [&file, &climbing] {
            load(&engine, |image| image.symlink(path, target));
            let output = run(&engine, &[], &format!("cat /{path}; echo x > /{path}"));
            assert!(!output.stdout().contains("host\n") || path == "etc/hosts", "{path}: {output}");
            canary.assert_untouched(path);
            engine.assert_clean(path);
        }
    }
    engine.finish();
}

#[test]
fn links_at_device_nodes_do_not_lead_to_the_host() {
    needs!(root, brig, busybox);
    let engine = Engine::empty();
    let canary = Canary::new(&engine);
    for path in ["dev/null", "dev/console", "dev/ptmx", "dev/fd", "dev/core"] {
        load(&engine, |image| image.symlink(path, canary.0.join("file")));
        drop(run(&engine, &[], "echo x > /dev/null"));
        canary.assert_untouched(path);
        engine.assert_clean(path);
    }
    engine.finish();
}

#[test]
fn volume_targets_behind_links_stay_inside() {
    needs!(root, brig, busybox);
    let engine = Engine::empty();
    let canary = Canary::new(&engine);
    let source = engine.root.path("source");
    fs::create_dir(&source).unwrap();
    fs::write(source.join("word"), "volume").unwrap();
    let flag = format!("{}:/data/deep", source.display());
    for target in [canary.0.clone(), PathBuf::from("../../../../../..").join(&canary.0)] {
        load(&engine, |image| image.symlink("data", &target));
        let output = run(&engine, &["-v", &flag], "cat /data/deep/word");
        assert!(output.code() == Some(0) || output.code() == Some(125), "{output}");
        canary.assert_untouched("a volume");
        engine.assert_clean("a volume");
    }
    load(&engine, |image| image.symlink("data", "/proc/self/root/tmp"));
    drop(run(&engine, &["-v", &flag], "true"));
    load(&engine, |image| image.symlink("data", "data"));
    drop(run(&engine, &["-v", &flag], "true").exits(125));
    engine.finish();
}

#[test]
fn workdir_that_leads_to_a_descriptor_is_refused() {
    needs!(root, brig, busybox);
    let engine = Engine::empty();
    for descriptor in 3..20 {
        let path = format!("/proc/self/fd/{descriptor}");
        load(&engine, |image| image.config["WorkingDir"] = json!(path));
        let output = run(&engine, &[], "cat ../../../../../../../../etc/hostname; pwd");
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
        assert!(!output.stdout().contains(host.trim()), "{path}: {output}");
        assert_eq!(output.code(), Some(125), "{path}: {output}");
        engine.assert_clean(&path);
        if descriptor == 5 {
            // The image is the same but for a number: a few are enough for the link's own check.
            break;
        }
    }
    load(&engine, |image| image.symlink("work", "/proc/self/fd/7"));
    drop(run(&engine, &["-w", "/work"], "pwd").exits(125));
    engine.finish();
}

#[test]
fn databases_that_never_end_do_not_hold_anybody_up() {
    needs!(root, brig, busybox);
    let engine = Engine::empty();
    let fifo = |image: &Image, path: &str| {
        let path = image.inside(path);
        fs::remove_file(&path).unwrap();
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    };
    for path in ["etc/passwd", "etc/group"] {
        load(&engine, |image| fifo(image, path));
        drop(run(&engine, &[], "true").ok());
        drop(run(&engine, &["-u", "user:extra"], "true").exits(125));
        load(&engine, |image| image.symlink(path, "/dev/zero"));
        drop(run(&engine, &[], "true").ok());
        load(&engine, |image| image.symlink(path, "/proc/self/mem"));
        drop(run(&engine, &["-u", "1000"], "true"));
        load(&engine, |image| image.symlink(path, "passwd"));
        drop(run(&engine, &[], "true"));
        engine.assert_clean(path);
    }
    engine.finish();
}

#[test]
fn huge_and_garbled_databases_are_read_in_bounds() {
    needs!(root, brig, busybox);
    let engine = Engine::empty();
    let huge = "x:x:1:1::/:/bin/sh\n".repeat(2_000_000);
    load(&engine, |image| image.write("etc/passwd", &huge));
    let output = run(&engine, &["-u", "user"], "true").exits(125);
    assert!(output.stderr().len() < 2000, "{}", output.stderr().len());
    let garbled =
        "root:x:0:0\nuser:x:99999999999:-1::\nuser:x:1000\n:::::\nuser:x:7:7::/h:/s\n\u{0}";
    load(&engine, |image| image.write("etc/passwd", garbled));
    drop(run(&engine, &["-u", "user"], "id -u"));
    let long = format!("user:x:7:7::/{}:/s\n", "h".repeat(500_000));
    load(&engine, |image| image.write("etc/passwd", &long));
    drop(run(&engine, &["-u", "user"], "true"));
    engine.finish();
}

#[test]
fn configuration_of_an_image_cannot_do_more_than_its_fields() {
    needs!(root, brig, busybox);
    let engine = Engine::empty();
    load(&engine, |image| {
        image.config["Env"] = json!(["PATH=/bin", "X=a\nLD_PRELOAD=/evil.so", "=bad", "NOEQUALS"]);
    });
    let output = engine.brig(["run", "--rm", EVIL, "/probe", "env"]).output();
    assert!(output.code() == Some(125) || !output.stdout().contains("\"LD_PRELOAD"), "{output}");
    load(&engine, |image| {
        image.config["User"] = json!("root\nroot:x:0:0");
        image.config["Labels"] = json!({"a": "\u{1b}[31m"});
    });
    drop(run(&engine, &[], "true").exits(125));
    load(&engine, |image| image.config["Cmd"] = json!(["a\u{0}b"]));
    drop(engine.brig(["run", "--rm", EVIL]).output().exits(125));
    load(&engine, |image| image.config["Volumes"] = json!({"/etc": {}, "/../x": {}}));
    let output = engine.brig(["run", "--rm", EVIL, "cat", "/etc/passwd"]).output();
    assert!(output.code() == Some(125) || output.stdout().contains("root"), "{output}");
    engine.finish();
}

#[test]
fn set_user_id_files_gain_nothing() {
    needs!(root, brig, busybox);
    let engine = Engine::empty();
    load(&engine, |image| {
        let script = "cp \"$0/probe\" \"$0/suid\"; chmod 4755 \"$0/suid\"";
        let rootfs = image.inside("");
        assert!(Command::new("sh").args(["-c", script]).arg(&rootfs).status().unwrap().success());
    });
    let probe = ["run", "--rm", "-u", "1000", EVIL, "/suid", "uid", "--", "caps"];
    let output = engine.brig(probe).output().ok();
    assert_eq!(output.lines()[0], "1000");
    assert!(output.stdout().contains("\"effective\":[]"), "{output}");
    engine.finish();
}

#[test]
fn container_that_changes_its_root_cannot_lure_later_commands_out() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let canary = Canary::new(&engine);
    let target = canary.0.join("file").display().to_string();
    let script = format!(
        "for f in /etc/passwd /etc/group; do rm $f; ln -s {target} $f; done; \
         rm -rf /tmp /home; ln -s {} /tmp; exec /probe init",
        canary.0.display()
    );
    drop(engine.up("service", &[], &["sh", "-c", &script]));
    engine.expect_log("service", "ready");
    drop(engine.brig(["exec", "-w", "/tmp", "service", "touch", "x"]).output());
    drop(engine.brig(["exec", "-u", "user", "service", "true"]).output().fails());
    drop(engine.brig(["restart", "-t", "1", "service"]).output());
    canary.assert_untouched("a changed root");
    drop(engine.ok(["rm", "-f", "service"]));
    canary.assert_untouched("a removed root");
    engine.finish();
}
