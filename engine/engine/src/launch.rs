// SPDX-License-Identifier: Apache-2.0
//! Starts a container's monitor and hears from it how the start went.

use crate::container::idmap::mappings;
use crate::container::record::ContainerRecord;
use crate::container::{idmap, names};
use crate::error::{Error, Result};
use crate::layout::{Layout, files};
use crate::runtimes::{MONITOR, own_program};
use brig_spec::monitor::{AutoRemove, Launch, Log, Rootfs, StartEvent, VERSION, run_files};
use brig_state::atomic;
use brig_sys::{Context, fault, spawn};
use rustix::fs::{Mode, OFlags, open};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::pipe::{PipeFlags, pipe_with};
use std::ffi::CString;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Environment variables that a monitor and its runtime may know.
const ENVIRONMENT: &[&str] = &["PATH", "BRIG_LIBEXEC", "BRIG_FAULT", "BRIG_FAULT_TRACE"];
/// Tells the monitor that descriptor 4 is the first attach client.
const ATTACH_VARIABLE: &str = "BRIG_MONITOR_ATTACH";
/// Longest event that is read, bytes.
const EVENT_BYTES_MAX: u64 = 256 * 1024;

/// What became of a launch.
#[derive(Debug)]
pub(crate) enum Launched {
    /// The container runs; the first attach client's end, if one was asked for.
    Started(Option<OwnedFd>),
    /// It runs under the monitor of an earlier start, which nobody had heard of yet.
    AlreadyRunning,
}

/// Starts the container; the caller holds its transition lock.
pub(crate) fn launch(layout: &Layout, record: &ContainerRecord, attach: bool) -> Result<Launched> {
    let run_dir = layout.make_run_container(&record.id)?;
    let launch = launch_record(layout, record, &run_dir);
    atomic::write_json(&run_dir.join(run_files::LAUNCH), &launch)?;
    fault::point("brig.launching")?;
    let (events, events_end) = pipe_with(PipeFlags::CLOEXEC).context("pipe2", || "events")?;
    let pair = attach
        .then(|| {
            socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
                .context("socketpair", || "attach")
        })
        .transpose()?;
    spawn_monitor(&run_dir, events_end, pair.as_ref().map(|(_, theirs)| theirs))?;
    fault::point("brig.launched")?;
    let client = pair.map(|(ours, _)| ours);
    match read_event(events)? {
        Some(StartEvent::Started { .. }) => Ok(Launched::Started(client)),
        Some(StartEvent::AlreadyRunning) => Ok(Launched::AlreadyRunning),
        Some(StartEvent::Failed { exit_code, message, hint }) => {
            Err(Error::Start { exit_code, message, hint })
        }
        None => Err(Error::Start {
            exit_code: 125,
            message: format!("`{MONITOR}` ended before the container was started"),
            hint: "try again; nothing of the failed start is left".to_owned(),
        }),
    }
}

fn launch_record(layout: &Layout, record: &ContainerRecord, run_dir: &Path) -> Launch {
    let dir = layout.container(&record.id);
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let id_map = mappings(record.id_slot);
    let mut reservations = vec![text(&names::path(layout, &record.name))];
    reservations.extend(record.id_slot.map(|slot| text(&idmap::path(layout, slot))));
    Launch {
        version: VERSION,
        id: record.id.clone(),
        bundle: text(&dir.join(files::BUNDLE)),
        rootfs_path: text(&run_dir.join(run_files::ROOTFS)),
        rootfs: Rootfs::Overlay {
            lower: record.lower.clone(),
            upper: text(&dir.join(files::UPPER)),
            work: text(&dir.join(files::WORK)),
            uid_mappings: id_map.clone(),
            gid_mappings: id_map,
            nosuid: !record.options.privileged && !record.options.allow_new_privileges,
        },
        runtime: record.runtime_path.clone(),
        runtime_args: record.runtime_args.clone(),
        terminal: record.options.terminal,
        stdin_open: record.options.stdin_open,
        stdin_once: record.options.stdin_once,
        log: Log {
            driver: record.log_driver.clone(),
            path: text(&dir.join(files::LOG).join(files::LOG_FILE)),
            max_size_bytes: record.log_size_bytes_max,
            max_files: record.log_files_max,
        },
        status_path: text(&dir.join(files::STATUS)),
        stop_timeout_s: record.stop_timeout_s,
        auto_remove: record.options.auto_remove.then(|| AutoRemove {
            container_dir: text(&dir),
            trash_dir: text(&layout.trash()),
            files: reservations,
        }),
    }
}

fn spawn_monitor(run_dir: &Path, events: OwnedFd, client: Option<&OwnedFd>) -> Result<()> {
    let program = own_program(MONITOR)?;
    let null = open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
        .map_err(Error::errno("open", "/dev/null"))?;
    let mut environment: Vec<CString> = ENVIRONMENT
        .iter()
        .filter_map(|name| {
            let value = std::env::var_os(name)?;
            CString::new([name.as_bytes(), b"=", value.as_bytes()].concat()).ok()
        })
        .collect();
    let mut descriptors = vec![null.as_fd(), null.as_fd(), null.as_fd(), events.as_fd()];
    if let Some(client) = client {
        descriptors.push(client.as_fd());
        environment.push(c_string(format!("{ATTACH_VARIABLE}=1"))?);
    }
    let arguments = [c_string(MONITOR)?, c_string(run_dir.as_os_str().as_bytes())?];
    let program = c_string(program.as_os_str().as_bytes())?;
    let child = spawn::spawn(&program, &arguments, &environment, &descriptors, true)?;
    // The monitor outlives this process, whose parent or init reaps it then.
    drop(child);
    Ok(())
}

fn c_string(text: impl AsRef<[u8]>) -> Result<CString> {
    CString::new(text.as_ref())
        .map_err(|_| Error::invalid("a path has a NUL byte in it", "choose other roots"))
}

/// Reads the one event; `None` when the monitor died without a word.
fn read_event(events: OwnedFd) -> Result<Option<StartEvent>> {
    let mut line = Vec::with_capacity(1024);
    File::from(events)
        .take(EVENT_BYTES_MAX)
        .read_to_end(&mut line)
        .map_err(Error::io("read", "the monitor's event"))?;
    if line.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    serde_json::from_slice(&line).map(Some).map_err(|source| {
        brig_state::Error::Parse { path: "the monitor's event".into(), source }.into()
    })
}
