// SPDX-License-Identifier: Apache-2.0
//! Sizes as Docker prints them: powers of 1000, three digits.

const UNITS: &[&str] = &["B", "kB", "MB", "GB", "TB", "PB", "EB"];
const DIGITS: usize = 3;

/// Returns such as `4.26MB`.
pub(crate) fn human(bytes: u64) -> String {
    let (mut unit, mut scale) = (0, 1_u128);
    let bytes = u128::from(bytes);
    while bytes / scale >= 1000 && unit + 1 < UNITS.len() {
        scale *= 1000;
        unit += 1;
    }
    let whole_digits = (bytes / scale).to_string().len();
    let decimals = u32::try_from(DIGITS.saturating_sub(whole_digits)).unwrap_or(0);
    let factor = 10_u128.pow(decimals);
    let scaled = (bytes * factor + scale / 2) / scale;
    let (whole, fraction) = (scaled / factor, scaled % factor);
    let mut text = whole.to_string();
    if fraction > 0 {
        let width = usize::try_from(decimals).unwrap_or(0);
        let digits = format!("{fraction:0width$}");
        text.push('.');
        text.push_str(digits.trim_end_matches('0'));
    }
    text.push_str(UNITS[unit]);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn human_has_three_digits_as_docker() {
        for (bytes, text) in [
            (0, "0B"),
            (999, "999B"),
            (1000, "1kB"),
            (4_261_502, "4.26MB"),
            (72_800_000, "72.8MB"),
            (133_400_000, "133MB"),
            (1_999_999, "2MB"),
            (12_345_678_901, "12.3GB"),
        ] {
            assert_eq!(human(bytes), text);
        }
    }
}
