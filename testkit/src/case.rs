// SPDX-License-Identifier: Apache-2.0
//! One test of a runtime: a root, a bundle, and the life of its container.

use crate::deadline::expect_soon;
use crate::{Bundle, Invocation, Output, Runtime, TestRoot, cgroup};
use serde_json::Value;
use std::ffi::OsStr;
use std::ops::{Deref, DerefMut};

/// One test of a runtime. It dereferences to its bundle, which the test edits.
#[derive(Debug)]
pub struct Case {
    /// The bundle.
    pub bundle: Bundle,
    /// The disposable place.
    pub root: TestRoot,
    /// The runtime under test.
    pub runtime: &'static Runtime,
    id: String,
}

impl Case {
    /// A container that runs the probe with these arguments.
    #[must_use]
    pub fn new(args: &[&str]) -> Self {
        let root = TestRoot::new();
        let mut bundle = Bundle::new(&root, "c1");
        bundle.probe(args);
        let id = format!("{}-c1", root.id());
        Self { bundle, root, runtime: Runtime::under_test(), id }
    }

    /// The container's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// A command of the runtime, with what a failure should tell.
    #[must_use]
    pub fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Invocation {
        let uid = rustix::process::geteuid().as_raw();
        let config = self.bundle.dir().join("config.json");
        self.runtime.command(&self.root).args(args).note(format!(
            "config {}, cgroups {:?}, uid {uid}",
            config.display(),
            cgroup::mode()
        ))
    }

    /// `VERB [FLAG..] --bundle DIR ID`, for create and run; config.json is written first.
    #[must_use]
    pub fn with_bundle(&self, verb: &str, flags: &[&str]) -> Invocation {
        self.bundle.save();
        let bundle = self.bundle.dir();
        self.command([verb])
            .args(flags)
            .args([OsStr::new("--bundle"), bundle.as_os_str()])
            .args([&self.id])
    }

    /// `run` in the foreground.
    #[must_use]
    pub fn run(&self) -> Output {
        self.with_bundle("run", &[]).output()
    }

    /// `create`, which must succeed.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn create(&self) -> Output {
        self.with_bundle("create", &[]).output().ok()
    }

    /// `start`, which must succeed.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn start(&self) {
        drop(self.command(["start", &self.id]).output().ok());
    }

    /// Creates and starts the container, and waits until it has printed `ready`; the output is that
    /// of `create`, whose files are the container's.
    ///
    /// # Panics
    /// When that does not happen.
    #[track_caller]
    pub fn launch(&self) -> Output {
        let created = self.create();
        self.start();
        created.expect_later("ready");
        created
    }

    /// `state`, parsed.
    ///
    /// # Panics
    /// When there is no state.
    #[must_use]
    #[track_caller]
    pub fn state(&self) -> Value {
        self.command(["state", &self.id]).output().ok().json()
    }

    /// The `status` of `state`.
    #[must_use]
    #[track_caller]
    pub fn status(&self) -> String {
        self.state()["status"].as_str().unwrap_or_default().to_owned()
    }

    /// The process id of the container's init.
    ///
    /// # Panics
    /// When `state` has none.
    #[must_use]
    #[track_caller]
    pub fn pid(&self) -> i32 {
        let state = self.state();
        let pid = state["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok());
        pid.unwrap_or_else(|| panic!("no pid in {state}"))
    }

    /// Waits for a status.
    ///
    /// # Panics
    /// When it does not come.
    pub fn expect_status(&self, wanted: &str) {
        expect_soon(&format!("status {wanted}"), || (self.status() == wanted).then_some(()));
    }

    /// `kill ID SIGNAL`.
    #[must_use]
    pub fn kill(&self, signal: &str) -> Output {
        self.command(["kill", &self.id, signal]).output()
    }

    /// `delete ID`.
    #[must_use]
    pub fn delete(&self) -> Output {
        self.command(["delete", &self.id]).output()
    }

    /// `delete --force ID`, which must succeed.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn delete_force(&self) {
        drop(self.command(["delete", "--force", &self.id]).output().ok());
    }

    /// `exec [FLAG..] ID /probe ARG..`.
    #[must_use]
    pub fn exec_with(&self, flags: &[&str], args: &[&str]) -> Output {
        let flags = self.command(["exec"]).args(flags);
        flags.args([self.id.as_str(), crate::bundle::PROBE]).args(args).output()
    }

    /// `exec ID /probe ARG..`.
    #[must_use]
    pub fn exec(&self, args: &[&str]) -> Output {
        self.exec_with(&[], args)
    }

    /// A file of the container's cgroup in the tree of `controller`, read on the host.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    #[track_caller]
    pub fn cgroup_value(&self, controller: &str, file: &str) -> String {
        let path = self.root.cgroup(controller, self.bundle.name()).join(file);
        let text = std::fs::read_to_string(&path);
        text.unwrap_or_else(|error| panic!("{}: {error}", path.display())).trim_end().to_owned()
    }

    /// As [`Case::cgroup_value`] of the file that the machine's version of cgroups has: `v1` in the
    /// tree of `controller`, or `v2` in the one tree.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    #[track_caller]
    pub fn cgroup_limit(&self, controller: &str, v1: &str, v2: &str) -> String {
        match cgroup::mode() {
            // Not each v1 controller is one of v2, but `pids` is one of both.
            cgroup::Mode::V2 => self.cgroup_value("pids", v2),
            _ => self.cgroup_value(controller, v1),
        }
    }

    /// Ends the test: nothing may be left of it.
    pub fn finish(self) {
        self.root.finish();
    }
}

impl Deref for Case {
    type Target = Bundle;

    fn deref(&self) -> &Bundle {
        &self.bundle
    }
}

impl DerefMut for Case {
    fn deref_mut(&mut self) -> &mut Bundle {
        &mut self.bundle
    }
}
