//! How odd each row of a table is. In: columns of one length; out: a score a row, higher for what is odder, and, where the
//! method knows it, the column that made the row odd. It labels nothing and removes nothing.
//!
//! - [`forest`]: how few random cuts isolate a row.
//! - [`code_length`]: how many bits it takes to tell a row to somebody who knows the table: tails of each column, what the other
//!   columns say of it, and [`relations`] that other rows keep.
//! - [`density`]: how far a row is from the bulk, by the covariance of the rows that agree with it.
//!
//! The same table and seed give the same scores on every machine and any number of threads: sums have one order, random
//! numbers are integers, and logarithms come from `libm`.

// The same on every machine: no floats of the platform's own mathematics (clippy.toml).
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod code_length;
pub mod density;
pub mod forest;
mod gaussian;
mod quantiles;
pub mod relations;
pub mod table;
pub mod threshold;

pub use code_length::CodeLength;
pub use density::Density;
pub use forest::Forest;
pub use table::Table;
pub use threshold::Threshold;

use baler_data::error::Result;

/// How rows are scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// [`CodeLength`]: bits.
    CodeLength,
    /// [`Forest`]: between 0 and 1.
    Forest,
    /// [`Density`]: squared distance.
    Latent,
}

impl By {
    /// All of them.
    pub const ALL: [By; 3] = [By::CodeLength, By::Forest, By::Latent];

    /// As the command line has it.
    pub fn name(self) -> &'static str {
        match self {
            By::CodeLength => "code-length",
            By::Forest => "forest",
            By::Latent => "latent",
        }
    }

    /// What the scores are.
    pub fn unit(self) -> &'static str {
        match self {
            By::CodeLength => "bits",
            By::Forest => "score of the isolation forest",
            By::Latent => "squared Mahalanobis distance",
        }
    }
}

/// Scores, and what was learned on the way.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// Of each row.
    pub rows: Scores,
    /// By code length: the relations that nearly all rows keep, in words, and the share of the rows that break each.
    pub relations: Vec<(String, f64)>,
}

/// Learns from one table what is usual and scores the rows of another, which may be the same; columns go by name.
///
/// # Errors
/// [`baler_data::ErrorKind::Input`] where a column is missing, [`baler_data::ErrorKind::Limit`] for too many columns.
pub fn score(known: &Table, table: &Table, by: By, seed: u64) -> Result<Scored> {
    let selected = if known.names == table.names { None } else { Some(table.clone().select(&known.names)?) };
    let table = selected.as_ref().unwrap_or(table);
    let plain = |rows| Scored { rows, relations: Vec::new() };
    Ok(match by {
        By::Forest => plain(Forest::fit(known, forest::N_TREES, seed).score(table)),
        By::Latent => plain(Density::fit(known)?.score(table)),
        By::CodeLength => {
            let fitted = CodeLength::fit(known, seed)?;
            Scored { rows: fitted.score(table), relations: fitted.relations() }
        }
    })
}

/// What a method says of each row.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// One a row; higher is odder.
    pub scores: Vec<f64>,
    /// The column that made each row odd; empty where the method tells none.
    pub columns: Vec<u32>,
}

impl Scores {
    /// The rows from the oddest on; rows of equal scores in their order.
    pub fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.scores.len()).collect();
        order.sort_by(|&a, &b| self.scores[b].total_cmp(&self.scores[a]));
        order
    }
}
