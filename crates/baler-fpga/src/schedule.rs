//! Which node is computed in which clock cycle, and how long each value is kept.
//!
//! A stage holds so many levels of adders; between stages every value that is still needed is registered. A node stands in the
//! first stage in which it can be computed.

use crate::netlist::{Id, Netlist, Op};

/// Stages of a netlist.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Of each node.
    pub stage: Vec<u32>,
    /// Of each node: the last stage that reads it, itself if none.
    pub last_use: Vec<u32>,
    /// Stages, which is the latency in cycles.
    pub n_stages: u32,
}

impl Schedule {
    /// At most `levels` levels a stage.
    pub fn new(netlist: &Netlist, levels: u32) -> Schedule {
        let stage: Vec<u32> =
            netlist.nodes.iter().map(|node| node.level.saturating_sub(1) / levels.max(1)).collect();
        let n_stages = 1 + netlist.outputs().iter().map(|&id| stage[id]).max().unwrap_or(0);
        let mut last_use = stage.clone();
        let mut read = |id: Id, at: u32| last_use[id] = last_use[id].max(at);
        for (id, node) in netlist.nodes.iter().enumerate() {
            match &node.op {
                Op::Add(terms) => terms.iter().for_each(|term| read(term.node, stage[id])),
                Op::Finish { term, .. } => read(term.node, stage[id]),
                Op::Input(_) | Op::Constant(_) => {}
            }
        }
        netlist.outputs().iter().for_each(|&id| read(id, n_stages - 1));
        for (id, node) in netlist.nodes.iter().enumerate() {
            if matches!(node.op, Op::Constant(_)) {
                last_use[id] = stage[id]; // a constant needs no register
            }
        }
        Schedule { stage, last_use, n_stages }
    }

    /// Registers between stages, in bits; those of the output, of valid and last are counted.
    pub fn register_bits(&self, netlist: &Netlist) -> usize {
        let kept = |id: usize| (self.last_use[id] - self.stage[id]) as usize;
        let inner: usize =
            (0..netlist.nodes.len()).map(|id| kept(id) * netlist.nodes[id].range.bits() as usize).sum();
        let output: usize = netlist.outputs().iter().map(|&id| netlist.nodes[id].range.bits() as usize).sum();
        inner + output + 2 * self.n_stages as usize
    }
}
