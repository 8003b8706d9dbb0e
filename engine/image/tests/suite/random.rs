// SPDX-License-Identifier: Apache-2.0
//! Archives by chance, always the same chance: whatever they hold, nothing outside the store changes.

use crate::support::{Entry, Fixture, Tar, docker_archive, names};
use brig_image::{Limits, NoContainers};
use std::os::unix::fs::MetadataExt;
use tar::EntryType;

/// Marsaglia's xorshift.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn pick<'p>(&mut self, list: &[&'p str]) -> &'p str {
        list[self.below(list.len())]
    }
}

/// What a test must find unchanged: names, types, modes, owners, times, contents.
fn picture(fixture: &Fixture) -> Vec<(u64, u32, u32, i64, i64, u64)> {
    let canary = fixture.canary();
    [canary.clone(), canary.join("secret"), canary.join("dir"), canary.join("dir/inner")]
        .iter()
        .map(|path| std::fs::symlink_metadata(path).unwrap())
        .map(|m| (m.ino(), m.mode(), m.uid(), m.mtime(), m.mtime_nsec(), m.nlink()))
        .collect()
}

#[test]
fn random_trees_never_reach_outside() {
    let fixture = Fixture::new();
    let canary = fixture.canary();
    std::fs::create_dir(canary.join("dir")).unwrap();
    std::fs::write(canary.join("dir/inner"), "inner").unwrap();
    let before = picture(&fixture);
    let absolute = canary.to_str().unwrap().to_owned();
    let inner = format!("{absolute}/dir");
    let secret = format!("{absolute}/secret");
    let up = format!("{}canary", "../".repeat(9));
    let names_of =
        ["a", "b", "a/b", "a/b/c", "b/a", "b/a/secret", "a/secret", "a/dir/inner", "./", "b/c/d"];
    let targets = [
        &absolute as &str,
        &inner,
        &secret,
        &up,
        "..",
        "/",
        "a",
        "b",
        ".",
        "a/b",
        "c/../..",
        "/proc/self/cwd",
    ];
    let mut chance = Chance(0x5eed_1234_abcd_ef01);
    let (mut loaded, mut refused) = (0, 0);
    for _ in 0..300 {
        let mut tar = Tar::new();
        for _ in 0..2 + chance.below(9) {
            tar = add(tar, &mut chance, &names_of, &targets);
        }
        match fixture.load(&docker_archive(&[("random:1", &[tar.finish()])])) {
            Ok(_) => loaded += 1,
            Err(_) => refused += 1,
        }
        assert_eq!(picture(&fixture), before);
    }
    assert_eq!(names(&canary), ["dir", "secret"]);
    assert_eq!(names(&canary.join("dir")), ["inner"]);
    // Both must occur often, or the vocabulary tests nothing.
    assert!(loaded > 30 && refused > 30, "{loaded} loaded, {refused} refused");
    fixture.store.sweep(&NoContainers).unwrap();
    assert_eq!(names(&fixture.root().join("staging")), Vec::<String>::new());
}

fn add(tar: Tar, chance: &mut Chance, paths: &[&str], targets: &[&str]) -> Tar {
    let path = chance.pick(paths);
    let link = chance.pick(targets).as_bytes();
    let kind = match chance.below(8) {
        0 | 1 => EntryType::Symlink,
        2 | 3 => EntryType::Directory,
        4 => EntryType::Link,
        5 => {
            let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
            let marker = [".wh.", "/.wh..wh..opq"][chance.below(2)];
            let marker = if marker == ".wh." {
                format!("{dir}/.wh.{name}")
            } else {
                format!("{dir}{marker}")
            };
            return tar.file(&marker, b"");
        }
        _ => EntryType::Regular,
    };
    let link = if matches!(kind, EntryType::Symlink | EntryType::Link) { link } else { b"" };
    let data: &[u8] = if kind == EntryType::Regular { b"planted" } else { b"" };
    tar.entry(&Entry { path: path.as_bytes(), link, kind, data, mode: 0o755, ..Entry::default() })
}

#[test]
fn random_bytes_in_archives_never_panic() {
    let limits = Limits { archive_bytes_max: 1 << 20, layer_entries_max: 1000, ..Limits::DEFAULT };
    let fixture = Fixture::with(limits);
    let before_names = names(fixture.scratch.path());
    let layer = Tar::new()
        .pax(&[("SCHILY.xattr.user.a", b"b"), ("mtime", b"1.5"), ("GNU.sparse.map", b"0,1")])
        .file("f", b"x")
        .pax(&[
            ("GNU.sparse.major", b"1"),
            ("GNU.sparse.minor", b"0"),
            ("GNU.sparse.realsize", b"9"),
        ])
        .file("s", b"1\n0\n1\nx")
        .symlink("l", "f")
        .finish();
    let mut chance = Chance(0xdead_beef_cafe_f00d);
    for n in 0..600 {
        let mut bytes = layer.clone();
        for _ in 0..1 + chance.below(4) {
            let place = chance.below(bytes.len());
            bytes[place] = u8::try_from(chance.below(256)).unwrap();
        }
        bytes.truncate(bytes.len() - chance.below(3) * chance.below(600));
        repair_checksums(&mut bytes);
        // Every other time as the archive itself, whose members are then anything.
        let archive = if n % 2 == 0 { docker_archive(&[("r:1", &[bytes])]) } else { bytes };
        drop(fixture.load(&archive));
    }
    assert_eq!(names(fixture.scratch.path()), before_names);
    fixture.assert_canary();
}

/// Lets changed headers pass the checksum, so that what lies behind it is tested.
fn repair_checksums(bytes: &mut [u8]) {
    for block in bytes.chunks_exact_mut(512) {
        if block[257..262] == *b"ustar" {
            let mut header = tar::Header::from_byte_slice(block).clone();
            header.set_cksum();
            block.copy_from_slice(header.as_bytes());
        }
    }
}
