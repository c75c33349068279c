//! The integers behind values, and the strangers among these: values that no integer stands for, kept by their orders.

use crate::classical;
use crate::hidden::Hidden;
use crate::predict::Numbers;
use crate::recast::{Array, Inner, values, with_type};
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::element::Element;
use baler_data::error::{Error, Result};
use half::f16;

/// The integers; writes where strangers stand and their orders. Strangers need not come back from the integers.
pub fn forward(hidden: &Hidden, numbers: Numbers, w: &mut ByteWriter) -> Option<Array> {
    let found =
        with_type!(numbers.mantissa_bits, T => hidden.numbers::<T>(&values(numbers.q), numbers.shape));
    let is_masked = |at: usize| numbers.mask.is_some_and(|mask| mask[at]);
    let strangers: Vec<usize> =
        (0..found.len()).filter(|&at| found[at].is_none() && !is_masked(at)).collect();
    w.count(strangers.len());
    if !strangers.is_empty() {
        let n = [strangers.len()];
        let before = std::iter::once(0).chain(strangers.iter().map(|&at| at + 1));
        let gaps = strangers.iter().zip(before).map(|(&at, before)| (at - before) as i64).collect();
        let orders = strangers.iter().map(|&at| numbers.q[at]).collect();
        w.block(&classical::encode(gaps, &n, None).bytes);
        w.block(&classical::encode(orders, &n, None).bytes);
    }
    let mut last = found.iter().flatten().next().copied().unwrap_or(0);
    let mut mask = numbers.mask.map(<[bool]>::to_vec);
    if !strangers.is_empty() {
        let mask = mask.get_or_insert_with(|| vec![false; found.len()]);
        strangers.iter().for_each(|&at| mask[at] = true);
    }
    // Where there is none stands the number before it.
    let follow = |number: Option<i64>| {
        last = number.unwrap_or(last);
        last
    };
    let q = found.into_iter().map(follow).collect();
    Some(Array { q, shape: numbers.shape.to_vec(), mask, mantissa_bits: None })
}

/// Reads what stands behind floats of so many mantissa bits, or behind integers.
pub fn read_hidden(r: &mut ByteReader, shape: &[usize], mantissa_bits: Option<u32>) -> Result<Hidden> {
    let dtype = with_type!(mantissa_bits, T => T::DTYPE);
    Hidden::read(r, dtype, shape)
}

/// The orders of the values.
pub fn decode(
    hidden: &Hidden,
    r: &mut ByteReader,
    shape: &[usize],
    mask: Option<&[bool]>,
    mantissa_bits: Option<u32>,
    inner: &mut Inner,
) -> Result<Vec<i64>> {
    let strangers = read(r, shape.iter().product())?;
    let mut with_strangers = mask.map(<[bool]>::to_vec);
    if !strangers.is_empty() {
        let mask = with_strangers.get_or_insert_with(|| vec![false; shape.iter().product()]);
        strangers.iter().for_each(|&(at, _)| mask[at] = true);
    }
    let (numbers, stride) = inner(r.block()?, shape, with_strangers.as_deref(), None)?;
    if stride != 1 {
        return Err(Error::corrupt("expected the integers behind values, found strides"));
    }
    let mut q: Vec<i64> = with_type!(mantissa_bits, T => {
        hidden.values::<T>(&numbers, shape)?.into_iter().map(Element::order).collect()
    });
    strangers.into_iter().for_each(|(at, order)| q[at] = order);
    Ok(q)
}

/// (place, order) of each stranger.
fn read(r: &mut ByteReader, n_values: usize) -> Result<Vec<(usize, i64)>> {
    let n = r.count()?;
    if n > n_values {
        return Err(Error::corrupt(format!("expected at most {n_values} strangers, found {n}")));
    }
    if n == 0 {
        return Ok(Vec::new());
    }
    let gaps = classical::decode(r.block()?, &[n], None)?;
    let orders = classical::decode(r.block()?, &[n], None)?;
    let mut next = 0usize;
    let mut strangers = Vec::with_capacity(n);
    for (gap, order) in gaps.into_iter().zip(orders) {
        let at = usize::try_from(gap).ok().and_then(|gap| next.checked_add(gap)).filter(|&at| at < n_values);
        let at = at.ok_or_else(|| Error::corrupt("expected strangers among the values, found one beyond"))?;
        strangers.push((at, order));
        next = at + 1;
    }
    Ok(strangers)
}

/// Passes over what [`read`] reads.
pub fn skip(r: &mut ByteReader) -> Result<()> {
    if r.count()? > 0 {
        r.block()?;
        r.block()?;
    }
    Ok(())
}
