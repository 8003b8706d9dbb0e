// SPDX-License-Identifier: Apache-2.0
//! `update`: changes the limits of a container; what is not given stays as it is.

use super::Outcome;
use crate::arguments::{Arguments, Flag, value};
use crate::global::Global;
use crate::store::Container;
use brig_report::{Kind, Report};
use brig_sandbox::cgroup::{Cgroup, Layout};
use brig_spec::runtime::{BlockIo, CpuLimits, MemoryLimits, PidsLimit, Resources, Status};
use std::io::Read;

/// Largest resources document.
const DOCUMENT_BYTES_MAX: u64 = 1 << 20;

const RESOURCES: &str = "resources";

const LIMITS: [Flag; 12] = [
    value("memory", 0),
    value("memory-reservation", 0),
    value("memory-swap", 0),
    value("cpu-period", 0),
    value("cpu-quota", 0),
    value("cpu-burst", 0),
    value("cpu-share", 0),
    value("cpu-idle", 0),
    value("cpuset-cpus", 0),
    value("cpuset-mems", 0),
    value("pids-limit", 0),
    value("blkio-weight", 0),
];

pub(super) fn run(global: &Global, words: &[String]) -> Outcome {
    let mut flags = LIMITS.to_vec();
    flags.push(value(RESOURCES, b'r'));
    let arguments = Arguments::parse(words, &flags, None)?;
    let container = Container::named(&global.root, arguments.id()?)?;
    let resources = match arguments.get(RESOURCES) {
        Some(source) => {
            if let Some(flag) = LIMITS.iter().find(|flag| arguments.get(flag.name).is_some()) {
                let text = format!("--{RESOURCES} and --{} exclude each other", flag.name);
                return Err(Report::new(Kind::Invalid, text)
                    .hint("put all limits into the document")
                    .into());
            }
            document(source)?
        }
        None => given(&arguments)?,
    };
    let record = container.load()?;
    if matches!(container.status(&record)?, Status::Stopped | Status::Creating) {
        return Err(Report::new(Kind::Conflict, "container not running").into());
    }
    Cgroup::open(&Layout::detect()?, &record.cgroup)?.update(&resources)?;
    Ok(0)
}

/// Reads a `linux.resources` document from a file, or from stdin for `-`. Its device rules are
/// left out of the update, as in runc.
fn document(source: &str) -> Result<Resources, Report> {
    let mut text = String::new();
    let read = match source {
        "-" => std::io::stdin().take(DOCUMENT_BYTES_MAX + 1).read_to_string(&mut text),
        path => std::fs::File::open(path)
            .and_then(|file| file.take(DOCUMENT_BYTES_MAX + 1).read_to_string(&mut text)),
    };
    let bytes = read.map_err(|error| {
        Report::new(Kind::Invalid, format!("read the resources from `{source}`: {error}"))
    })?;
    if u64::try_from(bytes).map_or(true, |bytes| bytes > DOCUMENT_BYTES_MAX) {
        let text =
            format!("the resources in `{source}` are longer than {DOCUMENT_BYTES_MAX} bytes");
        return Err(Report::new(Kind::Invalid, text));
    }
    serde_json::from_str(&text).map_err(|error| {
        Report::new(Kind::Invalid, format!("parse the resources in `{source}`: {error}"))
            .hint("the document is the `linux.resources` object of config.json")
    })
}

/// Makes the document that the flags stand for.
fn given(arguments: &Arguments) -> Result<Resources, Report> {
    let memory = MemoryLimits {
        limit: size(arguments, "memory")?,
        reservation: size(arguments, "memory-reservation")?,
        swap: size(arguments, "memory-swap")?,
        ..MemoryLimits::default()
    };
    let list = |name| arguments.get(name).unwrap_or_default().to_owned();
    let cpu = CpuLimits {
        shares: arguments.number("cpu-share")?,
        quota: arguments.number("cpu-quota")?,
        burst: arguments.number("cpu-burst")?,
        period: arguments.number("cpu-period")?,
        cpus: list("cpuset-cpus"),
        mems: list("cpuset-mems"),
        idle: arguments.number("cpu-idle")?,
    };
    let weight: Option<u16> = arguments.number("blkio-weight")?;
    Ok(Resources {
        memory: Some(memory),
        cpu: Some(cpu),
        pids: arguments.number("pids-limit")?.map(|limit| PidsLimit { limit }),
        block_io: weight.map(|weight| BlockIo { weight: Some(weight), ..BlockIo::default() }),
        ..Resources::default()
    })
}

/// Returns a flag's bytes; -1 means unlimited.
fn size(arguments: &Arguments, name: &str) -> Result<Option<i64>, Report> {
    let Some(text) = arguments.get(name) else { return Ok(None) };
    match parse_size(text) {
        Some(bytes) => Ok(Some(bytes)),
        None => {
            Err(Report::new(Kind::Invalid, format!("invalid value {text:?} for flag --{name}"))
                .hint("a size looks like `67108864`, `64M` or `1.5g`; -1 means unlimited"))
        }
    }
}

/// Parses Docker's size format, powers of 1024: `64m`, `64MB`, `64MiB`, `1.5g`.
fn parse_size(text: &str) -> Option<i64> {
    if text == "-1" {
        return Some(-1);
    }
    let lower = text.trim().to_ascii_lowercase();
    let end = lower.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(lower.len());
    let (number, unit) = lower.split_at(end);
    let unit: u128 = match unit.trim_start() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        "t" | "tb" | "tib" => 1 << 40,
        "p" | "pb" | "pib" => 1 << 50,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let mut bytes = whole.parse::<u128>().ok()?.checked_mul(unit)?;
    if !fraction.is_empty() {
        let scale = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
        bytes = bytes.checked_add(fraction.parse::<u128>().ok()?.checked_mul(unit)? / scale)?;
    }
    i64::try_from(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_size_in_dockers_format() {
        let sizes = [
            ("-1", Some(-1)),
            ("0", Some(0)),
            ("67108864", Some(67_108_864)),
            ("64m", Some(67_108_864)),
            ("64MiB", Some(67_108_864)),
            ("1.5 GB", Some(1_610_612_736)),
            ("", None),
            ("m", None),
            ("-2", None),
            ("1x", None),
            ("1.2.3", None),
            ("9223372036854775808", None),
            ("99999999999999999999999p", None),
        ];
        for (text, bytes) in sizes {
            assert_eq!(parse_size(text), bytes, "{text:?}");
        }
    }

    #[test]
    fn given_flags_only_are_set() {
        let words: Vec<String> =
            ["c1", "--pids-limit", "7", "--cpu-idle=1"].map(str::to_owned).into();
        let arguments = Arguments::parse(&words, &LIMITS, None).unwrap();
        let resources = given(&arguments).unwrap();
        let cpu = CpuLimits { idle: Some(1), ..CpuLimits::default() };
        let wanted = Resources {
            memory: Some(MemoryLimits::default()),
            cpu: Some(cpu),
            pids: Some(PidsLimit { limit: 7 }),
            ..Resources::default()
        };
        assert_eq!(resources, wanted);
    }
}
