//! Missing floats: a NaN whose lowest bits spell a word, so that it is none that a computation makes. Bounds keep the bits
//! of every NaN, so a missing value comes back as one.

use baler_data::dataset::Values;
use half::f16;

/// `null`, as far as the mantissa has room for it.
const F64: u64 = 0x7ff8_0000_6e75_6c6c;
const F32: u32 = 0x7fc0_6e75;
const F16: u16 = 0x7e6e;

/// Floats that know how to be missing.
pub trait Null: Copy {
    /// The missing value.
    const NULL: Self;
}

impl Null for f64 {
    const NULL: f64 = f64::from_bits(F64);
}

impl Null for f32 {
    const NULL: f32 = f32::from_bits(F32);
}

impl Null for f16 {
    const NULL: f16 = f16::from_bits(F16);
}

/// True if the value at `idx` is a missing float.
pub fn is_null(values: &Values, idx: usize) -> bool {
    match values {
        Values::F64(v) => v.get(idx).is_some_and(|x| x.to_bits() == F64),
        Values::F32(v) => v.get(idx).is_some_and(|x| x.to_bits() == F32),
        Values::F16(v) => v.get(idx).is_some_and(|x| x.to_bits() == F16),
        _ => false,
    }
}
