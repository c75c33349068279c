//! Tables: columns of equal length, coded together. In: the values of some columns; out: a part a column, and a model
//! that says how columns follow from each other.
//!
//! A map, in the order of a column's way:
//!
//! - [`model`]: what is stored of a table. [`crate::plan::tables`] finds it; the encoder only.
//! - [`formula`], [`elementary`]: a column computed from others, the same bits everywhere.
//! - [`mod@column`]: values -> numbers, counted from what the columns before say.
//! - [`buckets`], [`bins`], [`coder`]: numbers -> adaptive decisions, asked about what the columns before hold.
//! - [`codec`]: all of that for a chunk.
//! - [`shared`]: a model that was trained before; [`mod@words`]: a model for people.
//!
//! Measured (bytes at 1e-3 of the range; quantize + pco first): 24 columns of jets 1 410 717 -> 829 103, MiniAOD jets 200 921
//! -> 107 414, LHCb 411 071 -> 312 005, muons 534 799 -> 516 999. Without contexts the
//! first would take 1 038 961, without the sum of energies 869 291; docs/results.md says what else each step is worth.

pub mod bins;
pub mod buckets;
pub mod codec;
pub mod coder;
pub mod column;
pub mod elementary;
pub mod formula;
pub mod model;
pub mod shared;
pub mod words;

pub use codec::{Alone, decode, encode};
pub use model::{MAX_ROWS, TableModel};
