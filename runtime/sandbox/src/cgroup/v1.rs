// SPDX-License-Identifier: Apache-2.0
//! Limits on cgroup v1.

use super::{Group, devices, read_file, write_file};
use crate::Result;
use brig_spec::runtime::{CpuLimits, MemoryLimits, Resources};
use brig_sys::SysError;
use rustix::io::Errno;
use std::os::fd::OwnedFd;

/// Sets the limits that the group's hierarchy has controllers for.
pub(super) fn apply(group: &Group, resources: &Resources) -> Result<()> {
    let hierarchy = &group.hierarchy;
    if hierarchy.has("devices") {
        for line in devices::v1_lines(&resources.devices) {
            group.limit(if line.allow { "devices.allow" } else { "devices.deny" }, &line.text)?;
        }
    }
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
    Ok(())
}

fn apply_memory(group: &Group, memory: &MemoryLimits) -> Result<()> {
    if let Some(limit) = memory.limit.filter(|limit| *limit != 0) {
        group.limit("memory.limit_in_bytes", limit)?;
    }
    if let Some(swap) = memory.swap.filter(|swap| *swap != 0) {
        group.limit("memory.memsw.limit_in_bytes", swap)?;
    }
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

fn apply_cpu(group: &Group, cpu: &CpuLimits) -> Result<()> {
    if let Some(shares) = cpu.shares.filter(|shares| *shares != 0) {
        group.limit("cpu.shares", shares)?;
    }
    if let Some(period) = cpu.period.filter(|period| *period != 0) {
        group.limit("cpu.cfs_period_us", period)?;
    }
    if let Some(quota) = cpu.quota.filter(|quota| *quota != 0) {
        group.limit("cpu.cfs_quota_us", quota)?;
    }
    if let Some(burst) = cpu.burst {
        group.limit("cpu.cfs_burst_us", burst)?;
    }
    if let Some(idle) = cpu.idle {
        group.limit("cpu.idle", idle)?;
    }
    Ok(())
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
