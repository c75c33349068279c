//! Constants that the arithmetic of a writer may have had, between two limits.

use super::sample::ulp;
use crate::hidden::digits::through_text;
use crate::hidden::program::Float;

/// The nearest float of a precision.
pub fn rounded(x: f64, float: Float) -> f64 {
    match float {
        Float::F64 => x,
        Float::F32 => f64::from(x as f32),
        Float::F16 => half::f16::from_f32(x as f32).to_f64(),
    }
}

/// Constants between two differences from a center, likely ones first.
pub fn candidates(center: f64, (low, high): (f64, f64), float: Float, most: usize) -> Vec<f64> {
    let pad = 0.1 * (high - low);
    let is_inside = |x: &f64| {
        let away = x - center;
        x.is_finite() && *x != 0.0 && low - pad <= away && away <= high + pad
    };
    let middle = center + (low + high) / 2.0;
    let mut found: Vec<f64> = Vec::new();
    let see = |x: f64, found: &mut Vec<f64>| {
        let x = rounded(x, float);
        if is_inside(&x) && !found.contains(&x) {
            found.push(x);
        }
    };
    see(libm::ldexp(1.0, libm::rint(libm::log2(middle.abs().max(f64::MIN_POSITIVE))) as i32), &mut found);
    for digits in 1..=17 {
        see(through_text(middle, digits), &mut found);
        if found.len() >= 2 {
            break;
        }
    }
    see(f64::from(middle as f32), &mut found);
    let unit = ulp(float, middle);
    let n_inside = (high - low) / unit;
    let stride = unit * libm::floor(n_inside / most as f64).max(1.0);
    for place in 0..most as i64 {
        let away = if place % 2 == 0 { place / 2 } else { -(place / 2) - 1 };
        see(middle + away as f64 * stride, &mut found);
    }
    found
}

/// Multiples of a power of two between two differences from a center, at most about 32 of them.
pub fn grid(center: f64, (low, high): (f64, f64)) -> Vec<f64> {
    let width = high - low;
    if !(width > 0.0 && width.is_finite()) {
        return vec![center];
    }
    let unit = libm::ldexp(1.0, libm::ilogb(width) - 4);
    let first = libm::ceil((center + low) / unit);
    (0..32).map(|place| (first + f64::from(place)) * unit).filter(|x| x - center <= high).collect()
}
