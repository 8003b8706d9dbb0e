// SPDX-License-Identifier: Apache-2.0
//! From decisions to instructions.
//!
//! Code is laid from its end to its start, so each jump's target has a place before the jump has:
//! positions count from the program's end. A target out of a conditional jump's reach (255) gets
//! a nearer stand-in: the same return again, or an unconditional jump.

use super::SeccompError;
use super::graph::{Graph, Node, NodeId, Test};
use super::program::{AND_K, Insn, JA, JEQ_K, JGE_K, LD_ABS, Program, RET_K};
use std::collections::BTreeMap;

/// Reach of a conditional jump, less the instructions that may still come between.
const REACH: usize = 250;
const OFFSET_NUMBER: u32 = 0;
const OFFSET_ARCH: u32 = 4;

/// Decisions for the numbers from `start` to the next segment's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) start: u32,
    pub(super) node: NodeId,
}

/// Decisions for all numbers of one value of `seccomp_data.arch`; the first segment starts at 0.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) audit_arch: u32,
    pub(super) segments: Vec<Segment>,
}

/// Lays out a filter; architectures without a block get the action `elsewhere`.
pub(super) fn emit(
    graph: &Graph,
    blocks: &[Block],
    elsewhere: u32,
) -> Result<Program, SeccompError> {
    let mut assembler = Assembler::new(graph, blocks);
    let mut entries = Vec::new();
    for block in blocks.iter().rev() {
        let tree = assembler.tree(&block.segments);
        assembler.settle(tree);
        entries.push((block.audit_arch, assembler.load(OFFSET_NUMBER)));
    }
    let mut otherwise = Target::Ret(elsewhere);
    for (audit_arch, entry) in entries {
        otherwise = assembler.branch(JEQ_K, audit_arch, Target::At(entry), otherwise);
    }
    assembler.settle(otherwise);
    assembler.load(OFFSET_ARCH);
    assembler.reversed.reverse();
    Program::new(assembler.reversed)
}

#[derive(Clone, Copy)]
enum Target {
    /// A position, counted from the program's end.
    At(usize),
    /// A return, placed when it is needed.
    Ret(u32),
}

/// Where a placed test is entered.
#[derive(Clone, Copy)]
struct Entry {
    /// With anything in the accumulator.
    fresh: usize,
    /// With the test's word in the accumulator.
    loaded: usize,
}

struct Assembler<'a> {
    graph: &'a Graph,
    /// Tests that are reached with something else than their word in the accumulator.
    needs_load: Vec<bool>,
    /// Tests that are placed, or about to be.
    met: Vec<bool>,
    reversed: Vec<Insn>,
    rets: BTreeMap<u32, usize>,
    entries: BTreeMap<NodeId, Entry>,
}

impl<'a> Assembler<'a> {
    fn new(graph: &'a Graph, blocks: &[Block]) -> Self {
        let mut needs_load = vec![false; graph.len()];
        for segment in blocks.iter().flat_map(|block| &block.segments) {
            needs_load[segment.node] = true;
        }
        for id in 0..graph.len() {
            if let Node::Test { test, yes, no } = graph.node(id) {
                for next in [yes, no] {
                    if let Node::Test { test: after, .. } = graph.node(next) {
                        needs_load[next] |= test.word_left() != Some(after.word);
                    }
                }
            }
        }
        let (rets, entries) = (BTreeMap::new(), BTreeMap::new());
        let met = vec![false; graph.len()];
        Self { graph, needs_load, met, reversed: Vec::with_capacity(512), rets, entries }
    }

    fn push(&mut self, code: u16, jt: u8, jf: u8, k: u32) -> usize {
        self.reversed.push(Insn { code, jt, jf, k });
        self.reversed.len() - 1
    }

    fn load(&mut self, offset: u32) -> usize {
        self.push(LD_ABS, 0, 0, offset)
    }

    /// Returns the distance from the next instruction to be laid.
    fn distance(&self, position: usize) -> usize {
        self.reversed.len() - position - 1
    }

    /// Returns a position within a conditional jump's reach that acts as the target.
    fn reach(&mut self, target: Target) -> usize {
        match target {
            Target::At(position) if self.distance(position) <= REACH => position,
            Target::At(position) => self.jump(position),
            Target::Ret(value) => match self.rets.get(&value) {
                Some(position) if self.distance(*position) <= REACH => *position,
                _ => {
                    let position = self.push(RET_K, 0, 0, value);
                    self.rets.insert(value, position);
                    position
                }
            },
        }
    }

    fn jump(&mut self, position: usize) -> usize {
        // A program so long that the distance overflows is refused for its length.
        let distance = u32::try_from(self.distance(position)).unwrap_or(u32::MAX);
        self.push(JA, 0, 0, distance)
    }

    fn branch(&mut self, code: u16, k: u32, yes: Target, no: Target) -> Target {
        let (yes, no) = (self.reach(yes), self.reach(no));
        let short = |distance| u8::try_from(distance).expect("REACH leaves room");
        let (jt, jf) = (short(self.distance(yes)), short(self.distance(no)));
        Target::At(self.push(code, jt, jf, k))
    }

    /// Makes the next instruction to be laid fall through to a target.
    fn settle(&mut self, target: Target) {
        let position = self.reach(target);
        if self.distance(position) != 0 {
            self.jump(position);
        }
    }

    /// Lays a binary search over segments, entered with the number in the accumulator.
    fn tree(&mut self, segments: &[Segment]) -> Target {
        match segments {
            [only] => self.leaf(only.node),
            [around, one, after] if around.node == after.node && after.start - one.start == 1 => {
                let (no, yes) = (self.leaf(around.node), self.leaf(one.node));
                self.branch(JEQ_K, one.start, yes, no)
            }
            _ => {
                let (left, right) = segments.split_at(segments.len() / 2);
                let start = right[0].start;
                let (yes, no) = (self.tree(right), self.tree(left));
                self.branch(JGE_K, start, yes, no)
            }
        }
    }

    fn leaf(&mut self, node: NodeId) -> Target {
        match self.graph.node(node) {
            Node::Ret(value) => Target::Ret(value),
            Node::Test { .. } => {
                self.lay(node);
                Target::At(self.entries[&node].fresh)
            }
        }
    }

    /// Lays a decision on arguments and all that it leads to.
    fn lay(&mut self, root: NodeId) {
        let mut missing = Vec::new();
        let mut open = vec![root];
        while let Some(id) = open.pop() {
            if let Node::Test { yes, no, .. } = self.graph.node(id)
                && !std::mem::replace(&mut self.met[id], true)
            {
                missing.push(id);
                open.extend([yes, no]);
            }
        }
        // Successors have smaller ids.
        missing.sort_unstable();
        for id in missing {
            if let Node::Test { test, yes, no } = self.graph.node(id) {
                self.lay_test(id, test, yes, no);
            }
        }
    }

    fn lay_test(&mut self, id: NodeId, test: Test, yes: NodeId, no: NodeId) {
        let (yes, no) = (self.after(test, yes), self.after(test, no));
        self.branch(test.code, test.k, yes, no);
        if test.mask != u32::MAX {
            self.push(AND_K, 0, 0, test.mask);
        }
        let loaded = self.reversed.len() - 1;
        let fresh = if self.needs_load[id] { self.load(test.offset()) } else { loaded };
        self.entries.insert(id, Entry { fresh, loaded });
    }

    /// Returns where a test's successor is entered.
    fn after(&self, test: Test, next: NodeId) -> Target {
        match self.graph.node(next) {
            Node::Ret(value) => Target::Ret(value),
            Node::Test { test: after, .. } => {
                let entry = self.entries[&next];
                let loaded = test.word_left() == Some(after.word);
                Target::At(if loaded { entry.loaded } else { entry.fresh })
            }
        }
    }
}

impl Test {
    /// Returns the word that the test leaves in the accumulator.
    fn word_left(self) -> Option<u8> {
        (self.mask == u32::MAX).then_some(self.word)
    }

    /// Returns the offset of the test's word in `struct seccomp_data`.
    fn offset(self) -> u32 {
        let half = u32::from(self.word % 2) ^ u32::from(cfg!(target_endian = "big"));
        16 + u32::from(self.word / 2) * 8 + half * 4
    }
}
