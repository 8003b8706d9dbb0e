// SPDX-License-Identifier: Apache-2.0
//! Connecting to a running container's monitor.

use crate::container::status::State;
use crate::engine::Engine;
use crate::error::{Error, Result};
use brig_spec::monitor::run_files;
use brig_sys::Context;
use rustix::fs::{Mode, OFlags, open};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use std::os::fd::{AsRawFd, OwnedFd};

impl Engine {
    /// Connects a further attach client to container `id`; it speaks `brig_spec::monitor::frame`.
    ///
    /// # Errors
    /// When the container does not run, or its monitor has died.
    pub fn attach(&self, id: &str) -> Result<OwnedFd> {
        match self.settled_state(id)? {
            State::Running | State::Ending => {}
            State::Orphaned => {
                return Err(Error::state(
                    format!("the monitor of container {} has died", self.record(id)?.name),
                    "the container runs on without output; restart it with `brig restart`",
                ));
            }
            _ => {
                return Err(Error::state(
                    "You cannot attach to a stopped container, start it first",
                    format!("start it with `brig start -a {}`", self.record(id)?.name),
                ));
            }
        }
        let dir = self.layout.run_container(id);
        let fd = open(&dir, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map_err(Error::errno("open", &dir))?;
        // Through the descriptor: the full path may be longer than a socket address.
        let path = format!("/proc/self/fd/{}/{}", fd.as_raw_fd(), run_files::SOCKET);
        let socket =
            socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
                .context("socket", || "AF_UNIX")?;
        let address = SocketAddrUnix::new(path.as_str()).context("connect", || path.as_str())?;
        connect(&socket, &address).context("connect", || run_files::SOCKET)?;
        Ok(socket)
    }
}
