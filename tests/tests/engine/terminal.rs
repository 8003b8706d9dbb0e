// SPDX-License-Identifier: Apache-2.0
//! `-it`: a terminal of the container's own behind the caller's.

use super::Engine;
use brig_testkit::needs;
use brig_testkit::pty::PtySession;

#[test]
fn run_it_is_a_terminal_of_the_callers_size() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let run = engine.run_command(&["-it"], &["/probe", "isatty", "--", "winsize", "--", "ttyname"]);
    let output = PtySession::spawn(&run).wait().ok();
    assert!(
        output.stdout().contains("true true true\r\n80x24\r\n/dev/pts/0 major 136"),
        "{output}"
    );
    engine.finish();
}

#[test]
fn run_it_passes_keys_and_the_exit_code() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let mut session = PtySession::spawn(&engine.run_command(&["-it"], &["sh"]));
    session.terminal.send("echo $((6*7)) $TERM\r");
    session.terminal.expect("42 xterm");
    session.terminal.send("exit 9\r");
    drop(session.wait().exits(9));
    engine.finish();
}

#[test]
fn run_it_follows_the_size() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let run = engine.run_command(&["-it"], &["/probe", "tty-size-wait", "132x43"]);
    let mut session = PtySession::spawn(&run);
    session.terminal.expect("waiting");
    session.terminal.resize(132, 43);
    session.terminal.expect("132x43");
    drop(session.wait().ok());
    engine.finish();
}

#[test]
fn run_it_ctrl_c_interrupts_the_foreground_of_the_container() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let run = engine.run_command(&["-it", "--name", "shell"], &["sh"]);
    let mut session = PtySession::spawn(&run);
    session.terminal.expect("/ # ");
    session.terminal.send("sleep 1000\r");
    brig_testkit::expect_soon("the sleep", || {
        engine.ok(["exec", "shell", "ps"]).contains("sleep 1000").then_some(())
    });
    session.terminal.send("\u{3}");
    session.terminal.expect("^C");
    session.terminal.send("echo after=$?\r");
    session.terminal.expect("after=130");
    session.terminal.send("exit 0\r");
    drop(session.wait().ok());
    engine.finish();
}

#[test]
fn run_it_leaves_the_callers_terminal_as_it_was() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let run = engine.run_command(&["-it"], &["true"]);
    let script = "stty -a > \"$0.before\"; \"$@\"; stty -a > \"$0.after\"";
    let file = engine.root.path("stty").display().to_string();
    drop(PtySession::spawn(&run.wrapped(["sh", "-c", script, &file])).wait().ok());
    let read = |suffix: &str| std::fs::read_to_string(format!("{file}.{suffix}")).unwrap();
    assert!(read("before").contains("icanon"));
    assert_eq!(read("before"), read("after"));
    engine.finish();
}

#[test]
fn run_it_detach_keys_leave_the_container_and_attach_comes_back() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let run = engine.brig(["run", "-it", "--name", "shell", "base", "sh"]);
    let mut session = PtySession::spawn(&run);
    session.terminal.send("echo $((1+1))first\r");
    session.terminal.expect("2first");
    session.terminal.send("\u{10}\u{11}");
    drop(session.wait().ok());
    assert_eq!(engine.state("shell"), "running");
    let mut session = PtySession::spawn(&engine.brig(["attach", "shell"]));
    session.terminal.send("echo $((1+2))second\r");
    session.terminal.expect("3second");
    session.terminal.send("exit 5\r");
    drop(session.wait().exits(5));
    drop(engine.ok(["rm", "shell"]));
    engine.finish();
}

#[test]
fn run_it_without_a_terminal_is_refused_before_anything_is_made() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    drop(engine.run(&["-it"], &["sh"]).exits(125).says(&["the input device is not a tty"]));
    // A terminal for the output alone needs none outside.
    let output = engine.run(&["-t"], &["/probe", "isatty"]).ok();
    assert_eq!(output.stdout(), "true true true\r\n");
    engine.finish();
}

#[test]
fn exec_it_is_a_further_terminal() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    drop(engine.up_ready("service", &[]));
    let mut session = PtySession::spawn(&engine.brig(["exec", "-it", "service", "sh"]));
    session.terminal.send("tty; stty size\r");
    session.terminal.expect("/dev/pts/0");
    session.terminal.expect("24 80");
    session.terminal.resize(100, 30);
    session.terminal.send("\r");
    session.terminal.expect("# ");
    session.terminal.send("stty size; exit 6\r");
    session.terminal.expect("30 100");
    drop(session.wait().exits(6));
    assert_eq!(engine.state("service"), "running");
    drop(engine.ok(["rm", "-f", "service"]));
    engine.finish();
}
