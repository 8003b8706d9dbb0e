// SPDX-License-Identifier: Apache-2.0
//! From a profile's words to rules on system call numbers, with libseccomp's meaning.
//!
//! - A name that no supported ABI has is skipped and reported.
//! - A rule with the default action is skipped.
//! - `SCMP_CMP_MASKED_EQ` masks its datum as well as the argument.
//! - Conditions on different arguments must all hold; where one argument occurs twice, each
//!   condition is a rule of its own, as in runc and crun.
//! - A call with an unconditional rule follows the first such rule and no other; a rule whose
//!   conditions mask out every bit counts as one.
//! - Else conditional rules are tried in libseccomp's order (`sort_key`), not in the profile's.
//! - On i386, socket and System V IPC calls are also reached through `socketcall` and `ipc`.

use super::table::{self, Call};
use super::{Action, Arch, SeccompError};
use brig_spec::runtime::{Seccomp, SeccompArg, SeccompRule};
use std::borrow::Cow;
use std::cmp::Reverse;

/// Comparison of an argument with a constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    Ne,
    Lt,
    Le,
    Eq,
    Ge,
    Gt,
    MaskedEq(u64),
}

/// One condition on one argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) index: u8,
    pub(super) op: Op,
    pub(super) value: u64,
}

impl Condition {
    /// Whether the condition looks at no bit that the ABI's arguments have.
    fn is_void(self, arch: Arch) -> bool {
        let width = if arch.is_64_bit() { u64::MAX } else { u64::from(u32::MAX) };
        matches!(self.op, Op::MaskedEq(mask) if mask & width == 0)
    }
}

/// An action taken when all conditions hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) action: Action,
    /// By ascending argument.
    pub(super) conditions: Vec<Condition>,
}

/// A profile in numbers, yet for all ABIs.
pub(super) struct Rules<'a> {
    pub(super) default: Action,
    pub(super) unknown_names: Vec<String>,
    rules: Vec<Rule>,
    /// Calls and the indices of their rules.
    calls: Vec<(Call, &'a str, usize)>,
    /// All calls named, those of skipped rules included.
    named: Vec<Call>,
}

/// The rules of one system call.
pub(super) struct CallRules<'a> {
    pub(super) number: u32,
    pub(super) rules: Vec<Cow<'a, Rule>>,
}

impl<'a> Rules<'a> {
    /// Reads a profile.
    pub(super) fn read(profile: &'a Seccomp) -> Result<Self, SeccompError> {
        let default = Action::parse(&profile.default_action, profile.default_errno_ret)?;
        if default == Action::Notify {
            return Err(SeccompError::NotifyImpossible { place: "the default action" });
        }
        let mut read = Self {
            default,
            unknown_names: Vec::new(),
            rules: Vec::with_capacity(profile.syscalls.len()),
            calls: Vec::with_capacity(512),
            named: Vec::with_capacity(512),
        };
        for rule in &profile.syscalls {
            read.add(rule)?;
        }
        Ok(read)
    }

    fn add(&mut self, rule: &'a SeccompRule) -> Result<(), SeccompError> {
        let first = self.rules.len();
        let action = Action::parse(&rule.action, rule.errno_ret)?;
        for conditions in split(rule)? {
            self.rules.push(Rule { action, conditions });
        }
        for name in &rule.names {
            if action == Action::Notify && name == "write" {
                return Err(SeccompError::NotifyImpossible { place: "the action for `write`" });
            }
            let Some(call) = table::find(name) else {
                self.unknown_names.push(name.clone());
                continue;
            };
            self.named.push(call);
            if action != self.default {
                self.calls
                    .extend((first..self.rules.len()).map(|rule| (call, name.as_str(), rule)));
            }
        }
        Ok(())
    }

    /// Returns the rules for one ABI by ascending number.
    pub(super) fn of(&self, arch: Arch) -> Vec<CallRules<'_>> {
        let mut entries = Vec::with_capacity(self.calls.len());
        for (call, name, rule) in &self.calls {
            let rule = &self.rules[*rule];
            if let Some(number) = call.number(arch) {
                entries.push((number, Cow::Borrowed(rule)));
            }
            if arch == Arch::X86 {
                entries
                    .extend(multiplexed(name, rule).map(|(call, rule)| (call, Cow::Owned(rule))));
            }
        }
        // Stable: rules of one call stay in the profile's order.
        entries.sort_by_key(|(number, _)| *number);
        let mut calls: Vec<CallRules<'_>> = Vec::with_capacity(entries.len());
        for (number, rule) in entries {
            match calls.last_mut() {
                Some(last) if last.number == number => last.rules.push(rule),
                _ => calls.push(CallRules { number, rules: vec![rule] }),
            }
        }
        for call in calls.iter_mut().filter(|call| call.rules.len() > 1) {
            let always = |rule: &Cow<'_, Rule>| rule.conditions.iter().all(|c| c.is_void(arch));
            let unconditional = call.rules.iter().position(always);
            match unconditional {
                Some(at) => call.rules = vec![call.rules.swap_remove(at)],
                None => call.rules.sort_by_cached_key(|rule| sort_key(rule)),
            }
        }
        calls
    }

    /// Whether a rule in effect notifies a supervisor.
    pub(super) fn notifies(&self) -> bool {
        self.calls.iter().any(|(_, _, rule)| self.rules[*rule].action == Action::Notify)
    }

    /// Returns the largest number of an ABI that the profile names.
    pub(super) fn newest(&self, arch: Arch) -> Option<u32> {
        self.named.iter().filter_map(|call| call.number(arch)).max()
    }
}

/// Splits a rule's conditions into the sets of which one must hold.
fn split(rule: &SeccompRule) -> Result<Vec<Vec<Condition>>, SeccompError> {
    let call = || rule.names.first().cloned().unwrap_or_default();
    let mut conditions = Vec::with_capacity(rule.args.len());
    for argument in &rule.args {
        conditions.push(condition(argument, call)?);
    }
    conditions.sort_by_key(|condition| condition.index);
    let repeats = conditions.windows(2).any(|pair| pair[0].index == pair[1].index);
    if repeats {
        return Ok(conditions.into_iter().map(|condition| vec![condition]).collect());
    }
    Ok(vec![conditions])
}

fn condition(argument: &SeccompArg, call: impl Fn() -> String) -> Result<Condition, SeccompError> {
    let index = u8::try_from(argument.index).ok().filter(|index| *index < 6);
    let index =
        index.ok_or_else(|| SeccompError::ArgumentIndex { call: call(), index: argument.index })?;
    let op = match argument.op.as_str() {
        "SCMP_CMP_NE" => Op::Ne,
        "SCMP_CMP_LT" => Op::Lt,
        "SCMP_CMP_LE" => Op::Le,
        "SCMP_CMP_EQ" => Op::Eq,
        "SCMP_CMP_GE" => Op::Ge,
        "SCMP_CMP_GT" => Op::Gt,
        "SCMP_CMP_MASKED_EQ" => {
            let op = Op::MaskedEq(argument.value);
            let value = argument.value & argument.value_two;
            return Ok(Condition { index, op, value });
        }
        op => return Err(SeccompError::UnknownOperator { op: op.to_owned(), call: call() }),
    };
    Ok(Condition { index, op, value: argument.value })
}

/// Orders conditional rules of one call as libseccomp's tree does: the highest first argument
/// leads, then equality before "less" before "greater", then the tighter bound.
///
/// It matters only where two rules with different actions overlap; the order of the profile means
/// nothing to libseccomp, and so to nobody who tested a profile with runc.
fn sort_key(rule: &Rule) -> Vec<(Reverse<u8>, u8, u64)> {
    let key = |condition: &Condition| {
        let (class, bound) = match condition.op {
            Op::Eq | Op::Ne | Op::MaskedEq(_) => (0, !condition.value),
            Op::Lt | Op::Le => (1, condition.value),
            Op::Ge | Op::Gt => (2, !condition.value),
        };
        (Reverse(condition.index), class, bound)
    };
    rule.conditions.iter().map(key).collect()
}

const SOCKETCALL: u32 = 102;
const IPC: u32 = 117;

/// Names by their selector, 1 upwards, in `socketcall`.
const SOCKET_SELECTORS: [&str; 20] = [
    "socket",
    "bind",
    "connect",
    "listen",
    "accept",
    "getsockname",
    "getpeername",
    "socketpair",
    "send",
    "recv",
    "sendto",
    "recvfrom",
    "shutdown",
    "setsockopt",
    "getsockopt",
    "sendmsg",
    "recvmsg",
    "accept4",
    "recvmmsg",
    "sendmmsg",
];
const IPC_SELECTORS: [(&str, u64); 12] = [
    ("semop", 1),
    ("semget", 2),
    ("semctl", 3),
    ("semtimedop", 4),
    ("msgsnd", 11),
    ("msgrcv", 12),
    ("msgget", 13),
    ("msgctl", 14),
    ("shmat", 21),
    ("shmdt", 22),
    ("shmget", 23),
    ("shmctl", 24),
];

/// Carries a rule over to the call through which i386 programs also reach `name`.
///
/// The arguments then lie in memory, out of the filter's sight, and a condition cannot be checked:
/// what it permits is not permitted this way, what it forbids is forbidden for all values.
/// libseccomp would permit all values as well.
fn multiplexed(name: &str, rule: &Rule) -> Option<(u32, Rule)> {
    if rule.action.is_permissive() && !rule.conditions.is_empty() {
        return None;
    }
    let socket = SOCKET_SELECTORS.iter().zip(1..).find(|(known, _)| **known == name);
    let (number, selector) = match socket {
        Some((_, selector)) => (SOCKETCALL, selector),
        None => (IPC, IPC_SELECTORS.iter().find(|(known, _)| *known == name)?.1),
    };
    let selector = Condition { index: 0, op: Op::Eq, value: selector };
    Some((number, Rule { action: rule.action, conditions: vec![selector] }))
}
