// SPDX-License-Identifier: Apache-2.0
//! Our programs killed, stopped or failed at each of their steps: nothing leaks, nothing runs that
//! should not, and `delete --force` always cleans up.

use brig_testkit::fault::{Action, fault_points, with_fault};
use brig_testkit::{Case, Invocation, leak, needs, process, wait_for};
use rustix::process::Signal;
use std::time::Duration;

/// The points that a command passes, found by running it once.
fn points(case: &Case, command: &Invocation) -> Vec<String> {
    let (output, points) = fault_points(command, &case.root.path("trace"));
    drop(output.ok());
    assert!(points.len() > 1, "{points:?}");
    points
}

/// Nothing may be left, which takes the kernel a moment.
fn assert_nothing_left(case: &Case, point: &str) {
    let mut left = Vec::new();
    let clean = wait_for(Duration::from_secs(5), || {
        left = leak::of(&case.root);
        left.is_empty().then_some(())
    });
    assert!(clean.is_some(), "{point} leaves {left:#?}");
}

#[test]
fn create_killed_at_each_step_is_removed_by_delete_force() {
    needs!(root, runtime, fault_hook);
    let case = Case::new(&["write", "/tmp/ran", "x"]);
    let create = case.with_bundle("create", &[]);
    let all = points(&case, &create);
    case.delete_force();
    for point in &all {
        let output = with_fault(&create, point, Action::Kill).output();
        assert_ne!(output.code(), Some(0), "{point}: {output}");
        case.delete_force();
        assert_nothing_left(&case, point);
    }
    assert!(std::fs::metadata(case.inside("tmp/ran")).is_err(), "the command ran without start");
    drop(case.create());
    case.delete_force();
    case.finish();
}

#[test]
fn create_failed_at_each_step_cleans_up_by_itself() {
    needs!(root, runtime, fault_hook);
    let case = Case::new(&["init"]);
    let create = case.with_bundle("create", &[]);
    let all = points(&case, &create);
    case.delete_force();
    for point in &all {
        let output = with_fault(&create, point, Action::Fail).output().fails();
        assert!(!output.stderr().trim().is_empty(), "{point} fails without a word");
        assert_nothing_left(&case, point);
    }
    case.finish();
}

#[test]
fn create_killed_at_each_step_does_not_block_the_id() {
    needs!(root, runtime, fault_hook);
    let case = Case::new(&["init"]);
    let create = case.with_bundle("create", &[]);
    let all = points(&case, &create);
    case.delete_force();
    for point in &all {
        drop(with_fault(&create, point, Action::Kill).output());
        // Whatever the record says, asking for it neither hangs nor crashes.
        for command in [vec!["state", case.id()], vec!["list"]] {
            let output = case.command(&command).timeout(Duration::from_secs(5)).output();
            assert!(output.code().is_some_and(|code| code < 100), "{point}: {output}");
        }
        case.delete_force();
        drop(create.output().ok());
        case.delete_force();
    }
    case.finish();
}

#[test]
fn run_killed_at_each_step_is_removed_by_delete_force() {
    needs!(root, runtime, fault_hook);
    let case = Case::new(&["init"]);
    let quick = Case::new(&["exit", "0"]);
    let all = points(&quick, &quick.with_bundle("run", &[]));
    quick.finish();
    let run = case.with_bundle("run", &["--detach"]);
    for point in &all {
        drop(with_fault(&run, point, Action::Kill).output());
        case.delete_force();
        assert_nothing_left(&case, point);
    }
    case.finish();
}

#[test]
fn start_killed_at_each_step_leaves_a_container_that_can_be_removed() {
    needs!(root, runtime, fault_hook);
    let case = Case::new(&["init"]);
    drop(case.create());
    let start = case.command(["start", case.id()]);
    let (output, all) = fault_points(&start, &case.root.path("trace"));
    drop(output.ok());
    case.delete_force();
    for point in &all {
        drop(case.create());
        drop(with_fault(&start, point, Action::Kill).output());
        assert!(["created", "running", "stopped"].contains(&case.status().as_str()), "{point}");
        case.delete_force();
        assert_nothing_left(&case, point);
    }
    case.finish();
}

#[test]
fn delete_killed_at_each_step_can_be_repeated() {
    needs!(root, runtime, fault_hook);
    let case = Case::new(&["init"]);
    drop(case.launch());
    let delete = case.command(["delete", "--force", case.id()]);
    let all = points(&case, &delete);
    for point in &all {
        drop(case.launch());
        let pid = case.pid();
        let output = with_fault(&delete, point, Action::Kill).output();
        assert_ne!(output.code(), Some(0), "{point}");
        case.delete_force();
        assert!(!process::is_alive(pid), "{point}");
        assert_nothing_left(&case, point);
    }
    case.finish();
}

#[test]
fn create_stopped_at_a_step_does_not_stop_others() {
    needs!(root, runtime, fault_hook);
    let case = Case::new(&["init"]);
    let create = case.with_bundle("create", &[]);
    let all = points(&case, &create);
    case.delete_force();
    for point in &all {
        let stopped = with_fault(&create, point, Action::Stop).spawn();
        // It, or its child, stands still before long; or it has ended.
        wait_for(Duration::from_millis(100), || {
            process::status(stopped.pid(), "State").filter(|state| state.starts_with('T'))
        });
        let list = case.command(["list", "-q"]).timeout(Duration::from_secs(5)).output();
        assert!(list.code() == Some(0), "{point}: {list}");
        stopped.signal(Signal::KILL);
        drop(stopped);
        case.delete_force();
        assert_nothing_left(&case, point);
    }
    case.finish();
}

#[test]
fn corrupt_state_is_an_error_and_never_a_crash() {
    needs!(root, runtime, survives_corruption);
    for damage in ["", "{", "[]", "null", "{\"pid\": -1}", "\u{0}\u{0}"] {
        let case = Case::new(&["init"]);
        drop(case.launch());
        let pid = case.pid();
        let directory = case.root.path("state").join(case.id());
        for entry in std::fs::read_dir(&directory).unwrap().flatten() {
            if entry.file_type().unwrap().is_file() {
                std::fs::write(entry.path(), damage).unwrap();
            }
        }
        for verb in ["state", "start", "kill", "delete", "ps", "list"] {
            let words = if verb == "list" { vec![verb] } else { vec![verb, case.id()] };
            let output = case.command(&words).timeout(Duration::from_secs(5)).output();
            let sane = output.code().is_some_and(|code| code < 100);
            assert!(sane && !output.stderr().contains("panicked"), "{damage:?} {verb}: {output}");
        }
        case.delete_force();
        // Without its record nobody knows the process; the test ends what it has started.
        process::kill(pid, || process::is_alive(pid));
        case.root.abandon();
    }
}

#[test]
fn state_swapped_for_links_is_not_followed_out() {
    needs!(root, runtime, survives_corruption);
    let case = Case::new(&["init"]);
    drop(case.launch());
    let pid = case.pid();
    let canary = case.root.path("canary");
    std::fs::write(&canary, "host").unwrap();
    let directory = case.root.path("state").join(case.id());
    for entry in std::fs::read_dir(&directory).unwrap().flatten() {
        if entry.file_type().unwrap().is_file() {
            std::fs::remove_file(entry.path()).unwrap();
            std::os::unix::fs::symlink(&canary, entry.path()).unwrap();
        }
    }
    for verb in ["state", "start", "kill"] {
        drop(case.command([verb, case.id()]).output());
    }
    drop(case.command(["delete", "--force", case.id()]).output());
    assert_eq!(std::fs::read_to_string(&canary).unwrap(), "host");
    process::kill(pid, || process::is_alive(pid));
    case.root.abandon();
}
