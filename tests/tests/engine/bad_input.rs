// SPDX-License-Identifier: Apache-2.0
//! What cannot work: the right exit code, one clear sentence with a remedy, nothing half-made.

use super::Engine;
use brig_testkit::{Output, binaries, needs};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};

/// One sentence that begins with the program's name, and where there is a remedy, one hint.
#[track_caller]
fn one_sentence(output: Output, with_hint: bool) -> Output {
    let text = output.stderr();
    let sentences = text.lines().filter(|line| line.starts_with("brig: ")).count();
    assert_eq!(sentences, 1, "{output}");
    assert_eq!(text.lines().any(|line| line.starts_with("hint: ")), with_hint, "{output}");
    assert!(!text.contains("panicked") && !text.contains("Os {"), "{output}");
    output
}

#[test]
fn image_that_is_missing_exits_with_125() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    for image in ["nosuch", "base:nope", "sha256:0123456789abcdef", "docker.io/some/thing:1"] {
        let output = engine.brig(["run", "--rm", image, "true"]).output().exits(125);
        drop(one_sentence(output, true).says(&["unable to find image"]));
        let output = engine.brig(["create", image]).output().exits(125);
        drop(one_sentence(output, true));
    }
    for malformed in ["UPPER/case", "a b", "x:", "", "../x"] {
        drop(one_sentence(engine.brig(["run", malformed]).output().exits(125), true));
    }
    engine.assert_clean("a missing image");
    engine.finish();
}

#[test]
fn command_that_is_missing_exits_with_127() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    for command in ["no-such-command", "/no/such/file", "./relative", "/bin/sh/x"] {
        let output = engine.run(&[], &[command]).exits(127);
        drop(one_sentence(output, false).says(&[command]));
        engine.assert_clean(command);
    }
    let output = engine.run(&["--entrypoint", ""], &[]).exits(125);
    drop(output.says(&["no command specified"]));
    engine.finish();
}

#[test]
fn command_that_cannot_be_executed_exits_with_126() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    for command in ["/etc/passwd", "/etc", "/"] {
        let output = engine.run(&[], &[command]).exits(126);
        drop(one_sentence(output, false).says(&["permission denied", "is a directory"]));
        engine.assert_clean(command);
    }
    engine.finish();
}

#[test]
fn failed_start_is_kept_with_its_reason_and_can_be_removed() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let run = engine.brig(["run", "-d", "--name", "broken", "base", "no-such-command"]);
    drop(run.output().exits(127));
    let state = engine.inspect("broken")["State"].clone();
    assert_eq!((&state["Status"], &state["ExitCode"]), (&"created".into(), &127.into()));
    assert!(state["Error"].as_str().unwrap().contains("no-such-command"), "{state}");
    drop(engine.brig(["start", "broken"]).output().fails().says(&["no-such-command"]));
    drop(engine.ok(["rm", "broken"]));
    engine.finish();
}

#[test]
fn flags_that_are_wrong_exit_with_125_and_make_nothing() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let all: [&[&str]; 12] = [
        &["--no-such-flag"],
        &["-e", "=x"],
        &["--network"],
        &["-p", "80:80"],
        &["--cgroup-parent", "/../x"],
        &["--cgroup-parent", "relative"],
        &["--hostname", "a b"],
        &["--add-host", "nonsense"],
        &["--stop-signal", "NOPE"],
        &["--restart", "always"],
        &["--env-file", "/no/such/file"],
        &["--mount", "type=volume,dst=/x"],
    ];
    for flags in all {
        let output = engine.run(flags, &["true"]);
        assert_eq!(output.code(), Some(125), "{flags:?}: {output}");
        engine.assert_clean(&flags.join(" "));
    }
    engine.finish();
}

#[test]
fn somebody_without_permission_is_told_what_to_do() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    fs::set_permissions(engine.root.path("io"), fs::Permissions::from_mode(0o777)).unwrap();
    drop(engine.ok(["create", "--name", "secret", "base"]));
    let su = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
    for command in [&["run", "--rm", "base", "true"][..], &["ps", "-a"], &["images"]] {
        let output = engine.brig(command).wrapped(su).output().fails();
        let code = if command[0] == "run" { 125 } else { 1 };
        drop(one_sentence(output.exits(code), true).says(&["permission denied"]));
    }
    drop(engine.ok(["rm", "secret"]));
    engine.finish();
}

#[test]
fn somebody_with_directories_of_their_own_gets_an_honest_answer() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    for name in ["root", "run", "io"] {
        chown(engine.root.path(name), Some(65_534), Some(65_534)).unwrap();
        for entry in fs::read_dir(engine.root.path(name)).unwrap().flatten() {
            chown(entry.path(), Some(65_534), Some(65_534)).unwrap();
        }
    }
    let su = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
    let run = engine.brig(["run", "--rm", "base", "true"]).wrapped(su);
    drop(one_sentence(run.output().exits(125), true));
    engine.assert_clean("somebody else");
    engine.finish();
}

#[test]
fn programs_that_are_missing_are_named() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let empty = engine.root.path("io");
    let run = engine.run_command(&[], &["true"]).env("BRIG_LIBEXEC", &empty);
    let output = one_sentence(run.output().exits(125), true);
    drop(output.says(&["brig-monitor", "brig-oci"]));
    engine.assert_clean("missing programs");
    // A monitor without a runtime.
    let copy = engine.root.path("libexec");
    fs::create_dir(&copy).unwrap();
    let monitor = binaries::require("brig-monitor");
    std::os::unix::fs::symlink(monitor, copy.join("brig-monitor")).unwrap();
    let run = engine.run_command(&[], &["true"]).env("BRIG_LIBEXEC", &copy);
    drop(one_sentence(run.output().exits(125), true).says(&["brig-oci"]));
    engine.assert_clean("a missing runtime");
    engine.finish();
}

#[test]
fn configuration_that_is_wrong_is_named() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    for text in ["nonsense", "live-restore = true", "labels = 3", "\u{0}"] {
        fs::write(engine.root.path("config.toml"), text).unwrap();
        let output = engine.run(&[], &["true"]).exits(125);
        drop(one_sentence(output, false).says(&["config.toml"]));
    }
    drop(engine.brig(["--config", "/no/such/file", "ps"]).output().fails());
    fs::remove_file(engine.root.path("config.toml")).unwrap();
    drop(engine.ok(["ps"]));
    engine.finish();
}
