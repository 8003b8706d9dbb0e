// SPDX-License-Identifier: Apache-2.0
//! Questions about the seccomp filter that need more than a field of `/proc/self/status`.

use crate::{Answer, Args, Failure, raw};
use std::ptr;

pub(crate) fn answer(args: &Args<'_>) -> Option<Answer> {
    Some(match args.verb {
        "seccomp-action" => args.text(0).and_then(action),
        _ => return None,
    })
}

/// Whether this kernel knows a filter action, by its name in config.json.
fn action(name: &str) -> Answer {
    const SECCOMP_GET_ACTION_AVAIL: usize = 2;
    let value: u32 = match name {
        "SCMP_ACT_KILL_PROCESS" => 0x8000_0000,
        "SCMP_ACT_KILL_THREAD" => 0,
        "SCMP_ACT_TRAP" => 0x0003_0000,
        "SCMP_ACT_ERRNO" => 0x0005_0000,
        "SCMP_ACT_NOTIFY" => 0x7fc0_0000,
        "SCMP_ACT_TRACE" => 0x7ff0_0000,
        "SCMP_ACT_LOG" => 0x7ffc_0000,
        "SCMP_ACT_ALLOW" => 0x7fff_0000,
        other => return Err(Failure::Text(format!("no such action: {other}"))),
    };
    let address = ptr::from_ref(&value).expose_provenance();
    let known = raw::syscall(libc::SYS_seccomp, &[SECCOMP_GET_ACTION_AVAIL, 0, address]).is_ok();
    Ok(known.to_string())
}
