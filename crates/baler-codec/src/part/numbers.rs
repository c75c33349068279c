//! Values -> numbers of a grid and special values, and back.

use crate::options::BoundSpec;
use crate::quantize::blocks::{self, BLOCK};
use crate::quantize::special::{OWN_BITS, Specials, holds_pattern};
use crate::quantize::{Bound, Grid, widest};
use crate::variable::VariablePlan;
use baler_data::dataset::Values;
use baler_data::element::{Element, is_negative_zero};
use baler_data::with_values;

/// Values as numbers of the grid; where `specials` has a class the number is that of the value before.
#[derive(Default)]
pub struct Numbers {
    /// One a value, C order.
    pub q: Vec<i64>,
    /// Values that are kept exactly.
    pub specials: Specials,
}

/// Quantizes values of any type on the variable's grid.
pub fn quantize_values(values: &Values, variable: &VariablePlan) -> Numbers {
    with_values!(values, values => quantize(values, variable))
}

/// Quantizes values on the variable's grid.
pub(crate) fn quantize<T: Element>(values: &[T], variable: &VariablePlan) -> Numbers {
    quantize_on(values, variable.grid, &variable.bound, &variable.patterns)
}

/// Quantizes values on a grid. The match lets the compiler make one tight loop a grid.
pub(crate) fn quantize_on<T: Element>(values: &[T], grid: Grid, bound: &Bound, patterns: &[u64]) -> Numbers {
    let mut numbers = Numbers { q: Vec::with_capacity(values.len()), specials: Specials::default() };
    match grid {
        grid if matches!(bound.spec, BoundSpec::Noise(_)) => {
            append_numbers(values, grid, bound, patterns, &mut numbers, values.len())
        }
        Grid::Order => append_numbers(values, Grid::Order, bound, patterns, &mut numbers, values.len()),
        Grid::OrderF32 => append_numbers(values, Grid::OrderF32, bound, patterns, &mut numbers, values.len()),
        Grid::Uniform { step, non_negative } if T::IS_FLOAT => widest(
            #[inline(always)]
            || {
                for block in values.chunks(BLOCK) {
                    let mut q = [0; BLOCK];
                    let plain = !holds_pattern(block, patterns)
                        && blocks::quantize_uniform(block, step, non_negative, bound, &mut q);
                    if plain {
                        numbers.q.extend_from_slice(&q[..block.len()]);
                    } else {
                        append_numbers(block, grid, bound, patterns, &mut numbers, values.len());
                    }
                }
            },
        ),
        Grid::Integer { step } if !T::IS_FLOAT => widest(
            #[inline(always)]
            || {
                for block in values.chunks(BLOCK) {
                    let mut q = [0; BLOCK];
                    let plain = !holds_pattern(block, patterns)
                        && blocks::quantize_integer(block, step, bound, &mut q);
                    if plain {
                        numbers.q.extend_from_slice(&q[..block.len()]);
                    } else {
                        append_numbers(block, grid, bound, patterns, &mut numbers, values.len());
                    }
                }
            },
        ),
        grid => append_numbers(values, grid, bound, patterns, &mut numbers, values.len()),
    }
    numbers
}

/// Appends the numbers of `values`, of `n_values` in all.
#[inline(always)]
fn append_numbers<T: Element>(
    values: &[T],
    grid: Grid,
    bound: &Bound,
    patterns: &[u64],
    numbers: &mut Numbers,
    n_values: usize,
) {
    let width = grid.cell_width();
    let zeros_have_no_sign = !matches!(grid, Grid::Order | Grid::OrderF32);
    let mut previous = numbers.q.last().copied().unwrap_or(0);
    for &x in values {
        let ordinary =
            !T::IS_FLOAT || (x.to_f64().is_finite() && !(zeros_have_no_sign && is_negative_zero(x)));
        let ordinary = ordinary && bound.allows_cells(x, width);
        let number = if ordinary && (patterns.is_empty() || !patterns.contains(&x.to_bits64())) {
            grid.quantize(x, bound)
        } else {
            None
        };
        match number {
            Some(number) => previous = number,
            None => {
                let bits = x.to_bits64();
                let class = patterns.iter().position(|&p| p == bits).map_or(OWN_BITS, |p| p as u8 + 1);
                numbers.specials.set(numbers.q.len(), n_values, class, bits);
            }
        }
        numbers.q.push(previous);
    }
}

/// The values of numbers of the variable's grid.
pub fn reconstruct<T: Element>(q: &[i64], specials: &Specials, variable: &VariablePlan) -> Vec<T> {
    reconstruct_on(q, variable.grid, specials, variable)
}

/// The values of numbers of a grid, the variable's or one that is finer: the one place where data are made, for both sides.
pub fn reconstruct_on<T: Element>(
    q: &[i64],
    grid: Grid,
    specials: &Specials,
    variable: &VariablePlan,
) -> Vec<T> {
    let mut values: Vec<T> = match grid {
        Grid::Uniform { step, non_negative } if T::IS_FLOAT => {
            let mut values = vec![T::default(); q.len()];
            widest(
                #[inline(always)]
                || {
                    for (q, values) in q.chunks(BLOCK).zip(values.chunks_mut(BLOCK)) {
                        if !blocks::uniform_values(q, step, non_negative, values) {
                            q.iter().zip(values).for_each(|(&q, value)| *value = grid.reconstruct(q));
                        }
                    }
                },
            );
            values
        }
        Grid::Integer { step } if !T::IS_FLOAT => {
            let mut values = vec![T::default(); q.len()];
            widest(
                #[inline(always)]
                || {
                    for (q, values) in q.chunks(BLOCK).zip(values.chunks_mut(BLOCK)) {
                        if !blocks::integer_values(q, step, values) {
                            q.iter().zip(values).for_each(|(&q, value)| *value = grid.reconstruct(q));
                        }
                    }
                },
            );
            values
        }
        grid => q.iter().map(|&q| grid.reconstruct(q)).collect(),
    };
    restore(&mut values, specials, variable);
    values
}

/// Moves values into the variable's limits, and puts the special ones in their places.
pub fn restore<T: Element>(values: &mut [T], specials: &Specials, variable: &VariablePlan) {
    if let Some(limits) = &variable.limits {
        widest(
            #[inline(always)]
            || limits.apply(values),
        );
    }
    specials.restore(values, &variable.patterns);
}

/// The grid in one word.
pub fn grid_name(grid: &Grid) -> &'static str {
    match grid {
        Grid::Order => "exact",
        Grid::OrderF32 => "exact-f32",
        Grid::Integer { step: 1 } => "integer",
        Grid::Integer { .. } => "integer-step",
        Grid::Uniform { .. } => "uniform",
        Grid::Decimal { .. } => "decimal",
        Grid::Log { .. } => "log",
    }
}
