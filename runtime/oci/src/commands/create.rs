// SPDX-License-Identifier: Apache-2.0
//! `create`: a container up to the point where its program would start.

use super::{Outcome, make};
use crate::arguments::Arguments;
use crate::global::Global;

pub(super) fn run(global: &Global, words: &[String]) -> Outcome {
    let arguments = Arguments::parse(words, &make::FLAGS, None)?;
    arguments.id()?;
    let bundle = make::read_bundle(&arguments)?;
    make::make(global, &arguments, &bundle, true)?;
    Ok(0)
}
