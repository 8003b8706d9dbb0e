// SPDX-License-Identifier: Apache-2.0
//! Capability sets of the calling thread, as plain bit masks (bit n = capability n).

use crate::error::{Context, SysError};
use rustix::io::Errno;
use rustix::thread::{
    CapabilitySet, CapabilitySets, clear_ambient_capability_set,
    configure_capability_in_ambient_set, remove_capability_from_bounding_set, set_capabilities,
};

/// Removes from the bounding set every capability that `keep` lacks.
///
/// # Errors
/// EPERM without CAP_SETPCAP.
pub fn limit_bounding(keep: u64) -> Result<(), SysError> {
    for number in 0..64_u32 {
        if (keep >> number) & 1 == 1 {
            continue;
        }
        match remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(1 << number)) {
            Ok(()) => {}
            // Numbers beyond the kernel's last capability.
            Err(Errno::INVAL) => break,
            Err(errno) => {
                return Err(errno).context("prctl", || format!("PR_CAPBSET_DROP, {number}"));
            }
        }
    }
    Ok(())
}

/// Sets the three classic sets at once.
///
/// # Errors
/// EPERM when a set would grow beyond what the thread may have.
pub fn set(effective: u64, permitted: u64, inheritable: u64) -> Result<(), SysError> {
    let sets = CapabilitySets {
        effective: CapabilitySet::from_bits_retain(effective),
        permitted: CapabilitySet::from_bits_retain(permitted),
        inheritable: CapabilitySet::from_bits_retain(inheritable),
    };
    set_capabilities(None, sets).context("capset", || {
        format!("effective {effective:#x}, permitted {permitted:#x}, inheritable {inheritable:#x}")
    })
}

/// Returns the permitted set.
///
/// # Errors
/// As `capget(2)`.
pub fn permitted() -> Result<u64, SysError> {
    rustix::thread::capabilities(None).map(|sets| sets.permitted.bits()).context("capget", || "0")
}

/// Replaces the ambient set; each must be permitted and inheritable already.
///
/// # Errors
/// EPERM otherwise.
pub fn set_ambient(wanted: u64) -> Result<(), SysError> {
    clear_ambient_capability_set().context("prctl", || "PR_CAP_AMBIENT_CLEAR_ALL")?;
    for number in (0..64_u32).filter(|n| (wanted >> n) & 1 == 1) {
        configure_capability_in_ambient_set(CapabilitySet::from_bits_retain(1 << number), true)
            .context("prctl", || format!("PR_CAP_AMBIENT_RAISE, {number}"))?;
    }
    Ok(())
}
