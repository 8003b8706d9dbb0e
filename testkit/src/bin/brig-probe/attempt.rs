// SPDX-License-Identifier: Apache-2.0
//! What a sandbox is meant to forbid. Each `try-*` verb prints `OK` or the name of the error.

use crate::{Answer, Args, Failure, errno, raw, syscalls};
use rustix::fs::{CWD, FileType, Mode, makedev};
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags};
use std::fs;
use std::io::Write;
use std::process::Command;

/// Namespaces by their names in `/proc/self/ns`.
const NAMESPACES: &[(&str, u64)] = &[
    ("time", 0x80),
    ("mnt", 0x2_0000),
    ("cgroup", 0x200_0000),
    ("uts", 0x400_0000),
    ("ipc", 0x800_0000),
    ("user", 0x1000_0000),
    ("pid", 0x2000_0000),
    ("net", 0x4000_0000),
];

pub(crate) fn answer(args: &Args<'_>) -> Option<Answer> {
    let verb = args.verb.strip_prefix("try-")?;
    let result = match verb {
        "syscall" => call(args),
        "open" => open(args),
        "write" => write(args),
        "mkdir" => args.text(0).and_then(|path| Ok(fs::create_dir(path)?)),
        "chown" => chown(args),
        "mount" => mount(args),
        "bind" => bind(args),
        "remount-rw" => args
            .text(0)
            .and_then(|target| Ok(rustix::mount::mount_remount(target, MountFlags::BIND, "")?)),
        "share" => args.text(0).and_then(|target| {
            Ok(rustix::mount::mount_change(target, MountPropagationFlags::SHARED)?)
        }),
        "umount" => args
            .text(0)
            .and_then(|target| Ok(rustix::mount::unmount(target, UnmountFlags::DETACH)?)),
        "mknod" => mknod(args),
        "unshare" => args
            .text(0)
            .and_then(namespace)
            .and_then(|flag| raw::unshare(flag).map_err(Failure::Errno)),
        "setns" => setns(args),
        "exec" => exec(args),
        "kill" => kill(args),
        "sethostname" => {
            args.text(0).and_then(|name| Ok(rustix::system::sethostname(name.as_bytes())?))
        }
        "setuid" => args.number(0).and_then(|id| plain(libc::SYS_setuid, &[id])),
        "socket" => args.number(0).and_then(|family| {
            let kind = args.number(1).unwrap_or(1);
            plain(libc::SYS_socket, &[family, kind])
        }),
        "chroot" => args.text(0).and_then(|path| Ok(rustix::process::chroot(path)?)),
        "tiocsti" => plain(libc::SYS_ioctl, &[0, 0x5412]),
        _ => return None,
    };
    Some(match result {
        Ok(()) => Ok("OK".to_owned()),
        Err(Failure::Errno(number)) => Ok(errno::name(number)),
        Err(failure) => Err(failure),
    })
}

/// The `CLONE_NEW*` bit of a namespace.
pub(crate) fn namespace(name: &str) -> Result<u64, Failure> {
    NAMESPACES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, flag)| *flag)
        .ok_or_else(|| Failure::Text(format!("no such namespace: {name}")))
}

fn plain(number: i64, args: &[u64]) -> Result<(), Failure> {
    let args: Vec<usize> = args.iter().map(|arg| usize::try_from(*arg).unwrap_or(0)).collect();
    raw::syscall(number, &args).map(drop).map_err(Failure::Errno)
}

fn call(args: &Args<'_>) -> Result<(), Failure> {
    let name = args.text(0)?;
    let number = syscalls::number(name)
        .ok_or_else(|| Failure::Text(format!("no such system call: {name}")))?;
    let numbers = (1..args.all().len()).map(|at| args.number(at)).collect::<Result<Vec<_>, _>>()?;
    plain(number, &numbers)
}

/// `try-open PATH r|w|rw|a`.
fn open(args: &Args<'_>) -> Result<(), Failure> {
    let mut options = fs::OpenOptions::new();
    match args.text(1)? {
        "r" => options.read(true),
        "w" => options.write(true),
        "rw" => options.read(true).write(true),
        "a" => options.append(true),
        other => return Err(Failure::Text(format!("no such open mode: {other}"))),
    };
    Ok(options.open(args.text(0)?).map(drop)?)
}

/// `try-write PATH TEXT`: creates the file if need be, never truncates.
fn write(args: &Args<'_>) -> Result<(), Failure> {
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(false).open(args.text(0)?)?;
    Ok(file.write_all(args.text(1)?.as_bytes())?)
}

fn chown(args: &Args<'_>) -> Result<(), Failure> {
    let id = |at| args.number(at).map(|number| u32::try_from(number).ok());
    Ok(std::os::unix::fs::chown(args.text(0)?, id(1)?, id(2)?)?)
}

/// `try-mount SOURCE TARGET TYPE [DATA]`.
fn mount(args: &Args<'_>) -> Result<(), Failure> {
    let data = std::ffi::CString::new(args.text(3).unwrap_or_default())
        .map_err(|_| Failure::Text("NUL in mount data".to_owned()))?;
    let (source, target, kind) = (args.text(0)?, args.text(1)?, args.text(2)?);
    Ok(rustix::mount::mount(source, target, kind, MountFlags::empty(), Some(data.as_c_str()))?)
}

fn bind(args: &Args<'_>) -> Result<(), Failure> {
    Ok(rustix::mount::mount_bind(args.text(0)?, args.text(1)?)?)
}

/// `try-mknod PATH c|b MAJOR MINOR`.
fn mknod(args: &Args<'_>) -> Result<(), Failure> {
    let kind = match args.text(1)? {
        "c" => FileType::CharacterDevice,
        "b" => FileType::BlockDevice,
        other => return Err(Failure::Text(format!("no such kind of node: {other}"))),
    };
    let number = |at| args.number(at).map(|number| u32::try_from(number).unwrap_or(0));
    let device = makedev(number(2)?, number(3)?);
    Ok(rustix::fs::mknodat(CWD, args.text(0)?, kind, Mode::RUSR | Mode::WUSR, device)?)
}

fn setns(args: &Args<'_>) -> Result<(), Failure> {
    let file = fs::File::open(args.text(0)?)?;
    Ok(rustix::thread::move_into_link_name_space(std::os::fd::AsFd::as_fd(&file), None)?)
}

/// `try-exec PATH ARG..`: `OK` when it could be executed, whatever it answered.
fn exec(args: &Args<'_>) -> Result<(), Failure> {
    let rest = args.all().get(1..).unwrap_or_default();
    Ok(Command::new(args.text(0)?).args(rest).status().map(drop)?)
}

/// `try-kill PID SIGNAL`; signal 0 only asks.
fn kill(args: &Args<'_>) -> Result<(), Failure> {
    let pid = args.text(0)?.parse::<i64>().map_err(|_| Failure::Text("not a pid".to_owned()))?;
    let (pid, signal) = (u64::from_ne_bytes(pid.to_ne_bytes()), args.number(1)?);
    plain(libc::SYS_kill, &[pid, signal])
}
