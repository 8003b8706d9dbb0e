// SPDX-License-Identifier: Apache-2.0
//! Usage on cgroup v1.

use super::{Blkio, BlkioEntry, Group, HugePages, MemoryEntry, Stats, expand, page_sizes};
use crate::Result;

/// Adds what the group's hierarchy counts.
pub(super) fn collect(group: &Group, stats: &mut Stats) -> Result<()> {
    let hierarchy = &group.hierarchy;
    if hierarchy.has("cpuacct") {
        cpu_usage(group, stats)?;
    }
    if hierarchy.has("cpu") {
        let table = group.table("cpu.stat")?;
        let count = |key| table.get(key).copied().unwrap_or(0);
        let throttling = &mut stats.cpu.throttling;
        throttling.periods = count("nr_periods");
        throttling.throttled_periods = count("nr_throttled");
        throttling.throttled_time = count("throttled_time");
    }
    if hierarchy.has("cpuset") {
        cpuset(group, stats)?;
    }
    if hierarchy.has("memory") {
        memory(group, stats)?;
    }
    if hierarchy.has("pids") {
        stats.pids.current = group.count("pids.current")?;
        stats.pids.limit = group.count("pids.max")?;
    }
    if hierarchy.has("blkio") {
        stats.blkio = blkio(group)?;
    }
    if hierarchy.has("hugetlb") {
        for size in page_sizes(group, "usage_in_bytes") {
            let count = |file: &str| group.count(&format!("hugetlb.{size}.{file}"));
            let pages = HugePages {
                usage: count("usage_in_bytes")?,
                max: count("max_usage_in_bytes")?,
                failcnt: count("failcnt")?,
            };
            stats.hugetlb.insert(size, pages);
        }
    }
    Ok(())
}

fn cpu_usage(group: &Group, stats: &mut Stats) -> Result<()> {
    let usage = &mut stats.cpu.usage;
    usage.total = group.count("cpuacct.usage")?;
    usage.user = group.count("cpuacct.usage_user")?;
    usage.kernel = group.count("cpuacct.usage_sys")?;
    let numbers = |text: String| text.split_whitespace().flat_map(str::parse).collect();
    usage.percpu = group.read("cpuacct.usage_percpu")?.map(numbers).unwrap_or_default();
    // A heading, then `cpu user system` for each processor.
    for line in group.read("cpuacct.usage_all")?.unwrap_or_default().lines().skip(1) {
        let mut fields = line.split(' ').skip(1).flat_map(str::parse::<u64>);
        usage.percpu_user.extend(fields.next());
        usage.percpu_kernel.extend(fields.next());
    }
    Ok(())
}

fn cpuset(group: &Group, stats: &mut Stats) -> Result<()> {
    let cpuset = &mut stats.cpuset;
    cpuset.cpus = expand(&group.read("cpuset.cpus")?.unwrap_or_default());
    cpuset.mems = expand(&group.read("cpuset.mems")?.unwrap_or_default());
    cpuset.cpu_exclusive = group.count("cpuset.cpu_exclusive")?;
    cpuset.mem_hardwall = group.count("cpuset.mem_hardwall")?;
    cpuset.mem_exclusive = group.count("cpuset.mem_exclusive")?;
    cpuset.memory_migrate = group.count("cpuset.memory_migrate")?;
    cpuset.memory_spread_page = group.count("cpuset.memory_spread_page")?;
    cpuset.memory_spread_slab = group.count("cpuset.memory_spread_slab")?;
    cpuset.memory_pressure = group.count("cpuset.memory_pressure")?;
    cpuset.sched_load_balance = group.count("cpuset.sched_load_balance")?;
    cpuset.sched_relax_domain_level = group.number("cpuset.sched_relax_domain_level")?.unwrap_or(0);
    Ok(())
}

fn memory(group: &Group, stats: &mut Stats) -> Result<()> {
    let entry = |prefix: &str| -> Result<MemoryEntry> {
        let count = |file: &str| group.count(&format!("{prefix}.{file}"));
        Ok(MemoryEntry {
            limit: count("limit_in_bytes")?,
            usage: count("usage_in_bytes")?,
            max: count("max_usage_in_bytes")?,
            failcnt: count("failcnt")?,
        })
    };
    let memory = &mut stats.memory;
    memory.usage = entry("memory")?;
    memory.swap = entry("memory.memsw")?;
    memory.kernel = entry("memory.kmem")?;
    memory.kernel_tcp = entry("memory.kmem.tcp")?;
    memory.raw = group.table("memory.stat")?;
    memory.cache = memory.raw.get("cache").copied().unwrap_or(0);
    Ok(())
}

/// Reads the first source that has numbers: BFQ, CFQ (before 5.0), then the throttle's own,
/// which count what the others do not schedule.
fn blkio(group: &Group) -> Result<Blkio> {
    for prefix in ["blkio.bfq", "blkio", "blkio.throttle"] {
        let read = |name: &str| -> Result<Vec<BlkioEntry>> {
            Ok(entries(&group.read(&format!("{prefix}.{name}"))?.unwrap_or_default()))
        };
        let serviced = read("io_serviced_recursive")?;
        if serviced.is_empty() {
            continue;
        }
        return Ok(Blkio {
            io_serviced_recursive: serviced,
            io_service_bytes_recursive: read("io_service_bytes_recursive")?,
            io_queued_recursive: read("io_queued_recursive")?,
            io_service_time_recursive: read("io_service_time_recursive")?,
            io_wait_time_recursive: read("io_wait_time_recursive")?,
            io_merged_recursive: read("io_merged_recursive")?,
            io_time_recursive: read("time_recursive")?,
            sectors_recursive: read("sectors_recursive")?,
        });
    }
    Ok(Blkio::default())
}

/// Parses lines `major:minor op value` and `major:minor value`; the sum of all (`Total n`) is left
/// out, as runc does.
fn entries(text: &str) -> Vec<BlkioEntry> {
    text.lines()
        .filter_map(|line| {
            let mut fields = line.split_whitespace();
            let (major, minor) = fields.next()?.split_once(':')?;
            let (op, value) = match (fields.next()?, fields.next()) {
                (op, Some(value)) => (op, value),
                (value, None) => ("", value),
            };
            Some(BlkioEntry {
                major: major.parse().ok()?,
                minor: minor.parse().ok()?,
                op: op.to_owned(),
                value: value.parse().ok()?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_with_and_without_operation() {
        let all = entries("7:0 Read 12\n8:16 34\nTotal 46\n");
        let entry =
            |major, minor, op: &str, value| BlkioEntry { major, minor, op: op.to_owned(), value };
        assert_eq!(all, [entry(7, 0, "Read", 12), entry(8, 16, "", 34)]);
    }
}
