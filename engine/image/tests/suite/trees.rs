// SPDX-License-Identifier: Apache-2.0
//! What genuine layers become on disk.

use crate::support::{Entry, Fixture, Tar, docker_archive, is_root, names};
use rustix::fs::getxattr;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use tar::{EntryType, Header};

fn meta(tree: &Path, path: &str) -> std::fs::Metadata {
    std::fs::symlink_metadata(tree.join(path)).unwrap()
}

fn xattr(path: &Path, name: &str) -> Option<Vec<u8>> {
    let mut value = vec![0; 1024];
    let length = getxattr(path, name, &mut value[..]).ok()?;
    value.truncate(length);
    Some(value)
}

fn is_whiteout(tree: &Path, path: &str) -> bool {
    let meta = meta(tree, path);
    meta.file_type().is_char_device() && meta.rdev() == 0
}

#[test]
fn unpack_every_kind_keeps_type_owner_mode_and_time() {
    if !is_root("unpack_every_kind_keeps_type_owner_mode_and_time") {
        return;
    }
    let e = Entry::default;
    let layer = Tar::new()
        .entry(&Entry { path: b"./", kind: EntryType::Directory, mode: 0o711, mtime: 5, ..e() })
        .entry(&Entry { path: b"d/", kind: EntryType::Directory, mode: 0o3550, mtime: 7, ..e() })
        .entry(&Entry { path: b"d/s", data: b"x", mode: 0o6755, owner: (12, 34), mtime: 9, ..e() })
        .entry(&Entry {
            path: b"d/l",
            kind: EntryType::Symlink,
            link: b"/a/../b",
            mtime: 11,
            owner: (1, 2),
            ..e()
        })
        .entry(&Entry { path: b"d/h", kind: EntryType::Link, link: b"./d/s", ..e() })
        .entry(&Entry { path: b"p", kind: EntryType::Fifo, mode: 0o666, mtime: 13, ..e() })
        .entry(&Entry { path: b"c", kind: EntryType::Char, mode: 0o620, device: (5, 300), ..e() })
        .entry(&Entry { path: b"b", kind: EntryType::Block, mode: 0o660, device: (8, 1), ..e() })
        .finish();
    let fixture = Fixture::new();
    let tree = fixture.load_layer(layer).unwrap();
    let (root, dir, file) = (meta(&tree, "."), meta(&tree, "d"), meta(&tree, "d/s"));
    assert_eq!((root.mode() & 0o7777, root.mtime()), (0o711, 5));
    assert_eq!((dir.mode() & 0o7777, dir.mtime()), (0o3550, 7));
    assert_eq!((file.mode() & 0o7777, file.uid(), file.gid()), (0o6755, 12, 34));
    assert_eq!((file.mtime(), file.nlink()), (9, 2));
    assert_eq!(meta(&tree, "d/h").ino(), file.ino());
    let link = meta(&tree, "d/l");
    assert_eq!((link.uid(), link.gid(), link.mtime()), (1, 2, 11));
    assert_eq!(std::fs::read_link(tree.join("d/l")).unwrap(), Path::new("/a/../b"));
    assert!(meta(&tree, "p").file_type().is_fifo() && meta(&tree, "p").mtime() == 13);
    let (char, block) = (meta(&tree, "c"), meta(&tree, "b"));
    assert!(char.file_type().is_char_device() && block.file_type().is_block_device());
    assert_eq!((char.rdev(), char.mode() & 0o7777), (rustix::fs::makedev(5, 300), 0o620));
    let layer = &fixture.resolve("layer:test").layers[0];
    assert_eq!((layer.meta.uid_max, layer.meta.gid_max), (12, 34));
    assert_eq!((layer.meta.entries, layer.meta.content_bytes), (8, 1));
}

#[test]
fn unpack_xattrs_keeps_capabilities_and_drops_what_overlayfs_obeys() {
    if !is_root("unpack_xattrs_keeps_capabilities_and_drops_what_overlayfs_obeys") {
        return;
    }
    // A capability set with a line feed in it, which a careless PAX reader cuts in two.
    let capability = [1, 0, 0, 2, b'\n', 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let layer = Tar::new()
        .pax(&[
            ("SCHILY.xattr.security.capability", &capability),
            ("SCHILY.xattr.user.note", b"a\nb\0c"),
            ("SCHILY.xattr.user.overlay.redirect", b"/etc"),
            ("SCHILY.xattr.trusted.overlay.opaque", b"y"),
            ("SCHILY.xattr.security.selinux", b"system_u"),
            ("uid", b"7"),
        ])
        .file("f", b"x")
        .finish();
    let file = Fixture::new();
    let tree = file.load_layer(layer).unwrap();
    let path = tree.join("f");
    assert_eq!(xattr(&path, "security.capability").unwrap(), capability);
    assert_eq!(xattr(&path, "user.note").unwrap(), b"a\nb\0c");
    for name in ["user.overlay.redirect", "trusted.overlay.opaque", "security.selinux"] {
        assert_eq!(xattr(&path, name), None, "{name}");
    }
    assert_eq!(meta(&tree, "f").uid(), 7);
}

#[test]
fn unpack_long_names_of_gnu_and_pax() {
    let long = format!("{}/{}", "a".repeat(200), "b".repeat(200));
    let target = "t".repeat(300);
    let e = Entry::default;
    let layer = Tar::new()
        .pax(&[("path", long.as_bytes()), ("mtime", b"3.25")])
        .file("short", b"pax")
        .entry(&Entry {
            path: b"././@LongLink",
            kind: EntryType::GNULongName,
            data: format!("{long}c\0").as_bytes(),
            ..e()
        })
        .entry(&Entry {
            path: b"././@LongLink",
            kind: EntryType::GNULongLink,
            data: format!("{target}\0").as_bytes(),
            ..e()
        })
        .symlink("short", "short")
        .finish();
    let fixture = Fixture::new();
    let tree = fixture.load_layer(layer).unwrap();
    assert_eq!(std::fs::read(tree.join(&long)).unwrap(), b"pax");
    assert_eq!((meta(&tree, &long).mtime(), meta(&tree, &long).mtime_nsec()), (3, 250_000_000));
    let link = tree.join(format!("{long}c"));
    assert_eq!(std::fs::read_link(link).unwrap(), Path::new(&target));
}

#[test]
fn unpack_sparse_files_of_every_format() {
    let expected = || {
        let mut content = vec![0_u8; 1 << 20];
        content[4096..4100].copy_from_slice(b"mid!");
        content
    };
    let mut gnu = Header::new_gnu();
    gnu.set_path("old").unwrap();
    gnu.set_entry_type(EntryType::GNUSparse);
    gnu.set_size(4);
    gnu.set_mode(0o644);
    gnu.set_uid(Entry::default().owner.0);
    gnu.set_gid(Entry::default().owner.1);
    let fields = gnu.as_gnu_mut().unwrap();
    fields.set_real_size(1 << 20);
    fields.sparse[0].set_offset(4096);
    fields.sparse[0].set_length(4);
    fields.sparse[1].set_offset(1 << 20);
    fields.sparse[1].set_length(0);
    let mut leading = vec![0_u8; 512];
    leading[..16].copy_from_slice(b"2\n4096\n4\n1048576");
    leading[16..19].copy_from_slice(b"\n0\n");
    leading.extend_from_slice(b"mid!");
    let size: (&str, &[u8]) = ("GNU.sparse.realsize", b"1048576");
    let layer = Tar::new()
        .header(gnu)
        .data(b"mid!")
        .pax(&[
            ("GNU.sparse.map", b"4096,4,1048576,0"),
            ("GNU.sparse.size", b"1048576"),
            ("GNU.sparse.name", b"one"),
        ])
        .file("x", b"mid!")
        .pax(&[
            ("GNU.sparse.offset", b"4096"),
            ("GNU.sparse.numbytes", b"4"),
            ("GNU.sparse.size", b"1048576"),
            ("path", b"zero"),
        ])
        .file("x", b"mid!")
        .pax(&[
            ("GNU.sparse.major", b"1"),
            ("GNU.sparse.minor", b"0"),
            size,
            ("GNU.sparse.name", b"new"),
        ])
        .file("x", &leading)
        .file("zeros", &vec![0; 1 << 20])
        .finish();
    let fixture = Fixture::new();
    let tree = fixture.load_layer(layer).unwrap();
    for name in ["old", "zero", "one", "new"] {
        assert_eq!(std::fs::read(tree.join(name)).unwrap(), expected(), "{name}");
        assert!(meta(&tree, name).blocks() <= 32, "{name} has no hole");
    }
    assert_eq!((meta(&tree, "zeros").len(), meta(&tree, "zeros").blocks()), (1 << 20, 0));
}

#[test]
fn unpack_whiteouts_becomes_what_overlayfs_reads() {
    if !is_root("unpack_whiteouts_becomes_what_overlayfs_reads") {
        return;
    }
    let layer = Tar::new()
        .dir("d/")
        .file("d/.wh.gone", b"")
        .dir("o/")
        .file("o/.wh..wh..opq", b"")
        .file("o/new", b"x")
        .file(".wh.refilled", b"")
        .dir("refilled/")
        .file("kept", b"k")
        .file(".wh.kept", b"")
        .dir("over/")
        .file(".wh.over", b"")
        .file(".wh.deep", b"")
        .file("deep/below", b"x")
        .file("implied/.wh.x", b"")
        .file(".wh..wh.plnk", b"")
        .finish();
    let fixture = Fixture::new();
    let tree = fixture.load_layer(layer).unwrap();
    assert!(is_whiteout(&tree, "d/gone") && is_whiteout(&tree, "implied/x"));
    assert_eq!(names(&tree), ["d", "deep", "implied", "kept", "o", "over", "refilled"]);
    assert_eq!(std::fs::read(tree.join("kept")).unwrap(), b"k");
    for path in ["o", "refilled", "over", "deep"] {
        for name in ["trusted.overlay.opaque", "user.overlay.opaque"] {
            assert_eq!(xattr(&tree.join(path), name).as_deref(), Some(&b"y"[..]), "{path} {name}");
        }
    }
    assert_eq!(xattr(&tree.join("d"), "trusted.overlay.opaque"), None);
}

#[test]
fn unpack_replaced_entries_takes_the_last() {
    let layer = Tar::new()
        .file("a", b"file")
        .dir("a/")
        .file("a/b", b"below")
        .dir("c/")
        .file("c/x", b"")
        .file("c", b"now a file")
        .symlink("e", "a")
        .file("e", b"not through the link")
        .file("f", b"1")
        .hard_link("g", "f")
        .file("f", b"2")
        .hard_link("f", "f")
        .dir("h/")
        .file("h/kept", b"")
        .dir("h/")
        .finish();
    let fixture = Fixture::new();
    let tree = fixture.load_layer(layer).unwrap();
    let read = |path: &str| std::fs::read(tree.join(path)).unwrap();
    assert_eq!((read("a/b"), read("c")), (b"below".to_vec(), b"now a file".to_vec()));
    assert_eq!(
        (read("e"), read("f"), read("g")),
        (b"not through the link".to_vec(), b"2".to_vec(), b"1".to_vec())
    );
    assert!(!meta(&tree, "e").file_type().is_symlink());
    assert_eq!(names(&tree.join("h")), ["kept"]);
    assert_eq!(names(tree.parent().unwrap()), ["fs", "layer.json"]);
}

#[test]
fn unpack_through_link_of_the_layer_lands_in_its_target() {
    let layer = Tar::new()
        .dir("usr/lib/")
        .symlink("lib", "usr/lib")
        .file("lib/x", b"in usr")
        .entry(&Entry {
            path: b"lib/d/",
            kind: EntryType::Directory,
            mode: 0o700,
            mtime: 3,
            ..Entry::default()
        })
        .hard_link("y", "lib/x")
        .finish();
    let fixture = Fixture::new();
    let tree = fixture.load_layer(layer).unwrap();
    assert_eq!(std::fs::read(tree.join("usr/lib/x")).unwrap(), b"in usr");
    assert_eq!(std::fs::read(tree.join("y")).unwrap(), b"in usr");
    assert_eq!(
        (meta(&tree, "usr/lib/d").mode() & 0o777, meta(&tree, "usr/lib/d").mtime()),
        (0o700, 3)
    );
    assert!(meta(&tree, "lib").file_type().is_symlink());
}

#[test]
fn unpack_implied_directories_are_plain_and_counted() {
    let layer = Tar::new().file("a/b/c", b"").finish();
    let fixture = Fixture::new();
    let tree = fixture.load_layer(layer).unwrap();
    assert_eq!(meta(&tree, "a/b").mode() & 0o7777, 0o755);
    let image = fixture.resolve("layer:test");
    assert_eq!((image.layers[0].meta.implied_directories, image.layers[0].meta.entries), (2, 3));
}

#[test]
fn unpack_data_behind_the_end_belongs_to_the_digest() {
    let mut layer = Tar::new().file("f", b"x").finish();
    layer.extend_from_slice(&[7; 10_000]);
    let fixture = Fixture::new();
    fixture.load_layer(layer).unwrap();
    let bare = Tar::new().file("f", b"y").unfinished();
    fixture.load_layer(bare).unwrap();
}

#[test]
fn unpack_gzip_with_several_members_and_compressed_docker_layers() {
    let layer = Tar::new().file("f", b"x").finish();
    let mut gzip = Vec::new();
    for half in layer.chunks(700) {
        let mut encoder = flate2::write::GzEncoder::new(&mut gzip, flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, half).unwrap();
        encoder.finish().unwrap();
    }
    let fixture = Fixture::new();
    let loaded = fixture.load(&docker_archive(&[("z:1", &[gzip])])).unwrap();
    let image = fixture.resolve("z:1");
    assert_eq!(image.id, loaded[0].id);
    assert_eq!(std::fs::read(image.layers[0].path.join("f")).unwrap(), b"x");
    assert!(image.manifest.layers[0].media_type.ends_with("tar.gzip"));
    assert_ne!(image.manifest.layers[0].digest, image.layers[0].diff_id);
}
