// SPDX-License-Identifier: Apache-2.0
//! The `process` of config.json: what the command sees of itself.

use brig_testkit::{Case, needs, process};
use serde_json::json;

#[test]
fn args_are_passed_verbatim() {
    needs!(root, runtime);
    let case = Case::new(&["args", "", "a b", "-x", "'\"\\$*", "ünï"]);
    let words = json!(["/probe", "args", "", "a b", "-x", "'\"\\$*", "ünï"]);
    assert_eq!(case.run().ok().json(), words);
    case.finish();
}

#[test]
fn argument_zero_is_looked_up_in_the_containers_path() {
    needs!(root, runtime);
    let mut case = Case::new(&[]);
    case.mkdir("opt/bin");
    std::fs::hard_link(case.inside("probe"), case.inside("opt/bin/inner")).unwrap();
    case.config["process"]["env"] = json!(["PATH=/nowhere:/opt/bin"]);
    case.config["process"]["args"] = json!(["inner", "args"]);
    assert_eq!(case.run().ok().json(), json!(["inner", "args"]));
    case.finish();
}

#[test]
fn environment_is_exactly_that_of_the_configuration() {
    needs!(root, runtime);
    let mut case = Case::new(&["env"]);
    let env = json!(["PATH=/bin", "HOME=/h", "EMPTY=", "TWO=a=b", "LINE=a\nb"]);
    case.config["process"]["env"] = env.clone();
    let output = case.with_bundle("run", &[]).env("FROM_HOST", "leak").output().ok();
    let mut seen: Vec<String> = serde_json::from_value(output.json()).unwrap();
    let mut wanted: Vec<String> = serde_json::from_value(env).unwrap();
    seen.sort();
    wanted.sort();
    assert_eq!(seen, wanted);
    case.finish();
}

#[test]
fn home_is_taken_from_the_containers_passwd_when_unset() {
    needs!(root, runtime);
    let mut case = Case::new(&["env", "HOME"]);
    case.write("etc/passwd", "root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n");
    case.config["process"]["user"] = json!({"uid": 1000, "gid": 1000});
    assert_eq!(case.run().ok().text(), "/home/user");
    case.finish();
}

#[test]
fn working_directory_is_set_and_made_when_missing() {
    needs!(root, runtime);
    let mut case = Case::new(&["cwd", "--", "type", "/new/place"]);
    case.config["process"]["cwd"] = json!("/new/place");
    assert_eq!(case.run().ok().lines(), ["/new/place", "dir"]);
    case.finish();
}

#[test]
fn working_directory_that_is_a_file_is_refused() {
    needs!(root, runtime);
    let mut case = Case::new(&["cwd"]);
    case.write("file", "");
    case.config["process"]["cwd"] = json!("/file");
    drop(case.run().fails());
    case.finish();
}

#[test]
fn user_group_and_supplementary_groups_are_exact() {
    needs!(root, runtime);
    let mut case = Case::new(&["uid", "--", "gid", "--", "groups", "--", "status", "Uid"]);
    case.config["process"]["user"] = json!({"uid": 1000, "gid": 1001, "additionalGids": [7, 5, 9]});
    let output = case.run().ok();
    assert_eq!(output.lines(), ["1000", "1001", "[5,7,9]", "1000\t1000\t1000\t1000"]);
    case.finish();
}

#[test]
fn no_supplementary_groups_means_none() {
    needs!(root, runtime);
    let mut case = Case::new(&["groups"]);
    // A hostile /etc/group must not add any.
    case.write("etc/group", "wheel:x:10:root\n");
    case.write("etc/passwd", "root:x:0:0::/root:/bin/sh\n");
    case.config["process"]["user"] = json!({"uid": 0, "gid": 0});
    assert_eq!(case.run().ok().text(), "[]");
    case.finish();
}

#[test]
fn umask_is_that_of_the_configuration_or_022() {
    needs!(root, runtime);
    let mut case = Case::new(&["umask"]);
    assert_eq!(case.run().ok().text(), "0022");
    case.config["process"]["user"]["umask"] = json!(0o077);
    assert_eq!(case.run().ok().text(), "0077");
    case.finish();
}

#[test]
fn rlimits_are_set_below_the_hosts() {
    needs!(root, runtime);
    let mut case = Case::new(&["rlimits"]);
    case.config["process"]["rlimits"] = json!([
        {"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200},
        {"type": "RLIMIT_CORE", "soft": 0, "hard": 4096},
        {"type": "RLIMIT_STACK", "soft": 4_194_304, "hard": 8_388_608},
        {"type": "RLIMIT_NPROC", "soft": 500, "hard": 600},
        {"type": "RLIMIT_FSIZE", "soft": 1_000_000, "hard": 2_000_000},
        {"type": "RLIMIT_CPU", "soft": 100, "hard": 200},
        {"type": "RLIMIT_AS", "soft": 1_073_741_824_u64, "hard": 2_147_483_648_u64},
        {"type": "RLIMIT_MEMLOCK", "soft": 4096, "hard": 8192},
        {"type": "RLIMIT_SIGPENDING", "soft": 50, "hard": 60},
        {"type": "RLIMIT_MSGQUEUE", "soft": 4000, "hard": 5000},
    ]);
    let limits = case.run().ok().json();
    assert_eq!(limits["RLIMIT_NOFILE"], json!({"soft": 100, "hard": 200}));
    assert_eq!(limits["RLIMIT_CORE"], json!({"soft": 0, "hard": 4096}));
    assert_eq!(limits["RLIMIT_STACK"], json!({"soft": 4_194_304, "hard": 8_388_608}));
    assert_eq!(limits["RLIMIT_NPROC"], json!({"soft": 500, "hard": 600}));
    assert_eq!(limits["RLIMIT_FSIZE"], json!({"soft": 1_000_000, "hard": 2_000_000}));
    assert_eq!(limits["RLIMIT_CPU"], json!({"soft": 100, "hard": 200}));
    assert_eq!(limits["RLIMIT_AS"]["soft"], json!(1_073_741_824_u64));
    assert_eq!(limits["RLIMIT_MEMLOCK"], json!({"soft": 4096, "hard": 8192}));
    assert_eq!(limits["RLIMIT_SIGPENDING"], json!({"soft": 50, "hard": 60}));
    assert_eq!(limits["RLIMIT_MSGQUEUE"], json!({"soft": 4000, "hard": 5000}));
    case.finish();
}

#[test]
fn rlimit_of_an_unknown_type_is_refused() {
    needs!(root, runtime);
    let mut case = Case::new(&["rlimits"]);
    case.config["process"]["rlimits"] = json!([{"type": "RLIMIT_TEST", "soft": 1, "hard": 1}]);
    drop(case.run().fails());
    case.finish();
}

#[test]
fn rlimit_given_twice_is_refused() {
    needs!(root, runtime, strict_rlimits);
    let mut case = Case::new(&["rlimits"]);
    let limit = json!({"type": "RLIMIT_NOFILE", "soft": 100, "hard": 100});
    case.config["process"]["rlimits"] = json!([limit, limit]);
    drop(case.run().fails());
    case.finish();
}

#[test]
fn oom_score_adj_is_set_and_0_by_default() {
    needs!(root, runtime);
    let mut case = Case::new(&["oom-score-adj"]);
    assert_eq!(case.run().ok().text(), "0");
    case.config["process"]["oomScoreAdj"] = json!(345);
    assert_eq!(case.run().ok().text(), "345");
    case.finish();
}

#[test]
fn no_new_privileges_is_as_configured() {
    needs!(root, runtime);
    let mut case = Case::new(&["nnp"]);
    assert_eq!(case.run().ok().text(), "1");
    case.config["process"]["noNewPrivileges"] = json!(false);
    assert_eq!(case.run().ok().text(), "0");
    case.finish();
}

#[test]
fn signals_are_neither_blocked_nor_ignored() {
    needs!(root, runtime);
    let case = Case::new(&["sigmask", "--", "status", "SigIgn"]);
    let output = case.run().ok();
    let masks: Vec<u64> =
        output.lines().iter().map(|line| u64::from_str_radix(line, 16).unwrap()).collect();
    // Rust ignores SIGPIPE in its programs, the probe among them; runc and crun pass on what their
    // caller ignores, and crun ignores the first realtime signal.
    const PIPE: u64 = 1 << 12;
    const REALTIME: u64 = !0 << 31;
    let caller = process::status(own_pid(), "SigIgn").unwrap();
    let caller = u64::from_str_radix(&caller, 16).unwrap();
    assert_eq!((masks[0], masks[1] & !PIPE & !REALTIME & !caller), (0, 0), "{output}");
    case.finish();
}

#[test]
fn process_is_the_leader_of_its_session_and_first_of_its_namespace() {
    needs!(root, runtime);
    let case = Case::new(&["pid", "--", "ppid", "--", "sid", "--", "pgid"]);
    assert_eq!(case.run().ok().lines(), ["1", "0", "1", "1"]);
    case.finish();
}

#[test]
fn hostname_is_set() {
    needs!(root, runtime);
    let mut case = Case::new(&["hostname"]);
    case.config["hostname"] = json!("inner.example");
    assert_eq!(case.run().ok().text(), "inner.example");
    case.finish();
}

#[test]
fn domainname_is_set() {
    needs!(root, runtime, domainname);
    let mut case = Case::new(&["domainname"]);
    case.config["domainname"] = json!("example.org");
    assert_eq!(case.run().ok().text(), "example.org");
    case.finish();
}

#[test]
fn hostname_without_an_own_uts_namespace_is_refused() {
    needs!(root, runtime);
    let mut case = Case::new(&["hostname"]);
    case.without_namespace("uts");
    case.config["hostname"] = json!("stolen");
    drop(case.run().fails());
    let own = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_ne!(own.trim(), "stolen");
    case.finish();
}

#[test]
fn sysctl_of_an_own_namespace_is_set() {
    needs!(root, runtime);
    let mut case =
        Case::new(&["sysctl", "net.ipv4.ip_forward", "--", "sysctl", "kernel.shm_rmid_forced"]);
    case.config["linux"]["sysctl"] =
        json!({"net.ipv4.ip_forward": "1", "kernel.shm_rmid_forced": "1"});
    assert_eq!(case.run().ok().lines(), ["1", "1"]);
    case.finish();
}

#[test]
fn sysctl_of_the_host_is_refused() {
    needs!(root, runtime);
    for (name, value) in [("kernel.core_pattern", "|/evil"), ("vm.swappiness", "1")] {
        let mut case = Case::new(&["exit", "0"]);
        case.config["linux"]["sysctl"] = json!({name: value});
        drop(case.run().fails());
        case.finish();
    }
    let mut case = Case::new(&["exit", "0"]);
    case.without_namespace("network");
    case.config["linux"]["sysctl"] = json!({"net.ipv4.ip_forward": "1"});
    drop(case.run().fails());
    case.finish();
}

#[test]
fn session_keyring_is_a_new_one() {
    needs!(root, runtime);
    let mut case = Case::new(&["keyring"]);
    let output = case.run().ok();
    assert!(output.text().contains(case.id()), "named after the container: {output}");
    case.config["process"]["noNewPrivileges"] = json!(true);
    let host = case.with_bundle("run", &["--no-new-keyring"]).output();
    assert!(!host.stdout().contains(case.id()), "{host}");
    case.finish();
}

#[test]
fn dumpable_and_parents_death_leave_no_trace() {
    needs!(root, runtime);
    let case = Case::new(&["owner", "/proc/self/status", "--", "owner", "/proc/1/environ"]);
    assert_eq!(case.run().ok().lines(), ["0:0", "0:0"]);
    case.finish();
}

#[test]
fn personality_is_set() {
    needs!(root, runtime);
    let mut case = Case::new(&["machine", "--", "personality"]);
    case.config["linux"]["personality"] = json!({"domain": "LINUX"});
    let output = case.run().ok();
    assert_eq!(output.lines()[1], "00000000");
    case.finish();
}

#[test]
fn security_label_that_the_kernel_does_not_know_is_refused() {
    needs!(root, runtime, no_lsm);
    for (key, value) in [
        ("apparmorProfile", "brig-test-profile"),
        ("selinuxLabel", "system_u:system_r:container_t:s0"),
    ] {
        let mut case = Case::new(&["exit", "0"]);
        case.config["process"][key] = json!(value);
        drop(case.run().fails());
        case.finish();
    }
}

fn own_pid() -> i32 {
    i32::try_from(std::process::id()).expect("process ids fit")
}
