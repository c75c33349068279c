//! `baler train`: data in, model out; the model is applied to other files by `baler compress --model`.

use crate::input::{RawArgs, open_data};
use crate::json::{self, TrainedObject};
use crate::library::{Error, Hardware, Source, Threads, Trained, train_on};
use crate::names;
use crate::numbers::{counted, error, grouped};
use crate::output::refuse_json_on_stdout;
use crate::output::{Target, say};
use crate::progress::Loudness;
use crate::say::SayArgs;
use crate::settings::{FileSettings, Settings, with_names};
use anyhow::Result;
use clap::Args;
use std::path::PathBuf;

/// Train a model that other files are compressed with
#[derive(Args)]
pub struct TrainArgs {
    /// Data to learn from: all with the same variables
    #[arg(required = true, value_parser = names::parser())]
    pub inputs: Vec<String>,
    /// Model (.balm); - is standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Settings from a toml file; the command line goes first
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Train an encoder that becomes hardware: its weights are as coarse in training as they will be
    #[arg(long, value_name = "TARGET", value_parser = ["fpga"])]
    pub target: Option<String>,
    /// Bits of weights and of values between layers, and most digits 1 and -1 of a weight (each an adder): W,A or W,A,D
    #[arg(long, value_name = "W,A", requires = "target", value_parser = parse_bits)]
    pub bits: Option<Hardware>,
    /// Where to train; this version trains on the cpu
    #[arg(long, value_name = "DEVICE", value_parser = ["cpu"], default_value = "cpu", hide_default_value = true)]
    pub device: String,
    /// Threads (0: all cores); the model does not depend on it
    #[arg(short = 'j', long, value_name = "N")]
    pub threads: Option<usize>,
    /// Replace an existing output
    #[arg(short, long)]
    pub force: bool,
    /// Print one JSON object on standard output
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub settings: Settings,
    #[command(flatten)]
    pub raw: RawArgs,
    #[command(flatten)]
    pub say: SayArgs,
}

fn parse_bits(text: &str) -> Result<Hardware, String> {
    let wrong = || {
        "expected W,A or W,A,D: bits of weights from 2 to 16, of values from 4 to 16, digits from 1"
            .to_string()
    };
    let numbers: Vec<u32> =
        text.split(',').map(|word| word.trim().parse().map_err(|_| wrong())).collect::<Result<_, _>>()?;
    let hardware = match *numbers.as_slice() {
        [weight_bits, activation_bits] => Hardware { weight_bits, activation_bits, digits: None },
        [weight_bits, activation_bits, digits] if digits > 0 => {
            Hardware { weight_bits, activation_bits, digits: Some(digits) }
        }
        _ => return Err(wrong()),
    };
    let fits = (2..=16).contains(&hardware.weight_bits) && (4..=16).contains(&hardware.activation_bits);
    if fits { Ok(hardware) } else { Err(wrong()) }
}

pub fn run(args: &TrainArgs) -> Result<()> {
    if args.settings.promise.is_more_than_bounds() {
        let text = "a model promises nothing: leave out --cuts, --signs, --limits and --keep-sum, and give them to compress";
        return Err(Error::config(text).into());
    }
    let mut settings = args.settings.clone();
    let mut threads = args.threads;
    if let Some(path) = &args.config {
        let file = FileSettings::read(path)?;
        settings = settings.over(file.settings);
        threads = threads.or(file.threads);
    }
    let mut options = settings.options()?;
    options.threads = Threads::new(threads.unwrap_or(0))?;
    if args.target.is_some() {
        let usual = Hardware { weight_bits: 8, activation_bits: 16, digits: None };
        options.training.hardware = Some(args.bits.unwrap_or(usual));
    }
    let target = Target::new(&args.output, args.force)?;
    refuse_json_on_stdout(args.json, &target)?;

    let drop = &settings.promise.drop;
    let sources: Vec<Box<dyn Source>> =
        args.inputs.iter().map(|input| open_data(input, &args.raw, drop)).collect::<Result<_>>()?;
    let sources: Vec<&dyn Source> = sources.iter().map(|source| &**source).collect();
    let options = with_names(&options, sources.iter().map(|source| source.schema()))?;
    let mut bar = args.say.bar();
    let trained = train_on(&sources, &options, &mut bar)?;
    bar.finish();
    target.write(&trained.model.to_bytes())?;
    if args.json {
        json::print(&TrainedObject::from(&trained))?;
    }
    if args.say.loudness() > Loudness::Quiet {
        say(&line(&trained));
    }
    Ok(())
}

/// `model 2 113 bytes (1 890 parameters, dense:24,16)  12 epochs on 9 020 rows, loss 1.2e-4`
pub fn line(trained: &Trained) -> String {
    let info = trained.model.describe();
    let losses = trained.history.iter().zip(["loss", "validation loss"]);
    let last = losses.filter_map(|(curve, name)| Some(format!(", {name} {}", error(*curve.last()?))));
    format!(
        "model {} bytes ({}, {})  {} on {}{}",
        grouped(info.size_bytes),
        counted(info.n_parameters as usize, "parameter"),
        info.architecture,
        counted(info.epochs as usize, "epoch"),
        counted(info.trained_on_rows as usize, "row"),
        last.collect::<String>(),
    )
}
