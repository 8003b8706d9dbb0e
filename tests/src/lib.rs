// SPDX-License-Identifier: Apache-2.0
//! Nothing: the tests are one executable, `tests/main.rs`.
