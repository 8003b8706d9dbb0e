// SPDX-License-Identifier: Apache-2.0
//! The channel between creator and init: short messages in both directions, a terminal's master.
//!
//! A closed channel after [`FromInit::Ready`] (or, without a start socket, at any time after
//! [`ToInit::Go`] without a failure) means that `execve` succeeded: the socket is close-on-exec.

use crate::error::{Failure, InStep};
use crate::{Error, Result};
use brig_sys::Context;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg,
    sendmsg, socketpair,
};
use serde::{Deserialize, Serialize};
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Messages of init.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum FromInit {
    /// The intermediate process made init; its pid in the creator's PID namespace.
    Pid(i32),
    /// The hooks of the runtime namespace are due.
    RuntimeHooks,
    /// The terminal's master comes with this message.
    Terminal,
    /// Everything up to `created` is done.
    Ready,
    /// A step failed; init has ended.
    Failed(Failure),
}

/// Messages of the creator.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum ToInit {
    /// Ids are mapped and the pid is recorded: go on. Init's pid as the host sees it.
    Go(i32),
    /// The hooks have run.
    HooksDone,
}

/// Largest message, bytes.
const MESSAGE_BYTES_MAX: usize = 16 * 1024;

/// One end.
#[derive(Debug)]
pub(super) struct Channel(OwnedFd);

/// Makes both ends.
pub(super) fn pair() -> Result<(Channel, Channel)> {
    let made = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None);
    let (a, b) = made.context("socketpair", || "SOCK_SEQPACKET").in_step(|| "talk to init")?;
    Ok((Channel(a), Channel(b)))
}

impl Channel {
    pub(super) fn send<T: Serialize>(&self, message: &T, fd: Option<BorrowedFd<'_>>) -> Result<()> {
        let mut bytes = serde_json::to_vec(message)
            .map_err(|error| Error::refused("talk to init", error.to_string()))?;
        bytes.truncate(MESSAGE_BYTES_MAX);
        let fds: Vec<BorrowedFd<'_>> = fd.into_iter().collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() {
            control.push(SendAncillaryMessage::ScmRights(&fds));
        }
        sendmsg(&self.0, &[IoSlice::new(&bytes)], &mut control, SendFlags::NOSIGNAL)
            .map(drop)
            .context("sendmsg", || "channel")
            .in_step(|| "talk to init")
    }

    /// Receives the next message; `None` when the other end is closed.
    pub(super) fn receive<T: for<'de> Deserialize<'de>>(
        &self,
    ) -> Result<Option<(T, Option<OwnedFd>)>> {
        let mut bytes = vec![0; MESSAGE_BYTES_MAX];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let received = loop {
            let slices = &mut [IoSliceMut::new(&mut bytes)];
            match recvmsg(&self.0, slices, &mut control, RecvFlags::CMSG_CLOEXEC) {
                Err(Errno::INTR) => {}
                Err(Errno::CONNRESET) => return Ok(None),
                other => {
                    break other.context("recvmsg", || "channel").in_step(|| "talk to init")?;
                }
            }
        };
        if received.bytes == 0 {
            return Ok(None);
        }
        if received.flags.contains(ReturnFlags::TRUNC) {
            return Err(Error::refused("talk to init", "message too long"));
        }
        let fd = control.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
            _ => None,
        });
        let message = serde_json::from_slice(&bytes[..received.bytes])
            .map_err(|error| Error::refused("talk to init", error.to_string()))?;
        Ok(Some((message, fd)))
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
