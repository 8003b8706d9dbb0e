// SPDX-License-Identifier: Apache-2.0
//! `brig info`.

use super::version::VERSION;
use crate::failure::Outcome;
use crate::render::{line, size, template};
use brig_engine::Engine;
use brig_engine::container::status::State;
use brig_engine::runtimes;
use clap::Args;
use serde_json::{Value, json};

/// Arguments of `info`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    /// Format by a Go template, or `json`
    #[arg(short, long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
}

/// Shows what this engine is and has.
pub(crate) fn run(engine: &Engine, arguments: &Arguments) -> Outcome {
    let document = document(engine)?;
    match arguments.format.as_deref() {
        None | Some("") => line(&text(&document)),
        Some("json") => line(&document.to_string()),
        Some(format) => line(&template::document(format, &document)?),
    }
    Ok(0)
}

fn document(engine: &Engine) -> Result<Value, crate::failure::Failure> {
    let listing = engine.list()?;
    let count = |wanted: &dyn Fn(State) -> bool| {
        listing.containers.iter().filter(|summary| wanted(summary.status.state)).count()
    };
    let running = count(&|state| state.is_running());
    let images = engine.store()?.list()?.len();
    let uname = rustix::system::uname();
    let config = engine.config();
    let runtime = config.default_runtime.clone().unwrap_or_else(|| runtimes::OWN_RUNTIME.into());
    let memory = rustix::system::sysinfo();
    let found = |name: &str| match runtimes::own_program(name) {
        Ok(path) => path.display().to_string(),
        Err(_) => String::new(),
    };
    Ok(json!({
        "ServerVersion": VERSION,
        "Containers": listing.containers.len(),
        "ContainersRunning": running,
        "ContainersPaused": 0,
        "ContainersStopped": listing.containers.len() - running,
        "Images": images,
        "Driver": "overlayfs",
        "LoggingDriver": config.log_driver.clone().unwrap_or_else(|| "json-file".into()),
        "DefaultRuntime": runtime,
        "Runtimes": config.runtimes.keys().collect::<Vec<_>>(),
        "BrigRootDir": engine.layout().root,
        "BrigRunDir": engine.layout().run,
        "DockerRootDir": engine.layout().root,
        "ConfigFile": engine.config_path(),
        "Monitor": found(runtimes::MONITOR),
        "Name": uname.nodename().to_string_lossy(),
        "KernelVersion": uname.release().to_string_lossy(),
        "OSType": "linux",
        "Architecture": uname.machine().to_string_lossy(),
        "NCPU": std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        "MemTotal": u64::from(memory.mem_unit).saturating_mul(memory.totalram),
        "Labels": config.labels,
    }))
}

fn text(document: &Value) -> String {
    let field = |name: &str| match &document[name] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let memory = document["MemTotal"].as_u64().map_or_else(String::new, size::human);
    let mut lines = vec![
        format!("Containers: {}", field("Containers")),
        format!(" Running: {}", field("ContainersRunning")),
        format!(" Stopped: {}", field("ContainersStopped")),
        format!("Images: {}", field("Images")),
        format!("brig version: {}", field("ServerVersion")),
        format!("Storage driver: {}", field("Driver")),
        format!("Logging driver: {}", field("LoggingDriver")),
        format!("Default runtime: {}", field("DefaultRuntime")),
        format!("Monitor: {}", field("Monitor")),
        format!("Data root: {}", field("BrigRootDir")),
        format!("Run root: {}", field("BrigRunDir")),
        format!("Configuration: {}", field("ConfigFile")),
        format!("Kernel version: {}", field("KernelVersion")),
        format!("Architecture: {}", field("Architecture")),
        format!("CPUs: {}", field("NCPU")),
        format!("Total memory: {memory}"),
        format!("Name: {}", field("Name")),
    ];
    if let Some(labels) = document["Labels"].as_array().filter(|labels| !labels.is_empty()) {
        lines.push("Labels:".to_owned());
        lines.extend(labels.iter().filter_map(Value::as_str).map(|label| format!(" {label}")));
    }
    lines.join("\n")
}
