// SPDX-License-Identifier: Apache-2.0
//! `run` in the foreground: exit codes, signals, streams, and processes that end at once.

use brig_testkit::{Case, needs};
use rustix::process::Signal;
use std::time::{Duration, Instant};

#[test]
fn run_passes_the_exit_code() {
    needs!(root, runtime);
    for code in [0, 1, 42, 125, 127, 255] {
        let case = Case::new(&["exit", &code.to_string()]);
        drop(case.run().exits(code));
        case.finish();
    }
}

#[test]
fn run_of_a_process_killed_by_a_signal_exits_with_128_and_its_number() {
    needs!(root, runtime);
    // The first process of a pid namespace is spared signals of its own; another one is not.
    let mut case = Case::new(&["signal-self", "TERM"]);
    case.without_namespace("pid");
    drop(case.run().exits(143));
    case.probe(&["signal-self", "KILL"]);
    drop(case.run().exits(137));
    case.finish();
}

#[test]
fn run_passes_signals_on() {
    needs!(root, runtime);
    for (signal, name) in [(Signal::TERM, "SIGTERM"), (Signal::INT, "SIGINT")] {
        let case = Case::new(&["init"]);
        let run = case.with_bundle("run", &[]).spawn();
        run.expect_stdout("ready");
        run.signal(signal);
        let output = run.wait().ok();
        assert_eq!(output.text(), format!("ready\n{name}"));
        case.finish();
    }
}

#[test]
fn run_passes_user_signals_on() {
    needs!(root, runtime);
    for (signal, name) in [(Signal::USR1, "SIGUSR1"), (Signal::HUP, "SIGHUP")] {
        let case = Case::new(&["trap-signal", "USR1", "HUP"]);
        let run = case.with_bundle("run", &[]).spawn();
        run.expect_stdout("ready");
        run.signal(signal);
        assert_eq!(run.wait().ok().text(), format!("ready\n{name}"));
        case.finish();
    }
}

#[test]
fn run_killed_leaves_a_container_that_delete_force_removes() {
    needs!(root, runtime);
    let case = Case::new(&["init"]);
    let run = case.with_bundle("run", &[]).spawn();
    run.expect_stdout("ready");
    run.signal(Signal::KILL);
    assert_eq!(run.wait().signal(), Some(9));
    case.delete_force();
    case.finish();
}

#[test]
fn run_joins_standard_streams() {
    needs!(root, runtime);
    let case = Case::new(&["echo-stdin", "--", "stderr", "problem"]);
    let output = case.with_bundle("run", &[]).stdin("one\ntwo\n").output().ok();
    assert_eq!((output.stdout(), output.stderr().trim()), ("one\ntwo\n", "problem"));
    case.finish();
}

#[test]
fn run_loses_no_output() {
    needs!(root, runtime);
    let case = Case::new(&["flood", "3000000"]);
    assert_eq!(case.run().ok().stdout().len(), 3_000_000);
    case.finish();
}

#[test]
fn run_removes_the_container_afterwards() {
    needs!(root, runtime);
    let case = Case::new(&["exit", "0"]);
    drop(case.run().ok());
    drop(case.command(["state", case.id()]).output().fails());
    // The id is free again.
    drop(case.run().ok());
    case.finish();
}

#[test]
fn run_ends_although_something_holds_its_output() {
    needs!(root, runtime);
    let case = Case::new(&["background", "sleep", "100"]);
    let begin = Instant::now();
    drop(case.run().ok());
    assert!(begin.elapsed() < Duration::from_secs(20), "the pid namespace dies with its init");
    case.finish();
}

#[test]
fn run_of_a_process_that_ends_at_once_never_hangs() {
    needs!(root, runtime);
    // Side by side, so that children end while their parent is off the processor.
    let cases: Vec<Case> = (0..4).map(|_| Case::new(&["exit", "7"])).collect();
    for _ in 0..50 {
        let all: Vec<_> = cases
            .iter()
            .map(|case| case.with_bundle("run", &[]).timeout(Duration::from_secs(20)).spawn())
            .collect();
        for run in all {
            drop(run.wait().exits(7));
        }
    }
    cases.into_iter().for_each(Case::finish);
}

#[test]
fn zombies_of_the_container_do_not_hold_it() {
    needs!(root, runtime);
    let case = Case::new(&["zombie", "20", "--", "exit", "4"]);
    drop(case.run().exits(4));
    case.finish();
}
