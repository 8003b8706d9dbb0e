// SPDX-License-Identifier: Apache-2.0
//! Limits on cgroup v1.
//!
//! The same code sets and changes them, so pairs of files that bound each other are written in an
//! order that depends on what is there.

use super::{Group, block, devices, huge, read_file, write_file};
use crate::{Error, Result};
use brig_spec::runtime::{CpuLimits, MemoryLimits, Resources};
use brig_sys::SysError;
use rustix::io::Errno;
use std::os::fd::OwnedFd;

const LIMIT: &str = "memory.limit_in_bytes";
const MEMSW: &str = "memory.memsw.limit_in_bytes";
const PERIOD: &str = "cpu.cfs_period_us";
const QUOTA: &str = "cpu.cfs_quota_us";
const BURST: &str = "cpu.cfs_burst_us";

/// Sets the device rules of the group's hierarchy, if that is its matter.
pub(super) fn apply_devices(group: &Group, resources: &Resources) -> Result<()> {
    if group.hierarchy.has("devices") {
        for line in devices::v1_lines(&resources.devices) {
            group.limit(if line.allow { "devices.allow" } else { "devices.deny" }, &line.text)?;
        }
    }
    Ok(())
}

/// Sets the limits that the group's hierarchy has controllers for, except device rules.
pub(super) fn apply(group: &Group, resources: &Resources) -> Result<()> {
    let hierarchy = &group.hierarchy;
    if let (true, Some(memory)) = (hierarchy.has("memory"), &resources.memory) {
        apply_memory(group, memory)?;
    }
    if let Some(cpu) = &resources.cpu {
        if hierarchy.has("cpu") {
            apply_cpu(group, cpu)?;
        }
        if hierarchy.has("cpuset") {
            apply_cpuset(group, cpu)?;
        }
    }
    if let (true, Some(pids)) = (hierarchy.has("pids"), resources.pids) {
        match pids.limit {
            0 => {}
            limit if limit < 0 => group.limit("pids.max", "max")?,
            limit => group.limit("pids.max", limit)?,
        }
    }
    if let (true, Some(block)) = (hierarchy.has("blkio"), &resources.block_io) {
        block::apply_v1(group, block)?;
    }
    if hierarchy.has("hugetlb") {
        huge::apply(group, &resources.hugepage_limits, "limit_in_bytes")?;
    }
    Ok(())
}

fn apply_memory(group: &Group, memory: &MemoryLimits) -> Result<()> {
    let limit = memory.limit.filter(|limit| *limit != 0);
    if let (true, Some(limit)) = (memory.check_before_update, limit) {
        let usage: u64 = group.number("memory.usage_in_bytes")?.unwrap_or(0);
        super::check_usage(limit, usage)?;
    }
    apply_limit_and_swap(group, limit, memory.swap.filter(|swap| *swap != 0))?;
    if let Some(reservation) = memory.reservation.filter(|value| *value != 0) {
        group.limit("memory.soft_limit_in_bytes", reservation)?;
    }
    if let Some(swappiness) = memory.swappiness {
        group.limit("memory.swappiness", swappiness)?;
    }
    if memory.disable_oom_killer {
        group.limit("memory.oom_control", 1)?;
    }
    Ok(())
}

/// Sets the limit of memory and that of memory and swap together, which the kernel keeps at or
/// above the first at any time.
fn apply_limit_and_swap(group: &Group, limit: Option<i64>, swap: Option<i64>) -> Result<()> {
    const LIMIT_HINT: &str = "it must not be above the limit of memory and swap together, which \
        `--memory-swap` changes in the same step, nor below what cannot be reclaimed";
    const MEMSW_HINT: &str = "it must not be below the memory limit; without the file, boot with \
        `swapaccount=1`";
    let set_limit = |limit: i64| group.limit_or_hint(LIMIT, limit, LIMIT_HINT);
    let set_swap = |swap: i64| group.limit_or_hint(MEMSW, swap, MEMSW_HINT);
    match (limit, swap) {
        (None, None) => Ok(()),
        (None, Some(swap)) => set_swap(swap),
        (Some(limit), None) => {
            // No limit on memory means none on memory and swap, or it would be refused.
            if limit < 0 && group.has_file(MEMSW) {
                set_swap(-1)?;
            }
            set_limit(limit)
        }
        (Some(limit), Some(swap)) => {
            let present: u64 = group.number(LIMIT)?.unwrap_or(u64::MAX);
            if u64::try_from(swap).map_or(true, |swap| swap >= present) {
                set_swap(swap)?;
                set_limit(limit)
            } else {
                // The new pair is below the present limit, so also below the present swap.
                set_limit(limit)?;
                set_swap(swap)
            }
        }
    }
}

fn apply_cpu(group: &Group, cpu: &CpuLimits) -> Result<()> {
    if let Some(idle) = cpu.idle {
        group.limit("cpu.idle", idle)?;
    }
    // The kernel refuses shares while idle, and forgets them when that ends.
    if let Some(shares) = cpu.shares.filter(|shares| *shares != 0 && cpu.idle != Some(1)) {
        group.limit_or_hint("cpu.shares", shares, "an idle cgroup (`cpu.idle` 1) has none")?;
    }
    // A burst is at most the quota at any time: it shrinks first and grows last.
    let burst: u64 = match cpu.burst {
        Some(_) => group.number(BURST)?.unwrap_or(0),
        None => 0,
    };
    if let Some(less) = cpu.burst.filter(|new| *new <= burst) {
        group.limit(BURST, less)?;
    }
    let set = (cpu.period.filter(|period| *period != 0), cpu.quota.filter(|quota| *quota != 0));
    match set {
        (None, None) => {}
        (Some(period), None) => group.limit(PERIOD, period)?,
        (None, Some(quota)) => group.limit(QUOTA, quota)?,
        (Some(period), Some(quota)) => apply_period_and_quota(group, period, quota)?,
    }
    if let Some(more) = cpu.burst.filter(|new| *new > burst) {
        group.limit(BURST, more)?;
    }
    Ok(())
}

/// Sets both. The parent bounds quota by period from above, children of the container bound it
/// from below, and the two are different files.
fn apply_period_and_quota(group: &Group, period: u64, quota: i64) -> Result<()> {
    let (old_period, old_quota): (Option<u64>, Option<i64>) =
        (group.number(PERIOD)?, group.number(QUOTA)?);
    // The order whose step between has the smaller ratio, which no parent refuses.
    let direct = if old_period.is_none_or(|old| period >= old) {
        group.limit(PERIOD, period).and_then(|()| group.limit(QUOTA, quota))
    } else {
        group.limit(QUOTA, quota).and_then(|()| group.limit(PERIOD, period))
    };
    match direct {
        Err(Error::Step { source, .. }) if source.errno == Errno::INVAL => {}
        other => return other,
    }
    // Without a quota, which is allowed below any parent and above any child, the period is free.
    let detour = group
        .limit(QUOTA, -1)
        .and_then(|()| group.limit(PERIOD, period))
        .and_then(|()| group.limit(QUOTA, quota));
    if let (Err(_), Some(old_period), Some(old_quota)) = (&detour, old_period, old_quota) {
        // The refusal is the answer; what was there before was allowed.
        drop(group.limit(QUOTA, -1));
        drop(group.limit(PERIOD, old_period));
        drop(group.limit(QUOTA, old_quota));
    }
    detour
}

fn apply_cpuset(group: &Group, cpu: &CpuLimits) -> Result<()> {
    if !cpu.cpus.is_empty() {
        group.limit("cpuset.cpus", &cpu.cpus)?;
    }
    if !cpu.mems.is_empty() {
        group.limit("cpuset.mems", &cpu.mems)?;
    }
    Ok(())
}

/// Copies CPUs and memory nodes from the parent: a v1 cpuset starts empty and admits nobody.
pub(super) fn inherit_cpuset(
    parent: &OwnedFd,
    child: &OwnedFd,
) -> std::result::Result<(), SysError> {
    for name in ["cpuset.cpus", "cpuset.mems"] {
        let value = read_file(parent, name)?;
        match write_file(child, name, &value) {
            // A kernel with `noprefix` mounts; nothing to inherit there.
            Err(error) if error.errno == Errno::NOENT => {}
            other => other?,
        }
    }
    Ok(())
}
