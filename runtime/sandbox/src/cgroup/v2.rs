// SPDX-License-Identifier: Apache-2.0
//! Limits on cgroup v2.

use super::{Group, Hierarchy, devices, read_file, write_file};
use crate::Result;
use crate::error::InStep;
use brig_spec::runtime::{CpuLimits, MemoryLimits, Resources};
use brig_sys::{SysError, bpf};
use rustix::io::Errno;
use std::os::fd::{AsFd, OwnedFd};

/// Turns on, for the children of `parent`, the controllers that the limits need.
///
/// Only what exists there is asked for; a limit whose controller is missing fails later, by name.
pub(super) fn enable_controllers(
    parent: &OwnedFd,
    _hierarchy: &Hierarchy,
    resources: &Resources,
) -> std::result::Result<(), SysError> {
    let available = read_file(parent, "cgroup.controllers")?;
    if available.is_empty() {
        return Ok(());
    }
    let enabled = read_file(parent, "cgroup.subtree_control")?;
    for controller in wanted(resources) {
        let has = |list: &str| list.split(' ').any(|name| name == controller);
        if !has(&available) || has(&enabled) {
            continue;
        }
        match write_file(parent, "cgroup.subtree_control", &format!("+{controller}")) {
            // EBUSY: the parent has tasks of its own, as a session's scope has.
            Err(error) if !matches!(error.errno, Errno::BUSY | Errno::NOENT) => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Returns the controllers to turn on: the accounting ones always, so that `stats` works.
fn wanted(resources: &Resources) -> Vec<&'static str> {
    let mut list = vec!["cpu", "memory", "pids", "io"];
    if resources.cpu.as_ref().is_some_and(|cpu| !cpu.cpus.is_empty() || !cpu.mems.is_empty()) {
        list.push("cpuset");
    }
    list
}

/// Sets the limits. In hybrid mode this group carries no controller that v1 has.
pub(super) fn apply(group: &Group, resources: &Resources) -> Result<()> {
    let controllers = read_file(&group.dir, "cgroup.controllers").in_step(|| "read controllers")?;
    let has = |name: &str| controllers.split(' ').any(|controller| controller == name);
    let pure = group.hierarchy.mount.ends_with("sys/fs/cgroup");
    if pure {
        let program = devices::v2_program(&resources.devices);
        bpf::attach_device_filter(group.dir.as_fd(), &program)
            .in_step(|| format!("limit devices in `{}`", group.path.display()))?;
    }
    if let (true, Some(memory)) = (has("memory") || pure, &resources.memory) {
        apply_memory(group, memory)?;
    }
    if let (true, Some(cpu)) = (has("cpu") || pure, &resources.cpu) {
        apply_cpu(group, cpu)?;
    }
    if let (true, Some(pids)) = (has("pids") || pure, resources.pids) {
        match pids.limit {
            0 => {}
            limit if limit < 0 => group.limit("pids.max", "max")?,
            limit => group.limit("pids.max", limit)?,
        }
    }
    for (name, value) in resources.unified.iter().filter(|_| pure) {
        group.limit(name, value)?;
    }
    Ok(())
}

fn amount(value: i64) -> String {
    if value < 0 { "max".to_owned() } else { value.to_string() }
}

fn apply_memory(group: &Group, memory: &MemoryLimits) -> Result<()> {
    if let Some(limit) = memory.limit.filter(|limit| *limit != 0) {
        group.limit("memory.max", amount(limit))?;
    }
    if let Some(swap) = memory.swap.filter(|swap| *swap != 0) {
        // The specification's swap is memory and swap together; the kernel's is swap alone.
        let alone = match (swap, memory.limit) {
            (swap, Some(limit)) if swap > 0 && limit > 0 => amount((swap - limit).max(0)),
            (swap, _) => amount(swap),
        };
        group.limit("memory.swap.max", alone)?;
    }
    if let Some(reservation) = memory.reservation.filter(|value| *value != 0) {
        group.limit("memory.low", amount(reservation))?;
    }
    Ok(())
}

fn apply_cpu(group: &Group, cpu: &CpuLimits) -> Result<()> {
    if let Some(shares) = cpu.shares.filter(|shares| *shares != 0) {
        group.limit("cpu.weight", weight(shares))?;
    }
    if cpu.quota.is_some() || cpu.period.is_some() {
        let quota = match cpu.quota {
            Some(quota) if quota > 0 => quota.to_string(),
            _ => "max".to_owned(),
        };
        group.limit("cpu.max", format!("{quota} {}", cpu.period.unwrap_or(100_000)))?;
    }
    if let Some(burst) = cpu.burst {
        group.limit("cpu.max.burst", burst)?;
    }
    if let Some(idle) = cpu.idle {
        group.limit("cpu.idle", idle)?;
    }
    if !cpu.cpus.is_empty() {
        group.limit("cpuset.cpus", &cpu.cpus)?;
    }
    if !cpu.mems.is_empty() {
        group.limit("cpuset.mems", &cpu.mems)?;
    }
    Ok(())
}

/// Converts v1 shares (2 to 262144) to a v2 weight (1 to 10000), as the specification's
/// conversion of runc and crun does.
fn weight(shares: u64) -> u64 {
    let shares = shares.clamp(2, 262_144);
    1 + ((shares - 2) * 9_999) / 262_142
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weight_of_limits_and_default() {
        assert_eq!(weight(2), 1);
        assert_eq!(weight(1024), 39);
        assert_eq!(weight(262_144), 10_000);
    }
}
