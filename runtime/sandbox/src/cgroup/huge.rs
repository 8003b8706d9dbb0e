// SPDX-License-Identifier: Apache-2.0
//! Limits on huge pages: `hugetlb.<size>.*` on v1 and v2.

use super::Group;
use crate::{Error, Result};
use brig_spec::runtime::HugePageLimit;

/// Checks the sizes, which become parts of file names.
///
/// # Errors
/// For a size that is not written as the kernel writes it.
pub(super) fn check(limits: &[HugePageLimit]) -> Result<()> {
    for limit in limits {
        let digits = limit.page_size.trim_end_matches(|c: char| !c.is_ascii_digit());
        let unit = &limit.page_size[digits.len()..];
        let number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        if !number || !matches!(unit, "KB" | "MB" | "GB") {
            let reason = format!("page size {:?} is not of the form `2MB`", limit.page_size);
            return Err(Error::config("linux.resources.hugepageLimits", reason));
        }
    }
    Ok(())
}

/// Sets the limits; `file` is `limit_in_bytes` on v1 and `max` on v2.
///
/// # Errors
/// When the machine has no such page size, or the kernel refuses the value.
pub(super) fn apply(group: &Group, limits: &[HugePageLimit], file: &str) -> Result<()> {
    for limit in limits {
        let name = format!("hugetlb.{}.{file}", limit.page_size);
        if !group.has_file(&name) {
            return Err(Error::refused(
                format!("set linux.resources.hugepageLimits of {}", limit.page_size),
                format!("the kernel has no {name} in `{}`", group.path.display()),
            ));
        }
        group.limit(&name, limit.limit)?;
        // Reservations are counted apart since 5.7; without a limit mmap would succeed and the
        // first touch would be fatal.
        let reserved = format!("hugetlb.{}.rsvd.{file}", limit.page_size);
        if group.has_file(&reserved) {
            group.limit(&reserved, limit.limit)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_page_sizes() {
        let sizes = [
            ("2MB", true),
            ("64KB", true),
            ("1GB", true),
            ("", false),
            ("MB", false),
            ("2", false),
            ("../2MB", false),
            ("2/../3MB", false),
        ];
        for (size, ok) in sizes {
            let limits = [HugePageLimit { page_size: size.to_owned(), limit: 0 }];
            assert_eq!(check(&limits).is_ok(), ok, "{size:?}");
        }
    }
}
