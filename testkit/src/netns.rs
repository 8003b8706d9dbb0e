// SPDX-License-Identifier: Apache-2.0
//! Disposable network and mount namespaces: what runs there cannot touch the host's.

use crate::{Invocation, binaries};

/// The same command in a new network and mount namespace: loopback up, nothing else; its mounts do
/// not travel back.
#[must_use]
pub fn in_netns(invocation: Invocation) -> Invocation {
    in_namespaces(invocation, "net,mnt")
}

/// The same command in new namespaces, named as in `/proc/self/ns`, separated by commas.
#[must_use]
pub fn in_namespaces(invocation: Invocation, names: &str) -> Invocation {
    let probe = binaries::probe().as_os_str();
    invocation.wrapped([probe, "in-ns".as_ref(), names.as_ref(), "--".as_ref()])
}
