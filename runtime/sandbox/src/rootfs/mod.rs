// SPDX-License-Identifier: Apache-2.0
//! Work inside the container's root file system, whose contents are hostile.
//!
//! Runs in init, in the container's namespaces, before the root is pivoted. Every path is resolved
//! by the kernel below the root's descriptor; what was resolved is used by descriptor, never again
//! by name.

mod console;
mod copy_up;
mod device;
mod masks;
mod path;

pub(crate) use console::open_console;
pub(crate) use copy_up::copy_up;
pub(crate) use device::{dev_symlinks, make_dev, make_node};
pub(crate) use masks::{Masks, mask, readonly_path};
pub(crate) use path::{Root, Shape};
