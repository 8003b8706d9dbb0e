// SPDX-License-Identifier: Apache-2.0
//! Classic BPF programs as the kernel takes them.
//!
//! Invariant: a `Program` read from bytes passes the kernel's own checks (known instructions,
//! forward jumps inside the program, a return at the end), so evaluating it always ends.

use super::SeccompError;

/// The kernel's limit on instructions (`BPF_MAXINSNS`).
pub const INSNS_MAX: usize = 4096;

/// Loads the 32-bit word of `seccomp_data` at offset `k`.
pub(super) const LD_ABS: u16 = 0x20;
/// Keeps the bits of `k`.
pub(super) const AND_K: u16 = 0x54;
/// Jumps `k` instructions on.
pub(super) const JA: u16 = 0x05;
/// Jumps if equal to `k`.
pub(super) const JEQ_K: u16 = 0x15;
/// Jumps if greater than `k`.
pub(super) const JGT_K: u16 = 0x25;
/// Jumps if `k` or greater.
pub(super) const JGE_K: u16 = 0x35;
/// Jumps if a bit of `k` is set.
pub(super) const JSET_K: u16 = 0x45;
/// Ends with the value `k`.
pub(super) const RET_K: u16 = 0x06;

/// Size of the kernel's `struct seccomp_data` in bytes.
const DATA_BYTES: u32 = 64;

/// One instruction, laid out as the kernel's `struct sock_filter`.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Insn {
    /// Operation.
    pub code: u16,
    /// Instructions skipped when a condition holds.
    pub jt: u8,
    /// Instructions skipped when it does not.
    pub jf: u8,
    /// Operand.
    pub k: u32,
}

/// A filter that passes the kernel's checks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Program(Vec<Insn>);

impl Program {
    /// Takes instructions that the kernel would accept.
    ///
    /// # Errors
    /// There are none, too many, or one that the kernel's checker refuses.
    pub fn new(insns: Vec<Insn>) -> Result<Self, SeccompError> {
        if insns.len() > INSNS_MAX {
            return Err(SeccompError::TooLong { count: insns.len() });
        }
        let ends = insns.last().is_some_and(|insn| insn.code == RET_K);
        let bad = insns.iter().enumerate().position(|(at, insn)| {
            let left = insns.len() - at - 1;
            let inside = |jump: u32| usize::try_from(jump).is_ok_and(|jump| jump < left);
            !match insn.code {
                LD_ABS => insn.k < DATA_BYTES && insn.k % 4 == 0,
                AND_K | RET_K => true,
                JA => inside(insn.k),
                JEQ_K | JGT_K | JGE_K | JSET_K => {
                    inside(u32::from(insn.jt)) && inside(u32::from(insn.jf))
                }
                _ => false,
            }
        });
        match bad {
            None if ends => Ok(Self(insns)),
            _ => Err(SeccompError::InvalidProgram { at: bad.unwrap_or(insns.len()) }),
        }
    }

    /// Returns the instructions, for seccomp(2).
    #[must_use]
    pub fn insns(&self) -> &[Insn] {
        &self.0
    }

    /// Writes the instructions in the byte order of this machine, as the kernel reads them.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len() * 8);
        for insn in &self.0 {
            bytes.extend_from_slice(&insn.code.to_ne_bytes());
            bytes.extend_from_slice(&[insn.jt, insn.jf]);
            bytes.extend_from_slice(&insn.k.to_ne_bytes());
        }
        bytes
    }

    /// Reads what `to_bytes` or `PTRACE_SECCOMP_GET_FILTER` wrote.
    ///
    /// # Errors
    /// The bytes are not whole instructions of a valid program.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SeccompError> {
        let chunks = bytes.chunks_exact(8);
        if !chunks.remainder().is_empty() {
            return Err(SeccompError::InvalidProgram { at: bytes.len() / 8 });
        }
        let insns = chunks.map(|b| Insn {
            code: u16::from_ne_bytes([b[0], b[1]]),
            jt: b[2],
            jf: b[3],
            k: u32::from_ne_bytes([b[4], b[5], b[6], b[7]]),
        });
        Self::new(insns.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insn(code: u16, jt: u8, jf: u8, k: u32) -> Insn {
        Insn { code, jt, jf, k }
    }

    #[test]
    fn bytes_round_trip() {
        let insns = vec![insn(LD_ABS, 0, 0, 4), insn(JEQ_K, 1, 0, 7), insn(RET_K, 0, 0, 0)];
        assert!(Program::new(insns).is_err(), "jumps beyond the end");
        let insns = vec![
            insn(LD_ABS, 0, 0, 4),
            insn(JEQ_K, 1, 0, 7),
            insn(RET_K, 0, 0, 0),
            insn(RET_K, 0, 0, 0x7fff_0000),
        ];
        let program = Program::new(insns).unwrap();
        assert_eq!(program.to_bytes().len(), 32);
        assert_eq!(Program::from_bytes(&program.to_bytes()).unwrap(), program);
        assert!(Program::from_bytes(&program.to_bytes()[..31]).is_err());
    }

    #[test]
    fn new_refuses_what_the_kernel_refuses() {
        let ret = insn(RET_K, 0, 0, 0);
        for bad in [
            vec![],
            vec![insn(LD_ABS, 0, 0, 0)],
            vec![insn(LD_ABS, 0, 0, 64), ret],
            vec![insn(LD_ABS, 0, 0, 2), ret],
            vec![insn(JA, 0, 0, 1), ret],
            vec![insn(JA, 0, 0, u32::MAX), ret],
            vec![insn(JSET_K, 0, 1, 0), ret],
            vec![insn(0x30, 0, 0, 0), ret],
            vec![ret; INSNS_MAX + 1],
        ] {
            assert!(Program::new(bad.clone()).is_err(), "{bad:?}");
        }
        assert!(Program::new(vec![ret; INSNS_MAX]).is_ok());
    }
}
