//! Recipes that keep a bound: values to whole numbers on a lattice of twice the bound (or in the logarithm, for a
//! point-wise relative one), with or without differences along the axes, then pco or zstd; and rounding of bits with
//! zstd, the mantissa truncation that experiments use.
//!
//! What the lattice does not serve (NaN, infinities, fill values, and values that rounding carries over the bound) is
//! kept as it is, beside.

use super::lossless::{bit_shuffle, bit_unshuffle, pco_pack, pco_unpack, zstd_pack, zstd_unpack};
use super::{Allowed, Codec, Family};
use crate::metrics::floats;
use baler::{DType, Values, Variable};

/// Last step of a recipe.
#[derive(Clone, Copy)]
enum Coder {
    Pco,
    Zstd,
}

struct Quantized {
    name: &'static str,
    lorenzo: bool,
    coder: Coder,
}

/// Quantization with pco and zstd, Lorenzo differences with pco, bit rounding with zstd.
pub fn all() -> Vec<Box<dyn Codec>> {
    vec![
        Box::new(Quantized { name: "quantize + pco", lorenzo: false, coder: Coder::Pco }),
        Box::new(Quantized { name: "quantize + Lorenzo + pco", lorenzo: true, coder: Coder::Pco }),
        Box::new(Quantized { name: "quantize + zstd -19", lorenzo: false, coder: Coder::Zstd }),
        Box::new(BitRounding),
    ]
}

/// A lattice of one variable.
struct Lattice {
    origin: f64,
    step: f64,
    /// The lattice is in log2 |x|.
    log: bool,
    /// Values are whole numbers, and so is the step.
    whole: bool,
}

const ESCAPE_LIMIT: f64 = 1e15;

impl Lattice {
    fn of(values: &[f64], is_float: bool, allowed: Allowed) -> Lattice {
        let regular = || values.iter().copied().filter(|x| x.is_finite() && x.abs() < ESCAPE_LIMIT);
        let whole = regular().all(|x| x == x.trunc());
        let limit = match allowed {
            Allowed::Relative(e) => {
                return Lattice {
                    origin: 0.0,
                    step: 2.0 * (1.0 - 1e-9) * e.ln_1p() / 2f64.ln(),
                    log: true,
                    whole: false,
                };
            }
            Allowed::Absolute(limit) => limit,
            Allowed::Nothing | Allowed::Anything => 0.0,
        };
        if whole || !is_float {
            return Lattice { origin: 0.0, step: 2.0 * limit.floor() + 1.0, log: false, whole: true };
        }
        Lattice { origin: 0.0, step: 2.0 * limit, log: false, whole: false }
    }

    /// The lattice number; 0 stands for zero in a logarithmic one.
    fn number(&self, x: f64) -> i64 {
        if !self.log {
            return ((x - self.origin) / self.step).round() as i64;
        }
        if x == 0.0 {
            return 0;
        }
        let k = (x.abs().log2() / self.step).round() as i64;
        // Away from 0, the sign in the lowest bit.
        ((k + (1 << 40)) << 1 | i64::from(x < 0.0)) + 1
    }

    fn value(&self, number: i64) -> f64 {
        if !self.log {
            return self.origin + number as f64 * self.step;
        }
        if number == 0 {
            return 0.0;
        }
        let word = number - 1;
        let size = (((word >> 1) - (1 << 40)) as f64 * self.step).exp2();
        if word & 1 == 1 { -size } else { size }
    }
}

fn within(x: f64, y: f64, allowed: Allowed) -> bool {
    match allowed {
        Allowed::Nothing => x == y,
        Allowed::Absolute(limit) => (y - x).abs() <= limit,
        Allowed::Relative(limit) => (y - x).abs() <= limit * x.abs(),
        Allowed::Anything => true,
    }
}

/// float64 as values of a dtype.
pub(super) fn typed(values: &[f64], dtype: DType) -> Values {
    macro_rules! cast {
        ($variant:ident, $t:ty) => {
            Values::$variant(values.iter().map(|&x| x as $t).collect())
        };
    }
    match dtype {
        DType::Bool => cast!(Bool, u8),
        DType::I8 => cast!(I8, i8),
        DType::I16 => cast!(I16, i16),
        DType::I32 => cast!(I32, i32),
        DType::I64 => cast!(I64, i64),
        DType::U8 => cast!(U8, u8),
        DType::U16 => cast!(U16, u16),
        DType::U32 => cast!(U32, u32),
        DType::U64 => cast!(U64, u64),
        DType::F16 => Values::F16(values.iter().map(|&x| half::f16::from_f64(x)).collect()),
        DType::F32 => cast!(F32, f32),
        DType::F64 => Values::F64(values.to_vec()),
    }
}

/// Differences along every axis (or their sums), in place.
fn lorenzo(q: &mut [i64], shape: &[usize], inverse: bool) {
    for axis in 0..shape.len() {
        let stride: usize = shape[axis + 1..].iter().product();
        let n = shape[axis];
        let has_before = |idx: usize| !(idx / stride).is_multiple_of(n);
        if inverse {
            (0..q.len())
                .filter(|&idx| has_before(idx))
                .for_each(|idx| q[idx] = q[idx].wrapping_add(q[idx - stride]));
        } else {
            (0..q.len())
                .rev()
                .filter(|&idx| has_before(idx))
                .for_each(|idx| q[idx] = q[idx].wrapping_sub(q[idx - stride]));
        }
    }
}

impl Quantized {
    fn code(&self, q: &[i64]) -> Vec<u8> {
        let small: Option<Vec<i32>> = q.iter().map(|&q| i32::try_from(q).ok()).collect();
        let mut out = vec![u8::from(small.is_some())];
        out.extend(match (self.coder, small) {
            (Coder::Pco, Some(small)) => pco_pack(&small),
            (Coder::Pco, None) => pco_pack(q),
            (Coder::Zstd, Some(small)) => {
                zstd_pack(&small.iter().flat_map(|q| q.to_le_bytes()).collect::<Vec<_>>(), 19)
            }
            (Coder::Zstd, None) => zstd_pack(&q.iter().flat_map(|q| q.to_le_bytes()).collect::<Vec<_>>(), 19),
        });
        out
    }

    fn uncode(&self, bytes: &[u8]) -> Vec<i64> {
        let (small, rest) = (bytes[0] == 1, &bytes[1..]);
        match (self.coder, small) {
            (Coder::Pco, true) => pco_unpack::<i32>(rest).into_iter().map(i64::from).collect(),
            (Coder::Pco, false) => pco_unpack(rest),
            (Coder::Zstd, true) => {
                let words = zstd_unpack(rest);
                words.as_chunks::<4>().0.iter().map(|w| i64::from(i32::from_le_bytes(*w))).collect()
            }
            (Coder::Zstd, false) => {
                zstd_unpack(rest).as_chunks::<8>().0.iter().map(|w| i64::from_le_bytes(*w)).collect()
            }
        }
    }
}

impl Codec for Quantized {
    fn name(&self) -> &'static str {
        self.name
    }

    fn family(&self) -> Family {
        Family::Bounded
    }

    fn encode(&self, variable: &Variable, allowed: Allowed) -> Option<Vec<u8>> {
        let dtype = variable.values.dtype();
        let values = floats(&variable.values);
        let exact_floats = dtype.is_float() && !values.iter().all(|x| !x.is_finite() || *x == x.trunc());
        let too_wide =
            matches!(dtype, DType::I64 | DType::U64) && values.iter().any(|x| x.abs() > 2f64.powi(52));
        if too_wide || (allowed == Allowed::Nothing && exact_floats) {
            return None;
        }
        let lattice = Lattice::of(&values, dtype.is_float(), allowed);
        if lattice.step.is_nan() || lattice.step <= 0.0 {
            return None;
        }
        let mut q: Vec<i64> =
            values.iter().map(|&x| if x.is_finite() { lattice.number(x) } else { 0 }).collect();
        let back = floats(&typed(&q.iter().map(|&q| lattice.value(q)).collect::<Vec<_>>(), dtype));
        let mut kept = Vec::new();
        let mut last = 0;
        for (idx, (&x, &y)) in values.iter().zip(&back).enumerate() {
            if !x.is_finite() || x.abs() >= ESCAPE_LIMIT || !within(x, y, allowed) {
                kept.push((idx, x));
                q[idx] = last;
            }
            last = q[idx];
        }
        if self.lorenzo {
            lorenzo(&mut q, &variable.shape, false);
        }
        let coded = self.code(&q);
        let mut out = coded.len().to_le_bytes().to_vec();
        out.extend(lattice.origin.to_le_bytes());
        out.extend(lattice.step.to_le_bytes());
        out.push(u8::from(lattice.log) | u8::from(lattice.whole) << 1);
        out.extend(coded);
        if !kept.is_empty() {
            out.extend(escapes(&kept, values.len()));
        }
        Some(out)
    }

    fn decode(&self, bytes: &[u8], like: &Variable, _: Allowed) -> Values {
        let word = |at: usize| -> [u8; 8] { bytes[at..at + 8].try_into().expect("eight bytes") };
        let n = usize::from_le_bytes(word(0));
        let (origin, step) = (f64::from_le_bytes(word(8)), f64::from_le_bytes(word(16)));
        let lattice = Lattice { origin, step, log: bytes[24] & 1 == 1, whole: bytes[24] & 2 == 2 };
        let mut q = self.uncode(&bytes[25..25 + n]);
        if self.lorenzo {
            lorenzo(&mut q, &like.shape, true);
        }
        let mut values: Vec<f64> = q.iter().map(|&q| lattice.value(q)).collect();
        if bytes.len() > 25 + n {
            restore(&bytes[25 + n..], &mut values);
        }
        typed(&values, like.values.dtype())
    }
}

/// A mask of what is kept and its values.
fn escapes(kept: &[(usize, f64)], n: usize) -> Vec<u8> {
    let mut mask = vec![0u8; n.div_ceil(8)];
    kept.iter().for_each(|(idx, _)| mask[idx / 8] |= 1 << (idx % 8));
    let values: Vec<u8> = kept.iter().flat_map(|(_, x)| x.to_le_bytes()).collect();
    let mut all = mask;
    all.extend(values);
    zstd_pack(&all, 19)
}

fn restore(packed: &[u8], values: &mut [f64]) {
    let all = zstd_unpack(packed);
    let (mask, words) = all.split_at(values.len().div_ceil(8));
    let mut words = words.as_chunks::<8>().0.iter();
    for (idx, value) in values.iter_mut().enumerate().filter(|(idx, _)| mask[idx / 8] >> (idx % 8) & 1 == 1) {
        let _ = idx;
        *value = f64::from_le_bytes(*words.next().expect("a value for each bit"));
    }
}

/// Low bits of floats rounded away as far as the bound allows, then bit shuffle and zstd.
struct BitRounding;

impl Codec for BitRounding {
    fn name(&self) -> &'static str {
        "bit rounding + bitshuffle + zstd -9"
    }

    fn family(&self) -> Family {
        Family::Bounded
    }

    fn encode(&self, variable: &Variable, allowed: Allowed) -> Option<Vec<u8>> {
        let dtype = variable.values.dtype();
        if !matches!(dtype, DType::F32 | DType::F64) && allowed != Allowed::Nothing && dtype.is_float() {
            return None;
        }
        let rounded = match &variable.values {
            Values::F32(v) => {
                Values::F32(v.iter().map(|&x| round_bits(f64::from(x), 23, allowed) as f32).collect())
            }
            Values::F64(v) => Values::F64(v.iter().map(|&x| round_bits(x, 52, allowed)).collect()),
            other => other.clone(),
        };
        let mut bytes = Vec::new();
        rounded.append_bytes(&mut bytes, false);
        Some(zstd_pack(&bit_shuffle(&bytes, dtype.size_bytes()), 9))
    }

    fn decode(&self, bytes: &[u8], like: &Variable, _: Allowed) -> Values {
        let dtype = like.values.dtype();
        Values::from_bytes(dtype, &bit_unshuffle(&zstd_unpack(bytes), dtype.size_bytes()), false)
            .expect("what was packed has whole elements")
    }
}

/// The nearest number with as few mantissa bits as the bound allows (of `n_bits` that the dtype has).
fn round_bits(x: f64, n_bits: i32, allowed: Allowed) -> f64 {
    let limit = match allowed {
        Allowed::Nothing | Allowed::Anything => return x,
        Allowed::Absolute(limit) => limit,
        Allowed::Relative(limit) => limit * x.abs(),
    };
    if !x.is_finite() || x == 0.0 || limit <= 0.0 || x.abs() >= ESCAPE_LIMIT {
        return x;
    }
    let finest = x.abs().log2().floor() as i32 - n_bits;
    let exponent = (1.0 + limit.log2()).floor() as i32;
    if exponent <= finest {
        return x;
    }
    let unit = 2f64.powi(exponent);
    let rounded = (x / unit).round() * unit;
    if within(x, rounded, allowed) { rounded } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waves() -> Vec<Variable> {
        let wave =
            |n: usize| (0..n).map(|i| (i as f64 * 0.013).sin() * (1.0 + i as f64)).collect::<Vec<f64>>();
        let mut odd = wave(600);
        (odd[3], odd[77], odd[90]) = (f64::NAN, 1e20, 0.0);
        vec![
            Variable::new("f64", vec![20, 30], Values::F64(odd)).unwrap(),
            Variable::new("f32", vec![600], Values::F32(wave(600).iter().map(|&x| x as f32).collect()))
                .unwrap(),
            Variable::new("i16", vec![6, 10, 10], Values::I16(wave(600).iter().map(|&x| x as i16).collect()))
                .unwrap(),
        ]
    }

    #[test]
    fn every_recipe_keeps_its_bound() {
        for variable in waves() {
            for allowed in [Allowed::Absolute(0.7), Allowed::Absolute(3e-3), Allowed::Relative(1e-2)] {
                for codec in all() {
                    let packed = codec.encode(&variable, allowed).unwrap();
                    let back = floats(&codec.decode(&packed, &variable, allowed));
                    for (x, y) in floats(&variable.values).into_iter().zip(back) {
                        let same = x.to_bits() == y.to_bits();
                        assert!(same || within(x, y, allowed), "{} {allowed:?} {x} {y}", codec.name());
                    }
                }
            }
        }
    }

    #[test]
    fn rounding_keeps_few_bits() {
        assert_eq!(round_bits(2.71, 52, Allowed::Absolute(0.01)), 2.703125);
        assert_eq!(round_bits(1000.3, 52, Allowed::Relative(0.01)), 1008.0);
        assert_eq!(round_bits(0.5, 52, Allowed::Nothing), 0.5);
    }
}
