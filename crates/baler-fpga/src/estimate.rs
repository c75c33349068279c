//! What a design will take, told before any synthesis: counted where it can be, estimated where it must be.
//!
//! Adders, registers, cycles and multipliers are counts. Look-up tables are an estimate: one for each bit of an adder, and for
//! each bit of a limit, which `docs/fpga.md` holds against yosys. A clock is the caller's assumption; nothing here promises one.

use crate::netlist::{Netlist, Op};
use crate::schedule::Schedule;
use crate::spec::Spec;
use crate::verilog::{Plan, input_bits, padded};
use baler_codec::network::architecture::Activation;

/// Figures of a design.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// Two-input adders and subtractors, of an unrolled network.
    pub adders: usize,
    /// Sum of their widths.
    pub adder_bits: usize,
    /// Multipliers (DSP blocks, where the tool finds them).
    pub multipliers: usize,
    /// Look-up tables, estimated.
    pub lut: usize,
    /// Flip-flops.
    pub ff: usize,
    /// Bits of weights in memory or tables.
    pub weight_bits: usize,
    /// Cycles from a sample to its latents.
    pub latency: usize,
    /// Cycles from a sample to the next.
    pub interval: usize,
    /// Bytes of a sample and of its latents on the wire.
    pub bytes: [usize; 2],
}

impl Estimate {
    /// Inferences a second at a clock in MHz.
    pub fn inferences(&self, clock_mhz: f64) -> f64 {
        clock_mhz * 1e6 / self.interval as f64
    }

    /// Of an unrolled network with so many levels between registers.
    pub fn unrolled(spec: &Spec, netlist: &Netlist, levels: u32) -> Estimate {
        let schedule = Schedule::new(netlist, levels);
        let bits = |id: usize| netlist.nodes[id].range.bits() as usize;
        let (mut adder_bits, mut limit_bits) = (0, 0);
        for (id, node) in netlist.nodes.iter().enumerate() {
            match &node.op {
                Op::Add([a, b]) => {
                    // Below the shift of one term the other's bits pass.
                    let passed =
                        if b.negative { a.shift.saturating_sub(b.shift) } else { a.shift.max(b.shift) };
                    let passed = if b.negative && b.shift > 0 { b.shift } else { passed };
                    adder_bits += bits(id).saturating_sub(passed as usize).max(1);
                }
                Op::Finish { activation, .. } if *activation != Activation::Linear || bits(id) == 16 => {
                    limit_bits += bits(id) + 4;
                }
                _ => {}
            }
        }
        let total: usize = netlist.outputs().iter().map(|&id| bits(id)).sum();
        Estimate {
            adders: netlist.n_adders(),
            adder_bits,
            multipliers: 0,
            lut: adder_bits + limit_bits,
            ff: schedule.register_bits(netlist) + 16,
            weight_bits: 0,
            latency: schedule.n_stages as usize,
            interval: 1,
            bytes: [input_bits(spec) / 8, padded(total) / 8],
        }
    }

    /// Of a folded network. Products and their sums are taken to be inside the multipliers' blocks, as synthesis for most parts
    /// does it.
    pub fn folded(spec: &Spec, plan: &Plan, ram: bool) -> Estimate {
        let total = plan.latent_bits.iter().sum::<u32>() as usize;
        // A choice among n values takes about a table for every three of them.
        let choice = |bits: usize, n: usize| bits * n.div_ceil(3);
        let wire = spec.inputs.iter().map(|input| input.bits as usize).max().unwrap_or(0);
        let first = &plan.layers[0];
        let mut lut = 60 + choice(first.lanes * wire, first.beats);
        let mut ff = 120 + input_bits(spec) + 2 * total;
        let mut weight_bits = 0;
        for (idx, layer) in plan.layers.iter().enumerate() {
            let n_out = layer.outputs.len();
            let (sum, weight) = (layer.bits_sum as usize, layer.bits_weight as usize);
            let (lanes, beats) =
                plan.layers.get(idx + 1).map_or(plan.output, |next| (next.lanes, next.beats));
            let products = n_out * layer.lanes;
            weight_bits += products * layer.beats * weight;
            // Tables of weights, the choice of the sum at hand, the requantizers, control.
            lut += products * weight * layer.beats.div_ceil(64) * if ram { 2 } else { 1 };
            lut += choice(lanes * sum, beats) + 80 + lanes * if ram { 260 } else { 90 };
            ff += products * weight + layer.lanes * layer.bits_in as usize + n_out * sum + lanes * (sum + 16);
        }
        Estimate {
            adders: 0,
            adder_bits: 0,
            multipliers: plan.n_multipliers,
            lut,
            ff,
            weight_bits,
            latency: plan.latency,
            interval: plan.interval,
            bytes: [input_bits(spec) / 8, padded(total) / 8],
        }
    }
}
