// SPDX-License-Identifier: Apache-2.0
//! seccomp filters: default action, errno, allow list, arguments, kill.

use brig_testkit::{Case, needs};
use serde_json::{Value, json};

fn with(args: &[&str], seccomp: Value) -> Case {
    let mut case = Case::new(args);
    case.config["linux"]["seccomp"] = seccomp;
    case
}

#[test]
fn without_a_filter_there_is_none_and_with_one_there_is() {
    needs!(root, runtime, seccomp);
    let mut case = Case::new(&["seccomp"]);
    assert_eq!(case.run().ok().text(), "0");
    case.config["linux"]["seccomp"] = json!({"defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["kcmp"], "action": "SCMP_ACT_ERRNO"}]});
    assert_eq!(case.run().ok().text(), "2");
    case.finish();
}

#[test]
fn denied_call_gets_eperm_or_the_configured_errno() {
    needs!(root, runtime, seccomp);
    let case = with(
        &[
            "try-syscall",
            "getppid",
            "--",
            "try-syscall",
            "kcmp",
            "--",
            "try-syscall",
            "sync",
            "--",
            "pid",
        ],
        json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["getppid"], "action": "SCMP_ACT_ERRNO"},
            {"names": ["kcmp", "sync"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
        ]}),
    );
    assert_eq!(case.run().ok().lines(), ["EPERM", "ENOSYS", "ENOSYS", "1"]);
    case.finish();
}

#[test]
fn allow_list_denies_everything_else() {
    needs!(root, runtime, seccomp);
    let case = with(
        &["try-syscall", "getppid", "--", "try-syscall", "sync", "--", "try-syscall", "unshare"],
        json!({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 99,
            "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"], "syscalls": [
            {"names": NEEDED, "action": "SCMP_ACT_ALLOW"},
            {"names": ["getppid"], "action": "SCMP_ACT_ALLOW"},
        ]}),
    );
    assert_eq!(case.run().ok().lines(), ["OK", "EADDRNOTAVAIL", "EADDRNOTAVAIL"]);
    case.finish();
}

/// What the probe, a static Rust program, and the runtimes between filter and exec call.
const NEEDED: &[&str] = &[
    "access",
    "arch_prctl",
    "brk",
    "capget",
    "capset",
    "chdir",
    "clock_gettime",
    "close",
    "close_range",
    "dup",
    "dup2",
    "dup3",
    "epoll_create1",
    "epoll_ctl",
    "epoll_pwait",
    "execve",
    "execveat",
    "exit",
    "exit_group",
    "faccessat2",
    "fcntl",
    "fchdir",
    "fstat",
    "fstatfs",
    "futex",
    "getcwd",
    "getdents64",
    "getegid",
    "geteuid",
    "getgid",
    "getpid",
    "getrandom",
    "gettid",
    "getuid",
    "ioctl",
    "lseek",
    "madvise",
    "mmap",
    "mprotect",
    "munmap",
    "nanosleep",
    "newfstatat",
    "open",
    "openat",
    "openat2",
    "poll",
    "ppoll",
    "prctl",
    "prlimit64",
    "read",
    "readlink",
    "readlinkat",
    "rseq",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sched_getaffinity",
    "sched_yield",
    "sendmsg",
    "set_robust_list",
    "set_tid_address",
    "setgid",
    "setgroups",
    "setresgid",
    "setresuid",
    "setuid",
    "sigaltstack",
    "stat",
    "statfs",
    "statx",
    "tgkill",
    "umask",
    "uname",
    "write",
    "writev",
];

#[test]
fn arguments_decide() {
    needs!(root, runtime, seccomp);
    let rule = |op: &str, value: u64, two: u64| {
        json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{
            "names": ["ioprio_set"], "action": "SCMP_ACT_ERRNO", "errnoRet": 99,
            "args": [{"index": 2, "value": value, "valueTwo": two, "op": op}],
        }]})
    };
    // `ioprio_set(9, 0, N)` fails with EINVAL by itself.
    let args = [
        "try-syscall",
        "ioprio_set",
        "9",
        "0",
        "5",
        "--",
        "try-syscall",
        "ioprio_set",
        "9",
        "0",
        "6",
        "--",
        "try-syscall",
        "ioprio_set",
        "9",
        "0",
        "0x100000005",
    ];
    let (hit, miss) = ("EADDRNOTAVAIL", "EINVAL");
    for (op, value, two, wanted) in [
        ("SCMP_CMP_EQ", 5, 0, [hit, miss, miss]),
        ("SCMP_CMP_NE", 5, 0, [miss, hit, hit]),
        ("SCMP_CMP_LT", 6, 0, [hit, miss, miss]),
        ("SCMP_CMP_LE", 6, 0, [hit, hit, miss]),
        ("SCMP_CMP_GT", 5, 0, [miss, hit, hit]),
        ("SCMP_CMP_GE", 6, 0, [miss, hit, hit]),
        ("SCMP_CMP_MASKED_EQ", 0xff, 5, [hit, miss, hit]),
    ] {
        let case = with(&args, rule(op, value, two));
        assert_eq!(case.run().ok().lines(), wanted, "{op}");
        case.finish();
    }
}

#[test]
fn several_arguments_of_one_rule_must_all_match() {
    needs!(root, runtime, seccomp);
    let case = with(
        &[
            "try-syscall",
            "ioprio_set",
            "9",
            "1",
            "5",
            "--",
            "try-syscall",
            "ioprio_set",
            "9",
            "2",
            "5",
            "--",
            "try-syscall",
            "ioprio_set",
            "9",
            "1",
            "6",
        ],
        json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{
            "names": ["ioprio_set"], "action": "SCMP_ACT_ERRNO", "errnoRet": 99,
            "args": [
                {"index": 1, "value": 1, "op": "SCMP_CMP_EQ"},
                {"index": 2, "value": 5, "op": "SCMP_CMP_EQ"},
            ],
        }]}),
    );
    assert_eq!(case.run().ok().lines(), ["EADDRNOTAVAIL", "EINVAL", "EINVAL"]);
    case.finish();
}

#[test]
fn kill_process_ends_with_sigsys() {
    needs!(root, runtime, seccomp);
    let case = with(
        &["echo", "before", "--", "try-syscall", "sync", "--", "echo", "after"],
        json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["sync"], "action": "SCMP_ACT_KILL_PROCESS"},
        ]}),
    );
    let output = case.run().exits(128 + 31);
    assert_eq!(output.text(), "before");
    case.finish();
}

#[test]
fn unknown_name_is_left_out_and_unknown_action_is_refused() {
    needs!(root, runtime, seccomp);
    let mut case = with(
        &["try-syscall", "sync"],
        json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["no_such_call", "sync"], "action": "SCMP_ACT_ERRNO"},
        ]}),
    );
    assert_eq!(case.run().ok().text(), "EPERM");
    case.config["linux"]["seccomp"]["syscalls"][0]["action"] = json!("SCMP_ACT_NONSENSE");
    drop(case.run().fails());
    case.config["linux"]["seccomp"] = json!({"defaultAction": "SCMP_ACT_NONSENSE"});
    drop(case.run().fails());
    case.finish();
}

#[test]
fn filter_holds_for_exec_too() {
    needs!(root, runtime, seccomp);
    let case = with(
        &["init"],
        json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["sync"], "action": "SCMP_ACT_ERRNO"},
        ]}),
    );
    drop(case.launch());
    let output = case.exec(&["try-syscall", "sync", "--", "seccomp"]).ok();
    assert_eq!(output.lines(), ["EPERM", "2"]);
    case.delete_force();
    case.finish();
}

#[test]
fn filter_works_without_no_new_privileges() {
    needs!(root, runtime, seccomp);
    let mut case = with(
        &["try-syscall", "sync", "--", "nnp"],
        json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["sync"], "action": "SCMP_ACT_ERRNO"},
        ]}),
    );
    case.config["process"]["noNewPrivileges"] = json!(false);
    assert_eq!(case.run().ok().lines(), ["EPERM", "0"]);
    case.finish();
}
