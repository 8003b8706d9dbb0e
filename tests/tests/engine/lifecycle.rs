// SPDX-License-Identifier: Apache-2.0
//! `create`, `start`, `stop`, `kill`, `wait`, `restart`, `rename`, `rm`.

use super::Engine;
use brig_testkit::{expect_soon, needs};
use std::time::{Duration, Instant};

#[test]
fn create_start_wait_rm() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let id = engine.ok(["create", "--name", "job", "base", "/probe", "exit", "5"]);
    assert_eq!(engine.state("job"), "created");
    assert_eq!(engine.inspect("job")["State"]["StartedAt"], "0001-01-01T00:00:00Z");
    assert_eq!(engine.ok(["start", "job"]), "job");
    assert_eq!(engine.ok(["wait", "job"]), "5");
    assert_eq!(engine.state("job"), "exited");
    assert_eq!(engine.ok(["wait", "job"]), "5");
    drop(engine.brig(["start", "-a", &id]).output().exits(5));
    assert_eq!(engine.ok(["rm", "job"]), "job");
    engine.finish();
}

#[test]
fn start_again_keeps_what_was_written() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let script = "echo run >> /count; cat /count; touch /tmp/$$; rm /bin/vi";
    drop(engine.up("again", &[], &["sh", "-c", script]));
    drop(engine.ok(["wait", "again"]));
    drop(engine.brig(["start", "-a", "again"]).output());
    let output = engine.brig(["start", "-a", "again"]).output();
    assert_eq!(output.stdout(), "run\nrun\nrun\n");
    assert!(output.stderr().contains("can't remove '/bin/vi'"), "{output}");
    drop(engine.ok(["rm", "again"]));
    engine.finish();
}

#[test]
fn start_of_a_running_container_changes_nothing() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    drop(engine.up_ready("service", &[]));
    let pid = engine.pid("service");
    drop(engine.ok(["start", "service"]));
    assert_eq!(engine.pid("service"), pid);
    drop(engine.ok(["rm", "-f", "service"]));
    engine.finish();
}

#[test]
fn stop_asks_with_sigterm_and_waits_for_the_end() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    drop(engine.up_ready("polite", &[]));
    let begin = Instant::now();
    assert_eq!(engine.ok(["stop", "polite"]), "polite");
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    assert_eq!(engine.ok(["logs", "polite"]), "ready\nSIGTERM");
    assert_eq!(engine.inspect("polite")["State"]["ExitCode"], 0);
    // Stopping what does not run is as good as done.
    assert_eq!(engine.ok(["stop", "polite"]), "polite");
    drop(engine.ok(["rm", "polite"]));
    engine.finish();
}

#[test]
fn stop_kills_who_does_not_listen() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    drop(engine.up("deaf", &[], &["/probe", "sleep", "1000"]));
    let begin = Instant::now();
    drop(engine.ok(["stop", "-t", "1", "deaf"]));
    let took = begin.elapsed();
    assert!(took >= Duration::from_millis(900) && took < Duration::from_secs(8), "{took:?}");
    assert_eq!(engine.inspect("deaf")["State"]["ExitCode"], 137);
    drop(engine.ok(["start", "deaf"]));
    let begin = Instant::now();
    drop(engine.ok(["stop", "--time", "0", "deaf"]));
    assert!(begin.elapsed() < Duration::from_secs(3));
    drop(engine.ok(["rm", "deaf"]));
    engine.finish();
}

#[test]
fn stop_uses_the_containers_signal_and_timeout() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let flags = ["--stop-signal", "USR1", "--stop-timeout", "30"];
    drop(engine.up("special", &flags, &["/probe", "trap-signal", "TERM", "USR1", "HUP"]));
    engine.expect_log("special", "ready");
    drop(engine.ok(["stop", "special"]));
    assert_eq!(engine.ok(["logs", "special"]), "ready\nSIGUSR1");
    drop(engine.ok(["start", "special"]));
    expect_soon("ready again", || {
        engine.ok(["logs", "special"]).ends_with("SIGUSR1\nready").then_some(())
    });
    drop(engine.ok(["stop", "-s", "SIGHUP", "special"]));
    assert!(engine.ok(["logs", "special"]).ends_with("ready\nSIGHUP"));
    drop(engine.ok(["rm", "special"]));
    engine.finish();
}

#[test]
fn kill_sends_the_signal_asked_for() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    for signal in ["USR1", "SIGUSR1", "10"] {
        drop(engine.up("target", &[], &["/probe", "trap-signal", "USR1"]));
        engine.expect_log("target", "ready");
        assert_eq!(engine.ok(["kill", "-s", signal, "target"]), "target");
        assert_eq!(engine.ok(["wait", "target"]), "0");
        assert_eq!(engine.ok(["logs", "target"]), "ready\nSIGUSR1");
        drop(engine.ok(["rm", "target"]));
    }
    drop(engine.up_ready("target", &[]));
    drop(engine.brig(["kill", "-s", "NOPE", "target"]).output().fails().says(&["nope"]));
    drop(engine.ok(["kill", "target"]));
    assert_eq!(engine.ok(["wait", "target"]), "137");
    let output = engine.brig(["kill", "target"]).output().fails();
    drop(output.says(&["is not running"]));
    drop(engine.ok(["rm", "target"]));
    engine.finish();
}

#[test]
fn wait_tells_several_codes_and_waits_for_those_removed() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    drop(engine.up("job", &[], &["/probe", "exit", "3"]));
    drop(engine.up_ready("service", &["--rm"]));
    let wait = engine.brig(["wait", "job", "service"]).spawn();
    wait.expect_stdout("3\n");
    drop(engine.ok(["kill", "service"]));
    assert_eq!(wait.wait().ok().text(), "3\n137");
    drop(engine.brig(["wait", "nobody"]).output().fails().says(&["no such container"]));
    drop(engine.ok(["rm", "job"]));
    engine.finish();
}

#[test]
fn rm_refuses_a_running_container_and_f_does_not() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    drop(engine.up_ready("service", &[]));
    let output = engine.brig(["rm", "service"]).output().exits(1);
    drop(
        output.says(&["container is running: stop the container before removing or force remove"]),
    );
    assert_eq!(engine.state("service"), "running");
    assert_eq!(engine.ok(["rm", "-f", "service"]), "service");
    engine.finish();
}

#[test]
fn rm_f_removes_from_every_state() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    drop(engine.ok(["create", "--name", "created", "base"]));
    drop(engine.up("exited", &[], &["true"]));
    drop(engine.ok(["wait", "exited"]));
    drop(engine.up_ready("running", &[]));
    let failed = engine.brig(["run", "--name", "failed", "base", "no-such-command"]);
    drop(failed.output().exits(127));
    assert_eq!(engine.state("failed"), "created");
    for name in ["created", "exited", "running", "failed"] {
        assert_eq!(engine.ok(["rm", "-f", name]), name);
        assert_eq!(engine.state(name), "", "{name}");
    }
    engine.assert_clean("removing them all");
    // Docker: what is not there is removed, and said to be missing.
    let output = engine.brig(["rm", "-f", "created"]).output().ok();
    drop(output.says(&["no such container: created"]));
    drop(engine.brig(["rm", "created"]).output().exits(1).says(&["no such container"]));
    engine.finish();
}

#[test]
fn rm_of_many_goes_on_after_an_error() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    drop(engine.ok(["create", "--name", "one", "base"]));
    drop(engine.ok(["create", "--name", "two", "base"]));
    let output = engine.brig(["rm", "one", "nobody", "two"]).output().exits(1);
    assert_eq!(output.text(), "one\ntwo");
    engine.finish();
}

#[test]
fn rename_keeps_the_container_and_frees_the_name() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let id = engine.up_ready("old", &[]);
    drop(engine.ok(["create", "--name", "other", "base"]));
    drop(engine.ok(["rename", "old", "new"]));
    assert_eq!(engine.inspect("new")["Id"], *id);
    assert_eq!(engine.inspect("new")["Name"], "/new");
    drop(engine.brig(["inspect", "old"]).output().fails());
    let taken = engine.brig(["rename", "new", "other"]).output().fails();
    drop(taken.says(&["already in use"]));
    drop(engine.ok(["create", "--name", "old", "base"]));
    drop(engine.ok(["rm", "-f", "new", "old", "other"]));
    engine.finish();
}

#[test]
fn restart_is_a_new_process_with_the_same_files() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let id = engine.up_ready("service", &[]);
    drop(engine.ok(["exec", "service", "touch", "/mark"]));
    let pid = engine.pid("service");
    assert_eq!(engine.ok(["restart", "-t", "5", "service"]), "service");
    assert_ne!(engine.pid("service"), pid);
    assert_eq!(engine.inspect("service")["Id"], *id);
    drop(engine.ok(["exec", "service", "ls", "/mark"]));
    drop(engine.ok(["stop", "service"]));
    drop(engine.ok(["restart", "service"]));
    assert_eq!(engine.state("service"), "running");
    drop(engine.ok(["rm", "-f", "service"]));
    engine.finish();
}

#[test]
fn commands_at_the_same_time_agree() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    drop(engine.up_ready("service", &[]));
    let words: [&[&str]; 6] = [
        &["stop", "service"],
        &["start", "service"],
        &["restart", "-t", "1", "service"],
        &["kill", "service"],
        &["ps", "-a"],
        &["inspect", "service"],
    ];
    let all: Vec<_> = words.iter().map(|words| engine.brig(*words).spawn()).collect();
    for command in all {
        let output = command.wait();
        assert!(output.code().is_some_and(|code| code < 100), "{output}");
        assert!(!output.stderr().contains("panicked"), "{output}");
    }
    let both: Vec<_> = (0..4).map(|_| engine.brig(["rm", "-f", "service"]).spawn()).collect();
    both.into_iter().for_each(|one| drop(one.wait().ok()));
    engine.finish();
}
