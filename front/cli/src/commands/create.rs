// SPDX-License-Identifier: Apache-2.0
//! `brig create`.

use crate::failure::{Failure, Outcome};
use crate::options::{ContainerArguments, request};
use crate::render::line;
use brig_engine::Engine;
use clap::Args;
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// Arguments of `create`.
#[derive(Debug, Clone, Args)]
#[command(
    override_usage = "brig create [OPTIONS] IMAGE [COMMAND] [ARG...]",
    disable_help_flag = true
)]
pub(crate) struct Arguments {
    /// Remove the container when it ends
    #[arg(long)]
    pub(crate) rm: bool,
    #[command(flatten)]
    pub(crate) container: ContainerArguments,
    /// Image, then the command and its arguments
    #[arg(
        value_name = "IMAGE [COMMAND] [ARG...]",
        required = true,
        num_args = 1..,
        trailing_var_arg = true,
        hide = true
    )]
    pub(crate) image_and_command: Vec<String>,
}

/// Creates a container and prints its id.
pub(crate) fn run(engine: &Engine, arguments: &Arguments) -> Outcome {
    create(engine, arguments).map_err(Failure::of_run)
}

fn create(engine: &Engine, arguments: &Arguments) -> Outcome {
    let container = &arguments.container;
    let request = request(container, &arguments.image_and_command, arguments.rm, true)?;
    let cidfile = CidFile::reserve(container.cidfile.as_deref())?;
    let created = engine.create(&request)?;
    let id = created.record().id.clone();
    cidfile.fill(&id)?;
    line(&id);
    Ok(0)
}

/// `--cidfile`: must not exist, is made before the container, and goes again if there is none.
pub(crate) struct CidFile<'a> {
    file: Option<(File, &'a Path)>,
    filled: bool,
}

impl<'a> CidFile<'a> {
    /// Makes the file, empty.
    pub(crate) fn reserve(path: Option<&'a Path>) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self { file: None, filled: true }) };
        match File::create_new(path) {
            Ok(file) => Ok(Self { file: Some((file, path)), filled: false }),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                Err(Failure::invalid(
                    format!(
                        "container ID file found, make sure the other container isn't running or \
                         delete {}",
                        path.display()
                    ),
                    "name a file that does not exist",
                ))
            }
            Err(error) => Err(Failure::invalid(
                format!("failed to create the container ID file {}: {error}", path.display()),
                "name a file in a directory that you may write to",
            )),
        }
    }

    /// Writes the id.
    pub(crate) fn fill(mut self, id: &str) -> Result<(), Failure> {
        if let Some((file, _)) = &mut self.file {
            file.write_all(id.as_bytes())?;
        }
        self.filled = true;
        Ok(())
    }
}

impl Drop for CidFile<'_> {
    fn drop(&mut self) {
        if let (Some((_, path)), false) = (&self.file, self.filled) {
            drop(std::fs::remove_file(path));
        }
    }
}
