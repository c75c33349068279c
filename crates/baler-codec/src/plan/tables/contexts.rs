//! Which contexts a column's decisions are asked about: greedily, by the bits that coding a sample of rows takes.

use crate::entropy::binary::BitCoder;
use crate::plan::tables::closure::Closures;
use crate::plan::tables::fit::fit;
use crate::table::buckets::Buckets;
use crate::table::codec::{Decoded, Quantized};
use crate::table::coder::{HeadCoder, History, PlainBits};
use crate::table::column::{Rows, Walk};
use crate::table::model::{Feature, Head, MAX_CONTEXTS, Source, TableModel};
use crate::variable::VariablePlan;
use baler_data::error::Result;
use rayon::prelude::*;
use std::sync::OnceLock;

/// Rows on which contexts are tried.
pub const N_ROWS: usize = 50_000;
/// The same at levels that do not adapt.
pub const FEW_ROWS: usize = 12_500;
/// Numbers on which all candidates are tried, and how many of these are tried on all rows.
const N_FIRST: usize = 10_000;
const N_FINALISTS: usize = 10;
/// Features that are tried beyond what their mutual information says.
const N_TRIED: usize = 12;
/// Buckets of a feature alone, and of one more in a context.
const SINGLE: [usize; 3] = [8, 24, 64];
const FURTHER: [usize; 3] = [5, 12, 32];
/// Bits that a context must save, for its bytes and the time it takes.
const WORTH_BITS: f64 = 200.0;
/// ... and the share of all bits.
const WORTH_SHARE: f64 = 0.001;
/// Share of the bits without contexts that one must save that makes the column slow to read alone.
const FAR_SHARE: f64 = 0.08;

/// Counts what bits would cost, in 2^-16 bits.
#[derive(Default)]
struct Cost {
    total: u64,
}

/// -log2(p / 2^12) in 2^-16 bits.
fn costs() -> &'static [u32; 4097] {
    static COSTS: OnceLock<Box<[u32; 4097]>> = OnceLock::new();
    COSTS.get_or_init(|| {
        Box::new(std::array::from_fn(|p| (-libm::log2(p.max(1) as f64 / 4096.0) * 65536.0) as u32))
    })
}

impl BitCoder for Cost {
    const DECODES: bool = false;

    #[inline(always)]
    fn code(&mut self, bit: u32, p_one: u32) -> u32 {
        let p = if bit != 0 { p_one } else { 65536 - p_one };
        self.total += costs()[(p >> 4) as usize] as u64;
        bit
    }
}

/// Plain bits cost the same whatever the contexts.
struct Free;

impl PlainBits for Free {
    #[inline(always)]
    fn plain(&mut self, bits: u64, _: u32) -> Result<u64> {
        Ok(bits)
    }
}

/// The rows of one head.
struct Trial<'a> {
    decoded: &'a Decoded,
    /// (row, number), in order.
    coded: Vec<(usize, i64)>,
    n_rows: usize,
    buckets: Buckets,
}

impl Trial<'_> {
    /// Bits that the head takes for the first `n_coded` numbers.
    fn bits(&self, head: &Head, n_coded: usize) -> Result<f64> {
        let cells = head.contexts.iter().map(|context| self.buckets.cells(context, self.n_rows));
        let cells = cells.collect::<Result<_>>()?;
        let mut coder = HeadCoder::new(head, cells)?;
        let mut cost = Cost::default();
        let mut history = History::default();
        for &(row, number) in self.coded.iter().take(n_coded) {
            coder.code(&mut cost, &mut Free, row, &mut history, number)?;
        }
        Ok(cost.total as f64 / 65536.0)
    }

    /// [`Trial::bits`] of many heads.
    fn all_bits(&mut self, heads: &[Head], n_coded: usize) -> Result<Vec<f64>> {
        for context in heads.iter().flat_map(|head| &head.contexts) {
            self.buckets.make(context, &self.decoded.columns, &self.decoded.formulas)?;
        }
        heads.par_iter().map(|head| self.bits(head, n_coded)).collect()
    }

    /// Bits that a feature in `n_buckets` says of the class, less what chance says.
    fn information(&mut self, head: &Head, feature: Feature) -> Result<f64> {
        let n_classes = head.bins.n_classes();
        let mut joint = vec![0u32; feature.n_buckets * n_classes];
        let mut before = [0usize; 2];
        self.buckets.make(&[feature], &self.decoded.columns, &self.decoded.formulas)?;
        let buckets = self.buckets.of(feature);
        for &(row, number) in &self.coded {
            let class = head.bins.class(number);
            let bucket = match (feature.source, buckets) {
                (Source::Own { lag }, _) => before[lag - 1] * feature.n_buckets / n_classes,
                (_, Some(buckets)) => buckets[row] as usize,
                _ => 0,
            };
            joint[bucket * n_classes + class] += 1;
            before = [class, before[0]];
        }
        let n = self.coded.len() as f64;
        let h = |count: f64| if count > 0.0 { count * libm::log2(n / count) } else { 0.0 };
        let rows: f64 = joint.chunks(n_classes).map(|row| h(row.iter().sum::<u32>() as f64)).sum();
        let columns: f64 = (0..n_classes)
            .map(|class| h(joint.iter().skip(class).step_by(n_classes).sum::<u32>() as f64))
            .sum();
        let cells: f64 = joint.iter().map(|&count| h(count as f64)).sum();
        let n_used = joint.iter().filter(|&&count| count > 0).count() as f64;
        Ok(rows + columns - cells - 0.7 * n_used)
    }
}

/// The heads of column `idx`: classes from all rows, contexts from the first `n_tried`.
pub fn find(
    quantized: &Quantized,
    variable: &VariablePlan,
    model: &TableModel,
    (idx, n_tried): (usize, usize),
    decoded: &Decoded,
    tight: &[bool],
    closures: &Closures,
) -> Result<Vec<Head>> {
    let column = &model.columns[idx];
    let n_rows = quantized.numbers.len();
    let rows = Rows::new(column, &decoded.columns, &decoded.formulas, n_rows)?;
    let walk = Walk::new(variable, column, &rows);
    let n_heads = column.heads.len();
    let mut numbers = vec![Vec::new(); n_heads];
    for (row, &number) in quantized.numbers.iter().enumerate() {
        let special = quantized.specials.classes.get(row).is_some_and(|&class| class != 0);
        if let (false, Some(head)) = (special, walk.head_of(row, variable.dtype)) {
            numbers[head].push((row, number));
        }
    }
    let short = first_rows(decoded, model, idx, n_rows.min(n_tried))?;
    let mut needed = closures.of(model, idx);
    let mut heads = Vec::new();
    for coded in numbers {
        let n_bins = (coded.len() / 200).clamp(8, 64);
        let bins = fit(coded.iter().map(|&(_, number)| number).collect(), n_bins);
        let mut trial = Trial {
            decoded: &short,
            coded: coded.into_iter().take_while(|&(row, _)| row < n_tried).collect(),
            n_rows: n_rows.min(n_tried),
            buckets: Buckets::default(),
        };
        let features = features(model, idx, tight);
        let mut reach = Reach { closures, model, needed };
        heads.push(greedy(Head { bins, contexts: Vec::new() }, &mut trial, &features, &mut reach)?);
        needed = reach.needed;
    }
    Ok(heads)
}

/// The first rows of all columns before column `idx`.
fn first_rows(decoded: &Decoded, model: &TableModel, idx: usize, n_rows: usize) -> Result<Decoded> {
    let mut short = Decoded::new(model);
    let rank = model.order.iter().position(|&other| other == idx).unwrap_or(0);
    for &before in &model.order[..rank] {
        short.columns[before] = decoded.columns[before][..n_rows].to_vec();
    }
    for (formula, values) in model.formulas.iter().zip(&mut short.formulas) {
        if formula.columns().all(|parent| !short.columns[parent].is_empty()) {
            *values = formula.evaluate(&short.columns, n_rows)?;
        }
    }
    Ok(short)
}

/// All that may be asked when column `idx` is coded.
fn features(model: &TableModel, idx: usize, tight: &[bool]) -> Vec<Source> {
    let rank = model.order.iter().position(|&other| other == idx).unwrap_or(0);
    let before = &model.order[..rank];
    let mut sources = vec![Source::Own { lag: 1 }, Source::Own { lag: 2 }];
    for &column in before {
        // What follows from others says nothing new.
        if !tight[column] {
            sources.extend((0..=1).map(|lag| Source::Column { column, lag }));
            sources.push(Source::Rise(column));
        }
    }
    let known = |formula: usize| model.formulas[formula].columns().all(|parent| before.contains(&parent));
    sources.extend((0..model.formulas.len()).filter(|&formula| known(formula)).map(Source::Formula));
    sources
}

fn feature(source: Source, n_buckets: usize) -> Feature {
    Feature { source, n_buckets: if matches!(source, Source::Rise(_)) { 3 } else { n_buckets } }
}

/// What a column needs with the contexts that it has so far.
struct Reach<'a> {
    closures: &'a Closures,
    model: &'a TableModel,
    needed: Vec<bool>,
}

impl Reach<'_> {
    /// True if the head asks for what makes the column slow to read alone.
    fn is_far(&self, head: &Head) -> bool {
        let mut features = head.contexts.iter().flatten();
        features.any(|feature| self.closures.is_far(&self.needed, feature.source, self.model))
    }

    fn keep(&mut self, head: &Head) {
        for feature in head.contexts.iter().flatten() {
            self.needed = self.closures.with(&self.needed, feature.source, self.model);
        }
    }
}

/// Adds contexts, or features to contexts, as long as they pay.
fn greedy(mut head: Head, trial: &mut Trial, sources: &[Source], reach: &mut Reach) -> Result<Head> {
    if head.bins.nodes().is_empty() || trial.coded.len() < 100 {
        return Ok(head);
    }
    let mut ranked = Vec::new();
    for &source in sources {
        ranked.push((trial.information(&head, feature(source, 16))?, source));
    }
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    ranked.truncate(N_TRIED);
    let tried: Vec<Source> = ranked.into_iter().map(|(_, source)| source).collect();
    let all = trial.coded.len();
    let few = all.min(N_FIRST);
    let start = trial.bits(&head, all)?;
    let mut bits = start;
    loop {
        // Far sources are looked at apart, so that they do not stand in the way of near ones.
        let (far, near): (Vec<Head>, Vec<Head>) =
            steps(&head, &tried).into_iter().partition(|next| reach.is_far(next));
        let mut next = finalists(trial, near, few)?;
        next.extend(finalists(trial, far, few)?);
        let price = |next: &Head| if reach.is_far(next) { FAR_SHARE * start } else { 0.0 };
        let found = trial.all_bits(&next, all)?;
        let found = found.into_iter().zip(next).map(|(found, next)| (found + price(&next), found, next));
        match found.min_by(|a, b| a.0.total_cmp(&b.0)) {
            Some((priced, found, next)) if bits - priced > WORTH_BITS + WORTH_SHARE * bits => {
                (bits, head) = (found, next);
                reach.keep(&head);
            }
            _ => return Ok(head),
        }
    }
}

/// The heads that do best on a few rows: most are told apart by these.
fn finalists(trial: &mut Trial, heads: Vec<Head>, n_coded: usize) -> Result<Vec<Head>> {
    let mut rated: Vec<(f64, Head)> = trial.all_bits(&heads, n_coded)?.into_iter().zip(heads).collect();
    rated.sort_by(|a, b| a.0.total_cmp(&b.0));
    rated.truncate(N_FINALISTS);
    Ok(rated.into_iter().map(|(_, head)| head).collect())
}

/// All heads with one context more, or one feature more in a context.
fn steps(head: &Head, tried: &[Source]) -> Vec<Head> {
    let mut steps = Vec::new();
    for &source in tried {
        if head.contexts.len() < MAX_CONTEXTS {
            for n_buckets in SINGLE {
                let mut next = head.clone();
                next.contexts.push(vec![feature(source, n_buckets)]);
                steps.push(next);
            }
        }
        if head.contexts.len() < MAX_CONTEXTS && !matches!(source, Source::Own { .. }) {
            // What the row before tells may depend on whether the rows belong together, and on nothing else.
            let mut next = head.clone();
            next.contexts.push(vec![feature(Source::Own { lag: 1 }, 12), feature(source, 12)]);
            steps.push(next);
        }
        for at in 0..head.contexts.len() {
            for n_buckets in FURTHER {
                let mut next = head.clone();
                next.contexts[at].push(feature(source, n_buckets));
                let twice = head.contexts[at].iter().any(|known| known.source == source);
                if !twice && next.fits() {
                    steps.push(next);
                }
            }
        }
    }
    steps
}
