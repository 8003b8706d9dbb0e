// SPDX-License-Identifier: Apache-2.0
//! Hooks: order, place, standard input, environment, failure.

use brig_testkit::{Case, expect_soon, needs};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

/// A hook that appends `word` and the state it reads to a file on the host.
fn recorder(case: &Case, word: &str) -> Value {
    let log = case.root.path("hooks");
    let script = format!("echo {word} $(cat) >> {}", log.display());
    json!({"path": "/bin/sh", "args": ["sh", "-c", script]})
}

fn log(case: &Case) -> Vec<String> {
    let text = fs::read_to_string(case.root.path("hooks")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn words(case: &Case) -> Vec<String> {
    let lines = log(case);
    lines.iter().filter_map(|line| line.split(' ').next().map(str::to_owned)).collect()
}

#[test]
fn hooks_run_in_the_order_of_the_specification() {
    needs!(root, runtime, poststart_at_start);
    let mut case = Case::new(&["init"]);
    for kind in ["prestart", "createRuntime", "poststart", "poststop"] {
        for number in ["1", "2"] {
            let hook = recorder(&case, &format!("{kind}{number}"));
            case.hook(kind, hook);
        }
    }
    let created = case.create();
    assert_eq!(words(&case), ["prestart1", "prestart2", "createRuntime1", "createRuntime2"]);
    case.start();
    created.expect_later("ready");
    assert_eq!(words(&case)[4..], ["poststart1", "poststart2"]);
    drop(case.kill("KILL").ok());
    case.expect_status("stopped");
    assert_eq!(words(&case).len(), 6, "poststop belongs to delete");
    drop(case.delete().ok());
    assert_eq!(words(&case)[6..], ["poststop1", "poststop2"]);
    case.finish();
}

#[test]
fn hooks_read_the_state_on_standard_input() {
    needs!(root, runtime, poststart_at_start);
    let mut case = Case::new(&["init"]);
    case.config["annotations"] = json!({"key": "value"});
    for kind in ["createRuntime", "poststart", "poststop"] {
        let hook = recorder(&case, kind);
        case.hook(kind, hook);
    }
    drop(case.create());
    let pid = case.pid();
    case.start();
    expect_soon("poststart", || (log(&case).len() == 2).then_some(()));
    drop(case.kill("KILL").ok());
    case.expect_status("stopped");
    drop(case.delete().ok());
    let states: Vec<Value> = log(&case)
        .iter()
        .map(|line| serde_json::from_str(line.split_once(' ').unwrap().1).unwrap())
        .collect();
    for state in &states {
        assert_eq!(state["id"], case.id());
        assert_eq!(state["bundle"], json!(case.dir()));
        assert_eq!(state["annotations"]["key"], "value", "{state}");
        assert!(state["ociVersion"].is_string());
    }
    assert_eq!(states[0]["pid"], json!(pid));
    assert!(["creating", "created"].contains(&states[0]["status"].as_str().unwrap()));
    assert_eq!(states[1]["status"], "running");
    assert_eq!(states[2]["status"], "stopped");
    case.finish();
}

#[test]
fn hooks_get_their_arguments_and_only_their_environment() {
    needs!(root, runtime);
    let mut case = Case::new(&["exit", "0"]);
    let log = case.root.path("hooks");
    let script = format!("echo $0 $1 > {0}; env | sort >> {0}", log.display());
    case.hook(
        "createRuntime",
        json!({"path": "/bin/sh", "args": ["sh", "-c", script, "zero", "one"],
            "env": ["ONLY=this", "PATH=/usr/bin:/bin"]}),
    );
    let run = case.with_bundle("run", &[]).env("FROM_HOST", "leak");
    drop(run.output().ok());
    let text = fs::read_to_string(&log).unwrap();
    assert!(text.starts_with("zero one\n"), "{text}");
    assert!(text.contains("ONLY=this\n") && !text.contains("FROM_HOST"), "{text}");
    case.finish();
}

#[test]
fn create_runtime_hook_runs_on_the_host_before_pivot() {
    needs!(root, runtime);
    let mut case = Case::new(&["exit", "0"]);
    let log = case.root.path("hooks");
    let script = format!("readlink /proc/self/ns/mnt > {0}; pwd >> {0}", log.display());
    case.hook("createRuntime", json!({"path": "/bin/sh", "args": ["sh", "-c", script]}));
    drop(case.run().ok());
    let text = fs::read_to_string(&log).unwrap();
    let namespace = fs::read_link("/proc/self/ns/mnt").unwrap();
    // crun stands in a private view of the host's mounts.
    if case.runtime.kind() != brig_testkit::Kind::Crun {
        assert_eq!(text.lines().next().unwrap(), namespace.to_string_lossy());
    }
    case.finish();
}

#[test]
fn create_container_hook_runs_in_the_containers_namespaces_with_the_hosts_files() {
    needs!(root, runtime);
    let mut case = Case::new(&["ns", "uts"]);
    let log: PathBuf = case.root.path("hooks");
    let script = format!("readlink /proc/self/ns/uts > {}", log.display());
    case.hook("createContainer", json!({"path": "/bin/sh", "args": ["sh", "-c", script]}));
    let output = case.run().ok();
    assert_eq!(fs::read_to_string(&log).unwrap().trim(), output.text());
    case.finish();
}

#[test]
fn start_container_hook_runs_inside_before_the_command() {
    needs!(root, runtime);
    let mut case = Case::new(&["cat", "/tmp/hook"]);
    case.hook(
        "startContainer",
        json!({"path": "/probe", "args": ["probe", "write", "/tmp/hook", "inside"]}),
    );
    drop(case.create());
    assert!(fs::metadata(case.inside("tmp/hook")).is_err(), "not before start");
    case.start();
    case.expect_status("stopped");
    assert_eq!(fs::read_to_string(case.inside("tmp/hook")).unwrap(), "inside");
    drop(case.delete().ok());
    case.finish();
}

#[test]
fn failing_hook_of_create_stops_it_and_leaves_nothing() {
    needs!(root, runtime);
    for kind in ["prestart", "createRuntime", "createContainer"] {
        let mut case = Case::new(&["init"]);
        case.hook(kind, json!({"path": "/bin/sh", "args": ["sh", "-c", "exit 3"]}));
        drop(case.with_bundle("create", &[]).output().fails());
        drop(case.command(["state", case.id()]).output().fails());
        case.finish();
    }
}

#[test]
fn failing_start_container_hook_keeps_the_command_from_running() {
    needs!(root, runtime);
    let mut case = Case::new(&["write", "/tmp/ran", "x"]);
    case.hook("startContainer", json!({"path": "/probe", "args": ["probe", "exit", "3"]}));
    let output = case.with_bundle("run", &[]).output();
    assert!(fs::metadata(case.inside("tmp/ran")).is_err(), "{output}");
    case.delete_force();
    case.finish();
}

#[test]
fn failing_poststop_hook_does_not_keep_the_container() {
    needs!(root, runtime, failing_poststop);
    let mut case = Case::new(&["exit", "0"]);
    case.hook("poststop", json!({"path": "/bin/sh", "args": ["sh", "-c", "exit 3"]}));
    drop(case.create());
    case.start();
    case.expect_status("stopped");
    drop(case.delete());
    drop(case.command(["state", case.id()]).output().fails());
    case.finish();
}

#[test]
fn missing_hook_is_an_error() {
    needs!(root, runtime);
    let mut case = Case::new(&["init"]);
    case.hook("createRuntime", json!({"path": "/nonexistent/hook"}));
    drop(case.with_bundle("create", &[]).output().fails());
    case.finish();
}

#[test]
fn hook_that_takes_longer_than_its_timeout_is_ended() {
    needs!(root, runtime);
    let mut case = Case::new(&["init"]);
    case.hook(
        "createRuntime",
        json!({"path": "/bin/sleep", "args": ["sleep", "100"], "timeout": 1}),
    );
    let begin = std::time::Instant::now();
    drop(case.with_bundle("create", &[]).output().fails());
    assert!(begin.elapsed().as_secs() < 10);
    case.finish();
}

#[test]
fn prestart_hook_sees_the_network_namespace() {
    needs!(root, runtime);
    let mut case = Case::new(&["ns", "net"]);
    let log = case.root.path("hooks");
    let script = format!(
        "pid=$(sed 's/.*\"pid\": *\\([0-9]*\\).*/\\1/'); readlink /proc/$pid/ns/net > {}",
        log.display()
    );
    case.hook("prestart", json!({"path": "/bin/sh", "args": ["sh", "-c", script]}));
    let output = case.run().ok();
    assert_eq!(fs::read_to_string(&log).unwrap().trim(), output.text());
    case.finish();
}
