//! What would these data need? Tells what they would take in several ways, which to use, and whether learning pays: the
//! feasibility study that should come before any training.

mod sizes;

use crate::metrics::{CorrelationMatrix, floats};
use baler::{BoundSpec, Dataset, Result, Variable};
use baler_codec::plan::estimate::Effort;
use baler_data::dataset::Layout;
use baler_train::principal_components;
use rayon::prelude::*;
use serde::Serialize;
use sizes::Sizes;

/// Values of the sample that byte compressors, components and relations are tried on, of all variables together.
const SAMPLE_VALUES: usize = 1 << 15;
/// The bounds that sizes are expected for.
const BOUNDS: [f64; 3] = [1e-2, 1e-3, 1e-4];
/// Components that are looked at.
const MAX_COMPONENTS: usize = 64;
/// Inputs of a decomposition.
const MAX_INPUTS: usize = 4096;
/// Learning must save at least this share to be worth its time.
const WORTHWHILE: f64 = 0.05;

/// What is advised, and why.
#[derive(Debug, Clone, Serialize)]
pub struct Advice {
    /// Bytes of the sample for byte compressors, components and relations.
    pub sample_bytes: u64,
    /// Ratios without loss: of byte compressors on the sample, of Baler expected of all data.
    pub lossless: Vec<Expected>,
    /// Ratios expected of all data at bounds relative to each variable's range.
    pub bounded: Vec<Expected>,
    /// How many principal components hold how much.
    pub components: Option<Components>,
    /// Constant, equal and linearly dependent variables.
    pub relations: Vec<String>,
    /// Learned against not learned at 1e-3: the share of bytes that learning saves.
    pub learning_saves: f64,
    /// One line: what to use.
    pub verdict: String,
}

/// One way and its ratio.
#[derive(Debug, Clone, Serialize)]
pub struct Expected {
    /// Such as `zstd -19`, `baler classical`.
    pub name: String,
    /// Such as `rel 1e-3`; `lossless`.
    pub bound: String,
    /// Input bytes over bytes.
    pub ratio: f64,
}

/// Principal components of rows of a table (columns scaled to their deviation) or frames of a field.
#[derive(Debug, Clone, Serialize)]
pub struct Components {
    /// Values of a sample: all components there are.
    pub n_values: usize,
    /// Enough for 99 % of the variance; null if more than were looked at.
    pub for_99_percent: Option<usize>,
    /// Enough for 99.99 %.
    pub for_99_99_percent: Option<usize>,
}

/// Looks at samples of the data; with `long`, compresses them instead of expecting sizes.
///
/// # Errors
/// Those of [`baler::compress()`].
pub fn advise(dataset: &Dataset, long: bool) -> Result<Advice> {
    let sample = sample(dataset)?;
    let size = sample.size_bytes() as f64;
    let sizes = Sizes::of(dataset, long)?;
    let total = dataset.size_bytes() as f64;
    let mut lossless: Vec<Expected> = crate::compare::lossless_bytes(&sample)
        .into_iter()
        .map(|(name, bytes)| Expected {
            name,
            bound: "lossless".to_string(),
            ratio: size / bytes.max(1) as f64,
        })
        .collect();
    let exact = total / sizes.at(BoundSpec::Lossless, Effort::Glance)?[1].max(1.0);
    lossless.push(Expected { name: "baler auto".to_string(), bound: "lossless".to_string(), ratio: exact });
    let mut bounded = Vec::new();
    let mut learning_saves = 0.0;
    for e in BOUNDS {
        let effort = if e == 1e-3 { Effort::Careful } else { Effort::Glance };
        let [plain, learned] = sizes.at(BoundSpec::Rel(e), effort)?.map(|n_bytes| n_bytes.max(1.0));
        for (name, n) in [("baler classical", plain), ("baler auto", learned)] {
            bounded.push(Expected { name: name.to_string(), bound: format!("rel {e:e}"), ratio: total / n });
        }
        if e == 1e-3 {
            learning_saves = 1.0 - learned / plain;
        }
    }
    let at = |name: &str, bound: &str| {
        bounded.iter().find(|x| x.name == name && x.bound == bound).map_or(1.0, |x| x.ratio)
    };
    let verdict =
        verdict(at("baler auto", "rel 1e-3"), at("baler classical", "rel 1e-3"), &lossless, learning_saves);
    let (components, relations) = (components(&sample), relations(&sample));
    Ok(Advice {
        sample_bytes: size as u64,
        lossless,
        bounded,
        components,
        relations,
        learning_saves,
        verdict,
    })
}

fn verdict(auto: f64, classical: f64, lossless: &[Expected], saves: f64) -> String {
    let best = lossless.iter().max_by(|a, b| a.ratio.total_cmp(&b.ratio));
    let (exact, name) = best.map_or((1.0, ""), |b| (b.ratio, b.name.as_str()));
    if exact < 1.05 && auto < 1.1 {
        return format!(
            "nothing helps: {exact:.2} x lossless ({name}), {auto:.2} x at --rel 1e-3; keep the data as they are"
        );
    }
    if auto < 1.1 * exact {
        return format!(
            "use --lossless: {exact:.1} x ({name}), and --rel 1e-3 would give no more than {auto:.1} x"
        );
    }
    let lossless = format!("without loss {exact:.1} x ({name})");
    if saves >= WORTHWHILE {
        let percent = 100.0 * saves;
        return format!(
            "use --rel E as you can afford: about {auto:.1} x at 1e-3, {lossless}; learning pays, {percent:.0} % smaller than without"
        );
    }
    format!(
        "use --rel E --method classical: about {classical:.1} x at 1e-3, {lossless}; learning does not pay, it saves {:.1} %",
        100.0 * saves.max(0.0)
    )
}

/// Rows from the middle of every variable, neighbors as they are.
fn sample(dataset: &Dataset) -> Result<Dataset> {
    let total: usize = dataset.variables.iter().map(|v| v.values.len()).sum();
    let share = (SAMPLE_VALUES as f64 / total.max(1) as f64).min(1.0);
    let variables: Vec<Variable> =
        dataset.variables.iter().map(|v| middle(v, share)).collect::<Result<_>>()?;
    // A table stays one, for what its columns share.
    match dataset.layout {
        Layout::Table { n_columns, .. } if n_columns == variables.len() => Ok(Dataset::from_table(variables)),
        Layout::Columns => Ok(Dataset { variables, layout: Layout::Columns, attachments: Vec::new() }),
        _ => Ok(Dataset::from_arrays(variables)),
    }
}

/// About a share of a variable, from its middle: whole rows, and where a single row is too much, rows of that row.
fn middle(variable: &Variable, share: f64) -> Result<Variable> {
    let n_rows = variable.shape.first().copied().unwrap_or(1);
    let kept = ((n_rows as f64 * share).ceil() as usize).clamp(1.min(n_rows), n_rows);
    if variable.shape.is_empty() || kept == n_rows && (n_rows > 1 || share >= 0.5) {
        return Ok(variable.clone());
    }
    let row_len = variable.values.len() / n_rows;
    let first = (n_rows - kept) / 2;
    let values = variable.values.slice(first * row_len..(first + kept) * row_len);
    let mut shape = variable.shape.clone();
    shape[0] = kept;
    if kept == 1 && shape.len() > 2 && share * (n_rows as f64) < 0.5 {
        let row = Variable::new(&variable.name, shape[1..].to_vec(), values)?;
        return middle(&row, share * n_rows as f64);
    }
    Variable::new(&variable.name, shape, values)
}

fn columns(sample: &Dataset) -> Vec<Vec<f64>> {
    let is_table = matches!(sample.layout, Layout::Table { .. } | Layout::Columns);
    let of_table = sample.variables.iter().filter(|v| is_table && v.shape.len() == 1);
    of_table.map(|v| floats(&v.values)).collect()
}

fn components(sample: &Dataset) -> Option<Components> {
    let columns = columns(sample);
    let (rows, n_values) =
        if columns.len() > 1 { (scaled_rows(&columns), columns.len()) } else { frames(sample)? };
    if rows.iter().any(|x| !x.is_finite() || x.abs() >= 1e15) || n_values > MAX_INPUTS {
        return None;
    }
    let n_rows = rows.len() / n_values;
    let found = principal_components(&rows, n_rows, n_values, n_values.min(MAX_COMPONENTS));
    let mean_square: f64 = rows
        .chunks_exact(n_values)
        .map(|row| row.iter().zip(&found.mean).map(|(x, m)| (x - m) * (x - m)).sum::<f64>())
        .sum::<f64>()
        / n_rows as f64;
    let enough = |share: f64| {
        let mut sum = 0.0;
        let reached = found.eigenvalues.iter().position(|value| {
            sum += value;
            sum >= share * mean_square
        });
        // Of few columns all have been looked at; what is left is rounding.
        reached.map(|at| at + 1).or((n_values <= MAX_COMPONENTS).then_some(n_values))
    };
    Some(Components { n_values, for_99_percent: enough(0.99), for_99_99_percent: enough(0.9999) })
}

/// Rows of columns, each over its deviation.
fn scaled_rows(columns: &[Vec<f64>]) -> Vec<f64> {
    let scaled: Vec<Vec<f64>> = columns
        .iter()
        .map(|column| {
            let deviation = crate::metrics::Errors::of(column, column).deviation();
            let scale = if deviation > 0.0 { deviation } else { 1.0 };
            column.iter().map(|x| x / scale).collect()
        })
        .collect();
    (0..scaled[0].len()).flat_map(|row| scaled.iter().map(move |column| column[row])).collect()
}

/// Frames of the largest field.
fn frames(sample: &Dataset) -> Option<(Vec<f64>, usize)> {
    let field = sample.variables.iter().filter(|v| v.shape.len() >= 3).max_by_key(|v| v.values.len())?;
    let n_values: usize = field.shape[field.shape.len() - 2..].iter().product();
    (field.values.len() >= 4 * n_values && n_values > 0).then(|| (floats(&field.values), n_values))
}

fn relations(sample: &Dataset) -> Vec<String> {
    let mut found = Vec::new();
    let all: Vec<(&str, Vec<f64>)> =
        sample.variables.par_iter().map(|v| (v.name.as_str(), floats(&v.values))).collect();
    let is_constant = |values: &[f64]| values.windows(2).all(|w| w[0].to_bits() == w[1].to_bits());
    let constant: Vec<&str> =
        all.iter().filter(|(_, v)| v.len() > 1 && is_constant(v)).map(|(name, _)| *name).collect();
    if !constant.is_empty() {
        found.push(format!("constant: {}", constant.join(", ")));
    }
    let columns: Vec<&(&str, Vec<f64>)> =
        all.iter().filter(|(_, v)| v.len() == all[0].1.len() && v.len() > 2 && !is_constant(v)).collect();
    if columns.len() < 2 || columns.len() > 200 {
        return found;
    }
    let slices: Vec<&[f64]> = columns.iter().map(|(_, v)| v.as_slice()).collect();
    let matrix = CorrelationMatrix::of(&slices);
    for i in 0..columns.len() {
        for j in i + 1..columns.len() {
            let (a, b) = (columns[i], columns[j]);
            let r = matrix.r[i * columns.len() + j];
            if a.1 == b.1 {
                found.push(format!("{} = {}", a.0, b.0));
            } else if r.abs() > 0.999 {
                found.push(format!("{} and {} depend linearly (r = {r:.6})", a.0, b.0));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use baler::Values;

    fn table(columns: Vec<(&str, Vec<f64>)>) -> Dataset {
        let variable = |(name, values): (&str, Vec<f64>)| {
            Variable::new(name, vec![values.len()], Values::F64(values)).unwrap()
        };
        Dataset::from_table(columns.into_iter().map(variable).collect())
    }

    #[test]
    fn relations_and_rank_are_found() {
        let x: Vec<f64> = (0..3000).map(|i| f64::from(i * 7919 % 1009)).collect();
        let y: Vec<f64> = (0..3000).map(|i| f64::from(i * 104_729 % 2003)).collect();
        let twice: Vec<f64> = x.iter().map(|x| 2.0 * x + 1.0).collect();
        let advice = advise(
            &table(vec![("x", x.clone()), ("same", x), ("twice", twice), ("y", y), ("one", vec![1.0; 3000])]),
            false,
        )
        .unwrap();
        assert_eq!(advice.relations[0], "constant: one");
        assert!(advice.relations.contains(&"x = same".to_string()), "{:?}", advice.relations);
        assert!(advice.relations.iter().any(|r| r.starts_with("x and twice depend linearly")));
        let components = advice.components.unwrap();
        assert_eq!(
            (components.n_values, components.for_99_percent, components.for_99_99_percent),
            (5, Some(2), Some(2))
        );
    }

    #[test]
    fn a_smooth_field_is_worth_a_bound_and_noise_is_not() {
        let wave: Vec<f64> = (0..40_000)
            .map(|i| (f64::from(i % 200) * 0.05).sin() * (f64::from(i / 200) * 0.03).cos())
            .collect();
        let field = |values: Vec<f64>| {
            Dataset::from_arrays(vec![Variable::new("w", vec![4, 50, 200], Values::F64(values)).unwrap()])
        };
        let smooth = advise(&field(wave), false).unwrap();
        assert!(smooth.verdict.starts_with("use --rel"), "{}", smooth.verdict);
        let mut state = 1u64;
        let noise = (0..40_000).map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            f64::from_bits(state >> 2 | 1 << 61)
        });
        let noise = advise(&field(noise.collect()), false).unwrap();
        assert!(noise.lossless.iter().all(|x| x.ratio < 1.35), "{:?}", noise.lossless);
    }

    #[test]
    fn the_verdict_follows_the_numbers() {
        let exact =
            |ratio: f64| vec![Expected { name: "pco".to_string(), bound: "lossless".to_string(), ratio }];
        assert!(verdict(1.01, 1.0, &exact(1.0), 0.0).starts_with("nothing helps"));
        assert!(verdict(5.1, 5.0, &exact(5.0), 0.02).starts_with("use --lossless"));
        assert!(verdict(30.0, 20.0, &exact(3.0), 0.33).contains("learning pays, 33 %"));
        assert!(verdict(20.0, 20.0, &exact(3.0), 0.0).contains("learning does not pay"));
    }
}
