//! The folder that an export writes: a project that needs nothing from here any more.
//!
//! In: a specification and what is asked for. Out: (path, bytes) of every file, the proof, and the estimate. Nothing is written
//! that was not checked: the adder graph is proved before it becomes text, and vectors come from the emulator.

mod json;
mod makefile;
mod readme;

use crate::estimate::Estimate;
use crate::graph;
use crate::languages::{c, hls, qonnx};
use crate::prove::{Proof, prove};
use crate::spec::{DenseLayer, Spec};
use crate::vectors::Vectors;
use crate::verilog::bench::{Bench, bench};
use crate::verilog::{self, Fold, Plan, input_bits, load, padded};
use baler_data::error::Result;

/// Languages of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// Verilog with an AXI stream on each side.
    Verilog,
    /// C++ with pragmas for high-level synthesis.
    Hls,
    /// ONNX with the operator `Quant`.
    Qonnx,
    /// Plain C.
    C,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// What to write.
    pub targets: Vec<Target>,
    /// Cycles a sample at most; 1 is the unrolled network.
    pub reuse: usize,
    /// Weights in memory with a load port (folded networks).
    pub ram: bool,
    /// Levels of adders between registers (unrolled networks).
    pub levels: u32,
    /// Assumed clock in MHz.
    pub clock_mhz: f64,
    /// Part of the vendor's scripts.
    pub part: String,
    /// Rows of data for the vectors, (n, n_in); without them random ones in the usual range.
    pub rows: Vec<i32>,
    /// Random rows over the full range of the wires.
    pub n_random: usize,
}

impl Default for Request {
    fn default() -> Request {
        Request {
            targets: vec![Target::Verilog, Target::Hls, Target::Qonnx, Target::C],
            reuse: 1,
            ram: false,
            levels: 3,
            clock_mhz: 200.0,
            part: "xcvu9p-flga2104-2L-e".to_string(),
            rows: Vec::new(),
            n_random: 1024,
        }
    }
}

/// What an export is.
#[derive(Debug, Clone)]
pub struct Project {
    /// (path, bytes)
    pub files: Vec<(String, Vec<u8>)>,
    /// Of the design in Verilog.
    pub estimate: Estimate,
    /// Of the adder graph; none for a folded network, whose weights are tables.
    pub proof: Option<Proof>,
    /// Bits of each latent on the wire.
    pub latent_bits: Vec<u32>,
}

/// The design in Verilog.
struct Design {
    text: String,
    estimate: Estimate,
    proof: Option<Proof>,
    latent_bits: Vec<u32>,
    plan: Option<Plan>,
}

impl Design {
    fn new(spec: &Spec, request: &Request) -> Result<Design> {
        if request.reuse <= 1 && !request.ram {
            let netlist = graph::unrolled(spec)?;
            let proof = prove(spec, &netlist)?;
            return Ok(Design {
                text: verilog::unrolled(spec, &netlist, request.levels),
                estimate: Estimate::unrolled(spec, &netlist, request.levels),
                proof: Some(proof),
                latent_bits: netlist.outputs().iter().map(|&id| netlist.nodes[id].range.bits()).collect(),
                plan: None,
            });
        }
        let (text, plan) = verilog::folded(spec, Fold { reuse: request.reuse, ram: request.ram })?;
        if request.ram {
            load::check(&plan)?;
        }
        Ok(Design {
            text,
            estimate: Estimate::folded(spec, &plan, request.ram),
            proof: None,
            latent_bits: plan.latent_bits.clone(),
            plan: Some(plan),
        })
    }
}

/// The folder of `spec`.
///
/// # Errors
/// If the network does not fit what is asked for.
pub fn project(spec: &Spec, request: &Request) -> Result<Project> {
    let design = Design::new(spec, request)?;
    let vectors = Vectors::new(spec, &request.rows, request.n_random);
    let has = |target| request.targets.contains(&target);
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    let mut add = |path: &str, text: String| files.push((path.to_string(), text.into_bytes()));
    add("spec.json", json::text(spec, &design.latent_bits));
    if has(Target::Verilog) {
        add(&format!("rtl/{}.v", spec.name), design.text.clone());
        hardware_bench(spec, &design, request, &vectors, &mut add);
        add("vendor/vivado.tcl", makefile::tcl(spec, request));
        add("vendor/clock.xdc", makefile::xdc(request));
    }
    if has(Target::C) {
        add("c/encoder.h", c::header(spec));
        add("c/encoder.c", c::source(spec));
        add("c/bench.c", c::bench(spec));
    }
    if has(Target::Hls) {
        add("hls/encoder.h", hls::header(spec, &design.latent_bits));
        add("hls/encoder.cpp", hls::source(spec, request.reuse));
        add("hls/bench.cpp", hls::bench(spec));
        add("hls/ap_small.h", hls::SMALL.to_string());
        add("hls/vitis.tcl", hls::tcl(spec, &request.part, request.clock_mhz));
    }
    if has(Target::C) || has(Target::Hls) {
        add("vectors.txt", text_vectors(spec, &vectors));
    }
    add("Makefile", makefile::text(spec, request));
    add(
        "README.md",
        readme::text(spec, request, &design.estimate, design.proof.as_ref(), &design.latent_bits),
    );
    if has(Target::Qonnx) {
        add("qonnx/convert.py", qonnx::script(spec));
        add("qonnx/vectors.txt", text_vectors(spec, &vectors));
        files.push(("qonnx/encoder.onnx".to_string(), qonnx::model(spec)?));
    }
    Ok(Project { files, estimate: design.estimate, proof: design.proof, latent_bits: design.latent_bits })
}

/// The bench and its words; with a load port a second set of weights comes after the first.
fn hardware_bench(
    spec: &Spec,
    design: &Design,
    request: &Request,
    vectors: &Vectors,
    add: &mut impl FnMut(&str, String),
) {
    let (wide_in, wide_out) = (input_bits(spec), padded(design.latent_bits.iter().sum::<u32>() as usize));
    let mut samples = vectors.sample_words(spec, wide_in);
    let mut latents = vectors.latent_words(spec, &design.latent_bits, wide_out);
    let mut load_words = None;
    if let (true, Some(plan)) = (request.ram, &design.plan) {
        let other = other_weights(spec);
        let words = [load::words(spec, plan), load::words(&other, plan)];
        load_words = Some(words[0].len());
        add("sim/weights.hex", words.iter().flatten().map(|word| format!("{word:016x}\n")).collect());
        let second = Vectors::of(&other, vectors.samples.clone());
        samples += &second.sample_words(&other, wide_in);
        latents += &second.latent_words(&other, &design.latent_bits, wide_out);
    }
    add("sim/samples.hex", samples);
    add("sim/latents.hex", latents);
    add(
        "sim/bench.v",
        bench(&Bench {
            module: &spec.name,
            input_bits: wide_in,
            output_bits: wide_out,
            n_rows: vectors.n_rows,
            latency: design.estimate.latency,
            interval: design.estimate.interval,
            load_words,
        }),
    );
}

/// The same shape with other integers, which tries the load port: each layer's rows in reverse order.
fn other_weights(spec: &Spec) -> Spec {
    let reversed = |layer: &DenseLayer| {
        let mut other = layer.clone();
        other.weights = (0..layer.n_out()).rev().flat_map(|row| layer.row(row).iter().copied()).collect();
        other.bias.reverse();
        other.shift.reverse();
        other
    };
    Spec { layers: spec.layers.iter().map(reversed).collect(), ..spec.clone() }
}

/// Rows as text: the sample, then the latents.
fn text_vectors(spec: &Spec, vectors: &Vectors) -> String {
    let mut text = format!("{}\n", vectors.n_rows);
    for (row, latents) in vectors.samples.chunks(spec.n_in()).zip(vectors.latents.chunks(spec.n_out())) {
        let all = row.iter().map(i32::to_string).chain(latents.iter().map(i16::to_string));
        text += &(all.collect::<Vec<_>>().join(" ") + "\n");
    }
    text
}
