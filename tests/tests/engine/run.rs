// SPDX-License-Identifier: Apache-2.0
//! `run`: exit codes, streams, names, environment, and that `--rm` leaves nothing.

use super::Engine;
use brig_testkit::{expect_soon, needs, process};
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

#[test]
fn run_prints_what_the_command_prints() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let output = engine.run(&[], &["sh", "-c", "echo out; echo err >&2"]).ok();
    assert_eq!((output.stdout(), output.stderr()), ("out\n", "err\n"));
    engine.finish();
}

#[test]
fn run_without_a_command_runs_the_images() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let output = engine.run_command(&["-i"], &[]).stdin("echo I am $0; exit 3").output().exits(3);
    assert_eq!(output.text(), "I am /bin/sh");
    engine.finish();
}

#[test]
fn run_with_an_entrypoint_gives_it_the_words() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let output = engine.run(&["--entrypoint", "/probe"], &["echo", "a b", "-c"]).ok();
    assert_eq!(output.text(), "a b -c");
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
    let run = engine.run_command(&["--name", "victim"], &["/probe", "init"]).spawn();
    run.expect_stdout("ready");
    drop(engine.ok(["kill", "victim"]));
    drop(run.wait().exits(137));
    let script = "sleep 100 & kill -SEGV $!; wait $!";
    drop(engine.run(&[], &["sh", "-c", script]).exits(139));
    engine.finish();
}

#[test]
fn run_passes_signals_on() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let signals =
        [("SIGTERM", rustix::process::Signal::TERM), ("SIGINT", rustix::process::Signal::INT)];
    for (name, signal) in signals {
        let run = engine.run_command(&[], &["/probe", "init"]).spawn();
        run.expect_stdout("ready");
        run.signal(signal);
        assert_eq!(run.wait().ok().text(), format!("ready\n{name}"));
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
    // Input that nobody reads does not hold the end up.
    let unread = engine.run_command(&["-i"], &["true"]).stdin("x".repeat(300_000)).output();
    drop(unread.ok());
    engine.finish();
}

/// 50 MB through pipes on both sides: neither side may wait for the other for ever, and no byte may
/// get lost or be changed.
#[test]
fn run_streams_50_mb_both_ways_unchanged() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let data = engine.root.path("data");
    let script = format!("head -c 50000000 /dev/urandom > {}", data.display());
    assert!(Command::new("sh").args(["-c", &script]).status().unwrap().success());
    let run = engine.run_command(&["-i", "--log-driver", "none"], &["cat"]);
    let piped =
        run.wrapped(["sh", "-c", "cat \"$0\" | \"$@\" | sha256sum", data.to_str().unwrap()]);
    let through = piped.timeout(Duration::from_secs(60)).output().ok();
    let direct = Command::new("sh").args(["-c", "sha256sum < \"$0\""]).arg(&data).output().unwrap();
    assert_eq!(through.stdout(), String::from_utf8(direct.stdout).unwrap());
    engine.finish();
}

#[test]
fn run_loses_no_output_of_a_command_that_ends_at_once() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let output = engine.run(&[], &["/probe", "flood", "3000000"]).ok();
    assert_eq!(output.stdout().len(), 3_000_000);
    engine.finish();
}

#[test]
fn run_ends_when_nobody_reads_its_output() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let run = engine.run_command(&["--name", "writer"], &["/probe", "flood", "100000000"]);
    let piped = run.wrapped(["sh", "-c", "\"$0\" \"$@\" | head -c 1000 | wc -c"]);
    assert_eq!(piped.output().ok().text().trim(), "1000");
    // The container may run on without its reader; it can be removed.
    drop(engine.brig(["rm", "-f", "writer"]).output());
    engine.finish();
}

#[test]
fn run_d_returns_at_once_with_the_id_and_holds_no_output() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    // Through a pipe: its reader sees the end only when nobody holds the other side any more.
    let run = engine.brig(["run", "-d", "--name", "service", "base", "sleep", "1000"]);
    let begin = Instant::now();
    let output = run.wrapped(["sh", "-c", "\"$0\" \"$@\" 2>&1 | cat"]).output().ok();
    assert!(begin.elapsed() < Duration::from_secs(8), "{output}");
    assert_eq!(output.text().len(), 64, "{output}");
    assert_eq!(engine.state("service"), "running");
    drop(engine.ok(["rm", "-f", "service"]));
    engine.finish();
}

#[test]
fn run_rm_removes_everything_however_the_command_ends() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    drop(engine.run(&["--name", "brief"], &["true"]).ok());
    engine.assert_clean("a command that succeeds");
    drop(engine.run(&["--name", "brief"], &["no-such-command"]).exits(127));
    engine.assert_clean("a command that cannot be started");
    drop(engine.up("brief", &["--rm"], &["true"]));
    engine.assert_clean("a command in the background");
    let script = "mkdir -p /a/b; touch /a/b/c; chmod 000 /a /a/b; mknod /pipe p; ln -s / /link";
    drop(engine.run(&[], &["sh", "-c", script]).ok());
    engine.assert_clean("strange files");
    engine.finish();
}

#[test]
fn run_cidfile_has_the_id_and_is_never_overwritten() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let file = engine.root.path("cid");
    let flags = ["--cidfile", file.to_str().unwrap()];
    drop(engine.run(&flags, &["true"]).ok());
    assert_eq!(fs::read_to_string(&file).unwrap().trim().len(), 64);
    drop(engine.run(&flags, &["true"]).exits(125).says(&["container id file found"]));
    engine.finish();
}

#[test]
fn name_in_use_is_refused_in_dockers_words() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let id = engine.up("twin", &[], &["sleep", "1000"]);
    let conflict = format!("the container name \"/twin\" is already in use by container \"{id}\"");
    drop(engine.run(&["--name", "twin"], &["true"]).exits(125).says(&[&conflict]));
    drop(engine.brig(["create", "--name", "twin", "base"]).output().exits(125).says(&[&conflict]));
    drop(engine.ok(["rm", "-f", "twin"]));
    // The name is free again.
    drop(engine.run(&["--name", "twin"], &["true"]).ok());
    engine.finish();
}

#[test]
fn name_that_docker_does_not_take_is_refused() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    for name in ["../x", "a/b", "-a", "x", "", "a b", "ä"] {
        let output = engine.run(&[&format!("--name={name}")], &["true"]).exits(125);
        drop(output.says(&["invalid container name"]));
    }
    engine.finish();
}

#[test]
fn name_is_reserved_by_exactly_one_of_many() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let all: Vec<_> =
        (0..8).map(|_| engine.brig(["create", "--name", "only", "base"]).spawn()).collect();
    let codes: Vec<_> = all.into_iter().map(|one| one.wait().code().unwrap()).collect();
    assert_eq!(codes.iter().filter(|code| **code == 0).count(), 1, "{codes:?}");
    assert_eq!(engine.ok(["ps", "-aq"]).lines().count(), 1);
    drop(engine.ok(["rm", "only"]));
    engine.finish();
}

#[test]
fn environment_is_dockers_and_the_callers_stays_outside() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let file = engine.root.path("env");
    fs::write(&file, "# a comment\nFILED=1\nPASSED\n").unwrap();
    let flags = ["-e", "A=1", "-e", "A=2", "-e", "E=a=b c", "-e", "PASSED", "-e", "NOT_THERE"];
    let run = engine.run_command(&flags, &[]).args(["--"; 0]);
    let run = run.env("PASSED", "yes").env("SECRET", "no");
    drop(run);
    let flags: Vec<&str> =
        flags.iter().copied().chain(["--env-file", file.to_str().unwrap(), "-h", "box"]).collect();
    let run = engine.run_command(&flags, &["/probe", "env"]);
    let output = run.env("PASSED", "yes").env("SECRET", "no").output().ok();
    let all: Vec<String> = serde_json::from_value(output.json()).unwrap();
    for wanted in
        ["PATH=/bin", "HOSTNAME=box", "HOME=/root", "A=2", "E=a=b c", "FILED=1", "PASSED=yes"]
    {
        assert!(all.iter().any(|entry| entry == wanted), "{wanted} is not in {all:?}");
    }
    assert_eq!(all.len(), 7, "{all:?}");
    engine.finish();
}

#[test]
fn environment_value_with_a_newline_arrives_whole() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    assert_eq!(engine.probe(&["-e", "X=a\nB=b\n"], &["env", "X"]), "a\nB=b");
    engine.finish();
}

#[test]
fn workdir_is_made_and_must_be_absolute() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    assert_eq!(engine.probe(&[], &["cwd"]), "/");
    assert_eq!(engine.probe(&["-w", "/home/user"], &["cwd"]), "/home/user");
    assert_eq!(engine.probe(&["-w", "/new/deep"], &["cwd"]), "/new/deep");
    drop(
        engine
            .run(&["-w", "new"], &["true"])
            .exits(125)
            .says(&["must be absolute", "absolute path"]),
    );
    drop(engine.run(&["-w", "/bin/sh"], &["true"]).exits(125));
    engine.finish();
}

#[test]
fn hostname_is_the_short_id_or_the_one_given() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    assert_eq!(engine.probe(&["--hostname", "box"], &["hostname"]), "box");
    let id = engine.up("named", &[], &["/probe", "hostname"]);
    drop(engine.ok(["wait", "named"]));
    assert_eq!(engine.ok(["logs", "named"]), id[..12]);
    drop(engine.ok(["rm", "named"]));
    let hosts = engine.probe(&["-h", "box", "--add-host", "db:10.1.2.3"], &["cat", "/etc/hosts"]);
    assert!(hosts.contains("10.1.2.3\tdb"), "{hosts}");
    engine.finish();
}

#[test]
fn run_in_a_closed_terminal_session_goes_on() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    // The monitor is a session of its own: whoever started it may go without taking it along.
    let id = engine.up("service", &[], &["sleep", "1000"]);
    let monitor = engine.monitor_pid(&id);
    assert!(process::is_alive(monitor));
    let stat = fs::read_to_string(format!("/proc/{monitor}/stat")).unwrap();
    // After the name: state, parent, process group, session.
    let session = stat.rsplit_once(") ").unwrap().1.split(' ').nth(3);
    assert_eq!(session, Some(monitor.to_string().as_str()), "{stat}");
    drop(engine.ok(["rm", "-f", "service"]));
    expect_soon("the end of the monitor", || (!process::is_alive(monitor)).then_some(()));
    engine.finish();
}
