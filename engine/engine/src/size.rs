// SPDX-License-Identifier: Apache-2.0
//! Sizes as Docker reads them: `64m`, `1.5g`, `512kb`, `10MiB`, plain bytes; powers of 1024.

use crate::error::{Error, Result};

/// Reads a size in bytes.
///
/// # Errors
/// When it is no size, in Docker's words.
pub fn parse(text: &str) -> Result<i64> {
    parse_number(text).ok_or_else(|| {
        Error::invalid(
            format!("invalid size: '{}'", text.escape_debug()),
            "write bytes, or a number with `k`, `m`, `g` or `t`",
        )
    })
}

fn parse_number(text: &str) -> Option<i64> {
    let text = text.trim();
    let split = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit = unit.trim_start().to_ascii_lowercase();
    let power = match unit.strip_suffix("ib").or_else(|| unit.strip_suffix('b')).unwrap_or(&unit) {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        _ => return None,
    };
    fixed(number, 1_i64.checked_shl(power * 10)?)
}

/// Multiplies a decimal number such as `1.25` by `unit` without a detour over floats.
pub(crate) fn fixed(number: &str, unit: i64) -> Option<i64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || fraction.len() > 18 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let whole = whole.parse::<i64>().ok()?.checked_mul(unit)?;
    if fraction.is_empty() {
        return Some(whole);
    }
    let scale = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
    let part = i128::from(fraction.parse::<i64>().ok()?) * i128::from(unit) / scale;
    whole.checked_add(i64::try_from(part).ok()?)
}

/// Reads a number of CPUs such as `1.5`, in units of 10^-9.
///
/// # Errors
/// When it is no such number.
pub fn parse_cpus(text: &str) -> Result<i64> {
    let number = (!text.starts_with('-')).then(|| fixed(text, 1_000_000_000)).flatten();
    number.ok_or_else(|| {
        Error::invalid(
            format!("failed to parse `{}` as a number of CPUs", text.escape_debug()),
            "write a decimal number such as `1.5`",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_dockers_spellings() {
        for (text, bytes) in [
            ("0", 0),
            ("42", 42),
            ("64m", 64 << 20),
            ("64MB", 64 << 20),
            ("10MiB", 10 << 20),
            ("1.5g", 3 << 29),
            ("1 k", 1024),
            ("0.5k", 512),
        ] {
            assert_eq!(parse(text).unwrap(), bytes, "{text}");
        }
    }

    #[test]
    fn parse_no_sizes_are_refused() {
        for text in
            ["", "m", "-1", "1x", "1mm", "1.2.3", "99999999999999999999", "9223372036854775807k"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn parse_cpus_is_exact() {
        assert_eq!(parse_cpus("1.5").unwrap(), 1_500_000_000);
        assert_eq!(parse_cpus("0.01").unwrap(), 10_000_000);
        for text in ["-1", "x", "", "1e3"] {
            assert!(parse_cpus(text).is_err(), "{text}");
        }
    }
}
