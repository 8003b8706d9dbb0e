// SPDX-License-Identifier: Apache-2.0
//! Which images an archive has, and what they are called.

use crate::support::{
    Fixture, INDEX, LAYER, Layout, Scratch, Tar, docker_archive, image_archive, sha256,
};
use brig_image::LoadEvent;
use serde_json::{Value, json};
use std::io::Write;

const NAME: &str = "io.containerd.image.name";
const REF_NAME: &str = "org.opencontainers.image.ref.name";

fn platform(mut descriptor: Value, os: &str, architecture: &str) -> Value {
    descriptor["platform"] = json!({"os": os, "architecture": architecture});
    descriptor
}

fn annotated(mut descriptor: Value, key: &str, value: &str) -> Value {
    descriptor["annotations"] = json!({key: value});
    descriptor
}

fn host() -> &'static str {
    if cfg!(target_arch = "x86_64") { "amd64" } else { "arm64" }
}

#[test]
fn load_docker_archive_gives_containerds_image_id() {
    let layer = Tar::new().file("f", b"x").finish();
    let fixture = Fixture::new();
    let loaded =
        fixture.load(&docker_archive(&[("busybox:1", std::slice::from_ref(&layer))])).unwrap();
    let image = fixture.resolve("busybox:1");
    let config = crate::support::config(std::slice::from_ref(&layer)).to_string();
    // What containerd's importer writes for the same archive.
    let manifest = format!(
        "{{\"schemaVersion\":2,\"mediaType\":\"application/vnd.docker.distribution.manifest.v2+json\",\
         \"config\":{{\"mediaType\":\"application/vnd.docker.container.image.v1+json\",\
         \"digest\":\"{}\",\"size\":{}}},\"layers\":[{{\"mediaType\":\
         \"application/vnd.docker.image.rootfs.diff.tar\",\"digest\":\"{}\",\"size\":{}}}]}}",
        sha256(config.as_bytes()),
        config.len(),
        sha256(&layer),
        layer.len(),
    );
    assert_eq!(image.id.to_string(), sha256(manifest.as_bytes()));
    assert_eq!(loaded[0].references, ["busybox:1"]);
    assert_eq!(image.config.config.env, ["A=b"]);
    assert_eq!(
        (image.size_bytes, image.config.created.as_deref()),
        (1, Some("2024-01-02T03:04:05Z"))
    );
}

#[test]
fn load_from_stream_file_and_compressed_gives_the_same_image() {
    let archive = image_archive("a:1", "content");
    let scratch = Scratch::new();
    let path = scratch.path().join("a.tar");
    std::fs::write(&path, &archive).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&archive).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd = zstd::stream::encode_all(&archive[..], 3).unwrap();
    let zstd_path = scratch.path().join("a.tar.zst");
    std::fs::write(&zstd_path, &zstd).unwrap();
    let open = |path| std::fs::File::open(path).unwrap();
    let mut ids = Vec::new();
    for n in 0..5 {
        let fixture = Fixture::new();
        let silent = &mut |_| {};
        let loaded = match n {
            0 => fixture.store.load(&archive[..], silent),
            1 => fixture.store.load(&gzip[..], silent),
            2 => fixture.store.load(&zstd[..], silent),
            3 => fixture.store.load_file(open(&path), silent),
            _ => fixture.store.load_file(open(&zstd_path), silent),
        };
        let id = loaded.unwrap()[0].id;
        let tree = &fixture.resolve("a:1").layers[0].path;
        assert_eq!(std::fs::read(tree.join("f")).unwrap(), b"content");
        assert_eq!(crate::support::names(&fixture.root().join("staging")), Vec::<String>::new());
        ids.push(id);
    }
    assert!(ids.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn load_oci_layers_of_every_encoding() {
    let plain: Vec<Vec<u8>> =
        ["1", "2", "3"].iter().map(|c| Tar::new().file(c, c.as_bytes()).finish()).collect();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&plain[1]).unwrap();
    let mut layout = Layout::new();
    let (gzip_type, zstd_type) = (format!("{LAYER}+gzip"), format!("{LAYER}+zstd"));
    let descriptor = layout.image(&[
        (LAYER, plain[0].clone(), plain[0].clone()),
        (&gzip_type, gzip.finish().unwrap(), plain[1].clone()),
        (&zstd_type, zstd::stream::encode_all(&plain[2][..], 3).unwrap(), plain[2].clone()),
    ]);
    layout.index(&[annotated(descriptor, NAME, "docker.io/library/enc:1")]);
    let dir = Scratch::new();
    layout.write(dir.path());
    let fixture = Fixture::new();
    let mut events = Vec::new();
    fixture.store.load_dir(dir.path(), &mut |event| events.push(event)).unwrap();
    let image = fixture.resolve("enc:1");
    for (n, layer) in image.layers.iter().enumerate() {
        assert_eq!(crate::support::names(&layer.path), [(n + 1).to_string()]);
        let at_end = events.iter().any(|event| {
            matches!(event, LoadEvent::LayerProgress { diff_id, bytes, bytes_total }
                if *diff_id == layer.diff_id && bytes == bytes_total && *bytes > 0)
        });
        assert!(at_end, "{events:?}");
    }
    events.clear();
    fixture.store.load_dir(dir.path(), &mut |event| events.push(event)).unwrap();
    assert_eq!(events.len(), 3);
    assert!(events.iter().all(|event| matches!(event, LoadEvent::LayerPresent { .. })));
}

#[test]
fn load_layout_with_links_out_of_it_is_refused() {
    let mut layout = Layout::new();
    let descriptor = layout.simple("x");
    layout.index(&[descriptor]);
    let dir = Scratch::new();
    layout.write(dir.path());
    std::fs::rename(dir.path().join("blobs"), dir.path().join("moved")).unwrap();
    std::os::unix::fs::symlink(dir.path().join("moved"), dir.path().join("blobs")).unwrap();
    let fixture = Fixture::new();
    assert!(fixture.store.load_dir(dir.path(), &mut |_| {}).is_err());
    fixture.assert_untouched();
}

#[test]
fn load_nested_index_takes_this_machines_image() {
    let mut layout = Layout::new();
    let (here, other, note) =
        (layout.simple("here"), layout.simple("other"), layout.simple("note"));
    let inner = json!({
        "schemaVersion": 2, "mediaType": INDEX,
        "manifests": [
            platform(other, "linux", "s390x"), platform(note, "unknown", "unknown"),
            platform(here.clone(), "linux", host()),
        ],
    });
    let inner = layout.blob(INDEX, inner.to_string().as_bytes());
    layout.index(&[annotated(inner, NAME, "docker.io/library/multi:latest")]);
    let fixture = Fixture::new();
    let loaded = fixture.load(&layout.tar()).unwrap();
    assert_eq!(loaded[0].id.to_string(), here["digest"]);
    assert_eq!(fixture.resolve("multi").id, loaded[0].id);
}

#[test]
fn load_index_without_this_machine_names_what_there_is() {
    let mut layout = Layout::new();
    let (a, b) = (layout.simple("a"), layout.simple("b"));
    layout.index(&[platform(a, "linux", "s390x"), platform(b, "windows", host())]);
    let error = Fixture::new().refuse(&layout.tar());
    crate::support::assert_contains(&error, "only for linux/s390x, windows/");
}

#[test]
fn load_endless_index_is_refused() {
    let mut layout = Layout::new();
    let mut descriptor = layout.simple("x");
    for _ in 0..6 {
        let index = json!({"schemaVersion": 2, "manifests": [descriptor]});
        descriptor = layout.blob(INDEX, index.to_string().as_bytes());
    }
    layout.index(&[descriptor]);
    let error = Fixture::new().refuse(&layout.tar());
    crate::support::assert_contains(&error, "depth of indexes");
}

#[test]
fn load_names_come_from_annotations_and_repo_tags() {
    let mut layout = Layout::new();
    let (a, b, c) = (layout.simple("a"), layout.simple("b"), layout.simple("c"));
    let config = crate::support::config(&[Tar::new().file("f", b"a").finish()]).to_string();
    let config_name = format!("blobs/sha256/{}", &sha256(config.as_bytes())[7..]);
    layout.index(&[
        annotated(a.clone(), NAME, "docker.io/library/one:1"),
        annotated(a, REF_NAME, "example.com/two:2"),
        annotated(b, REF_NAME, "v3"),
        c,
    ]);
    let manifest = json!([{"Config": config_name, "RepoTags": ["three:3"], "Layers": ["x"]}]);
    layout.files.insert("manifest.json".into(), manifest.to_string().into_bytes());
    let loaded = Fixture::new().load(&layout.tar()).unwrap();
    let names: Vec<Vec<String>> = loaded.into_iter().map(|image| image.references).collect();
    // A bare tag is no name.
    assert_eq!(names, [vec!["one:1", "three:3", "example.com/two:2"], vec![], vec![]]);
}

#[test]
fn load_incomplete_index_falls_back_to_manifest_json() {
    let archive = image_archive("a:1", "x");
    let mut layout = Layout::new();
    let descriptor = layout.simple("gone");
    layout.index(&[descriptor]);
    let index = layout.files["index.json"].clone();
    let both = [Tar::new().file("index.json", &index).unfinished(), archive].concat();
    let fixture = Fixture::new();
    fixture.load(&both).unwrap();
    assert_eq!(std::fs::read(fixture.resolve("a:1").layers[0].path.join("f")).unwrap(), b"x");
}

#[test]
fn load_several_images_share_layers() {
    let base = Tar::new().file("base", b"b").finish();
    let top = Tar::new().file("top", b"t").finish();
    let archive = docker_archive(&[
        ("one:1", std::slice::from_ref(&base)),
        ("two:2", &[base.clone(), top.clone(), base.clone()]),
        ("", &[top]),
    ]);
    let fixture = Fixture::new();
    let loaded = fixture.load(&archive).unwrap();
    assert_eq!(loaded.len(), 3);
    assert!(loaded[2].references.is_empty());
    assert_eq!(crate::support::names(&fixture.root().join("layers")).len(), 2);
    // The layer that occurs twice counts at its upper place.
    let layers = fixture.resolve("two:2").layers;
    let tops: Vec<Vec<String>> = layers.iter().map(|l| crate::support::names(&l.path)).collect();
    assert_eq!(tops, [["top"], ["base"]]);
}

#[test]
fn load_opaque_root_hides_the_layers_below() {
    if !crate::support::is_root("load_opaque_root_hides_the_layers_below") {
        return;
    }
    let base = Tar::new().file("base", b"b").finish();
    let squash = Tar::new().file(".wh..wh..opq", b"").file("top", b"").finish();
    let fixture = Fixture::new();
    fixture.load(&docker_archive(&[("o:1", &[base, squash])])).unwrap();
    let layers = fixture.resolve("o:1").layers;
    assert_eq!(layers.len(), 1);
    assert_eq!(crate::support::names(&layers[0].path), ["top"]);
}

#[test]
fn load_second_image_of_a_name_leaves_the_first_without() {
    let fixture = Fixture::new();
    let first = fixture.load(&image_archive("a:1", "1")).unwrap()[0].id;
    let mut events = Vec::new();
    let second = image_archive("a:1", "2");
    let second = fixture.store.load(&second[..], &mut |e| events.push(e)).unwrap()[0].id;
    assert!(events.contains(&LoadEvent::Renamed { reference: "a:1".into(), previous: first }));
    assert_eq!(fixture.resolve("a:1").id, second);
    let list = fixture.store.list().unwrap();
    let nameless = list.iter().find(|image| image.id == first).unwrap();
    assert!(nameless.references.is_empty());
    assert_eq!((nameless.size_bytes, list.len()), (1, 2));
}

#[test]
fn load_failing_second_image_keeps_the_first() {
    let good = Tar::new().file("f", b"x").finish();
    let bad = Tar::new().file("../f", b"x").finish();
    let fixture = Fixture::new();
    let archive = docker_archive(&[("good:1", &[good]), ("bad:1", &[bad])]);
    assert!(fixture.load(&archive).is_err());
    assert_eq!(fixture.store.list().unwrap().len(), 1);
    assert_eq!(crate::support::names(&fixture.root().join("staging")), Vec::<String>::new());
    fixture.resolve("good:1");
}
