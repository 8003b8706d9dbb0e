// SPDX-License-Identifier: Apache-2.0
//! The little of networking that a container start needs: the loopback interface.
// UNSAFETY: SIOCSIFFLAGS has no wrapper in rustix.
#![expect(unsafe_code, reason = "see UNSAFETY above")]

use crate::error::{Context, SysError, check};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use std::os::fd::AsRawFd;

/// `struct ifreq` as far as SIOCSIFFLAGS reads it.
#[repr(C)]
struct InterfaceFlags {
    name: [u8; libc::IFNAMSIZ],
    flags: libc::c_short,
    padding: [u8; 22],
}

/// Brings up `lo` in the caller's network namespace.
///
/// # Errors
/// EPERM without CAP_NET_ADMIN in the namespace's owner.
pub fn loopback_up() -> Result<(), SysError> {
    let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)
        .context("socket", || "AF_INET, SOCK_DGRAM")?;
    let mut name = [0_u8; libc::IFNAMSIZ];
    name[..2].copy_from_slice(b"lo");
    let flags = libc::c_short::try_from(libc::IFF_UP | libc::IFF_RUNNING)
        .expect("both flags are below 2^15");
    let request = InterfaceFlags { name, flags, padding: [0; 22] };
    // SAFETY: the request has the size of struct ifreq and outlives the call.
    let result = unsafe {
        libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, std::ptr::from_ref(&request))
    };
    check(result.into()).map(drop).context("ioctl", || "SIOCSIFFLAGS, lo up")
}
