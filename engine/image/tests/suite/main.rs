// SPDX-License-Identifier: Apache-2.0
//! The image store from outside: archives made here, loaded, looked at, removed.
//!
//! Names of the hostile cases are those of SECURITY.md section 6.5. Tests that need root print
//! `SKIP needs root: NAME` when they have none.

#[cfg(test)]
mod bombs;
#[cfg(test)]
mod concurrency;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod hostile_trees;
#[cfg(test)]
mod names;
#[cfg(test)]
mod random;
#[cfg(test)]
mod removal;
#[cfg(test)]
mod selection;
#[cfg(test)]
mod support;
#[cfg(test)]
mod trees;
