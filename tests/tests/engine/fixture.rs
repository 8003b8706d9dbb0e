// SPDX-License-Identifier: Apache-2.0
//! One engine for one test: data root, run root and cgroups of its own, the real `brig`.

use super::image;
use brig_testkit::{Invocation, Output, TestRoot, binaries, expect_soon, leak, wait_for};
use serde_json::Value;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An engine, and everything a test asks it.
#[derive(Debug)]
pub(crate) struct Engine {
    /// The disposable place.
    pub(crate) root: TestRoot,
    /// What stands before `brig`: a wrapper that becomes it.
    pub(crate) before: Vec<OsString>,
}

impl Engine {
    /// An engine without images.
    pub(crate) fn empty() -> Self {
        let root = TestRoot::new();
        let config = format!("cgroup-parent = \"{}\"\n", root.cgroup_parent());
        fs::write(root.path("config.toml"), config).expect("a new directory takes a file");
        Self { root, before: Vec::new() }
    }

    /// An engine with the usual image.
    pub(crate) fn new() -> Self {
        let engine = Self::empty();
        engine.load(image::base());
        engine
    }

    /// A command of `brig`.
    pub(crate) fn brig<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Invocation {
        let brig = self.root.invocation(binaries::require("brig"));
        brig.args(args).wrapped(&self.before)
    }

    /// A command of `brig` that must succeed; its standard output without the last newline.
    #[track_caller]
    pub(crate) fn ok<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> String {
        self.brig(args).output().ok().text().to_owned()
    }

    /// Loads an archive.
    #[track_caller]
    pub(crate) fn load(&self, archive: &Path) {
        drop(self.brig(["load".as_ref(), "-i".as_ref(), archive.as_os_str()]).output().ok());
    }

    /// `run --rm [FLAG..] base COMMAND..`, to be run.
    pub(crate) fn run_command(&self, flags: &[&str], command: &[&str]) -> Invocation {
        self.brig(["run", "--rm"]).args(flags).args([image::BASE]).args(command)
    }

    /// `run --rm [FLAG..] base COMMAND..`.
    #[track_caller]
    pub(crate) fn run(&self, flags: &[&str], command: &[&str]) -> Output {
        self.run_command(flags, command).output()
    }

    /// What the probe answers in a container that was started with these flags.
    #[track_caller]
    pub(crate) fn probe(&self, flags: &[&str], question: &[&str]) -> String {
        let words: Vec<&str> = ["/probe"].iter().chain(question).copied().collect();
        self.run(flags, &words).ok().text().to_owned()
    }

    /// `run -d --name NAME [FLAG..] base COMMAND..`; returns the id.
    #[track_caller]
    pub(crate) fn up(&self, name: &str, flags: &[&str], command: &[&str]) -> String {
        let started = self.brig(["run", "-d", "--name", name]).args(flags).args([image::BASE]);
        let id = started.args(command).output().ok().text().to_owned();
        assert_eq!(id.len(), 64, "{id}");
        id
    }

    /// As [`Engine::up`] with a process that ends at once at SIGTERM, and waits until it is ready.
    #[track_caller]
    pub(crate) fn up_ready(&self, name: &str, flags: &[&str]) -> String {
        let id = self.up(name, flags, &["/probe", "init"]);
        self.expect_log(name, "ready");
        id
    }

    /// Waits until the log of a container contains `text`.
    #[track_caller]
    pub(crate) fn expect_log(&self, name: &str, text: &str) -> String {
        expect_soon(&format!("`{text}` in the log of {name}"), || {
            Some(self.ok(["logs", name])).filter(|log| log.contains(text))
        })
    }

    /// The state of a container as `ps -a` tells it, empty when there is no such container.
    #[track_caller]
    pub(crate) fn state(&self, name: &str) -> String {
        let filter = format!("name=^/{name}$");
        self.ok(["ps", "-a", "--filter", &filter, "--format", "{{.State}}"])
    }

    /// `inspect` of one container or image.
    #[track_caller]
    pub(crate) fn inspect(&self, name: &str) -> Value {
        let output = self.brig(["inspect", name]).output().ok().json();
        output.as_array().and_then(|list| list.first()).cloned().expect("a list of one")
    }

    /// The host's process id of a container's init.
    #[track_caller]
    pub(crate) fn pid(&self, name: &str) -> i32 {
        let inspected = self.inspect(name);
        let pid = inspected["State"]["Pid"].as_i64().and_then(|pid| i32::try_from(pid).ok());
        pid.filter(|pid| *pid > 0).unwrap_or_else(|| panic!("no pid in {inspected}"))
    }

    /// The process id of a container's monitor, from its record.
    #[track_caller]
    pub(crate) fn monitor_pid(&self, id: &str) -> i32 {
        let text = fs::read_to_string(self.container(id).join("status.json"))
            .expect("a monitor has written it");
        let record: Value = serde_json::from_str(&text).expect("a monitor has written it");
        let pid = record["monitorPid"].as_i64().and_then(|pid| i32::try_from(pid).ok());
        pid.unwrap_or_else(|| panic!("no monitor in {record}"))
    }

    /// The directory of a container.
    pub(crate) fn container(&self, id: &str) -> PathBuf {
        self.root.path("root/containers").join(id)
    }

    /// A file of a container's cgroup in the tree of `controller`, read on the host.
    #[track_caller]
    pub(crate) fn cgroup_value(&self, id: &str, controller: &str, file: &str) -> String {
        let path = self.root.cgroup(controller, id).join(file);
        let text = fs::read_to_string(&path);
        text.unwrap_or_else(|error| panic!("{}: {error}", path.display())).trim_end().to_owned()
    }

    /// Nothing may be left but images, which takes the kernel a moment.
    #[track_caller]
    pub(crate) fn assert_clean(&self, after: &str) {
        let mut left = Vec::new();
        let clean = wait_for(Duration::from_secs(5), || {
            left = leak::of(&self.root);
            left.is_empty().then_some(())
        });
        assert!(clean.is_some(), "{after} leaves {left:#?}");
    }

    /// Ends the test: nothing may be left of it.
    pub(crate) fn finish(self) {
        assert_eq!(self.ok(["ps", "-aq"]), "", "containers are left");
        self.root.finish();
    }
}

/// Whether there is a file, whatever its type.
pub(crate) fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}
