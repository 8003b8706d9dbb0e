// SPDX-License-Identifier: Apache-2.0
//! Namespaces: each one new, shared, or joined by path.

use brig_testkit::{Case, cgroup, needs, netns, process};
use serde_json::{Value, json};
use std::fs;

/// The names in config.json and in `/proc/PID/ns`.
const KINDS: &[(&str, &str)] = &[
    ("pid", "pid"),
    ("network", "net"),
    ("ipc", "ipc"),
    ("uts", "uts"),
    ("mount", "mnt"),
    ("cgroup", "cgroup"),
];

fn host(name: &str) -> String {
    let link = fs::read_link(format!("/proc/self/ns/{name}")).expect("every process has it");
    link.to_string_lossy().into_owned()
}

#[test]
fn each_configured_namespace_is_new() {
    needs!(root, runtime);
    let mut case = Case::new(&["ns"]);
    case.namespace("cgroup", None);
    let inside = case.run().ok().json();
    for (_, name) in KINDS {
        assert_ne!(inside[name], json!(host(name)), "{name}");
    }
    assert_eq!(inside["user"], json!(host("user")));
    case.finish();
}

#[test]
fn each_namespace_left_out_is_the_hosts() {
    needs!(root, runtime);
    for (kind, name) in KINDS {
        // Without a mount namespace there is no container; sysfs needs a network namespace's owner.
        if *kind == "mount" {
            continue;
        }
        let mut case = Case::new(&["ns", name]);
        case.without_namespace(kind);
        match *kind {
            "uts" => drop(case.config.as_object_mut().unwrap().remove("hostname")),
            // The mount of message queues belongs to an ipc namespace.
            "ipc" => case.unmount("/dev/mqueue"),
            _ => {}
        }
        assert_eq!(case.run().ok().text(), host(name), "{kind}");
        case.finish();
    }
}

#[test]
fn each_namespace_can_be_joined_by_path() {
    needs!(root, runtime);
    let other = Case::new(&["init"]);
    drop(other.launch());
    let pid = other.pid();
    for (kind, name) in KINDS {
        if matches!(*kind, "mount" | "cgroup") {
            continue;
        }
        let path = format!("/proc/{pid}/ns/{name}");
        let mut case = Case::new(&["ns", name]);
        case.namespace(kind, Some(&path));
        if *kind == "uts" {
            case.config.as_object_mut().unwrap().remove("hostname");
        }
        assert_eq!(case.run().ok().text(), process::link(pid, &format!("ns/{name}")), "{kind}");
        case.finish();
    }
    other.delete_force();
    other.finish();
}

#[test]
fn network_namespace_joined_by_path_brings_its_interfaces() {
    needs!(root, runtime);
    let mut case = Case::new(&["interfaces"]);
    let holder = netns::in_netns(case.root.invocation(brig_testkit::binaries::probe()));
    let holder = holder.args(["init"]).spawn();
    holder.expect_stdout("ready");
    case.namespace("network", Some(&format!("/proc/{}/ns/net", holder.pid())));
    assert_eq!(case.run().ok().json()["lo"]["up"], json!(true));
    drop(holder);
    case.finish();
}

#[test]
fn new_network_namespace_has_a_loopback_that_is_up() {
    needs!(root, runtime);
    let case = Case::new(&["interfaces"]);
    let interfaces = case.run().ok().json();
    let names: Vec<&String> = interfaces.as_object().unwrap().keys().collect();
    assert_eq!(names, ["lo"]);
    assert_eq!(interfaces["lo"]["up"], json!(true));
    case.finish();
}

#[test]
fn namespace_path_that_is_missing_or_of_another_type_is_refused() {
    needs!(root, runtime);
    for path in ["/nonexistent/ns", "/proc/self/ns/uts", "/etc/passwd"] {
        let mut case = Case::new(&["exit", "0"]);
        case.namespace("network", Some(path));
        drop(case.run().fails());
        case.finish();
    }
}

#[test]
fn namespace_given_twice_is_refused() {
    needs!(root, runtime, strict_namespaces);
    let mut case = Case::new(&["exit", "0"]);
    let list = &mut case.config["linux"]["namespaces"];
    brig_testkit::bundle::push(list, json!({"type": "uts"}));
    drop(case.run().fails());
    case.finish();
}

#[test]
fn namespace_of_an_unknown_type_is_refused() {
    needs!(root, runtime);
    let mut case = Case::new(&["exit", "0"]);
    case.namespace("thought", None);
    drop(case.run().fails());
    case.finish();
}

#[test]
fn hosts_namespaces_are_the_same_afterwards() {
    needs!(root, runtime);
    let hostname = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let case = Case::new(&["try-sethostname", "changed"]);
    drop(case.run().ok());
    assert_eq!(fs::read_to_string("/proc/sys/kernel/hostname").unwrap(), hostname);
    case.finish();
}

#[test]
fn time_offsets_shift_the_clocks() {
    needs!(root, runtime, timens, time_offsets);
    let mut case = Case::new(&["clock", "boottime", "--", "clock", "monotonic", "--", "timens"]);
    case.namespace("time", None);
    case.config["linux"]["timeOffsets"] = json!({
        "boottime": {"secs": 1_000_000, "nanosecs": 0},
        "monotonic": {"secs": 2_000_000, "nanosecs": 5},
    });
    let output = case.run().ok();
    let seconds: Vec<u64> = output.lines()[..2].iter().map(|line| line.parse().unwrap()).collect();
    assert!(seconds[0] > 1_000_000 && seconds[1] > 2_000_000, "{output}");
    let offsets: Vec<Vec<&str>> =
        output.lines()[2..].iter().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(offsets, [["monotonic", "2000000", "5"], ["boottime", "1000000", "0"]]);
    case.finish();
}

#[test]
fn cgroup_namespace_hides_the_path_of_the_cgroup() {
    needs!(root, runtime, cgroups);
    let mut case = Case::new(&["cgroup"]);
    let shown = |case: &Case| {
        let output = case.run().ok();
        let tree = if cgroup::mode() == cgroup::Mode::V2 { "0::" } else { ":pids:" };
        let line = output.lines().into_iter().find(|line| line.contains(tree));
        line.expect("there is a pids controller").rsplit_once(':').unwrap().1.to_owned()
    };
    assert_eq!(shown(&case), format!("{}/c1", case.root.cgroup_parent()));
    case.namespace("cgroup", None);
    assert_eq!(shown(&case), "/");
    case.finish();
}

#[test]
fn two_containers_share_what_they_are_told_to() {
    needs!(root, runtime);
    let first = Case::new(&["listen", "80"]);
    let listening = first.create();
    first.start();
    listening.expect_later("listening");
    let mut second = Case::new(&["connect", "127.0.0.1:80", "hello"]);
    second.namespace("network", Some(&format!("/proc/{}/ns/net", first.pid())));
    assert_eq!(second.run().ok().text(), "hello");
    second.finish();
    first.expect_status("stopped");
    drop(first.delete().ok());
    first.finish();
    let apart = Case::new(&["connect", "127.0.0.1:80", "hello"]);
    assert_eq!(apart.run().ok().text(), "ECONNREFUSED");
    apart.finish();
}

#[test]
fn state_of_the_host_namespaces_is_what_the_config_says() {
    needs!(root, runtime);
    let mut case = Case::new(&["ns"]);
    case.config["linux"]["namespaces"] = json!([{"type": "mount"}, {"type": "pid"}]);
    case.config.as_object_mut().unwrap().remove("hostname");
    case.unmount("/dev/mqueue");
    let inside = case.run().ok().json();
    let same: Vec<&str> = ["net", "ipc", "uts", "user", "cgroup"]
        .into_iter()
        .filter(|name| inside[name] == Value::String(host(name)))
        .collect();
    assert_eq!(same, ["net", "ipc", "uts", "user", "cgroup"]);
    case.finish();
}
