// SPDX-License-Identifier: Apache-2.0
//! Calls worth asking two filters about, and profiles worth asking for.

use brig_policy::seccomp::{Arch, syscall_number};
use brig_spec::runtime::{Seccomp, SeccompArg, SeccompRule};
use std::collections::BTreeSet;

/// A call as a filter sees it.
pub(crate) type Call = (u32, u32, [u64; 6]);

/// A small generator of repeatable numbers (xorshift).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 16) % u64::try_from(limit).unwrap()).unwrap()
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// Every number of every ABI, with arguments on and around each bound of the profile.
pub(crate) fn calls(profile: &Seccomp, per_condition: usize, random: &mut Random) -> Vec<Call> {
    let bounds = bounds(profile);
    let conditional = conditional(profile);
    let numbers = (0..=600).chain(0x4000_0000..=0x4000_0000 + 600);
    let numbers = numbers.chain([0x3fff_ffff, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, u32::MAX]);
    let numbers: Vec<u32> = numbers.collect();
    let mut calls = Vec::new();
    for arch in [Arch::X86_64.audit(), Arch::X86.audit(), Arch::Aarch64.audit(), 0] {
        for number in &numbers {
            let count = if conditional.contains(&(arch, *number)) { per_condition } else { 2 };
            for _ in 0..count {
                let mut args = [0; 6];
                for (index, arg) in args.iter_mut().enumerate() {
                    *arg = random.pick(&bounds[index]);
                }
                calls.push((arch, *number, args));
            }
        }
    }
    calls
}

/// Numbers whose fate depends on arguments on some ABI.
fn conditional(profile: &Seccomp) -> BTreeSet<(u32, u32)> {
    let x86 = Arch::X86.audit();
    let mut numbers = BTreeSet::from([(x86, 102), (x86, 117)]);
    for rule in profile.syscalls.iter().filter(|rule| !rule.args.is_empty()) {
        for name in &rule.names {
            for arch in [Arch::X86_64, Arch::X86, Arch::X32] {
                numbers.extend(syscall_number(name, arch).map(|number| (arch.audit(), number)));
            }
        }
    }
    numbers
}

/// Values per argument: the bounds, their neighbours, and the same with other high halves.
fn bounds(profile: &Seccomp) -> [Vec<u64>; 6] {
    let mut values = [const { BTreeSet::new() }; 6];
    for arg in profile.syscalls.iter().flat_map(|rule| &rule.args) {
        let values = &mut values[usize::try_from(arg.index).unwrap()];
        for bound in [arg.value, arg.value_two, arg.value & arg.value_two] {
            for near in [bound.wrapping_sub(1), bound, bound.wrapping_add(1), !bound] {
                values.extend([near, near & 0xffff_ffff, near ^ (1 << 32), near ^ (1 << 63)]);
            }
        }
    }
    // Selectors of `socketcall` and `ipc`.
    values[0].extend(0..=25);
    values.map(|mut values| {
        values.extend([0, 1, u64::from(u32::MAX), 1 << 32, u64::MAX]);
        values.into_iter().collect()
    })
}

const OPS: [&str; 7] = ["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"];
const NAMES: [&str; 8] =
    ["read", "ioctl", "clone", "personality", "lseek", "mmap", "futex", "getppid"];

/// What random profiles are made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape<'a> {
    pub(crate) actions: &'a [&'a str],
    pub(crate) ops: &'a [&'a str],
    pub(crate) rules_max: usize,
    pub(crate) conditions_max: usize,
    pub(crate) high_halves: bool,
    /// Whether a rule may look at one argument twice, which splits it.
    pub(crate) repeats: bool,
}

impl Shape<'static> {
    /// Everything, in all combinations.
    pub(crate) const ANY: Self = Self {
        actions: &[
            "SCMP_ACT_ALLOW",
            "SCMP_ACT_ERRNO",
            "SCMP_ACT_TRAP",
            "SCMP_ACT_LOG",
            "SCMP_ACT_KILL_PROCESS",
            "SCMP_ACT_TRACE",
        ],
        ops: &OPS,
        rules_max: 8,
        conditions_max: 3,
        high_halves: true,
        repeats: true,
    };
}

impl Shape<'_> {
    fn condition(&self, random: &mut Random) -> SeccompArg {
        let values = [0, 1, 2, 7, 16, 0x5412, 0x8000_0000, 0xffff_ffff];
        let high = [0, 0, 0, 1 << 32, 5 << 32, 0xffff_ffff << 32];
        let high = if self.high_halves { &high[..] } else { &high[..1] };
        let mut value = || random.pick(&values) | random.pick(high);
        let (value, value_two) = (value(), value());
        let op = random.pick(self.ops);
        let value = if op == "MASKED_EQ" && random.below(2) == 0 { 0x7e02_0000 } else { value };
        let index = u32::try_from(random.below(3)).unwrap();
        SeccompArg { index, value, value_two, op: format!("SCMP_CMP_{op}") }
    }

    fn rule(&self, random: &mut Random) -> SeccompRule {
        let count = random.below(self.conditions_max + 1);
        let mut args: Vec<SeccompArg> = (0..count).map(|_| self.condition(random)).collect();
        if !self.repeats || random.below(4) > 0 {
            args.sort_by_key(|arg| arg.index);
            args.dedup_by_key(|arg| arg.index);
        }
        let names = (0..1 + random.below(3)).map(|_| random.pick(&NAMES).to_owned()).collect();
        SeccompRule { names, action: random.pick(self.actions).to_owned(), errno_ret: None, args }
    }

    /// Returns a profile of random rules on few calls.
    pub(crate) fn profile(&self, random: &mut Random) -> Seccomp {
        let syscalls = (0..1 + random.below(self.rules_max)).map(|_| self.rule(random)).collect();
        let mut architectures = vec!["SCMP_ARCH_X86_64".to_owned()];
        for arch in ["SCMP_ARCH_X86", "SCMP_ARCH_X32"] {
            if random.below(2) == 0 {
                architectures.push(arch.to_owned());
            }
        }
        let default_action = random.pick(&["SCMP_ACT_ERRNO", "SCMP_ACT_KILL_PROCESS"]).to_owned();
        Seccomp { default_action, architectures, syscalls, ..Seccomp::default() }
    }
}
