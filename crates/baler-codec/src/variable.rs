//! A variable of the plan, as bytes and back: name, dtype, shape, how the source stored it, what is promised, and the
//! grid. Refuses bounds and grids that the dtype cannot have, and lists that nothing counts.

use crate::options::{BoundSpec, Noise};
use crate::quantize::special::MAX_PATTERNS;
use crate::quantize::{Bound, Grid, Limits, Promises, part_limit};
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::dataset::kind::{Kind, TimeUnit};
use baler_data::dataset::{DType, ListKind, Lists, MAX_AXES, Storage, n_elements, row_len};
use baler_data::element::Element;
use baler_data::error::{Error, Result};
use baler_data::with_dtype;

/// Lists inside lists, at most.
const MAX_LISTS: usize = 16;

/// One variable of the plan.
#[derive(Debug, Clone, PartialEq)]
pub struct VariablePlan {
    /// Unique name.
    pub name: String,
    /// Element type.
    pub dtype: DType,
    /// Extents.
    pub shape: Vec<usize>,
    /// How the source stored it.
    pub storage: Storage,
    /// The promise.
    pub bound: Bound,
    /// The range that decoded values keep to, but for special ones; `None` for what is lossless.
    pub limits: Option<Limits>,
    /// The values that can be stored.
    pub grid: Grid,
    /// Bits of the values that stand often and are kept exactly.
    pub patterns: Vec<u64>,
    /// What is promised beside the bound.
    pub promises: Promises,
}

impl VariablePlan {
    /// Extent of the first axis; 1 for a scalar.
    pub fn n_rows(&self) -> usize {
        self.shape.first().copied().unwrap_or(1)
    }

    /// Shape of `n_rows` rows.
    pub fn shape_of_rows(&self, n_rows: usize) -> Vec<usize> {
        match self.shape.split_first() {
            Some((_, rest)) => [&[n_rows], rest].concat(),
            None => Vec::new(),
        }
    }

    /// True if parts say on which sides of thresholds values are: without loss they are on that of their originals.
    pub fn has_sides(&self) -> bool {
        !self.promises.cuts.is_empty() && self.bound.spec != BoundSpec::Lossless
    }

    /// True if parts say which values move so that their sum is that of the originals.
    pub fn has_sum(&self) -> bool {
        self.promises.keeps_sum && self.bound.spec != BoundSpec::Lossless
    }

    /// True if values move after their numbers are decoded.
    pub fn is_settled(&self) -> bool {
        self.has_sides() || self.has_sum()
    }

    /// Number of values.
    pub fn n_values(&self) -> usize {
        self.shape.iter().product()
    }

    /// The limits as numbers.
    pub fn limit_values(&self) -> Option<[f64; 2]> {
        let values = |limits: &Limits| with_dtype!(self.dtype, T => limits.ends::<T>().map(Element::to_f64));
        self.limits.as_ref().map(values)
    }

    /// The patterns as numbers.
    pub fn pattern_values(&self) -> Vec<f64> {
        let value = |&bits: &u64| with_dtype!(self.dtype, T => T::from_bits64(bits).to_f64());
        self.patterns.iter().map(value).collect()
    }

    /// Values of a row.
    pub fn row_len(&self) -> usize {
        row_len(&self.shape)
    }
}

pub(super) fn read_name(r: &mut ByteReader) -> Result<String> {
    String::from_utf8(r.block()?.to_vec()).map_err(|_| Error::corrupt("expected a name in UTF-8"))
}

/// The fields of docs/format.md.
pub fn write_variable(variable: &VariablePlan, w: &mut ByteWriter) {
    w.block(variable.name.as_bytes());
    w.u8(variable.dtype as u8);
    let Storage { fortran_order, big_endian, lists, kind } = variable.storage;
    let has_kind = kind != Kind::Number;
    let has_promises = variable.promises != Promises::default();
    w.u8(fortran_order as u8
        | (big_endian as u8) << 1
        | (lists.is_some() as u8) << 2
        | (has_kind as u8) << 3
        | (has_promises as u8) << 4);
    if let Some(lists) = lists {
        w.count(lists.counts);
        w.u8(lists.kind as u8);
    }
    if has_kind {
        let (code, unit) = kind.code();
        w.u8(code);
        unit.into_iter().for_each(|unit| w.u8(unit as u8));
    }
    w.count(variable.shape.len());
    for &extent in &variable.shape {
        w.count(extent);
    }
    write_promise(variable, w);
    if has_promises {
        variable.promises.write(w);
    }
}

/// What is promised, the grid, and the values that are kept exactly.
pub fn write_promise(variable: &VariablePlan, w: &mut ByteWriter) {
    write_bound(variable, w);
    write_grid(&variable.grid, w);
    write_patterns(variable, w);
}

/// Bits of the values that are kept exactly.
pub fn write_patterns(variable: &VariablePlan, w: &mut ByteWriter) {
    w.count(variable.patterns.len());
    variable.patterns.iter().for_each(|&pattern| write_bits(pattern, variable.dtype, w));
}

/// A bound, the limits of decoded values, their grid, and bits that are kept exactly.
type Promise = (Bound, Option<Limits>, Grid, Vec<u64>);

/// Inverse of [`write_promise`].
pub fn read_promise(r: &mut ByteReader, dtype: DType) -> Result<Promise> {
    let (bound, limits) = read_bound(r, dtype)?;
    let grid = read_grid(r, dtype)?;
    Ok((bound, limits, grid, read_patterns(r, dtype)?))
}

/// Inverse of [`write_patterns`].
pub fn read_patterns(r: &mut ByteReader, dtype: DType) -> Result<Vec<u64>> {
    let n_patterns = r.count_of_items()?;
    if n_patterns > MAX_PATTERNS {
        return Err(Error::corrupt(format!("expected at most {MAX_PATTERNS} patterns, found {n_patterns}")));
    }
    (0..n_patterns).map(|_| read_bits(r, dtype)).collect()
}

/// Inverse of [`write_variable`].
pub fn read_variable(r: &mut ByteReader) -> Result<VariablePlan> {
    let name = read_name(r)?;
    let code = r.u8()?;
    let dtype = *DType::ALL
        .get(code as usize)
        .ok_or_else(|| Error::unsupported(format!("expected a dtype from 0 to 11, found {code}")))?;
    let flags = r.u8()?;
    if flags > 31 {
        return Err(Error::corrupt(format!("expected storage flags from 0 to 31, found {flags}")));
    }
    let lists = if flags & 4 != 0 { Some(read_lists(r)?) } else { None };
    let kind = if flags & 8 != 0 { read_kind(r)? } else { Kind::Number };
    let storage = Storage { fortran_order: flags & 1 != 0, big_endian: flags & 2 != 0, lists, kind };
    let n_axes = r.count_of_items()?;
    if n_axes > MAX_AXES {
        return Err(
            Error::limit(format!("expected at most {MAX_AXES} axes, found {n_axes}")).in_variable(&name)
        );
    }
    let shape: Vec<usize> = (0..n_axes).map(|_| r.count()).collect::<Result<_>>()?;
    n_elements(&shape)?;
    let (mut bound, limits, grid, patterns) = read_promise(r, dtype)?;
    check_kind(kind, dtype, &shape, lists.is_some(), &bound)?;
    if let (Kind::Complex, BoundSpec::Abs(e)) = (kind, bound.spec) {
        bound.limit = part_limit(e);
    }
    let promises = if flags & 16 != 0 { Promises::read(r)? } else { Promises::default() };
    Ok(VariablePlan { name, dtype, shape, storage, bound, limits, grid, patterns, promises })
}

/// The bits of one value.
pub fn write_bits(bits: u64, dtype: DType, w: &mut ByteWriter) {
    w.raw(&bits.to_le_bytes()[..dtype.size_bytes()]);
}

/// Inverse of [`write_bits`].
pub fn read_bits(r: &mut ByteReader, dtype: DType) -> Result<u64> {
    let mut bits = [0; 8];
    bits[..dtype.size_bytes()].copy_from_slice(r.raw(dtype.size_bytes())?);
    Ok(u64::from_le_bytes(bits))
}

fn read_kind(r: &mut ByteReader) -> Result<Kind> {
    let code = r.u8()?;
    let unit = || {
        let code = r.u8()?;
        let unit = TimeUnit::ALL.get(code as usize).copied();
        unit.ok_or_else(|| Error::unsupported(format!("expected a unit of time from 0 to 12, found {code}")))
    };
    let kind = Kind::from_code(code, unit)?;
    kind.ok_or_else(|| Error::unsupported(format!("expected a kind of variable from 0 to 6, found {code}")))
}

/// Characters and bytes are exact, and each kind has its dtypes.
fn check_kind(kind: Kind, dtype: DType, shape: &[usize], has_lists: bool, bound: &Bound) -> Result<()> {
    if !kind.fits(dtype, shape, has_lists) || kind.is_opaque() && bound.spec != BoundSpec::Lossless {
        let shown = kind.shown(dtype);
        return Err(Error::corrupt(format!("{} of shape {shape:?} cannot be {shown}", dtype.name())));
    }
    Ok(())
}

fn read_lists(r: &mut ByteReader) -> Result<Lists> {
    let counts = r.count()?;
    let code = r.u8()?;
    let kind = ListKind::ALL.get(code as usize).copied();
    let kind = kind
        .ok_or_else(|| Error::unsupported(format!("expected a kind of lists from 0 to 2, found {code}")))?;
    Ok(Lists { counts, kind })
}

/// The variable that counts the lists of another must hold whole numbers, exactly, and not count itself by way of others.
pub(super) fn check_lists(variables: &[VariablePlan]) -> Result<()> {
    for variable in variables {
        let mut lists = variable.storage.lists;
        for depth in 0.. {
            let Some(Lists { counts, .. }) = lists else { break };
            let fits = |c: &&VariablePlan| {
                c.shape.len() == 1
                    && !c.dtype.is_float()
                    && c.bound.spec == BoundSpec::Lossless
                    && depth < MAX_LISTS
            };
            let Some(counts) = variables.get(counts).filter(fits) else {
                return Err(Error::corrupt("the lists of a variable are not counted by exact whole numbers")
                    .in_variable(&variable.name));
            };
            lists = counts.storage.lists;
        }
        if variable.storage.lists.is_some() && variable.shape.is_empty() {
            return Err(Error::corrupt("a single value has no lists").in_variable(&variable.name));
        }
    }
    Ok(())
}

/// Set in the code of a bound that limits follow.
const WITH_LIMITS: u8 = 8;

fn write_bound(variable: &VariablePlan, w: &mut ByteWriter) {
    let VariablePlan { bound, limits, dtype, .. } = variable;
    let flag = if limits.is_some() { WITH_LIMITS } else { 0 };
    match bound.spec {
        BoundSpec::Lossless => w.u8(flag),
        BoundSpec::Abs(e) => {
            w.u8(1 + flag);
            w.f64(e);
        }
        BoundSpec::Rel(e) => {
            w.u8(2 + flag);
            w.f64(e);
            w.f64(bound.limit);
        }
        BoundSpec::PwRel(e) => {
            w.u8(3 + flag);
            w.f64(e);
        }
        BoundSpec::Unbounded => w.u8(4 + flag),
        BoundSpec::Noise(Noise { k, gain, read }) => {
            w.u8(5 + flag);
            [k, gain, read].iter().for_each(|&x| w.f64(x));
        }
    }
    if let Some(limits) = limits {
        let ends = with_dtype!(*dtype, T => limits.ends::<T>().map(Element::to_bits64));
        ends.iter().for_each(|&bits| write_bits(bits, *dtype, w));
    }
}

fn read_bound(r: &mut ByteReader, dtype: DType) -> Result<(Bound, Option<Limits>)> {
    let code = r.u8()?;
    let bound = match code & !WITH_LIMITS {
        0 if code == 0 => Bound { spec: BoundSpec::Lossless, limit: 0.0 },
        1 => {
            let e = r.f64()?;
            Bound { spec: BoundSpec::Abs(e), limit: e }
        }
        2 => Bound { spec: BoundSpec::Rel(r.f64()?), limit: r.f64()? },
        3 => {
            let e = r.f64()?;
            Bound { spec: BoundSpec::PwRel(e), limit: e }
        }
        4 => Bound { spec: BoundSpec::Unbounded, limit: 0.0 },
        5 => {
            let noise = Noise { k: r.f64()?, gain: r.f64()?, read: r.f64()? };
            if ![noise.gain, noise.read].iter().all(|&x| x >= 0.0 && x.is_finite()) {
                return Err(Error::corrupt(format!("expected finite noise >= 0, found {noise:?}")));
            }
            Bound { spec: BoundSpec::Noise(noise), limit: noise.k }
        }
        _ => {
            return Err(Error::unsupported(format!(
                "expected a bound from 0 to 5, or from 9 to 13 with limits, found {code}"
            )));
        }
    };
    if ![bound.spec.value(), bound.limit].iter().all(|&x| x >= 0.0 && x.is_finite()) {
        return Err(Error::corrupt(format!("expected a finite bound >= 0, found {bound:?}")));
    }
    if code & WITH_LIMITS == 0 {
        return Ok((bound, None));
    }
    let limits = Limits::read(read_bits(r, dtype)?, read_bits(r, dtype)?, dtype)?;
    Ok((bound, Some(limits)))
}

/// Code and parameters of a grid.
pub fn write_grid(grid: &Grid, w: &mut ByteWriter) {
    match *grid {
        Grid::Order => w.u8(0),
        Grid::OrderF32 => w.u8(1),
        Grid::Integer { step } => {
            w.u8(2);
            w.varint(step);
        }
        Grid::Uniform { step, non_negative } => {
            w.u8(3 + non_negative as u8);
            w.f64(step);
        }
        Grid::Decimal { divisor } => {
            w.u8(5);
            w.f64(divisor);
        }
        Grid::Log { step, low, integral } => {
            w.u8(6 + integral as u8);
            w.varint(step);
            w.signed(low);
        }
    }
}

/// Inverse of [`write_grid`], for a dtype that the grid must fit.
pub fn read_grid(r: &mut ByteReader, dtype: DType) -> Result<Grid> {
    let code = r.u8()?;
    let grid = match code {
        0 => Grid::Order,
        1 => Grid::OrderF32,
        2 => Grid::Integer { step: r.varint()? },
        3 | 4 => Grid::Uniform { step: r.f64()?, non_negative: code == 4 },
        5 => Grid::Decimal { divisor: r.f64()? },
        6 | 7 => Grid::Log { step: r.varint()?, low: r.signed()?, integral: code == 7 },
        n => return Err(Error::unsupported(format!("expected a grid from 0 to 7, found {n}"))),
    };
    let valid = match grid {
        Grid::Order => true,
        Grid::OrderF32 => dtype == DType::F64,
        Grid::Integer { step } => (1..1 << 62).contains(&step),
        Grid::Uniform { step, .. } => step.is_normal() && step > 0.0 && dtype.is_float(),
        Grid::Decimal { divisor } => divisor >= 1.0 && divisor.is_finite() && dtype.is_float(),
        Grid::Log { step, low, .. } => (1..1 << 52).contains(&step) && low.unsigned_abs() < 1 << 60,
    };
    if valid {
        Ok(grid)
    } else {
        Err(Error::corrupt(format!("the grid {grid:?} does not fit {}", dtype.name())))
    }
}
