// SPDX-License-Identifier: Apache-2.0
//! System call names and numbers by ABI.
//!
//! Invariant: the names lie inside the table, not behind pointers, so a static-pie executable that
//! links it relocates nothing at start and touches no page of it before the first look-up.

mod rows;

use super::Arch;
use rows::{NO, ROWS};

const NAME_MAX: usize = 32;

/// A name as numbers that sort as its bytes do and are compared without a call.
type Key = [u64; NAME_MAX / 8];

#[derive(Clone, Copy)]
struct Row {
    key: Key,
    numbers: [u16; 5],
}

static TABLE: [Row; ROWS.len()] = pack();

/// Calls of the Arm ABI outside the common table.
const ARM_PRIVATE: [(&str, u32); 6] = [
    ("breakpoint", 0xf_0001),
    ("cacheflush", 0xf_0002),
    ("usr26", 0xf_0003),
    ("usr32", 0xf_0004),
    ("set_tls", 0xf_0005),
    ("get_tls", 0xf_0006),
];

/// A name that is a system call on at least one of the supported ABIs.
#[derive(Clone, Copy)]
pub(super) struct Call(Place);

#[derive(Clone, Copy)]
enum Place {
    Row(usize),
    Arm(u32),
}

/// Finds a name; `None` when no supported ABI has such a call.
pub(super) fn find(name: &str) -> Option<Call> {
    if name.len() <= NAME_MAX {
        let key = key(name.as_bytes());
        if let Ok(index) = TABLE.binary_search_by(|row| row.key.cmp(&key)) {
            return Some(Call(Place::Row(index)));
        }
    }
    let private = ARM_PRIVATE.iter().find(|(known, _)| *known == name);
    private.map(|(_, number)| Call(Place::Arm(*number)))
}

impl Call {
    /// Returns the call's number as the filter sees it, bit 30 included for x32.
    pub(super) fn number(self, arch: Arch) -> Option<u32> {
        match self.0 {
            Place::Arm(number) => (arch == Arch::Arm).then_some(number),
            Place::Row(index) => {
                let number = TABLE[index].numbers[arch.column()];
                (number != NO).then(|| u32::from(number) | arch.number_base())
            }
        }
    }
}

/// Returns the number of a system call on an ABI, bit 30 included for x32.
#[must_use]
pub fn syscall_number(name: &str, arch: Arch) -> Option<u32> {
    find(name)?.number(arch)
}

/// Returns all calls of an ABI as (number, name), sorted by number.
#[must_use]
pub fn syscalls(arch: Arch) -> Vec<(u32, &'static str)> {
    let rows = ROWS.iter().filter_map(|(name, numbers)| {
        let number = numbers[arch.column()];
        (number != NO).then(|| (u32::from(number) | arch.number_base(), *name))
    });
    let mut calls: Vec<_> = rows.collect();
    if arch == Arch::Arm {
        calls.extend(ARM_PRIVATE.iter().map(|(name, number)| (*number, *name)));
    }
    calls.sort_unstable();
    calls
}

const fn pack() -> [Row; ROWS.len()] {
    let mut table = [Row { key: [0; NAME_MAX / 8], numbers: [NO; 5] }; ROWS.len()];
    let mut row = 0;
    while row < ROWS.len() {
        table[row] = Row { key: key(ROWS[row].0.as_bytes()), numbers: ROWS[row].1 };
        assert!(row == 0 || sorts_before(&table[row - 1].key, &table[row].key), "rows unsorted");
        row += 1;
    }
    table
}

/// Reads a name of at most `NAME_MAX` bytes, which holds no zero byte.
const fn key(name: &[u8]) -> Key {
    let mut key = [0; NAME_MAX / 8];
    let mut at = 0;
    while at < name.len() {
        key[at / 8] |= (name[at] as u64) << (56 - at % 8 * 8);
        at += 1;
    }
    key
}

const fn sorts_before(a: &Key, b: &Key) -> bool {
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return a[at] < b[at];
        }
        at += 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syscall_number_of_known_names_is_the_kernels() {
        assert_eq!(syscall_number("read", Arch::X86_64), Some(0));
        assert_eq!(syscall_number("file_setattr", Arch::X86_64), Some(469));
        assert_eq!(syscall_number("read", Arch::X86), Some(3));
        assert_eq!(syscall_number("execve", Arch::X32), Some(0x4000_0000 + 520));
        assert_eq!(syscall_number("openat", Arch::Aarch64), Some(56));
        assert_eq!(syscall_number("set_tls", Arch::Arm), Some(0xf_0005));
        assert_eq!(syscall_number("set_tls", Arch::X86_64), None);
        assert_eq!(syscall_number("accept", Arch::X86), None);
        assert!(find("no_such_call").is_none());
        assert!(find("a_name_longer_than_any_system_call_has").is_none());
        assert!(find("").is_none());
    }

    #[test]
    fn syscalls_of_each_abi_have_unique_numbers_and_round_trip() {
        for arch in [Arch::X86_64, Arch::X86, Arch::X32, Arch::Aarch64, Arch::Arm] {
            let calls = syscalls(arch);
            assert!(calls.len() > 300, "{arch:?}: {}", calls.len());
            for pair in calls.windows(2) {
                // Two names of one call.
                let alias = pair[0].1 == "arm_sync_file_range";
                assert!(alias || pair[0].0 < pair[1].0, "{arch:?}: {pair:?}");
            }
            for (number, name) in calls {
                assert_eq!(syscall_number(name, arch), Some(number), "{arch:?} {name}");
            }
        }
    }
}
