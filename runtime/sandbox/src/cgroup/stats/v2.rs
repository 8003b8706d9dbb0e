// SPDX-License-Identifier: Apache-2.0
//! Usage on cgroup v2, in v1's terms as runc converts it.

use super::{Blkio, BlkioEntry, Group, HugePages, MemoryEntry, Stats, expand, page_sizes};
use crate::Result;

/// Adds what the group counts; on a hybrid machine that is only what v1 does not.
pub(super) fn collect(group: &Group, stats: &mut Stats) -> Result<()> {
    let controllers = group.read("cgroup.controllers")?.unwrap_or_default();
    let has = |name: &str| controllers.split(' ').any(|controller| controller == name);
    // Times are there without a controller too, and on a hybrid machine v1 has them.
    if has("cpu") || group.is_pure() {
        cpu(group, stats)?;
    }
    if has("cpuset") {
        stats.cpuset.cpus = expand(&group.read("cpuset.cpus.effective")?.unwrap_or_default());
        stats.cpuset.mems = expand(&group.read("cpuset.mems.effective")?.unwrap_or_default());
    }
    if has("memory") {
        memory(group, stats)?;
    }
    if has("pids") {
        stats.pids.current = group.count("pids.current")?;
        stats.pids.limit = group.count("pids.max")?;
    }
    if has("io") {
        stats.blkio = blkio(&group.read("io.stat")?.unwrap_or_default());
    }
    if has("hugetlb") {
        for size in page_sizes(group, "current") {
            let events = group.table(&format!("hugetlb.{size}.events"))?;
            let pages = HugePages {
                usage: group.count(&format!("hugetlb.{size}.current"))?,
                max: 0,
                failcnt: events.get("max").copied().unwrap_or(0),
            };
            stats.hugetlb.insert(size, pages);
        }
    }
    Ok(())
}

fn cpu(group: &Group, stats: &mut Stats) -> Result<()> {
    let table = group.table("cpu.stat")?;
    let count = |key| table.get(key).copied().unwrap_or(0);
    let nanoseconds = |key| count(key).saturating_mul(1000);
    stats.cpu.usage.total = nanoseconds("usage_usec");
    stats.cpu.usage.user = nanoseconds("user_usec");
    stats.cpu.usage.kernel = nanoseconds("system_usec");
    stats.cpu.throttling.periods = count("nr_periods");
    stats.cpu.throttling.throttled_periods = count("nr_throttled");
    stats.cpu.throttling.throttled_time = nanoseconds("throttled_usec");
    Ok(())
}

fn memory(group: &Group, stats: &mut Stats) -> Result<()> {
    let entry = |prefix: &str| -> Result<MemoryEntry> {
        let events = group.table(&format!("{prefix}.events"))?;
        Ok(MemoryEntry {
            limit: group.number(&format!("{prefix}.max"))?.unwrap_or(u64::MAX),
            usage: group.count(&format!("{prefix}.current"))?,
            max: group.count(&format!("{prefix}.peak"))?,
            failcnt: events.get("max").copied().unwrap_or(0),
        })
    };
    let memory = &mut stats.memory;
    memory.usage = entry("memory")?;
    // The kernel counts swap alone; the document has memory and swap together.
    let swap = entry("memory.swap")?;
    memory.swap = MemoryEntry {
        limit: swap.limit.saturating_add(memory.usage.limit),
        usage: swap.usage.saturating_add(memory.usage.usage),
        // When each was highest is not known, so neither is the highest sum.
        max: 0,
        failcnt: swap.failcnt,
    };
    memory.raw = group.table("memory.stat")?;
    memory.cache = memory.raw.get("file").copied().unwrap_or(0);
    Ok(())
}

/// Parses lines `major:minor rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6`.
fn blkio(text: &str) -> Blkio {
    let mut blkio = Blkio::default();
    for line in text.lines() {
        let mut fields = line.split(' ');
        let number = fields.next().and_then(|number| number.split_once(':'));
        let Some((major, minor)) = number else { continue };
        let (Ok(major), Ok(minor)) = (major.parse(), minor.parse()) else { continue };
        for (key, value) in fields.filter_map(|field| field.split_once('=')) {
            let Ok(value) = value.parse() else { continue };
            let (list, op) = match key {
                "rbytes" => (&mut blkio.io_service_bytes_recursive, "Read"),
                "wbytes" => (&mut blkio.io_service_bytes_recursive, "Write"),
                "dbytes" => (&mut blkio.io_service_bytes_recursive, "Discard"),
                "rios" => (&mut blkio.io_serviced_recursive, "Read"),
                "wios" => (&mut blkio.io_serviced_recursive, "Write"),
                "dios" => (&mut blkio.io_serviced_recursive, "Discard"),
                _ => continue,
            };
            list.push(BlkioEntry { major, minor, op: op.to_owned(), value });
        }
    }
    blkio
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cgroup::fake;

    #[test]
    fn blkio_of_io_stat() {
        let text = "8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0 cost.usage=3\n253:1 \n";
        let blkio = blkio(text);
        let entry = |op: &str, value| BlkioEntry { major: 8, minor: 0, op: op.to_owned(), value };
        let bytes = [entry("Read", 10), entry("Write", 20), entry("Discard", 0)];
        assert_eq!(blkio.io_service_bytes_recursive, bytes);
        assert_eq!(blkio.io_serviced_recursive[..2], [entry("Read", 1), entry("Write", 2)]);
    }

    #[test]
    fn collect_in_v1_terms() {
        let fake = fake::unified(&[
            ("cgroup.controllers", "cpu memory pids hugetlb\n"),
            ("cpu.stat", "usage_usec 5\nuser_usec 3\nsystem_usec 2\nthrottled_usec 7\n"),
            ("memory.max", "max\n"),
            ("memory.current", "100\n"),
            ("memory.events", "low 0\nmax 4\noom 1\n"),
            ("memory.stat", "anon 60\nfile 40\n"),
            ("memory.swap.max", "1000\n"),
            ("memory.swap.current", "11\n"),
            ("pids.current", "2\n"),
            ("pids.max", "max\n"),
            ("hugetlb.2MB.current", "2097152\n"),
            ("hugetlb.2MB.rsvd.current", "0\n"),
            ("hugetlb.2MB.events", "max 9\n"),
        ]);
        let mut stats = Stats::default();
        collect(&fake.group, &mut stats).unwrap();
        let usage = &stats.cpu.usage;
        assert_eq!((usage.total, usage.user, usage.kernel), (5000, 3000, 2000));
        assert_eq!(stats.cpu.throttling.throttled_time, 7000);
        let entry = |limit, usage, failcnt| MemoryEntry { limit, usage, max: 0, failcnt };
        assert_eq!(stats.memory.usage, entry(u64::MAX, 100, 4));
        assert_eq!(stats.memory.swap, entry(u64::MAX, 111, 0));
        assert_eq!(stats.memory.cache, 40);
        assert_eq!((stats.pids.current, stats.pids.limit), (2, 0));
        let pages = HugePages { usage: 2_097_152, max: 0, failcnt: 9 };
        assert_eq!(stats.hugetlb, [("2MB".to_owned(), pages)].into());
    }
}
