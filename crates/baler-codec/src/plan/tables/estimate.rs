//! Which base and lattice a column has, by estimated bits.

use crate::plan::tables::fit::fit;
use crate::quantize::Grid;
use crate::table::codec::{Decoded, Quantized, quantize_column};
use crate::table::model::{Base, Head, TableModel};
use crate::variable::VariablePlan;
use baler_data::dataset::Values;
use baler_data::error::Result;

/// Estimated bits saved a number that a base must bring: without one, contexts can do the same.
const WORTH: f64 = 0.05;
/// Estimated bits saved in all that a relation must bring: for its bytes, and as all that it needs has to be decoded with it.
const WORTH_OF_RELATION: f64 = 500.0;
/// Bits of a value that is kept exactly, about.
const OWN_BITS: f64 = 40.0;

/// Numbers that are looked at.
const N_SAMPLES: usize = 1 << 16;
/// Classes, and the bits that storing one takes.
const N_BINS: usize = 64;
const LEAF_BITS: f64 = 16.0;

/// Bits a number with classes of its own and no contexts.
fn bits(numbers: Vec<i64>) -> f64 {
    let n = numbers.len() as f64;
    let bins = fit(numbers.clone(), N_BINS);
    let mut counts = vec![0u64; bins.n_classes()];
    numbers.iter().for_each(|&number| counts[bins.class(number)] += 1);
    let of_class = |(class, &count): (usize, &u64)| {
        let width = bins.bin(class).map_or(64, |bin| bin.log_width) as f64;
        if count > 0 { count as f64 * (libm::log2(n / count as f64) + width) + LEAF_BITS } else { 0.0 }
    };
    counts.iter().enumerate().map(of_class).sum::<f64>() / n.max(1.0)
}

/// Estimated bits a row that is not gated.
fn cost(quantized: &Quantized, gated: &[bool]) -> f64 {
    let coded = |row: usize| gated.is_empty() || !gated[row];
    let rows: Vec<usize> = (0..quantized.numbers.len()).filter(|&row| coded(row)).collect();
    let every = rows.len().div_ceil(N_SAMPLES).max(1);
    let numbers = rows.iter().step_by(every).map(|&row| quantized.numbers[row]).collect();
    bits(numbers) + OWN_BITS * quantized.specials.own_bits.len() as f64 / rows.len().max(1) as f64
}

/// Quantizes a column in each way that may pay, keeps the cheapest in the model and adds its values to `decoded`.
pub fn choose(
    original: &Values,
    variable: &VariablePlan,
    model: &mut TableModel,
    idx: usize,
    decoded: &mut Decoded,
) -> Result<Quantized> {
    let gated: Vec<bool> = match model.columns[idx].gate {
        Some(gate) => decoded.columns[gate].iter().map(|&x| x == 0.0).collect(),
        None => Vec::new(),
    };
    // A head for each place: quantizing needs to know no more.
    model.columns[idx].heads = vec![Head::default(); 2];
    let found = model.columns[idx].base.clone();
    let mut ways = vec![(Base::Zero, false), (Base::Before, false)];
    if found != Base::Zero {
        ways.push((found.clone(), false));
        if matches!(variable.grid, Grid::Uniform { .. } | Grid::Log { .. }) {
            ways.push((found, true));
        }
    }
    let mut best: Option<(f64, (Base, bool))> = None;
    for (base, around) in ways {
        model.columns[idx].base = base.clone();
        model.columns[idx].centered = around;
        let quantized = quantize_column(original, variable, model, idx, decoded)?;
        let n_coded = gated.iter().filter(|&&gated| !gated).count() + (original.len() - gated.len());
        let worth = match base {
            Base::Zero => 0.0,
            Base::Before => WORTH,
            Base::Formula { .. } => WORTH + WORTH_OF_RELATION / n_coded.max(1) as f64,
        };
        let bits = cost(&quantized, &gated) + worth;
        if best.as_ref().is_none_or(|(least, _)| bits < *least) {
            best = Some((bits, (base, around)));
        }
    }
    let (_, (base, around)) = best.expect("there is always a way");
    if !matches!(base, Base::Formula { .. }) {
        model.columns[idx].heads.pop();
    }
    model.columns[idx].base = base;
    model.columns[idx].centered = around;
    quantize_column(original, variable, model, idx, decoded)
}
