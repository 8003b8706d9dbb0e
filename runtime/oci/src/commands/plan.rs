// SPDX-License-Identifier: Apache-2.0
//! `plan`: prints what `create` would do. Changes nothing and needs no rights.

use super::{Outcome, make, print};
use crate::arguments::Arguments;

pub(super) fn run(words: &[String]) -> Outcome {
    let arguments = Arguments::parse(words, &make::FLAGS, None)?;
    print(&make::read_bundle(&arguments)?.plan.render())
}
