//! Verilog-2001 with an AXI stream on each side: one sample a beat in, one sample of packed latents a beat out.
//!
//! Every module has the same ports and the same rules: reset is low, synchronous and drops what is on its way; a beat moves where
//! valid and ready are both high; `tlast` ends a batch, which a batch of [`BATCH`] does by itself as well.

pub mod bench;
mod expressions;
mod finish;
mod folded;
mod input;
mod lanes;
pub mod load;
mod unrolled;

pub use folded::{Fold, Plan, folded};
pub use unrolled::unrolled;

use crate::spec::Spec;

/// Samples after which `tlast` is given, asked for or not.
pub const BATCH: usize = 1024;

/// Bits of a stream's data: whole bytes.
pub fn padded(bits: usize) -> usize {
    bits.next_multiple_of(8)
}

/// Bits of a sample on the wire.
pub fn input_bits(spec: &Spec) -> usize {
    padded(spec.inputs.iter().map(|input| input.bits as usize).sum())
}

/// Head of a file: what it is, and the ports of the module.
pub(crate) fn head(spec: &Spec, what: &str, latent_bits: &[u32], load_port: bool) -> String {
    let (wide_in, wide_out) = (input_bits(spec), padded(latent_bits.iter().sum::<u32>() as usize));
    let list = |bits: Vec<u32>| bits.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
    let inputs = list(spec.inputs.iter().map(|input| input.bits).collect());
    let load = if load_port {
        "    // Weights, layer after layer as docs/fpga.md says; samples are held back until the last word (wload_tlast).\n    \
         input  wire [63:0] wload_tdata,\n    input  wire wload_tvalid,\n    output wire wload_tready,\n    \
         input  wire wload_tlast,\n"
    } else {
        ""
    };
    format!(
        "// {what}\n// Network {} of integers. Written by baler export; do not edit.\n\
         // Inputs, lowest bits first, two's complement, bits: {inputs}\n\
         // Latents, lowest bits first, two's complement, bits: {}\n\
         `default_nettype none\n\
         module {} #(\n    parameter FREE_RUNNING = 0, // 1: m_axis_tready is not looked at\n    \
         parameter BATCH = {BATCH} // at most 65536\n) (\n    input  wire aclk,\n    input  wire aresetn,\n{load}    \
         input  wire [{}:0] s_axis_tdata,\n    input  wire s_axis_tvalid,\n    output wire s_axis_tready,\n    \
         input  wire s_axis_tlast,\n    output wire [{}:0] m_axis_tdata,\n    output wire m_axis_tvalid,\n    \
         input  wire m_axis_tready,\n    output wire m_axis_tlast\n);\n",
        spec.widths(),
        list(latent_bits.to_vec()),
        spec.name,
        wide_in - 1,
        wide_out - 1,
    )
}
