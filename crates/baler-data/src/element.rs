//! The numeric types as the codec sees them: exact bits, an order-preserving integer, a float64.
//!
//! `order` maps a value to an i64 so that a < b gives order(a) < order(b), and back without loss: integers are
//! themselves (u64 with the sign bit flipped), floats their sign-magnitude bits turned into two's complement
//! (-0.0 is -1, +0.0 is 0; NaNs lie beyond the infinities).

use crate::bytes::with_room;
use crate::dataset::DType;
use crate::error::Result;
use half::f16;

/// A value of one of the twelve dtypes (`bool` is `u8`).
pub trait Element: Copy + Default + Send + Sync + PartialEq + 'static {
    /// Its dtype; `u8` is [`DType::U8`], though booleans are elements of this type as well.
    const DTYPE: DType;
    /// True for f16, f32 and f64.
    const IS_FLOAT: bool;
    /// Significand bits with the hidden one, of floats; 0 for integers.
    const DIGITS: u32;
    /// Order-preserving integer.
    fn order(self) -> i64;
    /// Inverse of [`Element::order`]; takes the low bits where `order` is out of range.
    fn from_order(order: i64) -> Self;
    /// The value; rounded to nearest for 64-bit integers beyond 2^53, exact otherwise.
    fn to_f64(self) -> f64;
    /// The nearest value (ties to even); float16 is rounded through float32. Integers truncate and saturate.
    fn from_f64(x: f64) -> Self;
    /// Raw bits.
    fn to_bits64(self) -> u64;
    /// Inverse of [`Element::to_bits64`].
    fn from_bits64(bits: u64) -> Self;
    /// Little-endian bytes of all values; `out` has room for exactly these.
    fn write_bytes(values: &[Self], out: &mut [u8]);
}

/// [`Element::write_bytes`] of one type: a plain copy on little-endian machines.
macro_rules! write_bytes {
    ($t:ty) => {
        fn write_bytes(values: &[Self], out: &mut [u8]) {
            let (items, _) = out.as_chunks_mut::<{ size_of::<$t>() }>();
            items.iter_mut().zip(values).for_each(|(item, x)| *item = x.to_le_bytes());
        }
    };
}

macro_rules! integer_element {
    ($($t:ty, $dtype:ident);*) => {$(
        impl Element for $t {
            const DTYPE: DType = DType::$dtype;
            const IS_FLOAT: bool = false;
            const DIGITS: u32 = 0;
            #[inline(always)]
            fn order(self) -> i64 { self as i64 }
            #[inline(always)]
            fn from_order(order: i64) -> Self { order as $t }
            #[inline(always)]
            fn to_f64(self) -> f64 { self as f64 }
            #[inline(always)]
            fn from_f64(x: f64) -> Self { x as $t }
            #[inline(always)]
            fn to_bits64(self) -> u64 { self as u64 }
            #[inline(always)]
            fn from_bits64(bits: u64) -> Self { bits as $t }
            write_bytes!($t);
        }
    )*};
}
integer_element!(i8, I8; i16, I16; i32, I32; i64, I64; u8, U8; u16, U16; u32, U32);

impl Element for u64 {
    const DTYPE: DType = DType::U64;
    const IS_FLOAT: bool = false;
    const DIGITS: u32 = 0;
    #[inline(always)]
    fn order(self) -> i64 {
        (self ^ (1 << 63)) as i64
    }
    #[inline(always)]
    fn from_order(order: i64) -> Self {
        order as u64 ^ (1 << 63)
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self as f64
    }
    #[inline(always)]
    fn from_f64(x: f64) -> Self {
        x as u64
    }
    #[inline(always)]
    fn to_bits64(self) -> u64 {
        self
    }
    #[inline(always)]
    fn from_bits64(bits: u64) -> Self {
        bits
    }
    write_bytes!(u64);
}

macro_rules! float_element {
    ($t:ty, $dtype:ident, $bits:ty, $int:ty, $digits:expr, $to:expr, $from:expr) => {
        impl Element for $t {
            const DTYPE: DType = DType::$dtype;
            const IS_FLOAT: bool = true;
            const DIGITS: u32 = $digits;
            #[inline(always)]
            fn order(self) -> i64 {
                let bits = self.to_bits() as $int;
                (if bits < 0 { bits ^ <$int>::MAX } else { bits }) as i64
            }
            #[inline(always)]
            fn from_order(order: i64) -> Self {
                let order = order as $int;
                <$t>::from_bits((if order < 0 { order ^ <$int>::MAX } else { order }) as $bits)
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                $to(self)
            }
            #[inline(always)]
            fn from_f64(x: f64) -> Self {
                $from(x)
            }
            #[inline(always)]
            fn to_bits64(self) -> u64 {
                self.to_bits() as u64
            }
            #[inline(always)]
            fn from_bits64(bits: u64) -> Self {
                <$t>::from_bits(bits as $bits)
            }
            write_bytes!($t);
        }
    };
}
float_element!(f64, F64, u64, i64, 53, |x| x, |x| x);
float_element!(f32, F32, u32, i32, 24, |x: f32| x as f64, |x: f64| x as f32);
float_element!(f16, F16, u16, i16, 11, |x: f16| x.to_f32() as f64, |x: f64| f16::from_f32(x as f32));

/// True for -0.0 of a float type.
#[inline(always)]
pub fn is_negative_zero<T: Element>(x: T) -> bool {
    T::IS_FLOAT && x.order() == -1
}

/// Values as float64.
pub fn as_f64<T: Element>(values: &[T]) -> Result<Vec<f64>> {
    let mut out = with_room(values.len())?;
    out.extend(values.iter().map(|x| x.to_f64()));
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: Element + std::fmt::Debug>(sorted: &[T]) {
        for pair in sorted.windows(2) {
            assert!(pair[0].order() < pair[1].order(), "{pair:?}");
        }
        for &x in sorted {
            assert_eq!(T::from_order(x.order()).to_bits64(), x.to_bits64());
            assert_eq!(T::from_bits64(x.to_bits64()).to_bits64(), x.to_bits64());
        }
    }

    #[test]
    fn order_is_monotone_and_invertible() {
        check(&[
            f64::NEG_INFINITY,
            -1.0,
            -f64::MIN_POSITIVE,
            -5e-324,
            -0.0,
            0.0,
            5e-324,
            2.0,
            f64::INFINITY,
            f64::NAN,
        ]);
        check(&[f32::NEG_INFINITY, -1.0f32, -0.0, 0.0, 1e-45, 3.0, f32::INFINITY]);
        check(&[f16::NEG_INFINITY, f16::from_f32(-1.0), f16::from_f32(0.0), f16::MAX]);
        check(&[u64::MIN, 1, 1 << 63, u64::MAX]);
        check(&[i64::MIN, -1, 0, i64::MAX]);
        check(&[u8::MIN, 7, u8::MAX]);
    }
}
