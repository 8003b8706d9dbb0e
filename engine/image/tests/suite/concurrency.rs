// SPDX-License-Identifier: Apache-2.0
//! Several processes and threads at one store, and some of them killed.

use crate::support::{Fixture, Layout, Scratch, Tar, docker_archive, image_archive, names};
use brig_image::{Error, LoadEvent, NoContainers, Store};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const CHILD_ROOT: &str = "BRIG_IMAGE_TEST_CHILD_ROOT";
const CHILD_SOURCE: &str = "BRIG_IMAGE_TEST_CHILD_SOURCE";

#[test]
fn load_and_remove_at_once_never_show_half_an_image() {
    let fixture = Fixture::new();
    let base = Tar::new().file("base", b"b").finish();
    let archives: Vec<Vec<u8>> = (0..3)
        .map(|n| {
            let top = Tar::new().file("top", &[n]).finish();
            docker_archive(&[(&format!("i{n}:1") as &str, &[base.clone(), top])])
        })
        .collect();
    let until = Instant::now() + Duration::from_secs(2);
    let store = &fixture.store;
    std::thread::scope(|scope| {
        for archive in &archives {
            scope.spawn(move || {
                while Instant::now() < until {
                    store.load(&archive[..], &mut |_| {}).unwrap();
                }
            });
        }
        for n in 0..2 {
            scope.spawn(move || {
                while Instant::now() < until {
                    match store.remove(&format!("i{n}:1"), false, &NoContainers) {
                        Ok(_) | Err(Error::NoSuchImage { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
        scope.spawn(move || {
            while Instant::now() < until {
                // What a container's creation does: under the lock an image stays whole.
                let _lock = store.shared_lock().unwrap();
                for n in 0..3 {
                    let Ok(image) = store.resolve(&format!("i{n}:1")) else { continue };
                    for layer in &image.layers {
                        assert!(!names(&layer.path).is_empty());
                    }
                }
                for image in store.list().unwrap() {
                    assert_eq!(image.damage, None);
                }
            }
        });
    });
    for n in 0..3 {
        drop(fixture.store.remove(&format!("i{n}:1"), true, &NoContainers));
    }
    fixture.assert_untouched();
}

#[test]
fn shared_lock_holds_removal_off() {
    let fixture = Fixture::new();
    fixture.load(&image_archive("a:1", "x")).unwrap();
    let lock = fixture.store.shared_lock().unwrap();
    let second = fixture.store.shared_lock().unwrap();
    std::thread::scope(|scope| {
        let removal = scope.spawn(|| fixture.store.remove("a:1", false, &NoContainers).unwrap());
        // Nothing to wait for here: the image must still be there however long one looks.
        let until = Instant::now() + Duration::from_millis(200);
        while Instant::now() < until {
            assert_eq!(fixture.resolve("a:1").layers.len(), 1);
        }
        assert!(!removal.is_finished());
        drop((lock, second));
        assert_eq!(removal.join().unwrap().len(), 2);
    });
    fixture.assert_untouched();
}

#[test]
fn open_keeps_the_staging_of_living_loaders() {
    let fixture = Fixture::new();
    let archive = image_archive("a:1", "x");
    let root = fixture.root();
    let mut seen = 0;
    fixture
        .store
        .load(&archive[..], &mut |event| {
            if matches!(event, LoadEvent::LayerDone { .. }) {
                Store::open(&root).unwrap();
                seen += names(&root.join("staging")).len();
            }
        })
        .unwrap();
    assert_eq!(seen, 1);
    fixture.resolve("a:1");
}

#[test]
fn killed_loader_leaves_nothing_after_the_next_open() {
    if let (Some(root), Some(source)) = (env_path(CHILD_ROOT), env_path(CHILD_SOURCE)) {
        return load_and_halt(&root, &source);
    }
    let fixture = Fixture::new();
    let source = Scratch::new();
    let mut layout = Layout::new();
    let big = Tar::new().dir("d/").file("d/f", &vec![1; 1 << 20]).finish();
    let descriptor = layout.image(&[("application/vnd.oci.image.layer.v1.tar", big.clone(), big)]);
    layout.index(&[descriptor]);
    layout.write(source.path());
    let mut child = spawn_loader(&fixture.root(), source.path());
    // The layer is unpacked and not yet in place when the loader halts.
    wait_for(|| {
        let staging = fixture.root().join("staging");
        names(&staging).first().is_some_and(|dir| {
            names(&staging.join(dir)).iter().any(|layer| {
                std::fs::metadata(staging.join(dir).join(layer).join("layer.json")).is_ok()
            })
        })
    });
    Store::open(&fixture.root()).unwrap();
    assert_eq!(names(&fixture.root().join("staging")).len(), 1, "it lives, so it keeps its work");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(names(&fixture.root().join("staging")).len(), 1);
    Store::open(&fixture.root()).unwrap();
    fixture.assert_untouched();
    fixture.store.load_dir(source.path(), &mut |_| {}).unwrap();
}

/// Runs the test above as a process of its own, with the environment that makes it the loader.
fn spawn_loader(root: &Path, source: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "concurrency::killed_loader_leaves_nothing_after_the_next_open"])
        .env(CHILD_ROOT, root)
        .env(CHILD_SOURCE, source)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn env_path(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from)
}

/// The loader to be killed: halts when its layer is unpacked.
fn load_and_halt(root: &Path, source: &Path) {
    let store = Store::open(root).unwrap();
    let halt = &mut |event| {
        if matches!(event, LoadEvent::LayerDone { .. }) {
            std::thread::sleep(Duration::from_secs(60));
        }
    };
    store.load_dir(source, halt).unwrap();
}

fn wait_for(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "not within 20 s");
        std::thread::sleep(Duration::from_millis(2));
    }
}
