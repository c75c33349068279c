//! A grid that lies closer than a bound asks for, so that each value can be stored as near to its prediction as the bound
//! allows ([`crate::predict::centred`]).

use crate::lockstep::goal::{Ends, Goal};
use crate::options::BoundSpec;
use crate::part::counts::Counts;
use crate::part::numbers::reconstruct_on;
use crate::predict::Numbers;
use crate::predict::model::MAX_STRIDE;
use crate::quantize::special::Specials;
use crate::quantize::{Grid, blocks, round_to_i64, widest};
use crate::recast::Recast;
use crate::variable::VariablePlan;
use baler_data::element::Element;

/// Steps that one of a uniform grid is cut into. 5, 9, 17 and 33 give at 1e-2 CFD 7 502, 7 328, 7 388, 7 442 bytes, and 5, 9, 17
/// the heated cylinder 25 782, 22 448, 20 811, LIGO 9 551, 8 791, 8 592 and weather 45 290, 44 784, 44 515.
const STRIDE: i64 = 17;

/// The same values on a finer grid, an odd number of steps in one of the bound's.
pub trait Finer: Sync {
    /// The nearest numbers to the values of `q`.
    fn numbers(&self, q: &[i64]) -> Option<Nearest>;
    /// True if numbers may lie farther from their values than half a stride.
    fn is_free(&self) -> bool;
    /// True if these numbers of the finer grid keep the promise.
    fn serves(&self, q: &[i64]) -> bool;
}

/// Numbers of a finer grid.
pub struct Nearest {
    /// C order.
    pub q: Vec<i64>,
    /// How many times finer they are.
    pub stride: i64,
    /// What they should become instead, where a bound varies from value to value.
    pub counts: Option<Counts>,
}

impl Nearest {
    /// For coding.
    pub fn goal(&self) -> Goal<'_> {
        match &self.counts {
            None => Goal { q: &self.q, stride: self.stride, ends: None },
            Some(Counts { q, low, high }) => Goal { q, stride: self.stride, ends: Some(Ends { low, high }) },
        }
    }
}

/// A finer grid's numbers where an array stands in other places, or is split into several.
pub struct Placed<'a> {
    finer: &'a dyn Finer,
    /// Of all.
    nearest: Nearest,
    q: &'a [i64],
    /// For each array, where its numbers stand in the whole.
    places: Vec<Vec<i64>>,
}

impl<'a> Placed<'a> {
    /// Of the arrays that a layout makes of `numbers`.
    pub fn of(finer: &'a dyn Finer, numbers: Numbers<'a>, layout: &Recast) -> Option<Placed<'a>> {
        let nearest = finer.numbers(numbers.q)?;
        let all: Vec<i64> = (0..numbers.q.len() as i64).collect();
        let (_, arrays) = layout.forward(Numbers { q: &all, mask: None, ..numbers })?;
        let places = arrays.into_iter().map(|array| array.q).collect();
        Some(Placed { finer, nearest, q: numbers.q, places })
    }

    /// The view of one of the arrays.
    pub fn of_array(&self, idx: usize) -> PlacedArray<'_> {
        PlacedArray { whole: self, places: &self.places[idx] }
    }

    /// The finer numbers of the whole, if any array has some.
    pub fn joined(&self, of_arrays: impl Iterator<Item = Option<Vec<i64>>>) -> Option<Vec<i64>> {
        let of_arrays: Vec<Option<Vec<i64>>> = of_arrays.collect();
        of_arrays.iter().any(Option::is_some).then(|| {
            let mut all: Vec<i64> = self.q.iter().map(|q| q.wrapping_mul(self.nearest.stride)).collect();
            for (places, finer) in self.places.iter().zip(&of_arrays) {
                let placed = places.iter().zip(finer.iter().flatten());
                placed.for_each(|(&place, &number)| all[place as usize] = number);
            }
            all
        })
    }
}

/// One array of several.
pub struct PlacedArray<'a> {
    whole: &'a Placed<'a>,
    places: &'a [i64],
}

impl Finer for PlacedArray<'_> {
    fn numbers(&self, _: &[i64]) -> Option<Nearest> {
        let placed = |all: &[i64]| self.places.iter().map(|&place| all[place as usize]).collect();
        let Nearest { q, stride, counts } = &self.whole.nearest;
        let counts = counts.as_ref().map(|counts| counts.at(self.places));
        Some(Nearest { q: placed(q), stride: *stride, counts })
    }

    fn is_free(&self) -> bool {
        self.whole.nearest.counts.is_some()
    }

    fn serves(&self, q: &[i64]) -> bool {
        let mut all = self.whole.nearest.q.clone();
        self.places.iter().zip(q).for_each(|(&place, &number)| all[place as usize] = number);
        self.whole.finer.serves(&all)
    }
}

/// Values on a grid that lies closer than their bound asks for.
pub struct FinerGrid<'a, T> {
    /// The finer grid.
    pub grid: Grid,
    stride: i64,
    original: &'a [T],
    shape: &'a [usize],
    specials: &'a Specials,
    variable: &'a VariablePlan,
}

/// A stride, and the largest step up to `step` that is an odd number of them; for steps that are larger than any stride.
pub fn whole_stride(step: u64) -> Option<(i64, u64)> {
    let strides = (STRIDE..2 * STRIDE).step_by(2);
    let longest = |stride: i64| {
        let n_strides = (step / stride as u64).checked_sub(1)? / 2 * 2 + 1;
        Some((stride, n_strides * stride as u64))
    };
    let longest = strides.filter_map(longest).filter(|_| step > MAX_STRIDE as u64);
    longest.max_by_key(|&(stride, found)| (found, std::cmp::Reverse(stride)))
}

impl<'a, T: Element> FinerGrid<'a, T> {
    /// `None` where the bound's grid is no lattice as wide as an absolute bound.
    pub fn of(
        (original, shape): (&'a [T], &'a [usize]),
        specials: &'a Specials,
        variable: &'a VariablePlan,
    ) -> Option<Self> {
        // What a bound that varies allows was looked at value by value, in quantizing.
        let (limit, is_free) = match variable.bound.spec {
            BoundSpec::Abs(_) | BoundSpec::Rel(_) => (variable.bound.limit, false),
            BoundSpec::Noise(_) => (f64::INFINITY, true),
            _ => return None,
        };
        let stride = match variable.grid {
            Grid::Uniform { step, .. } if step <= 2.0 * limit => STRIDE,
            Grid::Integer { step: 1 } if is_free => 1,
            Grid::Integer { step } if (3..=MAX_STRIDE as u64).contains(&step) && step % 2 == 1 => step as i64,
            Grid::Integer { step } => whole_stride(step).filter(|&(_, found)| found == step)?.0,
            _ => return None,
        };
        let grid = variable.grid.refined(stride)?;
        Some(FinerGrid { grid, stride, original, shape, specials, variable })
    }
}

impl<T: Element> Finer for FinerGrid<'_, T> {
    fn numbers(&self, q: &[i64]) -> Option<Nearest> {
        let mut finer = Vec::with_capacity(q.len());
        let pairs = q.iter().zip(self.original);
        widest(
            #[inline(always)]
            || match self.grid {
                Grid::Uniform { step, .. } => {
                    finer.extend(pairs.map(|(&q, &x)| {
                        round_to_i64(x.to_f64() / step).unwrap_or(q.wrapping_mul(self.stride))
                    }))
                }
                grid => {
                    finer.extend(pairs.map(|(&q, &x)| grid.nearest(x).unwrap_or(q.wrapping_mul(self.stride))))
                }
            },
        );
        let special =
            self.specials.classes.iter().zip(finer.iter_mut().zip(q)).filter(|(class, _)| **class != 0);
        special.for_each(|(_, (finer, q))| *finer = q.wrapping_mul(self.stride));
        let counts = match self.variable.bound.spec {
            BoundSpec::Noise(noise) => {
                Counts::of((&finer, self.stride, self.grid), self.original, self.shape, noise)
            }
            _ => None,
        };
        Some(Nearest { q: finer, stride: self.stride, counts })
    }

    fn is_free(&self) -> bool {
        matches!(self.variable.bound.spec, BoundSpec::Noise(_))
    }

    fn serves(&self, q: &[i64]) -> bool {
        let decoded = reconstruct_on(q, self.grid, self.specials, self.variable);
        blocks::compare(self.original, &decoded, &self.variable.bound).1 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;
    use crate::plan::grids::{Asked, type_variable};
    use baler_data::dataset::{Dataset, Values, Variable};
    use baler_data::source::InMemory;

    #[test]
    fn large_steps_are_whole_strides() {
        for step in 257..5000u64 {
            let (stride, found) = whole_stride(step).unwrap();
            assert!(found <= step && found.is_multiple_of(stride as u64) && found % 2 == 1, "{step}");
            assert!(found as f64 > 0.95 * step as f64, "{step}: {found}");
            let again = whole_stride(found).map(|(_, again)| again);
            assert!(found <= MAX_STRIDE as u64 || again == Some(found), "{step}");
        }
        assert_eq!(whole_stride(255), None);
    }

    #[test]
    fn what_is_beyond_the_bound_does_not_serve() {
        let values: Vec<f64> = (0..64).map(|i| i as f64 * 1.37).collect();
        let variable = Variable::new("x", vec![64], Values::F64(values.clone())).unwrap();
        let dataset = Dataset::from_arrays(vec![variable]);
        let plan = |spec| {
            let source = InMemory::of(&dataset);
            type_variable(&source, 0, &Options::new(spec), Asked::Nothing).unwrap().plan
        };
        let (bounded, specials) = (plan(BoundSpec::Abs(0.3)), Specials::default());
        let finer = FinerGrid::of((&values, &[64]), &specials, &bounded).unwrap();
        let Nearest { q: near, stride, .. } = finer.numbers(&vec![0; 64]).unwrap();
        let moved = |by: i64| near.iter().map(|q| q + by).collect::<Vec<i64>>();
        assert!(finer.serves(&near) && finer.serves(&moved(stride / 2 - 1)));
        assert!(!finer.serves(&moved(stride / 2 + 2)) && !finer.serves(&moved(-stride)));
        assert!(FinerGrid::of((&values, &[64]), &specials, &plan(BoundSpec::Lossless)).is_none());
        assert!(FinerGrid::of((&values, &[64]), &specials, &plan(BoundSpec::PwRel(0.1))).is_none());
    }
}
