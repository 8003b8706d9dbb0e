// SPDX-License-Identifier: Apache-2.0
//! Device nodes.

use crate::{Error, Result};
use brig_spec::runtime::Device;

/// A device node to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceNode {
    /// Absolute path inside the container.
    pub path: String,
    /// `c`, `b` or `p`.
    pub kind: u8,
    /// Major number.
    pub major: u32,
    /// Minor number.
    pub minor: u32,
    /// Permission bits.
    pub mode: u32,
    /// Owner inside the container.
    pub owner: (u32, u32),
}

/// The nodes that the specification demands in every container.
const DEFAULT: [(&str, u32, u32); 6] = [
    ("/dev/null", 1, 3),
    ("/dev/zero", 1, 5),
    ("/dev/full", 1, 7),
    ("/dev/random", 1, 8),
    ("/dev/urandom", 1, 9),
    ("/dev/tty", 5, 0),
];

/// Returns the default nodes with the configured ones added or replacing them.
pub(super) fn nodes(configured: &[Device]) -> Result<Vec<DeviceNode>> {
    let mut nodes: Vec<DeviceNode> = DEFAULT
        .iter()
        .map(|&(path, major, minor)| DeviceNode {
            path: path.to_owned(),
            kind: b'c',
            major,
            minor,
            mode: 0o666,
            owner: (0, 0),
        })
        .collect();
    for device in configured {
        let node = node(device)?;
        match nodes.iter_mut().find(|old| old.path == node.path) {
            Some(old) => *old = node,
            None => nodes.push(node),
        }
    }
    Ok(nodes)
}

fn node(device: &Device) -> Result<DeviceNode> {
    let bad = |reason: String| Error::config("linux.devices", reason);
    let kind = match device.kind.as_str() {
        "c" | "u" => b'c',
        "b" => b'b',
        "p" => b'p',
        other => return Err(bad(format!("`{}`: unknown type `{other}`", device.path))),
    };
    if !device.path.starts_with('/') {
        return Err(bad(format!("path `{}` is not absolute", device.path)));
    }
    let number = |value: i64, name: &str| {
        u32::try_from(value).map_err(|_| bad(format!("`{}`: {name} {value}", device.path)))
    };
    let (major, minor) = if kind == b'p' {
        (0, 0)
    } else {
        (number(device.major, "major")?, number(device.minor, "minor")?)
    };
    Ok(DeviceNode {
        path: device.path.clone(),
        kind,
        major,
        minor,
        mode: device.file_mode.unwrap_or(0o666) & 0o7777,
        owner: (device.uid.unwrap_or(0), device.gid.unwrap_or(0)),
    })
}
