//! Numbers recast: other, simpler numbers that are coded in their place, from which they follow exactly.
//!
//! In: numbers of a grid (C order of a shape; some need not come back). Out: one or more arrays of other numbers, and a few
//! bytes that say how the first follow from them. Each array is coded by whoever called, which may recast it again. So
//! what the numbers are is found first, and what is learned is learned of that:
//!
//! - [`crate::hidden`]: the integers behind values, by their origin (scale and offset, decimals, text, multiples).
//! - [`dictionary`]: values that repeat far apart, as numbers of a table of the different ones.
//! - [`layout`]: the axes turned, an array split along an axis, a series cut into records.
//!
//! `part::search` decides; the encoder only. It refuses, when it reads, what would not give as many numbers as are
//! asked for.

pub mod dictionary;
pub mod layout;
mod strangers;

use crate::hidden::Hidden;
use crate::predict::Numbers;
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::dataset::n_elements;
use baler_data::element::Element;
use baler_data::error::{Error, Result};
use half::f16;

/// How often numbers may be recast, one inside the other.
pub const MAX_DEPTH: usize = 5;
/// Most arrays that one is split into.
pub const MAX_SPLIT: usize = 4096;

/// Numbers with their shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// C order.
    pub q: Vec<i64>,
    /// Extents.
    pub shape: Vec<usize>,
    /// True where a number need not come back.
    pub mask: Option<Vec<bool>>,
    /// Mantissa bits where they are the orders of floats.
    pub mantissa_bits: Option<u32>,
}

impl Array {
    /// The same, as coders take it.
    pub fn numbers(&self) -> Numbers<'_> {
        let Array { q, shape, mask, mantissa_bits } = self;
        Numbers { q, shape, mask: mask.as_deref(), mantissa_bits: *mantissa_bits }
    }
}

/// How numbers follow from others.
#[derive(Debug, Clone)]
pub enum Recast {
    /// The orders of values, from the integers behind them.
    Hidden(Hidden),
    /// Entries of a table of the different numbers.
    Dictionary(dictionary::Order),
    /// The axes from this one on are moved to the front.
    Turned(usize),
    /// An array for each index along an axis.
    Split(usize),
    /// A series is cut into records of so many numbers.
    Records(usize),
}

/// What decodes an inner array: its bytes, shape, mask and mantissa bits to its numbers and their stride.
pub type Inner<'a> = dyn FnMut(&[u8], &[usize], Option<&[bool]>, Option<u32>) -> Result<(Vec<i64>, i64)> + 'a;

impl Recast {
    /// The bits of the kinds by which numbers only stand elsewhere.
    pub const LAYOUTS: u8 = 4 | 8 | 16;

    /// One bit for each kind, so that none is tried twice where that is of no use.
    pub fn kind(&self) -> u8 {
        match self {
            Recast::Hidden(_) => 1,
            Recast::Dictionary(_) => 2,
            Recast::Turned(_) => 4,
            Recast::Split(_) => 8,
            Recast::Records(_) => 16,
        }
    }

    /// True if numbers stay what they are and only stand elsewhere: then a finer grid's may take their place.
    pub fn is_layout(&self) -> bool {
        self.kind() & Recast::LAYOUTS != 0
    }

    /// In words.
    pub fn words(&self) -> String {
        match self {
            Recast::Hidden(hidden) => hidden.words(),
            Recast::Dictionary(_) => "different values and which".to_string(),
            Recast::Turned(_) => "turned axes".to_string(),
            Recast::Split(axis) => format!("one array for each index of axis {axis}"),
            Recast::Records(n) => format!("records of {n}"),
        }
    }

    /// What is to be coded in the place of `numbers`, and the bytes that say how they follow from it. `None` if they do
    /// not.
    pub fn forward(&self, numbers: Numbers) -> Option<(Vec<u8>, Vec<Array>)> {
        let mut w = ByteWriter::default();
        let arrays = match self {
            Recast::Hidden(hidden) => {
                w.u8(0);
                hidden.write(&mut w);
                vec![strangers::forward(hidden, numbers, &mut w)?]
            }
            Recast::Dictionary(order) => {
                w.u8(1 + *order as u8);
                let (table, entries) = dictionary::forward(*order, numbers)?;
                w.count(table.q.len());
                vec![table, entries]
            }
            Recast::Turned(first) => {
                w.u8(3);
                w.count(*first);
                vec![layout::turned(numbers, *first)?]
            }
            Recast::Split(axis) => {
                w.u8(4);
                w.count(*axis);
                layout::split(numbers, *axis)?
            }
            Recast::Records(n_columns) => {
                w.u8(5);
                w.count(*n_columns);
                let shape = layout::record_shape(numbers.shape, *n_columns)?;
                let (q, mask) = (numbers.q.to_vec(), numbers.mask.map(<[bool]>::to_vec));
                vec![Array { q, shape, mask, mantissa_bits: numbers.mantissa_bits }]
            }
        };
        Some((w.bytes, arrays))
    }

    /// Reads how numbers follow from others, up to what is coded in their place.
    fn read(r: &mut ByteReader, shape: &[usize], mantissa_bits: Option<u32>) -> Result<Recast> {
        let recast = match r.u8()? {
            0 => Recast::Hidden(strangers::read_hidden(r, shape, mantissa_bits)?),
            1 => Recast::Dictionary(dictionary::Order::Sorted),
            2 => Recast::Dictionary(dictionary::Order::First),
            3 => Recast::Turned(r.count()?),
            4 => Recast::Split(r.count()?),
            5 => Recast::Records(r.count()?),
            n => {
                let expected = "expected numbers recast in a way from 0 to 5";
                return Err(Error::unsupported(format!("{expected}, found {n}; use a newer version")));
            }
        };
        Ok(recast)
    }
}

/// Inverse of [`Recast::forward`] with the arrays as `inner` decodes them: the numbers, and their stride.
pub fn decode(
    bytes: &[u8],
    (shape, mask, mantissa_bits): (&[usize], Option<&[bool]>, Option<u32>),
    inner: &mut Inner,
) -> Result<(Vec<i64>, i64)> {
    let mut r = ByteReader::new(bytes);
    let recast = Recast::read(&mut r, shape, mantissa_bits)?;
    let whole = |(q, stride): (Vec<i64>, i64)| match stride {
        1 => Ok(q),
        _ => Err(Error::corrupt(format!("expected numbers that are no strides, found strides of {stride}"))),
    };
    let decoded = match recast {
        Recast::Hidden(hidden) => (strangers::decode(&hidden, &mut r, shape, mask, mantissa_bits, inner)?, 1),
        Recast::Dictionary(order) => {
            // An entry may take less than a byte.
            let (n_entries, n_numbers) = (r.count()?, n_elements(shape)?);
            if n_entries > n_numbers {
                return Err(Error::corrupt(format!(
                    "expected at most {n_numbers} different values, found {n_entries}"
                )));
            }
            let table = whole(inner(r.block()?, &[n_entries], None, mantissa_bits)?)?;
            let mut q = whole(inner(r.block()?, shape, mask, None)?)?;
            dictionary::undo(order, &table, mask, &mut q)?;
            (q, 1)
        }
        Recast::Turned(first) => {
            let (turned, turned_mask) = layout::turned_shape(shape, mask, first)?;
            let (q, stride) = inner(r.block()?, &turned, turned_mask.as_deref(), mantissa_bits)?;
            (layout::turned_back(&q, shape, first), stride)
        }
        Recast::Split(axis) => layout::joined(&mut r, (shape, mask, mantissa_bits), axis, inner)?,
        Recast::Records(n_columns) => {
            let records = layout::record_shape(shape, n_columns)
                .ok_or_else(|| Error::corrupt(format!("expected whole records of {n_columns} numbers")))?;
            inner(r.block()?, &records, mask, mantissa_bits)?
        }
    };
    r.finish("numbers that are recast")?;
    Ok(decoded)
}

/// What a recast stream is, in words, and the first stream inside with what it codes.
pub struct Described<'a> {
    /// How the numbers follow.
    pub words: String,
    /// A stream inside.
    pub inner: &'a [u8],
    /// The shape of its numbers.
    pub shape: Vec<usize>,
    /// Mantissa bits where these are the orders of floats.
    pub mantissa_bits: Option<u32>,
}

/// Describes what [`Recast::forward`] made without decoding it.
pub fn describe<'a>(bytes: &'a [u8], shape: &[usize], mantissa_bits: Option<u32>) -> Result<Described<'a>> {
    let mut r = ByteReader::new(bytes);
    let recast = Recast::read(&mut r, shape, mantissa_bits)?;
    let words = recast.words();
    let (shape, mantissa_bits) = match recast {
        Recast::Hidden(_) => {
            strangers::skip(&mut r)?;
            (shape.to_vec(), None)
        }
        Recast::Dictionary(_) => {
            r.count()?;
            r.block()?;
            (shape.to_vec(), None)
        }
        Recast::Turned(first) => (layout::turned_shape(shape, None, first)?.0, mantissa_bits),
        Recast::Split(axis) => (layout::without(shape, axis)?, mantissa_bits),
        Recast::Records(n_columns) => {
            (layout::record_shape(shape, n_columns).unwrap_or_else(|| shape.to_vec()), mantissa_bits)
        }
    };
    Ok(Described { words, inner: r.block()?, shape, mantissa_bits })
}

/// Runs `$body` with `$T` the type of values whose orders have so many mantissa bits, or that are integers.
macro_rules! with_type {
    ($bits:expr, $T:ident => $body:expr) => {
        match $bits {
            None => {
                type $T = i64;
                $body
            }
            Some(10) => {
                type $T = f16;
                $body
            }
            Some(23) => {
                type $T = f32;
                $body
            }
            Some(_) => {
                type $T = f64;
                $body
            }
        }
    };
}
use with_type;

/// The integers behind the values whose orders these are.
pub fn find_hidden(numbers: Numbers) -> Option<Hidden> {
    with_type!(numbers.mantissa_bits, T => Hidden::find::<T>(&values(numbers.q), numbers.shape, numbers.mask))
}

fn values<T: Element>(orders: &[i64]) -> Vec<T> {
    orders.iter().map(|&order| T::from_order(order)).collect()
}

#[cfg(test)]
mod tests;
