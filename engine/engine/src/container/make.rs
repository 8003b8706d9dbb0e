// SPDX-License-Identifier: Apache-2.0
//! Makes a container: gathers facts, reserves name and ids, writes its directory, moves it into
//! place by one rename.
//!
//! Invariants: until the rename nothing of it is a container; whatever kills the maker, the next
//! command recognises the unlocked leftovers and removes them. From resolving the image until
//! the rename the image store is locked against removals.

use super::create::{ChosenRuntime, Facts, ImageFacts, Plan, RunRequest, plan};
use super::merged::View;
use super::options::{MountRequest, NetworkMode, Options};
use super::record::ContainerRecord;
use super::transition::Transition;
use super::{create, devices, idmap, names, sweep};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::layout::{Layout, files, make_dir};
use crate::spec::network::HostFiles;
use crate::spec::security::FilterFacts;
use crate::spec::user::DATABASE_BYTES_MAX;
use crate::{runtimes, time};
use brig_image::ImageRecord;
use brig_policy::caps::CapSet;
use brig_policy::seccomp::Arch;
use brig_spec::digest::Digest;
use brig_spec::monitor::run_files;
use brig_sys::fault;
use rustix::fs::{FlockOperation, Mode, OFlags, RenameFlags, flock, open, renameat_with};
use rustix::io::Errno;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Attempts at a directory that a sweeper does not take for a dead maker's.
const ATTEMPTS: u32 = 16;
/// Largest name file of the host that is copied, bytes.
const HOST_FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Makes the container; the lock on it is the caller's.
pub(crate) fn make(engine: &Engine, request: &RunRequest) -> Result<(ContainerRecord, Transition)> {
    let runtime =
        runtimes::choose(&engine.layout, &engine.config, request.options.runtime.as_deref())?;
    let parent =
        request.options.cgroup_parent.as_deref().or(engine.config.cgroup_parent.as_deref());
    create::validate_cgroup_parent(parent.unwrap_or("/brig"))?;
    check_binds(&request.options, &runtime)?;
    let store = engine.store()?;
    let _no_removal = store.shared_lock()?;
    let image = store.resolve(&request.image).map_err(|error| match error {
        brig_image::Error::NoSuchImage { reference } => Error::NoSuchImage(reference),
        other => other.into(),
    })?;
    let making = Making::begin(&engine.layout)?;
    let made = fill(engine, request, &image, &runtime, &making);
    match made {
        Ok(record) => making.commit(record),
        Err(error) => {
            making.abandon();
            Err(error)
        }
    }
}

/// A bind mount needs the container's id map, which not every runtime knows.
fn check_binds(options: &Options, runtime: &ChosenRuntime) -> Result<()> {
    let is_mapped = !options.userns_host && !options.privileged;
    let has_mapped =
        |mount: &MountRequest| matches!(mount, MountRequest::Bind { no_id_map: false, .. });
    if is_mapped && options.mounts.iter().any(has_mapped) && !runtimes::maps_mount_ids(runtime) {
        return Err(Error::unavailable(
            format!("the runtime `{}` cannot map the ids of bind mounts", runtime.name),
            "use brig's own runtime, `--userns host`, or `-v SOURCE:TARGET:noidmap` for files that \
             everybody may use",
        ));
    }
    Ok(())
}

fn fill(
    engine: &Engine,
    request: &RunRequest,
    image: &ImageRecord,
    runtime: &ChosenRuntime,
    making: &Making<'_>,
) -> Result<ContainerRecord> {
    fault::point("brig.making")?;
    let layout = &engine.layout;
    let options = &request.options;
    let name = names::allocate(layout, &making.id, request.name.as_deref())?;
    let host_ids = options.userns_host || options.privileged;
    let id_slot = if host_ids { None } else { Some(idmap::allocate(layout, &making.id)?) };
    fault::point("brig.reserved")?;
    let top_first: Vec<&Path> = image.layers.iter().rev().map(|l| l.path.as_path()).collect();
    let databases = Databases::read(&top_first)?;
    let layers: Vec<Digest> = image.layers.iter().rev().map(|l| l.diff_id).collect();
    let lower: Vec<String> =
        top_first.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    let image_facts = ImageFacts {
        id: image.id,
        config: &image.config.config,
        layers: &layers,
        lower: &lower,
        ids_max: image.ids_max(),
        passwd: &databases.passwd,
        group: &databases.group,
    };
    let container_dir = layout.container(&making.id);
    let rootfs_path = layout.run_container(&making.id).join(run_files::ROOTFS);
    let host_files = host_files(options.network)?;
    let devices = if options.privileged { devices::of_host()? } else { Vec::new() };
    let uname = rustix::system::uname();
    let facts = Facts {
        id: &making.id,
        name: &name,
        created_at: &time::now(),
        container_dir: &container_dir,
        rootfs_path: &rootfs_path,
        id_slot,
        runtime,
        cgroup_parent: engine.config.cgroup_parent.as_deref().unwrap_or("/brig"),
        log_driver: engine.config.log_driver.as_deref().unwrap_or("json-file"),
        log_opts: &engine.config.log_opts,
        cpus: cpus(options),
        host_name: &uname.nodename().to_string_lossy(),
        host_files: &host_files,
        available_caps: available_caps(options.privileged)?,
        filter: filter_facts(&image.config.architecture, &uname.release().to_string_lossy())?,
        devices: &devices,
    };
    let plan = plan(request, image_facts, facts)?;
    write(&making.dir, &plan, top_first.first().copied())?;
    fault::point("brig.written")?;
    Ok(plan.record)
}

/// A container's directory while it is being made.
struct Making<'a> {
    layout: &'a Layout,
    id: String,
    dir: PathBuf,
    lock: OwnedFd,
}

impl<'a> Making<'a> {
    fn begin(layout: &'a Layout) -> Result<Self> {
        for _ in 0..ATTEMPTS {
            let id =
                brig_state::id::random().map_err(Error::io("make an id for", "a container"))?;
            let dir = layout.making().join(&id);
            rustix::fs::mkdir(&dir, Mode::RWXU)
                .map_err(Error::errno("create the directory", &dir))?;
            // Until it is locked, a sweeper may take it for a dead maker's.
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let Ok(lock) = open(&dir, flags, Mode::empty()) else { continue };
            let locked = flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok();
            if locked && std::fs::symlink_metadata(&dir).is_ok() {
                return Ok(Self { layout, id, dir, lock });
            }
        }
        Err(Error::unavailable("cannot make a container's directory", "try again"))
    }

    fn commit(self, record: ContainerRecord) -> Result<(ContainerRecord, Transition)> {
        let place = self.layout.container(&self.id);
        let cwd = rustix::fs::CWD;
        match renameat_with(cwd, &self.dir, cwd, &place, RenameFlags::NOREPLACE) {
            Ok(()) => {
                fault::point("brig.made")?;
                Ok((record, Transition::adopt(self.lock)))
            }
            Err(errno) => {
                self.abandon();
                Err(Error::errno("create", place)(errno))
            }
        }
    }

    fn abandon(self) {
        sweep::discard_made(self.layout, &self.id, &self.dir);
    }
}

/// The image's user databases.
struct Databases {
    passwd: String,
    group: String,
}

impl Databases {
    fn read(layers: &[&Path]) -> Result<Self> {
        let view = View::open(layers)?;
        let read = |path| {
            let bytes = view.read(path, DATABASE_BYTES_MAX)?;
            Ok::<_, Error>(String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned())
        };
        Ok(Self { passwd: read("/etc/passwd")?, group: read("/etc/group")? })
    }
}

fn host_files(network: NetworkMode) -> Result<HostFiles> {
    let read = |path: &str| match brig_state::atomic::read(Path::new(path), HOST_FILE_BYTES_MAX) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.is_not_found() => Ok(String::new()),
        Err(error) => Err(Error::from(error)),
    };
    let hosts = match network {
        NetworkMode::Host => read("/etc/hosts")?,
        NetworkMode::None => String::new(),
    };
    Ok(HostFiles { hosts, resolv_conf: read("/etc/resolv.conf")? })
}

/// Programs of a 32-bit image need the 32-bit calls; all others are the machine's own.
fn filter_facts(architecture: &str, release: &str) -> Result<FilterFacts> {
    let native = Arch::native().ok_or_else(|| {
        Error::unavailable("brig has no system call filter for this machine's processor", "")
    })?;
    let arch = if architecture == "386" && native == Arch::X86_64 { Arch::X86 } else { native };
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse().unwrap_or(0));
    let kernel = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    Ok(FilterFacts { arch, kernel })
}

/// Counted only for a limit that depends on it.
fn cpus(options: &Options) -> u32 {
    if options.resources.nano_cpus.is_none() {
        return u32::MAX;
    }
    std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(u32::MAX))
}

/// What the engine may hand on is what it has; asked only when it matters.
fn available_caps(privileged: bool) -> Result<CapSet> {
    if !privileged {
        return Ok(CapSet::EMPTY);
    }
    Ok(CapSet::from_bits(brig_sys::caps::permitted()?))
}

/// Writes everything into the directory.
fn write(dir: &Path, plan: &Plan, top_layer: Option<&Path>) -> Result<()> {
    let owner = plan.record.id_base().unwrap_or(0);
    let bundle = dir.join(files::BUNDLE);
    make_dir(&bundle, 0o700)?;
    make_dir(&dir.join(files::LOG), 0o700)?;
    write_json(&bundle.join("config.json"), &plan.spec)?;
    for (name, text) in [
        (files::HOSTS, &plan.name_files.hosts),
        (files::HOSTNAME, &plan.name_files.hostname),
        (files::RESOLV_CONF, &plan.name_files.resolv_conf),
    ] {
        let path = dir.join(name);
        write_new(&path, text.as_bytes(), 0o644)?;
        own(&path, owner, owner)?;
    }
    make_root(dir, owner, top_layer)?;
    // No status record: that is what never having been started looks like.
    write_json(&dir.join(files::RECORD), &plan.record)
}

/// The writable layer's root shows through as the container's `/`: it takes mode and owner of the
/// image's, moved into the container's range.
fn make_root(dir: &Path, base: u32, top_layer: Option<&Path>) -> Result<()> {
    let (mode, uid, gid) = match top_layer {
        Some(path) => {
            let meta = std::fs::symlink_metadata(path).map_err(Error::io("read", path))?;
            (meta.mode() & 0o7777, meta.uid(), meta.gid())
        }
        None => (0o755, 0, 0),
    };
    let upper = dir.join(files::UPPER);
    make_dir(&upper, mode)?;
    if mode & !0o755 != 0 {
        // The caller's umask has cut bits off.
        std::fs::set_permissions(&upper, std::fs::Permissions::from_mode(mode))
            .map_err(Error::io("set the mode of", &upper))?;
    }
    own(&upper, base.saturating_add(uid), base.saturating_add(gid))?;
    let work = dir.join(files::WORK);
    make_dir(&work, 0o700)?;
    own(&work, base, base)
}

fn own(path: &Path, uid: u32, gid: u32) -> Result<()> {
    if (uid, gid) == (0, 0) {
        return Ok(());
    }
    let ids = (rustix::fs::Uid::from_raw(uid), rustix::fs::Gid::from_raw(gid));
    rustix::fs::chown(path, Some(ids.0), Some(ids.1)).map_err(|errno| match errno {
        Errno::PERM => Error::unavailable(
            format!("cannot give `{}` to the container's own ids", path.display()),
            "run brig as root, or use `--userns host`",
        ),
        errno => Error::errno("set the owner of", path)(errno),
    })
}

fn write_json<T: serde::Serialize>(path: &Path, value: &T) -> Result<()> {
    let bytes = serde_json::to_vec(value)
        .map_err(|source| brig_state::Error::Parse { path: path.to_owned(), source })?;
    write_new(path, &bytes, 0o600)
}

/// Nobody sees the directory yet, so a plain write is enough.
fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .map_err(Error::io("create", path))?;
    file.write_all(bytes).map_err(Error::io("write", path))
}
