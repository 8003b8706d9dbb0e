// SPDX-License-Identifier: Apache-2.0
//! `exec`: a second process in a running container.

use brig_testkit::pty::PtySession;
use brig_testkit::{Case, expect_soon, needs, process};
use serde_json::{Value, json};
use std::fs;

fn running() -> Case {
    let case = Case::new(&["init"]);
    drop(case.launch());
    case
}

fn end(case: Case) {
    case.delete_force();
    case.finish();
}

#[test]
fn exec_runs_in_every_namespace_of_the_container() {
    needs!(root, runtime);
    let case = running();
    let inside = case.exec(&["ns"]).ok().json();
    let pid = case.pid();
    for name in ["mnt", "net", "ipc", "uts", "pid", "user", "cgroup"] {
        assert_eq!(inside[name], json!(process::link(pid, &format!("ns/{name}"))), "{name}");
    }
    assert_eq!(case.exec(&["hostname"]).ok().text(), "testing");
    end(case);
}

#[test]
fn exec_passes_exit_codes_and_streams() {
    needs!(root, runtime);
    let case = running();
    drop(case.exec(&["exit", "0"]).exits(0));
    drop(case.exec(&["exit", "42"]).exits(42));
    let output = case.exec(&["echo", "out", "--", "stderr", "err"]).ok();
    assert_eq!((output.text(), output.stderr().trim()), ("out", "err"));
    let command = case.command(["exec", case.id(), "/probe", "echo-stdin"]);
    assert_eq!(command.stdin("through\n").output().ok().text(), "through");
    end(case);
}

#[test]
fn exec_killed_by_a_signal_exits_with_128_and_its_number() {
    needs!(root, runtime);
    let case = running();
    drop(case.exec(&["signal-self", "KILL"]).exits(137));
    drop(case.exec(&["signal-self", "TERM"]).exits(143));
    end(case);
}

#[test]
fn exec_inherits_environment_and_capabilities() {
    needs!(root, runtime);
    let mut case = Case::new(&["init"]);
    case.config["process"]["env"] = json!(["PATH=/bin", "FROM=config"]);
    drop(case.launch());
    assert_eq!(case.exec(&["env", "FROM"]).ok().text(), "config");
    let sets = case.exec(&["caps"]).ok().json();
    let wanted = json!(["CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_AUDIT_WRITE"]);
    assert_eq!((&sets["bounding"], &sets["effective"]), (&wanted, &wanted));
    end(case);
}

#[test]
fn exec_inherits_the_rest_of_the_process() {
    needs!(root, runtime, exec_inherits_all);
    let mut case = Case::new(&["init"]);
    case.config["process"]["cwd"] = json!("/tmp");
    case.config["process"]["oomScoreAdj"] = json!(123);
    case.config["process"]["rlimits"] = json!([{"type": "RLIMIT_CORE", "soft": 77, "hard": 88}]);
    drop(case.launch());
    let output = case.exec(&["cwd", "--", "nnp", "--", "oom-score-adj"]).ok();
    assert_eq!(output.lines(), ["/tmp", "1", "123"]);
    let limits = case.exec(&["rlimits"]).ok().json();
    assert_eq!(limits["RLIMIT_CORE"], json!({"soft": 77, "hard": 88}));
    end(case);
}

#[test]
fn exec_env_and_cwd_flags_have_their_effect() {
    needs!(root, runtime);
    let case = running();
    let flags = ["--env", "NEW=1", "--env", "OTHER=a b", "--cwd", "/etc"];
    let output = case.exec_with(&flags, &["env", "NEW", "--", "env", "OTHER", "--", "cwd"]).ok();
    assert_eq!(output.lines(), ["1", "a b", "/etc"]);
    end(case);
}

#[test]
fn exec_user_flag_takes_numbers() {
    needs!(root, runtime);
    let case = running();
    let ask = ["uid", "--", "gid", "--", "groups"];
    assert_eq!(case.exec_with(&["--user", "1000:1001"], &ask).ok().lines(), ["1000", "1001", "[]"]);
    assert_eq!(case.exec_with(&["--user", "1"], &ask).ok().lines()[0], "1");
    end(case);
}

#[test]
fn exec_as_another_user_has_no_capabilities() {
    needs!(root, runtime);
    let case = running();
    let sets = case.exec_with(&["--user", "1000"], &["caps"]).ok().json();
    for set in ["effective", "permitted", "ambient", "inheritable"] {
        assert_eq!(sets[set], json!([]), "{set}");
    }
    end(case);
}

#[test]
fn exec_bad_user_is_refused() {
    needs!(root, runtime, strict_users);
    let case = running();
    for user in ["nobody-here", "0x0", "-1", "1:0:0", "4294967296", " 0"] {
        drop(case.exec_with(&["--user", user], &["exit", "0"]).fails());
    }
    end(case);
}

#[test]
fn exec_cap_flag_adds_a_capability() {
    needs!(root, runtime);
    let case = running();
    let sets = case.exec_with(&["--cap", "CAP_CHOWN"], &["caps"]).ok().json();
    assert!(sets["effective"].as_array().unwrap().contains(&json!("CAP_CHOWN")), "{sets}");
    end(case);
}

#[test]
fn exec_no_new_privs_flag_has_its_effect() {
    needs!(root, runtime);
    let mut case = Case::new(&["init"]);
    case.config["process"]["noNewPrivileges"] = json!(false);
    drop(case.launch());
    assert_eq!(case.exec(&["nnp"]).ok().text(), "0");
    assert_eq!(case.exec_with(&["--no-new-privs"], &["nnp"]).ok().text(), "1");
    end(case);
}

/// A process.json.
fn process_file(case: &Case, edit: impl Fn(&mut Value)) -> String {
    let mut process = case.config["process"].clone();
    process["args"] = json!(["/probe", "env", "WHO", "--", "uid", "--", "cwd", "--", "groups"]);
    process["env"] = json!(["WHO=file"]);
    process["cwd"] = json!("/tmp");
    edit(&mut process);
    let file = case.root.path("process.json");
    fs::write(&file, process.to_string()).expect("writable");
    file.display().to_string()
}

#[test]
fn exec_process_file_replaces_the_configuration() {
    needs!(root, runtime);
    let case = running();
    let file = process_file(&case, |process| {
        process["user"] = json!({"uid": 5, "gid": 6, "additionalGids": [7]});
    });
    let output = case.command(["exec", "--process", &file, case.id()]).output().ok();
    assert_eq!(output.lines(), ["file", "5", "/tmp", "[7]"]);
    end(case);
}

#[test]
fn exec_process_file_sets_limits_and_capabilities() {
    needs!(root, runtime);
    let case = running();
    let file = process_file(&case, |process| {
        process["args"] = json!(["/probe", "caps", "--", "rlimits"]);
        process["capabilities"] = json!({"bounding": ["CAP_KILL"], "effective": ["CAP_KILL"],
            "permitted": ["CAP_KILL"]});
        process["rlimits"] = json!([{"type": "RLIMIT_CORE", "soft": 33, "hard": 44}]);
    });
    let output = case.command(["exec", "--process", &file, case.id()]).output().ok();
    let sets: Value = serde_json::from_str(output.lines()[0]).unwrap();
    assert_eq!(
        (&sets["effective"], &sets["bounding"]),
        (&json!(["CAP_KILL"]), &json!(["CAP_KILL"]))
    );
    let limits: Value = serde_json::from_str(output.lines()[1]).unwrap();
    assert_eq!(limits["RLIMIT_CORE"], json!({"soft": 33, "hard": 44}));
    end(case);
}

#[test]
fn exec_detached_returns_and_writes_the_pid() {
    needs!(root, runtime);
    let case = running();
    let file = case.root.path("pid");
    let flags = ["--detach", "--pid-file", file.to_str().unwrap()];
    let output = case.exec_with(&flags, &["init"]).ok();
    output.expect_later("ready");
    let pid: i32 = fs::read_to_string(&file).unwrap().parse().unwrap();
    assert!(process::is_alive(pid));
    assert_eq!(process::link(pid, "ns/mnt"), process::link(case.pid(), "ns/mnt"));
    case.delete_force();
    expect_soon("the end of the exec", || (!process::is_alive(pid)).then_some(()));
    case.finish();
}

#[test]
fn exec_on_a_terminal() {
    needs!(root, runtime, size_before_start);
    let case = running();
    let command = case.command([
        "exec",
        "--tty",
        case.id(),
        "/probe",
        "isatty",
        "--",
        "winsize",
        "--",
        "ctty",
        "--",
        "foreground",
        "--",
        "read-line",
        "--",
        "exit",
        "5",
    ]);
    let mut session = PtySession::spawn(&command);
    session.terminal.expect("true true true");
    session.terminal.expect("80x24");
    session.terminal.expect("true\r\ntrue");
    session.terminal.send("typed\n");
    session.terminal.expect("line \"typed\"");
    drop(session.wait().exits(5));
    end(case);
}

#[test]
fn exec_of_a_missing_command_fails_and_says_so() {
    needs!(root, runtime);
    let case = running();
    let output = case.command(["exec", case.id(), "/nonexistent"]).output().fails();
    drop(output.says(&["no such file", "not found"]));
    let output = case.command(["exec", case.id(), "/etc"]).output().fails();
    drop(output.says(&["permission denied", "is a directory", "not permitted"]));
    assert_eq!(case.status(), "running");
    end(case);
}

#[test]
fn exec_without_a_command_is_refused() {
    needs!(root, runtime);
    let case = running();
    drop(case.command(["exec", case.id()]).output().fails());
    end(case);
}

#[test]
fn exec_in_a_stopped_container_fails() {
    needs!(root, runtime);
    let case = Case::new(&["exit", "0"]);
    drop(case.create());
    case.start();
    case.expect_status("stopped");
    drop(case.exec(&["exit", "0"]).fails());
    drop(case.delete().ok());
    case.finish();
}

#[test]
fn exec_in_a_paused_container_is_refused() {
    needs!(root, runtime, cgroups);
    let case = running();
    drop(case.command(["pause", case.id()]).output().ok());
    drop(case.exec(&["exit", "0"]).fails().says(&["paused"]));
    end(case);
}

#[test]
fn exec_in_a_created_container_works() {
    needs!(root, runtime);
    let case = Case::new(&["init"]);
    drop(case.create());
    assert_eq!(case.exec(&["hostname"]).ok().text(), "testing");
    end(case);
}

#[test]
fn execs_side_by_side_do_not_mix() {
    needs!(root, runtime);
    let case = running();
    let all: Vec<_> = (0..8)
        .map(|number: u8| {
            let text = number.to_string();
            case.command(["exec", case.id(), "/probe", "echo", &text]).spawn()
        })
        .collect();
    for (number, exec) in all.into_iter().enumerate() {
        assert_eq!(exec.wait().ok().text(), number.to_string());
    }
    end(case);
}

#[test]
fn exec_keeps_the_cgroup_without_new_levels() {
    needs!(root, runtime, cgroups);
    let case = running();
    drop(case.exec(&["exit", "0"]).ok());
    let below = brig_testkit::cgroup::below(&case.root.cgroup("pids", "c1"));
    assert!(below.is_empty(), "{below:?}");
    end(case);
}
