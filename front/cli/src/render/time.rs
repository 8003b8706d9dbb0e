// SPDX-License-Identifier: Apache-2.0
//! Ages and moments as Docker prints them.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Returns such as `2 hours` for a number of seconds, in go-units' steps.
pub(crate) fn duration(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let minutes = seconds / 60;
    let hours = (seconds + 1800) / 3600;
    match (seconds, minutes, hours) {
        (0, ..) => "Less than a second".to_owned(),
        (1, ..) => "1 second".to_owned(),
        (2..60, ..) => format!("{seconds} seconds"),
        (_, 1, _) => "About a minute".to_owned(),
        (_, 2..60, _) => format!("{minutes} minutes"),
        (.., 1) => "About an hour".to_owned(),
        (.., 2..48) => format!("{hours} hours"),
        (.., 48..336) => format!("{} days", hours / 24),
        (.., 336..1440) => format!("{} weeks", hours / 24 / 7),
        (.., 1440..17_520) => format!("{} months", hours / 24 / 30),
        _ => format!("{} years", seconds / 3600 / 24 / 365),
    }
}

/// Returns how long ago a moment was; `N/A` when it is no moment.
pub(crate) fn since(moment: &str, now: Timestamp) -> Option<String> {
    let moment: Timestamp = moment.parse().ok()?;
    Some(duration(now.as_second() - moment.as_second()))
}

/// Returns such as `2026-11-25 02:03:04 +0000 UTC` in the caller's time zone.
pub(crate) fn moment(text: &str) -> String {
    let Ok(moment) = text.parse::<Timestamp>() else { return text.to_owned() };
    moment.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S %z %Z").to_string()
}

/// Returns RFC 3339 with nine digits, as `logs -t` prints it.
pub(crate) fn fixed_nanoseconds(text: &str) -> String {
    match text.parse::<Timestamp>() {
        Ok(moment) => format!("{moment:.9}"),
        Err(_) => text.to_owned(),
    }
}

/// Reads a moment: RFC 3339, a local date or date and time, seconds since 1970, or an age such as
/// `10m` or `1h30m`.
pub(crate) fn parse_moment(text: &str, now: Timestamp) -> Option<Timestamp> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(moment);
    }
    if let Some(seconds) = parse_age(text) {
        return now.checked_sub(jiff::SignedDuration::from_millis(seconds)).ok();
    }
    if let Ok(date_time) = text.parse::<jiff::civil::DateTime>() {
        return Some(date_time.to_zoned(TimeZone::system()).ok()?.timestamp());
    }
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let nanoseconds = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    Timestamp::new(seconds.parse().ok()?, nanoseconds).ok()
}

/// Reads a Go duration, in milliseconds.
fn parse_age(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut total = 0_i64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let (number, tail) = rest.split_at(digits);
        let unit_length = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_length);
        let unit_ms = match unit {
            "ms" => 1.0,
            "s" => 1000.0,
            "m" => 60_000.0,
            "h" => 3_600_000.0,
            _ => return None,
        };
        let milliseconds = number.parse::<f64>().ok()? * unit_ms;
        if !(0.0..1e15).contains(&milliseconds) {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "the range was checked above")]
        let milliseconds = milliseconds as i64;
        total = total.checked_add(milliseconds)?;
        rest = tail;
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duration_uses_go_units_words() {
        for (seconds, text) in [
            (-5, "Less than a second"),
            (0, "Less than a second"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "About a minute"),
            (119, "About a minute"),
            (120, "2 minutes"),
            (3599, "59 minutes"),
            (3600, "About an hour"),
            (5400, "2 hours"),
            (47 * 3600, "47 hours"),
            (48 * 3600, "2 days"),
            (14 * 86_400, "2 weeks"),
            (60 * 86_400, "2 months"),
            (800 * 86_400, "2 years"),
        ] {
            assert_eq!(duration(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn parse_moment_reads_dockers_forms() {
        let now: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let read = |text| parse_moment(text, now).map(|moment| moment.to_string());
        assert_eq!(read("2026-01-01T00:00:00Z").as_deref(), Some("2026-01-01T00:00:00Z"));
        assert_eq!(read("1h4m5s").as_deref(), Some("2026-01-02T02:00:00Z"));
        assert_eq!(read("1.5s").as_deref(), Some("2026-01-02T03:04:03.5Z"));
        assert_eq!(read("0").as_deref(), Some("1970-01-01T00:00:00Z"));
        assert_eq!(read("1.5").as_deref(), Some("1970-01-01T00:00:01.5Z"));
        assert!(read("2026-01-01").is_some());
        for text in ["", "x", "10q", "-5m"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn fixed_nanoseconds_has_nine_digits() {
        assert_eq!(fixed_nanoseconds("2024-02-29T00:00:01.5Z"), "2024-02-29T00:00:01.500000000Z");
    }
}
