//! The whole network as one pipeline of adders: a sample every cycle, no multiplier.

use super::{finish, head, padded};
use crate::netlist::{Id, Netlist, Op, Term};
use crate::schedule::Schedule;
use crate::spec::Spec;
use std::fmt::Write;

/// The module; `levels` levels of adders stand between registers.
pub fn unrolled(spec: &Spec, netlist: &Netlist, levels: u32) -> String {
    let schedule = Schedule::new(netlist, levels);
    let latent_bits: Vec<u32> = netlist.outputs().iter().map(|&id| netlist.nodes[id].range.bits()).collect();
    let what = format!(
        "Unrolled encoder: a sample every cycle, {} cycles of latency, {} adders, no multiplier.",
        schedule.n_stages,
        netlist.n_adders()
    );
    let writer = Writer { netlist, schedule: &schedule };
    let mut text = head(spec, &what, &latent_bits, false);
    let n = schedule.n_stages;
    let _ = write!(
        text,
        "    reg [{0}:0] valid;\n    reg [{0}:0] last;\n    reg [15:0] row;\n    \
         wire ce = (FREE_RUNNING != 0) | ~valid[{0}] | m_axis_tready;\n    \
         wire ends = s_axis_tlast | (row == BATCH - 1);\n    \
         assign s_axis_tready = ce & aresetn;\n    assign m_axis_tvalid = valid[{0}];\n    \
         assign m_axis_tlast = last[{0}];\n",
        n - 1
    );
    let shifted = |name: &str, first: &str| match n {
        1 => format!("            {name} <= {first};\n"),
        _ => format!("            {name} <= {{{name}[{}:0], {first}}};\n", n - 2),
    };
    let _ = write!(
        text,
        "    always @(posedge aclk) begin\n        if (!aresetn) begin\n            valid <= 0;\n            last <= 0;\n            \
         row <= 0;\n        end else if (ce) begin\n{}{}            if (s_axis_tvalid) row <= ends ? 0 : row + 1;\n        \
         end\n    end\n",
        shifted("valid", "s_axis_tvalid"),
        shifted("last", "(s_axis_tvalid & ends)"),
    );
    writer.inputs(spec, &mut text);
    let mut registers = String::new();
    for id in 0..netlist.nodes.len() {
        writer.node(id, &mut text);
        writer.registers(id, &mut text, &mut registers);
    }
    let total: u32 = latent_bits.iter().sum();
    let wide = padded(total as usize) as u32;
    let mut packed: Vec<String> = netlist.outputs().iter().map(|&id| writer.at(id, n - 1)).collect();
    if wide > total {
        let bits = wide - total;
        packed.push(format!("{bits}'b0"));
    }
    packed.reverse();
    let _ = write!(
        text,
        "    reg [{}:0] packed_latents;\n    assign m_axis_tdata = packed_latents;\n    \
         always @(posedge aclk) if (ce) begin\n{registers}        packed_latents <= {{{}}};\n    end\nendmodule\n\
         `default_nettype wire\n",
        wide - 1,
        packed.join(", "),
    );
    text
}

struct Writer<'a> {
    netlist: &'a Netlist,
    schedule: &'a Schedule,
}

impl Writer<'_> {
    fn inputs(&self, spec: &Spec, text: &mut String) {
        let mut start = 0;
        let mut starts = Vec::new();
        for input in &spec.inputs {
            starts.push(start);
            start += input.bits;
        }
        for (id, node) in self.netlist.nodes.iter().enumerate() {
            if let Op::Input(column) = node.op {
                let (bits, at) = (spec.inputs[column].bits, starts[column]);
                let _ =
                    writeln!(text, "    wire signed [{}:0] n{id} = s_axis_tdata[{at} +: {bits}];", bits - 1);
            }
        }
    }

    /// The name of a node's value in a stage.
    fn at(&self, id: Id, stage: u32) -> String {
        if let Op::Constant(value) = self.netlist.nodes[id].op {
            let bits = self.netlist.nodes[id].range.bits() + 1;
            let sign = if value < 0 { "-" } else { "" };
            return format!("({sign}{bits}'sd{})", value.unsigned_abs());
        }
        match stage - self.schedule.stage[id] {
            0 => format!("n{id}"),
            age => format!("n{id}_{age}"),
        }
    }

    fn term(&self, term: Term, stage: u32) -> String {
        let name = self.at(term.node, stage);
        if term.shift == 0 { name } else { format!("({name} <<< {})", term.shift) }
    }

    fn node(&self, id: Id, text: &mut String) {
        let node = &self.netlist.nodes[id];
        let (stage, bits) = (self.schedule.stage[id], node.range.bits());
        match &node.op {
            Op::Input(_) | Op::Constant(_) => {}
            Op::Add([a, b]) => {
                let operator = if b.negative { '-' } else { '+' };
                let (a, b) = (self.term(*a, stage), self.term(*b, stage));
                let _ = writeln!(text, "    wire signed [{}:0] n{id} = {a} {operator} {b};", bits - 1);
            }
            Op::Finish { term, shift, activation } => {
                let sum = self.term(*term, stage);
                let sum = if term.negative { format!("-{sum}") } else { sum };
                let factor = if term.negative { -(1i64 << term.shift) } else { 1 << term.shift };
                let range = self.netlist.nodes[term.node].range.times(factor);
                *text += &finish::lines(&format!("n{id}"), bits, &sum, range, *shift, *activation);
            }
        }
    }

    /// A register for each later stage that has or passes on the value.
    fn registers(&self, id: Id, text: &mut String, moves: &mut String) {
        let bits = self.netlist.nodes[id].range.bits();
        for age in 1..=self.schedule.last_use[id] - self.schedule.stage[id] {
            let before = if age == 1 { format!("n{id}") } else { format!("n{id}_{}", age - 1) };
            let _ = writeln!(text, "    reg signed [{}:0] n{id}_{age};", bits - 1);
            let _ = writeln!(moves, "        n{id}_{age} <= {before};");
        }
    }
}
