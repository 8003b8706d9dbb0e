// SPDX-License-Identifier: Apache-2.0
//! Cuts the monitor off from whoever started it.

use brig_sys::signal::{SignalFd, block_all};
use brig_sys::{Context, SysError, mount, process};
use rustix::io::Errno;
use rustix::process::{getpid, getsid, set_child_subreaper, setsid};

/// Makes the process lead a session of its own, adopt orphans of its descendants, receive all
/// signals through a descriptor (SIGTERM and its like are thereby ignored), and see host mounts
/// in a private namespace where the host's changes still arrive. What its parent left open or
/// set goes no further: the runtime gets three descriptors and the usual file mode mask.
pub(crate) fn isolate() -> Result<SignalFd, SysError> {
    // Before Linux 5.11 there is only the parent's own care.
    let _ = process::cloexec_from(3);
    process::umask(0o022);
    let signals = block_all()?;
    match setsid() {
        Ok(_) => {}
        // The engine may have made the session already; leading somebody else's process group
        // within another session is what must not be.
        Err(Errno::PERM) if getsid(None) == Ok(getpid()) => {}
        Err(errno) => return Err(errno).context("setsid", || "process group leader"),
    }
    set_child_subreaper(Some(getpid())).context("prctl", || "PR_SET_CHILD_SUBREAPER")?;
    unshare_mounts()?;
    Ok(signals)
}

fn unshare_mounts() -> Result<(), SysError> {
    #[expect(deprecated, reason = "its successor is unsafe for CLONE_FILES, which is not used")]
    rustix::thread::unshare(rustix::thread::UnshareFlags::NEWNS)
        .context("unshare", || "CLONE_NEWNS")?;
    // Slave, not private: what the host unmounts must not stay busy here.
    mount::set_propagation(c"/", mount::propagation::SLAVE, true)
}
