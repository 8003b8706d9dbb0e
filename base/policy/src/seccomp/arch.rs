// SPDX-License-Identifier: Apache-2.0
//! The ABIs whose calls a filter tells apart.

use super::SeccompError;

/// An ABI with its own system call numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Arch {
    /// amd64.
    X86_64,
    /// i386, reached from amd64 with `int 0x80`.
    X86,
    /// amd64 instructions with 32-bit pointers; its numbers carry bit 30.
    X32,
    /// arm64.
    Aarch64,
    /// 32-bit Arm, EABI.
    Arm,
}

/// The bit that marks an x32 number under `AUDIT_ARCH_X86_64`.
pub(super) const X32_BIT: u32 = 0x4000_0000;

/// Architectures of the specification that no kernel brig runs on can report: a filter that lists
/// them is valid, and the part for them would never be reached.
const ELSEWHERE: [&str; 19] = [
    "LOONGARCH64",
    "M68K",
    "MIPS",
    "MIPS64",
    "MIPS64N32",
    "MIPSEL",
    "MIPSEL64",
    "MIPSEL64N32",
    "PARISC",
    "PARISC64",
    "PPC",
    "PPC64",
    "PPC64LE",
    "RISCV64",
    "S390",
    "S390X",
    "SH",
    "SHEB",
    "SPARC64",
];

impl Arch {
    /// Reads a name of the specification (`SCMP_ARCH_X86_64`); `None` is a valid one that cannot
    /// occur on the processors brig supports.
    ///
    /// # Errors
    /// The name is not one of the specification's.
    pub fn parse(name: &str) -> Result<Option<Self>, SeccompError> {
        let word = name.strip_prefix("SCMP_ARCH_").unwrap_or_default();
        Ok(Some(match word {
            "X86_64" => Self::X86_64,
            "X86" => Self::X86,
            "X32" => Self::X32,
            "AARCH64" => Self::Aarch64,
            "ARM" => Self::Arm,
            "NATIVE" => return Ok(Self::native()),
            _ if ELSEWHERE.contains(&word) => return Ok(None),
            _ => return Err(SeccompError::UnknownArchitecture { name: name.to_owned() }),
        }))
    }

    /// Returns the specification's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "SCMP_ARCH_X86_64",
            Self::X86 => "SCMP_ARCH_X86",
            Self::X32 => "SCMP_ARCH_X32",
            Self::Aarch64 => "SCMP_ARCH_AARCH64",
            Self::Arm => "SCMP_ARCH_ARM",
        }
    }

    /// Returns the ABI that this executable is built for.
    #[must_use]
    pub fn native() -> Option<Self> {
        match std::env::consts::ARCH {
            "x86_64" => Some(Self::X86_64),
            "x86" => Some(Self::X86),
            "aarch64" => Some(Self::Aarch64),
            "arm" => Some(Self::Arm),
            _ => None,
        }
    }

    /// Returns the value that the kernel puts into `seccomp_data.arch`.
    #[must_use]
    pub fn audit(self) -> u32 {
        match self {
            Self::X86_64 | Self::X32 => 0xc000_003e,
            Self::X86 => 0x4000_0003,
            Self::Aarch64 => 0xc000_00b7,
            Self::Arm => 0x4000_0028,
        }
    }

    /// Whether arguments are compared as 64-bit values; else their low words are.
    ///
    /// x32 counts as 32-bit, as in libseccomp: what a call reads as `int` is its low word.
    #[must_use]
    pub fn is_64_bit(self) -> bool {
        matches!(self, Self::X86_64 | Self::Aarch64)
    }

    pub(super) fn number_base(self) -> u32 {
        if self == Self::X32 { X32_BIT } else { 0 }
    }

    pub(super) fn column(self) -> usize {
        match self {
            Self::X86_64 => 0,
            Self::X86 => 1,
            Self::X32 => 2,
            Self::Aarch64 => 3,
            Self::Arm => 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_knows_supported_foreign_and_unknown_names() {
        for arch in [Arch::X86_64, Arch::X86, Arch::X32, Arch::Aarch64, Arch::Arm] {
            assert_eq!(Arch::parse(arch.name()).unwrap(), Some(arch));
        }
        assert_eq!(Arch::parse("SCMP_ARCH_S390X").unwrap(), None);
        for bad in ["SCMP_ARCH_", "X86_64", "SCMP_ARCH_Z80", ""] {
            let error = Arch::parse(bad).unwrap_err();
            assert!(error.to_string().contains(bad), "{error}");
        }
    }
}
