// SPDX-License-Identifier: Apache-2.0
//! What tests need between fork and exec, on the host: `brig-probe VERB ARG.. -- COMMAND ARG..`.
//!
//! The test executable is multi-threaded and free of `unsafe`, so it cannot do this itself. The
//! probe does it in its own single thread and becomes the command.

use crate::{Args, Failure, attempt, raw};
use rustix::mount::{MountFlags, MountPropagationFlags};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Does what the verb says, then becomes `command`; returns only a failure.
pub(crate) fn run(args: &Args<'_>, command: &[String]) -> Failure {
    if let Err(failure) = prepare(args) {
        return failure;
    }
    let Some((program, rest)) = command.split_first() else {
        return Failure::Text("no command after --".to_owned());
    };
    Command::new(program).args(rest).exec().into()
}

fn prepare(args: &Args<'_>) -> Result<(), Failure> {
    match args.verb {
        "pty-exec" => own_terminal(),
        "in-ns" => in_namespaces(args),
        "pure-v1" => pure_v1(),
        _ => Ok(()),
    }
}

/// A session of its own, with the terminal on standard input as its controlling one.
fn own_terminal() -> Result<(), Failure> {
    rustix::process::setsid()?;
    Ok(rustix::process::ioctl_tiocsctty(io::stdin())?)
}

/// `in-ns net,mnt,..`: new namespaces; mounts no longer travel back, the loopback device is up.
fn in_namespaces(args: &Args<'_>) -> Result<(), Failure> {
    let names = args.text(0)?;
    let mut flags = 0;
    for name in names.split(',') {
        flags |= attempt::namespace(name)?;
    }
    raw::unshare(flags).map_err(Failure::Errno)?;
    if names.split(',').any(|name| name == "mnt") {
        keep_mounts_here()?;
    }
    if names.split(',').any(|name| name == "net") {
        loopback_up()?;
    }
    Ok(())
}

fn keep_mounts_here() -> Result<(), Failure> {
    let flags = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
    Ok(rustix::mount::mount_change("/", flags)?)
}

/// Hides the cgroup2 tree of a hybrid machine, in a mount namespace of our own: crun takes such a
/// machine for broken.
fn pure_v1() -> Result<(), Failure> {
    raw::unshare(attempt::namespace("mnt")?).map_err(Failure::Errno)?;
    keep_mounts_here()?;
    let target = "/sys/fs/cgroup/unified";
    Ok(rustix::mount::mount("none", target, "tmpfs", MountFlags::empty(), Some(c"mode=755"))?)
}

fn loopback_up() -> Result<(), Failure> {
    const SIOCSIFFLAGS: usize = 0x8914;
    const IFF_UP: u8 = 1;
    let socket = rustix::net::socket(
        rustix::net::AddressFamily::INET,
        rustix::net::SocketType::DGRAM,
        None,
    )?;
    // struct ifreq: 16 bytes of name, then the flags.
    let mut request = [0_u8; 40];
    request[..2].copy_from_slice(b"lo");
    request[16] = IFF_UP;
    let descriptor = usize::try_from(std::os::fd::AsRawFd::as_raw_fd(&socket)).unwrap_or(0);
    let address = std::ptr::from_mut(&mut request).expose_provenance();
    raw::syscall(libc::SYS_ioctl, &[descriptor, SIOCSIFFLAGS, address])
        .map(drop)
        .map_err(Failure::Errno)
}
