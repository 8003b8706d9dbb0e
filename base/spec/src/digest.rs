// SPDX-License-Identifier: Apache-2.0
//! Content digests: `sha256:` and 64 lower-case hexadecimal digits.
//!
//! Invariants: a [`Digest`] is always well formed, so its hexadecimal form is safe as a file name.
//! Hashing lives with those who read the bytes (brig-image), not here.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Number of hexadecimal digits of a SHA-256 digest.
pub const HEX_LENGTH: usize = 64;

/// Number of digits that Docker prints of an id.
pub const SHORT_LENGTH: usize = 12;

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// A digest that is not acceptable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// The text is not `ALGORITHM:HEX`.
    #[error("invalid digest `{text}`: expected `sha256:` and 64 lower-case hexadecimal digits")]
    Malformed {
        /// The text, cut to a printable length.
        text: String,
    },
    /// The algorithm is not SHA-256.
    #[error("unsupported digest algorithm `{algorithm}`: only sha256 is accepted")]
    Algorithm {
        /// The algorithm's name, cut to a printable length.
        algorithm: String,
    },
}

impl Digest {
    /// Wraps the 32 bytes of a finished SHA-256 computation.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Parses the 64 hexadecimal digits that follow the algorithm.
    ///
    /// # Errors
    /// When the text is anything but 64 lower-case hexadecimal digits.
    pub fn from_hex(hex: &str) -> Result<Self, DigestError> {
        let malformed = || DigestError::Malformed { text: excerpt(hex) };
        if hex.len() != HEX_LENGTH {
            return Err(malformed());
        }
        let mut bytes = [0_u8; 32];
        for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            let high = nibble(pair[0]).ok_or_else(malformed)?;
            let low = nibble(pair[1]).ok_or_else(malformed)?;
            *byte = high << 4 | low;
        }
        Ok(Self(bytes))
    }

    /// Returns the 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns the 64 hexadecimal digits without the algorithm.
    #[must_use]
    pub fn hex(&self) -> String {
        self.0
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .map(|nibble| char::from_digit(u32::from(nibble), 16).expect("a nibble is below 16"))
            .collect()
    }

    /// Returns the first twelve hexadecimal digits, as Docker prints ids.
    #[must_use]
    pub fn short(&self) -> String {
        let mut hex = self.hex();
        hex.truncate(SHORT_LENGTH);
        hex
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        match text.split_once(':') {
            Some(("sha256", hex)) => Self::from_hex(hex),
            Some((algorithm, _)) if !algorithm.is_empty() => {
                Err(DigestError::Algorithm { algorithm: excerpt(algorithm) })
            }
            _ => Err(DigestError::Malformed { text: excerpt(text) }),
        }
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// Cuts hostile text to what an error message can carry, with control characters escaped.
fn excerpt(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_default).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn parse_sha256_round_trips() {
        let digest: Digest = format!("sha256:{HEX}").parse().unwrap();
        assert_eq!(digest.hex(), HEX);
        assert_eq!(digest.short(), "e3b0c44298fc");
        assert_eq!(digest.to_string(), format!("sha256:{HEX}"));
        let json = serde_json::to_string(&digest).unwrap();
        assert_eq!(serde_json::from_str::<Digest>(&json).unwrap(), digest);
    }

    #[test]
    fn parse_malformed_digest_is_refused() {
        let upper = format!("sha256:{}", HEX.to_uppercase());
        let long = format!("sha256:{HEX}0");
        let traversal = format!("sha256:../../{}", &HEX[6..]);
        for text in ["", "sha256:", "sha256", ":", HEX, &upper, &long, &traversal] {
            let error = text.parse::<Digest>().unwrap_err();
            assert!(matches!(error, DigestError::Malformed { .. }), "{text}: {error}");
        }
        assert!(matches!("sha512:00".parse::<Digest>(), Err(DigestError::Algorithm { .. })));
    }

    #[test]
    fn error_with_control_characters_escapes_them() {
        let error = "\x1b[31m\n".parse::<Digest>().unwrap_err().to_string();
        assert!(!error.contains('\x1b') && !error.contains('\n'), "{error}");
    }
}
