//! What is in the folder, what was checked and what was not.

use super::{Request, Target};
use crate::estimate::Estimate;
use crate::prove::Proof;
use crate::spec::Spec;
use std::fmt::Write;

/// README.md of the folder.
pub fn text(
    spec: &Spec,
    request: &Request,
    estimate: &Estimate,
    proof: Option<&Proof>,
    latent_bits: &[u32],
) -> String {
    let has = |target| request.targets.contains(&target);
    let list: Vec<String> = latent_bits.iter().map(u32::to_string).collect();
    let mut text = format!("# {}: encoder {}\n\n", spec.name, spec.widths());
    text += "Integers in, integers out, the same bits in every language below and in `baler`. `spec.json` has all of them.\n\n";
    if let Some(proof) = proof {
        let _ = writeln!(
            text,
            "Proved for all inputs when this was written: {} sums of the adder graph equal the weights and biases; no value of {} \
             nodes leaves its wire, the widest of {} bits.\n",
            proof.n_sums, proof.n_nodes, proof.widest
        );
    }
    text += "## Run\n\n```\n";
    if has(Target::Verilog) {
        text += "make sim         # Icarus Verilog; make verilator: the same bench under Verilator\n\
                 make synth       # yosys, cells of UltraScale+\n";
    }
    if has(Target::C) {
        text += "make c           # any C99 compiler\n";
    }
    if has(Target::Hls) {
        text +=
            "make hls         # any C++14 compiler; HLS_INCLUDE=-I/path/to/ap_types takes AMD's headers\n";
    }
    text += "```\n\nEach ends with an error if a bit of a latent differs from the vectors.\n\n## Wires\n\n";
    let _ = writeln!(
        text,
        "A sample is one beat of {} bytes, its values packed with the lowest bits first: {}. Its latents are one beat of {} bytes, \
         bits {}. `tlast` ends a batch; after 1024 samples it is given anyway. Reset is low and synchronous.\n",
        estimate.bytes[0],
        spec.inputs
            .iter()
            .map(|input| format!("{} {}", input.name, input.bits))
            .collect::<Vec<_>>()
            .join(", "),
        estimate.bytes[1],
        list.join(", "),
    );
    let _ = write!(
        text,
        "## Figures\n\n| figure | value | |\n|---|---|---|\n| latency | {} cycles | counted; the bench checks it |\n\
         | a sample every | {} cycles | counted; the bench checks it |\n| adders | {} | counted |\n| multipliers | {} | counted |\n\
         | flip-flops | {} | estimated |\n| look-up tables | {} | estimated; `make synth` counts |\n\
         | samples a second | {:.0} | at {} MHz, which is an assumption: no clock was reached |\n\
         | bytes a second in, out | {:.0}, {:.0} | at that clock |\n\nNo tool of a vendor was run. `vendor/` has scripts for {} that we have not run.\n",
        estimate.latency,
        estimate.interval,
        estimate.adders,
        estimate.multipliers,
        estimate.ff,
        estimate.lut,
        estimate.inferences(request.clock_mhz),
        request.clock_mhz,
        estimate.inferences(request.clock_mhz) * estimate.bytes[0] as f64,
        estimate.inferences(request.clock_mhz) * estimate.bytes[1] as f64,
        request.part,
    );
    text
}
