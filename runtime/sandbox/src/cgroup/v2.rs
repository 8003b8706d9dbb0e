// SPDX-License-Identifier: Apache-2.0
//! Limits on cgroup v2.

use super::{Group, Hierarchy, block, devices, huge, open_directory, read_file, write_file};
use crate::error::InStep;
use crate::{Error, Result};
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
    if !resources.hugepage_limits.is_empty() {
        list.push("hugetlb");
    }
    list
}

/// Returns whether the group has the files of a controller.
pub(super) fn has_controller(group: &Group, controller: &str) -> Result<bool> {
    let list = group.read("cgroup.controllers")?.unwrap_or_default();
    Ok(list.split(' ').any(|name| name == controller))
}

/// Turns controllers on in each directory above the group: those that existed when the group was
/// made may lack one.
pub(super) fn enable_along(group: &Group, resources: &Resources) -> Result<()> {
    let mount = &group.hierarchy.mount;
    let above = group.path.parent().and_then(|parent| parent.strip_prefix(mount).ok());
    let mut walked = mount.clone();
    let mut names = above.unwrap_or(std::path::Path::new("")).iter();
    loop {
        open_directory(&walked)
            .and_then(|dir| enable_controllers(&dir, &group.hierarchy, resources))
            .in_step(|| format!("turn on controllers in `{}`", walked.display()))?;
        match names.next() {
            Some(name) => walked.push(name),
            None => return Ok(()),
        }
    }
}

/// Sets the device rules; a hybrid machine has them on v1.
pub(super) fn apply_devices(group: &Group, resources: &Resources) -> Result<()> {
    if !group.is_pure() {
        return Ok(());
    }
    let program = devices::v2_program(&resources.devices);
    bpf::attach_device_filter(group.dir.as_fd(), &program)
        .in_step(|| format!("limit devices in `{}`", group.path.display()))
}

/// Sets the limits, except device rules. In hybrid mode this group carries no controller that v1
/// has.
pub(super) fn apply(group: &Group, resources: &Resources) -> Result<()> {
    let controllers = group.read("cgroup.controllers")?.unwrap_or_default();
    let has = |name: &str| controllers.split(' ').any(|controller| controller == name);
    if let (true, Some(memory)) = (has("memory"), &resources.memory) {
        apply_memory(group, memory)?;
    }
    if let (true, Some(cpu)) = (has("cpu"), &resources.cpu) {
        apply_cpu(group, cpu)?;
    }
    if let (true, Some(cpu)) = (has("cpuset"), &resources.cpu) {
        apply_cpuset(group, cpu)?;
    }
    if let (true, Some(pids)) = (has("pids"), resources.pids) {
        match pids.limit {
            0 => {}
            limit if limit < 0 => group.limit("pids.max", "max")?,
            limit => group.limit("pids.max", limit)?,
        }
    }
    if let (true, Some(block)) = (has("io"), &resources.block_io) {
        block::apply_v2(group, block)?;
    }
    if has("hugetlb") {
        huge::apply(group, &resources.hugepage_limits, "max")?;
    }
    for (name, value) in resources.unified.iter().filter(|_| group.is_pure()) {
        group.limit(name, value)?;
    }
    Ok(())
}

fn amount(value: i64) -> String {
    if value < 0 { "max".to_owned() } else { value.to_string() }
}

fn apply_memory(group: &Group, memory: &MemoryLimits) -> Result<()> {
    let limit = memory.limit.filter(|limit| *limit != 0);
    if let (true, Some(limit)) = (memory.check_before_update, limit) {
        let usage: u64 = group.number("memory.current")?.unwrap_or(0);
        super::check_usage(limit, usage)?;
    }
    // Before the first write, so that a contradiction changes nothing.
    let swap = swap_alone(group, limit, memory.swap.filter(|swap| *swap != 0))?;
    if let Some(limit) = limit {
        group.limit("memory.max", amount(limit))?;
    }
    if let Some(swap) = swap {
        group.limit("memory.swap.max", amount(swap))?;
    }
    if let Some(reservation) = memory.reservation.filter(|value| *value != 0) {
        group.limit("memory.low", amount(reservation))?;
    }
    Ok(())
}

/// Returns the limit on swap alone, which the kernel takes: the specification's is memory and
/// swap together, the memory limit being the new one or else the present one.
fn swap_alone(group: &Group, limit: Option<i64>, swap: Option<i64>) -> Result<Option<i64>> {
    let swap = match swap {
        // No limit on memory means none on memory and swap, as on v1.
        None => return Ok(limit.filter(|limit| *limit < 0 && group.has_file("memory.swap.max"))),
        Some(swap) if swap < 0 => return Ok(Some(-1)),
        Some(swap) => swap,
    };
    let limit = match limit {
        Some(limit) => Some(limit),
        None => group.number("memory.max")?,
    };
    match limit {
        Some(limit) if (0..=swap).contains(&limit) => Ok(Some(swap - limit)),
        Some(limit) if limit > swap => Err(Error::config(
            "linux.resources.memory.swap",
            format!("{swap} is memory and swap together, and below the memory limit {limit}"),
        )),
        _ => Err(Error::config(
            "linux.resources.memory.swap",
            "memory and swap together cannot be limited without a limit on memory",
        )),
    }
}

fn apply_cpu(group: &Group, cpu: &CpuLimits) -> Result<()> {
    const BURST: &str = "cpu.max.burst";
    if let Some(idle) = cpu.idle {
        group.limit("cpu.idle", idle)?;
    }
    // The kernel refuses a weight while idle, and forgets it when that ends.
    if let Some(shares) = cpu.shares.filter(|shares| *shares != 0 && cpu.idle != Some(1)) {
        let hint = "an idle cgroup (`cpu.idle` 1) has none";
        group.limit_or_hint("cpu.weight", weight(shares), hint)?;
    }
    // A burst is at most the quota at any time: it shrinks first and grows last.
    let burst: u64 = match cpu.burst {
        Some(_) => group.number(BURST)?.unwrap_or(0),
        None => 0,
    };
    if let Some(less) = cpu.burst.filter(|new| *new <= burst) {
        group.limit(BURST, less)?;
    }
    apply_cpu_max(group, cpu)?;
    if let Some(more) = cpu.burst.filter(|new| *new > burst) {
        group.limit(BURST, more)?;
    }
    Ok(())
}

/// Sets quota and period, which are one file; what is not given stays.
fn apply_cpu_max(group: &Group, cpu: &CpuLimits) -> Result<()> {
    const MAX: &str = "cpu.max";
    let quota = cpu.quota.filter(|quota| *quota != 0).map(amount);
    match (quota, cpu.period.filter(|period| *period != 0)) {
        (None, None) => Ok(()),
        // The kernel keeps the period.
        (Some(quota), None) => group.limit(MAX, quota),
        (Some(quota), Some(period)) => group.limit(MAX, format!("{quota} {period}")),
        (None, Some(period)) => {
            let present = group.read(MAX)?.unwrap_or_default();
            let quota = present.split(' ').next().filter(|text| !text.is_empty());
            group.limit(MAX, format!("{} {period}", quota.unwrap_or("max")))
        }
    }
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

/// Converts v1 shares (2 to 262144) to a v2 weight (1 to 10000), as the specification's
/// conversion of runc and crun does.
fn weight(shares: u64) -> u64 {
    let shares = shares.clamp(2, 262_144);
    1 + ((shares - 2) * 9_999) / 262_142
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cgroup::fake;

    #[test]
    fn weight_of_limits_and_default() {
        assert_eq!(weight(2), 1);
        assert_eq!(weight(1024), 39);
        assert_eq!(weight(262_144), 10_000);
    }

    #[test]
    fn swap_alone_is_what_exceeds_the_new_or_present_limit() {
        let limited = fake::unified(&[("memory.max", "100\n"), ("memory.swap.max", "max\n")]);
        let swap = |limit, swap| swap_alone(&limited.group, limit, swap).ok();
        assert_eq!(swap(Some(30), Some(50)), Some(Some(20)));
        assert_eq!(swap(None, Some(150)), Some(Some(50)));
        assert_eq!(swap(None, Some(-1)), Some(Some(-1)));
        assert_eq!(swap(Some(-1), None), Some(Some(-1)), "as v1 does");
        assert_eq!(swap(Some(30), None), Some(None));
        assert_eq!(swap(None, Some(50)), None, "below the present limit");
        let free = fake::unified(&[("memory.max", "max\n")]);
        assert!(swap_alone(&free.group, None, Some(50)).is_err(), "of no limit");
    }

    #[test]
    fn apply_cpu_max_period_alone_keeps_the_quota() {
        let fake = fake::unified(&[("cpu.max", "30000 100000")]);
        let cpu = CpuLimits { period: Some(200_000), ..CpuLimits::default() };
        apply_cpu_max(&fake.group, &cpu).unwrap();
        assert_eq!(fake.group.read("cpu.max").unwrap().unwrap(), "30000 200000");
    }
}
