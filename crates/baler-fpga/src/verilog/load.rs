//! The words of the load port: every weight, bias and shift with its place.
//!
//! A word of 64 bits: value in bits 31:0, beat in 43:32, lane in 51:44, row in 59:52 (255 for a bias, 254 for a shift), layer in
//! 63:60. A weight's column is beat x lanes + lane; a bias's or shift's row is beat x lanes of the next layer + lane.

use super::lanes::Plan;
use crate::spec::Spec;
use baler_data::error::{Error, Result};

/// Rows and lanes that a word can name.
const MAX_ROWS: usize = 254;
const MAX_BEATS: usize = 1 << 12;
const MAX_LANES: usize = 1 << 8;
const MAX_LAYERS: usize = 1 << 4;

/// Refuses networks whose places a word cannot name.
///
/// # Errors
/// [`baler_data::error::ErrorKind::Limit`]
pub fn check(plan: &Plan) -> Result<()> {
    let fits = |layer: &super::lanes::Folded| {
        layer.outputs.len() < MAX_ROWS && layer.beats < MAX_BEATS && layer.lanes < MAX_LANES
    };
    if plan.layers.len() <= MAX_LAYERS && plan.layers.iter().all(fits) {
        return Ok(());
    }
    Err(Error::limit(format!(
        "expected at most {MAX_LAYERS} layers of fewer than {MAX_ROWS} outputs for weights in memory; leave --weights ram out"
    )))
}

/// The words that make a folded network with memories, planned for networks of this shape, that of `spec`.
pub fn words(spec: &Spec, plan: &Plan) -> Vec<u64> {
    let word = |layer: usize, row: usize, lane: usize, beat: usize, value: i64| {
        (layer as u64) << 60
            | (row as u64) << 52
            | (lane as u64) << 44
            | (beat as u64) << 32
            | u64::from(value as u32)
    };
    let mut words = Vec::new();
    for (idx, (layer, folded)) in spec.layers.iter().zip(&plan.layers).enumerate() {
        let next = plan.layers.get(idx + 1).map_or(plan.output.0, |next| next.lanes);
        for row in 0..layer.n_out() {
            for (column, &w) in layer.row(row).iter().enumerate() {
                words.push(word(idx, row, column % folded.lanes, column / folded.lanes, w.into()));
            }
            words.push(word(idx, 255, row % next, row / next, layer.bias[row]));
            words.push(word(idx, 254, row % next, row / next, layer.shift[row].into()));
        }
    }
    words
}
