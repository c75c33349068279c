//! `baler compress`: data in, archive out, the bound verified before anything is written.

use crate::cli::SayArgs;
use crate::input::{RawArgs, read_data, read_model};
use crate::json::{self, ArchiveObject};
use crate::library::{Error, Report, compress_with};
use crate::output::{Target, say};
use crate::progress::Loudness;
use crate::settings::{FileSettings, Settings, check_names};
use crate::table;
use anyhow::{Context, Result};
use clap::Args;
use std::path::PathBuf;

/// Compress data; without --model the model is made from the data itself and embedded
#[derive(Args)]
pub struct CompressArgs {
    /// .npy, .npz, .csv or raw; FILE:INNER picks an array; - is standard input
    pub input: String,
    /// Archive (.bale); - is standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// A trained model, applied as it is
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// Only name the model by its hash instead of embedding it
    #[arg(long, requires = "model")]
    pub model_ref: bool,
    /// Only the fast tier of the predictive method: a few percent larger, several times faster
    #[arg(long)]
    pub fast: bool,
    /// Settings from a toml file; the command line goes first
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Threads (0: all cores); the bytes do not depend on it
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

pub fn run(args: &CompressArgs) -> Result<()> {
    let mut settings = args.settings.clone();
    let mut threads = args.threads;
    if args.model.is_some() && settings.training.is_given() {
        let text = "a model given by --model is never refitted; leave out --model or the training options";
        return Err(Error::config(text).into());
    }
    if let Some(path) = &args.config {
        let file = FileSettings::read(path)?;
        settings = settings.over(file.settings);
        threads = threads.or(file.threads);
    }
    let mut options = settings.options()?;
    options.n_threads = threads.unwrap_or(0);
    options.model_by_reference = args.model_ref;
    options.fast = args.fast;
    let target = Target::new(&args.output, args.force)?;
    refuse_json_on_stdout(args.json, &target)?;

    let model = args.model.as_deref().map(read_model).transpose()?;
    let dataset = read_data(&args.input, &args.raw, &settings.promise.drop)?;
    check_names(&options, std::slice::from_ref(&dataset))?;
    let mut bar = args.say.bar();
    let compressed =
        compress_with(&dataset, &options, model.as_ref(), &mut bar).with_context(|| args.input.clone())?;
    bar.finish();
    bar.warn_all(&compressed.report.warnings);
    target.write(&compressed.bytes)?;
    if args.json {
        json::print(&ArchiveObject::new(&compressed.report, None))?;
    }
    say_report(&compressed.report, args.model_ref, args.say);
    Ok(())
}

/// The table and the line of a report, on standard error.
pub fn say_report(report: &Report, model_by_reference: bool, args: SayArgs) {
    if args.loudness() > Loudness::Quiet {
        say(&table::report_table(report, args.max_rows()));
        say(&table::summary(report, model_by_reference));
    }
}

/// Standard output takes the result or the JSON object, not both.
pub fn refuse_json_on_stdout(json: bool, target: &Target) -> Result<()> {
    if json && target.is_stdout() {
        return Err(Error::config("standard output takes --json or -o -, not both; give -o a file").into());
    }
    Ok(())
}
