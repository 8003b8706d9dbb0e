// SPDX-License-Identifier: Apache-2.0
//! Waiting for a condition, never for a time.

use std::time::{Duration, Instant};

/// How long a test waits for what should happen at once; long, for a loaded machine.
pub const SOON: Duration = Duration::from_secs(10);

/// Asks `condition` until it has an answer or the time is up.
pub fn wait_for<T>(timeout: Duration, mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + timeout;
    let mut pause = Duration::from_micros(250);
    loop {
        if let Some(answer) = condition() {
            return Some(answer);
        }
        if Instant::now() >= end {
            return None;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// As [`wait_for`] with [`SOON`], and fails the test when the time is up.
///
/// # Panics
/// When the condition does not come true.
pub fn expect_soon<T>(what: &str, condition: impl FnMut() -> Option<T>) -> T {
    wait_for(SOON, condition).unwrap_or_else(|| panic!("waited {SOON:?} in vain: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wait_for_returns_the_answer_or_gives_up() {
        let mut asked = 0;
        let answer = wait_for(SOON, || {
            asked += 1;
            (asked == 3).then_some(asked)
        });
        assert_eq!(answer, Some(3));
        assert_eq!(wait_for(Duration::ZERO, || None::<()>), None);
    }
}
