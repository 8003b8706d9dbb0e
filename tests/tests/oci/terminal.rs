// SPDX-License-Identifier: Apache-2.0
//! Terminals: through a console socket, and in the foreground.

use brig_testkit::console::ConsoleSocket;
use brig_testkit::pty::PtySession;
use brig_testkit::{Case, needs, process};
use serde_json::json;

fn with_terminal(args: &[&str]) -> Case {
    let mut case = Case::new(args);
    case.config["process"]["terminal"] = json!(true);
    case
}

#[test]
fn console_socket_receives_the_terminal() {
    needs!(root, runtime);
    let case = with_terminal(&[
        "isatty",
        "--",
        "ttyname",
        "--",
        "type",
        "/dev/console",
        "--",
        "ctty",
        "--",
        "read-line",
    ]);
    let socket = ConsoleSocket::bind(&case.root.path("console"));
    let flags = ["--console-socket", socket.path().to_str().unwrap()];
    drop(case.with_bundle("create", &flags).output().ok());
    let mut terminal = socket.receive();
    case.start();
    terminal.expect("true true true");
    let name = terminal.expect("major 136");
    assert!(name.contains("/dev/pts/0") || name.contains("/dev/console"), "{name}");
    terminal.expect("char 136:0");
    terminal.expect("true");
    terminal.send("hello\n");
    terminal.expect("line \"hello\"");
    case.expect_status("stopped");
    drop(case.delete().ok());
    drop(terminal);
    case.finish();
}

#[test]
fn console_size_is_set() {
    needs!(root, runtime);
    let mut case = with_terminal(&["winsize"]);
    case.config["process"]["consoleSize"] = json!({"height": 30, "width": 100});
    let socket = ConsoleSocket::bind(&case.root.path("console"));
    let flags = ["--detach", "--console-socket", socket.path().to_str().unwrap()];
    drop(case.with_bundle("run", &flags).output().ok());
    let mut terminal = socket.receive();
    terminal.expect("100x30");
    case.expect_status("stopped");
    drop(case.delete().ok());
    case.finish();
}

#[test]
fn resized_terminal_sends_winch() {
    needs!(root, runtime);
    let case = with_terminal(&["tty-size-wait", "132x43"]);
    let socket = ConsoleSocket::bind(&case.root.path("console"));
    let flags = ["--detach", "--console-socket", socket.path().to_str().unwrap()];
    drop(case.with_bundle("run", &flags).output().ok());
    let mut terminal = socket.receive();
    terminal.expect("waiting");
    terminal.resize(132, 43);
    terminal.expect("132x43");
    case.expect_status("stopped");
    drop(case.delete().ok());
    case.finish();
}

#[test]
fn terminal_belongs_to_the_user() {
    needs!(root, runtime);
    let mut case =
        with_terminal(&["try-open", "/dev/console", "rw", "--", "owner", "/dev/console"]);
    case.config["process"]["user"] = json!({"uid": 1000, "gid": 1000});
    let socket = ConsoleSocket::bind(&case.root.path("console"));
    let flags = ["--detach", "--console-socket", socket.path().to_str().unwrap()];
    drop(case.with_bundle("run", &flags).output().ok());
    let mut terminal = socket.receive();
    terminal.expect("OK");
    terminal.expect("1000:");
    case.expect_status("stopped");
    drop(case.delete().ok());
    case.finish();
}

#[test]
fn create_with_a_terminal_and_no_console_socket_is_refused() {
    needs!(root, runtime);
    let case = with_terminal(&["exit", "0"]);
    drop(case.with_bundle("create", &[]).output().fails());
    case.finish();
}

#[test]
fn console_socket_without_a_terminal_is_refused() {
    needs!(root, runtime, strict_console);
    let case = Case::new(&["exit", "0"]);
    let socket = ConsoleSocket::bind(&case.root.path("console"));
    let flags = ["--console-socket", socket.path().to_str().unwrap()];
    drop(case.with_bundle("create", &flags).output().fails());
    case.finish();
}

#[test]
fn console_socket_where_nobody_listens_is_refused_and_leaves_nothing() {
    needs!(root, runtime);
    let case = with_terminal(&["init"]);
    let missing = case.root.path("nobody").display().to_string();
    drop(case.with_bundle("create", &["--console-socket", &missing]).output().fails());
    case.finish();
}

#[test]
fn run_in_the_foreground_joins_the_callers_terminal() {
    needs!(root, runtime, size_before_start);
    let case = with_terminal(&[
        "isatty",
        "--",
        "winsize",
        "--",
        "foreground",
        "--",
        "read-line",
        "--",
        "exit",
        "9",
    ]);
    let mut session = PtySession::spawn(&case.with_bundle("run", &[]));
    session.terminal.expect("true true true");
    session.terminal.expect("80x24");
    session.terminal.expect("true");
    session.terminal.send("typed\n");
    session.terminal.expect("line \"typed\"");
    drop(session.wait().exits(9));
    case.finish();
}

#[test]
fn run_in_the_foreground_follows_the_callers_size() {
    needs!(root, runtime, foreground_size);
    let case = with_terminal(&["tty-size-wait", "90x33"]);
    let mut session = PtySession::spawn(&case.with_bundle("run", &[]));
    session.terminal.expect("waiting");
    session.terminal.resize(90, 33);
    session.terminal.expect("90x33");
    drop(session.wait().ok());
    case.finish();
}

#[test]
fn interrupt_key_reaches_the_containers_process() {
    needs!(root, runtime);
    let case = with_terminal(&["init"]);
    let mut session = PtySession::spawn(&case.with_bundle("run", &[]));
    session.terminal.expect("ready");
    session.terminal.send([3]);
    session.terminal.expect("SIGINT");
    drop(session.wait().ok());
    case.finish();
}

#[test]
fn callers_terminal_is_as_it_was_afterwards() {
    needs!(root, runtime, restores_terminal);
    let case = with_terminal(&["raw-mode"]);
    let run = case.with_bundle("run", &[]);
    let words: Vec<String> =
        run.words().iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let script = "before=$(stty -g); \"$@\"; [ \"$before\" = \"$(stty -g)\" ] && echo as-before";
    let shell = case.root.invocation("sh").args(["-c", script, "sh"]).args(&words);
    let mut session = PtySession::spawn(&shell);
    session.terminal.expect("as-before");
    drop(session.wait().ok());
    case.finish();
}

#[test]
fn terminal_of_a_container_is_not_the_hosts() {
    needs!(root, runtime);
    let case = with_terminal(&["init"]);
    let socket = ConsoleSocket::bind(&case.root.path("console"));
    let flags = ["--detach", "--console-socket", socket.path().to_str().unwrap()];
    drop(case.with_bundle("run", &flags).output().ok());
    let mut terminal = socket.receive();
    terminal.expect("ready");
    let listing = case.exec(&["ls", "/dev/pts"]).ok();
    assert_eq!(listing.lines(), ["0", "ptmx"]);
    assert!(process::link(case.pid(), "fd/0").starts_with("/dev/pts/"));
    case.delete_force();
    case.finish();
}

#[test]
fn terminal_works_in_a_user_namespace() {
    needs!(root, runtime, userns);
    let mut case = with_terminal(&["isatty", "--", "owner", "/dev/console", "--", "ctty"]);
    case.user_namespace(300_000, 1000);
    let socket = ConsoleSocket::bind(&case.root.path("console"));
    let flags = ["--detach", "--console-socket", socket.path().to_str().unwrap()];
    drop(case.with_bundle("run", &flags).output().ok());
    let mut terminal = socket.receive();
    terminal.expect("true true true");
    terminal.expect("0:");
    terminal.expect("true");
    case.expect_status("stopped");
    drop(case.delete().ok());
    case.finish();
}

#[test]
fn exec_sends_its_terminal_through_the_console_socket() {
    needs!(root, runtime);
    let case = Case::new(&["init"]);
    drop(case.launch());
    let socket = ConsoleSocket::bind(&case.root.path("console"));
    let path = socket.path().to_str().unwrap();
    let flags = ["--detach", "--tty", "--console-socket", path];
    drop(case.exec_with(&flags, &["isatty", "--", "read-line"]).ok());
    let mut terminal = socket.receive();
    terminal.expect("true true true");
    terminal.send("word\n");
    terminal.expect("line \"word\"");
    drop(terminal);
    case.delete_force();
    case.finish();
}

#[test]
fn detached_exec_with_a_terminal_and_no_console_socket_is_refused() {
    needs!(root, runtime);
    let case = Case::new(&["init"]);
    drop(case.launch());
    drop(case.exec_with(&["--detach", "--tty"], &["exit", "0"]).fails());
    case.delete_force();
    case.finish();
}

#[test]
fn console_socket_is_connected_once() {
    needs!(root, runtime);
    let case = with_terminal(&["init"]);
    let socket = ConsoleSocket::bind(&case.root.path("console"));
    let flags = ["--detach", "--console-socket", socket.path().to_str().unwrap()];
    drop(case.with_bundle("run", &flags).output().ok());
    let mut terminal = socket.receive();
    terminal.expect("ready");
    // Receivers such as containerd's accept one connection and close the socket.
    assert!(!socket.has_caller(), "a second connection");
    case.delete_force();
    case.finish();
}
