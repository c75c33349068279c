//! `baler report`: before and after on one page, the same figures as SVG and PDF, the numbers as JSON.

use crate::input::{RawArgs, read_bytes, read_data, read_model};
use crate::json;
use crate::library::{
    Dataset, DecompressOptions, Error, Model, Report, decompress_with, inspect, is_archive,
};
use crate::names;
use crate::output::{Target, say, write_whole};
use crate::progress::Loudness;
use crate::say::SayArgs;
use anyhow::{Context, Result};
use baler_report::figures::Curve;
use baler_report::measure::{MeasureOptions, Measures};
use baler_report::metrics::expression::Expression;
use baler_report::{Page, RunTable, Source};
use clap::Args;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Before and after on one page: errors, distributions, pictures, physics
#[derive(Args)]
pub struct ReportArgs {
    /// Archive; or data that any other tool has brought back
    #[arg(value_parser = names::parser())]
    pub after: String,
    /// The data that were compressed
    #[arg(long, value_name = "INPUT", value_parser = names::parser())]
    pub against: String,
    /// One HTML file that needs nothing else
    #[arg(short, long, value_name = "FILE", required_unless_present_any = ["json", "figures"])]
    pub output: Option<PathBuf>,
    /// Also write every figure as SVG and all as figures.pdf into this folder
    #[arg(long, value_name = "FOLDER")]
    pub figures: Option<PathBuf>,
    /// Further archives of the same data (other seeds): response and residual as mean +- 2 sigma over all
    #[arg(long, value_name = "ARCHIVES", value_delimiter = ',', value_parser = names::parser())]
    pub runs: Vec<String>,
    /// A derived quantity, such as 'p=sqrt(px^2 + py^2)'
    #[arg(long, value_name = "NAME=FORMULA", value_parser = parse_formula)]
    pub derive: Vec<(String, Expression)>,
    /// Unit of a variable, such as 'pt*=GeV'
    #[arg(long, value_name = "NAME=UNIT", value_parser = parse_pair)]
    pub unit: Vec<(String, String)>,
    /// Variables of INPUT that were left out
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub drop: Vec<String>,
    /// The model: needed where the archive only names it; shows the layers of its encoder
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// Loss curves as csv (epoch,training,validation), as --project --mode train writes them
    #[arg(long, value_name = "FILE")]
    pub losses: Option<PathBuf>,
    /// Replace existing outputs
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

fn parse_pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE, found no '='")?;
    Ok((name.trim().to_string(), value.trim().to_string()))
}

fn parse_formula(text: &str) -> Result<(String, Expression), String> {
    let (name, formula) = parse_pair(text)?;
    Ok((name, Expression::parse(&formula).map_err(|e| e.to_string())?))
}

/// `report --json`.
#[derive(Serialize)]
struct ReportObject<'a> {
    #[serde(flatten)]
    measures: &'a Measures,
    #[serde(skip_serializing_if = "Option::is_none")]
    runs: Option<&'a RunTable>,
}

pub fn run(args: &ReportArgs) -> Result<()> {
    let target = args.output.as_deref().map(|path| Target::new(path, args.force)).transpose()?;
    if args.json && target.as_ref().is_some_and(Target::is_stdout) {
        return Err(Error::config("standard output takes --json or -o -, not both; give -o a file").into());
    }
    let folder = args.figures.as_deref().map(|folder| figures_folder(folder, args.force)).transpose()?;
    let before = read_data(&args.against, &args.raw, &args.drop)?;
    let model = args.model.as_deref().map(read_model).transpose()?;
    let side = After::read(&args.after, args, model.as_ref())?;
    let others: Vec<Dataset> = args
        .runs
        .iter()
        .map(|name| After::read(name, args, model.as_ref()).map(|s| s.data))
        .collect::<Result<_>>()?;
    let page = make_page(&Sources {
        title: format!("{} against {}", file_name(&args.after), file_name(&args.against)),
        before: &before,
        after: &side,
        others: &others,
        model: model.as_ref(),
        losses: args.losses.as_deref(),
        options: MeasureOptions { derive: args.derive.clone(), units: args.unit.clone() },
    })?;
    if let Some(target) = target {
        target.write(page.html().as_bytes())?;
    }
    if let Some(folder) = folder {
        write_figures(&page, &folder, args.force)?;
    }
    if args.json {
        json::print(&ReportObject { measures: &page.measures, runs: page.runs.as_ref() })?;
    } else if args.say.loudness() > Loudness::Quiet {
        let outputs = args.output.iter().chain(&args.figures).map(|path| path.display().to_string());
        say(&format!("wrote {}", outputs.collect::<Vec<_>>().join(", ")));
    }
    Ok(())
}

/// What is compared with the original.
pub struct After {
    /// What came back.
    pub data: Dataset,
    archive: Option<(Vec<u8>, Report)>,
}

impl After {
    fn read(name: &str, args: &ReportArgs, model: Option<&Model>) -> Result<After> {
        let is_file = names::path(name).is_file();
        let bytes = if is_file { read_bytes(name)? } else { Vec::new() };
        if is_archive(&bytes) {
            return After::from_archive(bytes, model).with_context(|| name.to_string());
        }
        Ok(After { data: read_data(name, &args.raw, &args.drop)?, archive: None })
    }

    /// Decodes an archive.
    pub fn from_archive(bytes: Vec<u8>, model: Option<&Model>) -> Result<After> {
        let report = inspect(&bytes)?;
        let options = DecompressOptions { model, ..DecompressOptions::default() };
        let data = decompress_with(&bytes, &options, &mut baler::NoProgress)?;
        Ok(After { data, archive: Some((bytes, report)) })
    }
}

/// Everything that a page is made of.
pub struct Sources<'a> {
    pub title: String,
    pub before: &'a Dataset,
    pub after: &'a After,
    pub others: &'a [Dataset],
    pub model: Option<&'a Model>,
    pub losses: Option<&'a Path>,
    pub options: MeasureOptions,
}

/// Measures and draws.
pub fn make_page(sources: &Sources) -> Result<Page> {
    let losses = sources.losses.map(read_losses).transpose()?;
    let title = sources.model.map_or("loss".to_string(), |model| {
        let info = model.describe();
        format!("{}: {} epochs on {} samples", info.architecture, info.epochs, info.trained_on_rows)
    });
    let source = Source {
        title: sources.title.clone(),
        before: sources.before,
        after: &sources.after.data,
        archive: sources.after.archive.as_ref().map(|(bytes, report)| (bytes.as_slice(), report)),
        others: sources.others,
        model: sources.model,
        losses: losses.map(|curves| (curves, title)),
    };
    Ok(baler_report::report(&source, &sources.options)?)
}

/// `epoch,training,validation` with a header line; empty cells end a curve.
fn read_losses(path: &Path) -> Result<Vec<Curve>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().split(',').skip(1).collect();
    let mut curves: Vec<Curve> =
        names.iter().map(|name| Curve { name: name.trim().to_string(), values: Vec::new() }).collect();
    for (idx, line) in lines.enumerate() {
        for (curve, cell) in
            curves.iter_mut().zip(line.split(',').skip(1)).filter(|(_, cell)| !cell.trim().is_empty())
        {
            let value = cell.trim().parse().map_err(|_| {
                Error::input(format!(
                    "{}, line {}: expected a number, found '{cell}'",
                    path.display(),
                    idx + 2
                ))
            })?;
            curve.values.push(value);
        }
    }
    Ok(curves)
}

/// The folder of the figures: made if it is not there, and empty unless `force`.
fn figures_folder(folder: &Path, force: bool) -> Result<PathBuf> {
    std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    let used =
        std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?.next().is_some();
    if used && !force {
        return Err(
            Error::config(format!("{} is not empty; use -f to write into it", folder.display())).into()
        );
    }
    Ok(folder.to_path_buf())
}

/// Every figure as SVG, and all of them as figures.pdf.
pub fn write_figures(page: &Page, folder: &Path, force: bool) -> Result<()> {
    for (name, svg) in page.svgs() {
        write_whole(&folder.join(format!("{name}.svg")), svg.as_bytes(), force)?;
    }
    write_whole(&folder.join("figures.pdf"), &page.pdf(), force)
}

/// The last part of a path.
pub fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}
