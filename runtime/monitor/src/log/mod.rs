// SPDX-License-Identifier: Apache-2.0
//! Keeps what the container writes.

pub(crate) mod json_file;
mod lines;
mod rotate;

use brig_spec::monitor::Log as LogConfig;
use brig_state::time::Timestamp;
use json_file::Stream;
use lines::{Line, Splitter};
use rotate::RotatingFile;
use std::path::Path;

/// A log driver that this monitor does not know.
#[derive(Debug, thiserror::Error)]
#[error("log driver `{driver}` is not known to brig-monitor")]
pub(crate) struct UnknownDriver {
    driver: String,
}

/// The container's log.
#[derive(Debug)]
pub(crate) struct Log {
    file: Option<RotatingFile>,
    stdout: Splitter,
    stderr: Splitter,
    record: Vec<u8>,
}

impl Log {
    /// Opens the log that `config` describes.
    pub(crate) fn open(config: &LogConfig) -> Result<Self, UnknownDriver> {
        let file = match config.driver.as_str() {
            "json-file" => Some(RotatingFile::new(
                Path::new(&config.path),
                config.max_size_bytes,
                config.max_files,
            )),
            "none" => None,
            driver => return Err(UnknownDriver { driver: driver.to_owned() }),
        };
        Ok(Self {
            file,
            stdout: Splitter::default(),
            stderr: Splitter::default(),
            record: Vec::new(),
        })
    }

    /// Records output; whole lines are in the file when it returns.
    pub(crate) fn write(&mut self, stream: Stream, bytes: &[u8]) {
        self.feed(stream, |splitter, now, emit| splitter.push(bytes, now, emit));
    }

    /// Records last lines that have no newline.
    pub(crate) fn finish(&mut self) {
        for stream in [Stream::Stdout, Stream::Stderr] {
            self.feed(stream, |splitter, now, emit| splitter.finish(now, emit));
        }
    }

    /// Returns how many records were lost to a full or broken disk.
    pub(crate) fn dropped_records(&self) -> u64 {
        self.file.as_ref().map_or(0, RotatingFile::dropped_records)
    }

    fn feed(
        &mut self,
        stream: Stream,
        split: impl FnOnce(&mut Splitter, Timestamp, &mut dyn FnMut(Line<'_>)),
    ) {
        let Some(file) = &mut self.file else { return };
        let splitter = match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        };
        let record = &mut self.record;
        split(splitter, Timestamp::now(), &mut |line| {
            record.clear();
            json_file::encode(record, stream, &line);
            file.append(record);
        });
        file.flush();
    }
}
