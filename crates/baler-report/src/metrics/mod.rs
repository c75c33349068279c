//! What compression did to the data, in the field's own measures. In: values before and after, as float64. Out:
//! numbers. Every definition and its source stands in docs/metrics.md; scripts/check_metrics.py compares each with
//! SciPy, scikit-image or NumPy on real data.
//!
//! Pairs in which a value is not finite are left out of every measure and counted apart. Nothing here is needed to
//! decode, and nothing here decides what is kept.

pub mod correlation;
pub mod distribution;
pub mod energy_mover;
pub mod errors;
pub mod expression;
pub mod field;
pub mod fourier;
pub mod histogram;
pub mod image;
pub mod kinematics;
pub mod peak;
pub mod response;
pub mod spectrum;
pub mod ssim;
mod sums;
pub mod vector;

#[cfg(test)]
mod tests;

pub use correlation::CorrelationMatrix;
pub use errors::Errors;
pub use histogram::Histogram;
pub use response::Response;

use baler_data::dataset::Values;
use baler_data::with_values;

/// A number that float64 holds, exactly or to the nearest (64-bit integers).
trait Number: Copy {
    fn float(self) -> f64;
}

macro_rules! numbers {
    ($($t:ty => |$x:ident| $float:expr),*) => {
        $(impl Number for $t {
            fn float(self) -> f64 {
                let $x = self;
                $float
            }
        })*
    };
}
numbers!(u8 => |x| x.into(), i8 => |x| x.into(), u16 => |x| x.into(), i16 => |x| x.into(), u32 => |x| x.into(),
    i32 => |x| x.into(), f32 => |x| x.into(), f64 => |x| x, half::f16 => |x| x.to_f64(),
    u64 => |x| x as f64, i64 => |x| x as f64);

/// Values as float64, in their order.
pub fn floats(values: &Values) -> Vec<f64> {
    with_values!(values, v => v.iter().map(|x| x.float()).collect())
}

/// The finite values among `values`, ascending.
pub fn sorted_finite(values: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|x| x.is_finite()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

/// The `fraction`-quantile of ascending values, by linear interpolation (NumPy's default); NaN of no values.
pub fn quantile(sorted: &[f64], fraction: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let position = fraction.clamp(0.0, 1.0) * last as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (sorted[above] - sorted[below]) * (position - below as f64)
}
