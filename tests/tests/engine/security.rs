// SPDX-License-Identifier: Apache-2.0
//! The safe defaults, asked from inside, and the flags that change them.

use super::Engine;
use brig_testkit::needs;
use serde_json::Value;

/// The effective capabilities of a container.
fn effective(engine: &Engine, flags: &[&str]) -> Vec<String> {
    let sets: Value =
        serde_json::from_str(&engine.probe(flags, &["caps"])).expect("the probe answers JSON");
    assert_eq!(sets["effective"], sets["bounding"], "{sets}");
    assert_eq!(sets["ambient"], serde_json::json!([]), "{sets}");
    assert_eq!(sets["inheritable"], serde_json::json!([]), "{sets}");
    serde_json::from_value(sets["effective"].clone()).expect("the probe answers JSON")
}

/// Capabilities that Docker gives; brig gives no more.
const DOCKERS: [&str; 14] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SYS_CHROOT",
    "CAP_MKNOD",
    "CAP_AUDIT_WRITE",
    "CAP_SETFCAP",
];

#[test]
fn capabilities_are_at_most_dockers() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let have = effective(&engine, &[]);
    assert!(have.iter().all(|name| DOCKERS.contains(&name.as_str())), "{have:?}");
    assert!(have.iter().any(|name| name == "CAP_CHOWN"), "{have:?}");
    engine.finish();
}

#[test]
fn cap_add_and_cap_drop_change_the_set() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    assert_eq!(effective(&engine, &["--cap-drop", "ALL"]), Vec::<String>::new());
    let flags = ["--cap-drop", "ALL", "--cap-add", "NET_ADMIN", "--cap-add", "cap_sys_time"];
    assert_eq!(effective(&engine, &flags), ["CAP_NET_ADMIN", "CAP_SYS_TIME"]);
    let flags = ["--cap-add", "SYS_PTRACE", "--cap-drop", "CHOWN"];
    let have = effective(&engine, &flags);
    assert!(have.iter().any(|name| name == "CAP_SYS_PTRACE"), "{have:?}");
    assert!(!have.iter().any(|name| name == "CAP_CHOWN"), "{have:?}");
    assert!(effective(&engine, &["--cap-add", "ALL"]).len() > 35);
    drop(engine.run(&["--cap-add", "FLY"], &["true"]).exits(125).says(&["fly"]));
    engine.finish();
}

#[test]
fn a_user_other_than_root_has_no_capability_in_effect() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let sets: Value = serde_json::from_str(&engine.probe(&["-u", "1000"], &["caps"])).unwrap();
    assert_eq!(sets["effective"], serde_json::json!([]));
    assert_eq!(sets["permitted"], serde_json::json!([]));
    engine.finish();
}

#[test]
fn filter_and_no_new_privileges_are_on_by_default() {
    needs!(root, brig, busybox, seccomp);
    let engine = Engine::new();
    assert_eq!(engine.probe(&[], &["seccomp", "--", "nnp"]), "2\n1");
    let question = [
        "try-syscall",
        "keyctl",
        "--",
        "try-syscall",
        "bpf",
        "--",
        "try-unshare",
        "user",
        "--",
        "try-mount",
        "none",
        "/tmp",
        "tmpfs",
    ];
    let answer = engine.probe(&[], &question);
    assert!(answer.lines().all(|line| ["EPERM", "ENOSYS"].contains(&line)), "{answer}");
    let unconfined = ["--security-opt", "seccomp=unconfined"];
    assert_eq!(engine.probe(&unconfined, &["seccomp"]), "0");
    let flags = ["--security-opt", "no-new-privileges=false"];
    assert_eq!(engine.probe(&flags, &["nnp"]), "0");
    drop(engine.run(&["--security-opt", "apparmr=x"], &["true"]).exits(125));
    engine.finish();
}

#[test]
fn kernel_files_are_masked_and_read_only() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    for masked in ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/kallsyms"] {
        if std::fs::symlink_metadata(masked).is_ok() {
            // A file that is masked is /dev/null: as long, as empty.
            assert_eq!(engine.probe(&[], &["type", masked]), "char 1:3", "{masked}");
        }
    }
    let question = [
        "ls",
        "/sys/firmware",
        "--",
        "try-write",
        "/proc/sys/kernel/domainname",
        "x",
        "--",
        "try-open",
        "/proc/sysrq-trigger",
        "w",
        "--",
        "try-mkdir",
        "/sys/fs/cgroup/x",
        "--",
        "try-write",
        "/sys/kernel/profiling",
        "1",
    ];
    let answer = engine.probe(&["--cap-add", "ALL"], &question);
    // ENOENT: a kernel built without it.
    let refused = ["EROFS", "EACCES", "EPERM", "ENOENT"];
    assert_eq!(answer.lines().count(), 4, "{answer}");
    assert!(answer.lines().all(|line| refused.contains(&line)), "{answer}");
    engine.finish();
}

#[test]
fn devices_are_the_harmless_ones() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let names = engine.probe(&[], &["ls", "/dev"]);
    for name in names.lines() {
        let known = [
            "console", "core", "fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm",
            "stderr", "stdin", "stdout", "tty", "urandom", "zero",
        ];
        assert!(known.contains(&name), "/dev/{name}");
    }
    let question = ["try-mknod", "/tmp/mem", "c", "1", "1", "--", "try-open", "/dev/full", "rw"];
    let answer = engine.probe(&["--cap-add", "MKNOD"], &question);
    assert_eq!(answer, "EPERM\nOK");
    engine.finish();
}

#[test]
fn only_the_three_standard_descriptors_are_open() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let run = engine.run_command(&[], &["/probe", "fds"]);
    // The caller's own descriptors stay outside, whatever they are.
    let output = run.wrapped(["sh", "-c", "exec 7</etc/passwd 9>/dev/null; \"$0\" \"$@\""]);
    let fds: serde_json::Map<String, Value> =
        serde_json::from_value(output.output().ok().json()).unwrap();
    let numbers: Vec<&str> = fds.keys().map(String::as_str).collect();
    assert_eq!(numbers, ["0", "1", "2"], "{fds:?}");
    engine.finish();
}

#[test]
fn namespaces_are_the_containers_own() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let inside: Value = serde_json::from_str(&engine.probe(&[], &["ns"])).unwrap();
    for name in ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"] {
        let own = std::fs::read_link(format!("/proc/self/ns/{name}")).unwrap();
        assert_ne!(inside[name], *own.to_string_lossy(), "{name}");
    }
    assert_eq!(engine.probe(&[], &["pid", "--", "umask"]), "1\n0022");
    engine.finish();
}

#[test]
fn privileged_is_what_it_says_and_never_the_default() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let flags = ["--privileged"];
    assert!(effective(&engine, &flags).len() > 30);
    assert_eq!(engine.probe(&flags, &["seccomp", "--", "nnp"]), "0\n0");
    assert_eq!(engine.probe(&flags, &["try-mount", "none", "/tmp", "tmpfs"]), "OK");
    engine.finish();
}
