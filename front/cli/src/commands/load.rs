// SPDX-License-Identifier: Apache-2.0
//! `brig load`.

use crate::failure::{Failure, Outcome, say};
use crate::render::line;
use crate::session::terminal;
use brig_engine::Engine;
use brig_image::{LoadEvent, LoadedImage};
use brig_spec::digest::Digest;
use clap::Args;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  brig load -i image.tar
  brig load -i oci-layout/
  zcat image.tar.gz | brig load

Reads docker-archives and OCI layouts, plain or compressed with gzip or zstd.";

/// Arguments of `load`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Read from a tar archive, or from an OCI layout in a directory, instead of stdin
    #[arg(short, long, value_name = "FILE|DIR")]
    pub(crate) input: Option<PathBuf>,
    /// Show no progress
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// Loads images.
pub(crate) fn run(engine: &Engine, arguments: &Arguments) -> Outcome {
    if arguments.input.is_none() && terminal::stdin_is_terminal() {
        return Err(Failure::invalid(
            "requested load from stdin, but stdin is empty",
            "name a file with `-i`, or pipe an archive in",
        ));
    }
    let store = engine.store()?;
    let mut progress = Progress::new(!arguments.quiet && terminal::stderr_is_terminal());
    let loaded = match &arguments.input {
        None => store.load(std::io::stdin().lock(), &mut |event| progress.take(event)),
        Some(path) if path.is_dir() => store.load_dir(path, &mut |event| progress.take(event)),
        Some(path) => {
            let file = File::open(path).map_err(|error| cannot_open(path, &error))?;
            store.load_file(file, &mut |event| progress.take(event))
        }
    };
    progress.finish();
    for image in loaded? {
        print(&image);
    }
    Ok(0)
}

fn cannot_open(path: &std::path::Path, error: &std::io::Error) -> Failure {
    Failure::invalid(
        format!("cannot open `{}`: {error}", path.display()),
        "name an archive made by `docker save`, or an OCI layout",
    )
}

fn print(image: &LoadedImage) {
    if image.references.is_empty() {
        line(&format!("Loaded image ID: {}", image.id));
    }
    for reference in &image.references {
        line(&format!("Loaded image: {reference}"));
    }
}

/// Bars on stderr, one per layer; nothing where there is no terminal.
struct Progress {
    bars: Option<MultiProgress>,
    spool: Option<ProgressBar>,
    layers: BTreeMap<Digest, ProgressBar>,
}

impl Progress {
    fn new(visible: bool) -> Self {
        Self { bars: visible.then(MultiProgress::new), spool: None, layers: BTreeMap::new() }
    }

    fn take(&mut self, event: LoadEvent) {
        if let LoadEvent::Renamed { reference, previous } = &event {
            // Docker's words.
            say(&format!(
                "The image {reference} already exists, renaming the old one with ID {previous} to \
                 empty string"
            ));
        }
        let Some(bars) = &self.bars else { return };
        match event {
            LoadEvent::Spooled { bytes } => self
                .spool
                .get_or_insert_with(|| {
                    let style = ProgressStyle::with_template("Reading archive {bytes}")
                        .expect("the template is valid");
                    bars.add(ProgressBar::no_length().with_style(style))
                })
                .set_position(bytes),
            LoadEvent::LayerProgress { diff_id, bytes, bytes_total } => self
                .layers
                .entry(diff_id)
                .or_insert_with(|| {
                    let template = "{prefix}: Loading layer [{bar:40}] {bytes}/{total_bytes}";
                    let style = ProgressStyle::with_template(template)
                        .expect("the template is valid")
                        .progress_chars("=> ");
                    let bar = ProgressBar::new(bytes_total).with_style(style);
                    bars.add(bar.with_prefix(diff_id.short()))
                })
                .set_position(bytes),
            LoadEvent::LayerDone { diff_id } => {
                if let Some(bar) = self.layers.get(&diff_id) {
                    bar.finish();
                }
            }
            LoadEvent::LayerPresent { .. } | LoadEvent::Renamed { .. } => {}
        }
    }

    fn finish(&mut self) {
        if let Some(spool) = self.spool.take() {
            spool.finish_and_clear();
        }
        self.layers.values().for_each(ProgressBar::finish_and_clear);
    }
}
