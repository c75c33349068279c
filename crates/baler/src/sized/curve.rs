//! Bytes as a function of the bound: asked where it matters, remembered, and solved for a bound.

use baler_data::error::Result;

/// The smallest and the largest bound that is looked at.
pub const FINEST: f64 = 1e-14;
pub const COARSEST: f64 = 0.5;
/// Where the search begins.
const START: f64 = 1e-3;
/// Values are asked for at most this often for one solution ...
const MAX_ASKED: usize = 12;
/// ... and looked at this often: a step of whole numbers is asked for once, however many bounds it stands for.
const MAX_LOOKED: usize = 40;
/// A solution is near enough if it takes this share of the bytes, or if the bytes jump within this factor.
const NEAR: f64 = 0.985;
const JUMP: f64 = 1.01;
/// How far from the bound where a step changes it is surely another one.
const EDGE: f64 = 1e-9;
/// Largest factor between a bound and the next where nothing is known on one side.
const STRIDE: f64 = 64.0;

/// A function that falls, about.
pub struct Curve<'a, F> {
    bytes: F,
    steps: &'a Steps,
    n_asked: usize,
    /// (bound, bytes), bounds ascending.
    known: Vec<(f64, f64)>,
}

impl<F: FnMut(f64) -> Result<f64>> Curve<'_, F> {
    /// Of a function from a bound to bytes, which is the same for bounds that give the same steps.
    pub fn new(steps: &Steps, bytes: F) -> Curve<'_, F> {
        Curve { bytes, steps, n_asked: 0, known: Vec::new() }
    }

    /// Its value at a bound.
    pub fn at(&mut self, e: f64) -> Result<f64> {
        let place = self.known.partition_point(|(known, _)| *known < e);
        let mut near = self.known[place.saturating_sub(1)..].iter().take(2);
        let bytes = match near.find(|(known, _)| self.steps.are_equal(*known, e)) {
            Some((_, bytes)) => *bytes,
            None => {
                self.n_asked += 1;
                (self.bytes)(e)?
            }
        };
        if self.known.get(place).is_none_or(|(known, _)| *known != e) {
            self.known.insert(place, (e, bytes));
        }
        Ok(bytes)
    }

    /// The smallest bound that takes at most `most` bytes, or the largest there is.
    pub fn solve(&mut self, most: f64) -> Result<f64> {
        let most_asked = self.n_asked + MAX_ASKED;
        for _ in 0..MAX_LOOKED {
            if self.n_asked >= most_asked {
                break;
            }
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

/// The bounds at which whole numbers change their odd steps, where nothing but whole numbers is searched for; else none.
#[derive(Debug, Default)]
pub struct Steps {
    /// Of each variable that is searched for.
    ranges: Vec<f64>,
}

impl Steps {
    /// Of whole numbers with these ranges: under a bound E they move by up to the whole part of E range, to both sides.
    pub fn of(ranges: Vec<f64>) -> Steps {
        Steps { ranges }
    }

    fn moves(e: f64, range: f64) -> f64 {
        (e * range).trunc()
    }

    /// True if two bounds are the same, or give the same steps.
    pub fn are_equal(&self, a: f64, b: f64) -> bool {
        let same = |&range: &f64| Steps::moves(a, range) == Steps::moves(b, range);
        a == b || !self.ranges.is_empty() && self.ranges.iter().all(same)
    }

    /// The largest bound whose steps are finer than those of `e`, and the smallest whose steps are coarser.
    pub fn beside(&self, e: f64) -> Option<(f64, f64)> {
        let edge = |range: f64, more: f64| (Steps::moves(e, range) + more) / range;
        let finer = self.ranges.iter().map(|&range| edge(range, 0.0)).fold(0.0, f64::max);
        let coarser = self.ranges.iter().map(|&range| edge(range, 1.0)).fold(f64::INFINITY, f64::min);
        (!self.ranges.is_empty()).then_some((finer * (1.0 - EDGE), coarser * (1.0 + EDGE)))
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
        let steps = Steps::default();
        let mut curve = Curve::new(&steps, |e: f64| {
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
        let steps = Steps::default();
        let mut curve = Curve::new(&steps, |e: f64| Ok(if e < 3e-3 { 1000.0 } else { 500.0 }));
        let e = curve.solve(800.0).unwrap();
        assert!((3e-3..3.1e-3).contains(&e), "{e}");
    }

    #[test]
    fn a_step_of_whole_numbers_is_asked_for_once() {
        let steps = Steps::of(vec![100.0]);
        let asked = std::cell::RefCell::new(Vec::new());
        let mut curve = Curve::new(&steps, |e: f64| {
            asked.borrow_mut().push((100.0 * e) as u64);
            Ok(1000.0 / (2.0 * (100.0 * e).trunc() + 1.0))
        });
        let e = curve.solve(300.0).unwrap();
        assert!((0.02..0.0202).contains(&e), "step 5 begins at 2/100: {e}");
        let mut asked = asked.into_inner();
        let n_asked = asked.len();
        asked.sort_unstable();
        asked.dedup();
        assert_eq!(asked.len(), n_asked, "{asked:?}");
        let (finer, coarser) = steps.beside(e).unwrap();
        assert!(!steps.are_equal(finer, e) && !steps.are_equal(coarser, e) && steps.are_equal(e, 0.0299));
        assert!((finer - 0.02).abs() < 1e-8 && (coarser - 0.03).abs() < 1e-8);
    }
}
