//! Makes the live part of a table's model from the rows that it was trained on: which buckets of other columns tell most
//! of each column, and how often each symbol stands. The encoder of models only.

use crate::live::columns::add_buckets;
use crate::live::records::record_bytes;
use crate::live::symbols::{Frequencies, MAX_SYMBOLS, TOTAL};
use crate::live::table::{Classes, LiveColumn, LiveHead, LiveTable, MAX_RECORD_BYTES, n_symbols};
use crate::quantize::Promises;
use crate::quantize::special::{OWN_BITS, Specials};
use crate::table::codec::{Decoded, quantize_column};
use crate::table::column::{Rows, Walk};
use crate::table::model::{Feature, Head, Source, TableModel};
use crate::variable::VariablePlan;
use baler_data::dataset::{Storage, Values};
use baler_data::error::Result;

/// Rows that are looked at, and values that edges are taken from.
const N_ROWS: usize = 1 << 16;
const N_SAMPLES: usize = 4096;
/// Buckets of a feature that are tried, and most cells of a head: its rows of slots stay in the cache.
const N_BUCKETS: [usize; 3] = [4, 8, 16];
const MAX_CELLS: usize = 64;
/// Bits that a frequency costs: what it takes in the model, and what is lost by knowing it badly.
const FREQUENCY_BITS: f64 = 8.0;
/// Share of its bits that a feature must save, for the time it takes.
const WORTH_SHARE: f64 = 0.01;
/// Rows of a cell that what is known of all cells counts as.
const PRIOR_ROWS: f64 = 16.0;

/// The live part of `model` on `columns`; `None` where a record would be too large, or a column has too many symbols.
pub fn fit(columns: &[Values], variables: &[&VariablePlan], model: &TableModel) -> Result<Option<LiveTable>> {
    let n_rows = columns.first().map_or(0, Values::len).min(N_ROWS);
    let plan = |variable: &&VariablePlan| VariablePlan {
        shape: vec![0],
        storage: Storage::default(),
        // Other records may lie outside the range of these.
        limits: None,
        // A frame keeps bounds only.
        promises: Promises::default(),
        ..(*variable).clone()
    };
    let variables: Vec<VariablePlan> = variables.iter().map(plan).collect();
    if n_rows == 0 || !(1..=MAX_RECORD_BYTES).contains(&record_bytes(&variables)) {
        return Ok(None);
    }
    let mut model = model.clone();
    let mut live: Vec<Option<LiveColumn>> = vec![None; columns.len()];
    let mut decoded = Decoded::new(&model);
    for idx in model.order.clone() {
        let first = columns[idx].slice(0..n_rows);
        let quantized = quantize_column(&first, &variables[idx], &model, idx, &mut decoded)?;
        if model.columns[idx].heads.is_empty() {
            model.columns[idx].heads.push(Head::default());
        }
        let rows = Rows::new(&model.columns[idx], &decoded.columns, &decoded.formulas, n_rows)?;
        let sorted = sort_rows(&variables[idx], &model, idx, &rows, &quantized.numbers, &quantized.specials);
        let Some((column, contexts)) = fit_column(&variables[idx], &model, idx, &decoded, sorted) else {
            return Ok(None);
        };
        live[idx] = Some(column);
        let heads = model.columns[idx].heads.iter_mut();
        heads.zip(contexts).for_each(|(head, contexts)| head.contexts = contexts);
    }
    Ok(Some(LiveTable { variables, model, columns: live.into_iter().flatten().collect() }))
}

/// (row, symbol) of each head, and the symbols of gated rows.
struct Sorted {
    heads: Vec<Vec<(usize, usize)>>,
    gated: Vec<usize>,
}

fn sort_rows(
    variable: &VariablePlan,
    model: &TableModel,
    idx: usize,
    rows: &Rows,
    numbers: &[i64],
    specials: &Specials,
) -> Sorted {
    let column = &model.columns[idx];
    let walk = Walk::new(variable, column, rows);
    let mut sorted = Sorted { heads: vec![Vec::new(); column.heads.len()], gated: Vec::new() };
    for (row, &number) in numbers.iter().enumerate() {
        let class = specials.classes.get(row).copied().unwrap_or(0);
        let head = walk.head_of(row, variable.dtype);
        let n_classes = head.map_or(1, |head| column.heads[head].bins.n_classes());
        let symbol = match (class, head) {
            (0, Some(head)) => column.heads[head].bins.class(number),
            (0, None) => 0,
            (OWN_BITS, _) => n_classes,
            (pattern, _) => n_classes + pattern as usize,
        };
        match head {
            Some(head) => sorted.heads[head].push((row, symbol)),
            None => sorted.gated.push(symbol),
        }
    }
    sorted
}

/// The column's symbols, and the contexts of its heads.
#[allow(clippy::type_complexity)]
fn fit_column(
    variable: &VariablePlan,
    model: &TableModel,
    idx: usize,
    decoded: &Decoded,
    sorted: Sorted,
) -> Option<(LiveColumn, Vec<Vec<Vec<Feature>>>)> {
    let column = &model.columns[idx];
    let sources = sources(model, idx);
    let mut heads = Vec::new();
    let mut contexts = Vec::new();
    for (head, rows) in column.heads.iter().zip(sorted.heads) {
        let n_symbols = n_symbols(variable, head.bins.n_classes());
        if n_symbols > MAX_SYMBOLS {
            return None;
        }
        let found = Search { decoded, rows: &rows, n_symbols }.greedy(&sources);
        let edges: Vec<Vec<f64>> = found.features.iter().map(|(_, edges)| edges.clone()).collect();
        let features: Vec<Feature> = (found.features.iter())
            .map(|(source, edges)| Feature { source: *source, n_buckets: edges.len() + 1 })
            .collect();
        contexts.push(if features.is_empty() { Vec::new() } else { vec![features] });
        heads.push(LiveHead {
            edges,
            frequencies: frequencies(&found.counts, n_symbols),
            classes: Classes::new(&head.bins),
        });
    }
    let n_gated = n_symbols(variable, 1);
    let gated = column.gate.map(|_| {
        let mut counts = vec![0u32; n_gated];
        sorted.gated.iter().for_each(|&symbol| counts[symbol] += 1);
        frequencies(&counts, n_gated)
    });
    Some((LiveColumn { heads, gated }, contexts))
}

/// What the adaptive coder asks about is what is worth asking about.
fn sources(model: &TableModel, idx: usize) -> Vec<Source> {
    let mut sources: Vec<Source> = Vec::new();
    for feature in model.columns[idx].features() {
        let known = matches!(feature.source, Source::Column { .. } | Source::Formula(_));
        if known && !sources.contains(&feature.source) {
            sources.push(feature.source);
        }
    }
    sources
}

/// Features with their edges, and what they make of the rows.
#[derive(Clone)]
struct Found {
    features: Vec<(Source, Vec<f64>)>,
    /// One a row of the head.
    cells: Vec<u16>,
    n_cells: usize,
    /// (cells, symbols).
    counts: Vec<u32>,
    bits: f64,
}

struct Search<'a> {
    decoded: &'a Decoded,
    rows: &'a [(usize, usize)],
    n_symbols: usize,
}

impl Search<'_> {
    /// Adds features as long as they pay.
    fn greedy(&self, sources: &[Source]) -> Found {
        let cells = vec![0u16; self.rows.len()];
        let mut best = self.rated(Vec::new(), cells, 1);
        loop {
            let known = |source: &Source| best.features.iter().any(|(known, _)| known == source);
            let tried = sources.iter().filter(|source| !known(source));
            let tried = tried.flat_map(|&source| N_BUCKETS.map(|n_buckets| (source, n_buckets)));
            let next = tried.filter_map(|(source, n_buckets)| self.with(&best, source, n_buckets));
            match next.min_by(|a, b| a.bits.total_cmp(&b.bits)) {
                Some(next) if next.bits < best.bits * (1.0 - WORTH_SHARE) => best = next,
                _ => return best,
            }
        }
    }

    fn with(&self, found: &Found, source: Source, n_buckets: usize) -> Option<Found> {
        let (values, lag) = match source {
            Source::Column { column, lag } => (&self.decoded.columns[column], lag),
            Source::Formula(idx) => (&self.decoded.formulas[idx], 0),
            _ => return None,
        };
        let edges = edges(values, n_buckets);
        let n_cells = found.n_cells * (edges.len() + 1);
        if edges.is_empty() || n_cells > MAX_CELLS {
            return None;
        }
        let mut buckets = vec![0u16; values.len()];
        add_buckets(&mut buckets, values, &edges, lag);
        let next = found.cells.iter().zip(self.rows);
        let cells = next.map(|(cell, &(row, _))| cell * (edges.len() as u16 + 1) + buckets[row]).collect();
        let mut features = found.features.clone();
        features.push((source, edges));
        Some(self.rated(features, cells, n_cells))
    }

    fn rated(&self, features: Vec<(Source, Vec<f64>)>, cells: Vec<u16>, n_cells: usize) -> Found {
        let mut counts = vec![0u32; n_cells * self.n_symbols];
        for (&cell, &(_, symbol)) in cells.iter().zip(self.rows) {
            counts[cell as usize * self.n_symbols + symbol] += 1;
        }
        let of_cell = |cell: &[u32]| {
            let n = cell.iter().sum::<u32>() as f64;
            let of = |&count: &u32| count as f64 * libm::log2(n / count as f64) + FREQUENCY_BITS;
            cell.iter().filter(|&&count| count > 0).map(of).sum::<f64>()
        };
        let bits = counts.chunks(self.n_symbols).map(of_cell).sum();
        Found { features, cells, n_cells, counts, bits }
    }
}

/// Quantiles of a sample, each once.
fn edges(values: &[f64], n_buckets: usize) -> Vec<f64> {
    let n_samples = values.len().min(N_SAMPLES);
    let taken = (0..n_samples).map(|i| values[i * values.len() / n_samples]);
    let mut sorted: Vec<f64> = taken.filter(|x| x.is_finite()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let mut edges: Vec<f64> = Vec::new();
    for bucket in 1..n_buckets {
        let Some(&edge) = sorted.get(bucket * sorted.len() / n_buckets) else { break };
        // Where one value takes several buckets, it ends with the next value.
        let last = edges.last().copied().unwrap_or(sorted[0]);
        let edge = if edge > last { Some(edge) } else { sorted.iter().copied().find(|&x| x > edge) };
        edges.extend(edge.filter(|&edge| edge > last));
    }
    edges
}

/// Frequencies of (cells, symbols): those of a cell lean on those of all.
fn frequencies(counts: &[u32], n_symbols: usize) -> Frequencies {
    let mut all = vec![0.5 / n_symbols as f64; n_symbols];
    counts.chunks(n_symbols).for_each(|cell| all.iter_mut().zip(cell).for_each(|(a, &c)| *a += c as f64));
    let n_all: f64 = all.iter().sum();
    let free = (TOTAL - n_symbols) as f64;
    let mut frequencies: Vec<u16> = Vec::with_capacity(counts.len());
    for cell in counts.chunks(n_symbols) {
        let n = cell.iter().sum::<u32>() as f64 + PRIOR_ROWS;
        let share = |(&count, all): (&u32, &f64)| (count as f64 + PRIOR_ROWS * all / n_all) / n;
        let shares = cell.iter().zip(&all).map(share);
        let start = frequencies.len();
        frequencies.extend(shares.map(|share| 1 + (share * free) as u16));
        let sum: usize = frequencies[start..].iter().map(|&f| f as usize).sum();
        let most = (start..frequencies.len()).max_by_key(|&at| frequencies[at]).unwrap_or(start);
        frequencies[most] += (TOTAL - sum) as u16;
    }
    Frequencies::new(n_symbols, &frequencies).expect("they add up, and none is 0")
}
