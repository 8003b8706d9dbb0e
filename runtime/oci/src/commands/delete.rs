// SPDX-License-Identifier: Apache-2.0
//! `delete`: removes a container; with `--force` from whatever state it is in.

use super::{Failure, Outcome, kill};
use crate::arguments::{Arguments, switch};
use crate::global::Global;
use crate::record::Record;
use crate::store::{self, Container};
use brig_report::{Kind, Report};
use brig_sandbox::{cgroup, execute};
use brig_spec::runtime::{Spec, Status};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, pidfd_send_signal};

/// Seconds that a killed init may take to end.
const KILL_TIMEOUT_S: i64 = 10;

pub(super) fn run(global: &Global, words: &[String]) -> Outcome {
    let arguments = Arguments::parse(words, &[switch("force", b'f')], None)?;
    let force = arguments.is_set("force");
    let container = Container::named(&global.root, arguments.id()?)?;
    let record = match container.load() {
        Ok(record) => record,
        // A directory without a readable record was left by a killed invocation, before it
        // made anything.
        Err(_) if force && container.is_there() => {
            container.remove()?;
            return Ok(0);
        }
        Err(report) if force && report.kind == Kind::NotFound => return Ok(0),
        Err(report) => return Err(report.into()),
    };
    let status = container.status(&record)?;
    if !force && !matches!(status, Status::Stopped | Status::Created) {
        let text = format!(
            "cannot delete container {} that is not stopped: {}",
            record.id,
            status.as_str()
        );
        return Err(Report::new(Kind::Conflict, text)
            .hint("`delete --force` kills it first")
            .into());
    }
    let spec = container.config().ok();
    remove(&container, &record, spec.as_ref(), true)?;
    Ok(0)
}

/// Ends what still lives, removes cgroup and record, runs the poststop hooks.
///
/// # Errors
/// What could not be removed; the record then stays, so that `delete` can be repeated.
pub(super) fn remove(
    container: &Container,
    record: &Record,
    spec: Option<&Spec>,
    kill_init: bool,
) -> Result<(), Failure> {
    if kill_init {
        end_init(record)?;
    }
    fault("oci.delete.killed")?;
    if store::is_frozen(&record.cgroup) {
        store::freeze(&record.cgroup, false)?;
    }
    cgroup::remove(&record.cgroup)?;
    fault("oci.delete.cgroup")?;
    let hooks = spec.and_then(|spec| spec.hooks.clone()).unwrap_or_default().poststop;
    let state = execute::state_document(&record.state(Status::Stopped), Status::Stopped);
    let hooked = execute::run_hooks("poststop", &hooks, &state);
    container.remove()?;
    // The specification: a failing poststop hook is a warning, the container is gone all the same.
    if let Err(error) = hooked {
        let report = error.to_report();
        return Err(Failure { report, exit_code: 0 });
    }
    Ok(())
}

fn fault(point: &str) -> Result<(), Report> {
    brig_sys::fault::point(point).map_err(|error| Report::from_error(Kind::Internal, &error))
}

/// Kills init and waits for its end through its pidfd.
fn end_init(record: &Record) -> Result<(), Report> {
    let Some(init) = record.init else { return Ok(()) };
    let Some(pidfd) = kill::open(init)? else { return Ok(()) };
    // ESRCH: it has just ended.
    let _ = pidfd_send_signal(&pidfd, Signal::KILL);
    if store::is_frozen(&record.cgroup) {
        store::freeze(&record.cgroup, false)?;
    }
    let timeout = Timespec { tv_sec: KILL_TIMEOUT_S, tv_nsec: 0 };
    match poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&timeout)) {
        Ok(0) => Err(Report::new(
            Kind::Unavailable,
            format!("process {} did not end within {KILL_TIMEOUT_S} s of SIGKILL", init.pid),
        )
        .hint("it may hang in the kernel (state D in `ps`), for example on a dead NFS server")),
        _ => Ok(()),
    }
}
