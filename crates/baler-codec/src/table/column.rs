//! One column of a chunk: values -> numbers, given the columns before it, and back.
//!
//! A row is gated (its gate column is 0 there: the value is 0 and not coded), special (kept exactly beside the stream),
//! or it has a number, counted from its base.

use crate::part::numbers::restore;
use crate::quantize::special::{OWN_BITS, Specials};
use crate::quantize::{Grid, exp2, round_to_i64};
use crate::table::model::{Base, ColumnModel};
use crate::variable::VariablePlan;
use baler_data::bytes::with_room;
use baler_data::dataset::DType;
use baler_data::element::Element;
use baler_data::element::is_negative_zero;
use baler_data::error::Result;

/// What is known of a column's rows before its stream is read.
pub struct Rows {
    /// Rows of the chunk.
    pub n_rows: usize,
    /// Rows where the gate is 0; empty without a gate.
    pub gated: Vec<bool>,
    /// The base's value, NaN where there is none; empty without a formula.
    pub bases: Vec<f64>,
}

impl Rows {
    /// From the decoded columns and the formulas' values.
    pub fn new(
        column: &ColumnModel,
        columns: &[Vec<f64>],
        formulas: &[Vec<f64>],
        n_rows: usize,
    ) -> Result<Rows> {
        let mut rows = Rows { n_rows, gated: Vec::new(), bases: Vec::new() };
        if let Some(gate) = column.gate {
            rows.gated = with_room(n_rows)?;
            rows.gated.extend(columns[gate].iter().map(|&x| x == 0.0));
        }
        if let Base::Formula { formula, zeros } = &column.base {
            rows.bases = with_room(n_rows)?;
            rows.bases.extend_from_slice(&formulas[*formula]);
            for &idx in zeros {
                let parent = columns[idx].iter();
                rows.bases
                    .iter_mut()
                    .zip(parent)
                    .filter(|(_, x)| **x != 0.0)
                    .for_each(|(b, _)| *b = f64::NAN);
            }
        }
        Ok(rows)
    }

    #[inline(always)]
    fn is_gated(&self, row: usize) -> bool {
        !self.gated.is_empty() && self.gated[row]
    }
}

/// How a number becomes a value in one row.
#[derive(Debug, Clone, Copy, PartialEq)]
enum RowPlace {
    Gated,
    /// On the grid, counted from a number.
    Number {
        from: i64,
        based: bool,
    },
    /// On a lattice around a value.
    Around(f64),
}

/// Walks over the rows of a column.
pub struct Walk<'a> {
    variable: &'a VariablePlan,
    column: &'a ColumnModel,
    rows: &'a Rows,
    before: i64,
}

impl<'a> Walk<'a> {
    /// At the first row.
    pub fn new(variable: &'a VariablePlan, column: &'a ColumnModel, rows: &'a Rows) -> Walk<'a> {
        Walk { variable, column, rows, before: 0 }
    }

    #[inline(always)]
    fn place<T: Element>(&self, row: usize) -> RowPlace {
        if self.rows.is_gated(row) {
            return RowPlace::Gated;
        }
        match self.column.base {
            Base::Zero => RowPlace::Number { from: 0, based: true },
            Base::Before => RowPlace::Number { from: self.before, based: true },
            Base::Formula { .. } => {
                let base = self.rows.bases[row];
                if base.is_finite() && self.column.centered {
                    return RowPlace::Around(base);
                }
                match base_number::<T>(self.variable.grid, base) {
                    Some(from) => RowPlace::Number { from, based: true },
                    None => RowPlace::Number { from: 0, based: false },
                }
            }
        }
    }

    /// Which head codes a row; `None` where nothing is coded.
    #[inline(always)]
    pub fn head<T: Element>(&self, row: usize) -> Option<usize> {
        match self.place::<T>(row) {
            RowPlace::Gated => None,
            RowPlace::Number { based: false, .. } => Some(self.column.heads.len().saturating_sub(1)),
            _ => Some(0),
        }
    }

    /// [`Walk::head`] for a dtype known at run time.
    #[inline(always)]
    pub fn head_of(&self, row: usize, dtype: DType) -> Option<usize> {
        match dtype {
            DType::F64 => self.head::<f64>(row),
            DType::F32 => self.head::<f32>(row),
            DType::F16 => self.head::<half::f16>(row),
            _ => self.head::<i64>(row),
        }
    }

    /// The value of a row's number; the one place where such values are made, for both sides.
    #[inline(always)]
    pub fn value<T: Element>(&mut self, row: usize, number: i64) -> T {
        match self.place::<T>(row) {
            RowPlace::Gated => T::from_f64(0.0),
            RowPlace::Number { from, .. } => {
                self.before = from.wrapping_add(number);
                self.variable.grid.reconstruct(self.before)
            }
            RowPlace::Around(base) => around(self.variable.grid, base, number),
        }
    }

    /// A number whose value is within the bound, or `None`; then the row is special.
    fn number<T: Element>(&self, row: usize, x: T) -> Option<i64> {
        let grid = self.variable.grid;
        let bound = &self.variable.bound;
        match self.place::<T>(row) {
            RowPlace::Gated => (!is_negative_zero(x) && bound.holds(x, T::from_f64(0.0))).then_some(0),
            RowPlace::Number { from, .. } => grid.quantize(x, bound).map(|q| q.wrapping_sub(from)),
            RowPlace::Around(base) => {
                let nearest = nearest_around(grid, base, x.to_f64())?;
                let tries = [nearest, nearest.wrapping_sub(1), nearest.wrapping_add(1)];
                tries.into_iter().find(|&number| bound.holds(x, around(grid, base, number)))
            }
        }
    }
}

/// The number of the grid that is nearest to a base; `None` for what is not finite or too large, and on logarithmic
/// grids, which have no exactly specified way from a value to its number.
#[inline(always)]
fn base_number<T: Element>(grid: Grid, base: f64) -> Option<i64> {
    match grid {
        _ if !base.is_finite() => None,
        Grid::Log { .. } => None,
        _ if T::IS_FLOAT => {
            grid.nearest(T::from_f64(base)).filter(|_| T::from_f64(base).to_f64().is_finite())
        }
        _ => grid.nearest(T::from_f64((base + 0.5).floor())),
    }
}

/// The value `number` steps from a base, on a uniform or logarithmic grid.
#[inline(always)]
fn around<T: Element>(grid: Grid, base: f64, number: i64) -> T {
    match grid {
        Grid::Uniform { step, non_negative } => {
            let x = base + number as f64 * step;
            T::from_f64(if non_negative && x < 0.0 { 0.0 } else { x })
        }
        Grid::Log { step, integral, .. } => {
            let exponent = (number as i128 * step as i128).clamp(i64::MIN as i128, i64::MAX as i128) as i64;
            let size = base.abs() * exp2::exp2(exponent);
            let size = if integral { (size + 0.5).floor() } else { size };
            T::from_f64(if base < 0.0 { -size } else { size })
        }
        grid => grid.reconstruct(number),
    }
}

/// The number whose value should be nearest to x.
fn nearest_around(grid: Grid, base: f64, x: f64) -> Option<i64> {
    match grid {
        Grid::Uniform { step, .. } => round_to_i64((x - base) / step),
        Grid::Log { .. } if base == 0.0 || x == base => Some(0),
        Grid::Log { step, .. } => {
            let octaves = libm::log2(x / base);
            let step = step as f64 / (1u64 << exp2::FRACTION_BITS) as f64;
            (x / base > 0.0).then(|| round_to_i64(octaves / step)).flatten()
        }
        _ => None,
    }
}

/// Numbers and special values of a column.
pub fn quantize<T: Element>(
    values: &[T],
    variable: &VariablePlan,
    column: &ColumnModel,
    rows: &Rows,
) -> (Vec<i64>, Specials) {
    let mut walk = Walk::new(variable, column, rows);
    let mut specials = Specials::default();
    let mut numbers = Vec::with_capacity(values.len());
    let zeros_have_no_sign = !matches!(variable.grid, Grid::Order | Grid::OrderF32);
    for (row, &x) in values.iter().enumerate() {
        let ordinary =
            !T::IS_FLOAT || (x.to_f64().is_finite() && !(zeros_have_no_sign && is_negative_zero(x)));
        let own_pattern = variable.patterns.iter().position(|&pattern| pattern == x.to_bits64());
        let number = if ordinary && own_pattern.is_none() { walk.number(row, x) } else { None };
        match number {
            Some(number) => {
                numbers.push(number);
                let _: T = walk.value(row, number);
            }
            None => {
                let class = own_pattern.map_or(OWN_BITS, |pattern| pattern as u8 + 1);
                specials.set(row, values.len(), class, x.to_bits64());
                numbers.push(0);
            }
        }
    }
    (numbers, specials)
}

/// The values of numbers.
pub fn reconstruct<T: Element>(
    numbers: &[i64],
    specials: &Specials,
    variable: &VariablePlan,
    column: &ColumnModel,
    rows: &Rows,
) -> Vec<T> {
    let mut walk = Walk::new(variable, column, rows);
    let is_special = |row: usize| specials.classes.get(row).is_some_and(|&class| class != 0);
    let mut values: Vec<T> = (numbers.iter().enumerate())
        .map(|(row, &number)| if is_special(row) { T::default() } else { walk.value(row, number) })
        .collect();
    restore(&mut values, specials, variable);
    values
}
