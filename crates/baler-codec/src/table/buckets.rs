//! Features: what is known of a row, in few buckets of about equal counts. The edges are taken from the decoded values
//! themselves, so that they cost nothing and fit every file.

use crate::quantize::widest;
use crate::table::model::{Feature, Source};
use baler_data::bytes::with_room;
use baler_data::error::Result;
use rayon::prelude::*;
use std::cmp::Ordering;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

/// Features that are kept for other columns.
const MAX_KEPT: usize = 256;
/// Values that are looked at for the edges.
const N_SAMPLES: usize = 4096;
/// Values that are compared with the edges at a time.
const AT_ONCE: usize = 32;

/// Lower edges of all buckets but the first: quantiles of a sample; where one value takes several, the next value too, so
/// that it has a bucket of its own.
fn edges(values: &[f64], n_buckets: usize) -> Vec<f64> {
    let n_samples = values.len().min(N_SAMPLES);
    let taken = (0..n_samples).map(|i| values[i * values.len() / n_samples]);
    let mut sorted: Vec<f64> = taken.filter(|x| x.is_finite()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let mut edges: Vec<f64> = Vec::with_capacity(n_buckets);
    for bucket in 1..n_buckets {
        let Some(&edge) = sorted.get(bucket * sorted.len() / n_buckets) else { break };
        let last = edges.last().copied().unwrap_or(sorted[0]);
        if edge > last {
            edges.push(edge);
        } else if let Some(&next) = sorted.get(sorted.partition_point(|&x| x <= edge))
            && next > last
        {
            edges.push(next);
        }
    }
    edges
}

/// How many of the edges are at or under each value, `lag` rows before; 0 where there is no such row, and for NaN.
fn buckets(values: &[f64], n_buckets: usize, lag: usize) -> Result<Vec<u8>> {
    let edges = edges(values, n_buckets);
    let mut buckets = with_room(values.len())?;
    buckets.resize(values.len(), 0);
    let lag = lag.min(values.len());
    // Every edge against a few values at a time is faster than a search: nothing depends on anything.
    widest(
        #[inline(always)]
        || {
            for (values, buckets) in values.chunks(AT_ONCE).zip(buckets[lag..].chunks_mut(AT_ONCE)) {
                let mut counts = [0u64; AT_ONCE];
                let mut block = [f64::NAN; AT_ONCE];
                block[..values.len()].copy_from_slice(values);
                for edge in &edges {
                    counts.iter_mut().zip(&block).for_each(|(count, x)| *count += (edge <= x) as u64);
                }
                buckets.iter_mut().zip(counts).for_each(|(bucket, count)| *bucket = count as u8);
            }
        },
    );
    Ok(buckets)
}

/// 0 below, 1 neither, 2 above the row before; the first row follows -infinity.
fn rises(values: &[f64]) -> Result<Vec<u8>> {
    let mut rises = with_room(values.len())?;
    let mut before = f64::NEG_INFINITY;
    for &x in values {
        rises.push(match x.partial_cmp(&before) {
            Some(Ordering::Less) => 0,
            Some(Ordering::Greater) => 2,
            _ => 1,
        });
        before = x;
    }
    Ok(rises)
}

/// Buckets of features over the rows of a chunk, each made once.
#[derive(Default)]
pub struct Buckets {
    made: HashMap<(Source, usize), Vec<u8>>,
}

impl Buckets {
    /// Of all `features`, made at once. There may be more of them than are kept else.
    pub fn of_all(
        features: impl Iterator<Item = Feature>,
        columns: &[Vec<f64>],
        formulas: &[Vec<f64>],
    ) -> Result<Buckets> {
        let wanted: HashSet<Feature> = features.filter(|feature| !is_own(feature)).collect();
        let wanted: Vec<Feature> = wanted.into_iter().collect();
        let make =
            |feature: &Feature| Ok(((feature.source, feature.n_buckets), make(*feature, columns, formulas)?));
        Ok(Buckets { made: wanted.par_iter().map(make).collect::<Result<_>>()? })
    }

    /// Makes what a context asks for and is not there yet.
    pub fn make(&mut self, context: &[Feature], columns: &[Vec<f64>], formulas: &[Vec<f64>]) -> Result<()> {
        if self.made.len() + context.len() > MAX_KEPT {
            self.made.clear();
        }
        for feature in context.iter().filter(|feature| !is_own(feature)) {
            if let Entry::Vacant(free) = self.made.entry((feature.source, feature.n_buckets)) {
                free.insert(make(*feature, columns, formulas)?);
            }
        }
        Ok(())
    }

    /// The index of a context's cell in every row, of the features but the own classes, which were made before.
    pub fn cells(&self, context: &[Feature], n_rows: usize) -> Result<Vec<u32>> {
        let mut cells = with_room(n_rows)?;
        cells.resize(n_rows, 0u32);
        for feature in context {
            if let Some(buckets) = self.of(*feature) {
                let n = feature.n_buckets as u32;
                cells.iter_mut().zip(buckets).for_each(|(cell, &bucket)| *cell = *cell * n + bucket as u32);
            }
        }
        Ok(cells)
    }

    /// The bucket of a feature in every row; `None` for own classes, and for what was not made.
    pub fn of(&self, feature: Feature) -> Option<&[u8]> {
        self.made.get(&(feature.source, feature.n_buckets)).map(Vec::as_slice)
    }
}

fn is_own(feature: &Feature) -> bool {
    matches!(feature.source, Source::Own { .. })
}

fn make(feature: Feature, columns: &[Vec<f64>], formulas: &[Vec<f64>]) -> Result<Vec<u8>> {
    let n_buckets = feature.n_buckets;
    match feature.source {
        Source::Column { column, lag } => buckets(&columns[column], n_buckets, lag),
        Source::Formula(idx) => buckets(&formulas[idx], n_buckets, 0),
        Source::Rise(column) => {
            let last = (n_buckets - 1) as u8;
            rises(&columns[column]).map(|rises| rises.into_iter().map(|rise| rise.min(last)).collect())
        }
        Source::Own { .. } => Ok(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_even_and_a_frequent_value_has_its_own() {
        let values: Vec<f64> = (0..1000).map(|i| if i % 2 == 0 { 0.0 } else { i as f64 }).collect();
        let found = buckets(&values, 8, 0).unwrap();
        assert!(values.iter().zip(&found).all(|(x, bucket)| (*x == 0.0) == (*bucket == 0)));
        let n_buckets = *found.iter().max().unwrap() as usize + 1;
        assert!((4..=8).contains(&n_buckets), "{n_buckets}");
        let later = buckets(&values, 8, 2).unwrap();
        assert_eq!((&later[..2], &later[2..]), (&[0, 0][..], &found[..998]));
    }

    #[test]
    fn buckets_count_the_edges() {
        let values: Vec<f64> = (0..5000).map(|i| ((i * 7919) % 5003) as f64).collect();
        for n in [2, 3, 5, 8, 16, 17, 33, 64] {
            let edges = edges(&values, n);
            let slow = |x: f64| edges.iter().filter(|&&edge| edge <= x).count() as u8;
            let found = buckets(&values, n, 0).unwrap();
            assert!(values.iter().zip(found).all(|(&x, bucket)| bucket == slow(x)), "{n}");
        }
        assert_eq!(buckets(&[f64::NAN, 1.0], 4, 0).unwrap()[0], 0);
        assert!(buckets(&[], 4, 1).unwrap().is_empty());
    }

    #[test]
    fn rises_are_seen() {
        assert_eq!(rises(&[1.0, 1.0, 0.5, 3.0, f64::NAN]).unwrap(), [2, 1, 0, 2, 1]);
    }
}
