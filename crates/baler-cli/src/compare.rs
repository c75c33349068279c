//! `baler compare`: every codec on the user's data at one promise, or in equal bytes, as table, JSON and picture.

use crate::input::{INPUT_HELP, RawArgs, read_data};
use crate::json;
use crate::library::{BoundSpec, Dataset, Error, Noise, Options, Schema, Threads};
use crate::names;
use crate::output::print_text;
use crate::peers;
use crate::picture::Picture;
use crate::progress::Bar;
use crate::say::SayArgs;
use crate::settings::{Settings, with_names};
use anyhow::Result;
use baler_report::compare::{
    CompareOptions, Comparison, Family, compare, compare_at_ratio, rate_distortion, text_table,
};
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;

/// Every codec on your data at one promise, or in equal bytes; models are counted
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
    /// Rate and distortion at 10, 1 and 0.1 times the bound, or at each ratio, as .svg or .pdf
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
    let (settings, ratios) = args.ratios()?;
    let mut options = settings.options()?;
    options.threads = Threads::new(args.threads)?;
    if options.size.is_some() {
        let text = "codecs are compared at one promise, or at ratios; give --abs, --rel, --pw-rel, --lossless or --ratio";
        return Err(Error::config(text).into());
    }
    if args.settings.promise.is_more_than_bounds() {
        let text = "codecs are compared at what all of them keep; leave out --cuts, --signs, --limits and --keep-sum";
        return Err(Error::config(text).into());
    }
    let dataset = read_data(&args.input, &args.raw, &args.settings.promise.drop)?.numbers();
    let options = with_names(&options, [&Schema::of(&dataset)])?;
    let mut bar = args.say.bar();
    let mut found = Vec::new();
    match ratios[..] {
        [] => {
            found.push(one_bound(&dataset, &options, args, false, &mut bar)?);
            for factor in plot.iter().flat_map(|_| FACTORS) {
                found.push(one_bound(&dataset, &scaled(&options, factor), args, true, &mut bar)?);
            }
        }
        _ => {
            let wanted = CompareOptions { codecs: args.codecs.clone(), lossy_only: false };
            for &ratio in &ratios {
                found.push(compare_at_ratio(&dataset, &options, ratio, &wanted, &mut bar)?);
            }
        }
    }
    if let Some(picture) = plot {
        let n_values = dataset.variables.iter().map(|v| v.values.len() as u64).sum();
        picture.write(&rate_distortion(crate::report::file_name(&args.input), &found, n_values))?;
    }
    bar.finish();
    if ratios.is_empty() {
        found.truncate(1);
    }
    match (args.json, &found[..]) {
        (true, [comparison]) if ratios.is_empty() => json::print(comparison),
        (true, _) => json::print(&RatiosObject { kind: "ratios", comparisons: found }),
        (false, _) => {
            let tables: Vec<String> = found.iter().map(text_table).collect();
            print_text(&format!("{}\n", tables.join("\n\n")))
        }
    }
}

/// `--json` of ratios.
#[derive(Serialize)]
struct RatiosObject {
    kind: &'static str,
    comparisons: Vec<Comparison>,
}

impl CompareArgs {
    /// The settings, and the ratios where these are asked for in place of a bound.
    fn ratios(&self) -> Result<(Settings, Vec<f64>)> {
        let ratios = self.settings.promise.ratio.clone();
        if ratios.is_empty() {
            return Ok((self.settings.clone(), ratios));
        }
        if self.peers.is_some() {
            let text = "codecs of other projects are compared at a bound; leave out --peers, or give --rel in place of --ratio";
            return Err(Error::config(text).into());
        }
        // One promise only, which is then stood in for by one that every ratio replaces.
        let mut settings = self.settings.clone();
        settings.promise.ratio.truncate(1);
        settings.options()?;
        settings.promise.ratio.clear();
        settings.promise.lossless = true;
        Ok((settings, ratios))
    }
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
        BoundSpec::Noise(noise) => BoundSpec::Noise(Noise { k: noise.k * factor, ..noise }),
        other => other,
    };
    let mut options = options.clone();
    options.bound = scale(options.bound);
    options.rules.iter_mut().for_each(|(_, bound)| *bound = scale(*bound));
    options
}
