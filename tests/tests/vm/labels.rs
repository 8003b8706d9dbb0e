// SPDX-License-Identifier: Apache-2.0
//! Labels of processes, where the kernel knows those that the tests use.

use super::Guest;
use super::guest::Expected;
use brig_testkit::needs;

#[test]
fn apparmor_profiles_are_applied() {
    needs!(runtime, brig);
    let guest = Guest::new("6.1").with_lsm("apparmor");
    let test = brig_testkit::test_name!();
    if guest.can_boot(test) {
        let expected = Expected { passed_min: 4, skips: &[] };
        guest.tests(test, &["oci::labels::apparmor_"], &expected);
    }
}

#[test]
fn selinux_labels_are_applied() {
    needs!(runtime, brig);
    let guest = Guest::new("6.1").with_lsm("selinux");
    let test = brig_testkit::test_name!();
    if guest.can_boot(test) {
        let expected = Expected { passed_min: 4, skips: &[] };
        guest.tests(test, &["oci::labels::selinux_"], &expected);
    }
}
