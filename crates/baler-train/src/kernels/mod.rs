//! The loops over numbers: matrix products, transposes, elementwise passes. All unsafe code of training is in this
//! folder; every function that leaves it is safe and checks its bounds first.
//!
//! Rows of data sit in the lanes of SIMD registers. A matrix is stored in PANELS of 32 columns: element (i, j) of
//! an (n_i, n_j) matrix is at `(j / 32) * n_i * 32 + i * 32 + j % 32`. Activations are (features, rows), weights
//! (outputs, inputs + 1) with the bias as the last column, and the gradient of the weights has their layout, so the
//! forward pass, both backward passes and the update are one product kernel and flat loops.
//!
//! Three implementations of a 16-lane vector (AVX-512, AVX2 + FMA, portable) do the same operations in the same
//! order, hence give the same bits.

mod elementwise;
mod product;
mod simd;
mod vector;

pub(super) use elementwise::{AdamStep, adam, scale_by_slope, squared_error, transpose};
pub(super) use product::{Dot, Layout, Product, Start, Step, dot, product};
pub(super) use simd::Simd;

/// Columns of a panel: two vectors.
pub(super) const PANEL: usize = 32;
/// Lanes of the vector.
pub(super) const LANES: usize = 16;
