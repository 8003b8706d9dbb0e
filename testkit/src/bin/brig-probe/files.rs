// SPDX-License-Identifier: Apache-2.0
//! Questions about files, and small changes to them.

use crate::{Answer, Args};
use rustix::fs::{CWD, Mode, major, minor};
use std::fs;
use std::io::Write;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

pub(crate) fn answer(args: &Args<'_>) -> Option<Answer> {
    Some(match args.verb {
        "cat" => cat(args),
        "write" => args.text(0).and_then(|path| {
            let text = args.text(1)?;
            Ok(fs::write(path, text).map(|()| String::new())?)
        }),
        "append" => append(args),
        "mode" => metadata(args).map(|meta| format!("{:04o}", meta.mode() & 0o7777)),
        "owner" => metadata(args).map(|meta| format!("{}:{}", meta.uid(), meta.gid())),
        "type" => kind(args),
        "ls" => ls(args),
        "readlink" => {
            args.text(0).and_then(|path| Ok(fs::read_link(path)?.to_string_lossy().into_owned()))
        }
        "exists" => args.text(0).map(|path| fs::symlink_metadata(path).is_ok().to_string()),
        "mkdir" => args.text(0).and_then(|path| Ok(fs::create_dir(path).map(|()| String::new())?)),
        "rm" => args.text(0).and_then(|path| Ok(fs::remove_file(path).map(|()| String::new())?)),
        "mkfifo" => mkfifo(args),
        "inode" => metadata(args).map(|meta| format!("{}:{}", meta.dev(), meta.ino())),
        _ => return None,
    })
}

fn metadata(args: &Args<'_>) -> Result<fs::Metadata, crate::Failure> {
    Ok(fs::metadata(args.text(0)?)?)
}

fn cat(args: &Args<'_>) -> Answer {
    let bytes = fs::read(args.text(0)?)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(text.strip_suffix('\n').map_or_else(|| text.clone(), str::to_owned))
}

fn append(args: &Args<'_>) -> Answer {
    let mut file = fs::OpenOptions::new().append(true).create(true).open(args.text(0)?)?;
    file.write_all(args.text(1)?.as_bytes())?;
    Ok(String::new())
}

/// `file`, `dir`, `symlink`, `fifo`, `socket`, `char MAJOR:MINOR` or `block MAJOR:MINOR`.
fn kind(args: &Args<'_>) -> Answer {
    let meta = fs::symlink_metadata(args.text(0)?)?;
    let kind = meta.file_type();
    let numbers = format!("{}:{}", major(meta.rdev()), minor(meta.rdev()));
    Ok(if kind.is_dir() {
        "dir".to_owned()
    } else if kind.is_symlink() {
        "symlink".to_owned()
    } else if kind.is_char_device() {
        format!("char {numbers}")
    } else if kind.is_block_device() {
        format!("block {numbers}")
    } else if kind.is_fifo() {
        "fifo".to_owned()
    } else if kind.is_socket() {
        "socket".to_owned()
    } else {
        "file".to_owned()
    })
}

/// Names, sorted, one a line.
fn ls(args: &Args<'_>) -> Answer {
    let mut names = Vec::new();
    for entry in fs::read_dir(args.text(0)?)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names.join("\n"))
}

fn mkfifo(args: &Args<'_>) -> Answer {
    let mode = Mode::RUSR | Mode::WUSR;
    rustix::fs::mknodat(CWD, args.text(0)?, rustix::fs::FileType::Fifo, mode, 0)?;
    Ok(String::new())
}
