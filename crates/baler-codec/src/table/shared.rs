//! A table's model that was trained before and is applied as it is: in archives the model and the grids that it was made
//! on, in model files also what is known of the training data. In: bytes; out: the model for the grids of an archive.

use crate::quantize::Grid;
use crate::table::codec::{Decoded, quantize_column};
use crate::table::model::{Base, TableModel};
use crate::table::words::{relation, words};
use crate::variable::{VariablePlan, read_grid, write_grid};
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::dataset::{DType, Values};
use baler_data::error::{Error, Result};
use baler_data::names;

/// Farthest that steps may lie apart for bins to be carried over.
const MAX_RATIO: f64 = (1u64 << 40) as f64;
/// Largest number of a bin that was carried over.
const MAX_NUMBER: f64 = (1u64 << 62) as f64;
/// Bits a value may take beyond those of the training data before it is said.
const DRIFT_FACTOR: f64 = 1.25;
const DRIFT_BITS: f64 = 0.1;
/// Share of the rows by which a relation may fail more often than in the training data, where it always held, before it is
/// said.
const DRIFT_ROWS: f64 = 0.02;
/// Variables that one line of a warning names.
const N_NAMED: usize = 3;
/// Largest number of a row in which a relation is said to hold.
const HOLDS_WITHIN: u64 = 1;

/// What stands in an archive: a model, and the dtype and grid of each column when it was made.
#[derive(Debug, Clone, PartialEq)]
pub struct SharedTable {
    /// Element type and grid of each column.
    pub grids: Vec<(DType, Grid)>,
    /// The model, in numbers of these grids.
    pub model: TableModel,
}

impl SharedTable {
    /// The model in numbers of the grids of `variables`, the columns of a group.
    pub fn fitted(&self, variables: &[&VariablePlan]) -> Result<TableModel> {
        let dtypes = variables.iter().map(|variable| variable.dtype);
        if !dtypes.eq(self.grids.iter().map(|(dtype, _)| *dtype)) {
            return Err(Error::corrupt("expected the model's columns in a table, found others"));
        }
        let mut model = self.model.clone();
        for ((column, (_, from)), variable) in model.columns.iter_mut().zip(&self.grids).zip(variables) {
            let Some(carry) = Carry::between(from, &variable.grid) else { continue };
            let n_heads = column.heads.len();
            for (idx, head) in column.heads.iter_mut().enumerate() {
                let relative = match column.base {
                    Base::Zero => false,
                    Base::Before => true,
                    Base::Formula { .. } => idx + 1 < n_heads,
                };
                head.bins = head.bins.rescaled(
                    |number| carry.number(number, relative),
                    |end| carry.end(end, relative),
                    carry.shift(),
                );
            }
        }
        Ok(model)
    }

    /// For each column its dtype and grid, then the model.
    pub fn write(&self) -> Vec<u8> {
        let mut w = ByteWriter::default();
        w.count(self.grids.len());
        for (dtype, grid) in &self.grids {
            w.u8(*dtype as u8);
            write_grid(grid, &mut w);
        }
        self.model.write(&mut w);
        w.bytes
    }

    /// Inverse of [`SharedTable::write`].
    pub fn read(bytes: &[u8]) -> Result<SharedTable> {
        let mut r = ByteReader::new(bytes);
        let grids: Vec<(DType, Grid)> = (0..r.count_of_items()?)
            .map(|_| {
                let dtype = read_dtype(&mut r)?;
                Ok((dtype, read_grid(&mut r, dtype)?))
            })
            .collect::<Result<_>>()?;
        let model = TableModel::read(&mut r, grids.len())?;
        r.finish("a table's model")?;
        Ok(SharedTable { grids, model })
    }
}

/// How numbers of one grid become those of another that measures the same.
struct Carry {
    ratio: f64,
    /// Numbers of the smallest magnitudes, on logarithmic grids.
    lows: Option<(i64, i64)>,
}

impl Carry {
    /// `None` where nothing changes, or the grids measure different things.
    fn between(from: &Grid, to: &Grid) -> Option<Carry> {
        let carry = match (from, to) {
            (Grid::Log { step, low, .. }, Grid::Log { step: to_step, low: to_low, .. }) => {
                Carry { ratio: *step as f64 / *to_step as f64, lows: Some((*low, *to_low)) }
            }
            _ => Carry { ratio: linear_step(from)? / linear_step(to)?, lows: None },
        };
        let same = carry.ratio == 1.0 && carry.lows.is_none_or(|(from, to)| from == to);
        (!same && (1.0 / MAX_RATIO..=MAX_RATIO).contains(&carry.ratio)).then_some(carry)
    }

    /// floor(log2(ratio) + 1/2).
    fn shift(&self) -> i32 {
        let exponent = ((self.ratio * self.ratio).to_bits() >> 52) as i32 - 1023;
        (exponent + 1).div_euclid(2)
    }

    /// The number of the other grid; `relative` numbers are differences.
    fn number(&self, number: i64, relative: bool) -> i64 {
        let scaled = |x: i64| (x as f64 * self.ratio).round_ties_even().clamp(-MAX_NUMBER, MAX_NUMBER) as i64;
        let number = number.clamp(-MAX_NUMBER as i64, MAX_NUMBER as i64);
        match self.lows {
            Some((from, to)) if !relative && number != 0 => {
                let size = (scaled(number.abs() - 1 + from) - to + 1).max(1);
                if number < 0 { -size } else { size }
            }
            _ => scaled(number),
        }
    }
}

impl Carry {
    /// Where a bin that ended at `end` ends: on logarithmic grids the numbers on either side of 0 lie apart from it.
    fn end(&self, end: i64, relative: bool) -> i64 {
        match self.lows {
            Some(_) if !relative && end == 0 => self.number(-1, false) + 1,
            _ => self.number(end, relative),
        }
    }
}

fn linear_step(grid: &Grid) -> Option<f64> {
    match *grid {
        Grid::Integer { step } => Some(step as f64),
        Grid::Uniform { step, .. } => Some(step),
        Grid::Decimal { divisor } => Some(1.0 / divisor),
        Grid::Order | Grid::OrderF32 | Grid::Log { .. } => None,
    }
}

fn read_dtype(r: &mut ByteReader) -> Result<DType> {
    let dtype = DType::ALL.get(r.u8()? as usize);
    dtype.copied().ok_or_else(|| Error::unsupported("a model's dtype is not known; use a newer version"))
}

/// What a model file knows of a column of its training data.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownColumn {
    /// Name.
    pub name: String,
    /// Least and largest finite value; both 0 where there is none.
    pub range: [f64; 2],
    /// Bits a value.
    pub bits: f64,
    /// Bits a value without the table.
    pub bits_alone: f64,
    /// Share of the rows in which the column's relation held, 1 without one.
    pub holds: f64,
}

/// A table that a model file knows.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownTable {
    /// In the order of the model.
    pub columns: Vec<KnownColumn>,
    /// What archives need of it.
    pub shared: SharedTable,
}

impl KnownTable {
    /// Bits that a value of column `idx` should take on `grid`, if the data are like those of the training. On a coarser
    /// grid that may be as many: what is rare and far away makes the range, but few of the bits.
    fn expected_bits(&self, idx: usize, grid: &Grid) -> f64 {
        let finer =
            Carry::between(&self.shared.grids[idx].1, grid).map_or(0.0, |carry| libm::log2(carry.ratio));
        let column = &self.columns[idx];
        column.bits.min(column.bits_alone) + finer.max(0.0)
    }

    /// Bits a value beyond which column `idx` is tried without the table: those that say that it is not like the training
    /// data; always where the training data did better without.
    pub fn most_bits(&self, idx: usize, grid: &Grid) -> f64 {
        let column = &self.columns[idx];
        if column.bits_alone < column.bits { 0.0 } else { self.drift_bits(idx, grid) }
    }

    fn drift_bits(&self, idx: usize, grid: &Grid) -> f64 {
        self.expected_bits(idx, grid) * DRIFT_FACTOR + DRIFT_BITS
    }

    /// What to tell if column `idx` takes clearly more bits than it should.
    pub fn drift(&self, idx: usize, bits: f64, grid: &Grid) -> Option<String> {
        (bits > self.drift_bits(idx, grid)).then(|| {
            format!(
                "'{}': {bits:.2} bits a value, the model's training data would take {:.2}; the data have drifted, \
                 train a model for them if the size matters",
                self.columns[idx].name,
                self.expected_bits(idx, grid)
            )
        })
    }

    /// What to tell if columns, of which `ends` has the least and largest values, reach beyond those of the training by
    /// more than a tenth of their range.
    pub fn outside(&self, ends: &[[f64; 2]]) -> Option<String> {
        let beyond = |(column, [low, high]): &(&KnownColumn, &[f64; 2])| {
            let [known_low, known_high] = column.range;
            let slack = 0.1 * (known_high - known_low);
            *low < known_low - slack || *high > known_high + slack
        };
        let tell = |(column, [low, high]): (&KnownColumn, &[f64; 2])| {
            let KnownColumn { name, range: [known_low, known_high], .. } = column;
            format!("'{name}' ({low:.4e} to {high:.4e}, there {known_low:.4e} to {known_high:.4e})")
        };
        let found: Vec<String> = self.columns.iter().zip(ends).filter(beyond).map(tell).collect();
        let more = match found.len().saturating_sub(N_NAMED) {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        (!found.is_empty()).then(|| {
            format!(
                "values outside the model's training data: {}{more}; the bound holds all the same",
                found[..found.len().min(N_NAMED)].join(", ")
            )
        })
    }

    /// What to tell if the relation of column `idx` holds in clearly fewer rows than it did.
    pub fn fails(&self, idx: usize, holds: f64) -> Option<String> {
        let KnownColumn { name, holds: known, .. } = &self.columns[idx];
        let short = self.short_names();
        let names = |idx: usize| short[idx].to_string();
        (holds < known - DRIFT_ROWS - (1.0 - known)).then(|| {
            format!(
                "'{name}': what the model knows ({}) holds in {:.1} % of the rows, in its training data in {:.1} %; the \
                 others are corrected",
                relation(&self.shared.model, idx, &self.shared.grids[idx].1, &names),
                100.0 * holds,
                100.0 * known
            )
        })
    }

    fn short_names(&self) -> Vec<&str> {
        names::short(&self.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>())
    }

    /// (name, how it follows from others) of each column.
    pub fn words(&self) -> Vec<(String, String)> {
        let short = self.short_names();
        let names = |idx: usize| short[idx].to_string();
        let of = |(idx, column): (usize, &KnownColumn)| {
            (column.name.clone(), words(&self.shared.model, idx, &self.shared.grids[idx].1, &names))
        };
        self.columns.iter().enumerate().map(of).collect()
    }

    /// Columns (name, range, bits, bits alone, share of rows), then a block with what archives need.
    pub fn write(&self, w: &mut ByteWriter) {
        w.count(self.columns.len());
        for column in &self.columns {
            w.block(column.name.as_bytes());
            let [low, high] = column.range;
            [low, high, column.bits, column.bits_alone, column.holds]
                .iter()
                .for_each(|&number| w.f64(number));
        }
        w.block(&self.shared.write());
    }

    /// Inverse of [`KnownTable::write`].
    pub fn read(r: &mut ByteReader) -> Result<KnownTable> {
        let columns: Vec<KnownColumn> = (0..r.count_of_items()?)
            .map(|_| {
                let name = String::from_utf8(r.block()?.to_vec());
                let name = name.map_err(|_| Error::corrupt("expected a name in UTF-8"))?;
                let (range, bits, bits_alone, holds) = ([r.f64()?, r.f64()?], r.f64()?, r.f64()?, r.f64()?);
                Ok(KnownColumn { name, range, bits, bits_alone, holds })
            })
            .collect::<Result<_>>()?;
        let shared = SharedTable::read(r.block()?)?;
        if shared.grids.len() != columns.len() {
            return Err(Error::corrupt("expected as many names as columns in a table's model"));
        }
        Ok(KnownTable { columns, shared })
    }
}

/// The share of the rows in which each column follows from others: gated as it should be, or at most a step from its
/// base; 1 without a relation.
pub fn holds(originals: &[Values], variables: &[&VariablePlan], model: &TableModel) -> Result<Vec<f64>> {
    let mut decoded = Decoded::new(model);
    let mut shares = vec![1.0; originals.len()];
    for &idx in &model.order {
        let column = &model.columns[idx];
        let quantized = quantize_column(&originals[idx], variables[idx], model, idx, &mut decoded)?;
        let formula = matches!(column.base, Base::Formula { .. });
        if column.gate.is_none() && !formula {
            continue;
        }
        let special = |row: usize| quantized.specials.classes.get(row).is_some_and(|&class| class != 0);
        let gated = |row: usize| column.gate.is_some_and(|gate| decoded.columns[gate][row] == 0.0);
        let good = |row: usize| {
            let within = !formula || gated(row) || quantized.numbers[row].unsigned_abs() <= HOLDS_WITHIN;
            within && !special(row)
        };
        let n_rows = originals[idx].len();
        shares[idx] = (0..n_rows).filter(|&row| good(row)).count() as f64 / n_rows.max(1) as f64;
    }
    Ok(shares)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::BoundSpec;
    use crate::quantize::{Bound, Promises};
    use crate::table::bins::{Bin, Bins};
    use crate::table::formula::{Formula, Op};
    use crate::table::model::{ColumnModel, Head};

    #[test]
    fn numbers_are_carried_to_other_steps() {
        let uniform = |step| Grid::Uniform { step, non_negative: false };
        let carry = Carry::between(&uniform(0.5), &uniform(0.25)).unwrap();
        assert_eq!((carry.number(-7, false), carry.shift()), (-14, 1));
        let carry = Carry::between(&Grid::Decimal { divisor: 10.0 }, &Grid::Integer { step: 1 }).unwrap();
        assert_eq!((carry.number(55, true), carry.number(65, true), carry.shift()), (6, 6, -3));
        let log = |step, low| Grid::Log { step, low, integral: false };
        let carry = Carry::between(&log(1000, -50), &log(1000, -60)).unwrap();
        assert_eq!([1, -1, 0, 20].map(|x| carry.number(x, false)), [11, -11, 0, 30]);
        assert_eq!(carry.number(20, true), 20);
        assert!(Carry::between(&log(1000, 3), &log(1000, 3)).is_none());
        assert!(Carry::between(&uniform(1e-300), &uniform(1e300)).is_none());
        assert!(Carry::between(&Grid::Order, &uniform(1.0)).is_none());
        for (ratio, shift) in [(1.4, 0), (1.42, 1), (0.71, 0), (0.7, -1), (3.0, 2), (2.8, 1)] {
            assert_eq!(Carry { ratio, lows: None }.shift(), shift, "{ratio}");
        }
    }

    #[test]
    fn damaged_models_are_errors_and_forged_ones_never_panic() {
        let mut model = TableModel {
            order: vec![1, 0],
            formulas: vec![Formula(vec![Op::Column(1), Op::Constant(2.0), Op::Multiply])],
            columns: vec![ColumnModel::default(); 2],
        };
        let bins = Bins::new([-40, -3, 0, 1, 7, 300].map(|low| Bin { low, log_width: 0, weight: 2 }).into());
        model.columns[0].base = Base::Formula { formula: 0, zeros: Vec::new() };
        for column in &mut model.columns {
            column.heads = vec![Head { bins: bins.clone(), contexts: Vec::new() }; 2];
        }
        let log = |low| Grid::Log { step: 1 << 40, low, integral: false };
        let grids = [Grid::Uniform { step: 0.1, non_negative: true }, log(-30)];
        let shared = SharedTable { grids: grids.map(|grid| (DType::F32, grid)).into(), model };
        let variable = |grid| VariablePlan {
            name: String::new(),
            dtype: DType::F32,
            shape: vec![1],
            storage: Default::default(),
            bound: Bound::resolve(BoundSpec::Abs(0.1), 1.0),
            limits: None,
            grid,
            patterns: Vec::new(),
            promises: Promises::default(),
        };
        let others = [variable(Grid::Integer { step: 3 }), variable(log(55))];
        let others: Vec<&VariablePlan> = others.iter().collect();
        let bytes = shared.write();
        assert_eq!(SharedTable::read(&bytes).unwrap(), shared);
        assert!(shared.fitted(&others).unwrap() != shared.model && shared.fitted(&others[..1]).is_err());
        assert!((0..bytes.len()).all(|end| SharedTable::read(&bytes[..end]).is_err()));
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut forged = bytes.clone();
                forged[at] ^= 1 << bit;
                let _ = SharedTable::read(&forged).and_then(|forged| forged.fitted(&others));
            }
        }
    }
}
