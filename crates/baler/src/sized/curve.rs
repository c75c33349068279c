//! Bytes as a function of the bound: asked where it matters, remembered, and solved for a bound.

use baler_data::error::Result;

/// The smallest and the largest bound that is looked at.
pub const FINEST: f64 = 1e-14;
pub const COARSEST: f64 = 0.5;
/// Where the search begins.
const START: f64 = 1e-3;
/// Values are asked for at most this often for one solution.
const MAX_ASKED: usize = 12;
/// A solution is near enough if it takes this share of the bytes, or if the bytes jump within this factor.
const NEAR: f64 = 0.985;
const JUMP: f64 = 1.01;
/// Largest factor between a bound and the next where nothing is known on one side.
const STRIDE: f64 = 64.0;

/// A function that falls, about.
pub struct Curve<F> {
    bytes: F,
    /// (bound, bytes), bounds ascending.
    known: Vec<(f64, f64)>,
}

impl<F: FnMut(f64) -> Result<f64>> Curve<F> {
    /// Of a function from a bound to bytes.
    pub fn new(bytes: F) -> Curve<F> {
        Curve { bytes, known: Vec::new() }
    }

    /// Its value at a bound.
    pub fn at(&mut self, e: f64) -> Result<f64> {
        if let Some((_, bytes)) = self.known.iter().find(|(known, _)| *known == e) {
            return Ok(*bytes);
        }
        let bytes = (self.bytes)(e)?;
        let place = self.known.partition_point(|(known, _)| *known < e);
        self.known.insert(place, (e, bytes));
        Ok(bytes)
    }

    /// The smallest bound that takes at most `most` bytes, or the largest there is.
    pub fn solve(&mut self, most: f64) -> Result<f64> {
        for _ in 0..MAX_ASKED {
            let above = self.known.iter().rposition(|(_, bytes)| *bytes > most);
            let low = above.map(|at| self.known[at]);
            let high = self.known.get(above.map_or(0, |at| at + 1)).copied();
            let next = match (low, high) {
                (None, None) => START,
                (Some((e, _)), None) if e >= COARSEST => return Ok(COARSEST),
                (None, Some((e, _))) if e <= FINEST => return Ok(FINEST),
                (Some((e, bytes)), None) => (e * stride(bytes / most)).min(COARSEST),
                (None, Some((e, bytes))) => (e / stride(most / bytes)).max(FINEST),
                (Some((low, _)), Some((high, bytes))) if bytes >= NEAR * most || high <= low * JUMP => {
                    return Ok(high);
                }
                (Some((low, more)), Some((high, less))) => {
                    let share = libm::log(more / (0.995 * most)) / libm::log(more / less.max(1.0));
                    low * libm::pow(high / low, share.clamp(0.1, 0.9))
                }
            };
            self.at(next)?;
        }
        let fitting = self.known.iter().rposition(|(_, bytes)| *bytes > most).map_or(0, |at| at + 1);
        Ok(self.known.get(fitting).map_or(COARSEST, |(e, _)| *e))
    }
}

/// The factor to the next bound where the bytes miss what is wanted by `factor`.
fn stride(factor: f64) -> f64 {
    (factor * factor).clamp(2.0, STRIDE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smooth_curves_are_solved_with_few_questions() {
        let n_asked = std::cell::Cell::new(0);
        let mut curve = Curve::new(|e: f64| {
            n_asked.set(n_asked.get() + 1);
            Ok(1000.0 * (1.0 + (0.5 / e).log2()))
        });
        for most in [20_000.0, 9_000.0, 2_000.0] {
            let e = curve.solve(most).unwrap();
            let bytes = curve.at(e).unwrap();
            assert!(bytes <= most && bytes >= 0.98 * most, "{most}: {e} {bytes}");
        }
        assert!(n_asked.get() <= 20, "{}", n_asked.get());
        assert_eq!(curve.solve(10.0).unwrap(), COARSEST);
    }

    #[test]
    fn jumps_end_on_the_side_that_fits() {
        let mut curve = Curve::new(|e: f64| Ok(if e < 3e-3 { 1000.0 } else { 500.0 }));
        let e = curve.solve(800.0).unwrap();
        assert!((3e-3..3.1e-3).contains(&e), "{e}");
    }
}
