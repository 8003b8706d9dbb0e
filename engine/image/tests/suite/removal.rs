// SPDX-License-Identifier: Apache-2.0
//! `rmi` by Docker's rules and in Docker's words.

use crate::support::{Fixture, Tar, docker_archive, image_archive, names, text};
use brig_image::{ContainerUse, Containers, NoContainers, Removed};
use std::collections::BTreeSet;
use std::error::Error;

type Failure = Box<dyn Error + Send + Sync>;
type Digest = brig_spec::digest::Digest;

/// Containers of every image asked about.
#[derive(Default)]
struct Fake {
    users: Vec<ContainerUse>,
    layers: BTreeSet<Digest>,
    broken: bool,
}

impl Fake {
    fn one(running: bool) -> Self {
        let id = "c0ffee".repeat(11)[..64].to_owned();
        Self { users: vec![ContainerUse { id, running }], ..Self::default() }
    }
}

impl Containers for Fake {
    fn of_image(&self, _: &Digest) -> Result<Vec<ContainerUse>, Failure> {
        if self.broken { Err("unreadable".into()) } else { Ok(self.users.clone()) }
    }

    fn layers(&self) -> Result<BTreeSet<Digest>, Failure> {
        if self.broken { Err("unreadable".into()) } else { Ok(self.layers.clone()) }
    }
}

fn layers(fixture: &Fixture) -> usize {
    names(&fixture.root().join("layers")).len()
}

fn untagged(name: &str) -> Removed {
    Removed::Untagged(name.to_owned())
}

#[test]
fn remove_last_name_deletes_image_and_its_own_layers() {
    let base = Tar::new().file("base", b"").finish();
    let top = Tar::new().file("top", b"").finish();
    let fixture = Fixture::new();
    let loaded = fixture
        .load(&docker_archive(&[
            ("a:1", std::slice::from_ref(&base)),
            ("b:1", &[base.clone(), top]),
        ]))
        .unwrap();
    fixture.store.tag("b:1", "b:2").unwrap();
    let removed = fixture.store.remove("b:1", false, &NoContainers).unwrap();
    assert_eq!(removed, [untagged("b:1")]);
    assert_eq!(layers(&fixture), 2);
    let removed = fixture.store.remove("b:2", false, &NoContainers).unwrap();
    assert_eq!(removed, [untagged("b:2"), Removed::Deleted(loaded[1].id)]);
    assert_eq!(layers(&fixture), 1);
    let removed = fixture.store.remove("a", false, &NoContainers);
    assert_eq!(text(&removed.unwrap_err()), "No such image: a:latest");
    let removed = fixture.store.remove(&loaded[0].id.hex()[..12], false, &NoContainers).unwrap();
    assert_eq!(removed, [untagged("a:1"), Removed::Deleted(loaded[0].id)]);
    fixture.assert_untouched();
}

#[test]
fn remove_by_id_with_several_names_must_be_forced() {
    let fixture = Fixture::new();
    let id = fixture.load(&image_archive("a:1", "x")).unwrap()[0].id;
    fixture.store.tag("a:1", "b:1").unwrap();
    let error = fixture.store.remove(&id.to_string(), false, &NoContainers).unwrap_err();
    assert_eq!(
        text(&error),
        format!(
            "conflict: unable to delete {} (must be forced) - image is referenced in multiple \
             repositories",
            id.short()
        )
    );
    assert_eq!(error.kind(), brig_report::Kind::Conflict);
    let removed = fixture.store.remove(&id.to_string(), true, &NoContainers).unwrap();
    assert_eq!(removed, [untagged("a:1"), untagged("b:1"), Removed::Deleted(id)]);
    fixture.assert_untouched();
}

#[test]
fn remove_used_image_is_a_conflict() {
    let fixture = Fixture::new();
    let id = fixture.load(&image_archive("a:1", "x")).unwrap()[0].id;
    let (short, hex) = (id.short(), id.hex());
    let refuse = |name: &str, force, containers: &Fake| {
        text(&fixture.store.remove(name, force, containers).unwrap_err())
    };
    let by_name = format!(
        "conflict: unable to remove repository reference \"a:1\" (must force) - container \
         c0ffeec0ffee is using its referenced image {short}"
    );
    let running = format!(
        "conflict: unable to delete {short} (cannot be forced) - image is being used by running \
         container c0ffeec0ffee"
    );
    let stopped = format!(
        "conflict: unable to delete {short} (must be forced) - image is being used by stopped \
         container c0ffeec0ffee"
    );
    for state in [true, false] {
        assert_eq!(refuse("a:1", false, &Fake::one(state)), by_name);
    }
    assert_eq!(refuse(&hex, false, &Fake::one(true)), running);
    assert_eq!(refuse(&hex, true, &Fake::one(true)), running);
    assert_eq!(refuse(&hex, false, &Fake::one(false)), stopped);
    let broken = Fake { broken: true, ..Fake::default() };
    assert!(refuse("a:1", true, &broken).contains("which containers"));
    assert_eq!(fixture.resolve("a:1").id, id);
}

#[test]
fn remove_forced_with_running_container_only_untags() {
    let fixture = Fixture::new();
    let id = fixture.load(&image_archive("a:1", "x")).unwrap()[0].id;
    let removed = fixture.store.remove("a:1", true, &Fake::one(true)).unwrap();
    assert_eq!(removed, [untagged("a:1")]);
    assert_eq!(fixture.resolve(&id.hex()).id, id);
}

#[test]
fn remove_forced_with_stopped_container_keeps_its_layers() {
    let fixture = Fixture::new();
    let id = fixture.load(&image_archive("a:1", "x")).unwrap()[0].id;
    let layer = fixture.resolve("a:1").layers[0].diff_id;
    let containers = Fake { layers: BTreeSet::from([layer]), ..Fake::one(false) };
    let removed = fixture.store.remove("a:1", true, &containers).unwrap();
    assert_eq!(removed, [untagged("a:1"), Removed::Deleted(id)]);
    assert!(std::fs::metadata(fixture.store.layer_path(&layer)).is_ok());
    // With the container gone, the next sweep takes them.
    assert_eq!(fixture.store.sweep(&NoContainers).unwrap().layers, [layer]);
    fixture.assert_untouched();
}

#[test]
fn remove_next_to_a_damaged_image_keeps_all_layers() {
    let fixture = Fixture::new();
    let bad = fixture.load(&image_archive("bad:1", "bad")).unwrap()[0].id;
    fixture.load(&image_archive("good:1", "good")).unwrap();
    let manifest = fixture.root().join("images/manifests").join(bad.hex());
    std::fs::write(manifest, "{}").unwrap();
    fixture.store.remove("good:1", false, &NoContainers).unwrap();
    assert_eq!(layers(&fixture), 2);
    // The damaged one itself can go, and everything with it.
    fixture.store.remove("bad:1", false, &NoContainers).unwrap();
    fixture.assert_untouched();
}

#[test]
fn remove_sweeps_what_a_killed_loader_left() {
    let fixture = Fixture::new();
    fixture.load(&image_archive("a:1", "x")).unwrap();
    let orphan = fixture.root().join("layers").join("ab".repeat(32));
    std::fs::create_dir_all(orphan.join("fs/d")).unwrap();
    std::fs::write(fixture.root().join("images/configs").join("cd".repeat(32)), "{}").unwrap();
    std::fs::write(fixture.root().join("layers/README"), "not ours").unwrap();
    let swept = fixture.store.sweep(&NoContainers).unwrap();
    assert_eq!((swept.layers.len(), swept.configs.len()), (1, 1));
    assert_eq!(layers(&fixture), 2);
    fixture.resolve("a:1");
}
