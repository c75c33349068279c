//! `baler emulate`: the hardware in software. Data in, the stream of packed latents out, each compared with the codec's network.

use crate::export::Inputs;
use crate::hardware::{Wires, part_of};
use crate::input::{RawArgs, read_model};
use crate::json;
use crate::library::{Error, ErrorKind, fpga, network};
use crate::names;
use crate::numbers::{counted, grouped};
use crate::output::{Target, refuse_json_on_stdout, say};
use crate::progress::Loudness;
use crate::say::SayArgs;
use anyhow::Result;
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Instant;

/// Run a model's encoder as its hardware does, bit for bit
#[derive(Args)]
pub struct EmulateArgs {
    /// Model with an autoencoder (.balm)
    pub model: PathBuf,
    /// Data of the model's variables
    #[arg(value_name = "INPUT", value_parser = names::parser())]
    pub input: String,
    /// Packed latents, as they come from the hardware; - is standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// What goes in, as for export
    #[arg(long, value_name = "KIND", value_enum, default_value = "float")]
    pub inputs: Inputs,
    /// The field or a column, where a model has several parts
    #[arg(long, value_name = "NAME")]
    pub variable: Option<String>,
    /// Replace an existing output
    #[arg(short, long)]
    pub force: bool,
    /// Print one JSON object on standard output
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub raw: RawArgs,
    #[command(flatten)]
    pub say: SayArgs,
}

#[derive(Serialize)]
struct Emulated {
    samples: usize,
    mismatches: usize,
    stream_bytes: usize,
    latent_bits: Vec<u32>,
    inferences_per_second: f64,
    network_inferences_per_second: f64,
}

pub fn run(args: &EmulateArgs) -> Result<()> {
    let target = args.output.as_ref().map(|output| Target::new(output, args.force)).transpose()?;
    if let Some(target) = &target {
        refuse_json_on_stdout(args.json, target)?;
    }
    let model = read_model(&args.model)?;
    let part = part_of(&model, args.variable.as_deref())?;
    let raw = args.inputs == Inputs::Raw;
    let spec = fpga::Spec::of_part("encoder", part, raw)?;
    let samples = Wires::new(part, raw)?.samples(&args.input, &args.raw, None)?;
    let n_samples = samples.len() / spec.n_in();

    let mut latents = vec![0; n_samples * spec.n_out()];
    let emulator = fpga::Emulator::new(&spec)?;
    let start = Instant::now();
    emulator.run(&mut fpga::Lanes::default(), &samples, &mut latents);
    let seconds = start.elapsed().as_secs_f64();

    // The codec's own network, from what it reads: raw numbers scaled by the codec's floats.
    let normalized = match raw {
        true => Wires::new(part, false)?.samples(&args.input, &args.raw, None)?,
        false => samples,
    };
    let inputs: Vec<i16> = normalized.iter().map(|&x| x as i16).collect();
    let prepared = network::Prepared::new(&part.encoder)?;
    let mut outputs = vec![0; latents.len()];
    let start = Instant::now();
    prepared.run(&mut network::Workspace::default(), &inputs, n_samples, &mut outputs);
    let network_seconds = start.elapsed().as_secs_f64();
    let expected = crate::library::to_latents(outputs);
    let rows = latents.chunks(spec.n_out()).zip(expected.chunks(spec.n_out()));
    let mismatches = rows.filter(|(found, expected)| found != expected).count();

    let latent_bits = spec.latent_bits();
    let stream = fpga::stream::pack(&latents, &latent_bits);
    if let Some(target) = &target {
        target.write(&stream)?;
    }
    let emulated = Emulated {
        samples: n_samples,
        mismatches,
        stream_bytes: stream.len(),
        latent_bits,
        inferences_per_second: n_samples as f64 / seconds.max(1e-9),
        network_inferences_per_second: n_samples as f64 / network_seconds.max(1e-9),
    };
    if args.json {
        json::print(&emulated)?;
    }
    if args.say.loudness() > Loudness::Quiet {
        say(&format!(
            "{} emulated, {} different from the codec's network; {} bytes of latents; {} inferences/s on one core",
            counted(n_samples, "sample"),
            counted(mismatches, "row"),
            grouped(emulated.stream_bytes as u64),
            grouped(emulated.inferences_per_second as u64),
        ));
    }
    if mismatches > 0 {
        let text =
            format!("{mismatches} rows differ from the codec's network; values lie beyond the raw wires");
        return Err(Error::new(ErrorKind::BoundNotMet, text).into());
    }
    Ok(())
}
