//! Values -> the integers that stand behind them, and back, bit for bit.
//!
//! Many floats were never measured as floats: they are integers that were unpacked with a scale and an offset, decimals that
//! were read from text, float32 that were widened, mantissas that were cut. A [`Hidden`] says which arithmetic made them, as a
//! short program of once-rounded operations, either one for all values or one for each index along an axis. Numbers keep
//! the order of values, as far as the arithmetic does.
//!
//! What is found is only ever a claim: [`Hidden::numbers`] computes the value of each number again and answers `None` where
//! the bits differ, and whoever codes the numbers keeps these *strangers* by other means.

mod digits;
mod find;
mod program;
mod stored;
#[cfg(test)]
mod tests;
mod words;

use baler_data::bytes::with_room;
use baler_data::element::Element;
use baler_data::error::{Error, Result};
use program::Program;
use std::ops::Range;

/// Which integers stand behind values: one lattice for all, or one for each index along an axis or along neighboring axes.
#[derive(Debug, Clone, PartialEq)]
pub struct Hidden {
    /// The axes along which lattices differ; empty where one is for all.
    axes: Range<usize>,
    /// One, or one for each index (C order of the axes).
    programs: Vec<Program>,
}

impl Hidden {
    /// The number behind each value (C order of `shape`); `None` for strangers.
    pub fn numbers<T: Element>(&self, values: &[T], shape: &[usize]) -> Vec<Option<i64>> {
        let mut numbers = Vec::with_capacity(values.len());
        let inner = self.inner(shape);
        for (block, values) in values.chunks(inner).enumerate() {
            let program = &self.programs[block % self.programs.len()];
            numbers.extend(values.iter().map(|&value| program.number(value)));
        }
        numbers
    }

    /// The values of numbers (C order of `shape`). Any number has a value; those of hostile bytes may be NaN.
    pub fn values<T: Element>(&self, numbers: &[i64], shape: &[usize]) -> Result<Vec<T>> {
        let expected: usize = shape.iter().product();
        let n_lattices: usize = shape.get(self.axes.clone()).map_or(0, |extents| extents.iter().product());
        if numbers.len() != expected || n_lattices != self.programs.len() {
            return Err(Error::corrupt(format!(
                "expected {expected} numbers of {} lattices, found {}; the file is damaged",
                self.programs.len(),
                numbers.len()
            )));
        }
        let mut values = with_room(numbers.len())?;
        for (block, numbers) in numbers.chunks(self.inner(shape)).enumerate() {
            self.programs[block % self.programs.len()].values(numbers, &mut values);
        }
        Ok(values)
    }

    /// Values of one lattice that follow each other.
    fn inner(&self, shape: &[usize]) -> usize {
        shape.get(self.axes.end..).map_or(1, |extents| extents.iter().product::<usize>().max(1))
    }
}
