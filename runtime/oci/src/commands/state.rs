// SPDX-License-Identifier: Apache-2.0
//! `state`: prints the state document.

use super::{Outcome, print_json};
use crate::arguments::Arguments;
use crate::global::Global;
use crate::store::Container;
use serde_json::json;

pub(super) fn run(global: &Global, words: &[String]) -> Outcome {
    let arguments = Arguments::parse(words, &[], None)?;
    let container = Container::named(&global.root, arguments.id()?)?;
    let record = container.load()?;
    let state = record.state(container.status(&record)?);
    // The specification's fields, and runc's own that its callers read.
    print_json(&json!({
        "ociVersion": state.oci_version,
        "id": state.id,
        "pid": state.pid,
        "status": state.status,
        "bundle": state.bundle,
        "rootfs": record.rootfs,
        "created": record.created,
        "annotations": state.annotations,
        "owner": "",
    }))
}
