// SPDX-License-Identifier: Apache-2.0
//! Auto-remove.

use crate::fixture::{Fixture, Root, wait_until};
use brig_spec::monitor::StartEvent;
use serde_json::json;
use std::fs;

fn check_removed(fixture: &Fixture) {
    for name in ["container", "name", "run"] {
        assert!(fs::metadata(fixture.path(name)).is_err(), "{name} is left");
    }
}

#[test]
fn auto_remove_is_done_before_the_client_hears_the_end() {
    let script = "mkdir() { busybox mkdir \"$@\"; }; mkdir -p /a/b/c; echo x > /a/b/c/d; \
                  busybox ln -s /canary /a/link; busybox mkfifo /a/fifo; busybox chmod 0 /a; exit 3";
    for root in [Root::Overlay, Root::Idmapped] {
        let Some(mut fixture) = Fixture::new("rm", root, script) else { return };
        fixture.auto_remove();
        let mut started = fixture.start(true);
        assert_eq!(started.client.take().unwrap().finish().exit_code, Some(3));
        check_removed(&fixture);
        started.monitor.wait().unwrap();
        assert_eq!(fs::read_dir(fixture.path("trash")).unwrap().count(), 0);
    }
}

#[test]
fn auto_remove_after_a_failed_start_removes_too() {
    let Some(mut fixture) = Fixture::new("rmfail", Root::Idmapped, "") else { return };
    fixture.auto_remove();
    fixture.config["process"]["args"] = json!(["/nosuch"]);
    let mut started = fixture.start(false);
    assert!(matches!(started.event, Some(StartEvent::Failed { exit_code: 127, .. })));
    check_removed(&fixture);
    started.monitor.wait().unwrap();
    assert_eq!(fs::read_dir(fixture.path("trash")).unwrap().count(), 0);
}

#[test]
fn auto_remove_tree_deeper_than_the_descriptor_limit_is_deleted() {
    let script =
        "i=0; while [ $i -lt 1500 ]; do busybox mkdir d && cd d || exit 1; i=$((i+1)); done";
    let Some(mut fixture) = Fixture::new("deep", Root::Overlay, script) else { return };
    fixture.auto_remove();
    let mut started = fixture.start(true);
    assert_eq!(started.client.take().unwrap().finish().exit_code, Some(0));
    check_removed(&fixture);
    started.monitor.wait().unwrap();
    wait_until("the trash is empty", || fs::read_dir(fixture.path("trash")).unwrap().count() == 0);
}
