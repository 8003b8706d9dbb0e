// SPDX-License-Identifier: Apache-2.0
//! Decisions on arguments as a graph of tests on 32-bit words.
//!
//! Invariants: a node's successors have smaller ids, so the graph has no cycle; equal nodes are one
//! node; a test whose outcome is known from the tests on the way to it is left out.

use super::program::{JEQ_K, JGE_K, JGT_K, JSET_K};
use super::rule::{Condition, Op, Rule};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Index of a node in its graph.
pub(super) type NodeId = usize;

/// A decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Node {
    /// Ends with a `SECCOMP_RET_` value.
    Ret(u32),
    /// Looks at a word and goes on.
    Test { test: Test, yes: NodeId, no: NodeId },
}

/// `(word & mask) code k`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Test {
    /// Twice the argument's index, plus one for its high half.
    pub(super) word: u8,
    pub(super) mask: u32,
    /// A conditional jump of BPF.
    pub(super) code: u16,
    pub(super) k: u32,
}

/// Bounds for one system call above which known outcomes are not tracked: tracking shortens usual
/// profiles, and could lengthen odd ones without bound.
const TRACKED_CONDITIONS_MAX: usize = 256;
const TRACKED_STEPS_MAX: usize = 2048;

/// All decisions of a filter.
#[derive(Debug, Default)]
pub(super) struct Graph {
    nodes: Vec<Node>,
    ids: BTreeMap<Node, NodeId>,
    rets: Vec<(u32, NodeId)>,
}

impl Graph {
    /// Returns the number of nodes.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn node(&self, id: NodeId) -> Node {
        self.nodes[id]
    }

    pub(super) fn ret(&mut self, value: u32) -> NodeId {
        // A profile has a handful of actions.
        let known = self.rets.iter().find(|(known, _)| *known == value);
        if let Some((_, id)) = known {
            return *id;
        }
        let id = self.intern(Node::Ret(value));
        self.rets.push((value, id));
        id
    }

    /// Adds the decision of rules tried in order, ending with `default`.
    pub(super) fn rules(
        &mut self,
        rules: &[Cow<'_, Rule>],
        default: NodeId,
        is_64_bit: bool,
    ) -> NodeId {
        if let [only] = rules
            && only.conditions.is_empty()
        {
            return self.ret(only.action.to_ret());
        }
        let conditions: usize = rules.iter().map(|rule| rule.conditions.len()).sum();
        if conditions <= TRACKED_CONDITIONS_MAX {
            let memo = BTreeMap::new();
            let steps_left = TRACKED_STEPS_MAX;
            let mut chain = Chain { graph: self, rules, default, is_64_bit, steps_left, memo };
            if let Some(id) = chain.condition(0, 0, &Facts::default()) {
                return id;
            }
        }
        self.rules_untracked(rules, default, is_64_bit)
    }

    /// Adds the same decision test by test, from its end.
    fn rules_untracked(
        &mut self,
        rules: &[Cow<'_, Rule>],
        default: NodeId,
        is_64_bit: bool,
    ) -> NodeId {
        let mut failed = default;
        for rule in rules.iter().rev() {
            let mut met = self.ret(rule.action.to_ret());
            for condition in rule.conditions.iter().rev() {
                let mut after = met;
                for Step { test, yes, no } in steps(*condition, is_64_bit).iter().rev() {
                    let go = |next: &Next| match next {
                        Next::Step => after,
                        Next::Met => met,
                        Next::Failed => failed,
                    };
                    after = self.test(*test, go(yes), go(no));
                }
                met = after;
            }
            failed = met;
        }
        failed
    }

    fn intern(&mut self, node: Node) -> NodeId {
        if let Some(id) = self.ids.get(&node) {
            return *id;
        }
        self.nodes.push(node);
        self.ids.insert(node, self.nodes.len() - 1);
        self.nodes.len() - 1
    }

    fn test(&mut self, test: Test, yes: NodeId, no: NodeId) -> NodeId {
        if yes == no {
            return yes;
        }
        match normal(test) {
            Known::Always(true) => yes,
            Known::Always(false) => no,
            Known::Test(test) => self.joined(test, yes, no),
            Known::Inverse(test) => self.joined(test, no, yes),
        }
    }

    /// Adds a test, as one with the next where both ask for bits of a word.
    fn joined(&mut self, test: Test, yes: NodeId, no: NodeId) -> NodeId {
        if let Node::Test { test: next, yes: next_yes, no: next_no } = self.nodes[no] {
            let bits = [test, next].iter().all(|test| test.code == JSET_K);
            if bits && next.word == test.word && next_yes == yes {
                let both = Test { k: test.k | next.k, ..test };
                return self.intern(Node::Test { test: both, yes, no: next_no });
            }
        }
        self.intern(Node::Test { test, yes, no })
    }
}

enum Known {
    Always(bool),
    Test(Test),
    Inverse(Test),
}

/// Brings a test into its shortest form.
fn normal(test: Test) -> Known {
    let Test { word, mask, code, k } = test;
    match code {
        JEQ_K if mask == 0 => Known::Always(true),
        // No bit of the mask set: keeps the word in the accumulator, where AND would not.
        JEQ_K if k == 0 && mask != u32::MAX => {
            Known::Inverse(Test { word, mask: u32::MAX, code: JSET_K, k: mask })
        }
        JEQ_K if k == mask && mask.is_power_of_two() => {
            Known::Test(Test { word, mask: u32::MAX, code: JSET_K, k: mask })
        }
        JGE_K if k == 0 => Known::Always(true),
        JGT_K if k == u32::MAX => Known::Always(false),
        _ => Known::Test(test),
    }
}

/// Outcomes of tests on the way to a node.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Facts(Vec<(Test, bool)>);

impl Facts {
    /// Returns the outcome of a test if it follows from what is known.
    fn outcome(&self, test: Test) -> Option<bool> {
        for (known, holds) in &self.0 {
            if *known == test {
                return Some(*holds);
            }
            if *holds && known.word == test.word && known.code == JEQ_K && known.mask == u32::MAX {
                return Some(test.holds(known.k));
            }
        }
        None
    }

    /// Adds an outcome worth keeping: an equality, or a failed test on a high half, which is
    /// the same zero in most conditions.
    fn with(&self, test: Test, holds: bool) -> Self {
        let mut facts = self.clone();
        let equal = holds && test.code == JEQ_K && test.mask == u32::MAX;
        if equal {
            facts.0.retain(|(known, _)| known.word != test.word);
        }
        if equal || test.word % 2 == 1 {
            facts.0.push((test, holds));
        }
        facts
    }
}

impl Test {
    fn holds(self, word: u32) -> bool {
        let value = word & self.mask;
        match self.code {
            JEQ_K => value == self.k,
            JGT_K => value > self.k,
            JGE_K => value >= self.k,
            _ => value & self.k != 0,
        }
    }
}

/// Where a test leads.
#[derive(Clone, Copy)]
enum Next {
    /// To the condition's next test.
    Step,
    Met,
    Failed,
}

/// One test of a condition.
struct Step {
    test: Test,
    yes: Next,
    no: Next,
}

/// The rules of one system call while they become nodes.
struct Chain<'a> {
    graph: &'a mut Graph,
    rules: &'a [Cow<'a, Rule>],
    default: NodeId,
    is_64_bit: bool,
    steps_left: usize,
    memo: BTreeMap<(usize, usize, usize, Facts), NodeId>,
}

impl Chain<'_> {
    fn condition(&mut self, rule: usize, condition: usize, facts: &Facts) -> Option<NodeId> {
        match self.rules.get(rule).map(|rule| (rule, rule.conditions.get(condition))) {
            None => Some(self.default),
            Some((rule, None)) => {
                let value = rule.action.to_ret();
                Some(self.graph.ret(value))
            }
            Some(_) => self.step(rule, condition, 0, facts),
        }
    }

    /// Builds one step of a condition; `None` when too many were taken.
    fn step(
        &mut self,
        rule: usize,
        condition: usize,
        step: usize,
        facts: &Facts,
    ) -> Option<NodeId> {
        let key = (rule, condition, step, facts.clone());
        if let Some(id) = self.memo.get(&key) {
            return Some(*id);
        }
        self.steps_left = self.steps_left.checked_sub(1)?;
        let steps = steps(self.rules[rule].conditions[condition], self.is_64_bit);
        let Step { test, yes, no } = &steps[step];
        let go = |chain: &mut Self, next: Next, facts: &Facts| match next {
            Next::Step => chain.step(rule, condition, step + 1, facts),
            Next::Met => chain.condition(rule, condition + 1, facts),
            Next::Failed => chain.condition(rule + 1, 0, facts),
        };
        let id = match facts.outcome(*test) {
            Some(true) => go(self, *yes, facts)?,
            Some(false) => go(self, *no, facts)?,
            None => {
                let no = go(self, *no, &facts.with(*test, false))?;
                let yes = go(self, *yes, &facts.with(*test, true))?;
                self.graph.test(*test, yes, no)
            }
        };
        self.memo.insert(key, id);
        Some(id)
    }
}

/// Spells a condition on an argument as tests on its halves.
fn steps(condition: Condition, is_64_bit: bool) -> Vec<Step> {
    let low = condition.index * 2;
    let halves = |value: u64| (word(value >> 32), word(value & 0xffff_ffff));
    let mask = if let Op::MaskedEq(mask) = condition.op { mask } else { u64::MAX };
    let (mask_high, mask_low) = halves(mask);
    let (value_high, value_low) = halves(condition.value);
    let on_low = |code, yes, no| Step {
        test: Test { word: low, mask: mask_low, code, k: value_low },
        yes,
        no,
    };
    let on_high = |code, yes, no| Step {
        test: Test { word: low + 1, mask: mask_high, code, k: value_high },
        yes,
        no,
    };
    // LT and LE are GE and GT turned round.
    let (code, met, failed) = match condition.op {
        Op::Eq | Op::MaskedEq(_) => (JEQ_K, Next::Met, Next::Failed),
        Op::Ne => (JEQ_K, Next::Failed, Next::Met),
        Op::Ge => (JGE_K, Next::Met, Next::Failed),
        Op::Lt => (JGE_K, Next::Failed, Next::Met),
        Op::Gt => (JGT_K, Next::Met, Next::Failed),
        Op::Le => (JGT_K, Next::Failed, Next::Met),
    };
    match (is_64_bit, code) {
        (false, _) => vec![on_low(code, met, failed)],
        (true, JEQ_K) => vec![on_high(JEQ_K, Next::Step, failed), on_low(code, met, failed)],
        (true, _) => vec![
            on_high(JGT_K, met, Next::Step),
            on_high(JEQ_K, Next::Step, failed),
            on_low(code, met, failed),
        ],
    }
}

fn word(half: u64) -> u32 {
    u32::try_from(half).expect("half of a 64-bit value")
}
