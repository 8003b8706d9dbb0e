// SPDX-License-Identifier: Apache-2.0
//! The end-to-end tests, one executable: `cargo test -p brig-tests --test e2e [FILTER]`.

mod engine;
mod kit;
mod oci;
mod real;
mod vm;
