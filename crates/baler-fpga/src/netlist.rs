//! Adders, shifts and limits as nodes of a graph: what is written as Verilog, run, counted and proved.
//!
//! Each node knows the exact range of what it computes, over everything that can come in, so each wire is as wide as it must
//! be and none wider.

use crate::interval::{Interval, LIMIT, finish};
use baler_codec::network::architecture::Activation;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};

/// Index of a node.
pub type Id = usize;

/// +-(node << shift)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Term {
    /// What is shifted.
    pub node: Id,
    /// To the left.
    pub shift: u32,
    /// Subtracted.
    pub negative: bool,
}

/// What a node computes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// A value of the sample, as it comes on the wire.
    Input(usize),
    /// A number.
    Constant(i64),
    /// One adder.
    Add([Term; 2]),
    /// activation(term >> shift), limited.
    Finish {
        /// The sum.
        term: Term,
        /// To the right, rounding down.
        shift: u32,
        /// Applied after it.
        activation: Activation,
    },
}

impl Hash for Op {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Op::Input(column) => column.hash(state),
            Op::Constant(value) => value.hash(state),
            Op::Add(terms) => terms.hash(state),
            Op::Finish { term, shift, .. } => (term, shift).hash(state),
        }
    }
}

/// One node; nodes come after those that they read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What it computes.
    pub op: Op,
    /// Of what.
    pub range: Interval,
    /// Adders and limits on the longest way from an input.
    pub level: u32,
}

/// Where a layer's values are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerNodes {
    /// What it reads.
    pub inputs: Vec<Id>,
    /// Its finished values.
    pub outputs: Vec<Id>,
}

/// A network as a graph.
#[derive(Debug, Clone, Default)]
pub struct Netlist {
    /// In an order in which they can be computed.
    pub nodes: Vec<Node>,
    /// First to last; the stages of raw inputs are a layer of their own, the first.
    pub layers: Vec<LayerNodes>,
    known: HashMap<Op, Id>,
}

impl Netlist {
    /// The node that computes `op`, a new one unless there is one; `range` is that of its values.
    pub fn node(&mut self, op: Op, range: Interval) -> Id {
        if let Some(&id) = self.known.get(&op) {
            return id;
        }
        let level = match &op {
            Op::Input(_) | Op::Constant(_) => 0,
            Op::Add([a, b]) => 1 + self.nodes[a.node].level.max(self.nodes[b.node].level),
            Op::Finish { term, .. } => 1 + self.nodes[term.node].level,
        };
        self.nodes.push(Node { op: op.clone(), range, level });
        self.known.insert(op, self.nodes.len() - 1);
        self.nodes.len() - 1
    }

    /// A number as a node.
    pub fn constant(&mut self, value: i64) -> Id {
        self.node(Op::Constant(value), Interval::of(value))
    }

    /// The finished value of a sum whose values lie in `range`.
    pub fn finish(&mut self, term: Term, range: Interval, shift: u32, activation: Activation) -> Id {
        let range = range.map(|acc| finish(acc, shift, activation, LIMIT));
        self.node(Op::Finish { term, shift, activation }, range)
    }

    /// The latents.
    pub fn outputs(&self) -> &[Id] {
        self.layers.last().map_or(&[], |layer| &layer.outputs)
    }

    /// Number of adders; a negated sum counts as one.
    pub fn n_adders(&self) -> usize {
        let adds = |node: &&Node| match node.op {
            Op::Add(_) => true,
            Op::Finish { term, .. } => term.negative,
            _ => false,
        };
        self.nodes.iter().filter(adds).count()
    }

    /// Levels from the inputs to the latents.
    pub fn depth(&self) -> u32 {
        self.outputs().iter().map(|&id| self.nodes[id].level).max().unwrap_or(0)
    }

    /// Runs one sample, node by node: slow, and independent of everything else that runs networks.
    pub fn run(&self, sample: &[i64]) -> Vec<i64> {
        let mut values: Vec<i64> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let term = |t: &Term| {
                let shifted = values[t.node] << t.shift;
                if t.negative { -shifted } else { shifted }
            };
            let value = match &node.op {
                Op::Input(column) => sample[*column],
                Op::Constant(value) => *value,
                Op::Add([a, b]) => term(a) + term(b),
                Op::Finish { term: t, shift, activation } => finish(term(t), *shift, *activation, LIMIT),
            };
            debug_assert!((node.range.low..=node.range.high).contains(&value), "{node:?}: {value}");
            values.push(value);
        }
        self.outputs().iter().map(|&id| values[id]).collect()
    }
}
