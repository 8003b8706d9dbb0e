// SPDX-License-Identifier: Apache-2.0
//! Plans of whole configurations, compared with files under `golden/`.
//!
//! `BRIG_BLESS=1 cargo test -p brig-sandbox` rewrites the files; read the difference before it is
//! committed: each line is something that happens with the host's rights.

use super::{Facts, HostStep, InitStep, Plan};
use brig_spec::runtime::Spec;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

fn facts() -> Facts {
    Facts { bundle: PathBuf::from("/bundle"), no_pivot: false, no_new_keyring: false }
}

fn compile(document: Value) -> crate::Result<Plan> {
    let spec: Spec = serde_json::from_value(document).unwrap();
    Plan::compile(&spec, &facts())
}

fn refusal(document: Value) -> String {
    compile(document).unwrap_err().to_string()
}

/// A small container: all namespaces but user and time.
fn base() -> Value {
    json!({
        "ociVersion": "1.2.0",
        "process": { "args": ["/bin/sh"], "cwd": "/", "env": ["PATH=/bin"],
                     "user": { "uid": 0, "gid": 0 }, "noNewPrivileges": true },
        "root": { "path": "rootfs", "readonly": true },
        "hostname": "box",
        "mounts": [
            { "destination": "/proc", "type": "proc", "source": "proc" },
            { "destination": "/dev", "type": "tmpfs", "options": ["nosuid", "mode=755"] },
            { "destination": "/data", "type": "bind", "source": "/srv/data",
              "options": ["rbind", "rro", "nosuid"] },
            { "destination": "/sys/fs/cgroup", "type": "cgroup", "options": ["ro", "nosuid"] }
        ],
        "linux": {
            "cgroupsPath": "/brig/c1",
            "namespaces": [
                { "type": "pid" }, { "type": "network" }, { "type": "ipc" }, { "type": "uts" },
                { "type": "mount" }, { "type": "cgroup" }
            ],
            "maskedPaths": ["/proc/kcore"],
            "readonlyPaths": ["/proc/sys"]
        }
    })
}

fn with_user_namespace() -> Value {
    let mut document = base();
    let map = json!([{ "containerID": 0, "hostID": 100_000, "size": 65_536 }]);
    document["linux"]["uidMappings"] = map.clone();
    document["linux"]["gidMappings"] = map;
    let list = document["linux"]["namespaces"].as_array_mut().unwrap();
    list.push(json!({ "type": "user" }));
    list.push(json!({ "type": "time" }));
    document["linux"]["timeOffsets"] = json!({ "monotonic": { "secs": 7, "nanosecs": 0 } });
    document["process"]["terminal"] = json!(true);
    document["process"]["oomScoreAdj"] = json!(100);
    document["linux"]["sysctl"] = json!({ "net.ipv4.ip_forward": "1" });
    document
}

fn check_golden(name: &str, document: Value) {
    let rendered = compile(document).unwrap().render();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/plan/golden").join(name);
    if std::env::var_os("BRIG_BLESS").is_some() {
        std::fs::write(&path, &rendered).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(rendered, expected, "{} differs; see the module's text", path.display());
}

#[test]
fn plan_of_a_small_container_is_golden() {
    check_golden("small.txt", base());
}

#[test]
fn plan_with_user_and_time_namespace_is_golden() {
    check_golden("userns.txt", with_user_namespace());
}

#[test]
fn plan_with_joined_namespaces_is_golden() {
    let mut document = base();
    document["linux"]["namespaces"] = json!([
        { "type": "mount" }, { "type": "network", "path": "/run/netns/n1" },
        { "type": "pid", "path": "/proc/42/ns/pid" }, { "type": "uts" }
    ]);
    check_golden("joined.txt", document);
}

#[test]
fn plan_without_user_namespace_seals_the_binary_first() {
    assert_eq!(compile(base()).unwrap().prepare[0], HostStep::SealSelf);
    let plan = compile(with_user_namespace()).unwrap();
    assert!(!plan.prepare.contains(&HostStep::SealSelf));
}

#[test]
fn plan_masks_come_after_every_mount_and_before_the_pivot() {
    let plan = compile(base()).unwrap();
    let place = |wanted: fn(&InitStep) -> bool| plan.create.iter().position(wanted).unwrap();
    let mask = place(|step| matches!(step, InitStep::Mask(_)));
    let last_mount = plan.create.iter().rposition(|step| matches!(step, InitStep::Mount(_)));
    assert!(last_mount.unwrap() < mask);
    assert!(mask < place(|step| *step == InitStep::PivotRoot));
}

#[test]
fn plan_bad_version_is_refused() {
    let mut document = base();
    document["ociVersion"] = json!("2.0.0");
    assert!(refusal(document).contains("ociVersion"));
}

#[test]
fn plan_user_namespace_without_maps_is_refused() {
    let mut document = with_user_namespace();
    document["linux"]["uidMappings"] = json!([]);
    assert!(refusal(document).contains("uidMappings"));
}

#[test]
fn plan_maps_without_user_namespace_are_refused() {
    let mut document = with_user_namespace();
    document["linux"]["namespaces"] = base()["linux"]["namespaces"].clone();
    assert!(refusal(document).contains("without a user namespace"));
}

#[test]
fn plan_namespace_given_twice_is_refused() {
    let mut document = base();
    document["linux"]["namespaces"].as_array_mut().unwrap().push(json!({ "type": "pid" }));
    assert!(refusal(document).contains("given twice"));
}

#[test]
fn plan_sysctl_of_the_whole_host_is_refused() {
    for key in ["kernel.core_pattern", "vm.overcommit_memory", "net.../../kernel/core_pattern", ""]
    {
        let mut document = base();
        document["linux"]["sysctl"] = json!({ key: "1" });
        assert!(refusal(document).contains("linux.sysctl"), "{key}");
    }
}

#[test]
fn plan_sysctl_of_a_shared_namespace_is_refused() {
    let mut document = base();
    document["linux"]["namespaces"] = json!([{ "type": "mount" }, { "type": "uts" }]);
    document["linux"]["sysctl"] = json!({ "net.ipv4.ip_forward": "1" });
    assert!(refusal(document).contains("namespace of its own"));
}

#[test]
fn plan_cleans_untidy_destinations() {
    let mut document = base();
    document["mounts"] = json!([{ "destination": "a/../../b//./c", "type": "tmpfs" }]);
    let rendered = compile(document).unwrap().render();
    assert!(rendered.contains("on /b/c"), "{rendered}");
}
