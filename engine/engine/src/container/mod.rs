// SPDX-License-Identifier: Apache-2.0
//! Containers at rest: options, records, names, id ranges, creation, and what can be said of them.

pub(crate) mod bind_sources;
pub mod create;
pub(crate) mod devices;
pub mod idmap;
pub mod list;
pub mod logs;
pub(crate) mod lookup;
pub(crate) mod make;
pub(crate) mod merged;
pub mod names;
pub mod options;
pub mod record;
pub(crate) mod reservation;
pub mod status;
pub(crate) mod sweep;
pub(crate) mod transition;
pub(crate) mod words;
