// SPDX-License-Identifier: Apache-2.0
//! From a profile to a filter.
//!
//! Numbers of an ABI that have the same fate form segments; a filter finds the ABI, then the
//! segment by binary search, then looks at arguments.

use super::arch::X32_BIT;
use super::emit::{Block, Segment, emit};
use super::graph::Graph;
use super::rule::Rules;
use super::{Action, Arch, Program, SeccompError, flags};
use brig_spec::runtime::Seccomp;

const ENOSYS: u16 = 38;

/// What happens to a call through an ABI that the profile does not list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ForeignAbi {
    /// The process dies; libseccomp's answer is that the thread does.
    #[default]
    Kill,
    /// The call fails with ENOSYS, as on a kernel built without the ABI.
    Enosys,
}

impl ForeignAbi {
    /// Reads the word of a profile's `brigForeignAbi`; none is libseccomp's behaviour.
    ///
    /// # Errors
    /// The word is unknown.
    pub fn parse(word: &str) -> Result<Self, SeccompError> {
        match word {
            "" | "kill" => Ok(Self::Kill),
            "errno" => Ok(Self::Enosys),
            _ => Err(SeccompError::UnknownForeignAbi { word: word.to_owned() }),
        }
    }
}

/// What a profile does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Calls through ABIs that the profile does not list.
    pub foreign_abi: ForeignAbi,
    /// Whether calls newer than all that the profile names fail with ENOSYS where the default
    /// action would refuse them, as runc does, so that programs fall back to older calls.
    pub newer_enosys: bool,
    /// The ABI that is always filtered, listed or not.
    pub native: Option<Arch>,
}

impl Default for Options {
    fn default() -> Self {
        Self { foreign_abi: ForeignAbi::Kill, newer_enosys: false, native: Arch::native() }
    }
}

/// A filter and how it is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiled {
    /// The filter.
    pub program: Program,
    /// Flags of seccomp(2) that the profile asks for.
    pub flags: u32,
    /// Whether an action notifies a supervisor, so that the runtime needs a listener.
    pub notifies: bool,
    /// Names that are no system call of any supported ABI, in the profile's order; their rules
    /// have no effect, as in runc.
    pub unknown_names: Vec<String>,
}

/// Compiles a profile.
///
/// # Errors
/// A word of the profile is unknown, or the filter is longer than the kernel takes.
pub fn compile(profile: &Seccomp, options: &Options) -> Result<Compiled, SeccompError> {
    let flags = flags::parse_flags(&profile.flags)?;
    let rules = Rules::read(profile)?;
    let native = options.native.ok_or(SeccompError::UnsupportedProcessor)?;
    let mut abis = vec![native];
    for name in &profile.architectures {
        abis.extend(Arch::parse(name)?.filter(|arch| !abis.contains(arch)));
    }
    let foreign = match options.foreign_abi {
        ForeignAbi::Kill => Action::KillProcess.to_ret(),
        ForeignAbi::Enosys => Action::Errno(ENOSYS).to_ret(),
    };
    let mut graph = Graph::default();
    let mut blocks: Vec<Block> = Vec::new();
    for abi in &abis {
        let audit_arch = abi.audit();
        if blocks.iter().all(|block| block.audit_arch != audit_arch) {
            let layout = Layout { rules: &rules, options, abis: &abis, foreign };
            blocks.push(layout.block(audit_arch, &mut graph));
        }
    }
    let program = emit(&graph, &blocks, foreign)?;
    Ok(Compiled { program, flags, notifies: rules.notifies(), unknown_names: rules.unknown_names })
}

/// What all blocks of a filter depend on.
struct Layout<'a> {
    rules: &'a Rules<'a>,
    options: &'a Options,
    abis: &'a [Arch],
    foreign: u32,
}

impl Layout<'_> {
    fn block(&self, audit_arch: u32, graph: &mut Graph) -> Block {
        let mut segments = Segments::default();
        if audit_arch == Arch::X86_64.audit() {
            // x32 shares the value of `arch`: a filter that told the two apart by it alone would
            // let every x32 number pass as an unknown, or worse as a known, amd64 one.
            self.abi(Arch::X86_64, X32_BIT, &mut segments, graph);
            self.abi(Arch::X32, u32::MAX, &mut segments, graph);
        } else {
            for abi in self.abis.iter().filter(|abi| abi.audit() == audit_arch) {
                self.abi(*abi, u32::MAX, &mut segments, graph);
            }
        }
        // What a tracer sets to skip a call; not an x32 number.
        segments.push(u32::MAX, graph.ret(self.rules.default.to_ret()));
        Block { audit_arch, segments: segments.0 }
    }

    /// Adds the segments of one ABI, whose numbers are below `end`.
    fn abi(&self, abi: Arch, end: u32, segments: &mut Segments, graph: &mut Graph) {
        let base = abi.number_base();
        if !self.abis.contains(&abi) {
            return segments.push(base, graph.ret(self.foreign));
        }
        let default = graph.ret(self.rules.default.to_ret());
        segments.push(base, default);
        for call in self.rules.of(abi) {
            let node = graph.rules(&call.rules, default, abi.is_64_bit());
            segments.push(call.number, node);
            segments.push(call.number + 1, default);
        }
        if self.options.newer_enosys && !self.rules.default.is_permissive() {
            let newest = self.rules.newest(abi).filter(|newest| *newest < end - 1);
            if let Some(newest) = newest {
                segments.push(newest + 1, graph.ret(Action::Errno(ENOSYS).to_ret()));
            }
        }
    }
}

/// Segments by ascending start, neighbours with different decisions.
#[derive(Default)]
struct Segments(Vec<Segment>);

impl Segments {
    /// Ends the last segment at `start` and begins another.
    fn push(&mut self, start: u32, node: super::graph::NodeId) {
        if self.0.last().is_some_and(|last| last.start == start) {
            self.0.pop();
        }
        if self.0.last().is_none_or(|last| last.node != node) {
            self.0.push(Segment { start, node });
        }
    }
}
