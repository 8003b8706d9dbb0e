// SPDX-License-Identifier: Apache-2.0
//! Descriptors that a parent process handed over by number.
// UNSAFETY: owning a descriptor known only by its number has no safe wrapper.
#![expect(unsafe_code, reason = "see UNSAFETY above")]

use rustix::io::{FdFlags, fcntl_setfd};
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers that were taken already, one bit each.
static TAKEN: AtomicU64 = AtomicU64::new(0);

/// Takes the descriptor `number` (3 to 63), which the parent left open, and marks it
/// close-on-exec; `None` when it is not open or was taken before.
///
/// Call it before the program opens anything: a number that the parent did not hand over may
/// later be given to a descriptor of the program's own.
#[must_use]
pub fn take(number: RawFd) -> Option<OwnedFd> {
    let bit = match u32::try_from(number) {
        Ok(shift @ 3..=63) => 1_u64 << shift,
        _ => return None,
    };
    if TAKEN.fetch_or(bit, Ordering::Relaxed) & bit != 0 {
        return None;
    }
    // SAFETY: used only for a fcntl that fails harmlessly when the number is not open.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    fcntl_setfd(borrowed, FdFlags::CLOEXEC).ok()?;
    // SAFETY: the number is open, came from the parent and is handed out once, by `TAKEN`.
    Some(unsafe { OwnedFd::from_raw_fd(number) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn take_standard_or_closed_number_returns_none() {
        assert!(take(0).is_none());
        assert!(take(-1).is_none());
        assert!(take(64).is_none());
        assert!(take(63).is_none());
    }
}
