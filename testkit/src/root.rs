// SPDX-License-Identifier: Apache-2.0
//! A disposable place for one test: a directory, a cgroup parent, an environment.
//!
//! Removed when dropped, also on panic; what a killed test run left is removed by the next one,
//! which sees that nobody holds the lock file any more. The end of a test is a check: nothing may be
//! left of what it started.

use crate::{Invocation, binaries, cgroup, deadline::wait_for, leak, mountinfo, process};
use rustix::fs::{FlockOperation, flock};
use rustix::mount::{UnmountFlags, unmount};
use std::fs::{self, File};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::Duration;

/// Start of the name of every root.
const PREFIX: &str = "bt-";
const LOCK: &str = "lock";
/// How long the traces of what has ended may take to go: the kernel tears down asynchronously.
const LEAK_PATIENCE: Duration = Duration::from_secs(5);

/// A disposable place for one test.
#[derive(Debug)]
pub struct TestRoot {
    id: String,
    dir: PathBuf,
    _lock: File,
    finished: bool,
}

impl TestRoot {
    /// Makes one, with a short path: sockets below it must fit into 107 bytes.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn new() -> Self {
        static SWEEP: Once = Once::new();
        SWEEP.call_once(sweep);
        let id = random_id();
        let dir = parent().join(format!("{PREFIX}{id}"));
        // Search permission for all: a container's root may be nobody on the host.
        let made = fs::DirBuilder::new().mode(0o711).create(&dir);
        made.unwrap_or_else(|error| panic!("cannot make {}: {error}", dir.display()));
        let lock = File::create(dir.join(LOCK)).expect("a new directory takes a file");
        flock(&lock, FlockOperation::NonBlockingLockExclusive).expect("a new file is not locked");
        for name in ["io", "state", "root", "run"] {
            fs::create_dir(dir.join(name)).expect("a new directory takes another");
        }
        if rustix::process::geteuid().is_root() {
            cgroup::create(&id).unwrap_or_else(|error| panic!("cannot make cgroups: {error}"));
        }
        Self { id, dir, _lock: lock, finished: false }
    }

    /// Its name, unique on this machine.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A path in its directory.
    #[must_use]
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.join(name)
    }

    /// The parent of its cgroups, as a path inside every hierarchy.
    #[must_use]
    pub fn cgroup_parent(&self) -> String {
        format!("/{}/{}", cgroup::PARENT, self.id)
    }

    /// The directory of one of its cgroups in the tree that has `controller`.
    ///
    /// # Panics
    /// When no tree has it.
    #[must_use]
    pub fn cgroup(&self, controller: &str, name: &str) -> PathBuf {
        let mount = cgroup::mount_of(controller);
        let mount = mount.unwrap_or_else(|| panic!("no hierarchy has {controller}"));
        mount.join(cgroup::PARENT).join(&self.id).join(name)
    }

    /// A program with the environment of this root, its output in files here.
    #[must_use]
    pub fn invocation(&self, program: impl AsRef<std::ffi::OsStr>) -> Invocation {
        let invocation = Invocation::new(&self.dir.join("io"), program)
            .env("BRIG_ROOT", self.path("root"))
            .env("BRIG_RUN", self.path("run"))
            .env("BRIG_CONFIG", self.path("config.toml"));
        match binaries::find("brig-oci").as_deref().and_then(Path::parent) {
            Some(libexec) => invocation.env("BRIG_LIBEXEC", libexec),
            None => invocation,
        }
    }

    /// Ends the test: nothing may be left of it.
    ///
    /// # Panics
    /// When anything is.
    pub fn finish(mut self) {
        self.check();
    }

    /// Ends the test without a check: it has broken on purpose what would have cleaned up.
    pub fn abandon(mut self) {
        self.finished = true;
    }

    fn check(&mut self) {
        self.finished = true;
        let mut leaks = Vec::new();
        wait_for(LEAK_PATIENCE, || {
            leaks = leak::of(self);
            leaks.is_empty().then_some(())
        });
        if !leaks.is_empty() {
            clean(&self.dir, &self.id);
            panic!("left behind by this test:\n  {}", leaks.join("\n  "));
        }
    }

    /// Keeps every config.json of a failed test, and says where.
    fn keep_configs(&self) {
        let kept = binaries::target_dir().join("failed");
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        for bundle in entries.map(|entry| entry.path()) {
            let copy = kept.join(format!(
                "{}-{}.json",
                self.id,
                bundle.file_name().unwrap_or_default().to_string_lossy()
            ));
            let copied = fs::create_dir_all(&kept)
                .and_then(|()| fs::copy(bundle.join("config.json"), &copy));
            if copied.is_ok() {
                use std::io::Write;
                drop(writeln!(std::io::stderr(), "kept {}", copy.display()));
            }
        }
    }
}

impl Default for TestRoot {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for TestRoot {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.keep_configs();
        } else if !self.finished {
            self.check();
        }
        clean(&self.dir, &self.id);
    }
}

/// `/tmp`, unless it is an overlay, on which no container of brig's could have its own overlay.
fn parent() -> &'static Path {
    const OVERLAYFS_SUPER_MAGIC: i64 = 0x794c_7630;
    let usable = |path: &&Path| {
        rustix::fs::statfs(*path).is_ok_and(|stat| stat.f_type != OVERLAYFS_SUPER_MAGIC)
    };
    ["/tmp", "/dev/shm", "/var/tmp"]
        .into_iter()
        .map(Path::new)
        .find(usable)
        .unwrap_or(Path::new("/tmp"))
}

fn random_id() -> String {
    let mut bytes = [0_u8; 4];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())
        .expect("the kernel has random bytes");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Removes the roots of test runs that were killed.
fn sweep() {
    let Ok(entries) = fs::read_dir(parent()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(id) = name.strip_prefix(PREFIX) else { continue };
        let own = entry
            .metadata()
            .is_ok_and(|meta| meta.uid() == rustix::process::geteuid().as_raw() && meta.is_dir());
        // No lock file: just being made, or not one of these.
        let Ok(lock) = File::open(entry.path().join(LOCK)) else { continue };
        if own && flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
            clean(&entry.path(), id);
        }
    }
}

/// Removes everything of a root: processes, mounts, cgroups, files. May be called again.
fn clean(dir: &Path, id: &str) {
    cgroup::thaw(id);
    for _ in 0..3 {
        let in_cgroups = cgroup::processes(id);
        let below = process::using(dir);
        if in_cgroups.is_empty() && below.is_empty() {
            break;
        }
        for pid in in_cgroups {
            process::kill(pid, || cgroup::processes(id).contains(&pid));
        }
        for (pid, _) in below {
            process::kill(pid, || process::using(dir).iter().any(|(other, _)| *other == pid));
        }
    }
    // The last mounted goes first.
    for mount in mountinfo::of("self").iter().rev() {
        if Path::new(&mount.target).starts_with(dir) {
            let _ = unmount(mount.target.as_str(), UnmountFlags::DETACH);
        }
    }
    cgroup::remove(id);
    // The lock file goes last: without it nobody would clean up after this cleaner.
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_name() != LOCK {
            drop(fs::remove_dir_all(entry.path()).or_else(|_| fs::remove_file(entry.path())));
        }
    }
    drop(fs::remove_dir_all(dir));
}
