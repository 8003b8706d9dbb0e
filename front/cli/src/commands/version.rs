// SPDX-License-Identifier: Apache-2.0
//! `brig version`.

use crate::failure::Outcome;
use crate::render::{line, template};
use clap::Args;
use serde_json::json;

/// Arguments of `version`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    /// Format by a Go template, or `json`
    #[arg(short, long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
}

/// Version of brig.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Shows the version. Client and engine are one program.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let uname = rustix::system::uname();
    let kernel = uname.release().to_string_lossy().into_owned();
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let part = json!({"Version": VERSION, "Os": "linux", "Arch": arch, "KernelVersion": kernel});
    let document = json!({"Client": part, "Server": part});
    match arguments.format.as_deref() {
        None | Some("") => {
            line(&format!("brig {VERSION}\n OS/Arch:   linux/{arch}\n Kernel:    {kernel}"));
        }
        Some("json") => line(&document.to_string()),
        Some(format) => line(&template::document(format, &document)?),
    }
    Ok(0)
}
