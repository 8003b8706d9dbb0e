// SPDX-License-Identifier: Apache-2.0
//! Layers that reach for the host.

use crate::support::{Entry, Fixture, Tar, assert_contains, is_root};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use tar::EntryType;

#[test]
fn tar_absolute() {
    let fixture = Fixture::new();
    let target = fixture.canary().join("planted");
    let layer = Tar::new().pax(&[("path", target.as_os_str().as_encoded_bytes())]).file("x", b"x");
    let tree = fixture.load_layer(layer.finish()).unwrap();
    let inside = tree.join(target.strip_prefix("/").unwrap());
    assert_eq!(std::fs::read(inside).unwrap(), b"x");
    fixture.assert_canary();
}

#[test]
fn tar_dotdot() {
    let fixture = Fixture::new();
    for path in ["../x", "a/../../x", "..", "/../x", "a/..", "./../../../../canary/secret"] {
        let error = fixture.refuse_layer(Tar::new().file(path, b"x").finish());
        assert_contains(&error, "contains `..`");
    }
    let error =
        fixture.refuse_layer(Tar::new().pax(&[("path", b"a/../../x")]).file("x", b"").finish());
    assert_contains(&error, "contains `..`");
}

#[test]
fn tar_symlink_parent() {
    let fixture = Fixture::new();
    let canary = fixture.canary();
    let canary = canary.to_str().unwrap();
    for target in [canary, "../../../../../canary", "/proc/self/root", "loop", "/proc/self/cwd"] {
        let layer = Tar::new().symlink("loop", target).file("loop/planted", b"x").finish();
        let error = fixture.refuse_layer(layer);
        assert_contains(&error, "leads through a symbolic link");
    }
    // A chain, and a link below a directory.
    let layer =
        Tar::new().dir("d/").symlink("d/a", canary).symlink("b", "d/a").dir("b/new/").finish();
    assert_contains(&fixture.refuse_layer(layer), "leads through a symbolic link");
}

#[test]
fn tar_symlink_to_root_stays_inside() {
    let fixture = Fixture::new();
    for target in ["/", "../../../.."] {
        let layer = Tar::new().symlink("up", target).file("up/planted", target.as_bytes()).finish();
        let tree = fixture.load_layer(layer).unwrap();
        assert_eq!(std::fs::read(tree.join("planted")).unwrap(), target.as_bytes());
        fixture.assert_canary();
    }
}

#[test]
fn tar_file_through_symlink_replaces_the_link() {
    let fixture = Fixture::new();
    let secret = fixture.canary().join("secret");
    let layer =
        Tar::new().symlink("s", secret.to_str().unwrap()).file("s", b"overwritten").finish();
    let tree = fixture.load_layer(layer).unwrap();
    assert_eq!(std::fs::read(tree.join("s")).unwrap(), b"overwritten");
    fixture.assert_canary();
}

#[test]
fn tar_hardlink_out() {
    let fixture = Fixture::new();
    let secret = fixture.canary().join("secret");
    let secret = secret.to_str().unwrap();
    let error = fixture.refuse_layer(Tar::new().hard_link("h", secret).finish());
    assert_contains(&error, "no file of the layer");
    for target in ["../../../canary/secret", "../x"] {
        let error = fixture.refuse_layer(Tar::new().hard_link("h", target).finish());
        assert_contains(&error, "contains `..`");
    }
    let canary = fixture.canary();
    let layer = Tar::new().symlink("c", canary.to_str().unwrap()).hard_link("h", "c/secret");
    assert_contains(&fixture.refuse_layer(layer.finish()), "leads through a symbolic link");
    let layer = Tar::new().dir("d/").hard_link("h", "d").finish();
    assert_contains(&fixture.refuse_layer(layer), "no file of the layer");
    let error = fixture.refuse_layer(Tar::new().hard_link("h", "/").finish());
    assert_contains(&error, "no file of the layer");
}

#[test]
fn tar_hardlink_to_symlink_links_the_link() {
    let fixture = Fixture::new();
    let secret = fixture.canary().join("secret");
    let layer = || Tar::new().symlink("s", secret.to_str().unwrap()).hard_link("h", "s");
    let tree = fixture.load_layer(layer().finish()).unwrap();
    assert_eq!(std::fs::read_link(tree.join("h")).unwrap(), secret);
    assert_eq!(std::fs::metadata(&secret).unwrap().nlink(), 1);
    // Content written to the second name must not arrive at the link's target either.
    let tree = fixture.load_layer(layer().file("h", b"x").finish()).unwrap();
    assert_eq!(std::fs::read_link(tree.join("s")).unwrap(), secret);
    assert_eq!(std::fs::read(tree.join("h")).unwrap(), b"x");
    fixture.assert_canary();
}

#[test]
fn tar_whiteout_through_link() {
    let fixture = Fixture::new();
    let canary = fixture.canary();
    for marker in ["c/.wh.secret", "c/.wh..wh..opq"] {
        let layer = Tar::new().symlink("c", canary.to_str().unwrap()).file(marker, b"").finish();
        assert_contains(&fixture.refuse_layer(layer), "leads through a symbolic link");
        // Not even through a link that stays inside: it would hide another directory's file.
        let layer = Tar::new().dir("d/").symlink("c", "d").file(marker, b"").finish();
        assert_contains(&fixture.refuse_layer(layer), "leads through a symbolic link");
    }
    for marker in [".wh.", ".wh..", ".wh...", "d/.wh..."] {
        let layer = Tar::new().dir("d/").file(marker, b"").finish();
        assert_contains(&fixture.refuse_layer(layer), "whiteout");
    }
}

#[test]
fn tar_device_node() {
    if !is_root("tar_device_node") {
        return;
    }
    let fixture = Fixture::new();
    let kind = EntryType::Char;
    let entry = Entry { path: b"dev/mem", kind, mode: 0o666, device: (1, 5), ..Entry::default() };
    let tree = fixture.load_layer(Tar::new().entry(&entry).finish()).unwrap();
    let meta = std::fs::symlink_metadata(tree.join("dev/mem")).unwrap();
    assert_eq!(meta.rdev(), rustix::fs::makedev(1, 5));
    // It is inert because nobody else can reach it.
    assert_private(&fixture);
}

#[test]
fn tar_setuid_store() {
    let fixture = Fixture::new();
    let entry = Entry { path: b"su", data: b"#!", mode: 0o4755, ..Entry::default() };
    let tree = fixture.load_layer(Tar::new().entry(&entry).finish()).unwrap();
    let meta = std::fs::symlink_metadata(tree.join("su")).unwrap();
    assert_eq!(meta.mode() & 0o7777, 0o4755);
    assert_private(&fixture);
}

/// Every directory on the way to a tree is closed to others, whatever the tree's own root says.
fn assert_private(fixture: &Fixture) {
    for dir in ["", "layers", "staging", "images"] {
        let meta = std::fs::metadata(fixture.root().join(dir)).unwrap();
        assert_eq!(meta.permissions().mode() & 0o7777, 0o700, "{dir}");
    }
}

#[test]
fn tar_parent_swap() {
    let fixture = Fixture::new();
    let canary = fixture.canary();
    let canary = canary.to_str().unwrap();
    // The open descriptor of the first `d` must not outlive its replacement.
    let layer =
        Tar::new().dir("d/").file("d/one", b"").symlink("d", canary).file("d/two", b"").finish();
    assert_contains(&fixture.refuse_layer(layer), "leads through a symbolic link");
    let layer = Tar::new()
        .dir("d/e/")
        .file("d/e/one", b"")
        .file("d", b"file")
        .file("d/e/two", b"")
        .finish();
    assert_contains(&fixture.refuse_layer(layer), "leads through a file");
    let layer = Tar::new()
        .dir("d/")
        .file("d/one", b"")
        .dir("t/")
        .symlink("d", "t")
        .file("d/two", b"")
        .finish();
    let tree = fixture.load_layer(layer).unwrap();
    assert_eq!(crate::support::names(&tree.join("t")), ["two"]);
    fixture.assert_canary();
}

#[test]
fn tar_final_modes_do_not_follow_swapped_directories() {
    let fixture = Fixture::new();
    let canary = fixture.canary();
    let before = std::fs::metadata(&canary).unwrap();
    let kind = EntryType::Directory;
    let dir = Entry { path: b"d/", kind, mode: 0o7777, mtime: 1, ..Entry::default() };
    let layer = Tar::new().entry(&dir).symlink("d", canary.to_str().unwrap()).finish();
    fixture.load_layer(layer).unwrap();
    let after = std::fs::metadata(&canary).unwrap();
    assert_eq!((before.mode(), before.mtime()), (after.mode(), after.mtime()));
}

#[test]
fn tar_malformed_entries_are_named_errors() {
    let fixture = Fixture::new();
    let e = Entry::default;
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (
            Tar::new().entry(&Entry { path: b"x", owner: (1 << 32, 0), ..e() }).finish(),
            "id 4294967296",
        ),
        (Tar::new().pax(&[("gid", b"4294967295")]).file("x", b"").finish(), "id 4294967295"),
        (
            Tar::new().entry(&Entry { path: b"x", kind: EntryType::new(b'?'), ..e() }).finish(),
            "unknown tar type 0x3f",
        ),
        (Tar::new().file("/", b"x").finish(), "names the root"),
        (
            Tar::new().file("x", &[1; 2000]).unfinished()[..1024].to_vec(),
            "the archive ends at byte 1024",
        ),
        (Tar::new().pax(&[("path", b"a\0b")]).file("x", b"").finish(), "zero byte"),
        (Tar::new().pax(&[("size", b"100")]).finish(), "no member follows"),
        (
            Tar::new().pax(&[("path", b"a")]).pax(&[("path", b"b")]).file("x", b"").finish(),
            "given twice",
        ),
        (Tar::new().file("a", b"").file("a/b", b"").finish(), "leads through a file"),
        (vec![b'x'; 2048], "checksum"),
    ];
    for (layer, part) in cases {
        assert_contains(&fixture.refuse_layer(layer), part);
    }
}

#[test]
fn tar_terminal_escapes_in_names_are_shown_harmless() {
    let fixture = Fixture::new();
    let error = fixture.refuse_layer(Tar::new().file("\x1b[2J\n/../x", b"").finish());
    assert!(!error.contains('\x1b') && !error.contains('\n'), "{error:?}");
}
