// SPDX-License-Identifier: Apache-2.0
//! What a profile means, read off its words for one call at a time, with no thought of speed.

use brig_policy::seccomp::{Action, Arch, ForeignAbi, Options, syscall_number, syscalls};
use brig_spec::runtime::{Seccomp, SeccompArg, SeccompRule};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Names by ABI and number.
static CALLS: LazyLock<BTreeMap<(Arch, u32), Vec<&'static str>>> = LazyLock::new(|| {
    let mut names: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for abi in [Arch::X86_64, Arch::X86, Arch::X32, Arch::Aarch64, Arch::Arm] {
        for (number, name) in syscalls(abi) {
            names.entry((abi, number)).or_default().push(name);
        }
    }
    names
});

pub(crate) fn action(
    profile: &Seccomp,
    options: &Options,
    audit_arch: u32,
    number: u32,
    args: [u64; 6],
) -> Action {
    let default = Action::parse(&profile.default_action, profile.default_errno_ret).unwrap();
    let is_x32 = audit_arch == Arch::X86_64.audit() && number >= 0x4000_0000;
    let listed = profile.architectures.iter().filter_map(|name| Arch::parse(name).unwrap());
    let mut abis: Vec<Arch> = listed.chain(options.native).collect();
    if abis.iter().any(|abi| abi.audit() == audit_arch) && number == u32::MAX {
        return default;
    }
    abis.retain(|abi| abi.audit() == audit_arch && (*abi == Arch::X32) == is_x32);
    let Some(abi) = abis.first() else {
        return match options.foreign_abi {
            ForeignAbi::Kill => Action::KillProcess,
            ForeignAbi::Enosys => Action::Errno(38),
        };
    };
    let names = CALLS.get(&(*abi, number)).map(Vec::as_slice).unwrap_or_default();
    let mut rules: Vec<(Action, Vec<SeccompArg>)> = Vec::new();
    for rule in &profile.syscalls {
        let action = Action::parse(&rule.action, rule.errno_ret).unwrap();
        for name in rule.names.iter().filter(|_| action != default) {
            if names.contains(&name.as_str()) {
                rules.extend(alternatives(rule).into_iter().map(|all| (action, all)));
            }
            if *abi == Arch::X86 && selector(name).is_some_and(|(call, _)| call == number) {
                let value = selector(name).unwrap().1;
                let op = "SCMP_CMP_EQ".to_owned();
                let only = SeccompArg { index: 0, value, value_two: 0, op };
                if rule.args.is_empty() || !action.is_permissive() {
                    rules.push((action, vec![only]));
                }
            }
        }
    }
    let width = if abi.is_64_bit() { u64::MAX } else { 0xffff_ffff };
    let is_void = |arg: &SeccompArg| arg.op == "SCMP_CMP_MASKED_EQ" && arg.value & width == 0;
    if let Some((action, _)) = rules.iter().find(|(_, all)| all.iter().all(is_void)) {
        return *action;
    }
    rules.retain(|(_, all)| all.iter().all(|arg| holds(arg, args, abi.is_64_bit())));
    // Of several that hold, the one whose first argument is the highest, then equality before
    // less before greater, then the tightest bound; profiles in use have no such overlap.
    rules.sort_by_key(|(_, all)| order(all));
    if let Some((action, _)) = rules.first() {
        return *action;
    }
    let named = profile.syscalls.iter().flat_map(|rule| &rule.names);
    let newest = named.filter_map(|name| syscall_number(name, *abi)).max();
    let is_newer = newest.is_some_and(|newest| number > newest);
    if options.newer_enosys && is_newer && !default.is_permissive() {
        return Action::Errno(38);
    }
    default
}

/// Conditions are joined, unless an argument occurs twice.
fn alternatives(rule: &SeccompRule) -> Vec<Vec<SeccompArg>> {
    let repeated = (0..6).any(|index| rule.args.iter().filter(|a| a.index == index).count() > 1);
    if repeated {
        return rule.args.iter().map(|arg| vec![arg.clone()]).collect();
    }
    vec![rule.args.clone()]
}

fn holds(arg: &SeccompArg, args: [u64; 6], is_64_bit: bool) -> bool {
    let width = if is_64_bit { u64::MAX } else { 0xffff_ffff };
    let value = args[usize::try_from(arg.index).unwrap()] & width;
    let bound = arg.value & width;
    match arg.op.as_str() {
        "SCMP_CMP_NE" => value != bound,
        "SCMP_CMP_LT" => value < bound,
        "SCMP_CMP_LE" => value <= bound,
        "SCMP_CMP_EQ" => value == bound,
        "SCMP_CMP_GE" => value >= bound,
        "SCMP_CMP_GT" => value > bound,
        "SCMP_CMP_MASKED_EQ" => value & bound == arg.value_two & bound,
        other => panic!("operator {other}"),
    }
}

fn order(all: &[SeccompArg]) -> Vec<(u32, u8, u64)> {
    let mut all: Vec<&SeccompArg> = all.iter().collect();
    all.sort_by_key(|arg| arg.index);
    let key = |arg: &&SeccompArg| match arg.op.as_str() {
        "SCMP_CMP_LT" | "SCMP_CMP_LE" => (5 - arg.index, 1, arg.value),
        "SCMP_CMP_GE" | "SCMP_CMP_GT" => (5 - arg.index, 2, u64::MAX - arg.value),
        "SCMP_CMP_MASKED_EQ" => (5 - arg.index, 0, u64::MAX - (arg.value & arg.value_two)),
        _ => (5 - arg.index, 0, u64::MAX - arg.value),
    };
    all.iter().map(key).collect()
}

/// Returns the i386 multiplexer of a call and its selector.
pub(crate) fn selector(name: &str) -> Option<(u32, u64)> {
    let selector = match name {
        "socket" => (102, 1),
        "bind" => (102, 2),
        "connect" => (102, 3),
        "listen" => (102, 4),
        "accept" => (102, 5),
        "getsockname" => (102, 6),
        "getpeername" => (102, 7),
        "socketpair" => (102, 8),
        "send" => (102, 9),
        "recv" => (102, 10),
        "sendto" => (102, 11),
        "recvfrom" => (102, 12),
        "shutdown" => (102, 13),
        "setsockopt" => (102, 14),
        "getsockopt" => (102, 15),
        "sendmsg" => (102, 16),
        "recvmsg" => (102, 17),
        "accept4" => (102, 18),
        "recvmmsg" => (102, 19),
        "sendmmsg" => (102, 20),
        "semop" => (117, 1),
        "semget" => (117, 2),
        "semctl" => (117, 3),
        "semtimedop" => (117, 4),
        "msgsnd" => (117, 11),
        "msgrcv" => (117, 12),
        "msgget" => (117, 13),
        "msgctl" => (117, 14),
        "shmat" => (117, 21),
        "shmdt" => (117, 22),
        "shmget" => (117, 23),
        "shmctl" => (117, 24),
        _ => return None,
    };
    Some(selector)
}
