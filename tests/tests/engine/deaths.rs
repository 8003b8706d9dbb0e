// SPDX-License-Identifier: Apache-2.0
//! `kill -9` from outside, of whatever lives as long as a container.

use super::Engine;
use brig_testkit::fault::{Action, with_fault};
use brig_testkit::pty::PtySession;
use brig_testkit::{expect_soon, needs, process};
use rustix::process::{Pid, Signal, kill_process};
use std::time::Duration;

/// SIGKILL, and waits for the end.
fn kill(pid: i32) {
    kill_process(Pid::from_raw(pid).expect("the process is there"), Signal::KILL)
        .expect("the process is there");
    expect_soon("a killed process to end", || (!process::is_alive(pid)).then_some(()));
}

#[test]
fn monitor_killed_the_container_runs_on_and_can_be_used() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let id = engine.up_ready("service", &[]);
    let init = engine.pid("service");
    kill(engine.monitor_pid(&id));
    assert!(process::is_alive(init));
    assert_eq!(engine.state("service"), "running");
    let table = engine.ok(["ps"]);
    assert!(table.contains("monitor lost"), "{table}");
    assert_eq!(engine.ok(["exec", "service", "/probe", "echo", "x"]), "x");
    assert_eq!(engine.ok(["logs", "service"]), "ready");
    assert_eq!(engine.ok(["stop", "service"]), "service");
    assert_eq!(engine.state("service"), "exited");
    assert!(!process::is_alive(init));
    // Nobody saw how it ended, so that is what is told.
    assert_eq!(engine.inspect("service")["State"]["ExitCode"], 255);
    drop(engine.ok(["start", "service"]));
    assert_eq!(engine.state("service"), "running");
    drop(engine.ok(["rm", "-f", "service"]));
    engine.finish();
}

#[test]
fn monitor_killed_rm_f_removes() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    for flags in [&[][..], &["--rm"]] {
        let id = engine.up_ready("service", flags);
        let init = engine.pid("service");
        kill(engine.monitor_pid(&id));
        let refused = engine.brig(["rm", "service"]).output().exits(1);
        drop(refused.says(&["container is running"]));
        drop(engine.ok(["rm", "-f", "service"]));
        assert!(!process::is_alive(init));
        engine.assert_clean("a lost monitor");
    }
    engine.finish();
}

#[test]
fn monitor_and_init_killed_ps_tells_the_end() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let id = engine.up_ready("service", &[]);
    let (init, monitor) = (engine.pid("service"), engine.monitor_pid(&id));
    kill(monitor);
    kill(init);
    assert_eq!(engine.state("service"), "exited");
    drop(engine.ok(["rm", "service"]));
    engine.assert_clean("a dead container");
    // One that was to be removed at its end is gone when somebody looks.
    let id = engine.up_ready("brief", &["--rm"]);
    let (init, monitor) = (engine.pid("brief"), engine.monitor_pid(&id));
    kill(monitor);
    kill(init);
    assert_eq!(engine.ok(["ps", "-aq"]), "");
    engine.assert_clean("a dead container with --rm");
    engine.finish();
}

#[test]
fn everything_killed_at_once_is_cleaned_up() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let ids: Vec<String> =
        ["one", "two", "three"].iter().map(|name| engine.up_ready(name, &[])).collect();
    let foreground = engine.run_command(&["--name", "four"], &["/probe", "init"]).spawn();
    foreground.expect_stdout("ready");
    let exec = engine.brig(["exec", "one", "/probe", "init"]).spawn();
    exec.expect_stdout("ready");
    let mut pids = vec![foreground.pid(), exec.pid()];
    for name in ["one", "two", "three", "four"] {
        let id = engine.inspect(name)["Id"].as_str().unwrap().to_owned();
        pids.extend([engine.monitor_pid(&id), engine.pid(name)]);
    }
    for pid in &pids {
        // ESRCH: it died with another one.
        let _ = kill_process(Pid::from_raw(*pid).unwrap(), Signal::KILL);
    }
    drop((foreground, exec));
    expect_soon("the end of all", || pids.iter().all(|pid| !process::is_alive(*pid)).then_some(()));
    assert_eq!(engine.ok(["ps", "-q"]), "");
    assert_eq!(engine.ok(["ps", "-a", "--format", "{{.Names}}"]).lines().count(), 3);
    drop(engine.ok(["start", &ids[0]]));
    assert_eq!(engine.state("one"), "running");
    drop(engine.ok(["rm", "-f", "one", "two", "three"]));
    engine.finish();
}

#[test]
fn command_line_killed_the_container_runs_on() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let run = engine.brig(["run", "-i", "--name", "service", "base", "/probe", "init"]).spawn();
    run.expect_stdout("ready");
    kill_process(Pid::from_raw(run.pid()).unwrap(), Signal::KILL).unwrap();
    assert_eq!(run.wait().signal(), Some(9));
    assert_eq!(engine.state("service"), "running");
    drop(engine.ok(["stop", "service"]));
    assert_eq!(engine.inspect("service")["State"]["ExitCode"], 0);
    assert_eq!(engine.ok(["logs", "service"]), "ready\nSIGTERM");
    drop(engine.ok(["rm", "service"]));
    engine.finish();
}

#[test]
fn terminal_gone_the_container_runs_on() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let run = engine.brig(["run", "-it", "--name", "shell", "base", "sh"]);
    let mut session = PtySession::spawn(&run);
    session.terminal.expect("/ # ");
    // The terminal window is closed, the command line with it.
    drop(session);
    assert_eq!(engine.state("shell"), "running");
    let mut session = PtySession::spawn(&engine.brig(["attach", "shell"]));
    session.terminal.send("echo $((40+2))back\r");
    session.terminal.expect("42back");
    session.terminal.send("exit 3\r");
    drop(session.wait().exits(3));
    drop(engine.ok(["rm", "shell"]));
    engine.finish();
}

#[test]
fn run_whose_monitor_is_killed_ends_with_a_sentence() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let run = engine.brig(["run", "--name", "service", "base", "/probe", "init"]).spawn();
    run.expect_stdout("ready");
    let id = engine.inspect("service")["Id"].as_str().unwrap().to_owned();
    kill(engine.monitor_pid(&id));
    let output = run.wait().fails();
    assert_eq!(output.stderr().matches("brig: ").count(), 1, "{output}");
    drop(output.says(&["lost the connection"]));
    drop(engine.ok(["rm", "-f", "service"]));
    engine.finish();
}

/// One that neither works nor dies: stopped, as by a debugger.
#[test]
fn monitor_stopped_rm_f_removes_all_the_same() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let id = engine.up_ready("service", &[]);
    let monitor = engine.monitor_pid(&id);
    kill_process(Pid::from_raw(monitor).unwrap(), Signal::STOP).unwrap();
    drop(engine.brig(["ps", "-a"]).timeout(Duration::from_secs(5)).output().ok());
    drop(engine.brig(["rm", "-f", "service"]).timeout(Duration::from_secs(20)).output().ok());
    assert!(!process::is_alive(monitor));
    engine.finish();
}

/// One that holds the container's lock and does not get on: it is named, not waited for for ever.
#[test]
fn command_line_stopped_rm_f_says_who_holds_the_container() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let run = engine.brig(["run", "-d", "--name", "service", "base", "/probe", "init"]);
    let stopped = with_fault(&run, "brig.made", Action::Stop).spawn();
    expect_soon("the stop", || {
        process::status(stopped.pid(), "State").filter(|state| state.starts_with('T'))
    });
    let remove = engine.brig(["rm", "-f", "service"]).timeout(Duration::from_secs(30)).output();
    drop(remove.exits(1).says(&[&format!("process {} is changing container", stopped.pid())]));
    stopped.signal(Signal::CONT);
    assert_eq!(stopped.wait().ok().text().len(), 64);
    drop(engine.ok(["rm", "-f", "service"]));
    engine.finish();
}
