// SPDX-License-Identifier: Apache-2.0
//! What can be known of limits before the first is written.
//!
//! A limit that no hierarchy can hold is refused: a container without it would be weaker than
//! the configuration says.

use super::{Group, block, huge, v2};
use crate::{Error, Result};
use brig_spec::runtime::Resources;

/// A limit that is set, and the controller that it needs.
struct Need {
    field: &'static str,
    v1: &'static str,
    v2: &'static str,
}

fn needs(resources: &Resources) -> Vec<Need> {
    let mut needs = Vec::new();
    let mut need = |wanted: bool, field, v1, v2| {
        if wanted {
            needs.push(Need { field, v1, v2 });
        }
    };
    let set = |value: Option<i64>| value.is_some_and(|value| value != 0);
    if let Some(memory) = &resources.memory {
        let wanted = set(memory.limit) || set(memory.swap) || set(memory.reservation);
        need(wanted, "memory", "memory", "memory");
    }
    if let Some(cpu) = &resources.cpu {
        let amount = [cpu.shares, cpu.period].into_iter().flatten().any(|value| value != 0);
        let wanted = amount || set(cpu.quota) || cpu.burst.is_some() || cpu.idle.is_some();
        need(wanted, "cpu", "cpu", "cpu");
        need(!cpu.cpus.is_empty() || !cpu.mems.is_empty(), "cpu.cpus", "cpuset", "cpuset");
    }
    need(resources.pids.is_some_and(|pids| pids.limit != 0), "pids", "pids", "pids");
    let block = resources.block_io.as_ref();
    need(block.is_some_and(|block| !block::is_empty(block)), "blockIO", "blkio", "io");
    need(!resources.hugepage_limits.is_empty(), "hugepageLimits", "hugetlb", "hugetlb");
    needs
}

/// Checks that each limit has a hierarchy to be written to; on v2 turns its controller on.
///
/// # Errors
/// The first limit that has none.
pub(super) fn controllers(groups: &[Group], resources: &Resources) -> Result<()> {
    for need in needs(resources) {
        if groups.iter().any(|group| group.hierarchy.has(need.v1)) {
            continue;
        }
        let Some(unified) = groups.iter().find(|group| group.is_unified()) else {
            return Err(missing(need.field, need.v1));
        };
        if !v2::has_controller(unified, need.v2)? {
            v2::enable_along(unified, resources)?;
            if !v2::has_controller(unified, need.v2)? {
                return Err(missing(need.field, need.v2));
            }
        }
    }
    let is_pure = groups.iter().any(Group::is_pure);
    if let (true, Some(memory)) = (is_pure, &resources.memory) {
        // As crun: cgroup v2 has neither, and a document that asks must not seem to be heard.
        let asked = [
            (memory.swappiness.is_some(), "memory.swappiness"),
            (memory.disable_oom_killer, "memory.disableOOMKiller"),
        ];
        if let Some((_, field)) = asked.iter().find(|(asked, _)| *asked) {
            let reason = "cgroup v2 has no such setting";
            return Err(Error::config(format!("linux.resources.{field}"), reason));
        }
    }
    if !is_pure && !resources.unified.is_empty() {
        let reason = "this machine has cgroup v1, where these files do not exist";
        return Err(Error::config("linux.resources.unified", reason));
    }
    Ok(())
}

/// Checks that device access can be limited, as it always is.
///
/// # Errors
/// When neither v1's controller nor a v2 program could do it.
pub(super) fn devices(groups: &[Group]) -> Result<()> {
    match groups.iter().any(|group| group.hierarchy.has("devices") || group.is_pure()) {
        true => Ok(()),
        false => Err(missing("devices", "devices")),
    }
}

fn missing(field: &str, controller: &str) -> Error {
    Error::refused(
        format!("set linux.resources.{field}"),
        format!("no cgroup hierarchy gives the container the controller `{controller}`"),
    )
}

/// Checks the values themselves.
///
/// # Errors
/// The first that contradicts itself or could not be meant.
pub(super) fn values(resources: &Resources) -> Result<()> {
    if let Some(block) = &resources.block_io {
        block::check(block)?;
    }
    huge::check(&resources.hugepage_limits)?;
    if let Some(memory) = &resources.memory {
        let (limit, swap) = (memory.limit.unwrap_or(0), memory.swap.unwrap_or(0));
        if swap > 0 && (limit > swap || limit < 0) {
            let reason = format!("{swap} is memory and swap together, and below memory.limit");
            return Err(Error::config("linux.resources.memory.swap", reason));
        }
    }
    for name in resources.unified.keys() {
        // It becomes a file name in the cgroup, and must not lead out of it.
        if name.is_empty() || name.contains('/') || name.starts_with('.') {
            let reason = format!("{name:?} is not the name of a cgroup file");
            return Err(Error::config("linux.resources.unified", reason));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use brig_spec::runtime::{CpuLimits, MemoryLimits, PidsLimit};

    #[test]
    fn needs_of_unset_limits_are_none() {
        let resources = Resources {
            memory: Some(MemoryLimits { limit: Some(0), ..MemoryLimits::default() }),
            cpu: Some(CpuLimits::default()),
            pids: Some(PidsLimit { limit: 0 }),
            block_io: Some(brig_spec::runtime::BlockIo::default()),
            ..Resources::default()
        };
        assert!(needs(&resources).is_empty());
    }

    #[test]
    fn controllers_limit_without_a_hierarchy_is_refused() {
        let pids = Resources { pids: Some(PidsLimit { limit: 5 }), ..Resources::default() };
        let error = controllers(&[], &pids).unwrap_err().to_string();
        assert!(error.contains("linux.resources.pids"), "{error}");
        assert!(devices(&[]).is_err());
    }

    #[test]
    fn values_memory_beyond_swap_is_refused() {
        for (limit, swap, ok) in
            [(2, 1, false), (-1, 1, false), (1, 2, true), (2, -1, true), (0, 1, true)]
        {
            let memory =
                MemoryLimits { limit: Some(limit), swap: Some(swap), ..MemoryLimits::default() };
            let resources = Resources { memory: Some(memory), ..Resources::default() };
            assert_eq!(values(&resources).is_ok(), ok, "{limit} {swap}");
        }
    }

    #[test]
    fn values_unified_name_leading_out_is_refused() {
        for name in ["../memory.max", "a/b", "", ".."] {
            let unified = [(name.to_owned(), "1".to_owned())].into();
            let resources = Resources { unified, ..Resources::default() };
            assert!(values(&resources).is_err(), "{name:?}");
        }
    }
}
