// SPDX-License-Identifier: Apache-2.0
//! The monitor is killed at every step; the engine's clean-up must then find nothing in its way.

use crate::fixture::{Fixture, Root, wait_until};
use brig_spec::monitor::{Phase, StartEvent, run_files};
use std::fs;
use std::os::unix::process::ExitStatusExt;

/// Returns the steps that a run passes, as the monitor itself traces them.
fn steps(auto_remove: bool) -> Option<Vec<String>> {
    let mut fixture = Fixture::new("trace", Root::Idmapped, "exit 0")?;
    if auto_remove {
        fixture.auto_remove();
    }
    let trace = fixture.path("trace");
    fixture.environment.push(("BRIG_FAULT_TRACE", trace.clone()));
    fixture.start(false).monitor.wait().unwrap();
    let text = fs::read_to_string(trace).unwrap();
    Some(text.lines().filter(|line| line.starts_with("monitor.")).map(str::to_owned).collect())
}

#[test]
fn kill_at_every_step_leaves_nothing_that_cleanup_cannot_remove() {
    for auto_remove in [false, true] {
        let Some(steps) = steps(auto_remove) else { return };
        assert!(steps.len() >= 10, "{steps:?}");
        for step in &steps {
            let Some(mut fixture) = Fixture::new("kill", Root::Idmapped, "sleep 0.05") else {
                return;
            };
            if auto_remove {
                fixture.auto_remove();
            }
            fixture.environment.push(("BRIG_FAULT", format!("{step}=kill")));
            let mut started = fixture.start(false);
            let status = started.monitor.wait().unwrap();
            assert_eq!(status.signal(), Some(9), "{step}");
            let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
            assert!(!mounts.contains(fixture.dir.to_str().unwrap()), "{step}: a mount is left");
            let lock = fixture.dir.join("run").join(run_files::LOCK);
            wait_until("the lock is free", || !brig_state::lock::is_held(&lock).unwrap());
            // What the engine does with the container of a dead monitor.
            fixture.runtime(&["delete", "--force"]);
            wait_until("the directories can go", || {
                let gone = |name| brig_state::tree::remove(fixture.path(name).as_ref()).is_ok();
                gone("run") && gone("container") && gone("trash")
            });
            fixture.check_clean();
        }
    }
}

#[test]
fn start_after_a_killed_monitor_works() {
    let Some(mut fixture) = Fixture::new("again", Root::Overlay, "echo again") else { return };
    for step in ["monitor.rootfs", "monitor.started", "monitor.running", "monitor.recorded"] {
        fixture.environment = vec![("BRIG_FAULT", format!("{step}=kill"))];
        fixture.start(false).monitor.wait().unwrap();
        fixture.runtime(&["delete", "--force"]);
        fixture.environment.clear();
        assert_eq!(fixture.run().exit_code, Some(0), "after {step}");
    }
}

#[test]
fn fail_at_every_step_of_the_start_undoes_everything() {
    let Some(steps) = steps(false) else { return };
    let end = steps.iter().position(|step| step == "monitor.running").unwrap();
    for step in &steps[1..=end] {
        let Some(mut fixture) = Fixture::new("fail", Root::Idmapped, "sleep 1000") else { return };
        fixture.environment.push(("BRIG_FAULT", format!("{step}=fail")));
        let mut started = fixture.start(false);
        let Some(StartEvent::Failed { exit_code, message, .. }) = started.event else {
            panic!("{step}: {:?}", started.event)
        };
        assert!(exit_code == 125 && message.contains(step.as_str()), "{step}: {message}");
        assert_eq!(fixture.status().phase, Phase::Exited, "{step}");
        started.monitor.wait().unwrap();
        fixture.check_clean();
        fixture.check_run_dir_clean();
    }
}
