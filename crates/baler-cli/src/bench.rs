//! `baler bench`: how small and how fast, on data that everybody can make again.

use crate::json;
use crate::library::{BoundSpec, Dataset, Error, Level, Options, Threads, Values, Variable, generate};
use crate::names;
use crate::nearest::suggestion;
use crate::numbers::{self, grouped};
use crate::output::{Target, print_text};
use crate::peers;
use crate::say::SayArgs;
use crate::settings::number_of;
use crate::table::table;
use anyhow::Result;
use baler_report::compare::{Comparison, Missing, Row, compare_levels};
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;

/// How small and how fast: levels, and codecs of other projects, on data made from fixed seeds
#[derive(Args)]
pub struct BenchArgs {
    /// flow, jets, camera, turbulence; all without it
    #[arg(value_name = "DATA", value_parser = known_fixture)]
    pub fixtures: Vec<String>,
    /// Bounds, relative to the range of each variable
    #[arg(long, value_name = "E,..", value_delimiter = ',', default_value = "1e-2,1e-3,1e-4", value_parser = bound)]
    pub rel: Vec<f64>,
    /// Levels, from 1, the fastest, to 9, the smallest, which takes minutes
    #[arg(long, value_name = "N,..", value_delimiter = ',', default_value = "1,3,6", value_parser = level)]
    pub levels: Vec<Level>,
    /// Also SZ3, SPERR, ZFP, pcodec, bzip3, JPEG XL and others in their best layouts, by this Python (see scripts/peers/requirements.txt)
    #[arg(long, value_name = "PYTHON", num_args = 0..=1, default_missing_value = peers::DEFAULT_PYTHON)]
    pub peers: Option<PathBuf>,
    /// Also write the tables as .csv: a row for each data set, bound and codec
    #[arg(long, value_name = "FILE", value_parser = names::parser())]
    pub csv: Option<String>,
    /// Also write the tables as Markdown
    #[arg(long, value_name = "FILE", value_parser = names::parser())]
    pub markdown: Option<String>,
    /// Threads (0: all cores)
    #[arg(short = 'j', long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub threads: usize,
    /// Replace existing files
    #[arg(short, long)]
    pub force: bool,
    /// Print one JSON object on standard output
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub say: SayArgs,
}

const SEED: u64 = 1;
const SIDE: usize = 64;

/// Data: its name, what it is, and how it is made.
struct Fixture {
    name: &'static str,
    about: &'static str,
    make: fn() -> Result<Dataset>,
}

/// They are never changed: results of years are compared on them.
const FIXTURES: [Fixture; 4] = [
    Fixture {
        name: "flow",
        about: "a flow past an obstacle, 60 x 50 x 50 of float64, seed 1",
        make: || Ok(generate::flow(60, 50, 50, SEED)),
    },
    Fixture {
        name: "jets",
        about: "a table of particle jets, 20 000 rows of 24 columns, seed 1",
        make: || Ok(generate::jets(20_000, SEED)),
    },
    Fixture {
        name: "camera",
        about: "frames of a photon-counting camera, 16 x 128 x 128 of uint16, 400 photons, seed 1",
        make: || Ok(generate::camera(16, 128, 128, 400.0, SEED)),
    },
    Fixture {
        name: "turbulence",
        about: "eddies of all sizes and noise, 64 x 64 x 64 of float32, seed 1",
        make: turbulence,
    },
];

fn turbulence() -> Result<Dataset> {
    let planes = generate::Turbulence { height: SIDE, width: SIDE, seed: SEED };
    let values = (0..SIDE).flat_map(|z| planes.plane(z)).collect();
    Ok(Dataset::from_arrays(vec![Variable::new("data", vec![SIDE; 3], Values::F32(values))?]))
}

fn known_fixture(text: &str) -> Result<String, String> {
    let known = || FIXTURES.iter().map(|fixture| fixture.name);
    match known().any(|name| name == text) {
        true => Ok(text.to_string()),
        false => Err(format!("expected the name of data; {}", suggestion(text, known()))),
    }
}

fn bound(text: &str) -> Result<f64, String> {
    let found = number_of(text).filter(|e| e.is_finite() && *e > 0.0);
    found.ok_or_else(|| format!("expected an error above 0, such as 1e-3, found '{text}'"))
}

fn level(text: &str) -> Result<Level, String> {
    let number = text.parse().map_err(|_| format!("expected a level from 1 to 9, found '{text}'"))?;
    Level::new(number).map_err(|error| error.to_string())
}

/// The object of `--json`.
#[derive(Serialize)]
struct Bench {
    kind: &'static str,
    version: &'static str,
    threads: usize,
    results: Vec<OneResult>,
    scores: Vec<Score>,
}

/// One data set at one bound.
#[derive(Serialize)]
struct OneResult {
    data: &'static str,
    about: &'static str,
    /// BLAKE3 of the values, in little-endian order and the order of the variables.
    blake3: String,
    #[serde(skip)]
    rel: f64,
    #[serde(flatten)]
    comparison: Comparison,
}

/// One codec over everything that was run.
#[derive(Serialize)]
struct Score {
    codec: String,
    /// Geometric mean over data and bounds.
    ratio: f64,
    /// All megabytes over all seconds.
    encode_mb_s: f64,
    decode_mb_s: f64,
}

pub fn run(args: &BenchArgs) -> Result<()> {
    let target = |name: &Option<String>| {
        name.as_deref().map(|name| Target::new(&names::path(name), args.force)).transpose()
    };
    let (csv, markdown) = (target(&args.csv)?, target(&args.markdown)?);
    if args.json && [&csv, &markdown].into_iter().flatten().any(Target::is_stdout) {
        return Err(Error::config("standard output takes --json or a table, not both; give a file").into());
    }
    let threads = Threads::new(args.threads)?;
    let mut bar = args.say.bar();
    let mut results = Vec::new();
    let wanted = |fixture: &&Fixture| {
        args.fixtures.is_empty() || args.fixtures.iter().any(|name| name == fixture.name)
    };
    for fixture in FIXTURES.iter().filter(wanted) {
        let dataset = (fixture.make)()?;
        let blake3 = hash(&dataset);
        for &rel in &args.rel {
            let options = Options { threads: threads.clone(), ..Options::new(BoundSpec::Rel(rel)) };
            let mut comparison = compare_levels(&dataset, &options, &args.levels, &mut bar)?;
            match &args.peers {
                Some(python) => {
                    let found = peers::run(python, &dataset, &options, &[])?;
                    comparison.rows.extend(found.rows);
                    comparison.missing.extend(found.missing);
                    comparison.rows.sort_by_key(|row| row.bytes);
                }
                None => comparison.missing.push(peers::not_asked()),
            }
            let Fixture { name: data, about, .. } = *fixture;
            results.push(OneResult { data, about, blake3: blake3.clone(), rel, comparison });
        }
    }
    bar.finish();
    let version = env!("CARGO_PKG_VERSION");
    let scores = scores(&results);
    let bench = Bench { kind: "bench", version, threads: threads.count(), results, scores };
    if let Some(target) = csv {
        target.write(csv_text(&bench).as_bytes())?;
    }
    if let Some(target) = markdown {
        target.write(markdown_text(&bench).as_bytes())?;
    }
    match args.json {
        true => json::print(&bench),
        false => print_text(&text(&bench)),
    }
}

/// That of the values as they are in memory on a little-endian machine.
fn hash(dataset: &Dataset) -> String {
    let mut hasher = blake3::Hasher::new();
    for variable in &dataset.variables {
        let mut bytes = Vec::with_capacity(variable.values.size_bytes());
        variable.values.append_bytes(&mut bytes, false);
        hasher.update(&bytes);
    }
    hasher.finalize().to_hex().to_string()
}

/// Codecs that ran on all of it, best first.
fn scores(results: &[OneResult]) -> Vec<Score> {
    let Some(first) = results.first() else { return Vec::new() };
    let of = |name: &str| -> Option<Score> {
        let rows = results.iter().map(|result| {
            let row = result.comparison.rows.iter().find(|row| row.name == name)?;
            Some((row, result.comparison.input_bytes as f64 / 1e6))
        });
        let rows: Vec<(&Row, f64)> = rows.collect::<Option<_>>()?;
        let megabytes: f64 = rows.iter().map(|(_, megabytes)| megabytes).sum();
        let speed = |of: fn(&Row) -> f64| megabytes / rows.iter().map(|(row, mb)| mb / of(row)).sum::<f64>();
        let logs: f64 = rows.iter().map(|(row, _)| row.ratio.ln()).sum();
        Some(Score {
            codec: name.to_string(),
            ratio: (logs / rows.len() as f64).exp(),
            encode_mb_s: speed(|row| row.encode_mb_s),
            decode_mb_s: speed(|row| row.decode_mb_s),
        })
    };
    let mut scores: Vec<Score> = first.comparison.rows.iter().filter_map(|row| of(&row.name)).collect();
    scores.sort_by(|a, b| b.ratio.total_cmp(&a.ratio));
    scores
}

const HEADER: [&str; 8] = ["codec", "bytes", "ratio", "max error", "PSNR dB", "enc MB/s", "dec MB/s", "note"];
const SCORE_HEADER: [&str; 4] = ["codec", "ratio", "enc MB/s", "dec MB/s"];

/// Largest error over the range of its variable, over all variables.
fn max_error(row: &Row, rel: f64) -> f64 {
    row.error_of_bound.map_or(0.0, |share| share * rel)
}

fn cells(row: &Row, rel: f64) -> Vec<String> {
    vec![
        row.name.clone(),
        grouped(row.bytes),
        numbers::ratio(row.ratio),
        numbers::error(max_error(row, rel)),
        if row.psnr.is_finite() { format!("{:.1}", row.psnr) } else { "inf".to_string() },
        speed(row.encode_mb_s),
        speed(row.decode_mb_s),
        row.note.clone(),
    ]
}

fn score_cells(score: &Score) -> Vec<String> {
    vec![score.codec.clone(), numbers::ratio(score.ratio), speed(score.encode_mb_s), speed(score.decode_mb_s)]
}

fn speed(megabytes: f64) -> String {
    if megabytes < 10.0 { format!("{megabytes:.2}") } else { format!("{megabytes:.0}") }
}

/// What stands above a table.
fn title(result: &OneResult) -> String {
    format!(
        "{}, {}: {}, {} bytes",
        result.data,
        result.comparison.bound,
        result.about,
        grouped(result.comparison.input_bytes)
    )
}

fn not_run(missing: &[Missing]) -> impl Iterator<Item = String> + '_ {
    missing.iter().map(|missing| format!("not run: {}: {}", missing.name, missing.why))
}

fn score_title(bench: &Bench) -> String {
    format!(
        "score: geometric mean of the ratios of {} data sets and bounds, megabytes over seconds; baler {}, {} threads",
        bench.results.len(),
        bench.version,
        bench.threads
    )
}

fn text(bench: &Bench) -> String {
    let mut parts: Vec<String> = Vec::new();
    for result in &bench.results {
        let rows: Vec<Vec<String>> =
            result.comparison.rows.iter().map(|row| cells(row, result.rel)).collect();
        parts.push(format!("{}\n{}", title(result), table(&HEADER, &rows, 1)));
    }
    let scores: Vec<Vec<String>> = bench.scores.iter().map(score_cells).collect();
    parts.push(format!("{}\n{}", score_title(bench), table(&SCORE_HEADER, &scores, 1)));
    // What is missing is missing everywhere.
    let missing = bench.results.first().map_or(&[][..], |result| &result.comparison.missing);
    parts.extend(not_run(missing));
    parts.join("\n\n") + "\n"
}

fn markdown_text(bench: &Bench) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | ").trim_end());
    let table = |header: &[&str], rows: &mut dyn Iterator<Item = Vec<String>>| {
        let names: Vec<String> = header.iter().map(|name| name.to_string()).collect();
        let rule: Vec<String> =
            (0..header.len()).map(|k| if k == 0 { "---" } else { "---:" }.to_string()).collect();
        line(&names) + &line(&rule) + &rows.map(|row| line(&row)).collect::<String>()
    };
    let mut text = format!("# baler bench\n\n## Score\n\n{}\n\n", score_title(bench));
    text += &table(&SCORE_HEADER, &mut bench.scores.iter().map(score_cells));
    for result in &bench.results {
        text += &format!(
            "\n## {}, {}\n\n{}, {} bytes, BLAKE3 `{}`\n\n",
            result.data,
            result.comparison.bound,
            result.about,
            grouped(result.comparison.input_bytes),
            result.blake3
        );
        text += &table(&HEADER, &mut result.comparison.rows.iter().map(|row| cells(row, result.rel)));
    }
    text
}

fn csv_text(bench: &Bench) -> String {
    let mut text = String::from(
        "data,blake3,input_bytes,rel,codec,bytes,model_bytes,ratio,max_error_of_range,nrmse,psnr,encode_mb_s,decode_mb_s,note\n",
    );
    for result in &bench.results {
        for row in &result.comparison.rows {
            let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
            text += &format!(
                "{},{},{},{:e},{},{},{},{},{:e},{:e},{},{},{},{}\n",
                result.data,
                result.blake3,
                result.comparison.input_bytes,
                result.rel,
                quoted(&row.name),
                row.bytes,
                row.model_bytes,
                row.ratio,
                max_error(row, result.rel),
                row.nrmse,
                row.psnr,
                row.encode_mb_s,
                row.decode_mb_s,
                quoted(&row.note)
            );
        }
    }
    text
}
