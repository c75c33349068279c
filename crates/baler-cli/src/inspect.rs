//! `baler inspect`: what an archive, a model or data hold. Archives and models are known by their magic.

use crate::choices::choices;
use crate::input::{RawArgs, first_bytes, open_archive, read_bytes, read_data};
use crate::json::{self, ArchiveObject, ModelObject};
use crate::library::{Dataset, Model, ModelInfo, Report, Values, inspect_from, is_archive, is_model, live};
use crate::names;
use crate::numbers::{counted, grouped, ratio, shape, value};
use crate::output::print_text;
use crate::say::SayArgs;
use crate::table::{relations, report_table, table};
use anyhow::{Context, Result};
use baler_report::advise::{Advice, Expected, advise};
use clap::Args;
use serde::Serialize;
use std::collections::HashMap;

/// What is inside an archive, a model, a live stream or data
#[derive(Args)]
pub struct InspectArgs {
    /// Archive, model, live stream or data (FILE:INNER picks an array)
    #[arg(value_parser = names::parser())]
    pub file: String,
    /// Of data: only what one pass finds, no expected sizes
    #[arg(long)]
    pub quick: bool,
    /// Of data: compress them (up to 32 MiB) at each bound, instead of expecting sizes from samples
    #[arg(long, conflicts_with = "quick")]
    pub thorough: bool,
    /// Print one JSON object on standard output
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub raw: RawArgs,
    #[command(flatten)]
    pub say: SayArgs,
}

pub fn run(args: &InspectArgs) -> Result<()> {
    let head = first_bytes(&args.file)?;
    let text = if is_archive(&head) {
        let region = open_archive(&args.file)?;
        let report = inspect_from(region.reader()).with_context(|| args.file.clone())?;
        if args.json {
            return json::print(&ArchiveObject::new(&report, Some("archive")));
        }
        archive_text(&report, args.say.max_rows())
    } else if is_model(&head) {
        let info = Model::from_bytes(&read_bytes(&args.file)?).with_context(|| args.file.clone())?.describe();
        if args.json {
            return json::print(&ModelObject::new(&info, Some("model")));
        }
        model_text(&info)
    } else if live::is_live(&head) {
        let stream = crate::live::inspect(&args.file)?;
        if args.json {
            return json::print(&stream);
        }
        stream.text()
    } else {
        let dataset = read_data(&args.file, &args.raw, &[])?;
        let advice = if args.quick { None } else { Some(advise(&dataset, args.thorough)?) };
        let object = DataObject { advice, ..DataObject::new(&dataset) };
        if args.json {
            return json::print(&object);
        }
        let advice = object.advice.as_ref().map_or(String::new(), advice_text);
        data_text(&object, args.say.max_rows()) + &advice
    };
    print_text(&format!("{text}\n"))
}

/// The archive's table and sizes.
pub fn archive_text(report: &Report, max_rows: usize) -> String {
    format!(
        "{}{}\n{}{} values, {} bytes in {} ({} x; model {}, payload {})",
        report_table(report, max_rows),
        relations(report, max_rows),
        choices(report, max_rows),
        grouped(report.n_values),
        grouped(report.input_bytes),
        grouped(report.archive_bytes),
        ratio(report.ratio()),
        grouped(report.model_bytes),
        grouped(report.payload_bytes),
    )
}

fn model_text(info: &ModelInfo) -> String {
    let columns = info.columns.iter().map(|(name, words)| format!("\n  {name}: {words}"));
    let columns = columns.collect::<String>();
    format!(
        "model         {}\narchitecture  {}\nparameters    {}\nbytes         {}\ntrained on    {}, {}\nvariables     {}{columns}",
        info.hash,
        info.architecture,
        grouped(info.n_parameters),
        grouped(info.size_bytes),
        counted(info.trained_on_rows as usize, "row"),
        counted(info.epochs as usize, "epoch"),
        info.variables.join(", "),
    )
}

/// `inspect --json` of data.
#[derive(Serialize)]
struct DataObject {
    kind: &'static str,
    input_bytes: u64,
    n_values: u64,
    variables: Vec<DataVariable>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<Advice>,
}

#[derive(Serialize)]
struct DataVariable {
    name: String,
    dtype: &'static str,
    shape: Vec<usize>,
    /// Of the finite values; null without any.
    min: Option<f64>,
    max: Option<f64>,
    zeros: u64,
    nan: u64,
    infinite: u64,
    /// All finite values are whole numbers.
    integer: bool,
    /// Different values and entropy, in bits a value, of at most [`MAX_SAMPLE`] values at equal distances.
    distinct: u64,
    entropy: f64,
    sampled: u64,
}

const MAX_SAMPLE: usize = 1 << 16;

impl DataObject {
    fn new(dataset: &Dataset) -> DataObject {
        let variables: Vec<DataVariable> = dataset
            .variables
            .iter()
            .map(|v| {
                let mut found = look_at(&v.values);
                found.name = v.name.clone();
                found.shape = v.shape.clone();
                found
            })
            .collect();
        DataObject {
            kind: "data",
            input_bytes: dataset.size_bytes() as u64,
            n_values: dataset.variables.iter().map(|v| v.values.len() as u64).sum(),
            variables,
            advice: None,
        }
    }
}

/// What a compressed sample has shown, the verdict last.
fn advice_text(advice: &Advice) -> String {
    let ways = |list: &[Expected]| -> String {
        let words = list.iter().map(|way| format!("{} {} x", way.name, ratio(way.ratio)));
        words.collect::<Vec<_>>().join(", ")
    };
    let mut lines = vec!["\n\nexpected of all data (byte compressors: of a sample):".to_string()];
    lines.push(format!("  lossless   {}", ways(&advice.lossless)));
    for pair in advice.bounded.chunks(2) {
        lines.push(format!("  {:<9}  {}", pair[0].bound, ways(pair)));
    }
    if let Some(found) = &advice.components {
        let count =
            |n: Option<usize>| n.map_or("more than were looked at".to_string(), |n| grouped(n as u64));
        let (few, many) = (count(found.for_99_percent), count(found.for_99_99_percent));
        lines.push(format!(
            "  components {few} of {} hold 99 % of the variance, {many} hold 99.99 %",
            grouped(found.n_values as u64)
        ));
    }
    lines.extend(advice.relations.iter().map(|relation| format!("  relation   {relation}")));
    lines.push(format!("  verdict    {}", advice.verdict));
    lines.join("\n")
}

fn look_at(values: &Values) -> DataVariable {
    macro_rules! look {
        ($v:expr, $to_f64:expr) => {
            look_at_each(values.dtype().name(), $v.len(), |idx| $to_f64($v[idx]))
        };
    }
    match values {
        Values::Bool(v) | Values::U8(v) => look!(v, f64::from),
        Values::I8(v) => look!(v, f64::from),
        Values::I16(v) => look!(v, f64::from),
        Values::I32(v) => look!(v, f64::from),
        Values::U16(v) => look!(v, f64::from),
        Values::U32(v) => look!(v, f64::from),
        Values::I64(v) => look!(v, |x| x as f64),
        Values::U64(v) => look!(v, |x| x as f64),
        Values::F16(v) => look!(v, f64::from),
        Values::F32(v) => look!(v, f64::from),
        Values::F64(v) => look!(v, |x: f64| x),
    }
}

fn look_at_each(dtype: &'static str, n: usize, value: impl Fn(usize) -> f64) -> DataVariable {
    let (mut zeros, mut nan, mut infinite, mut integer) = (0, 0, 0, true);
    let mut range: Option<(f64, f64)> = None;
    for x in (0..n).map(&value) {
        if x.is_finite() {
            zeros += u64::from(x == 0.0);
            integer &= x == x.trunc();
            range = Some(range.map_or((x, x), |(low, high)| (low.min(x), high.max(x))));
        } else if x.is_nan() {
            nan += 1;
        } else {
            infinite += 1;
        }
    }
    let stride = n.div_ceil(MAX_SAMPLE).max(1);
    let mut counts: HashMap<u64, u64> = HashMap::new();
    for x in (0..n).step_by(stride).map(&value) {
        *counts.entry(x.to_bits()).or_default() += 1;
    }
    let sampled: u64 = counts.values().sum();
    let mut sorted: Vec<u64> = counts.into_values().collect();
    sorted.sort_unstable(); // the same sum every time
    let entropy = sorted.iter().map(|&count| {
        let p = count as f64 / sampled as f64;
        -p * p.log2()
    });
    DataVariable {
        name: String::new(),
        dtype,
        shape: Vec::new(),
        min: range.map(|r| r.0),
        max: range.map(|r| r.1),
        zeros,
        nan,
        infinite,
        integer: integer && range.is_some(),
        distinct: sorted.len() as u64,
        entropy: entropy.sum::<f64>().max(0.0),
        sampled,
    }
}

fn data_text(object: &DataObject, max_rows: usize) -> String {
    let rows: Vec<Vec<String>> = object.variables.iter().take(max_rows).map(data_row).collect();
    let header = [
        "variable",
        "dtype",
        "shape",
        "min",
        "max",
        "zeros",
        "NaN",
        "inf",
        "integer",
        "distinct",
        "bits/value",
    ];
    let more = match object.variables.len() - rows.len() {
        0 => String::new(),
        more => format!("... and {more} more; -v shows all\n"),
    };
    format!(
        "{}\n{more}{}, {} values, {} bytes; distinct values and entropy are of at most {} values each",
        table(&header, &rows, 3),
        counted(object.variables.len(), "variable"),
        grouped(object.n_values),
        grouped(object.input_bytes),
        grouped(MAX_SAMPLE as u64),
    )
}

fn data_row(v: &DataVariable) -> Vec<String> {
    let number = |x: Option<f64>| x.map_or("-".to_string(), value);
    vec![
        v.name.clone(),
        v.dtype.to_string(),
        shape(&v.shape),
        number(v.min),
        number(v.max),
        grouped(v.zeros),
        grouped(v.nan),
        grouped(v.infinite),
        if v.integer { "yes" } else { "no" }.to_string(),
        format!("{}{}", grouped(v.distinct), if v.sampled < n_elements(&v.shape) { "+" } else { "" }),
        format!("{:.1}", v.entropy),
    ]
}

fn n_elements(shape: &[usize]) -> u64 {
    shape.iter().map(|&extent| extent as u64).product()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_by_kind() {
        let found = look_at(&Values::F32(vec![0.0, -0.0, 2.0, 2.0, f32::NAN, f32::INFINITY, -7.0, 2.0]));
        assert_eq!((found.min, found.max), (Some(-7.0), Some(2.0)));
        assert_eq!((found.zeros, found.nan, found.infinite, found.integer), (2, 1, 1, true));
        assert_eq!((found.distinct, found.sampled), (6, 8)); // 0 and -0 are different values
        assert!((found.entropy - (5.0 * 3.0 / 8.0 + 3.0 / 8.0 * (8.0f64 / 3.0).log2())).abs() < 1e-12);
        let empty = look_at(&Values::U8(Vec::new()));
        assert_eq!((empty.min, empty.integer, empty.distinct, empty.entropy), (None, false, 0, 0.0));
    }
}
