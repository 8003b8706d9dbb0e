// SPDX-License-Identifier: Apache-2.0
//! Archives that are larger than they look, with the bounds of a real store.

use crate::support::{Entry, Fixture, Layout, Tar, assert_contains, docker_archive};
use brig_image::Limits;
use flate2::{Compression, write::GzEncoder};
use std::io::Write;
use std::time::{Duration, Instant};
use tar::EntryType;

/// Five seconds on an idle machine (SECURITY.md); the rest is for a disk that others keep busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs a refusal that may not take long.
fn refused(limits: Limits, archive: &[u8], part: &str) {
    let fixture = Fixture::with(limits);
    let start = Instant::now();
    let error = fixture.refuse(archive);
    assert_contains(&error, part);
    assert!(start.elapsed() < PATIENCE, "took {:?}", start.elapsed());
}

/// Ends of an archive that claims one file of `bytes` zeros.
fn header_of_zeros(bytes: u64) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_path("zeros").unwrap();
    header.set_size(bytes);
    header.set_mode(0o644);
    header.set_uid(Entry::default().owner.0);
    header.set_gid(Entry::default().owner.1);
    header.set_cksum();
    header.as_bytes().to_vec()
}

/// An image whose only layer is this blob; its digest is right, its diff id cannot be.
fn image(media_type: &str, blob: Vec<u8>) -> Vec<u8> {
    let mut layout = Layout::new();
    let manifest = layout.image(&[(media_type, blob, b"unknown".to_vec())]);
    layout.index(&[manifest]);
    layout.tar()
}

#[test]
fn bomb_gzip() {
    // 10 GB of zeros in 10 MB: gzip cannot do better than a thousand to one.
    let bytes = 10 << 30;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&header_of_zeros(bytes)).unwrap();
    let head = encoder.finish().unwrap();
    let mut zeros = GzEncoder::new(Vec::new(), Compression::best());
    zeros.write_all(&vec![0; 16 << 20]).unwrap();
    let zeros = zeros.finish().unwrap();
    let mut blob = head;
    (0..bytes / (16 << 20)).for_each(|_| blob.extend_from_slice(&zeros));
    assert!(blob.len() < 12 << 20);
    let limits = Limits { ratio_grace_bytes: 64 << 20, ..Limits::DEFAULT };
    let archive = image("application/vnd.oci.image.layer.v1.tar+gzip", blob.clone());
    refused(limits.clone(), &archive, "grow more than 200-fold");
    // The same as the archive's own compression.
    refused(limits, &blob, "grow more than 200-fold");
}

#[test]
fn bomb_zstd() {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.write_all(&header_of_zeros(1 << 30)).unwrap();
    let zeros = vec![0; 1 << 20];
    (0..256).for_each(|_| encoder.write_all(&zeros).unwrap());
    let blob = encoder.finish().unwrap();
    assert!(blob.len() < 100 << 10);
    let limits = Limits { ratio_grace_bytes: 64 << 20, ..Limits::DEFAULT };
    let archive = image("application/vnd.oci.image.layer.v1.tar+zstd", blob);
    refused(limits, &archive, "grow more than 200-fold");
}

#[test]
fn bomb_zstd_window() {
    // A frame header that wants a window of 2 GiB: descriptor 0, window exponent 21.
    let mut blob = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3];
    blob.extend_from_slice(&[0x01, 0x00, 0x00]);
    let archive = image("application/vnd.oci.image.layer.v1.tar+zstd", blob.clone());
    refused(Limits::DEFAULT, &archive, "memory");
    refused(Limits::DEFAULT, &blob, "memory");
}

#[test]
fn bomb_layer_bytes() {
    let limits = Limits { layer_bytes_max: 1 << 20, ..Limits::DEFAULT };
    let layer = Tar::new().file("x", &vec![1; 2 << 20]).finish();
    refused(limits, &docker_archive(&[("a", &[layer])]), "more than 1048576 bytes");
    let limits = Limits { archive_bytes_max: 1 << 20, ..Limits::DEFAULT };
    let layer = Tar::new().file("x", &vec![1; 2 << 20]).finish();
    refused(limits, &docker_archive(&[("a", &[layer])]), "exceeds the limit of 1048576");
}

#[test]
fn bomb_sparse() {
    let size = (1_u64 << 62).to_string();
    let layer = Tar::new()
        .pax(&[("GNU.sparse.map", b"0,1"), ("GNU.sparse.size", size.as_bytes())])
        .file("x", b"x")
        .finish();
    refused(Limits::DEFAULT, &docker_archive(&[("a", &[layer])]), "file's length");
    // A map longer than the data could ever need.
    let mut map = b"9999999999\n".to_vec();
    map.resize(512, b'0');
    let layer = Tar::new()
        .pax(&[
            ("GNU.sparse.major", b"1"),
            ("GNU.sparse.minor", b"0"),
            ("GNU.sparse.realsize", b"1"),
        ])
        .file("x", &map)
        .finish();
    refused(Limits::DEFAULT, &docker_archive(&[("a", &[layer])]), "too many extents");
}

#[test]
fn bomb_entries() {
    let mut tar = Tar::new();
    for n in 0..3000 {
        tar = tar.file(&format!("f{n}"), b"");
    }
    let limits = Limits { layer_entries_max: 2000, ..Limits::DEFAULT };
    let archive = docker_archive(&[("a", &[tar.finish()])]);
    refused(limits.clone(), &archive, "the number of files in the layer exceeds the limit of 2000");
    // Directories that are only implied count as well.
    let mut tar = Tar::new();
    for n in 0..30 {
        let path = format!("{n}/{}", "d/".repeat(90));
        tar = tar.pax(&[("path", path.as_bytes())]).file("x", b"");
    }
    let archive = docker_archive(&[("a", &[tar.finish()])]);
    refused(limits, &archive, "the number of files in the layer exceeds the limit of 2000");
    let mut tar = Tar::new();
    for n in 0..200 {
        tar = tar.file(&format!("f{n}"), b"");
    }
    let limits = Limits { archive_members_max: 100, ..Limits::DEFAULT };
    refused(limits, &tar.finish(), "the number of files in the archive exceeds the limit of 100");
}

#[test]
fn bomb_xattr() {
    let value = vec![b'x'; 3 << 10];
    let mut tar = Tar::new();
    for n in 0..400 {
        tar = tar.pax(&[("SCHILY.xattr.user.a", &value)]).file(&format!("f{n}"), b"");
    }
    let limits = Limits { layer_xattr_bytes_max: 1 << 20, ..Limits::DEFAULT };
    let archive = docker_archive(&[("a", &[tar.finish()])]);
    refused(limits, &archive, "extended attributes in bytes exceeds the limit");
    let huge = vec![b'x'; 2 << 20];
    let layer = Tar::new().pax(&[("SCHILY.xattr.user.a", &huge)]).file("f", b"").finish();
    refused(Limits::DEFAULT, &docker_archive(&[("a", &[layer])]), "extended header's length");
}

#[test]
fn bomb_paths() {
    let deep = "d/".repeat(1000);
    let long = "x".repeat(5000);
    let many = format!("{}/", "x".repeat(200)).repeat(100);
    for (path, part) in
        [(&deep, "nested too deeply"), (&long, "is too long"), (&many, "is too long")]
    {
        let layer = Tar::new().pax(&[("path", path.as_bytes())]).file("x", b"").finish();
        refused(Limits::DEFAULT, &docker_archive(&[("a", &[layer])]), part);
    }
    let kind = EntryType::GNULongName;
    let name = Entry { path: b"L", kind, data: &vec![b'x'; 1 << 20], ..Entry::default() };
    let layer = Tar::new().entry(&name).file("x", b"").finish();
    refused(Limits::DEFAULT, &docker_archive(&[("a", &[layer])]), "extended header's length");
}

#[test]
fn bomb_documents() {
    let huge = vec![b' '; 5 << 20];
    refused(
        Limits::DEFAULT,
        &Tar::new().file("manifest.json", &huge).finish(),
        "document's length",
    );
    refused(Limits::DEFAULT, &Tar::new().file("index.json", &huge).finish(), "document's length");
}
