// SPDX-License-Identifier: Apache-2.0
//! The runtime's and the engine's suites on plain cgroup v2.
//!
//! Linux 6.1 is also an old kernel for brig: its overlay takes layers neither by descriptor (6.13
//! does, detached mounts among them since 6.15) nor through the new mount interface at all (6.5).
//! That containers with idmapped layers run there shows the other way to work.

use super::Guest;
use super::guest::Expected;
use brig_testkit::needs;

/// Version 1 alone has a list of rules to read back, and one processor is no choice of them.
const OCI_SKIPS: [&str; 2] = [
    "oci::devices::cgroup_rules_are_those_of_the_configuration_and_the_defaults",
    "oci::cgroups::cpuset_is_set_and_seen_inside",
];

#[test]
fn runtime_on_6_1_with_cgroup_v2() {
    needs!(runtime, brig);
    let guest = Guest::new("6.1");
    let test = brig_testkit::test_name!();
    if guest.can_boot(test) {
        let filters = [
            "oci::capabilities::",
            "oci::cgroups::",
            "oci::command_line::",
            "oci::descriptors::",
            "oci::devices::",
            "oci::exec::",
            "oci::lifecycle::",
            "oci::mounts::",
            "oci::namespaces::",
            "oci::process::",
            "oci::seccomp::",
            "oci::userns::",
        ];
        guest.tests(test, &filters, &Expected { passed_min: 160, skips: &OCI_SKIPS });
    }
}

#[test]
fn engine_on_6_1_with_cgroup_v2() {
    needs!(runtime, brig, busybox);
    let guest = Guest::new("6.1");
    let test = brig_testkit::test_name!();
    if guest.can_boot(test) {
        let filters = [
            "engine::exec::",
            "engine::host::",
            "engine::limits::",
            "engine::logs::",
            "engine::security::",
            "engine::users::",
            "engine::volumes::",
        ];
        guest.tests(test, &filters, &Expected { passed_min: 45, skips: &[] });
    }
}

#[test]
fn runtime_and_engine_on_6_12_with_cgroup_v2() {
    needs!(runtime, brig, busybox);
    let guest = Guest::new("6.12");
    let test = brig_testkit::test_name!();
    if guest.can_boot(test) {
        let filters = [
            "engine::host::",
            "engine::limits::",
            "oci::cgroups::",
            "oci::devices::",
            "oci::mounts::",
            "oci::userns::",
        ];
        guest.tests(test, &filters, &Expected { passed_min: 60, skips: &OCI_SKIPS });
    }
}
