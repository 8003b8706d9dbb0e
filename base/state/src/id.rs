// SPDX-License-Identifier: Apache-2.0
//! Container ids as the engine makes them.

use std::fmt::Write;

/// Returns a fresh container id: 64 hexadecimal digits from the kernel's random source, the
/// first twelve not all decimal (Docker's rule, so that a short id is never taken for a pid).
///
/// # Errors
/// When the kernel gives no random bytes.
pub fn random() -> std::io::Result<String> {
    loop {
        let mut bytes = [0_u8; 32];
        rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
        let mut id = String::with_capacity(64);
        for byte in bytes {
            write!(id, "{byte:02x}").expect("writing to a String cannot fail");
        }
        if id[..12].bytes().any(|b| b.is_ascii_alphabetic()) {
            return Ok(id);
        }
    }
}

/// Returns whether `id` is a whole container id.
#[must_use]
pub fn is_full(id: &str) -> bool {
    id.len() == 64 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_returns_a_full_id() {
        let id = random().unwrap();
        assert!(is_full(&id));
        assert_ne!(id, random().unwrap());
    }
}
