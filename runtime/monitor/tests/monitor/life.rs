// SPDX-License-Identifier: Apache-2.0
//! Starts, ends and what is recorded of them.

use crate::fixture::{Fixture, Root, SHIFT, wait_until};
use brig_spec::monitor::{Phase, StartEvent};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

fn failure(fixture: &Fixture) -> (i32, String) {
    let mut started = fixture.start(false);
    started.monitor.wait().unwrap();
    let Some(StartEvent::Failed { exit_code, message, .. }) = started.event else {
        panic!("{:?}", started.event)
    };
    let status = fixture.status();
    assert_eq!((status.phase, status.exit_code), (Phase::Exited, Some(exit_code)));
    assert_eq!(status.error, message);
    assert_eq!(status.pid, None);
    fixture.check_clean();
    fixture.check_run_dir_clean();
    (exit_code, message)
}

#[test]
fn run_every_kind_of_root_logs_and_records_the_end() {
    for root in [Root::Directory, Root::Overlay, Root::Idmapped] {
        let script = "echo out; echo err >&2; printf end; exit 7";
        let Some(fixture) = Fixture::new("logs", root, script) else { return };
        let status = fixture.run();
        assert_eq!((status.phase, status.exit_code), (Phase::Exited, Some(7)), "{root:?}");
        assert_eq!((status.pid, status.error.as_str(), status.oom_killed), (None, "", false));
        let (started, finished) = (status.started_at.unwrap(), status.finished_at.unwrap());
        assert!(started < finished && started.len() == 30, "{started} {finished}");
        assert_eq!(fixture.logged("stdout"), "out\nend");
        assert_eq!(fixture.logged("stderr"), "err\n");
        fixture.check_run_dir_clean();
    }
}

#[test]
fn run_idmapped_root_is_root_inside_and_nobody_outside() {
    let script = "id -u; stat -c %u /bin/busybox; touch /new; echo x > /etc/passwd; \
                  echo reopened > /dev/stdout";
    let Some(fixture) = Fixture::new("idmapped", Root::Idmapped, script) else { return };
    assert_eq!(fixture.run().exit_code, Some(0));
    assert_eq!(fixture.logged("stdout"), "0\n0\nreopened\n");
    assert_eq!(fixture.logged("stderr"), "");
    for name in ["container/upper/new", "container/upper/etc/passwd"] {
        assert_eq!(fs::metadata(fixture.path(name)).unwrap().uid(), SHIFT);
    }
    assert_eq!(fs::metadata(fixture.path("layer/etc/passwd")).unwrap().uid(), 0);
}

#[test]
fn run_process_starts_with_default_signals() {
    let script = "exec busybox grep -E '^Sig(Blk|Ign)' /proc/self/status";
    let Some(fixture) = Fixture::new("sigmask", Root::Directory, script) else { return };
    assert_eq!(fixture.run().exit_code, Some(0));
    let set = |text: &str, name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        // Signals 32 and 33 are the C library's own affair.
        u64::from_str_radix(line.trim(), 16).unwrap() & !(3 << 31)
    };
    let inside = fixture.logged("stdout");
    assert_eq!(set(&inside, "SigBlk:"), 0, "{inside}");
    // Whatever the caller of this test ignores is ignored there, too; SIGPIPE is Rust's.
    let own = fs::read_to_string("/proc/self/status").unwrap();
    assert_eq!(set(&inside, "SigIgn:"), set(&own, "SigIgn:") & !(1 << 12), "{inside}");
}

#[test]
fn run_killed_process_records_128_plus_signal() {
    let Some(fixture) = Fixture::new("signal", Root::Directory, "sleep 1000") else { return };
    let mut started = fixture.start(false);
    let status = fixture.status();
    assert_eq!(status.phase, Phase::Running);
    let Some(StartEvent::Started { pid }) = started.event else { panic!() };
    assert_eq!(status.pid, Some(pid));
    let monitor = Pid::from_child(&started.monitor);
    assert_eq!(status.monitor_pid, Some(monitor.as_raw_nonzero().get()));
    for signal in [Signal::TERM, Signal::HUP, Signal::INT, Signal::USR1] {
        kill_process(monitor, signal).unwrap();
    }
    assert!(fixture.runtime(&["kill", "--all"]) || fixture.runtime(&["kill"]));
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    assert!(started.monitor.wait().unwrap().success());
    assert_eq!(fixture.status().exit_code, Some(137));
}

#[test]
fn start_bad_commands_fail_with_dockers_codes() {
    for (command, code, word) in [
        ("nosuch", 127, "nosuch"),
        ("/nosuch", 127, "nosuch"),
        ("/etc/passwd", 126, "permission denied"),
        ("/etc", 126, ""),
    ] {
        for root in [Root::Directory, Root::Idmapped] {
            let Some(mut fixture) = Fixture::new("codes", root, "") else { return };
            fixture.config["process"]["args"] = json!([command]);
            let (exit_code, message) = failure(&fixture);
            assert_eq!(exit_code, code, "{command}: {message}");
            assert!(message.to_lowercase().contains(word), "{command}: {message}");
        }
    }
}

#[test]
fn start_engine_failures_are_125_and_name_the_object() {
    let Some(mut fixture) = Fixture::new("badruntime", Root::Overlay, "") else { return };
    fixture.launch.runtime = "/nonexistent/runtime".into();
    let (exit_code, message) = failure(&fixture);
    assert_eq!(exit_code, 125);
    assert!(message.contains("/nonexistent/runtime") && message.contains("No such file"));

    let Some(mut fixture) = Fixture::new("badmount", Root::Overlay, "") else { return };
    let mounts = fixture.config["mounts"].as_array_mut().unwrap();
    mounts.push(
        json!({"destination": "/x", "type": "bind", "source": "/nosuch", "options": ["bind"]}),
    );
    let (exit_code, message) = failure(&fixture);
    assert_eq!(exit_code, 125, "{message}");
    assert!(message.contains("/nosuch"), "{message}");

    let Some(mut fixture) = Fixture::new("badconfig", Root::Overlay, "") else { return };
    fixture.config = json!("not a container");
    let (exit_code, message) = failure(&fixture);
    assert_eq!(exit_code, 125, "{message}");

    let Some(fixture) = Fixture::new("badlayer", Root::Overlay, "") else { return };
    fs::remove_dir(fixture.path("layer2")).unwrap();
    let (exit_code, message) = failure(&fixture);
    assert_eq!(exit_code, 125);
    assert!(message.contains("layer2"), "{message}");
}

#[test]
fn start_while_running_is_refused_and_changes_nothing() {
    let Some(fixture) = Fixture::new("twice", Root::Overlay, "sleep 1000") else { return };
    let mut first = fixture.start(false);
    let before = fixture.status();
    let mut second = fixture.start(false);
    second.monitor.wait().unwrap();
    assert_eq!(second.event, Some(StartEvent::AlreadyRunning));
    assert_eq!(fixture.status(), before);
    kill_process(Pid::from_raw(before.pid.unwrap()).unwrap(), Signal::KILL).unwrap();
    first.monitor.wait().unwrap();
    // The same container once more, as `brig start` does, on the same upper directory.
    let mut third = fixture.start(false);
    let Some(StartEvent::Started { pid }) = third.event else { panic!("{:?}", third.event) };
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    third.monitor.wait().unwrap();
}

#[test]
fn run_200_instant_exits_loses_no_status() {
    let Some(mut fixture) = Fixture::new("instant", Root::Overlay, "") else { return };
    fixture.config["process"]["args"] = json!(["/bin/sh", "-c", "echo $0; exit 3", "hello"]);
    for round in 0..200 {
        drop(fs::remove_file(&fixture.launch.log.path));
        let mut started = fixture.start(true);
        assert!(matches!(started.event, Some(StartEvent::Started { .. })), "round {round}");
        let received = started.client.take().unwrap().finish();
        assert_eq!(received.exit_code, Some(3), "round {round}");
        assert_eq!(received.stdout, b"hello\n", "round {round}");
        assert_eq!(fixture.status().exit_code, Some(3), "round {round}");
        assert_eq!(fixture.logged("stdout"), "hello\n", "round {round}");
        started.monitor.wait().unwrap();
    }
}

#[test]
fn run_over_the_memory_limit_records_an_oom_kill() {
    let Some(mut fixture) = Fixture::new("oom", Root::Directory, "tail /dev/zero") else { return };
    fixture.config["linux"]["resources"] = json!({"memory": {"limit": 16 << 20, "swap": 16 << 20}});
    let status = fixture.run();
    assert_eq!((status.exit_code, status.oom_killed), (Some(137), true));
}

#[test]
fn run_without_pid_namespace_reaps_orphans_and_kills_them_at_the_end() {
    // The orphan of the subshell comes to the monitor; `exec` keeps the pid of the shell.
    let script = "(sleep 0.01 & ) ; (sleep 1000 & ); sleep 0.3; exit 5";
    let Some(mut fixture) = Fixture::new("hostpid", Root::Directory, script) else { return };
    let namespaces = fixture.config["linux"]["namespaces"].as_array_mut().unwrap();
    namespaces.retain(|namespace| namespace["type"] != "pid");
    let mut started = fixture.start(true);
    let monitor = started.monitor.id();
    let zombies = || {
        let children = format!("/proc/{monitor}/task/{monitor}/children");
        fs::read_to_string(children)
            .unwrap_or_default()
            .split_whitespace()
            .filter_map(|pid| fs::read_to_string(format!("/proc/{pid}/stat")).ok())
            .filter(|stat| stat.contains(") Z "))
            .count()
    };
    wait_until("no zombie", || zombies() == 0);
    // The long sleeper holds stdout open, which must not delay the end.
    assert_eq!(started.client.take().unwrap().finish().exit_code, Some(5));
    started.monitor.wait().unwrap();
}

#[test]
fn run_idle_monitor_is_small_and_never_wakes() {
    let Some(fixture) = Fixture::new("idle", Root::Idmapped, "echo x; sleep 1000") else { return };
    let mut started = fixture.start(true);
    let client = started.client.as_mut().unwrap();
    client.wait_for("x\n");
    let monitor = started.monitor.id();
    let read = |file: &str| fs::read_to_string(format!("/proc/{monitor}/{file}")).unwrap();
    let switches = || {
        let status = read("status");
        let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches")).unwrap();
        line.to_owned()
    };
    wait_until("the monitor sleeps", || read("stat").contains(") S "));
    let before = switches();
    // Not a wait for a condition: the absence of wake-ups can only be seen over a time.
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(switches(), before);
    let rollup = read("smaps_rollup");
    let kib = |key: &str| -> u64 {
        let line = rollup.lines().find(|line| line.starts_with(key)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    let private = kib("Private_Clean:") + kib("Private_Dirty:");
    println!(
        "idle monitor: private {private} KiB, Pss {} KiB, Rss {} KiB",
        kib("Pss:"),
        kib("Rss:")
    );
    // The build for tests is not optimised and linked dynamically; the limit still holds.
    assert!(kib("Private_Dirty:") < 1024, "{rollup}");
    let Some(StartEvent::Started { pid }) = started.event else { panic!() };
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    started.monitor.wait().unwrap();
}
