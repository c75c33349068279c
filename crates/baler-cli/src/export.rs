//! `baler export`: the encoder of a model as hardware, in a folder that needs nothing from here any more.

use crate::hardware::{Wires, part_of};
use crate::input::{RawArgs, read_model};
use crate::json;
use crate::library::{Error, ErrorKind, fpga};
use crate::names;
use crate::numbers::{counted, grouped};
use crate::output::{Target, say};
use crate::progress::Loudness;
use crate::say::SayArgs;
use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::path::PathBuf;

/// Write a model's encoder as hardware: Verilog, C++ for synthesis, QONNX, C, with benches
#[derive(Args)]
pub struct ExportArgs {
    /// Model with an autoencoder (.balm)
    pub model: PathBuf,
    /// Folder to write; it must not be there yet
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    /// What to write (default: all that the network allows)
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_enum)]
    pub target: Vec<Language>,
    /// Cycles a sample may take: 1 writes adders only, N reuses multipliers, serial has one a neuron
    #[arg(long, value_name = "N|serial", default_value = "1", value_parser = parse_reuse)]
    pub reuse: Reuse,
    /// Where the weights of a reused design are: in tables, or in memory with a load port
    #[arg(long, value_name = "PLACE", value_enum, default_value = "rom")]
    pub weights: Place,
    /// What comes in: numbers that the host has normalized (float), or raw integers
    #[arg(long, value_name = "KIND", value_enum, default_value = "float")]
    pub inputs: Inputs,
    /// Levels of adders between registers
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub levels: u32,
    /// Clock in MHz that rates are told for; an assumption, not a promise
    #[arg(long, value_name = "MHZ", default_value_t = 200.0, value_parser = parse_clock)]
    pub clock: f64,
    /// Part that the vendor's scripts name; nothing here runs them
    #[arg(long, value_name = "NAME", default_value = "xcvu9p-flga2104-2L-e")]
    pub part: String,
    /// Data whose first rows are test vectors, beside random ones
    #[arg(long, value_name = "INPUT", value_parser = names::parser())]
    pub data: Option<String>,
    /// Test vectors of each kind
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    pub rows: u32,
    /// The field or a column, where a model has several parts
    #[arg(long, value_name = "NAME")]
    pub variable: Option<String>,
    /// Print one JSON object on standard output
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub raw: RawArgs,
    #[command(flatten)]
    pub say: SayArgs,
}

/// Languages of `--target`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Language {
    Verilog,
    Hls,
    Qonnx,
    C,
}

/// `--weights`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Place {
    Rom,
    Ram,
}

/// `--inputs`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Inputs {
    Raw,
    Float,
}

/// `--reuse`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reuse {
    Serial,
    Cycles(usize),
}

fn parse_reuse(text: &str) -> Result<Reuse, String> {
    match (text, text.parse::<usize>()) {
        ("serial", _) => Ok(Reuse::Serial),
        (_, Ok(n)) if n > 0 => Ok(Reuse::Cycles(n)),
        _ => Err("expected a number of cycles from 1, or serial".to_string()),
    }
}

fn parse_clock(text: &str) -> Result<f64, String> {
    let clock = text.parse::<f64>().ok().filter(|mhz| mhz.is_finite() && (0.001..=10_000.0).contains(mhz));
    clock.ok_or_else(|| "expected a clock in MHz from 0.001 to 10000".to_string())
}

impl Language {
    fn target(self) -> fpga::Target {
        match self {
            Language::Verilog => fpga::Target::Verilog,
            Language::Hls => fpga::Target::Hls,
            Language::Qonnx => fpga::Target::Qonnx,
            Language::C => fpga::Target::C,
        }
    }
}

pub fn run(args: &ExportArgs) -> Result<()> {
    let target = Target::new(&args.output, false)?;
    if target.is_stdout() {
        return Err(Error::config("expected -o DIR, a folder to write; found standard output").into());
    }
    let model = read_model(&args.model)?;
    let part = part_of(&model, args.variable.as_deref())?;
    let stem = args.model.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let raw = args.inputs == Inputs::Raw;
    let spec = fpga::Spec::of_part(&stem, part, raw)?;
    let rows = match &args.data {
        Some(data) => Wires::new(part, raw)?.samples(data, &args.raw, Some(args.rows as usize))?,
        None => Vec::new(),
    };
    let reuse = match args.reuse {
        Reuse::Cycles(n) => n,
        Reuse::Serial => spec.layers.iter().map(|layer| layer.n_in).max().unwrap_or(1).max(spec.n_out()),
    };
    let mut request = fpga::Request {
        reuse,
        ram: args.weights == Place::Ram,
        levels: args.levels,
        clock_mhz: args.clock,
        part: args.part.clone(),
        rows,
        n_random: args.rows as usize,
        ..fpga::Request::default()
    };
    if !args.target.is_empty() {
        request.targets = args.target.iter().map(|language| language.target()).collect();
    }
    if request.ram && reuse <= 1 {
        let text = "--weights ram is for designs that reuse multipliers; add --reuse N or --reuse serial";
        return Err(Error::config(text).into());
    }
    let project = match fpga::project(&spec, &request) {
        // Nobody asked for what this network does not allow.
        Err(error) if args.target.is_empty() && error.kind() == ErrorKind::Unsupported => {
            request.targets.retain(|target| *target != fpga::Target::Qonnx);
            let project = fpga::project(&spec, &request)?;
            say(&format!("baler: warning: no qonnx: {error}"));
            project
        }
        other => other?,
    };
    target.write_folder(&project.files).with_context(|| "export".to_string())?;
    let exported = Exported::new(&spec, &project, &request);
    if args.json {
        json::print(&exported)?;
    }
    if args.say.loudness() > Loudness::Quiet {
        say(&exported.line());
    }
    Ok(())
}

/// What was written, in numbers.
#[derive(Serialize)]
struct Exported {
    widths: String,
    weights: usize,
    adders: usize,
    multipliers: usize,
    lut_estimated: usize,
    ff_estimated: usize,
    latency_cycles: usize,
    interval_cycles: usize,
    clock_mhz_assumed: f64,
    inferences_per_second: f64,
    bytes_in: usize,
    bytes_out: usize,
    latent_bits: Vec<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proved_sums: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    widest_bits: Option<u32>,
}

impl Exported {
    fn new(spec: &fpga::Spec, project: &fpga::Project, request: &fpga::Request) -> Exported {
        let estimate = &project.estimate;
        Exported {
            widths: spec.widths(),
            weights: spec.n_weights(),
            adders: estimate.adders,
            multipliers: estimate.multipliers,
            lut_estimated: estimate.lut,
            ff_estimated: estimate.ff,
            latency_cycles: estimate.latency,
            interval_cycles: estimate.interval,
            clock_mhz_assumed: request.clock_mhz,
            inferences_per_second: estimate.inferences(request.clock_mhz),
            bytes_in: estimate.bytes[0],
            bytes_out: estimate.bytes[1],
            latent_bits: project.latent_bits.clone(),
            proved_sums: project.proof.map(|proof| proof.n_sums),
            widest_bits: project.proof.map(|proof| proof.widest),
        }
    }

    fn line(&self) -> String {
        let arithmetic = match self.multipliers {
            0 => counted(self.adders, "adder"),
            n => counted(n, "multiplier"),
        };
        let proved = match self.proved_sums {
            Some(n) => format!("  {} proved for all inputs,", counted(n, "sum")),
            None => String::new(),
        };
        format!(
            "encoder {}: {arithmetic},{proved} latency {} cycles, a sample every {}; {} inferences/s if the clock were {} MHz",
            self.widths,
            self.latency_cycles,
            self.interval_cycles,
            grouped(self.inferences_per_second as u64),
            self.clock_mhz_assumed,
        )
    }
}
