//! One layer with its integers, and the rule that keeps its sums inside an i32.
//!
//! In: weights, biases and shifts as a model holds them. Out: a checked layer. Refused: wrong lengths, shifts
//! above 30, rows that break the overflow rule.

use super::architecture::{Activation, LayerSpec};
use baler_data::error::{Error, Result};

/// Activations between layers lie in -ACTIVATION_MAX..=ACTIVATION_MAX.
pub const ACTIVATION_MAX: i16 = 32767;

const MAX_SHIFT: u8 = 30;

/// Shape and integers of one layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Kind, shape and activation.
    pub spec: LayerSpec,
    /// (n_rows, n_cols), row-major.
    pub weights: Vec<i16>,
    /// (n_rows), in units of the sum.
    pub bias: Vec<i32>,
    /// (n_rows), 0..=30: the sum is divided by 2^shift.
    pub shift: Vec<u8>,
}

impl Layer {
    /// Checks lengths, shifts and, for every row, `sum|w| * 32767 + |b| + 2^(shift-1) < 2^31`. Then no partial
    /// sum, in whatever order, leaves an i32. `layer_idx` is for the message only.
    pub(super) fn check(&self, layer_idx: usize) -> Result<()> {
        let (n_rows, n_cols) = (self.spec.n_rows(), self.spec.n_cols());
        let found = (self.weights.len(), self.bias.len(), self.shift.len());
        if Some(found.0) != n_rows.checked_mul(n_cols) || found.1 != n_rows || found.2 != n_rows {
            return Err(Error::corrupt(format!(
                "layer {layer_idx}: expected {n_rows} x {n_cols} weights, {n_rows} biases and shifts, found {}, {} and {}",
                found.0, found.1, found.2
            )));
        }
        for row_idx in 0..n_rows {
            let (bias, shift) = (self.bias[row_idx], self.shift[row_idx]);
            if shift > MAX_SHIFT {
                return Err(Error::corrupt(format!(
                    "layer {layer_idx}, row {row_idx}: expected a shift of at most {MAX_SHIFT}, found {shift}"
                )));
            }
            let row = &self.weights[row_idx * n_cols..][..n_cols];
            let sum: u64 = row.iter().map(|w| u64::from(w.unsigned_abs())).sum();
            let largest =
                sum * ACTIVATION_MAX as u64 + u64::from(bias.unsigned_abs()) + rounding_term(shift) as u64;
            if largest >= 1 << 31 {
                return Err(Error::corrupt(format!(
                    "layer {layer_idx}, row {row_idx}: expected sums below 2^31, found up to {largest}; \
                     the weights need a coarser scale"
                )));
            }
        }
        Ok(())
    }

    /// `activation((acc + 2^(s-1)) >> s)` for a sum of row `row_idx`; not clamped.
    pub(super) fn finish(&self, row_idx: usize, acc: i32) -> i32 {
        let shift = self.shift[row_idx];
        let y = acc.wrapping_add(rounding_term(shift)) >> shift;
        match self.spec.activation {
            Activation::Linear => y,
            Activation::Relu => y.max(0),
            Activation::LeakyRelu { shift } if y < 0 => y >> shift,
            Activation::LeakyRelu { .. } => y,
        }
    }
}

/// 2^(shift-1), or 0 for shift 0.
pub(super) fn rounding_term(shift: u8) -> i32 {
    if shift == 0 { 0 } else { 1 << (shift - 1) }
}
