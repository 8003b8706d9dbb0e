// SPDX-License-Identifier: Apache-2.0
//! Snapshots of plans: `golden/*.json`, rewritten by `BRIG_GOLDEN=write cargo test -p brig-engine`.

use super::*;
use crate::container::options::{MountRequest, ResourceOptions, SeccompChoice, Ulimit};
use crate::spec::network::HostFiles;
use std::path::PathBuf;

const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n";
const GROUP: &str = "root:x:0:\napp:x:1001:\naudio:x:29:app\n";

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn image() -> ContainerConfig {
    ContainerConfig {
        env: strings(&["PATH=/bin", "IMG=1"]),
        entrypoint: Some(strings(&["/entry"])),
        cmd: Some(strings(&["serve"])),
        working_dir: "/srv".into(),
        ..ContainerConfig::default()
    }
}

fn plan_for(options: Options, config: &ContainerConfig, ids_max: (u32, u32)) -> Result<Plan> {
    let request = RunRequest { image: "app:1".into(), name: Some("web".into()), options };
    let layer = Digest::from_hex(&"1".repeat(64)).unwrap();
    let lower = strings(&["/var/lib/brig/layers/1/fs"]);
    let image = ImageFacts {
        id: Digest::from_hex(&"2".repeat(64)).unwrap(),
        config,
        layers: &[layer],
        lower: &lower,
        ids_max,
        passwd: PASSWD,
        group: GROUP,
    };
    let host_ids = request.options.userns_host || request.options.privileged;
    let host_files = HostFiles { hosts: "10.1.1.1 host\n".into(), resolv_conf: "r\n".into() };
    let runtime = ChosenRuntime {
        name: "brig-oci".into(),
        path: "/usr/bin/brig-oci".into(),
        args: strings(&["--root", "/run/brig/oci/brig-oci"]),
    };
    let facts = Facts {
        id: ID,
        name: "web",
        created_at: "2026-01-02T03:04:05.000000006Z",
        container_dir: Path::new("/var/lib/brig/containers/0123"),
        rootfs_path: Path::new("/run/brig/containers/0123/rootfs"),
        id_slot: (!host_ids).then_some(7),
        runtime: &runtime,
        cgroup_parent: "/brig",
        log_driver: "json-file",
        log_opts: &BTreeMap::new(),
        cpus: 2,
        host_name: "machine",
        host_files: &host_files,
        available_caps: CapSet::DOCKER,
        filter: security::FilterFacts { arch: brig_policy::seccomp::Arch::X86_64, kernel: (6, 18) },
        devices: &[],
    };
    plan(&request, image, facts)
}

/// Compares with the file; the filter's hundreds of names are counted only.
fn check(name: &str, plan: &Plan) {
    let mut spec = serde_json::to_value(&plan.spec).unwrap();
    if let Some(seccomp) = spec.pointer_mut("/linux/seccomp") {
        let rules = seccomp["syscalls"].as_array().map_or(0, Vec::len);
        assert!(rules > 0, "a filter without rules");
        *seccomp = "(the filter)".into();
    }
    let text = serde_json::to_string_pretty(&serde_json::json!({
        "record": plan.record,
        "spec": spec,
        "files": { "hosts": plan.name_files.hosts, "hostname": plan.name_files.hostname,
            "resolvConf": plan.name_files.resolv_conf },
    }))
    .unwrap()
        + "\n";
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("src/container/create/golden")
        .join(format!("{name}.json"));
    if std::env::var_os("BRIG_GOLDEN").is_some_and(|value| value == "write") {
        std::fs::write(&path, &text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        text == golden,
        "{name}: the plan is not that of {}; look at the difference, then run with \
         BRIG_GOLDEN=write\n{text}",
        path.display()
    );
}

#[test]
fn plan_of_the_defaults() {
    check("defaults", &plan_for(Options::default(), &image(), (65_535, 0)).unwrap());
}

#[test]
fn plan_with_everything_asked_for() {
    let bind = |source: &str, target: &str, read_only| MountRequest::Bind {
        source: source.into(),
        target: target.into(),
        read_only,
        propagation: String::new(),
        create_source: true,
        no_id_map: false,
    };
    let options = Options {
        command: strings(&["run", "--fast"]),
        env: strings(&["IMG", "A=b"]),
        labels: [("k".to_owned(), "v".to_owned())].into(),
        workdir: "/work".into(),
        user: "app:audio".into(),
        hostname: "box".into(),
        terminal: true,
        stdin_open: true,
        stdin_once: true,
        stop_signal: "SIGINT".into(),
        stop_timeout_s: Some(3),
        mounts: vec![
            bind("/srv/data", "/data", true),
            MountRequest::Tmpfs { target: "/run".into(), options: strings(&["size=1m"]) },
        ],
        read_only: true,
        resources: ResourceOptions {
            memory_bytes: Some(64 << 20),
            nano_cpus: Some(500_000_000),
            cpu_shares: Some(512),
            cpuset_cpus: "0-1".into(),
            pids_limit: Some(100),
            ..ResourceOptions::default()
        },
        cap_add: strings(&["NET_BIND_SERVICE"]),
        cap_drop: strings(&["CHOWN"]),
        seccomp: SeccompChoice::Unconfined,
        allow_new_privileges: true,
        ulimits: vec![Ulimit { name: "nofile".into(), soft: 10, hard: 20 }],
        auto_remove: true,
        cgroup_parent: Some("/mine/deep".into()),
        log_opts: [("max-size".to_owned(), "1m".to_owned())].into(),
        extra_hosts: strings(&["db:10.0.0.2"]),
        ..Options::default()
    };
    check("everything", &plan_for(options, &image(), (0, 0)).unwrap());
}

#[test]
fn plan_on_the_hosts_network() {
    let options = Options { network: NetworkMode::Host, ..Options::default() };
    check("host-network", &plan_for(options, &image(), (0, 0)).unwrap());
}

#[test]
fn plan_in_the_hosts_user_namespace() {
    let options = Options { userns_host: true, ..Options::default() };
    let plan = plan_for(options, &image(), (4_000_000, 0)).unwrap();
    assert!(plan.spec.linux.as_ref().unwrap().uid_mappings.is_empty());
    check("host-user-namespace", &plan);
}

#[test]
fn plan_impossible_requests_are_refused() {
    let refused = |options: Options| match plan_for(options, &image(), (0, 0)) {
        Err(Error::Invalid { message, .. }) => message,
        other => panic!("{other:?}"),
    };
    let options = || Options::default();
    assert!(refused(Options { user: "nobody".into(), ..options() }).contains("nobody"));
    assert!(refused(Options { hostname: "a b".into(), ..options() }).contains("hostname"));
    assert!(refused(Options { workdir: "x".into(), ..options() }).contains("working directory"));
    assert!(refused(Options { stop_signal: "NOPE".into(), ..options() }).contains("signal"));
    assert!(refused(Options { log_driver: Some("x".into()), ..options() }).contains("log driver"));
    let log_opts = [("max-file".to_owned(), "0".to_owned())].into();
    assert!(refused(Options { log_opts, ..options() }).contains("max-file"));
    assert!(plan_for(options(), &image(), (65_536, 0)).is_err());
    assert!(plan_for(options(), &ContainerConfig::default(), (0, 0)).is_err());
}

#[test]
fn plan_hostile_image_metadata_selects_nothing_of_the_host() {
    let config = ContainerConfig {
        working_dir: "../../proc/self/fd/7".into(),
        labels: [("run".to_owned(), "docker run --privileged".to_owned())].into(),
        volumes: [("/host".to_owned(), serde_json::json!({}))].into(),
        ..image()
    };
    let plan = plan_for(Options::default(), &config, (0, 0)).unwrap();
    let defaults = plan_for(Options::default(), &image(), (0, 0)).unwrap();
    assert_eq!(plan.spec.mounts, defaults.spec.mounts);
    assert_eq!(plan.spec.process.unwrap().cwd, "/proc/self/fd/7");
    assert!(plan.spec.hooks.is_none() && plan.spec.annotations.is_empty());
}

#[test]
fn validate_cgroup_parent_refuses_escapes() {
    for parent in ["", "/", "brig", "/a/../b", "/a//b", "/./a"] {
        assert!(validate_cgroup_parent(parent).is_err(), "{parent}");
    }
    validate_cgroup_parent("/brig").unwrap();
    validate_cgroup_parent("/a/b/").unwrap();
}
