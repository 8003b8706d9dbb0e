// SPDX-License-Identifier: Apache-2.0
//! Each of our programs killed at each of its steps: `ps` tells the truth, `rm -f` removes,
//! nothing leaks, and the next command works as if nothing had happened.
//!
//! The points are those that a run of the command passes, so a new one is tested without a word
//! here.

use super::{Engine, image};
use brig_testkit::fault::{Action, with_fault};
use brig_testkit::{Invocation, cgroup, needs, process, wait_for};
use std::fs;
use std::time::Duration;

/// The one container of these tests.
const NAME: &str = "victim";

/// Runs `scenario` with a trace and returns the points that all programs in it have passed, in
/// order, each once.
fn points(
    engine: &Engine,
    scenario: impl FnOnce(&dyn Fn(Invocation) -> Invocation),
) -> Vec<String> {
    let trace = engine.root.path("trace");
    drop(fs::remove_file(&trace));
    scenario(&|invocation| invocation.env("BRIG_FAULT_TRACE", &trace));
    let text = fs::read_to_string(&trace).expect("some point was passed");
    let mut points: Vec<String> = Vec::new();
    for line in text.lines() {
        if !points.iter().any(|point| point == line) {
            points.push(line.to_owned());
        }
    }
    points
}

/// Requires that points of these programs are among those found: a test of none proves nothing.
fn assert_covers(points: &[String], programs: &[&str]) {
    for program in programs {
        assert!(points.iter().any(|point| point.starts_with(program)), "{program}: {points:?}");
    }
}

/// Waits until `ps -a` and the kernel agree about every container.
fn assert_truthful(engine: &Engine, point: &str) {
    let mut lie = String::new();
    let agreed = wait_for(Duration::from_secs(8), || {
        let output = engine.brig(["ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.State}}"]);
        let output = output.timeout(Duration::from_secs(10)).output().ok();
        assert_eq!(output.stderr(), "", "{point}");
        lie = output.lines().iter().filter_map(|line| contradiction(engine, line)).collect();
        lie.is_empty().then_some(())
    });
    assert!(agreed.is_some(), "{point}: {lie}");
}

/// What is wrong with one line of `ps`.
fn contradiction(engine: &Engine, line: &str) -> Option<String> {
    let (id, state) = line.split_once(' ')?;
    let processes = cgroup::directories(engine.root.id())
        .iter()
        .filter_map(|top| fs::read_to_string(top.join(id).join("cgroup.procs")).ok())
        .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .filter_map(|pid| pid.parse().ok())
        .filter(|pid| process::is_alive(*pid))
        .count();
    match (state, processes) {
        ("running", 0) => Some(format!("{id} is said to run and has no process")),
        ("running", _) | ("created" | "exited", 0) => None,
        _ => Some(format!("{id} is said to be {state} and has {processes} processes")),
    }
}

/// After a death at `point`: truth, removal, no leak, and a next container of the same name.
fn assert_recovers(engine: &Engine, point: &str) {
    assert_truthful(engine, point);
    let remove = engine.brig(["rm", "-f", NAME]).output();
    assert!(remove.code() == Some(0), "{point}: {remove}");
    engine.assert_clean(point);
    let next = engine.run(&["--name", NAME], &["/probe", "echo", "works"]);
    assert!(next.code() == Some(0) && next.text() == "works", "{point}: {next}");
}

/// `run -d --name victim base /probe init`.
fn run_detached(engine: &Engine) -> Invocation {
    engine.brig(["run", "-d", "--name", NAME, "base", "/probe", "init"])
}

#[test]
fn run_d_killed_at_each_step_of_its_life_recovers() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let all = points(&engine, |traced| {
        drop(traced(run_detached(&engine)).output().ok());
        engine.expect_log(NAME, "ready");
        drop(engine.ok(["stop", NAME]));
        drop(engine.ok(["rm", "-f", NAME]));
    });
    assert_covers(&all, &["brig.", "monitor.", "oci."]);
    for point in &all {
        drop(with_fault(&run_detached(&engine), point, Action::Kill).output());
        assert_truthful(&engine, point);
        // Points after the start are passed when the container ends, with the monitor's
        // environment.
        drop(engine.brig(["stop", "-t", "1", NAME]).output());
        assert_recovers(&engine, point);
    }
    engine.finish();
}

#[test]
fn run_rm_killed_at_each_step_recovers() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let run = engine.run_command(&["--name", NAME], &["/probe", "echo", "x"]);
    let all = points(&engine, |traced| drop(traced(run.clone()).output().ok()));
    assert_covers(&all, &["brig.", "monitor.", "oci."]);
    for point in &all {
        let output = with_fault(&run, point, Action::Kill).output();
        assert!(!output.stderr().contains("panicked"), "{point}: {output}");
        assert_recovers(&engine, point);
    }
    engine.finish();
}

#[test]
fn run_rm_failing_at_each_step_says_why_and_leaves_nothing() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let run = engine.run_command(&["--name", NAME], &["/probe", "echo", "x"]);
    let all = points(&engine, |traced| drop(traced(run.clone()).output().ok()));
    for point in &all {
        let output = with_fault(&run, point, Action::Fail).output();
        match output.code() {
            // What comes after the container's end cannot fail it any more.
            Some(0) => assert_eq!(output.stdout(), "x\n", "{point}: {output}"),
            Some(125..=127) => assert!(!output.stderr().trim().is_empty(), "{point}: {output}"),
            _ => panic!("{point}: {output}"),
        }
        // After `brig.made` nothing is left that could fail, and a monitor that was launched is on
        // its own; a monitor's failure is as a kill; what cannot be deleted waits for the next
        // command.
        let waits = ["brig.made", "brig.launched", "monitor.", "oci.delete."];
        if !waits.iter().any(|start| point.starts_with(start)) {
            engine.assert_clean(point);
        }
        assert_recovers(&engine, point);
    }
    engine.finish();
}

#[test]
fn create_and_start_killed_at_each_step_recover() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let create = engine.brig(["create", "--name", NAME, "base", "/probe", "init"]);
    let start = engine.brig(["start", NAME]);
    let all = points(&engine, |traced| {
        drop(traced(create.clone()).output().ok());
        drop(traced(start.clone()).output().ok());
        drop(engine.ok(["rm", "-f", NAME]));
    });
    for point in &all {
        let created = with_fault(&create, point, Action::Kill).output();
        if created.code() == Some(0) {
            drop(with_fault(&start, point, Action::Kill).output());
            assert_truthful(&engine, point);
            // A start that was cut short can be repeated.
            let again = start.output();
            assert!(again.code() == Some(0), "{point}: {again}");
            assert_eq!(engine.state(NAME), "running", "{point}");
        }
        assert_recovers(&engine, point);
    }
    engine.finish();
}

/// Kills `command` at each of its points, each time on a fresh running container.
fn killed_on_a_running_container(command: &[&str], repeatable: bool) {
    let engine = Engine::new();
    let invocation = engine.brig(command);
    drop(engine.up_ready(NAME, &[]));
    let all = points(&engine, |traced| drop(traced(invocation.clone()).output().ok()));
    drop(engine.brig(["rm", "-f", NAME, "other"]).output());
    // A start's own steps have a test of their own.
    for point in all.iter().filter(|point| !point.starts_with("monitor.")) {
        drop(engine.up_ready(NAME, &[]));
        drop(with_fault(&invocation, point, Action::Kill).output());
        assert_truthful(&engine, point);
        if repeatable {
            let again = invocation.output();
            assert!(again.code() == Some(0), "{point}: {again}");
            assert_truthful(&engine, point);
        }
        drop(engine.brig(["rm", "-f", "other"]).output());
        assert_recovers(&engine, point);
    }
    engine.finish();
}

#[test]
fn rm_f_killed_at_each_step_can_be_repeated() {
    needs!(root, brig, busybox);
    killed_on_a_running_container(&["rm", "-f", NAME], true);
}

#[test]
fn stop_killed_at_each_step_can_be_repeated() {
    needs!(root, brig, busybox);
    killed_on_a_running_container(&["stop", NAME], true);
}

#[test]
fn restart_killed_at_each_step_can_be_repeated() {
    needs!(root, brig, busybox);
    killed_on_a_running_container(&["restart", "-t", "5", NAME], true);
}

#[test]
fn rename_killed_at_each_step_leaves_one_name() {
    needs!(root, brig, busybox);
    killed_on_a_running_container(&["rename", NAME, "other"], false);
    let engine = Engine::new();
    let id = engine.ok(["create", "--name", NAME, "base"]);
    let rename = engine.brig(["rename", NAME, "other"]);
    for point in ["brig.rename-reserved", "brig.rename-recorded"] {
        drop(with_fault(&rename, point, Action::Kill).output());
        let name = engine.ok(["ps", "-a", "--format", "{{.Names}}"]);
        let spare = if name == NAME { "other" } else { NAME };
        assert_eq!(engine.ok(["inspect", "-f", "{{.Id}}", &name]), id, "{point}");
        // The name that it has not is free.
        drop(engine.ok(["create", "--name", spare, "base"]));
        drop(engine.ok(["rm", spare]));
        drop(engine.brig(["rename", &name, NAME]).output());
    }
    drop(engine.ok(["rm", &id]));
    engine.finish();
}

#[test]
fn exec_killed_at_each_step_leaves_the_container_alone() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let id = engine.up_ready(NAME, &[]);
    let exec = engine.brig(["exec", NAME, "/probe", "echo", "x"]);
    let all = points(&engine, |traced| drop(traced(exec.clone()).output().ok()));
    for point in &all {
        let output = with_fault(&exec, point, Action::Kill).output();
        assert_ne!(output.code(), Some(0), "{point}: {output}");
        assert_eq!(engine.state(NAME), "running", "{point}");
        assert_eq!(exec.output().ok().text(), "x", "{point}");
        let alone = wait_for(Duration::from_secs(5), || {
            let procs = engine.cgroup_value(&id, "pids", "cgroup.procs");
            (procs.lines().count() == 1).then_some(())
        });
        assert!(alone.is_some(), "{point} leaves a process in the container");
    }
    drop(engine.ok(["rm", "-f", NAME]));
    engine.finish();
}

#[test]
fn a_command_stopped_at_a_step_does_not_stop_others() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let all = points(&engine, |traced| {
        drop(traced(run_detached(&engine)).output().ok());
        drop(engine.ok(["rm", "-f", NAME]));
    });
    for point in all.iter().filter(|point| point.starts_with("brig.")) {
        let stopped = with_fault(&run_detached(&engine), point, Action::Stop).spawn();
        let still = wait_for(Duration::from_secs(10), || {
            process::status(stopped.pid(), "State").filter(|state| state.starts_with('T'))
        });
        assert!(still.is_some(), "{point} does not stop");
        let other = engine.run_command(&[], &["/probe", "echo", "x"]);
        drop(other.timeout(Duration::from_secs(10)).output().ok());
        drop(engine.brig(["ps", "-a"]).timeout(Duration::from_secs(10)).output().ok());
        stopped.signal(rustix::process::Signal::KILL);
        drop(stopped);
        assert_recovers(&engine, point);
    }
    engine.finish();
}

#[test]
fn load_killed_at_each_step_can_be_repeated() {
    needs!(root, brig, busybox);
    let engine = Engine::empty();
    let load = engine.brig(["load".as_ref(), "-i".as_ref(), image::base().as_os_str()]);
    let all = points(&engine, |traced| drop(traced(load.clone()).output().ok()));
    assert_covers(&all, &["image."]);
    drop(engine.ok(["rmi", "base"]));
    for point in &all {
        drop(with_fault(&load, point, Action::Kill).output());
        // The image is there or not; it is never half there.
        let known = engine.brig(["images", "--format", "{{.Repository}}"]).output().ok();
        assert!(known.stderr().is_empty(), "{point}: {known}");
        if known.text() == "base" {
            drop(engine.run(&[], &["true"]).ok());
        }
        drop(load.output().ok());
        engine.assert_clean(point);
        drop(engine.run(&[], &["true"]).ok());
        drop(engine.ok(["rmi", "base"]));
        assert_store_empty(&engine, point);
    }
    engine.finish();
}

#[test]
fn rmi_killed_at_each_step_can_be_repeated() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let remove = engine.brig(["rmi", "base"]);
    let all = points(&engine, |traced| drop(traced(remove.clone()).output().ok()));
    assert_covers(&all, &["image."]);
    for point in &all {
        engine.load(image::base());
        drop(with_fault(&remove, point, Action::Kill).output());
        let ids = engine.brig(["images", "-q"]).output().ok();
        assert!(ids.stderr().is_empty(), "{point}: {ids}");
        for id in ids.lines() {
            drop(engine.brig(["rmi", id]).output().ok());
        }
        engine.load(image::base());
        drop(engine.run(&[], &["true"]).ok());
        drop(engine.ok(["rmi", "base"]));
        assert_store_empty(&engine, point);
    }
    engine.finish();
}

fn assert_store_empty(engine: &Engine, point: &str) {
    for directory in ["layers", "images/manifests", "images/configs", "images/refs", "staging"] {
        let entries = fs::read_dir(engine.root.path("root").join(directory))
            .expect("the store has its directories");
        assert_eq!(entries.count(), 0, "{point}: {directory}");
    }
}
