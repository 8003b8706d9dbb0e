// SPDX-License-Identifier: Apache-2.0
//! The clock, as records write it.

/// Returns now as RFC 3339 with nanoseconds, UTC.
pub(crate) fn now() -> String {
    let nanoseconds = jiff::Timestamp::now();
    format!("{nanoseconds:.9}")
}
