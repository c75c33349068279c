//! Thresholds that no value may cross: a decoded value is less than, equal to or greater than each of them, as the original is, so
//! that every selection by one keeps exactly its values.
//!
//! The thresholds of a variable cut its dtype into *sides*, numbered upwards: even ones lie between thresholds, odd ones are a
//! threshold itself. Everything is decided on *keys*, integers in the order of the values in which both zeros are 0.

use crate::options::BoundSpec;
use crate::quantize::{Bound, Limits};
use baler_data::element::Element;

/// Point-wise relative bounds up to this leave room to move a value into the middle of where its original may be.
const NARROW_FACTOR: f64 = 0.25;
/// ... if the dtype has so many values there, and what rounding adds to the reach is nothing beside it.
const MANY_KEYS: u64 = 16;
const LARGE_RADIUS: f64 = 1e-290;
/// What rounding may take off the reach of a point-wise relative bound, generously.
const FACTOR_SLACK: f64 = 1.0 + 1.0 / (1u64 << 20) as f64;

/// The key of a value.
#[inline(always)]
pub fn key<T: Element>(x: T) -> i64 {
    let order = x.order();
    order + (T::IS_FLOAT && order < 0) as i64
}

/// Inverse of [`key`]; of 0 it is the positive zero.
#[inline(always)]
pub fn of_key<T: Element>(key: i64) -> T {
    T::from_order(key - (T::IS_FLOAT && key < 0) as i64)
}

/// Thresholds in the keys of one dtype, ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thresholds(Vec<i64>);

impl Thresholds {
    /// Each as the dtype holds it, which decides what the number itself decides as well: the nearest float, a whole number. Of
    /// float16 both neighbors are taken, as there is more than one way to round to it. What the dtype does not reach is left out.
    pub fn of<T: Element>(asked: &[f64]) -> Thresholds {
        let mut keys = Vec::with_capacity(asked.len());
        for &asked in asked {
            let near = T::from_f64(asked);
            let is_beyond = match T::IS_FLOAT {
                true => !near.to_f64().is_finite(),
                false => (near.to_f64() - asked).abs() >= 1.0,
            };
            if is_beyond {
                continue;
            }
            keys.push(key(near));
            if size_of::<T>() == 2 && T::IS_FLOAT && near.to_f64() != asked {
                keys.push(key(near) + if near.to_f64() < asked { 1 } else { -1 });
            }
        }
        keys.sort_unstable();
        keys.dedup();
        Thresholds(keys)
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The side of a key.
    #[inline(always)]
    pub fn side(&self, key: i64) -> usize {
        self.0.iter().map(|&threshold| (threshold < key) as usize + (threshold <= key) as usize).sum()
    }

    /// True if both values are on one side of each threshold.
    #[inline(always)]
    pub fn hold<T: Element>(&self, original: T, decoded: T) -> bool {
        original.to_bits64() == decoded.to_bits64() || self.side(key(original)) == self.side(key(decoded))
    }

    /// True if keys from one to another lie on more than one side.
    #[inline(always)]
    pub fn part(&self, (low, high): (i64, i64)) -> bool {
        low < high && self.0.iter().any(|&threshold| low <= threshold && threshold <= high)
    }

    /// The least and greatest key of a side.
    pub fn ends(&self, side: usize) -> (i64, i64) {
        let (idx, is_threshold) = (side / 2, side % 2 == 1);
        match is_threshold {
            true => (self.0[idx], self.0[idx]),
            false => (
                idx.checked_sub(1).map_or(i64::MIN, |before| self.0[before].saturating_add(1)),
                self.0.get(idx).map_or(i64::MAX, |threshold| threshold.saturating_sub(1)),
            ),
        }
    }

    /// The threshold nearest to a value, as float64.
    pub fn nearest<T: Element>(&self, x: T) -> f64 {
        let above = self.0.partition_point(|&threshold| threshold < key(x)).min(self.0.len() - 1);
        let value = |idx: usize| of_key::<T>(self.0[idx]).to_f64();
        let (x, low, high) = (x.to_f64(), value(above.saturating_sub(1)), value(above));
        if x - low < high - x { low } else { high }
    }
}

/// From a decoded value to where its original may be.
#[derive(Debug, Clone, Copy)]
pub struct Reach {
    bound: Bound,
    /// The least and the greatest key of all.
    ends: (i64, i64),
}

/// Where the original of one decoded value may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Around {
    /// The least and the greatest key.
    pub keys: (i64, i64),
    /// About how far the original may lie from it.
    pub radius: f64,
    /// True if any of these keys may stand for any other on the same side of the decoded value.
    pub is_narrow: bool,
}

impl Reach {
    /// Of a bound, for values of one dtype within limits.
    pub fn new<T: Element>(bound: Bound, limits: Option<Limits>) -> Reach {
        Reach { bound, ends: key_ends::<T>(limits) }
    }

    /// Around a decoded value.
    #[inline(always)]
    pub fn around<T: Element>(&self, decoded: T) -> Around {
        let (least, greatest) = self.ends;
        let y = decoded.to_f64();
        if !y.is_finite() {
            return Around { keys: (key(decoded), key(decoded)), radius: 0.0, is_narrow: false };
        }
        let radius = match self.bound.spec {
            BoundSpec::Lossless => Some(0.0),
            BoundSpec::Abs(_) | BoundSpec::Rel(_) => Some(self.bound.limit),
            // |x| <= |y| / (1 - factor), and so |y - x| <= |y| factor / (1 - factor).
            BoundSpec::PwRel(_) if self.bound.limit < 1.0 => Some(match y == 0.0 {
                true => 0.0,
                false => {
                    y.abs() * (self.bound.limit / (1.0 - self.bound.limit)) * FACTOR_SLACK + f64::MIN_POSITIVE
                }
            }),
            BoundSpec::PwRel(_) | BoundSpec::Noise(_) | BoundSpec::Unbounded => None,
        };
        let Some(radius) = radius else {
            let width = of_key::<T>(greatest).to_f64() - of_key::<T>(least).to_f64();
            return Around { keys: (least, greatest), radius: width / 32.0, is_narrow: false };
        };
        let (low, high) = if T::IS_FLOAT {
            // Rounding keeps the order, so a value of the dtype in reach stays in reach.
            (key(T::from_f64(y - radius)), key(T::from_f64(y + radius)))
        } else {
            let whole = radius as u64;
            let whole = if matches!(self.bound.spec, BoundSpec::PwRel(_)) && whole > 0 {
                whole.saturating_add(1)
            } else {
                whole
            };
            let order = decoded.order();
            (order.saturating_sub_unsigned(whole), order.saturating_add_unsigned(whole))
        };
        let has_room = high.abs_diff(low) >= MANY_KEYS || !T::IS_FLOAT;
        let is_narrow = match self.bound.spec {
            BoundSpec::PwRel(factor) => {
                T::IS_FLOAT && factor <= NARROW_FACTOR && has_room && radius > LARGE_RADIUS
            }
            _ => has_room,
        };
        Around { keys: (low.clamp(least, greatest), high.clamp(least, greatest)), radius, is_narrow }
    }
}

/// The keys of the least and the greatest value that there may be.
pub fn key_ends<T: Element>(limits: Option<Limits>) -> (i64, i64) {
    limits.map_or((key_of_end::<T>(false), key_of_end::<T>(true)), |limits| {
        let [low, high] = limits.ends::<T>();
        (key(low), key(high))
    })
}

/// The key of the least or the greatest finite value.
fn key_of_end<T: Element>(is_upper: bool) -> i64 {
    match (T::IS_FLOAT, is_upper) {
        (true, true) => key(T::from_f64(f64::INFINITY)) - 1,
        (true, false) => key(T::from_f64(f64::NEG_INFINITY)) + 1,
        (false, _) if size_of::<T>() == 8 => {
            if is_upper {
                i64::MAX
            } else {
                i64::MIN
            }
        }
        (false, true) => T::from_f64(f64::INFINITY).order(),
        (false, false) => T::from_f64(f64::NEG_INFINITY).order(),
    }
}

/// What a decoded value becomes on the side on which its original is: the middle of where that may be, or as near as that side comes
/// where the bound does not allow the middle. Both lie between the original and the decoded value, or nearer than the bound.
pub fn moved<T: Element>(decoded: T, around: Around, (least, greatest): (i64, i64)) -> T {
    let (low, high) = (around.keys.0.max(least), around.keys.1.min(greatest));
    if !around.is_narrow {
        return of_key(key(decoded).max(low).min(high));
    }
    if T::IS_FLOAT {
        let (a, b) = (of_key::<T>(low).to_f64(), of_key::<T>(high).to_f64());
        let middle = T::from_f64(a + (b - a) * 0.5);
        return of_key(key(middle).max(low).min(high));
    }
    of_key(((low as i128 + high as i128) >> 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_decides_in_the_dtype_what_it_decides_as_a_number() {
        fn check<T: Element>(asked: f64, values: impl Iterator<Item = T> + Clone) {
            let thresholds = Thresholds::of::<T>(&[asked]);
            // Integers that do not reach the threshold are compared with itself alone.
            let held = T::from_f64(asked).to_f64();
            let held = if T::IS_FLOAT || (held - asked).abs() < 1.0 { held } else { asked };
            for (x, y) in values.clone().flat_map(|x| values.clone().map(move |y| (x, y))) {
                if thresholds.hold(x, y) {
                    for t in [asked, held] {
                        assert_eq!(x.to_f64().partial_cmp(&t), y.to_f64().partial_cmp(&t), "{asked}");
                    }
                }
            }
        }
        for asked in [20.1, -20.1, 20.0, 0.0, -0.0, 1e-50, -1e-50, 1e300] {
            // What is not finite comes back by its bits.
            let near = key(asked as f32);
            check(asked, (-3..=3).map(|by| of_key::<f32>(near + by)).filter(|x| x.is_finite()));
            let near = key(half::f16::from_f64(asked));
            check(asked, (-3..=3).map(|by| of_key::<half::f16>(near.clamp(-30_000, 30_000) + by)));
        }
        for asked in [20.5, -20.5, 20.0, -0.3, 300.0, -129.0] {
            check(asked, i8::MIN..=i8::MAX);
        }
        assert!(Thresholds::of::<u8>(&[256.0, -1.0, f64::MAX]).is_empty());
        assert!(Thresholds::of::<half::f16>(&[1e6]).is_empty());
        let zero = Thresholds::of::<f64>(&[0.0, -0.0]);
        assert!(zero.hold(0.0, -0.0) && !zero.hold(-5e-324, -0.0) && !zero.hold(0.0, 5e-324));
        assert!(zero.hold(f64::NAN, f64::NAN));
    }

    #[test]
    fn moved_values_stay_within_every_bound_of_every_original_in_reach() {
        let thresholds = Thresholds::of::<f32>(&[-1.0, 0.0, 0.5, 0.5000001, 3.0]);
        let values: Vec<f32> = (-40..40).map(|i| i as f32 * 0.1).chain([0.5, 1e-30, -1e-45]).collect();
        let near = |x: f32| (-2..=2).map(move |by| of_key::<f32>(key(x) + by));
        for spec in [BoundSpec::Abs(0.3), BoundSpec::Abs(1e-7), BoundSpec::PwRel(0.2), BoundSpec::PwRel(0.9)]
            .into_iter()
            .chain([BoundSpec::PwRel(3.0)])
        {
            let bound = Bound::resolve(spec, 0.0);
            let reach = Reach::new::<f32>(bound, Limits::new(-4.0f32, 4.0));
            for (y, x) in
                values.iter().flat_map(|&y| values.iter().flat_map(move |&x| near(x).map(move |x| (y, x))))
            {
                if !bound.holds(x, y) || x.abs() > 4.0 {
                    continue;
                }
                let around = reach.around(y);
                assert!(around.keys.0 <= key(x) && key(x) <= around.keys.1, "{spec:?} {y} {x}");
                let side = thresholds.side(key(x));
                if side != thresholds.side(key(y)) {
                    let moved = moved(y, around, thresholds.ends(side));
                    assert!(thresholds.part(around.keys));
                    assert!(thresholds.hold(x, moved) && bound.holds(x, moved), "{spec:?} {y} {x} {moved}");
                }
            }
        }
    }
}
