// SPDX-License-Identifier: Apache-2.0
//! Limits: cgroup resources and rlimits, with Docker's checks and sentences.

use crate::container::options::{ResourceOptions, Ulimit};
use crate::error::{Error, Result};
use brig_policy::{masks, rlimits};
use brig_spec::runtime::{CpuLimits, DeviceRule, MemoryLimits, PidsLimit, Resources, Rlimit};

/// Tasks a container may have unless told otherwise.
pub const PIDS_DEFAULT: i64 = 4096;
/// Smallest memory limit, bytes.
const MEMORY_BYTES_MIN: i64 = 6 * 1024 * 1024;
/// Length of a CPU period, microseconds.
const CPU_PERIOD_US: i64 = 100_000;

/// Makes the cgroup's limits. `cpus`: how many the machine has.
///
/// # Errors
/// When a limit is out of its range or contradicts another.
pub fn resources(options: &ResourceOptions, privileged: bool, cpus: u32) -> Result<Resources> {
    Ok(Resources {
        devices: devices(privileged),
        memory: memory(options)?,
        cpu: cpu(options, cpus)?,
        pids: pids(options),
        ..Resources::default()
    })
}

fn devices(privileged: bool) -> Vec<DeviceRule> {
    if privileged {
        return vec![DeviceRule { allow: true, access: "rwm".into(), ..DeviceRule::default() }];
    }
    masks::default_device_rules()
}

fn memory(options: &ResourceOptions) -> Result<Option<MemoryLimits>> {
    let limit = options.memory_bytes.filter(|&bytes| bytes != 0);
    let swap = options.memory_swap_bytes.filter(|&bytes| bytes != 0);
    let reservation = options.memory_reservation_bytes.filter(|&bytes| bytes != 0);
    if limit.is_some_and(|bytes| bytes < MEMORY_BYTES_MIN) {
        return Err(Error::invalid(
            "Minimum memory limit allowed is 6MB",
            "give `--memory` at least 6m",
        ));
    }
    match (limit, swap) {
        (None, Some(bytes)) if bytes > 0 => {
            return Err(Error::invalid(
                "You should always set the Memory limit when using Memoryswap limit, see usage",
                "add `--memory`",
            ));
        }
        (Some(limit), Some(bytes)) if bytes > 0 && bytes < limit => {
            return Err(Error::invalid(
                "Minimum memoryswap limit should be larger than memory limit, see usage",
                "`--memory-swap` counts memory and swap together",
            ));
        }
        _ => {}
    }
    if reservation.is_some_and(|soft| limit.is_some_and(|limit| soft > limit)) {
        return Err(Error::invalid(
            "Minimum memory limit can not be less than memory reservation limit, see usage",
            "lower `--memory-reservation`",
        ));
    }
    if limit.is_none() && swap.is_none() && reservation.is_none() {
        return Ok(None);
    }
    // Docker: as much swap as memory unless told otherwise.
    let swap = swap.or_else(|| limit.map(|bytes| bytes.saturating_mul(2)));
    Ok(Some(MemoryLimits { limit, swap, reservation, ..MemoryLimits::default() }))
}

fn cpu(options: &ResourceOptions, cpus: u32) -> Result<Option<CpuLimits>> {
    let mut limits = CpuLimits {
        shares: options.cpu_shares.filter(|&shares| shares != 0),
        cpus: options.cpuset_cpus.clone(),
        mems: options.cpuset_mems.clone(),
        ..CpuLimits::default()
    };
    if let Some(nano) = options.nano_cpus.filter(|&nano| nano != 0) {
        if nano < 10_000_000 || nano > i64::from(cpus) * 1_000_000_000 {
            return Err(Error::invalid(
                format!(
                    "range of CPUs is from 0.01 to {cpus}.00, as there are only {cpus} CPUs \
                     available"
                ),
                "lower `--cpus`",
            ));
        }
        limits.period = u64::try_from(CPU_PERIOD_US).ok();
        limits.quota = Some(nano / (1_000_000_000 / CPU_PERIOD_US));
    }
    Ok((limits != CpuLimits::default()).then_some(limits))
}

fn pids(options: &ResourceOptions) -> Option<PidsLimit> {
    let limit = options.pids_limit.unwrap_or(PIDS_DEFAULT);
    Some(PidsLimit { limit: if limit <= 0 { -1 } else { limit } })
}

/// Makes the process's resource limits.
#[must_use]
pub fn process_rlimits(ulimits: &[Ulimit]) -> Vec<Rlimit> {
    let value = |limit: i64| u64::try_from(limit).unwrap_or(u64::MAX);
    ulimits
        .iter()
        .map(|ulimit| Rlimit {
            // An unknown name was refused when the option was read.
            kind: rlimits::rlimit_of_ulimit(&ulimit.name).unwrap_or_default(),
            soft: value(ulimit.soft),
            hard: value(ulimit.hard),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> ResourceOptions {
        ResourceOptions::default()
    }

    #[test]
    fn resources_by_default_limit_tasks_and_devices_only() {
        let made = resources(&options(), false, 2).unwrap();
        assert_eq!(made.pids, Some(PidsLimit { limit: 4096 }));
        assert_eq!((made.memory, made.cpu), (None, None));
        assert!(!made.devices[0].allow && made.devices[1..].iter().all(|rule| rule.allow));
    }

    #[test]
    fn resources_unlimited_tasks_are_minus_one() {
        for limit in [0, -1, -7] {
            let options = ResourceOptions { pids_limit: Some(limit), ..options() };
            assert_eq!(resources(&options, false, 2).unwrap().pids.unwrap().limit, -1);
        }
    }

    #[test]
    fn resources_memory_without_swap_allows_as_much_swap() {
        let options = ResourceOptions { memory_bytes: Some(64 << 20), ..options() };
        let memory = resources(&options, false, 2).unwrap().memory.unwrap();
        assert_eq!((memory.limit, memory.swap), (Some(64 << 20), Some(128 << 20)));
    }

    #[test]
    fn resources_contradictions_are_refused() {
        let bad = [
            ResourceOptions { memory_bytes: Some(1024), ..options() },
            ResourceOptions { memory_swap_bytes: Some(64 << 20), ..options() },
            ResourceOptions {
                memory_bytes: Some(64 << 20),
                memory_swap_bytes: Some(32 << 20),
                ..options()
            },
            ResourceOptions { nano_cpus: Some(1), ..options() },
            ResourceOptions { nano_cpus: Some(3_000_000_000), ..options() },
        ];
        for options in bad {
            assert!(resources(&options, false, 2).is_err(), "{options:?}");
        }
    }

    #[test]
    fn resources_cpus_become_quota_and_period() {
        let options = ResourceOptions { nano_cpus: Some(1_500_000_000), ..options() };
        let cpu = resources(&options, false, 2).unwrap().cpu.unwrap();
        assert_eq!((cpu.quota, cpu.period), (Some(150_000), Some(100_000)));
    }

    #[test]
    fn process_rlimits_minus_one_is_unlimited() {
        let limits = process_rlimits(&[Ulimit { name: "nofile".into(), soft: 10, hard: -1 }]);
        assert_eq!(limits[0].kind, "RLIMIT_NOFILE");
        assert_eq!((limits[0].soft, limits[0].hard), (10, u64::MAX));
    }
}
