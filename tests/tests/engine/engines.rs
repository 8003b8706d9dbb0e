// SPDX-License-Identifier: Apache-2.0
//! Two engines with different roots do not see each other, nor does the environment matter more
//! than the flags.

use super::Engine;
use brig_testkit::needs;

#[test]
fn engines_with_different_roots_do_not_see_each_other() {
    needs!(root, brig, busybox);
    let (first, second) = (Engine::new(), Engine::new());
    let id = first.up_ready("same", &[]);
    // The same name, the same image, in both.
    let other = second.up_ready("same", &[]);
    assert_eq!(first.ok(["ps", "-aq", "--no-trunc"]), id);
    assert_eq!(second.ok(["ps", "-aq", "--no-trunc"]), other);
    drop(second.brig(["rm", "-f", &id]).output().ok().says(&["no such container"]));
    drop(second.brig(["exec", &id, "true"]).output().fails());
    assert_eq!(first.state("same"), "running");
    drop(second.ok(["rm", "-f", "same"]));
    second.finish();
    assert_eq!(first.ok(["exec", "same", "/probe", "echo", "x"]), "x");
    drop(first.ok(["rm", "-f", "same"]));
    first.finish();
}

#[test]
fn images_of_one_engine_are_not_the_others() {
    needs!(root, brig, busybox);
    let (first, second) = (Engine::new(), Engine::empty());
    assert_eq!(second.ok(["images", "-q"]), "");
    drop(second.run(&[], &["true"]).exits(125));
    drop(first.run(&[], &["true"]).ok());
    first.finish();
    second.finish();
}

#[test]
fn flags_name_the_roots_before_the_environment() {
    needs!(root, brig, busybox);
    let (first, second) = (Engine::new(), Engine::new());
    let path = |name: &str| second.root.path(name).display().to_string();
    let (root, run, config) = (path("root"), path("run"), path("config.toml"));
    let flags = ["--root", &root, "--run-root", &run, "--config", &config];
    let create = ["create", "--name", "mine", "base"];
    drop(first.brig(flags.iter().chain(&create)).output().ok());
    assert_eq!(first.ok(["ps", "-aq"]), "");
    assert_eq!(second.state("mine"), "created");
    drop(second.ok(["rm", "mine"]));
    first.finish();
    second.finish();
}
