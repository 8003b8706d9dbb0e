// SPDX-License-Identifier: Apache-2.0
//! `exec`: a further process in a running container.

use super::Engine;
use brig_testkit::{expect_soon, needs};

#[test]
fn exec_passes_streams_and_the_exit_code() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    drop(engine.up_ready("service", &[]));
    let script = "echo out; echo err >&2; exit 7";
    let output = engine.brig(["exec", "service", "sh", "-c", script]).output().exits(7);
    assert_eq!((output.stdout(), output.stderr()), ("out\n", "err\n"));
    let echo = engine.brig(["exec", "-i", "service", "/probe", "echo-stdin"]);
    assert_eq!(echo.stdin("through").output().ok().stdout(), "through");
    let deaf = engine.brig(["exec", "service", "/probe", "echo-stdin"]);
    assert_eq!(deaf.stdin("secret").output().ok().stdout(), "");
    let killed = engine.brig(["exec", "service", "/probe", "signal-self", "KILL"]).output();
    drop(killed.exits(137));
    assert_eq!(engine.state("service"), "running");
    drop(engine.ok(["rm", "-f", "service"]));
    engine.finish();
}

#[test]
fn exec_shares_what_the_container_has() {
    needs!(root, brig, busybox, seccomp);
    let engine = Engine::new();
    let flags = ["-e", "A=1", "-w", "/home", "--cap-drop", "CHOWN", "-h", "box"];
    let id = engine.up_ready("service", &flags);
    let ask = |question: &[&str]| {
        let exec = engine.brig(["exec", "-e", "B=2", "service", "/probe"]).args(question);
        exec.output().ok().text().to_owned()
    };
    assert_eq!(
        ask(&["cwd", "--", "env", "A", "--", "env", "B", "--", "hostname"]),
        "/home\n1\n2\nbox"
    );
    assert_eq!(ask(&["seccomp", "--", "nnp", "--", "status", "CapBnd"]), {
        let init = ["Seccomp", "NoNewPrivs", "CapBnd"];
        let pid = engine.pid("service");
        init.map(|field| brig_testkit::process::status(pid, field).unwrap()).join("\n")
    });
    let cgroups = ask(&["cgroup"]);
    assert!(cgroups.lines().all(|line| line.ends_with(":/")), "{cgroups}");
    let procs = engine.cgroup_value(&id, "pids", "cgroup.procs");
    assert_eq!(procs.lines().count(), 1, "{procs}");
    let fds: serde_json::Value = serde_json::from_str(&ask(&["fds"])).unwrap();
    assert_eq!(fds.as_object().unwrap().len(), 3, "{fds}");
    drop(engine.ok(["rm", "-f", "service"]));
    engine.finish();
}

#[test]
fn exec_user_and_workdir() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    drop(engine.up_ready("service", &["-u", "1000"]));
    let ask = |flags: &[&str], question: &[&str]| {
        let exec = engine.brig(["exec"]).args(flags).args(["service", "/probe"]).args(question);
        exec.output().ok().text().to_owned()
    };
    assert_eq!(ask(&[], &["uid", "--", "groups"]), "1000\n[1000,2000]");
    assert_eq!(ask(&["-u", "0"], &["uid", "--", "env", "HOME"]), "0\n/root");
    assert_eq!(ask(&["-u", "user:extra"], &["gid"]), "2000");
    assert_eq!(ask(&["-w", "/tmp"], &["cwd"]), "/tmp");
    let unknown = engine.brig(["exec", "-u", "stranger", "service", "true"]).output();
    assert!(unknown.code() == Some(126) || unknown.code() == Some(125), "{unknown}");
    drop(unknown.says(&["unable to find user stranger"]));
    let nowhere = engine.brig(["exec", "-w", "/nowhere", "service", "true"]).output().fails();
    drop(nowhere.says(&["/nowhere"]));
    drop(engine.ok(["rm", "-f", "service"]));
    engine.finish();
}

#[test]
fn exec_of_what_cannot_be_executed() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    drop(engine.up_ready("service", &[]));
    let code = |command: &str| engine.brig(["exec", "service", command]).output();
    drop(code("no-such-command").exits(127).says(&["not found"]));
    drop(code("/no/such/file").exits(127).says(&["no such file"]));
    drop(code("/etc/passwd").exits(126).says(&["permission denied"]));
    drop(code("/etc").exits(126).says(&["is a directory", "permission denied"]));
    drop(engine.ok(["exec", "service", "sh", "-c", "printf 'x' > /tmp/bad; chmod 755 /tmp/bad"]));
    // As runc: the kernel tells only when the process is on its way.
    drop(code("/tmp/bad").exits(255).says(&["exec format error"]));
    drop(engine.ok(["rm", "-f", "service"]));
    engine.finish();
}

#[test]
fn exec_d_returns_at_once_and_the_process_lives_in_the_container() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let id = engine.up_ready("service", &[]);
    let run = engine.brig(["exec", "-d", "service", "sh", "-c", "echo x > /tmp/x; sleep 1000"]);
    // Through a pipe, whose reader would wait for a holder.
    let output = run.wrapped(["sh", "-c", "\"$0\" \"$@\" 2>&1 | cat"]).output().ok();
    assert_eq!(output.stdout(), "");
    expect_soon("the file", || {
        let cat = engine.brig(["exec", "service", "cat", "/tmp/x"]).output();
        (cat.code() == Some(0)).then_some(())
    });
    assert!(engine.cgroup_value(&id, "pids", "cgroup.procs").lines().count() >= 2);
    let missing = engine.brig(["exec", "-d", "service", "no-such-command"]).output();
    drop(missing.exits(127));
    drop(engine.ok(["rm", "-f", "service"]));
    engine.finish();
}

#[test]
fn exec_without_a_running_container_is_refused() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    drop(engine.ok(["create", "--name", "still", "base"]));
    let output = engine.brig(["exec", "still", "true"]).output().fails();
    drop(output.says(&["is not running"]));
    drop(engine.brig(["exec", "nobody", "true"]).output().fails().says(&["no such container"]));
    drop(engine.ok(["rm", "still"]));
    engine.finish();
}

#[test]
fn exec_ends_with_its_container() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    drop(engine.up_ready("service", &[]));
    let exec = engine.brig(["exec", "service", "sh", "-c", "echo in; sleep 1000"]).spawn();
    exec.expect_stdout("in");
    drop(engine.ok(["rm", "-f", "service"]));
    drop(exec.wait().exits(137));
    engine.finish();
}

#[test]
fn exec_privileged_has_more_and_the_container_does_not() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    drop(engine.up_ready("service", &[]));
    let ask = ["service", "/probe", "status", "CapEff"];
    let plain = engine.ok(["exec"].iter().chain(&ask));
    let privileged = engine.ok(["exec", "--privileged"].iter().chain(&ask));
    let bits = |mask: &str| u64::from_str_radix(mask, 16).unwrap().count_ones();
    assert!(bits(&privileged) > bits(&plain), "{privileged} {plain}");
    drop(engine.ok(["rm", "-f", "service"]));
    engine.finish();
}
