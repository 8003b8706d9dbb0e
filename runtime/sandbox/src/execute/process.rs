// SPDX-License-Identifier: Apache-2.0
//! From the container's root to the user's program: identity, limits, filter, `execve`.
//!
//! Who runs here: init (or the entering process of `exec`), inside the container, with all
//! capabilities of its user namespace until `drop_privileges`. Every step is fatal.

use super::command;
use super::host::Filter;
use crate::error::InStep;
use crate::plan::{ProcessPlan, UserPlan};
use crate::{Error, Result};
use brig_sys::{Context, caps, process, seccomp, signal};
use rustix::fs::{Mode, OFlags, ResolveFlags, fstat, openat2};
use rustix::io::Errno;
use rustix::process::Rlimit;
use rustix::thread::{
    Gid, Uid, set_keep_capabilities, set_no_new_privs, set_thread_groups, set_thread_res_gid,
    set_thread_res_uid,
};
use std::ffi::CString;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};

/// What can fail early does so before the container counts as created: terminal, working
/// directory, program.
pub(super) fn before_start(plan: &ProcessPlan, terminal: Option<&OwnedFd>) -> Result<()> {
    if let Some(slave) = terminal {
        take_terminal(slave)?;
    }
    // The user may be the only one who can enter it: tried again as the user.
    let _ = rustix::process::chdir(plan.cwd.as_c_str());
    command::find(&plan.args[0], &plan.env).map(drop)
}

/// Makes the terminal the controlling one and the three standard descriptors.
pub(super) fn take_terminal(slave: &OwnedFd) -> Result<()> {
    let step = || "take the terminal";
    rustix::process::ioctl_tiocsctty(slave).context("ioctl", || "TIOCSCTTY").in_step(step)?;
    rustix::stdio::dup2_stdin(slave).context("dup2", || "0").in_step(step)?;
    rustix::stdio::dup2_stdout(slave).context("dup2", || "1").in_step(step)?;
    rustix::stdio::dup2_stderr(slave).context("dup2", || "2").in_step(step)
}

/// Becomes the user's program; returns only the reason why that failed. `proc` is the host's
/// procfs, opened by the creator.
pub(super) fn execute(
    plan: &ProcessPlan,
    filter: Option<&Filter>,
    proc: &OwnedFd,
    preserve_fds: u32,
) -> Error {
    let prepared = prepare(plan, filter, proc).and_then(|path| {
        process::cloexec_from(3 + preserve_fds)
            .context("close_range", || "CLOSE_RANGE_CLOEXEC")
            .in_step(|| "close inherited descriptors")?;
        if plan.no_new_privileges {
            load(filter)?;
        }
        signal::reset_for_exec().in_step(|| "reset signals")?;
        Ok(path)
    });
    let path = match prepared {
        Ok(path) => path,
        Err(error) => return error,
    };
    let env = with_home(plan);
    let errno = process::execve(&path, &plan.args, &env);
    command::refusal(&plan.args[0].to_string_lossy(), &path.to_string_lossy(), errno)
}

fn prepare(plan: &ProcessPlan, filter: Option<&Filter>, proc: &OwnedFd) -> Result<CString> {
    for &(resource, soft, hard) in &plan.rlimits {
        rustix::process::setrlimit(resource, Rlimit { current: soft, maximum: hard })
            .context("setrlimit", || format!("{resource:?}, {soft:?}, {hard:?}"))
            .in_step_hint(
                || "set a resource limit",
                "raising a hard limit needs CAP_SYS_RESOURCE",
            )?;
    }
    set_labels(plan, proc)?;
    process::umask(plan.user.umask.unwrap_or(0o022));
    if !plan.no_new_privileges {
        // Without no_new_privs the kernel asks for CAP_SYS_ADMIN, which is about to go.
        load(filter)?;
    }
    drop_privileges(plan)?;
    change_directory(plan)?;
    if plan.no_new_privileges {
        set_no_new_privs(true)
            .context("prctl", || "PR_SET_NO_NEW_PRIVS, 1")
            .in_step(|| "set no_new_privs")?;
    }
    command::find(&plan.args[0], &plan.env)
}

fn load(filter: Option<&Filter>) -> Result<()> {
    let Some(filter) = filter else { return Ok(()) };
    seccomp::load(&filter.program, filter.flags).map(drop).in_step(|| "load the system call filter")
}

/// Writes the labels for the next `execve` through the verified procfs.
fn set_labels(plan: &ProcessPlan, proc: &OwnedFd) -> Result<()> {
    if !plan.apparmor.is_empty() {
        let value = format!("exec {}", plan.apparmor);
        // The LSM's own directory exists since Linux 5.8; the shared file before.
        let own = write_attribute(proc, "apparmor/exec", &value);
        match own {
            Err(error) if error.errno == Errno::NOENT => write_attribute(proc, "exec", &value),
            other => other,
        }
        .in_step_hint(
            || format!("apply AppArmor profile `{}`", plan.apparmor),
            "the profile must be loaded; see `aa-status`",
        )?;
    }
    if plan.selinux.is_empty() {
        return Ok(());
    }
    let step = || format!("apply SELinux label `{}`", plan.selinux);
    // Without a policy the kernel takes every label and forgets it.
    if read_attribute(proc, "current").is_ok_and(|label| label == NO_POLICY) {
        return Err(Error::refused(step(), "SELinux is enabled, but no policy is loaded"));
    }
    write_attribute(proc, "exec", &plan.selinux)
        .in_step_hint(step, "SELinux must be enabled and the label known to the policy")
}

/// The label of every process while SELinux has no policy; a real one has colons.
const NO_POLICY: &[u8] = b"kernel";

/// Reads a short attribute without the zero or newline at its end.
fn read_attribute(proc: &OwnedFd, name: &str) -> std::result::Result<Vec<u8>, brig_sys::SysError> {
    let fd = open_attribute(proc, name, OFlags::RDONLY)?;
    let mut bytes = vec![0; 256];
    let count = rustix::io::read(&fd, &mut bytes).context("read", || name)?;
    bytes.truncate(count);
    while matches!(bytes.last(), Some(0 | b'\n')) {
        bytes.pop();
    }
    Ok(bytes)
}

fn write_attribute(
    proc: &OwnedFd,
    name: &str,
    value: &str,
) -> std::result::Result<(), brig_sys::SysError> {
    let fd = open_attribute(proc, name, OFlags::WRONLY)?;
    rustix::io::write(&fd, value.as_bytes())
        .map(drop)
        .context("write", || format!("attr/{name}, {value}"))
}

fn open_attribute(
    proc: &OwnedFd,
    name: &str,
    access: OFlags,
) -> std::result::Result<OwnedFd, brig_sys::SysError> {
    let path = format!("thread-self/attr/{name}");
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
    openat2(proc, path.as_str(), access | OFlags::CLOEXEC, Mode::empty(), resolve)
        .context("openat2", || path)
}

/// Becomes the user: bounding set first (it needs CAP_SETPCAP), then the ids, then exactly the
/// wanted sets.
fn drop_privileges(plan: &ProcessPlan) -> Result<()> {
    let sets = &plan.caps;
    let step = || "set the capabilities";
    caps::limit_bounding(sets.bounding).in_step(step)?;
    set_keep_capabilities(true).context("prctl", || "PR_SET_KEEPCAPS, 1").in_step(step)?;
    become_user(&plan.user)?;
    set_keep_capabilities(false).context("prctl", || "PR_SET_KEEPCAPS, 0").in_step(step)?;
    caps::set(sets.effective, sets.permitted, sets.inheritable).in_step(step)?;
    caps::set_ambient(sets.ambient).in_step(step)
}

fn become_user(user: &UserPlan) -> Result<()> {
    let step = || format!("become user {}:{}", user.uid, user.gid);
    const HINT: &str = "the id must be mapped in the container's user namespace";
    let groups: Vec<Gid> = user.groups.iter().map(|gid| Gid::from_raw(*gid)).collect();
    match set_thread_groups(&groups) {
        Ok(()) => {}
        // Denied for good in a namespace that an unprivileged caller mapped; nothing to set.
        Err(Errno::PERM) if groups.is_empty() => {}
        Err(errno) => {
            return Err(errno)
                .context("setgroups", || format!("{:?}", user.groups))
                .in_step_hint(step, HINT);
        }
    }
    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    set_thread_res_gid(gid, gid, gid)
        .context("setresgid", || user.gid.to_string())
        .in_step_hint(step, HINT)?;
    set_thread_res_uid(uid, uid, uid)
        .context("setresuid", || user.uid.to_string())
        .in_step_hint(step, HINT)
}

/// Enters the working directory and verifies that it lies inside the root: a directory reached
/// through a leaked descriptor has no path from it (CVE-2024-21626).
fn change_directory(plan: &ProcessPlan) -> Result<()> {
    let step = || format!("enter working directory `{}`", plan.cwd.to_string_lossy());
    rustix::process::chdir(plan.cwd.as_c_str())
        .context("chdir", || plan.cwd.to_string_lossy())
        .in_step(step)?;
    let cwd = rustix::process::getcwd(Vec::new()).context("getcwd", || "").in_step(step)?;
    match cwd.to_bytes().first() {
        Some(b'/') => Ok(()),
        _ => Err(Error::refused(step(), "it is outside of the container")),
    }
}

/// Adds `HOME` from the container's passwd file when the configuration has none, as runc does.
fn with_home(plan: &ProcessPlan) -> Vec<CString> {
    let mut env = plan.env.clone();
    if !env.iter().any(|word| word.to_bytes().starts_with(b"HOME=")) {
        let home = home_of(plan.user.uid).unwrap_or_else(|| "/".to_owned());
        env.extend(CString::new(format!("HOME={home}")));
    }
    env
}

/// Reads a home directory from `/etc/passwd`: a hostile file, so bounded, regular, not followed
/// into anything that blocks.
fn home_of(uid: u32) -> Option<String> {
    const PASSWD_BYTES_MAX: u64 = 1024 * 1024;
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let fd = rustix::fs::open(c"/etc/passwd", flags, Mode::empty()).ok()?;
    let stat = fstat(fd.as_fd()).ok()?;
    if rustix::fs::FileType::from_raw_mode(stat.st_mode) != rustix::fs::FileType::RegularFile {
        return None;
    }
    let mut text = Vec::new();
    std::fs::File::from(fd).take(PASSWD_BYTES_MAX).read_to_end(&mut text).ok()?;
    let text = String::from_utf8_lossy(&text);
    text.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let matches = fields.get(2)?.parse::<u32>().ok()? == uid;
        let home = *fields.get(5)?;
        (matches && home.starts_with('/')).then(|| home.to_owned())
    })
}
