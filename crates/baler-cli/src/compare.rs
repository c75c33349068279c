//! `baler compare`: every codec on the user's data at one promise, as table, JSON and picture.

use crate::input::{INPUT_HELP, RawArgs, read_data};
use crate::json;
use crate::library::{BoundSpec, Dataset, Error, Options, Schema, Threads};
use crate::names;
use crate::output::print_text;
use crate::peers;
use crate::picture::Picture;
use crate::progress::Bar;
use crate::say::SayArgs;
use crate::settings::{Settings, with_names};
use anyhow::Result;
use baler_report::compare::{CompareOptions, Comparison, Family, compare, rate_distortion, text_table};
use clap::Args;
use std::path::PathBuf;

/// Every codec on your data at one promise, model bytes counted
#[derive(Args)]
pub struct CompareArgs {
    #[arg(help = INPUT_HELP, value_parser = names::parser())]
    pub input: String,
    /// Only codecs with such names, such as 'baler *,gzip*,SZ3'
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub codecs: Vec<String>,
    /// Also SZ3, SPERR, ZFP, pcodec, bzip3, JPEG XL and others in their best layouts, by this Python (see scripts/peers/requirements.txt)
    #[arg(long, value_name = "PYTHON", num_args = 0..=1, default_missing_value = peers::DEFAULT_PYTHON)]
    pub peers: Option<PathBuf>,
    /// Rate and distortion at 10, 1 and 0.1 times the bound, as .svg or .pdf
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
    /// Threads (0: all cores)
    #[arg(short = 'j', long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub threads: usize,
    /// Replace an existing picture
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

/// Bounds of the picture, times the one that was asked for.
const FACTORS: [f64; 2] = [10.0, 0.1];

pub fn run(args: &CompareArgs) -> Result<()> {
    let plot = args.plot.as_deref().map(|path| Picture::new(path, args.force)).transpose()?;
    let mut options = args.settings.options()?;
    options.threads = Threads::new(args.threads)?;
    if options.size.is_some() {
        let text = "codecs are compared at one promise; give --abs, --rel, --pw-rel or --lossless";
        return Err(Error::config(text).into());
    }
    if args.settings.promise.is_more_than_bounds() {
        let text = "codecs are compared at what all of them keep; leave out --cuts, --signs, --limits and --keep-sum";
        return Err(Error::config(text).into());
    }
    let dataset = read_data(&args.input, &args.raw, &args.settings.promise.drop)?.numbers();
    let options = with_names(&options, [&Schema::of(&dataset)])?;
    let mut bar = args.say.bar();
    let comparison = one_bound(&dataset, &options, args, false, &mut bar)?;
    if let Some(picture) = plot {
        let mut all = vec![comparison.clone()];
        for factor in FACTORS {
            all.push(one_bound(&dataset, &scaled(&options, factor), args, true, &mut bar)?);
        }
        let n_values = dataset.variables.iter().map(|v| v.values.len() as u64).sum();
        picture.write(&rate_distortion(crate::report::file_name(&args.input), &all, n_values))?;
    }
    bar.finish();
    if args.json {
        return json::print(&comparison);
    }
    print_text(&format!("{}\n", text_table(&comparison)))
}

/// All codecs at one bound, those of other projects too if asked for.
fn one_bound(
    dataset: &Dataset,
    options: &Options,
    args: &CompareArgs,
    lossy_only: bool,
    bar: &mut Bar,
) -> Result<Comparison> {
    let wanted = CompareOptions { codecs: args.codecs.clone(), lossy_only };
    let mut comparison = compare(dataset, options, &wanted, bar)?;
    if let Some(python) = &args.peers {
        let found = peers::run(python, dataset, options, &args.codecs)?;
        let rows = found.rows.into_iter();
        comparison.rows.extend(rows.filter(|row| !lossy_only || row.family == Family::Peer));
        comparison.missing.extend(found.missing);
        comparison.rows.sort_by_key(|row| (row.family == Family::Unbounded, row.bytes));
    } else if !lossy_only {
        comparison.missing.push(peers::not_asked());
    }
    Ok(comparison)
}

/// The same promises, each times a factor.
fn scaled(options: &Options, factor: f64) -> Options {
    let scale = |bound: BoundSpec| match bound {
        BoundSpec::Abs(e) => BoundSpec::Abs(e * factor),
        BoundSpec::Rel(e) => BoundSpec::Rel(e * factor),
        BoundSpec::PwRel(e) => BoundSpec::PwRel(e * factor),
        other => other,
    };
    let mut options = options.clone();
    options.bound = scale(options.bound);
    options.rules.iter_mut().for_each(|(_, bound)| *bound = scale(*bound));
    options
}
