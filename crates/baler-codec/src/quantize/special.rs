//! Values kept exactly, beside the grid: NaN with its payload, infinities, negative zeros, missing values, and
//! values that no number of the grid serves. Each position has a class: 0 for the grid, 1..=k for one of the
//! variable's k patterns (bits that stand often, such as 1e20 or the usual NaN), 255 for bits of its own.
//!
//! Classes are stored as runs, so a land mask costs a few bytes a coast line and an empty map nothing.

use baler_data::bytes::{ByteReader, ByteWriter, with_room};
use baler_data::element::Element;
use baler_data::error::{Error, Result};
use baler_data::zstd_frames;
use baler_data::zstd_frames::unzstd;

/// The class of bits that are stored for the one position.
pub const OWN_BITS: u8 = 255;
/// Most patterns a variable may have.
pub const MAX_PATTERNS: usize = 16;

/// Which positions of a chunk are kept exactly, and as what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Specials {
    /// Class of each position; empty if all are 0.
    pub classes: Vec<u8>,
    /// Bits of the positions of class 255, in order.
    pub own_bits: Vec<u64>,
}

impl Specials {
    /// Marks position `idx` of `n_values`.
    pub fn set(&mut self, idx: usize, n_values: usize, class: u8, bits: u64) {
        if self.classes.is_empty() {
            self.classes = vec![0; n_values];
        }
        self.classes[idx] = class;
        if class == OWN_BITS {
            self.own_bits.push(bits);
        }
    }

    /// True at the positions that the grid does not hold; `None` if it holds all.
    pub fn mask(&self) -> Option<Vec<bool>> {
        (!self.classes.is_empty()).then(|| self.classes.iter().map(|&class| class != 0).collect())
    }

    /// Nothing for an empty map; else the length of the inner bytes, and those through zstd: the number of runs,
    /// each run (class, length), then the own bits of `size_bytes` each.
    pub fn write(&self, size_bytes: usize) -> Vec<u8> {
        if self.classes.is_empty() {
            return Vec::new();
        }
        let mut inner = ByteWriter::default();
        let runs: Vec<&[u8]> = self.classes.chunk_by(|a, b| a == b).collect();
        inner.count(runs.len());
        for run in runs {
            inner.u8(run[0]);
            inner.count(run.len());
        }
        for bits in &self.own_bits {
            inner.raw(&bits.to_le_bytes()[..size_bytes]);
        }
        let mut out = ByteWriter::default();
        out.count(inner.bytes.len());
        out.raw(&zstd_frames::compress(&inner.bytes, 19, None));
        out.bytes
    }

    /// Inverse of [`Specials::write`]; `n_patterns` classes are known.
    pub fn read(bytes: &[u8], n_values: usize, size_bytes: usize, n_patterns: usize) -> Result<Specials> {
        if bytes.is_empty() {
            return Ok(Specials::default());
        }
        let mut outer = ByteReader::new(bytes);
        let len = outer.count()?;
        if len > n_values.saturating_mul(20) + 16 {
            return Err(Error::corrupt(format!("expected at most 20 bytes a special value, found {len}")));
        }
        let inner = unzstd(outer.rest(), len, "special values")?;
        let mut reader = ByteReader::new(&inner);
        let mut classes = with_room(n_values)?;
        for _ in 0..reader.count_of_items()? {
            let class = reader.u8()?;
            let run = reader.count()?;
            if run > n_values - classes.len() || (class != OWN_BITS && class as usize > n_patterns) {
                return Err(Error::corrupt(format!(
                    "run of {run} special values of class {class} does not fit"
                )));
            }
            classes.resize(classes.len() + run, class);
        }
        let n_own = classes.iter().filter(|&&class| class == OWN_BITS).count();
        if classes.len() != n_values {
            return Err(Error::corrupt(format!("expected {n_values} classes, found {}", classes.len())));
        }
        let mut own_bits = Vec::with_capacity(n_own);
        for _ in 0..n_own {
            let mut bits = [0; 8];
            bits[..size_bytes].copy_from_slice(reader.raw(size_bytes)?);
            own_bits.push(u64::from_le_bytes(bits));
        }
        reader.finish("the special values")?;
        Ok(Specials { classes, own_bits })
    }

    /// Puts the special values into `values`.
    pub fn restore<T: Element>(&self, values: &mut [T], patterns: &[u64]) {
        let mut own = self.own_bits.iter();
        for (value, &class) in values.iter_mut().zip(&self.classes) {
            match class {
                0 => {}
                OWN_BITS => *value = T::from_bits64(*own.next().unwrap_or(&0)),
                class => *value = T::from_bits64(patterns[class as usize - 1]),
            }
        }
    }
}

/// True if any value has the bits of one of the patterns.
pub fn holds_pattern<T: Element>(values: &[T], patterns: &[u64]) -> bool {
    patterns.iter().any(|&pattern| values.iter().fold(false, |found, x| found | (x.to_bits64() == pattern)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_and_bits_come_back() {
        let mut specials = Specials::default();
        for idx in 100..200 {
            specials.set(idx, 1000, 1, 0);
        }
        specials.set(700, 1000, OWN_BITS, f32::NAN.to_bits() as u64 | 0x1234);
        let bytes = specials.write(4);
        assert!(bytes.len() < 40);
        let back = Specials::read(&bytes, 1000, 4, 1).unwrap();
        assert_eq!(back, specials);
        let mut values = vec![0f32; 1000];
        back.restore(&mut values, &[1e20f32.to_bits() as u64]);
        assert_eq!((values[99], values[150]), (0.0, 1e20));
        assert_eq!(values[700].to_bits(), f32::NAN.to_bits() | 0x1234);
        assert!(Specials::default().write(4).is_empty());
    }

    #[test]
    fn damaged_maps_are_errors() {
        let mut specials = Specials::default();
        specials.set(3, 10, OWN_BITS, 7);
        let bytes = specials.write(8);
        for cut in 1..bytes.len() {
            assert!(Specials::read(&bytes[..cut], 10, 8, 0).is_err());
        }
        assert!(Specials::read(&bytes, 9, 8, 0).is_err());
        assert!(Specials::read(&bytes, 11, 8, 0).is_err());
    }
}
