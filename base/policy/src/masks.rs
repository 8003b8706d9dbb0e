// SPDX-License-Identifier: Apache-2.0
//! Which kernel files, devices and mounts a container has, and which it has not.

use brig_spec::runtime::{Device, DeviceRule, Mount};

/// Kernel files hidden by Docker.
const DOCKER_MASKED: [&str; 12] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
];

/// Kernel files hidden by brig as well: addresses, physical memory, the host's load and hardware.
/// What shows the host's state (iostat, lsmod, slabtop) has nothing to show inside.
const BRIG_MASKED: [&str; 14] = [
    "/proc/config.gz",
    "/proc/diskstats",
    "/proc/iomem",
    "/proc/kallsyms",
    "/proc/key-users",
    "/proc/kpagecgroup",
    "/proc/kpagecount",
    "/proc/kpageflags",
    "/proc/modules",
    "/proc/pagetypeinfo",
    "/proc/slabinfo",
    "/proc/softirqs",
    "/proc/vmallocinfo",
    "/proc/zoneinfo",
];

/// Kernel files that a container may read and not write.
const READONLY: [&str; 5] =
    ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// Device nodes: path, major, minor.
const DEVICES: [(&str, i64, i64); 6] = [
    ("/dev/null", 1, 3),
    ("/dev/zero", 1, 5),
    ("/dev/full", 1, 7),
    ("/dev/random", 1, 8),
    ("/dev/urandom", 1, 9),
    ("/dev/tty", 5, 0),
];

/// Size of `/dev/shm` in bytes where none is asked for, as Docker's.
pub const SHM_BYTES: u64 = 64 << 20;

/// Returns brig's masked paths; a path that the kernel does not have is no error.
#[must_use]
pub fn masked_paths() -> Vec<String> {
    let mut paths: Vec<String> =
        DOCKER_MASKED.iter().chain(&BRIG_MASKED).map(|path| (*path).to_owned()).collect();
    paths.sort_unstable();
    paths
}

/// Returns Docker's masked paths on a machine with this many processors.
///
/// The last ones tell how often a processor was throttled, which leaks the neighbours' load.
#[must_use]
pub fn docker_masked_paths(processors: u32) -> Vec<String> {
    let throttle = |number| format!("/sys/devices/system/cpu/cpu{number}/thermal_throttle");
    let masked = DOCKER_MASKED.iter().map(|path| (*path).to_owned());
    masked.chain((0..processors).map(throttle)).collect()
}

/// Returns the read-only paths, Docker's and brig's alike.
#[must_use]
pub fn readonly_paths() -> Vec<String> {
    READONLY.iter().map(|path| (*path).to_owned()).collect()
}

/// Returns the device nodes of every container; `ptmx`, `console` and the links such as
/// `/dev/stdin` are the runtime's.
#[must_use]
pub fn default_devices() -> Vec<Device> {
    let device = |(path, major, minor): &(&str, i64, i64)| Device {
        kind: "c".to_owned(),
        path: (*path).to_owned(),
        major: *major,
        minor: *minor,
        file_mode: Some(0o666),
        uid: Some(0),
        gid: Some(0),
    };
    DEVICES.iter().map(device).collect()
}

/// Returns the rules of the device controller that go with the default devices and the terminals.
#[must_use]
pub fn default_device_rules() -> Vec<DeviceRule> {
    let deny_all = DeviceRule { access: "rwm".to_owned(), ..DeviceRule::default() };
    let allow = |major, minor| DeviceRule {
        allow: true,
        kind: "c".to_owned(),
        major: Some(major),
        minor,
        access: "rwm".to_owned(),
    };
    let mut rules = vec![deny_all];
    rules.extend(DEVICES.iter().map(|(_, major, minor)| allow(*major, Some(*minor))));
    // ptmx, and every pseudo terminal: a container sees only those of its own devpts.
    rules.extend([allow(5, Some(2)), allow(136, None)]);
    rules
}

/// Returns the mounts of every container, in order.
#[must_use]
pub fn default_mounts(shm_bytes: u64) -> Vec<Mount> {
    let shm_size = format!("size={shm_bytes}");
    let closed = ["nosuid", "noexec", "nodev"];
    vec![
        mount("/proc", "proc", "proc", &closed),
        mount("/dev", "tmpfs", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
        mount(
            "/dev/pts",
            "devpts",
            "devpts",
            &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
        ),
        mount("/sys", "sysfs", "sysfs", &["nosuid", "noexec", "nodev", "ro"]),
        mount("/sys/fs/cgroup", "cgroup", "cgroup", &["ro", "nosuid", "noexec", "nodev"]),
        mount("/dev/mqueue", "mqueue", "mqueue", &closed),
        mount("/dev/shm", "tmpfs", "shm", &["nosuid", "noexec", "nodev", "mode=1777", &shm_size]),
    ]
}

fn mount(destination: &str, kind: &str, source: &str, options: &[&str]) -> Mount {
    Mount {
        destination: destination.to_owned(),
        kind: kind.to_owned(),
        source: source.to_owned(),
        options: options.iter().map(|option| (*option).to_owned()).collect(),
        ..Mount::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masked_paths_cover_dockers_and_are_kernel_files() {
        let masked = masked_paths();
        for path in docker_masked_paths(0) {
            assert!(masked.contains(&path), "{path}");
        }
        assert!(masked.iter().all(|path| path.starts_with("/proc/") || path.starts_with("/sys/")));
        assert!(masked.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(readonly_paths().iter().all(|path| !masked.contains(path)));
        let throttle = docker_masked_paths(2).pop().unwrap();
        assert_eq!(throttle, "/sys/devices/system/cpu/cpu1/thermal_throttle");
    }

    #[test]
    fn device_rules_allow_the_default_devices_only() {
        let rules = default_device_rules();
        assert!(!rules[0].allow && rules[0].major.is_none());
        for device in default_devices() {
            let allows = |rule: &DeviceRule| {
                (rule.allow, rule.major, rule.minor)
                    == (true, Some(device.major), Some(device.minor))
            };
            assert!(rules.iter().any(allows), "{}", device.path);
        }
        assert_eq!(rules.len(), 1 + 6 + 2);
    }

    #[test]
    fn default_mounts_are_nosuid_and_parents_come_first() {
        let mounts = default_mounts(SHM_BYTES);
        for (at, mount) in mounts.iter().enumerate() {
            assert!(mount.options.contains(&"nosuid".to_owned()), "{}", mount.destination);
            let inside =
                |other: &Mount| other.destination.starts_with(&format!("{}/", mount.destination));
            assert!(!mounts[..at].iter().any(inside), "{} comes too late", mount.destination);
        }
        assert!(mounts.last().unwrap().options.contains(&"size=67108864".to_owned()));
    }
}
