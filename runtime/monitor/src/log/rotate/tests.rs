// SPDX-License-Identifier: Apache-2.0
//! Tests of rotation, on real files.

use super::*;
use std::fs;

struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("brig-rotate-{name}-{}", std::process::id()));
        drop(fs::remove_dir_all(&dir));
        fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    fn log(&self) -> PathBuf {
        self.0.join("log")
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(&self.0)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

#[test]
fn append_past_the_size_rotates_and_bounds_the_number() {
    let scratch = Scratch::new("bound");
    let mut file = RotatingFile::new(&scratch.log(), 20, 3);
    for number in 0..10 {
        file.append(format!("record {number}\n").as_bytes());
    }
    file.flush();
    assert_eq!(scratch.names(), ["log", "log.1", "log.2"]);
    let read = |name: &str| fs::read_to_string(scratch.0.join(name)).unwrap();
    assert_eq!(read("log"), "record 8\nrecord 9\n");
    assert_eq!(read("log.1"), "record 6\nrecord 7\n");
    assert_eq!(read("log.2"), "record 4\nrecord 5\n");
    assert_eq!(file.dropped_records(), 0);
}

#[test]
fn append_with_one_file_starts_it_anew() {
    let scratch = Scratch::new("one");
    let mut file = RotatingFile::new(&scratch.log(), 12, 1);
    for number in 0..3 {
        file.append(format!("record {number}\n").as_bytes());
    }
    file.flush();
    assert_eq!(scratch.names(), ["log"]);
    assert_eq!(fs::read_to_string(scratch.log()).unwrap(), "record 2\n");
}

#[test]
fn append_record_over_the_size_is_kept_whole() {
    let scratch = Scratch::new("large");
    let mut file = RotatingFile::new(&scratch.log(), 5, 2);
    file.append(b"much longer than five\n");
    file.append(b"x\n");
    file.flush();
    assert_eq!(fs::read_to_string(scratch.0.join("log.1")).unwrap(), "much longer than five\n");
    assert_eq!(fs::read_to_string(scratch.log()).unwrap(), "x\n");
}

#[test]
fn new_after_a_killed_writer_cuts_the_torn_record() {
    let scratch = Scratch::new("torn");
    fs::write(scratch.log(), "whole\nto").unwrap();
    let mut file = RotatingFile::new(&scratch.log(), 0, 5);
    file.append(b"next\n");
    file.flush();
    assert_eq!(fs::read_to_string(scratch.log()).unwrap(), "whole\nnext\n");
}

#[test]
fn flush_without_a_directory_counts_and_recovers() {
    let scratch = Scratch::new("gone");
    let path = scratch.0.join("sub/log");
    let mut file = RotatingFile::new(&path, 0, 5);
    file.append(b"lost\n");
    file.append(b"lost too\n");
    file.flush();
    assert_eq!(file.dropped_records(), 2);
    fs::create_dir(scratch.0.join("sub")).unwrap();
    file.append(b"kept\n");
    file.flush();
    assert_eq!(file.dropped_records(), 2);
    assert_eq!(fs::read_to_string(path).unwrap(), "kept\n");
}

#[test]
fn new_on_a_symlink_does_not_follow_it() {
    let scratch = Scratch::new("symlink");
    fs::write(scratch.0.join("canary"), "").unwrap();
    std::os::unix::fs::symlink("canary", scratch.log()).unwrap();
    let mut file = RotatingFile::new(&scratch.log(), 0, 5);
    file.append(b"lost\n");
    file.flush();
    assert_eq!(file.dropped_records(), 1);
    assert_eq!(fs::read(scratch.0.join("canary")).unwrap(), b"");
}
