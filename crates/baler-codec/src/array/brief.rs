//! A promise without what the range of the values says: the limit of a relative bound, and the step of the grid that spends
//! a bound. It stands where both sides compute the same; else the promise is written as in an archive.

use crate::options::BoundSpec;
use crate::quantize::{Bound, Grid, Limits, uniform_step, whole_step};
use crate::variable::{VariablePlan, read_bits, read_grid, write_bits, write_grid};
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::dataset::DType;
use baler_data::element::Element;
use baler_data::error::{Error, Result};
use baler_data::with_dtype;

/// Set in the first byte of a relative bound.
const RELATIVE: u8 = 1;
/// Codes of grids, 0 if the grid follows; in the first byte they stand above [`RELATIVE`]. First those whose step the bound gives ...
const UNIFORM: u8 = 1;
const NOT_NEGATIVE: u8 = 2;
const INTEGER: u8 = 3;
/// ... then decimal ones of these divisors.
const DECIMAL: u8 = 4;
const DIVISORS: [f64; 6] = [1e1, 1e2, 1e3, 1e4, 1e5, 1e6];
const LAST: u8 = DECIMAL + DIVISORS.len() as u8 - 1;

/// Writes bound, limits and grid in short, if that says the same.
#[cfg_attr(not(feature = "encode"), allow(dead_code))]
pub fn write(variable: &VariablePlan, w: &mut ByteWriter) -> bool {
    let (VariablePlan { dtype, bound, grid, .. }, Some(limits)) = (variable, &variable.limits) else {
        return false;
    };
    if bound_of(bound.spec, limits, *dtype) != Some(*bound) {
        return false;
    }
    let is_grid = |code: &u8| grid_of(*code, bound.limit, limits, *dtype) == Some(*grid);
    let code = (UNIFORM..=LAST).find(is_grid).unwrap_or(0);
    w.u8(code << 1 | matches!(bound.spec, BoundSpec::Rel(_)) as u8);
    w.f64(bound.spec.value());
    let ends = with_dtype!(*dtype, T => limits.ends::<T>().map(Element::to_bits64));
    ends.iter().for_each(|&bits| write_bits(bits, *dtype, w));
    if code == 0 {
        write_grid(grid, w);
    }
    true
}

/// Inverse of [`write`].
pub fn read(r: &mut ByteReader, dtype: DType) -> Result<(Bound, Option<Limits>, Grid)> {
    let first = r.u8()?;
    if first > LAST << 1 | RELATIVE {
        return Err(Error::unsupported(format!("expected a promise in short from 0 to 19, found {first}")));
    }
    let e = r.f64()?;
    let spec = if first & RELATIVE == 0 { BoundSpec::Abs(e) } else { BoundSpec::Rel(e) };
    let limits = Limits::read(read_bits(r, dtype)?, read_bits(r, dtype)?, dtype)?;
    let bound =
        bound_of(spec, &limits, dtype).filter(|bound| e >= 0.0 && e.is_finite() && bound.limit.is_finite());
    let bound = bound.ok_or_else(|| Error::corrupt(format!("expected a finite bound >= 0, found {e}")))?;
    let grid = match first >> 1 {
        0 => read_grid(r, dtype)?,
        code => grid_of(code, bound.limit, &limits, dtype).ok_or_else(|| {
            Error::corrupt(format!("expected a bound that gives the step of a grid, found {}", bound.limit))
        })?,
    };
    Ok((bound, Some(limits), grid))
}

/// An absolute bound, or a relative one for the range between the limits.
fn bound_of(spec: BoundSpec, limits: &Limits, dtype: DType) -> Option<Bound> {
    let is_absolute = matches!(spec, BoundSpec::Abs(_) | BoundSpec::Rel(_));
    is_absolute.then(|| Bound::resolve(spec, with_dtype!(dtype, T => limits.range::<T>())))
}

/// The grid of a code, which spends a bound on values between the limits.
fn grid_of(code: u8, limit: f64, limits: &Limits, dtype: DType) -> Option<Grid> {
    match code {
        UNIFORM | NOT_NEGATIVE if dtype.is_float() => {}
        INTEGER => return Some(Grid::Integer { step: whole_step(limit) }),
        DECIMAL..=LAST if dtype.is_float() => {
            return Some(Grid::Decimal { divisor: DIVISORS[(code - DECIMAL) as usize] });
        }
        _ => return None,
    }
    with_dtype!(dtype, T => {
        let [low, high] = limits.ends::<T>().map(Element::to_f64);
        let step = uniform_step::<T>(limit, low.abs().max(high.abs()))?;
        Some(Grid::Uniform { step, non_negative: code == NOT_NEGATIVE })
    })
}
