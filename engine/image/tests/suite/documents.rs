// SPDX-License-Identifier: Apache-2.0
//! Documents that lie or can be read in two ways.

use crate::support::{
    CONFIG, Fixture, INDEX, LAYER, Layout, MANIFEST, Tar, assert_contains, config, docker_archive,
    sha256,
};
use serde_json::{Value, json};

fn layer() -> Vec<u8> {
    Tar::new().file("f", b"x").finish()
}

/// A layout whose only manifest is changed by `change`, with matching digests.
fn with_manifest(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut layout = Layout::new();
    let descriptor = layout.simple("x");
    let name = format!("blobs/sha256/{}", &descriptor["digest"].as_str().unwrap()[7..]);
    let mut manifest: Value = serde_json::from_slice(&layout.files[&name]).unwrap();
    change(&mut manifest);
    let descriptor = layout.blob(MANIFEST, manifest.to_string().as_bytes());
    layout.index(&[descriptor]);
    layout.tar()
}

fn with_config(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut layout = Layout::new();
    let mut config = config(&[layer()]);
    change(&mut config);
    let descriptor = layout.image_with(config, &[(LAYER, layer(), layer())]);
    layout.index(&[descriptor]);
    layout.tar()
}

#[test]
fn manifest_confused() {
    let fixture = Fixture::new();
    for key in ["manifests", "Manifests", "fsLayers", "signatures"] {
        let archive = with_manifest(|m| m[key] = json!([]));
        assert_contains(&fixture.refuse(&archive), "both a manifest and an index");
    }
    let archive = with_manifest(|m| m["Layers"] = json!([]));
    assert_contains(&fixture.refuse(&archive), "not valid JSON of its kind");
    let mut layout = Layout::new();
    let descriptor = layout.simple("x");
    layout.index(&[descriptor]);
    let mut index: Value = serde_json::from_slice(&layout.files["index.json"]).unwrap();
    index["layers"] = json!([]);
    layout.files.insert("index.json".into(), index.to_string().into_bytes());
    assert_contains(&fixture.refuse(&layout.tar()), "both a manifest and an index");
}

#[test]
fn mediatype_mismatch() {
    let fixture = Fixture::new();
    let archive = with_manifest(|m| m["mediaType"] = json!(INDEX));
    assert_contains(&fixture.refuse(&archive), "its descriptor says");
    let archive =
        with_manifest(|m| m["config"]["mediaType"] = json!("application/vnd.in-toto+json"));
    assert_contains(&fixture.refuse(&archive), "no container image");
    let archive = with_manifest(|m| m["layers"][0]["mediaType"] = json!("text/plain"));
    assert_contains(&fixture.refuse(&archive), "no container image");
    for encoding in ["+gzip", "+zstd"] {
        let archive =
            with_manifest(|m| m["layers"][0]["mediaType"] = json!(format!("{LAYER}{encoding}")));
        assert_contains(&fixture.refuse(&archive), "does not match its content");
    }
}

#[test]
fn digest_lie() {
    let fixture = Fixture::new();
    let other = sha256(b"other");
    // A blob under a name that is not its digest: manifest, configuration, layer.
    for (blob, part) in [
        (MANIFEST, "the manifest sha256:"),
        (CONFIG, "the configuration sha256:"),
        (LAYER, "the layer's blob has digest"),
    ] {
        let mut layout = Layout::new();
        let descriptor = layout.simple("x");
        layout.index(std::slice::from_ref(&descriptor));
        let manifest = format!("blobs/sha256/{}", &descriptor["digest"].as_str().unwrap()[7..]);
        let document: Value = serde_json::from_slice(&layout.files[&manifest]).unwrap();
        let digest = match blob {
            MANIFEST => &descriptor["digest"],
            CONFIG => &document["config"]["digest"],
            _ => &document["layers"][0]["digest"],
        };
        let name = format!("blobs/sha256/{}", &digest.as_str().unwrap()[7..]);
        let bytes = layout.files.get_mut(&name).unwrap();
        // The last character of a document; the file's content in a layer.
        let place = if blob == LAYER { 512 } else { bytes.len() - 1 };
        bytes[place] ^= 1;
        assert_contains(&fixture.refuse(&layout.tar()), part);
    }
    let archive = with_config(|c| c["rootfs"]["diff_ids"][0] = json!(other));
    assert_contains(&fixture.refuse(&archive), "the configuration says sha256:");
    for bad in ["sha256:../../../etc", "sha512:00", "md5:x", ""] {
        let archive = with_config(|c| c["rootfs"]["diff_ids"][0] = json!(bad));
        assert_contains(&fixture.refuse(&archive), "digest");
    }
}

#[test]
fn digest_lie_in_docker_archive() {
    let archive = docker_archive(&[("a", &[layer()])]);
    // The layer's file content lies at the beginning of the archive, behind two headers.
    let mut lie = archive.clone();
    assert_eq!(lie[1024], b'x');
    lie[1024] = b'y';
    let error = Fixture::new().refuse(&lie);
    assert_contains(&error, "the layer's blob has digest");
}

#[test]
fn size_lie() {
    let fixture = Fixture::new();
    for size in [0, 1, 2048 * 1024] {
        let archive = with_manifest(|m| m["layers"][0]["size"] = json!(size));
        assert_contains(&fixture.refuse(&archive), "bytes, its descriptor says");
        let archive = with_manifest(|m| m["config"]["size"] = json!(size));
        assert_contains(&fixture.refuse(&archive), "bytes, its descriptor says");
    }
    for size in [json!(-1), json!(1.5), json!("1"), json!(1e30), json!(u64::MAX)] {
        let archive = with_manifest(|m| m["config"]["size"] = size);
        fixture.refuse(&archive);
    }
}

#[test]
fn json_deep() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let fixture = Fixture::new();
    for name in ["manifest.json", "index.json"] {
        let error = fixture.refuse(&Tar::new().file(name, deep.as_bytes()).finish());
        assert_contains(&error, "recursion limit exceeded");
    }
}

#[test]
fn json_dup_keys() {
    let fixture = Fixture::new();
    let text = config(&[layer()]).to_string().replacen('{', r#"{"os":"linux","os":"linux","#, 1);
    let manifest = r#"[{"Config":"c.json","RepoTags":["a:b"],"Layers":["l"]}]"#;
    let archive = Tar::new()
        .file("c.json", text.as_bytes())
        .file("l", &layer())
        .file("manifest.json", manifest.as_bytes());
    assert_contains(&fixture.refuse(&archive.finish()), "key `os` is given twice");
}

#[test]
fn documents_that_do_not_fit_are_named_errors() {
    let fixture = Fixture::new();
    let archive = with_config(|c| c["rootfs"]["diff_ids"] = json!([]));
    assert_contains(&fixture.refuse(&archive), "the manifest has 1 layers, the configuration 0");
    let archive = with_config(|c| c["os"] = json!("windows"));
    assert_contains(&fixture.refuse(&archive), "operating system `windows`");
    let archive = with_manifest(|m| m["schemaVersion"] = json!(1));
    assert_contains(&fixture.refuse(&archive), "schema version 1");
    assert_contains(&fixture.refuse(&Tar::new().finish()), "neither a docker-archive nor");
    assert_contains(&fixture.refuse(b""), "neither a docker-archive nor");
    assert_contains(&fixture.refuse(b"hello"), "the archive ends at byte");
    assert_contains(&fixture.refuse(&[0xfd, b'7', b'z', b'X', b'Z', 0, 0]), "compressed with xz");
    let mut truncated = docker_archive(&[("a", &[layer()])]);
    truncated.truncate(1500);
    assert_contains(&fixture.refuse(&truncated), "the archive ends at byte");
    let archive = Tar::new().file("manifest.json", b"[]").finish();
    assert_contains(&fixture.refuse(&archive), "no container image");
}

#[test]
fn archive_members_that_are_missing_or_links_are_named_errors() {
    let fixture = Fixture::new();
    let config_text = config(&[layer()]).to_string();
    let archive = |layer_name: &str, extra: fn(Tar) -> Tar| {
        let manifest = json!([{"Config": "c.json", "RepoTags": ["a:b"], "Layers": [layer_name]}]);
        let tar = Tar::new()
            .file("c.json", config_text.as_bytes())
            .file("real/layer.tar", &layer())
            .file("manifest.json", manifest.to_string().as_bytes());
        extra(tar).finish()
    };
    assert_contains(&fixture.refuse(&archive("nowhere", |t| t)), "layer `nowhere` is missing");
    for target in ["a", "../../etc/passwd", "/etc/passwd"] {
        let tar = archive("a", |t| t);
        let link = Tar::new().symlink("a", target).unfinished();
        assert_contains(&fixture.refuse(&[link, tar].concat()), "`a`");
    }
    // A link to another member is how older writers share layers.
    fixture
        .load(&archive("x/layer.tar", |t| t.symlink("x/layer.tar", "../real/layer.tar")))
        .unwrap();
    assert_eq!(fixture.resolve("a:b").layers.len(), 1);
}

#[test]
fn repo_tag_that_is_no_reference_is_refused() {
    let fixture = Fixture::new();
    for name in ["UPPER:x", "../x", "a b", "\u{430}pple:latest", "a:\u{1b}[31m"] {
        let error = fixture.refuse(&docker_archive(&[(name, &[layer()])]));
        assert_contains(&error, "the archive names an image");
        assert!(!error.contains('\u{1b}'));
    }
}

#[test]
fn full_disk_leaves_nothing() {
    if let Some(path) = std::env::var_os(CHILD_DISK) {
        return load_on_a_full_disk(std::path::Path::new(&path));
    }
    if !crate::support::is_root("full_disk_leaves_nothing") {
        return;
    }
    // A mount namespace of its own keeps the small file system off this machine's mounts.
    let scratch = crate::support::Scratch::new();
    let status = std::process::Command::new("unshare")
        .args(["--mount", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "documents::full_disk_leaves_nothing"])
        .env(CHILD_DISK, scratch.path())
        .stdout(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
}

const CHILD_DISK: &str = "BRIG_IMAGE_TEST_CHILD_DISK";

/// Loads into a file system of one megabyte, in the child's own mount namespace.
fn load_on_a_full_disk(path: &std::path::Path) {
    let flags = rustix::mount::MountFlags::empty();
    rustix::mount::mount("none", path, "tmpfs", flags, c"size=1m").unwrap();
    let store = brig_image::Store::open(&path.join("root")).unwrap();
    let big = Tar::new().file("big", &vec![1; 4 << 20]).finish();
    let archive = docker_archive(&[("a", &[big])]);
    let error = store.load(&archive[..], &mut |_| {}).unwrap_err();
    assert_eq!(error.kind(), brig_report::Kind::Unavailable, "{error:?}");
    for dir in ["staging", "layers", "images/manifests"] {
        assert_eq!(crate::support::names(&path.join("root").join(dir)), Vec::<String>::new());
    }
}
