// SPDX-License-Identifier: Apache-2.0
//! Runs a filter on paper: which action it takes for a call, without making the call.
//!
//! Used by the tests, and by an audit on filters read back from the kernel. It speaks the whole
//! instruction set that `Program` admits; programs only jump forward, so it always ends.

use super::program::{AND_K, JA, JEQ_K, JGE_K, JGT_K, JSET_K, LD_ABS};
use super::{Action, Program};

/// Returns the action that a filter takes for a call; `audit_arch` is `seccomp_data.arch`.
///
/// The instruction pointer, which the filters seen in practice do not look at, reads as zero.
#[must_use]
pub fn evaluate(program: &Program, audit_arch: u32, number: u32, args: [u64; 6]) -> Action {
    let insns = program.insns();
    let mut accumulator = 0;
    let mut at = 0;
    loop {
        let insn = insns[at];
        at += 1;
        let holds = match insn.code {
            LD_ABS => {
                accumulator = word(insn.k, audit_arch, number, &args);
                continue;
            }
            AND_K => {
                accumulator &= insn.k;
                continue;
            }
            JA => {
                at += usize::try_from(insn.k).expect("checked to lie inside the program");
                continue;
            }
            JEQ_K => accumulator == insn.k,
            JGT_K => accumulator > insn.k,
            JGE_K => accumulator >= insn.k,
            JSET_K => accumulator & insn.k != 0,
            _ => return Action::from_ret(insn.k),
        };
        at += usize::from(if holds { insn.jt } else { insn.jf });
    }
}

/// Reads the word of `struct seccomp_data` at a byte offset.
fn word(offset: u32, audit_arch: u32, number: u32, args: &[u64; 6]) -> u32 {
    match offset {
        0 => number,
        4 => audit_arch,
        8 | 12 => 0,
        _ => {
            let index = usize::try_from((offset - 16) / 8).expect("below 6");
            let bytes = args[index].to_ne_bytes();
            let half = if offset.is_multiple_of(8) { &bytes[..4] } else { &bytes[4..] };
            u32::from_ne_bytes(half.try_into().expect("four bytes"))
        }
    }
}
