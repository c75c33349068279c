//! A short list of float64 operations on decoded columns: what relates one column to others.
//!
//! Postfix: columns and constants are pushed, operations replace the topmost values. Every operation is one rounded
//! IEEE 754 operation or one of [`Elementary`]; nothing is fused, so all machines agree.

use crate::table::elementary::Elementary;
use baler_data::bytes::{ByteReader, ByteWriter, with_room};
use baler_data::error::{Error, Result};

/// Most operations of a formula.
const MAX_OPS: usize = 64;
/// Most values waiting at any time.
const MAX_DEPTH: usize = 8;

/// One operation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Op {
    /// Pushes the value of a column of the same row.
    Column(usize),
    /// Pushes the value of a column of the row before; NaN in a chunk's first row.
    Before(usize),
    /// Pushes a constant.
    Constant(f64),
    /// Replaces a, b by a + b.
    Add,
    /// a - b.
    Subtract,
    /// a * b.
    Multiply,
    /// a / b.
    Divide,
    /// Replaces a by its root; 0 for a negative a.
    Root,
    /// sin a.
    Sin,
    /// cos a.
    Cos,
    /// sinh a.
    Sinh,
    /// cosh a.
    Cosh,
    /// a * a.
    Square,
}

/// Operations in postfix order that leave one value.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Formula(pub Vec<Op>);

impl Op {
    fn code(self) -> u8 {
        match self {
            Op::Column(_) => 0,
            Op::Before(_) => 1,
            Op::Constant(_) => 2,
            Op::Add => 3,
            Op::Subtract => 4,
            Op::Multiply => 5,
            Op::Divide => 6,
            Op::Root => 7,
            Op::Sin => 8,
            Op::Cos => 9,
            Op::Sinh => 10,
            Op::Cosh => 11,
            Op::Square => 12,
        }
    }

    /// How many values an operation takes.
    fn arity(self) -> usize {
        match self {
            Op::Column(_) | Op::Before(_) | Op::Constant(_) => 0,
            Op::Add | Op::Subtract | Op::Multiply | Op::Divide => 2,
            _ => 1,
        }
    }
}

impl Formula {
    /// Columns that it reads.
    pub fn columns(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().filter_map(|op| match op {
            Op::Column(idx) | Op::Before(idx) => Some(*idx),
            _ => None,
        })
    }

    /// Count of operations, then each: code, and a column or a constant.
    pub fn write(&self, w: &mut ByteWriter) {
        w.count(self.0.len());
        for op in &self.0 {
            w.u8(op.code());
            match op {
                Op::Column(idx) | Op::Before(idx) => w.count(*idx),
                Op::Constant(value) => w.f64(*value),
                _ => {}
            }
        }
    }

    /// Inverse of [`Formula::write`]; refuses columns from `n_columns` on and what does not leave one value.
    pub fn read(r: &mut ByteReader, n_columns: usize) -> Result<Formula> {
        let n_ops = r.count_of_items()?;
        if n_ops > MAX_OPS {
            return Err(Error::corrupt(format!("expected at most {MAX_OPS} operations, found {n_ops}")));
        }
        let ops = (0..n_ops).map(|_| read_op(r)).collect::<Result<Vec<Op>>>()?;
        let formula = Formula(ops);
        if formula.columns().any(|idx| idx >= n_columns) || !formula.leaves_one_value() {
            return Err(Error::corrupt("expected a formula of known columns that leaves one value"));
        }
        Ok(formula)
    }

    fn leaves_one_value(&self) -> bool {
        let mut depth = 0usize;
        for op in &self.0 {
            let Some(left) = depth.checked_sub(op.arity()) else { return false };
            depth = left + 1;
            if depth > MAX_DEPTH {
                return false;
            }
        }
        depth == 1
    }

    /// The value in each of `n_rows` rows; `columns` holds the values of all columns that the formula reads.
    pub fn evaluate(&self, columns: &[Vec<f64>], n_rows: usize) -> Result<Vec<f64>> {
        let functions = Elementary::default();
        let mut stack: Vec<Vec<f64>> = Vec::new();
        for op in &self.0 {
            let next = match *op {
                Op::Column(idx) => filled(n_rows, |row| columns[idx][row])?,
                Op::Before(idx) => {
                    filled(n_rows, |row| if row == 0 { f64::NAN } else { columns[idx][row - 1] })?
                }
                Op::Constant(value) => filled(n_rows, |_| value)?,
                op => {
                    let mut b = stack.pop().unwrap_or_default();
                    if op.arity() == 2 {
                        let a = stack.pop().unwrap_or_default();
                        b.iter_mut().zip(a).for_each(|(b, a)| *b = of_two(op, a, *b));
                    } else {
                        b.iter_mut().for_each(|b| *b = of_one(op, *b, &functions));
                    }
                    b
                }
            };
            stack.push(next);
        }
        Ok(stack.pop().unwrap_or_default())
    }

    /// The formula as a person writes it.
    pub fn words(&self, names: &dyn Fn(usize) -> String) -> String {
        // (text, is a sum, is a product)
        let mut stack: Vec<(String, bool, bool)> = Vec::new();
        for op in &self.0 {
            let next = match *op {
                Op::Column(idx) => (names(idx), false, false),
                Op::Before(idx) => (format!("{} of the row before", names(idx)), false, false),
                Op::Constant(value) => (format!("{value}"), false, false),
                op if op.arity() == 2 => {
                    let b = stack.pop().unwrap_or_default();
                    let a = stack.pop().unwrap_or_default();
                    infix(op, a, b)
                }
                Op::Square => {
                    let (a, sum, product) = stack.pop().unwrap_or_default();
                    (if sum || product { format!("({a})^2") } else { format!("{a}^2") }, false, false)
                }
                op => {
                    let a = stack.pop().unwrap_or_default().0;
                    let name = match op {
                        Op::Root => "sqrt",
                        Op::Sin => "sin",
                        Op::Cos => "cos",
                        Op::Sinh => "sinh",
                        _ => "cosh",
                    };
                    (format!("{name}({a})"), false, false)
                }
            };
            stack.push(next);
        }
        stack.pop().map(|(text, ..)| text).unwrap_or_default()
    }
}

fn infix(op: Op, a: (String, bool, bool), b: (String, bool, bool)) -> (String, bool, bool) {
    let wrapped = |(text, sum, product): (String, bool, bool), product_too: bool| {
        if sum || product_too && product { format!("({text})") } else { text }
    };
    match op {
        Op::Add => (format!("{} + {}", a.0, b.0), true, false),
        Op::Subtract => (format!("{} - {}", a.0, wrapped(b, false)), true, false),
        Op::Multiply => (format!("{} * {}", wrapped(a, false), wrapped(b, false)), false, true),
        _ => (format!("{} / {}", wrapped(a, false), wrapped(b, true)), false, true),
    }
}

fn filled(n_rows: usize, value: impl Fn(usize) -> f64) -> Result<Vec<f64>> {
    let mut values = with_room(n_rows)?;
    values.extend((0..n_rows).map(value));
    Ok(values)
}

#[inline(always)]
fn of_two(op: Op, a: f64, b: f64) -> f64 {
    match op {
        Op::Add => a + b,
        Op::Subtract => a - b,
        Op::Multiply => a * b,
        _ => a / b,
    }
}

#[inline(always)]
fn of_one(op: Op, a: f64, functions: &Elementary) -> f64 {
    match op {
        Op::Root if a < 0.0 => 0.0,
        Op::Root => a.sqrt(),
        Op::Square => a * a,
        Op::Sin => functions.sin_cos(a).0,
        Op::Cos => functions.sin_cos(a).1,
        Op::Sinh => functions.sinh_cosh(a).0,
        _ => functions.sinh_cosh(a).1,
    }
}

fn read_op(r: &mut ByteReader) -> Result<Op> {
    Ok(match r.u8()? {
        0 => Op::Column(r.count()?),
        1 => Op::Before(r.count()?),
        2 => Op::Constant(r.f64()?),
        3 => Op::Add,
        4 => Op::Subtract,
        5 => Op::Multiply,
        6 => Op::Divide,
        7 => Op::Root,
        8 => Op::Sin,
        9 => Op::Cos,
        10 => Op::Sinh,
        11 => Op::Cosh,
        12 => Op::Square,
        n => return Err(Error::unsupported(format!("expected an operation from 0 to 12, found {n}"))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(formula: &Formula, n_columns: usize) -> Result<Formula> {
        let mut w = ByteWriter::default();
        formula.write(&mut w);
        Formula::read(&mut ByteReader::new(&w.bytes), n_columns)
    }

    #[test]
    fn an_energy_is_computed_and_told() {
        let (pt, eta, mass) = (Op::Column(0), Op::Column(1), Op::Column(2));
        let ops = vec![pt, eta, Op::Cosh, Op::Multiply, Op::Square, mass, Op::Square, Op::Add, Op::Root];
        let formula = Formula(ops);
        let values = formula.evaluate(&[vec![3.0, 0.0], vec![0.0, 1.0], vec![4.0, 2.5]], 2).unwrap();
        assert_eq!(values, [5.0, 2.5]);
        let words = formula.words(&|idx| ["pt", "eta", "mass"][idx].to_string());
        assert_eq!(words, "sqrt((pt * cosh(eta))^2 + mass^2)");
        assert_eq!(read(&formula, 3).unwrap(), formula);
        assert!(read(&formula, 2).is_err());
    }

    #[test]
    fn a_chunk_has_no_row_before_its_first() {
        let formula = Formula(vec![Op::Before(0), Op::Constant(2.0), Op::Divide]);
        let values = formula.evaluate(&[vec![6.0, 7.0]], 2).unwrap();
        assert!(values[0].is_nan() && values[1] == 3.0);
        assert_eq!(read(&formula, 1).unwrap(), formula);
    }

    #[test]
    fn what_leaves_no_single_value_is_refused() {
        for ops in [
            vec![],
            vec![Op::Add],
            vec![Op::Column(0), Op::Column(0)],
            vec![Op::Column(0); 65],
            [vec![Op::Column(0); 9], vec![Op::Add; 8]].concat(),
        ] {
            assert!(read(&Formula(ops), 1).is_err());
        }
        assert!(Formula::read(&mut ByteReader::new(&[1, 13]), 1).is_err());
    }
}
