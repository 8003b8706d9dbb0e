// SPDX-License-Identifier: Apache-2.0
//! The flags with which a filter is installed.

use super::SeccompError;

const FLAGS: [(&str, u32); 4] = [
    ("SECCOMP_FILTER_FLAG_TSYNC", 1),
    ("SECCOMP_FILTER_FLAG_LOG", 2),
    ("SECCOMP_FILTER_FLAG_SPEC_ALLOW", 4),
    ("SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", 32),
];

/// Names the flags that a profile may ask for, as `features` reports them.
#[must_use]
pub fn flag_names() -> [&'static str; 4] {
    FLAGS.map(|(name, _)| name)
}

/// Reads a profile's flags into the bits of seccomp(2).
///
/// # Errors
/// A flag is not one that a profile may ask for.
pub fn parse_flags(names: &[String]) -> Result<u32, SeccompError> {
    let mut bits = 0;
    for name in names {
        let known = FLAGS.iter().find(|(flag, _)| flag == name);
        bits |= known.ok_or_else(|| SeccompError::UnknownFlag { flag: name.clone() })?.1;
    }
    Ok(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_flags_joins_bits_and_refuses_others() {
        assert_eq!(parse_flags(&[]).unwrap(), 0);
        assert_eq!(parse_flags(&flag_names().map(str::to_owned)).unwrap(), 39);
        // The listener flag is the runtime's to set.
        assert!(parse_flags(&["SECCOMP_FILTER_FLAG_NEW_LISTENER".to_owned()]).is_err());
    }
}
