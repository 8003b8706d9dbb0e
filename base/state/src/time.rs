// SPDX-License-Identifier: Apache-2.0
//! Wall-clock times in RFC 3339, without a calendar library.

use rustix::time::{ClockId, clock_gettime};

/// A point of wall-clock time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamp {
    /// Seconds since 1970-01-01T00:00:00Z; earlier times are not supported.
    pub seconds: u64,
    /// Nanoseconds within the second.
    pub nanoseconds: u32,
}

impl Timestamp {
    /// Reads the clock.
    pub fn now() -> Self {
        let time = clock_gettime(ClockId::Realtime);
        Self {
            seconds: u64::try_from(time.tv_sec).unwrap_or(0),
            nanoseconds: u32::try_from(time.tv_nsec).unwrap_or(0),
        }
    }

    /// Returns the time with all nine digits of the nanoseconds, as records have it.
    pub fn to_record(self) -> String {
        let mut text = self.to_second();
        text.push('.');
        push_digits(&mut text, u64::from(self.nanoseconds), 9);
        text.push('Z');
        text
    }

    /// Returns the time without trailing zeros in the fraction, as Docker's log lines have it.
    pub fn to_log(self) -> String {
        let mut text = self.to_second();
        if self.nanoseconds != 0 {
            text.push('.');
            push_digits(&mut text, u64::from(self.nanoseconds), 9);
            text.truncate(text.trim_end_matches('0').len());
        }
        text.push('Z');
        text
    }

    fn to_second(self) -> String {
        let (year, month, day) = civil_date(self.seconds / 86_400);
        let of_day = self.seconds % 86_400;
        let mut text = String::with_capacity(30);
        push_digits(&mut text, year, 4);
        for (separator, value) in [
            ('-', month),
            ('-', day),
            ('T', of_day / 3600),
            (':', of_day / 60 % 60),
            (':', of_day % 60),
        ] {
            text.push(separator);
            push_digits(&mut text, value, 2);
        }
        text
    }
}

/// Appends `value` with at least `width` decimal digits.
fn push_digits(text: &mut String, value: u64, width: usize) {
    let digits = value.to_string();
    text.extend(std::iter::repeat_n('0', width.saturating_sub(digits.len())));
    text.push_str(&digits);
}

/// Returns year, month and day of the Gregorian calendar for a number of days since 1970-01-01.
///
/// Counts in 400-year eras of years that begin in March, so that the leap day is a year's last.
fn civil_date(days_since_1970: u64) -> (u64, u64, u64) {
    const DAYS_PER_ERA: u64 = 146_097;
    const DAYS_FROM_0000_MARCH_TO_1970: u64 = 719_468;
    let days = days_since_1970 + DAYS_FROM_0000_MARCH_TO_1970;
    let of_era = days % DAYS_PER_ERA;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = days / DAYS_PER_ERA * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn to_record_known_times_match_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (951_782_399, "2000-02-28T23:59:59.000000000Z"),
            (951_782_400, "2000-02-29T00:00:00.000000000Z"),
            (1_709_164_800, "2024-02-29T00:00:00.000000000Z"),
            (1_735_689_599, "2024-12-31T23:59:59.000000000Z"),
            (1_735_689_600, "2025-01-01T00:00:00.000000000Z"),
            (4_107_542_399, "2100-02-28T23:59:59.000000000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000000000Z"),
        ] {
            assert_eq!(Timestamp { seconds, nanoseconds: 0 }.to_record(), expected);
        }
    }

    #[test]
    fn civil_date_every_day_for_500_years_follows_its_predecessor() {
        let mut previous = civil_date(0);
        for days in 1..182_621 {
            let date = civil_date(days);
            let follows = date == (previous.0, previous.1, previous.2 + 1)
                || (date.2 == 1 && previous.2 >= 28 && date.1 == previous.1 % 12 + 1);
            assert!(follows, "{previous:?} then {date:?}");
            previous = date;
        }
        assert_eq!(previous, (2469, 12, 30));
    }

    #[test]
    fn to_log_drops_trailing_zeros_as_docker_does() {
        let at = |nanoseconds| Timestamp { seconds: 1_709_164_801, nanoseconds }.to_log();
        assert_eq!(at(0), "2024-02-29T00:00:01Z");
        assert_eq!(at(120_000_000), "2024-02-29T00:00:01.12Z");
        assert_eq!(at(1), "2024-02-29T00:00:01.000000001Z");
    }
}
