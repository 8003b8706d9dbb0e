// SPDX-License-Identifier: Apache-2.0
//! File descriptors: none but standard streams reach the container, and those asked for.

use brig_testkit::{Case, Invocation, needs};
use serde_json::Value;
use std::fs;

/// The command with `/etc/hostname` open as 3, 4 and 77.
fn with_leaks(invocation: Invocation) -> Invocation {
    let script = "exec \"$0\" \"$@\" 3</etc/hostname 4</etc/hostname 7</";
    invocation.wrapped(["sh", "-c", script])
}

fn numbers(open: &Value) -> Vec<u32> {
    let mut numbers: Vec<u32> = open
        .as_object()
        .expect("an object")
        .keys()
        .map(|key| key.parse().expect("a number"))
        .collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn callers_descriptors_do_not_reach_the_container() {
    needs!(root, runtime);
    let case = Case::new(&["fds"]);
    let output = with_leaks(case.with_bundle("run", &[])).output().ok();
    assert_eq!(numbers(&output.json()), [0, 1, 2], "{output}");
    case.finish();
}

#[test]
fn callers_descriptors_do_not_reach_an_exec() {
    needs!(root, runtime);
    let case = Case::new(&["init"]);
    drop(case.launch());
    let exec = case.command(["exec", case.id(), "/probe", "fds"]);
    let output = with_leaks(exec).output().ok();
    assert_eq!(numbers(&output.json()), [0, 1, 2], "{output}");
    case.delete_force();
    case.finish();
}

#[test]
fn preserve_fds_passes_exactly_that_many() {
    needs!(root, runtime);
    let case = Case::new(&["fds"]);
    let output = with_leaks(case.with_bundle("run", &["--preserve-fds", "2"])).output().ok();
    let open = output.json();
    assert_eq!(numbers(&open), [0, 1, 2, 3, 4], "{output}");
    case.finish();
}

#[test]
fn preserve_fds_of_exec_passes_exactly_that_many() {
    needs!(root, runtime);
    let case = Case::new(&["init"]);
    drop(case.launch());
    let exec = case.command(["exec", "--preserve-fds", "1", case.id(), "/probe", "fds"]);
    let output = with_leaks(exec).output().ok();
    assert_eq!(numbers(&output.json()), [0, 1, 2, 3], "{output}");
    case.delete_force();
    case.finish();
}

#[test]
fn listen_fds_are_passed_as_systemd_does() {
    needs!(root, runtime, listen_fds_variable);
    let case = Case::new(&["fds", "--", "env", "LISTEN_FDS"]);
    let run = case.with_bundle("run", &[]).env("LISTEN_FDS", "1");
    // It names the process that execs, so the shell sets it.
    let script = "exec env LISTEN_PID=$$ \"$0\" \"$@\" 3</etc/hostname";
    let output = run.wrapped(["sh", "-c", script]).output().ok();
    let open: Value = serde_json::from_str(output.lines()[0]).unwrap();
    assert_eq!(numbers(&open), [0, 1, 2, 3], "{output}");
    assert_eq!(output.lines()[1], "1");
    case.finish();
}

#[test]
fn init_waits_with_no_descriptor_of_the_host() {
    needs!(root, runtime);
    let case = Case::new(&["init"]);
    drop(case.launch());
    let pid = case.pid();
    let mut targets: Vec<String> = fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .map(|path| path.display().to_string())
        .collect();
    targets.sort();
    let io = case.root.path("io").display().to_string();
    assert!(
        targets.iter().all(|target| target == "/dev/null" || target.starts_with(&io)),
        "{targets:?}"
    );
    case.delete_force();
    case.finish();
}

#[test]
fn runtime_executable_cannot_be_opened_for_writing_from_inside() {
    needs!(root, runtime);
    let case = Case::new(&["init"]);
    drop(case.launch());
    // The payload of CVE-2019-5736: an exec whose program is the runtime's own file.
    let exec = case.command(["exec", case.id(), "/proc/self/exe", "--version"]).output();
    assert!(exec.code().is_some());
    let output = case.exec(&["readlink", "/proc/1/exe"]).ok();
    assert_eq!(output.text(), "/probe");
    case.delete_force();
    case.finish();
}
