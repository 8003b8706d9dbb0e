// SPDX-License-Identifier: Apache-2.0
//! `logs`: what the container has printed, all of it or a part, now or as it comes.

use super::Engine;
use brig_testkit::needs;
use std::time::{Duration, Instant};

#[test]
fn logs_keeps_the_streams_apart_and_loses_nothing() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let script = "echo one; echo two >&2; printf 'a\\tb\\001\\303\\244\"\\\\'; echo; printf end";
    drop(engine.up("talker", &[], &["sh", "-c", script]));
    drop(engine.ok(["wait", "talker"]));
    let output = engine.brig(["logs", "talker"]).output().ok();
    assert_eq!(output.stdout(), "one\na\tb\u{1}ä\"\\\nend");
    assert_eq!(output.stderr(), "two\n");
    drop(engine.ok(["rm", "talker"]));
    engine.finish();
}

#[test]
fn logs_tail_since_until_and_timestamps() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let script = "for i in 1 2 3 4 5; do echo line $i; sleep 0.02; done";
    drop(engine.up("lines", &[], &["sh", "-c", script]));
    drop(engine.ok(["wait", "lines"]));
    assert_eq!(engine.ok(["logs", "--tail", "2", "lines"]), "line 4\nline 5");
    assert_eq!(engine.ok(["logs", "-n", "0", "lines"]), "");
    assert_eq!(engine.ok(["logs", "-n", "all", "lines"]).lines().count(), 5);
    let stamped = engine.ok(["logs", "-t", "lines"]);
    let third = stamped.lines().nth(2).unwrap();
    let (moment, text) = third.split_once(' ').unwrap();
    assert_eq!(text, "line 3");
    assert!(moment.len() == 30 && moment.ends_with('Z'), "{moment}");
    assert_eq!(engine.ok(["logs", "--since", moment, "lines"]), "line 3\nline 4\nline 5");
    assert_eq!(engine.ok(["logs", "--until", moment, "lines"]), "line 1\nline 2\nline 3");
    assert_eq!(engine.ok(["logs", "--since", "1h", "lines"]).lines().count(), 5);
    assert_eq!(engine.ok(["logs", "--until", "1h", "lines"]), "");
    assert_eq!(engine.ok(["logs", "--since", "2100-01-01", "lines"]), "");
    drop(engine.brig(["logs", "--since", "yesterday", "lines"]).output().fails());
    drop(engine.ok(["rm", "lines"]));
    engine.finish();
}

#[test]
fn logs_f_follows_and_ends_with_the_container() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let script = "echo begin; read line; echo \"got $line\"";
    drop(engine.ok(["create", "-i", "--name", "reader", "base", "sh", "-c", script]));
    drop(engine.ok(["start", "reader"]));
    let follow = engine.brig(["logs", "-f", "reader"]).spawn();
    follow.expect_stdout("begin\n");
    let attach = engine.brig(["attach", "reader"]).stdin("it\n").output();
    drop(attach);
    assert_eq!(follow.wait().ok().stdout(), "begin\ngot it\n");
    // Of one that has ended it ends at once.
    assert_eq!(engine.ok(["logs", "-f", "reader"]), "begin\ngot it");
    drop(engine.ok(["rm", "reader"]));
    engine.finish();
}

#[test]
fn logs_f_ends_when_the_container_is_removed() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    drop(engine.up_ready("service", &[]));
    let follow = engine.brig(["logs", "-f", "service"]).timeout(Duration::from_secs(10)).spawn();
    follow.expect_stdout("ready");
    drop(engine.ok(["rm", "-f", "service"]));
    drop(follow.wait());
    engine.finish();
}

#[test]
fn logs_survive_rotation_and_stay_bounded() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let flags = ["--log-opt", "max-size=20k", "--log-opt", "max-file=3"];
    let script = "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done";
    let id = engine.up("chatty", &flags, &["sh", "-c", script]);
    drop(engine.ok(["wait", "chatty"]));
    let logs = engine.ok(["logs", "chatty"]);
    let lines: Vec<&str> = logs.lines().collect();
    assert!(lines.len() > 100 && lines.len() < 2000, "{}", lines.len());
    // What is kept is the end of it, without a gap.
    for (at, line) in lines.iter().enumerate() {
        assert_eq!(*line, format!("line {}", 2000 - lines.len() + at));
    }
    assert_eq!(engine.ok(["logs", "--tail", "700", "chatty"]), {
        lines[lines.len().saturating_sub(700)..].join("\n")
    });
    let files = std::fs::read_dir(engine.container(&id).join("log")).unwrap();
    let sizes: Vec<u64> = files.map(|file| file.unwrap().metadata().unwrap().len()).collect();
    assert!(sizes.len() <= 3 && sizes.iter().all(|size| *size <= 21_000), "{sizes:?}");
    drop(engine.ok(["rm", "chatty"]));
    engine.finish();
}

#[test]
fn logs_f_sees_every_line_across_rotations() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let flags = ["--log-opt", "max-size=10k", "--log-opt", "max-file=5"];
    // Slowly enough for a follower, which may not be given less than five files' worth of time.
    let script = "i=0; while [ $i -lt 1000 ]; do echo line $i; i=$((i+1)); \
        [ $((i % 50)) = 0 ] && sleep 0.01; done";
    drop(engine.up("chatty", &flags, &["sh", "-c", script]));
    let followed = engine.ok(["logs", "-f", "chatty"]);
    let last: Vec<&str> = followed.lines().collect();
    let first: usize = last[0].trim_start_matches("line ").parse().unwrap();
    for (at, line) in last.iter().enumerate() {
        assert_eq!(*line, format!("line {}", first + at));
    }
    assert_eq!(*last.last().unwrap(), "line 999");
    drop(engine.ok(["rm", "-f", "chatty"]));
    engine.finish();
}

#[test]
fn logs_of_a_driver_that_keeps_none_are_refused() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let id = engine.up("mute", &["--log-driver", "none"], &["echo", "x"]);
    drop(engine.ok(["wait", "mute"]));
    let output = engine.brig(["logs", "mute"]).output().fails();
    drop(output.says(&["does not support reading"]));
    let log = std::fs::read_dir(engine.container(&id).join("log")).unwrap();
    assert_eq!(log.count(), 0);
    drop(engine.run(&["--log-driver", "syslogd"], &["true"]).exits(125).says(&["syslogd"]));
    drop(engine.ok(["rm", "mute"]));
    engine.finish();
}

#[test]
fn a_chatty_container_does_not_wait_for_its_log() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let begin = Instant::now();
    drop(engine.up("flood", &["--log-opt", "max-size=1m"], &["/probe", "flood", "20000000"]));
    assert_eq!(engine.ok(["wait", "flood"]), "0");
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    drop(engine.ok(["rm", "flood"]));
    engine.finish();
}
