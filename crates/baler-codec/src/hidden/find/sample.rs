//! A few values of a lattice, and how fine floats are around them.

use crate::hidden::digits::POWERS;
use crate::hidden::program::Float;
use baler_data::element::Element;
use baler_data::random::mix;
use std::ops::Range;

/// Which values of an array share a lattice: `n_outer` runs of `inner` values, `stride` apart.
#[derive(Debug, Clone, Copy)]
pub struct Group {
    /// The first value.
    pub first: usize,
    /// Runs.
    pub n_outer: usize,
    /// From the start of a run to the start of the next.
    pub stride: usize,
    /// Values of a run.
    pub inner: usize,
}

impl Group {
    /// All of `n` values.
    pub fn all(n: usize) -> Group {
        Group { first: 0, n_outer: 1, stride: n, inner: n }
    }

    /// The values at index `idx` (C order) of some axes.
    pub fn along(shape: &[usize], axes: &Range<usize>, idx: usize) -> Group {
        let inner: usize = shape[axes.end..].iter().product();
        let n_outer = shape[..axes.start].iter().product();
        let extent: usize = shape[axes.clone()].iter().product();
        Group { first: idx * inner, n_outer, stride: inner * extent, inner }
    }

    /// How many values it has.
    pub fn len(&self) -> usize {
        self.n_outer * self.inner
    }

    /// The position of one of its values in the array.
    pub fn position(&self, idx: usize) -> usize {
        self.first + idx / self.inner * self.stride + idx % self.inner
    }

    /// Up to `n` values that count, spread over the group at places that no period of the data meets.
    pub fn sample<T: Element>(&self, values: &[T], skip: Option<&[bool]>, n: usize) -> Vec<T> {
        let len = self.len();
        let n_places = n.min(len);
        let counts =
            |&position: &usize| skip.is_none_or(|skip| !skip[position]) && is_usable(values[position]);
        (0..n_places)
            .map(|place| {
                let (start, end) = (place * len / n_places, (place + 1) * len / n_places);
                self.position(start + mix(place as u64) as usize % (end - start))
            })
            .filter(counts)
            .map(|position| values[position])
            .collect()
    }
}

/// True for what a lattice may hold: no NaN, no infinity, no negative zero.
pub fn is_usable<T: Element>(x: T) -> bool {
    !T::IS_FLOAT || x.to_f64().is_finite() && x.order() != -1
}

/// The distinct values, ascending.
pub fn distinct<T: Element>(sample: &[T]) -> Vec<f64> {
    let mut values: Vec<f64> = sample.iter().map(|x| x.to_f64()).collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    values
}

/// How finely values are told apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Grain {
    /// They are floats of this format.
    Float(Float),
    /// They are decimal floats of so many digits.
    Digits(u8),
    /// They are decimals of so many places.
    Places(u8),
}

impl Grain {
    /// The distance of neighbors around `x`.
    pub fn unit(self, x: f64) -> f64 {
        match self {
            Grain::Float(float) => ulp(float, x),
            Grain::Digits(digits) => {
                let decade = libm::floor(libm::log10(x.abs().max(1e-300)));
                libm::pow(10.0, decade + 1.0 - f64::from(digits))
            }
            Grain::Places(places) => 1.0 / POWERS[places as usize],
        }
    }
}

/// The distance of floats of a format around `x`.
pub fn ulp(float: Float, x: f64) -> f64 {
    let least = match float {
        Float::F16 => -24,
        Float::F32 => -149,
        Float::F64 => -1074,
    };
    let exponent = libm::ilogb(x.abs().max(f64::MIN_POSITIVE)) - float.mantissa_bits() as i32;
    libm::ldexp(1.0, exponent.max(least))
}

/// The largest power of two that divides nearly all values.
pub fn binary_grid(values: &[f64]) -> f64 {
    let mut lows: Vec<i32> = values.iter().filter(|x| **x != 0.0).map(|&x| low_bit(x)).collect();
    if lows.is_empty() {
        return 0.0;
    }
    lows.sort_unstable();
    libm::ldexp(1.0, lows[lows.len() / 64])
}

/// The exponent of the lowest set bit.
fn low_bit(x: f64) -> i32 {
    let bits = x.to_bits();
    let exponent = ((bits >> 52) & 0x7ff) as i32;
    let mantissa = bits & ((1 << 52) - 1) | if exponent > 0 { 1 << 52 } else { 0 };
    exponent.max(1) - 1075 + mantissa.trailing_zeros() as i32
}
