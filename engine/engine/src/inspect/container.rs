// SPDX-License-Identifier: Apache-2.0
//! `GET /containers/{id}/json`.

use super::NEVER;
use super::host_config::HostConfig;
use crate::container::options::MountRequest;
use crate::container::record::ContainerRecord;
use crate::container::status::{State, Status};
use crate::engine::Engine;
use crate::error::Result;
use crate::layout::files;
use brig_spec::image::Healthcheck;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A container as Docker shows it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContainerDocument {
    id: String,
    created: String,
    path: String,
    args: Vec<String>,
    state: StateDocument,
    image: String,
    resolv_conf_path: String,
    hostname_path: String,
    hosts_path: String,
    log_path: String,
    name: String,
    restart_count: u32,
    driver: &'static str,
    platform: &'static str,
    mount_label: String,
    process_label: String,
    app_armor_profile: String,
    #[serde(rename = "ExecIDs")]
    exec_ids: Option<Vec<String>>,
    host_config: HostConfig,
    graph_driver: Value,
    mounts: Vec<MountDocument>,
    config: ConfigDocument,
    network_settings: Value,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct StateDocument {
    status: &'static str,
    running: bool,
    paused: bool,
    restarting: bool,
    #[serde(rename = "OOMKilled")]
    oom_killed: bool,
    dead: bool,
    pid: i32,
    exit_code: i32,
    error: String,
    started_at: String,
    finished_at: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct MountDocument {
    r#type: &'static str,
    source: String,
    destination: String,
    mode: String,
    #[serde(rename = "RW")]
    writable: bool,
    propagation: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ConfigDocument {
    hostname: String,
    domainname: String,
    user: String,
    attach_stdin: bool,
    attach_stdout: bool,
    attach_stderr: bool,
    tty: bool,
    open_stdin: bool,
    stdin_once: bool,
    env: Vec<String>,
    cmd: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    healthcheck: Option<Healthcheck>,
    image: String,
    volumes: Option<BTreeMap<String, Value>>,
    working_dir: String,
    entrypoint: Option<Vec<String>>,
    on_build: Option<Vec<String>>,
    labels: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_signal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_timeout: Option<u32>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    exposed_ports: BTreeMap<String, Value>,
}

impl Engine {
    /// Returns Docker's document about container `id`.
    ///
    /// # Errors
    /// When it does not exist or its records cannot be read.
    pub fn inspect(&self, id: &str) -> Result<ContainerDocument> {
        let record = self.record(id)?;
        let status = self.status(id)?;
        let dir = self.layout.container(id);
        let path = |name: &str| dir.join(name).to_string_lossy().into_owned();
        Ok(ContainerDocument {
            id: record.id.clone(),
            created: record.created_at.clone(),
            path: record.path.clone(),
            args: record.args.clone(),
            state: state(&status),
            image: record.image_id.to_string(),
            resolv_conf_path: path(files::RESOLV_CONF),
            hostname_path: path(files::HOSTNAME),
            hosts_path: path(files::HOSTS),
            log_path: match record.log_driver.as_str() {
                "json-file" => path(&format!("{}/{}", files::LOG, files::LOG_FILE)),
                _ => String::new(),
            },
            name: format!("/{}", record.name),
            restart_count: 0,
            driver: "overlayfs",
            platform: "linux",
            mount_label: String::new(),
            process_label: String::new(),
            app_armor_profile: String::new(),
            exec_ids: None,
            host_config: HostConfig::new(&record),
            graph_driver: json!({
                "Name": "overlayfs",
                "Data": {
                    "LowerDir": record.lower.join(":"),
                    "UpperDir": path(files::UPPER),
                    "WorkDir": path(files::WORK),
                }
            }),
            mounts: record.options.mounts.iter().filter_map(mount).collect(),
            config: config(&record),
            network_settings: network_settings(&record),
        })
    }
}

fn state(status: &Status) -> StateDocument {
    let record = &status.record;
    let running = matches!(status.state, State::Running | State::Orphaned);
    let time = |time: &Option<String>| time.clone().unwrap_or_else(|| NEVER.to_owned());
    StateDocument {
        status: status.as_str(),
        running,
        paused: false,
        restarting: false,
        oom_killed: record.oom_killed,
        dead: status.state == State::Broken,
        pid: if running { record.pid.unwrap_or(0) } else { 0 },
        exit_code: record.exit_code.unwrap_or(0),
        error: record.error.clone(),
        started_at: time(&record.started_at),
        finished_at: time(&record.finished_at),
    }
}

fn mount(request: &MountRequest) -> Option<MountDocument> {
    let MountRequest::Bind { source, target, read_only, propagation, .. } = request else {
        return None;
    };
    Some(MountDocument {
        r#type: "bind",
        source: source.clone(),
        destination: target.clone(),
        mode: if *read_only { "ro".to_owned() } else { String::new() },
        writable: !read_only,
        propagation: if propagation.is_empty() { "rprivate".into() } else { propagation.clone() },
    })
}

fn config(record: &ContainerRecord) -> ConfigDocument {
    let (options, config) = (&record.options, record.config.clone());
    ConfigDocument {
        hostname: record.hostname.clone(),
        domainname: String::new(),
        user: config.user,
        attach_stdin: options.stdin_once,
        attach_stdout: true,
        attach_stderr: true,
        tty: options.terminal,
        open_stdin: options.stdin_open,
        stdin_once: options.stdin_once,
        env: config.env,
        cmd: config.cmd,
        healthcheck: config.healthcheck,
        image: record.image.clone(),
        volumes: (!config.volumes.is_empty()).then_some(config.volumes),
        working_dir: config.working_dir,
        entrypoint: config.entrypoint,
        on_build: config.on_build,
        labels: config.labels,
        stop_signal: config.stop_signal,
        stop_timeout: options.stop_timeout_s,
        exposed_ports: config.exposed_ports,
    }
}

fn network_settings(record: &ContainerRecord) -> Value {
    let endpoint = json!({
        "IPAMConfig": null, "Links": null, "Aliases": null, "MacAddress": "", "DriverOpts": null,
        "GwPriority": 0, "NetworkID": "", "EndpointID": "", "Gateway": "", "IPAddress": "",
        "IPPrefixLen": 0, "IPv6Gateway": "", "GlobalIPv6Address": "", "GlobalIPv6PrefixLen": 0,
        "DNSNames": null
    });
    json!({
        "Bridge": "", "SandboxID": "", "SandboxKey": "", "Ports": {}, "EndpointID": "",
        "Gateway": "", "GlobalIPv6Address": "", "GlobalIPv6PrefixLen": 0, "IPAddress": "",
        "IPPrefixLen": 0, "IPv6Gateway": "", "MacAddress": "",
        "Networks": { record.options.network.as_str(): endpoint }
    })
}
