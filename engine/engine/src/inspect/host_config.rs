// SPDX-License-Identifier: Apache-2.0
//! `HostConfig`: Docker's words for what brig was asked; fields of features that brig does not
//! have yet are absent.

use crate::container::options::{MountRequest, SeccompChoice};
use crate::container::record::ContainerRecord;
use crate::spec::resources::PIDS_DEFAULT;
use brig_policy::masks;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Docker's `HostConfig`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct HostConfig {
    binds: Option<Vec<String>>,
    log_config: Value,
    network_mode: &'static str,
    port_bindings: Value,
    restart_policy: Value,
    auto_remove: bool,
    cap_add: Option<Vec<String>>,
    cap_drop: Option<Vec<String>>,
    cgroupns_mode: &'static str,
    extra_hosts: Option<Vec<String>>,
    group_add: Option<Vec<String>>,
    ipc_mode: &'static str,
    pid_mode: &'static str,
    privileged: bool,
    publish_all_ports: bool,
    readonly_rootfs: bool,
    security_opt: Option<Vec<String>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tmpfs: BTreeMap<String, String>,
    #[serde(rename = "UTSMode")]
    uts_mode: &'static str,
    userns_mode: &'static str,
    shm_size: u64,
    runtime: String,
    isolation: &'static str,
    cpu_shares: u64,
    memory: i64,
    nano_cpus: i64,
    cgroup_parent: String,
    cpuset_cpus: String,
    cpuset_mems: String,
    memory_reservation: i64,
    memory_swap: i64,
    pids_limit: i64,
    ulimits: Vec<Value>,
    masked_paths: Option<Vec<String>>,
    readonly_paths: Option<Vec<String>>,
}

impl HostConfig {
    pub(super) fn new(record: &ContainerRecord) -> Self {
        let options = &record.options;
        let resources = &options.resources;
        let list = |list: &Vec<String>| (!list.is_empty()).then(|| list.clone());
        let memory = resources.memory_bytes.unwrap_or(0);
        let swap = if memory > 0 { memory.saturating_mul(2) } else { 0 };
        let paths = |paths: Vec<String>| (!options.privileged).then_some(paths);
        let binds: Vec<String> = options.mounts.iter().filter_map(bind).collect();
        Self {
            binds: (!binds.is_empty()).then_some(binds),
            log_config: json!({
                "Type": record.log_driver,
                "Config": {
                    "max-file": record.log_files_max.to_string(),
                    "max-size": record.log_size_bytes_max.to_string(),
                }
            }),
            network_mode: options.network.as_str(),
            port_bindings: json!({}),
            restart_policy: json!({"Name": "no", "MaximumRetryCount": 0}),
            auto_remove: options.auto_remove,
            cap_add: list(&options.cap_add),
            cap_drop: list(&options.cap_drop),
            cgroupns_mode: "private",
            extra_hosts: list(&options.extra_hosts),
            group_add: list(&options.group_add),
            ipc_mode: "private",
            pid_mode: "",
            privileged: options.privileged,
            publish_all_ports: false,
            readonly_rootfs: options.read_only,
            security_opt: security_opt(record),
            tmpfs: options.mounts.iter().filter_map(tmpfs).collect(),
            uts_mode: "",
            userns_mode: if record.id_slot.is_none() { "host" } else { "" },
            shm_size: options.shm_size_bytes.unwrap_or(masks::SHM_BYTES),
            runtime: record.runtime_name.clone(),
            isolation: "container",
            cpu_shares: resources.cpu_shares.unwrap_or(0),
            memory,
            nano_cpus: resources.nano_cpus.unwrap_or(0),
            cgroup_parent: options.cgroup_parent.clone().unwrap_or_default(),
            cpuset_cpus: resources.cpuset_cpus.clone(),
            cpuset_mems: resources.cpuset_mems.clone(),
            memory_reservation: resources.memory_reservation_bytes.unwrap_or(0),
            memory_swap: resources.memory_swap_bytes.unwrap_or(swap),
            pids_limit: resources.pids_limit.unwrap_or(PIDS_DEFAULT),
            ulimits: options
                .ulimits
                .iter()
                .map(|u| json!({"Name": u.name, "Hard": u.hard, "Soft": u.soft}))
                .collect(),
            masked_paths: paths(masks::masked_paths()),
            readonly_paths: paths(masks::readonly_paths()),
        }
    }
}

fn bind(request: &MountRequest) -> Option<String> {
    let MountRequest::Bind { source, target, read_only, create_source: true, .. } = request else {
        return None;
    };
    Some(format!("{source}:{target}{}", if *read_only { ":ro" } else { "" }))
}

fn tmpfs(request: &MountRequest) -> Option<(String, String)> {
    let MountRequest::Tmpfs { target, options } = request else { return None };
    Some((target.clone(), options.join(",")))
}

fn security_opt(record: &ContainerRecord) -> Option<Vec<String>> {
    let options = &record.options;
    let mut words = Vec::new();
    match &options.seccomp {
        SeccompChoice::Default => {}
        SeccompChoice::Unconfined => words.push("seccomp=unconfined".to_owned()),
        SeccompChoice::Profile(text) => words.push(format!("seccomp={text}")),
    }
    let allows = options.allow_new_privileges || options.privileged;
    words.push(format!("no-new-privileges:{}", !allows));
    Some(words)
}
