// SPDX-License-Identifier: Apache-2.0
//! Block I/O: weights and throttles, in `blkio.*` (v1) and `io.*` (v2).
//!
//! Which weight files exist depends on the kernel's schedulers: CFQ (`blkio.weight`, before 5.0),
//! BFQ (`blkio.bfq.weight`, `io.bfq.weight`) or iocost (`io.weight`). A weight that none of them
//! takes is refused by name.

use super::Group;
use crate::{Error, Result};
use brig_spec::runtime::{BlockIo, DeviceRate};

const FIELD: &str = "linux.resources.blockIO";

/// One line for one of several files: the first that exists takes it.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    /// Field of the configuration, for the error.
    field: &'static str,
    files: &'static [&'static str],
    /// One text per file, as their formats differ.
    texts: Vec<String>,
}

/// Returns whether nothing is set.
pub(super) fn is_empty(block: &BlockIo) -> bool {
    v1_lines(block).is_empty()
}

/// Checks the ranges that the two versions' files do not share.
///
/// # Errors
/// For a weight outside 10 to 1000, which is the specification's scale.
pub(super) fn check(block: &BlockIo) -> Result<()> {
    let devices = block.weight_device.iter();
    let each = devices.flat_map(|device| [device.weight, device.leaf_weight]);
    for weight in [block.weight, block.leaf_weight].into_iter().chain(each).flatten() {
        if weight != 0 && !(10..=1000).contains(&weight) {
            let reason = format!("weight {weight} is not between 10 and 1000");
            return Err(Error::config(FIELD, reason));
        }
    }
    Ok(())
}

/// Sets what the configuration has on a v1 hierarchy.
///
/// # Errors
/// The limit that the kernel refuses or has no file for.
pub(super) fn apply_v1(group: &Group, block: &BlockIo) -> Result<()> {
    v1_lines(block).iter().try_for_each(|line| write(group, line))
}

/// Sets what the configuration has on v2.
///
/// # Errors
/// As [`apply_v1`]; leaf weights exist on v1 only.
pub(super) fn apply_v2(group: &Group, block: &BlockIo) -> Result<()> {
    v2_lines(block)?.iter().try_for_each(|line| write(group, line))
}

fn write(group: &Group, line: &Line) -> Result<()> {
    for (file, text) in line.files.iter().zip(&line.texts) {
        if group.has_file(file) {
            return group.limit(file, text);
        }
    }
    Err(Error::refused(
        format!("set {FIELD}.{}", line.field),
        format!(
            "the kernel has no {} in `{}`; this limit needs the scheduler of that name",
            line.files.join(" nor "),
            group.path.display()
        ),
    ))
}

/// The weight of a configuration that is set; 0 means unset.
fn set(weight: Option<u16>) -> Option<u16> {
    weight.filter(|weight| *weight != 0)
}

fn v1_lines(block: &BlockIo) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut push = |field, files: &'static [&'static str], text: String| {
        lines.push(Line { field, files, texts: vec![text; files.len()] });
    };
    if let Some(weight) = set(block.weight) {
        push("weight", &["blkio.weight", "blkio.bfq.weight"], weight.to_string());
    }
    if let Some(weight) = set(block.leaf_weight) {
        push("leafWeight", &["blkio.leaf_weight"], weight.to_string());
    }
    for device in &block.weight_device {
        let number = format!("{}:{}", device.major, device.minor);
        if let Some(weight) = set(device.weight) {
            let files = &["blkio.weight_device", "blkio.bfq.weight_device"];
            push("weightDevice", files, format!("{number} {weight}"));
        }
        if let Some(weight) = set(device.leaf_weight) {
            push("weightDevice", &["blkio.leaf_weight_device"], format!("{number} {weight}"));
        }
    }
    for throttle in throttles(block) {
        for DeviceRate { major, minor, rate } in throttle.rates {
            push(throttle.field, throttle.v1_file, format!("{major}:{minor} {rate}"));
        }
    }
    lines
}

fn v2_lines(block: &BlockIo) -> Result<Vec<Line>> {
    const WEIGHT: &[&str] = &["io.bfq.weight", "io.weight"];
    let mut lines = Vec::new();
    let leaf = block.weight_device.iter().map(|device| device.leaf_weight);
    if leaf.chain([block.leaf_weight]).any(|weight| set(weight).is_some()) {
        let reason = "cgroup v2 has no leaf weights; leave it out";
        return Err(Error::config(format!("{FIELD}.leafWeight"), reason));
    }
    if let Some(weight) = set(block.weight) {
        let texts = vec![weight.to_string(), io_weight(weight).to_string()];
        lines.push(Line { field: "weight", files: WEIGHT, texts });
    }
    for device in &block.weight_device {
        if let Some(weight) = set(device.weight) {
            let number = format!("{}:{}", device.major, device.minor);
            let texts =
                vec![format!("{number} {weight}"), format!("{number} {}", io_weight(weight))];
            lines.push(Line { field: "weightDevice", files: WEIGHT, texts });
        }
    }
    for throttle in throttles(block) {
        for DeviceRate { major, minor, rate } in throttle.rates {
            let rate = if *rate == 0 { "max".to_owned() } else { rate.to_string() };
            let texts = vec![format!("{major}:{minor} {}={rate}", throttle.v2_key)];
            lines.push(Line { field: throttle.field, files: &["io.max"], texts });
        }
    }
    Ok(lines)
}

/// Converts 10 to 1000 to iocost's 1 to 10000, linearly as runc and crun do.
fn io_weight(weight: u16) -> u32 {
    1 + (u32::from(weight).max(10) - 10) * 9_999 / 990
}

struct Throttle<'a> {
    field: &'static str,
    v1_file: &'static [&'static str],
    v2_key: &'static str,
    rates: &'a [DeviceRate],
}

fn throttles(block: &BlockIo) -> [Throttle<'_>; 4] {
    [
        Throttle {
            field: "throttleReadBpsDevice",
            v1_file: &["blkio.throttle.read_bps_device"],
            v2_key: "rbps",
            rates: &block.throttle_read_bps_device,
        },
        Throttle {
            field: "throttleWriteBpsDevice",
            v1_file: &["blkio.throttle.write_bps_device"],
            v2_key: "wbps",
            rates: &block.throttle_write_bps_device,
        },
        Throttle {
            field: "throttleReadIOPSDevice",
            v1_file: &["blkio.throttle.read_iops_device"],
            v2_key: "riops",
            rates: &block.throttle_read_iops_device,
        },
        Throttle {
            field: "throttleWriteIOPSDevice",
            v1_file: &["blkio.throttle.write_iops_device"],
            v2_key: "wiops",
            rates: &block.throttle_write_iops_device,
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use brig_spec::runtime::DeviceWeight;

    fn block() -> BlockIo {
        BlockIo {
            weight: Some(500),
            weight_device: vec![DeviceWeight {
                major: 8,
                minor: 16,
                weight: Some(1000),
                leaf_weight: None,
            }],
            throttle_read_bps_device: vec![DeviceRate { major: 7, minor: 0, rate: 4096 }],
            throttle_write_iops_device: vec![DeviceRate { major: 7, minor: 1, rate: 0 }],
            ..BlockIo::default()
        }
    }

    fn texts(lines: &[Line]) -> Vec<(&str, &str)> {
        lines
            .iter()
            .flat_map(|line| line.files.iter().copied().zip(line.texts.iter().map(String::as_str)))
            .collect()
    }

    #[test]
    fn v1_lines_of_every_kind() {
        let wanted = [
            ("blkio.weight", "500"),
            ("blkio.bfq.weight", "500"),
            ("blkio.weight_device", "8:16 1000"),
            ("blkio.bfq.weight_device", "8:16 1000"),
            ("blkio.throttle.read_bps_device", "7:0 4096"),
            ("blkio.throttle.write_iops_device", "7:1 0"),
        ];
        assert_eq!(texts(&v1_lines(&block())), wanted);
    }

    #[test]
    fn v2_lines_scale_weights_for_iocost_and_lift_limits_of_zero() {
        let wanted = [
            ("io.bfq.weight", "500"),
            ("io.weight", "4950"),
            ("io.bfq.weight", "8:16 1000"),
            ("io.weight", "8:16 10000"),
            ("io.max", "7:0 rbps=4096"),
            ("io.max", "7:1 wiops=max"),
        ];
        assert_eq!(texts(&v2_lines(&block()).unwrap()), wanted);
    }

    #[test]
    fn leaf_weight_on_v2_is_refused() {
        let block = BlockIo { leaf_weight: Some(100), ..BlockIo::default() };
        assert!(v2_lines(&block).is_err());
    }

    #[test]
    fn weight_out_of_range_is_refused_and_zero_is_unset() {
        for (weight, ok) in [(9, false), (1001, false), (10, true), (1000, true), (0, true)] {
            let block = BlockIo { weight: Some(weight), ..BlockIo::default() };
            assert_eq!(check(&block).is_ok(), ok, "{weight}");
        }
        assert!(is_empty(&BlockIo { weight: Some(0), ..BlockIo::default() }));
    }
}
