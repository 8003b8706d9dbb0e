// SPDX-License-Identifier: Apache-2.0
//! What a container binds from the host: looked at when it is made, made when it starts.

use super::options::{MountRequest, Options};
use crate::error::{Error, Result};
use std::io::ErrorKind;

/// Refuses a bind whose source is missing and is not to be made (`--mount`).
pub(crate) fn check(options: &Options) -> Result<()> {
    each(options, |source, create_source| match std::fs::metadata(source) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound && create_source => Ok(()),
        Err(error) => Err(refuse(source, error)),
    })
}

/// Makes the missing sources of `-v` binds, as Docker does.
pub(crate) fn make(options: &Options) -> Result<()> {
    each(options, |source, create_source| match std::fs::metadata(source) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound && create_source => {
            std::fs::create_dir_all(source).map_err(Error::io("create the directory", source))
        }
        Err(error) => Err(refuse(source, error)),
    })
}

fn each(options: &Options, mut action: impl FnMut(&str, bool) -> Result<()>) -> Result<()> {
    options.mounts.iter().try_for_each(|mount| match mount {
        MountRequest::Bind { source, create_source, .. } => action(source, *create_source),
        MountRequest::Tmpfs { .. } => Ok(()),
    })
}

fn refuse(source: &str, error: std::io::Error) -> Error {
    if error.kind() != ErrorKind::NotFound {
        return Error::io("read", source)(error);
    }
    Error::invalid(
        format!("bind source path does not exist: {}", source.escape_debug()),
        "create it, or use `-v`, which does",
    )
}
