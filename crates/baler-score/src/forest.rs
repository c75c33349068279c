//! Isolation forest (Liu, Ting, Zhou: "Isolation forest", 2008): random cuts isolate what is odd after few of them.
//!
//! Each of the trees takes a random sample of the rows without replacement and cuts it at random places of random columns
//! until each row is alone, or ceil(log2(n_samples)) cuts deep. With the depth h of a row's leaf, and c(n) the mean depth of
//! an unsuccessful search among n rows, the score is
//!
//! s = 2^(-mean(h + c(rows of the leaf)) / c(n_samples)), between 0 and 1; about 0.5 for what is like all others.
//!
//! scikit-learn's `score_samples` is -s.

use crate::quantiles::{median, sorted_finite};
use crate::{Scores, Table};
use baler_data::random::Rng;
use rayon::prelude::*;

/// Trees, as in the paper and in scikit-learn.
pub const N_TREES: usize = 100;
/// Rows that each tree sees, at most.
pub const N_SAMPLES: usize = 256;
/// Rows that are scored at a time.
const ROWS: usize = 4096;

/// What is at a place of a tree.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Node {
    /// Rows whose value of the column is at most the threshold go to the next node, all others to `right`.
    Cut { column: u32, threshold: f64, right: u32 },
    /// The depth, with what c(n) adds for the rows that are together here.
    Leaf(f64),
}

/// Trees that have seen a table.
#[derive(Debug, Clone)]
pub struct Forest {
    trees: Vec<Vec<Node>>,
    /// What stands for missing values of each column.
    medians: Vec<f64>,
    /// c(n_samples).
    typical: f64,
}

impl Forest {
    /// Of a table; the trees follow from `seed`.
    pub fn fit(table: &Table, n_trees: usize, seed: u64) -> Forest {
        let n_rows = table.n_rows();
        let n_samples = n_rows.min(N_SAMPLES);
        let medians: Vec<f64> =
            table.columns.par_iter().map(|column| median(&sorted_finite(column))).collect();
        let max_depth = libm::ceil(libm::log2(n_samples.max(2) as f64)) as usize;
        let trees = (0..n_trees as u64).into_par_iter().map(|tree| {
            let mut rng = Rng::new(seed, tree);
            let rows = sample(n_rows, n_samples, &mut rng);
            let columns = (table.columns.iter().zip(&medians))
                .map(|(column, &median)| rows.iter().map(|&row| or(column[row], median)).collect())
                .collect();
            let mut grown = Growing { columns, nodes: Vec::new(), rng, max_depth };
            grown.grow(&mut (0..n_samples).collect::<Vec<_>>(), 0);
            grown.nodes
        });
        Forest { trees: trees.collect(), medians, typical: mean_depth(n_samples) }
    }

    /// The score s of each row; no columns are named.
    pub fn score(&self, table: &Table) -> Scores {
        let mut scores = vec![0.0; table.n_rows()];
        scores.par_chunks_mut(ROWS).enumerate().for_each(|(chunk, scores)| {
            let mut values = vec![0.0; self.medians.len()];
            for (row, score) in (chunk * ROWS..).zip(scores) {
                for ((value, column), &median) in values.iter_mut().zip(&table.columns).zip(&self.medians) {
                    *value = or(column[row], median);
                }
                let depth: f64 = self.trees.iter().map(|tree| depth(tree, &values)).sum();
                let mean = depth / self.trees.len() as f64;
                *score = if self.typical > 0.0 { libm::exp2(-mean / self.typical) } else { 0.5 };
            }
        });
        Scores { scores, columns: Vec::new() }
    }
}

fn or(value: f64, median: f64) -> f64 {
    if value.is_nan() { median } else { value }
}

/// `n` different rows, by the first n steps of a shuffle of all of them.
fn sample(n_rows: usize, n: usize, rng: &mut Rng) -> Vec<usize> {
    // What has been moved: all other places hold their own number.
    let mut moved = std::collections::BTreeMap::new();
    (0..n)
        .map(|at| {
            let other = at + rng.below(n_rows - at);
            let found = *moved.get(&other).unwrap_or(&other);
            let own = *moved.get(&at).unwrap_or(&at);
            moved.insert(other, own);
            found
        })
        .collect()
}

/// Mean depth of an unsuccessful search in a binary tree of n rows: 2 H(n - 1) - 2 (n - 1) / n.
fn mean_depth(n: usize) -> f64 {
    const EULER: f64 = 0.577_215_664_901_532_9;
    match n {
        0 | 1 => 0.0,
        2 => 1.0,
        n => 2.0 * (libm::log((n - 1) as f64) + EULER) - 2.0 * (n - 1) as f64 / n as f64,
    }
}

fn depth(tree: &[Node], row: &[f64]) -> f64 {
    let mut at = 0;
    loop {
        match tree[at] {
            Node::Leaf(depth) => return depth,
            Node::Cut { column, threshold, .. } if row[column as usize] <= threshold => at += 1,
            Node::Cut { right, .. } => at = right as usize,
        }
    }
}

/// A tree that grows.
struct Growing {
    /// (columns, samples).
    columns: Vec<Vec<f64>>,
    nodes: Vec<Node>,
    rng: Rng,
    max_depth: usize,
}

impl Growing {
    fn grow(&mut self, rows: &mut [usize], depth: usize) {
        let cut = if depth < self.max_depth && rows.len() > 1 { self.cut(rows) } else { None };
        let Some((column, threshold)) = cut else {
            self.nodes.push(Node::Leaf(depth as f64 + mean_depth(rows.len())));
            return;
        };
        let at = self.nodes.len();
        self.nodes.push(Node::Leaf(0.0));
        let values = &self.columns[column];
        rows.sort_by_key(|&row| values[row] > threshold);
        let n_left = rows.partition_point(|&row| values[row] <= threshold);
        let (left, right) = rows.split_at_mut(n_left);
        self.grow(left, depth + 1);
        self.nodes[at] = Node::Cut { column: column as u32, threshold, right: self.nodes.len() as u32 };
        self.grow(right, depth + 1);
    }

    /// A random column of those that are not constant here, and a place in its range with rows on both sides.
    fn cut(&mut self, rows: &[usize]) -> Option<(usize, f64)> {
        let mut open: Vec<usize> = (0..self.columns.len()).collect();
        while !open.is_empty() {
            let column = open.swap_remove(self.rng.below(open.len()));
            let values = &self.columns[column];
            let ends = rows.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &row| {
                (low.min(values[row]), high.max(values[row]))
            });
            let (low, high) = ends;
            if low < high {
                // Halves first: the width of the widest range is no float64.
                let u = self.rng.uniform();
                let threshold = low * (1.0 - u) + high * u;
                return Some((column, if threshold < high { threshold.max(low) } else { low }));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(columns: Vec<Vec<f64>>) -> Table {
        let names = (0..columns.len()).map(|i| i.to_string()).collect();
        Table::new(names, columns).unwrap()
    }

    #[test]
    fn what_lies_apart_has_the_highest_score() {
        let mut rng = Rng::new(5, 0);
        let mut columns: Vec<Vec<f64>> = (0..3).map(|_| (0..2000).map(|_| rng.normal()).collect()).collect();
        columns.iter_mut().for_each(|column| column[77] = 9.0);
        let table = table(columns);
        let forest = Forest::fit(&table, N_TREES, 0);
        let found = forest.score(&table);
        assert_eq!(found.order()[0], 77);
        assert!(found.scores[77] > 0.75, "{}", found.scores[77]);
        let mean = found.scores.iter().sum::<f64>() / 2000.0;
        assert!((0.4..0.5).contains(&mean), "{mean}");
        // Pinned: the same bits on every machine and for every number of threads.
        assert_eq!(found.scores[77].to_bits(), PINNED);
        let one = baler_data::threads::Threads::new(1).unwrap();
        assert_eq!(one.run(|| Forest::fit(&table, N_TREES, 0).score(&table)), found);
        assert_ne!(Forest::fit(&table, N_TREES, 1).score(&table), found);
    }

    const PINNED: u64 = 4605178075465446392;

    #[test]
    fn every_place_of_a_sample_is_another_row() {
        let mut rng = Rng::new(1, 0);
        for (n_rows, n) in [(1, 1), (300, 256), (256, 256), (1 << 40, 100)] {
            let mut rows = sample(n_rows, n, &mut rng);
            rows.sort_unstable();
            rows.dedup();
            assert!(rows.len() == n && rows[n - 1] < n_rows);
        }
    }

    #[test]
    fn nothing_to_cut_is_like_all_others() {
        for columns in [vec![vec![1.0]], vec![vec![2.0; 50]], vec![vec![f64::NAN; 9]]] {
            let table = table(columns);
            let found = Forest::fit(&table, 10, 0).score(&table);
            assert!(found.scores.iter().all(|&score| (score - 0.5).abs() < 1e-12), "{:?}", found.scores);
        }
        let wide = table(vec![vec![-f64::MAX, f64::MAX, 0.0]]);
        assert!(Forest::fit(&wide, 10, 0).score(&wide).scores.iter().all(|score| score.is_finite()));
    }

    #[test]
    fn depths_are_those_of_the_paper() {
        assert_eq!([mean_depth(1), mean_depth(2)], [0.0, 1.0]);
        assert!((mean_depth(256) - 10.2448).abs() < 1e-4);
    }
}
