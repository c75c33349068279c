//! `baler score`: how odd each row of a table is, the worst rows with the column that made them so, and how many pass a
//! threshold.

use crate::hardware::{latents, part_of};
use crate::input::{RawArgs, first_bytes, open_archive, open_data, read_model};
use crate::json;
use crate::library::{
    Dataset, Error, Format, Layout, Model, Reader, Selected, Source, Threads, Values, Variable, collect, io,
    is_archive, scoring,
};
use crate::names;
use crate::numbers::{counted, grouped, value};
use crate::outliers::{ScoreBy, parse_rate};
use crate::output::{Target, print_text, refuse_json_on_stdout, say};
use crate::picture::Picture;
use crate::progress::Loudness;
use crate::say::SayArgs;
use crate::settings::choose_variables;
use crate::table::table;
use anyhow::{Context, Result};
use baler_data::dataset::kind::Kind;
use clap::Args;
use scoring::{By, Scored, Table, Threshold, threshold};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// An anomaly score for each row of a table
#[derive(Args)]
pub struct ScoreArgs {
    /// Columns of one length, or an array (rows, columns): data or an archive; with --model its variables
    #[arg(value_parser = names::parser())]
    pub input: String,
    /// What the score is; latent with --model
    #[arg(long, value_enum, value_name = "METHOD")]
    pub by: Option<ScoreBy>,
    /// Score the latents that this model's autoencoder makes of the data (.balm)
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// Learn from these data what is usual, and score INPUT by it
    #[arg(long, value_name = "FILE", value_parser = names::parser())]
    pub train: Option<String>,
    /// Only these variables (names, unique last parts of names, or patterns with *)
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub variables: Option<Vec<String>>,
    /// The score from which on at most this share of the rows pass, such as 0.001 or 0.1%
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    pub pass_rate: Option<f64>,
    /// How many rows have at least this score
    #[arg(long, value_name = "SCORE", conflicts_with = "pass_rate", allow_negative_numbers = true)]
    pub threshold: Option<f64>,
    /// Rows to show, the oddest first
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    pub worst: usize,
    /// Scores of all rows in their order, with the columns: .parquet, .csv, .npz, ...; .npy has the scores alone
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// All scores as a histogram with the threshold: .svg or .pdf
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
    /// What is random follows from this number
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Replace existing outputs
    #[arg(short, long)]
    pub force: bool,
    /// Threads; default: all cores. The scores do not depend on it
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Print one JSON object on standard output
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub raw: RawArgs,
    #[command(flatten)]
    pub say: SayArgs,
}

/// `score --json`.
#[derive(Serialize)]
struct ScoreObject<'a> {
    by: &'static str,
    rows: usize,
    columns: &'a [String],
    seed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    trained_on_rows: Option<usize>,
    threshold: Option<ThresholdObject>,
    relations: Vec<RelationObject<'a>>,
    worst: Vec<RowObject<'a>>,
}

#[derive(Serialize)]
struct ThresholdObject {
    score: Option<f64>,
    passing: usize,
}

#[derive(Serialize)]
struct RelationObject<'a> {
    relation: &'a str,
    broken: f64,
}

/// One of the worst rows; rows are counted from 0.
#[derive(Serialize)]
struct RowObject<'a> {
    row: usize,
    score: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<&'a str>,
}

pub fn run(args: &ScoreArgs) -> Result<()> {
    let target = args.output.as_deref().map(|path| Target::new(path, args.force)).transpose()?;
    if let Some(target) = &target {
        refuse_json_on_stdout(args.json, target)?;
    }
    let format = args.output.as_deref().map(format_of).transpose()?;
    let plot = args.plot.as_deref().map(|path| Picture::new(path, args.force)).transpose()?;
    let model = args.model.as_deref().map(read_model).transpose()?;
    let by = match (args.by.map(By::from), &model) {
        (None, None) => By::CodeLength,
        (None | Some(By::Latent), Some(_)) => By::Latent,
        (Some(by), None) => by,
        (Some(by), Some(_)) => {
            let text = format!(
                "expected --by latent with --model, found --by {}; without --model it is learned from the data, or from those of \
                 --train",
                by.name()
            );
            return Err(Error::config(text).into());
        }
    };
    let threads = Threads::new(args.threads.unwrap_or(0))?;
    let table = read_table(&args.input, args, model.as_ref())?;
    let known = args.train.as_deref().map(|name| read_table(name, args, model.as_ref())).transpose()?;
    let scored = threads.run(|| scoring::score(known.as_ref().unwrap_or(&table), &table, by, args.seed))?;
    // The columns are those of the table that was learned from.
    let names = &known.as_ref().unwrap_or(&table).names;
    let scores = &scored.rows.scores;
    let threshold = match (args.pass_rate, args.threshold) {
        (Some(rate), _) => Some(threshold::for_rate(scores, rate)),
        (_, Some(score)) => Some(Some(threshold::at(scores, score))),
        _ => None,
    };
    if let (Some(target), Some(format)) = (&target, format) {
        let dataset = outcome(&scored, names, format)?;
        match format {
            Format::Zarr => target.write_folder(&io::write_zarr(&dataset)?)?,
            _ => target.write(&io::write(&dataset, format)?)?,
        }
    }
    if let Some(picture) = plot {
        let line = threshold.flatten().map(|threshold| (threshold.score, threshold.n_passing));
        picture.write(&baler_report::figures::scores(scores, by.unit(), line))?;
    }
    let order = scored.rows.order();
    let worst = order.iter().take(args.worst).map(|&row| RowObject {
        row,
        score: scores[row],
        column: scored.rows.columns.get(row).map(|&column| names[column as usize].as_str()),
    });
    let worst: Vec<RowObject> = worst.collect();
    if args.json {
        let threshold = threshold.map(|found| ThresholdObject {
            score: found.map(|threshold| threshold.score),
            passing: found.map_or(0, |threshold| threshold.n_passing),
        });
        let relations = scored.relations.iter();
        return json::print(&ScoreObject {
            by: by.name(),
            rows: scores.len(),
            columns: names,
            seed: args.seed,
            trained_on_rows: known.as_ref().map(Table::n_rows),
            threshold,
            relations: relations
                .map(|(relation, broken)| RelationObject { relation, broken: *broken })
                .collect(),
            worst,
        });
    }
    if args.say.loudness() > Loudness::Quiet {
        let text = text(&worst, &scored, by, names.len(), threshold, args.say.verbose);
        // The scores go to standard output alone where they are asked for there.
        match target.as_ref().is_some_and(Target::is_stdout) {
            true => text.lines().for_each(say),
            false => print_text(&format!("{text}\n"))?,
        }
    }
    Ok(())
}

/// The worst rows, then what was learned, then the threshold.
fn text(
    worst: &[RowObject],
    scored: &Scored,
    by: By,
    n_columns: usize,
    threshold: Option<Option<Threshold>>,
    verbose: bool,
) -> String {
    let n_rows = scored.rows.scores.len();
    let rows: Vec<Vec<String>> = worst
        .iter()
        .map(|found| {
            let mut cells = vec![grouped(found.row as u64), value(found.score)];
            cells.extend(found.column.map(str::to_string));
            cells
        })
        .collect();
    let header =
        if scored.rows.columns.is_empty() { &["row", "score"][..] } else { &["row", "score", "column"] };
    let mut text = if rows.is_empty() { String::new() } else { format!("{}\n", table(header, &rows, 0)) };
    let n_breaking = |share: f64| (share * n_rows as f64).round() as usize;
    for (relation, share) in scored.relations.iter().filter(|(_, share)| verbose || *share > 0.0) {
        text += &format!("relation: {relation}; broken in {}\n", counted(n_breaking(*share), "row"));
    }
    let n_kept = scored.relations.iter().filter(|(_, share)| *share == 0.0).count();
    if n_kept > 0 && !verbose {
        text += &format!("{} kept by every row; -v shows them\n", counted(n_kept, "relation"));
    }
    text += &format!(
        "{} of {} scored by {}: {}",
        counted(n_rows, "row"),
        counted(n_columns, "column"),
        by.name(),
        by.unit()
    );
    match threshold {
        None => {}
        Some(None) => text += "\nno row passes at this rate: the rows with the highest score are more",
        Some(Some(Threshold { score, n_passing })) => {
            let share = n_passing as f64 / n_rows as f64;
            text +=
                &format!("\nthreshold {score}: {} pass ({} of all)", counted(n_passing, "row"), value(share));
        }
    }
    text
}

/// The columns of a file, or the latents of a model.
fn read_table(name: &str, args: &ScoreArgs, model: Option<&Model>) -> Result<Table> {
    let archive = if is_archive(&first_bytes(name)?) { Some(open_archive(name)?) } else { None };
    let source: Box<dyn Source> = match &archive {
        Some(region) => Box::new(Reader::open(region.reader()).with_context(|| name.to_string())?),
        None => open_data(name, &args.raw, &[])?,
    };
    let chosen =
        args.variables.as_deref().map(|patterns| choose_variables(source.schema(), patterns)).transpose()?;
    let is_chosen =
        |name: &str| chosen.as_ref().is_none_or(|names| names.iter().any(|chosen| chosen == name));
    let source = Selected::new(source, is_chosen);
    let dataset = collect(&source, &Threads::of_caller(), |_| ()).with_context(|| name.to_string())?;
    let table = match model {
        None => Table::of(&dataset),
        Some(model) => {
            let columns = latents(part_of(model, None)?, &dataset).with_context(|| name.to_string())?;
            Table::new((0..columns.len()).map(|latent| format!("latent {latent}")).collect(), columns)
        }
    };
    table.with_context(|| name.to_string())
}

fn format_of(path: &Path) -> Result<Format> {
    if path == Path::new("-") {
        return Ok(Format::Csv);
    }
    Ok(Format::from_path(path)?)
}

/// What `-o` holds: scores, and columns as text where the format has columns.
fn outcome(scored: &Scored, names: &[String], format: Format) -> Result<Dataset> {
    let rows = &scored.rows;
    let n_rows = rows.scores.len();
    let scores = Variable::new("score", vec![n_rows], Values::F64(rows.scores.clone()))?;
    let layout = match format {
        Format::Npy | Format::Raw => Layout::Single,
        Format::Csv => Layout::Columns,
        _ => Layout::Arrays,
    };
    if layout == Layout::Single || rows.columns.is_empty() {
        return Ok(Dataset { layout, ..Dataset::from_arrays(vec![scores]) });
    }
    let width = names.iter().map(String::len).max().unwrap_or(1).max(1);
    let mut bytes = vec![0; n_rows * width];
    for (cell, &column) in bytes.chunks_mut(width).zip(&rows.columns) {
        let name = names[column as usize].as_bytes();
        cell[..name.len()].copy_from_slice(name);
    }
    let mut column = Variable::new("column", vec![n_rows, width], Values::U8(bytes))?;
    column.storage.kind = Kind::Text;
    Ok(Dataset { layout, ..Dataset::from_arrays(vec![scores, column]) })
}
