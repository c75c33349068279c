//! A rough lattice -> the arithmetic that gives its values bit for bit: which operations, in which precision, with which
//! constants. Constants that a writer would have chosen (short decimals, float32) are tried first, then every float that the
//! values leave possible.

use super::constants::{candidates, grid, rounded};
use super::region::{Region, Strip, least_squares, rest, two_product, two_sum};
use super::sample::{Grain, ulp};
use super::step::Rough;
use crate::hidden::program::{Float, Program, Start, Step};
use baler_data::element::Element;
use baler_data::random::mix;

/// Most constants of one kind that are tried.
const MOST: usize = 24;
/// Likely scales with which likely offsets are tried.
const N_NICE: usize = 3;
/// Largest number of a rough lattice that may be multiplied.
const MAX_NUMBER: i64 = 1 << 53;
/// Misses after which a lattice is given up: so many, and one more in so many points. Of many candidates only an exact one
/// is wanted.
const LENIENT: (usize, usize) = (8, 3);
const STRICT: (usize, usize) = (2, 100);
/// Points that may be computed for one scale: so many, and so many for each shift of the numbers that is tried.
const WORK: i64 = 50_000;
const WORK_EACH: i64 = 12;
/// For all scales of a rough lattice, so many times as many.
const SCALES: i64 = 6;
/// Points on which a lattice is tried before it is tried on all.
const N_QUICK: usize = 24;
/// Points that are further off a lattice than this many units may be strangers.
const STRANGE: f64 = 0.8;
/// With fewer than one miss in so many points, no other precision is tried.
const FEW_MISSES: usize = 400;
/// Offsets that are tried first: multiples of these fractions, and float32.
const NICE_OFFSETS: [f64; 6] = [1.0, 10.0, 100.0, 1000.0, 10_000.0, AS_SINGLE];
const AS_SINGLE: f64 = -1.0;
/// 1.5 * 2^52: adding and subtracting it rounds to the nearest integer.
const ROUNDER: f64 = 6_755_399_441_055_744.0;

/// What the result of the arithmetic becomes before it is rounded to the dtype.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// How finely values are told apart.
    pub grain: Grain,
    /// The dtype.
    pub dtype: Float,
    /// What was done with values of this grain afterwards: a conversion of units.
    pub converted: Option<Step>,
}

impl Target {
    /// The last steps.
    fn last_steps(self) -> Vec<Step> {
        let to_grain = match self.grain {
            Grain::Float(Float::F32) => Some(Step::ToF32),
            Grain::Float(Float::F16) => Some(Step::ToF16),
            Grain::Float(Float::F64) => None,
            Grain::Digits(digits) => Some(Step::Text(digits)),
            Grain::Places(places) => Some(Step::FixedText(places)),
        };
        let is_own = self.grain == Grain::Float(self.dtype);
        match self.converted {
            Some(step) => to_grain.into_iter().chain([step]).chain(to_grain.filter(|_| !is_own)).collect(),
            None => to_grain.filter(|_| !is_own).into_iter().collect(),
        }
    }

    /// What a value that the lattice gives becomes.
    fn convert(self, x: f64) -> f64 {
        self.converted.map_or(x, |step| step.apply(x))
    }

    /// The precisions in which the arithmetic may have been done.
    fn arithmetic(self) -> Vec<Float> {
        match self.grain {
            Grain::Float(Float::F32) => vec![Float::F64, Float::F32],
            Grain::Float(Float::F16) => vec![Float::F64, Float::F32, Float::F16],
            _ => vec![Float::F64],
        }
    }
}

/// A lattice that was tried, and how many points it misses.
#[derive(Debug, Clone)]
pub struct Fitted {
    /// The lattice.
    pub program: Program,
    /// Points that it does not give bit for bit.
    pub n_misses: usize,
}

/// Looks for the arithmetic of some points.
pub struct Search<'a, T: Element> {
    points: Vec<(i64, T)>,
    /// Numbers from 0, and what the arithmetic gives of them.
    pub values: &'a [(i64, f64)],
    /// By what the numbers of the rough lattice were multiplied.
    pub times: i64,
    /// What the result becomes.
    pub target: Target,
    last: Vec<Step>,
    /// Points that are hard to give.
    hard: Vec<(i64, T)>,
    /// How many shifts of the numbers are tried.
    pub reach: i64,
    /// Points that may still be computed for the scale that is tried.
    work_left: i64,
    /// Points that may still be computed for all scales.
    work_in_all: i64,
    best: Option<Fitted>,
}

impl<'a, T: Element> Search<'a, T> {
    /// The best arithmetic for a rough lattice; one that gives all points is taken at once. The step of a writer may have been
    /// a fraction of the one that was found, where his integers were all even, or all odd.
    pub fn run(rough: &'a Rough, target: Target, reach: i64) -> Option<Fitted> {
        let points = |times: i64| rough.points.iter().map(move |&(k, x)| (k * times, x)).collect::<Vec<_>>();
        let mut best: Option<Fitted> = None;
        let is_exact = target.grain == Grain::Float(Float::F64);
        let mut work = SCALES * (WORK + WORK_EACH * reach);
        for times in if is_exact { &[1, 2, 5, 10, 3, 4] } else { &[1][..] } {
            let times = *times;
            if rough.points.last().is_none_or(|point| point.0 > MAX_NUMBER) {
                break;
            }
            let values = points(times);
            let Some(mut fitted) = Search::<T>::of(&values, times, target, reach, &mut work) else { break };
            if best.as_ref().is_none_or(|best| fitted.n_misses < best.n_misses) {
                fitted.program.start = strided(&fitted.program, &points_of::<T>(&values, target), times);
                best = Some(fitted);
            }
            // More misses than a sum that was rounded otherwise would have, or few enough.
            let n_misses = best.as_ref().map_or(0, |best| best.n_misses);
            if n_misses * 200 <= values.len() {
                break;
            }
        }
        best
    }

    fn of(
        values: &'a [(i64, f64)],
        times: i64,
        target: Target,
        reach: i64,
        work: &mut i64,
    ) -> Option<Fitted> {
        let points = points_of::<T>(values, target);
        let last = target.last_steps();
        let mut search = Search {
            points,
            values,
            times,
            target,
            last,
            hard: Vec::new(),
            reach,
            work_left: 0,
            work_in_all: *work,
            best: None,
        };
        let center = least_squares(search.values);
        for arithmetic in target.arithmetic() {
            search.without_offset(center, arithmetic);
            if search.is_done() {
                break;
            }
            let strips = search.strips(arithmetic, 0.0);
            if let Some(region) =
                Region::of(&strips, center, false).filter(|region| search.is_fitting(region))
            {
                search.scaled_then_moved(&region, arithmetic);
            }
            if search.is_done() {
                break;
            }
            search.moved_then_scaled(center, arithmetic);
            if !search.is_good() {
                search.divided_then_moved(center, arithmetic);
            }
            if search.is_good() {
                break;
            }
        }
        *work = search.work_in_all;
        search.best
    }

    fn is_done(&self) -> bool {
        self.best.as_ref().is_some_and(|best| best.n_misses == 0)
    }

    /// True if so few points are missed that nothing else is tried.
    pub fn is_good(&self) -> bool {
        let is_good = |best: &Fitted| best.n_misses * FEW_MISSES <= self.points.len();
        self.best.as_ref().is_some_and(is_good)
    }

    fn is_fitting(&self, region: &Region) -> bool {
        region.n_left_out * 8 <= self.points.len()
    }

    /// How far the last roundings may have moved a value.
    pub fn rounding(&self, x: f64) -> f64 {
        let is_rounded_twice = self.target.grain != Grain::Float(Float::F64);
        let before = if is_rounded_twice { 0.5 * ulp(Float::F64, x) } else { 0.0 };
        0.500_001 * self.target.grain.unit(x) + before
    }

    /// k -> x, with what rounding allows; `offset` is added to numbers.
    fn strips(&self, arithmetic: Float, offset: f64) -> Vec<Strip> {
        let (first, last) = (self.values[0].1, self.values[self.values.len() - 1].1);
        let inner = (last - first).abs();
        (self.values.iter())
            .map(|&(k, x)| Strip {
                a: k as f64 + offset,
                b: x,
                tolerance: self.rounding(x) + 0.5 * ulp(arithmetic, inner),
            })
            .collect()
    }

    /// What computing one point costs: text takes longer.
    fn cost(&self) -> i64 {
        if matches!(self.target.grain, Grain::Float(_)) { 1 } else { 6 }
    }

    /// True if a lattice gives all but `most` of a few points, which are the hard ones where nearly none may be missed.
    fn is_likely(&mut self, shift: i64, arithmetic: Float, steps: &[Step], most: usize) -> bool {
        let n = self.points.len();
        let n_quick = N_QUICK.min(n);
        let mut n_misses = 0;
        for place in 0..n_quick {
            let is_strict = most == STRICT.0 && !self.hard.is_empty();
            let (k, x) = if is_strict { self.hard[place] } else { self.points[place * n / n_quick] };
            let first = k.wrapping_sub(shift) as f64;
            let y = steps.iter().fold(first, |y, step| rounded(step.apply(y), arithmetic));
            let y = self.last.iter().fold(y, |y, step| step.apply(y));
            if T::from_f64(y).to_bits64() != x.to_bits64() {
                n_misses += 1;
                if is_strict {
                    self.hard.swap(place, place / 2);
                }
            }
            if n_misses > most {
                self.work_left -= self.cost() * place as i64;
                return false;
            }
        }
        self.work_left -= self.cost() * n_quick as i64;
        true
    }

    /// Brings the points into an order for candidates of which only an exact one is wanted: spread, those that may be strangers
    /// last. Points that a candidate misses move forward, so that the next one is given up after few of them.
    fn spread_points(&mut self, region: &Region) {
        let (dp, dq) = region.middle();
        let line = (region.center.0 + dp, region.center.1 + dq);
        let mut order: Vec<(bool, u64, usize)> = (self.values.iter().enumerate())
            .map(|(idx, &(k, x))| {
                let is_off = rest(k as f64, x, line).abs() > STRANGE * self.target.grain.unit(x);
                (is_off, mix(idx as u64), idx)
            })
            .collect();
        order.sort_unstable();
        self.hard = order.iter().map(|&(_, _, idx)| self.points[idx]).collect();
    }

    /// Tries a lattice on all points, giving up early.
    fn try_steps(&mut self, shift: i64, arithmetic: Float, steps: &[Step]) {
        self.try_with_misses(shift, arithmetic, steps, LENIENT);
    }

    /// [`Search::try_steps`], giving up after some misses and one more in every so many points.
    fn try_with_misses(
        &mut self,
        shift: i64,
        arithmetic: Float,
        steps: &[Step],
        (first, every): (usize, usize),
    ) {
        if !self.is_likely(shift, arithmetic, steps, first) {
            return;
        }
        let program = self.program(arithmetic, steps);
        let n = self.points.len();
        let allowed = self.best.as_ref().map_or(n / 4, |best| best.n_misses.saturating_sub(1));
        let mut n_misses = 0;
        let is_strict = first == STRICT.0 && !self.hard.is_empty();
        for place in 0..n {
            let (k, x) = if is_strict { self.hard[place] } else { self.points[place] };
            if program.value::<T>(k.wrapping_sub(shift)).to_bits64() != x.to_bits64() {
                n_misses += 1;
                if is_strict {
                    self.hard.swap(place, place / 2);
                }
                if n_misses > allowed || n_misses > first + place / every {
                    self.work_left -= self.cost() * place as i64;
                    return;
                }
            }
        }
        self.work_left -= self.cost() * n as i64;
        if self.best.is_none() || n_misses <= allowed {
            self.best = Some(Fitted { program, n_misses });
        }
    }

    /// Steps with the roundings of a precision between them, and the last ones.
    fn program(&self, arithmetic: Float, steps: &[Step]) -> Program {
        let mut all: Vec<Step> = Vec::with_capacity(6);
        let rounding = match arithmetic {
            Float::F64 => None,
            Float::F32 => Some(Step::ToF32),
            Float::F16 => Some(Step::ToF16),
        };
        for &step in steps.iter().filter(|step| !matches!(step, Step::Mul(1.0) | Step::Div(1.0))) {
            all.push(step);
            all.extend(rounding);
        }
        let last = if rounding.is_some() && self.last.first() == rounding.as_ref() {
            &self.last[1..]
        } else {
            &self.last
        };
        all.extend(last);
        // The dtype rounds by itself.
        if self.target.grain == Grain::Float(self.target.dtype)
            && rounding.is_some()
            && all.last() == rounding.as_ref()
        {
            all.pop();
        }
        Program { start: Start::Whole { stride: 1, phase: 0 }, steps: all }
    }

    /// k / g and k * s, if 0 is on the lattice.
    fn without_offset(&mut self, (step, offset): (f64, f64), arithmetic: Float) {
        let shift = -libm::rint(offset / step);
        if shift.abs() > 9e15 || (offset + shift * step).abs() > 0.2 * step.abs() {
            return;
        }
        let center = least_squares_through_zero(self.values, -shift);
        let strips = self.strips(arithmetic, -shift);
        let Some(region) = Region::of(&strips, (center, 0.0), true) else { return };
        if !self.is_fitting(&region) {
            return;
        }
        let (low, high) = region.p_range();
        let inverse = 1.0 / center;
        let (i_low, i_high) = (-inverse * high / center, -inverse * low / center);
        for divisor in candidates(inverse, (i_low, i_high), arithmetic, MOST) {
            self.try_steps(shift as i64, arithmetic, &[Step::Div(divisor)]);
            if self.is_done() {
                return;
            }
        }
        for scale in candidates(center, (low, high), arithmetic, MOST) {
            self.try_steps(shift as i64, arithmetic, &[Step::Mul(scale)]);
            if self.is_done() {
                return;
            }
        }
    }

    /// k * s + o and k / g + o.
    fn scaled_then_moved(&mut self, region: &Region, arithmetic: Float) {
        let (low, high) = region.p_range();
        let (scale, offset) = region.center;
        let inverse = 1.0 / scale;
        let inverses = candidates(inverse, (-inverse * high / scale, -inverse * low / scale), arithmetic, 3);
        let as_divisors = inverses.iter().map(|&g| (1.0 / g, Step::Div(g)));
        let scales = candidates(scale, (low, high), arithmetic, MOST / 2);
        let mut as_scales = scales.iter().map(|&s| (s, Step::Mul(s)));
        let nice: Vec<(f64, Step)> = as_scales.by_ref().take(N_NICE).chain(as_divisors.take(2)).collect();
        let is_coarse = self.target.grain == Grain::Float(arithmetic);
        self.spread_points(region);
        if !is_coarse {
            for &(p, step) in &nice {
                let Some(range) = region.q_range(p - scale) else { continue };
                for q in candidates(offset, range, arithmetic, 1) {
                    self.try_steps(0, arithmetic, &[step, Step::Add(q)]);
                    if self.is_done() {
                        return;
                    }
                }
            }
            let (dp, dq) = region.middle();
            self.try_steps(0, arithmetic, &[Step::Mul(scale + dp), Step::Add(offset + dq)]);
        }
        for nice_only in [true, false] {
            let others: Vec<(f64, Step)> = if nice_only { Vec::new() } else { as_scales.by_ref().collect() };
            for &(p, step) in nice.iter().chain(&others) {
                let Some(range) = region.q_range(p - scale) else { continue };
                if !nice_only && !is_coarse {
                    let q = offset + (range.0 + range.1) / 2.0;
                    self.try_steps(0, arithmetic, &[step, Step::Add(q)]);
                } else if !self.is_done() {
                    self.try_offsets((p, step), (offset, range), arithmetic, nice_only);
                }
            }
        }
    }

    /// All offsets that are possible for a scale: each shift of the numbers has its own. Likely ones are decimals of few
    /// places, fewest first, and float32.
    fn try_offsets(
        &mut self,
        (p, step): (f64, Step),
        (center, (low, high)): (f64, (f64, f64)),
        arithmetic: Float,
        nice_only: bool,
    ) {
        let is_coarse = self.target.grain == Grain::Float(arithmetic);
        let most = if is_coarse { WORK + WORK_EACH * self.reach } else { WORK };
        self.work_left = most.min(self.work_in_all);
        let before = self.work_left;
        self.try_offsets_while_there_is_work((p, step), (center, (low, high)), arithmetic, nice_only);
        self.work_in_all -= before - self.work_left;
    }

    fn try_offsets_while_there_is_work(
        &mut self,
        (p, step): (f64, Step),
        (center, (low, high)): (f64, (f64, f64)),
        arithmetic: Float,
        nice_only: bool,
    ) {
        let pad = 0.2 * (high - low);
        let (low, high) = (low - pad, high + pad);
        let middle = (low + high) / 2.0;
        let kinds: &[f64] = if nice_only { &NICE_OFFSETS } else { &[0.0] };
        for &kind in kinds {
            for place in 0..=2 * self.reach {
                let shift = if place % 2 == 0 { place / 2 } else { -(place / 2) - 1 };
                self.work_left -= place & 1;
                if self.work_left < 0 {
                    return;
                }
                let (product, product_low) = two_product(shift as f64, p);
                let (base, base_low) = two_sum(center, product);
                let base_low = base_low + product_low;
                let about = base + (base_low + middle);
                let q = match kind {
                    0.0 => about,
                    AS_SINGLE => f64::from(about as f32),
                    power => (about * power + ROUNDER - ROUNDER) / power,
                };
                let q = rounded(q, arithmetic);
                let away = (q - base) - base_low;
                if low <= away && away <= high {
                    self.try_with_misses(shift, arithmetic, &[step, Step::Add(q)], STRICT);
                    if self.is_done() || self.work_left < 0 {
                        return;
                    }
                }
            }
        }
    }

    /// (k - m) / d and (k - m) * s: numbers are looked at as functions of values.
    fn moved_then_scaled(&mut self, (step, offset): (f64, f64), arithmetic: Float) {
        let inverse = 1.0 / step;
        let mean = -offset * inverse;
        let whole = libm::floor(mean);
        if whole.abs() > 9e15 {
            return;
        }
        let strips: Vec<Strip> = (self.values.iter())
            .map(|&(k, x)| {
                let b = k as f64 - whole;
                Strip { a: x, b, tolerance: self.rounding(x) * inverse.abs() + 0.5 * ulp(arithmetic, b) }
            })
            .collect();
        self.moved_then_scaled_in(&strips, (inverse, mean - whole), (whole as i64, None), arithmetic);
        if self.is_done() || !matches!(self.target.grain, Grain::Digits(_)) {
            return;
        }
        // Text of small values says more than some writers got right.
        let mut tolerances: Vec<f64> = strips.iter().map(|strip| strip.tolerance).collect();
        tolerances.sort_by(f64::total_cmp);
        let typical = tolerances[tolerances.len() / 2];
        let wide = |strip: Strip| Strip { tolerance: strip.tolerance.max(typical), ..strip };
        let strips: Vec<Strip> = strips.into_iter().map(wide).collect();
        self.moved_then_scaled_in(&strips, (inverse, mean - whole), (whole as i64, None), arithmetic);
    }

    /// [`Search::moved_then_scaled`] where x * d + m must be within the strips; another step may come before.
    pub fn moved_then_scaled_in(
        &mut self,
        strips: &[Strip],
        center: (f64, f64),
        (shift, before): (i64, Option<Step>),
        arithmetic: Float,
    ) {
        let Some(region) = Region::of(strips, center, false) else { return };
        if !self.is_fitting(&region) {
            return;
        }
        let inverse = center.0;
        let (low, high) = region.p_range();
        for divisor in candidates(inverse, (low, high), arithmetic, MOST) {
            let Some(range) = region.q_range(divisor - inverse) else { continue };
            for m in candidates(region.center.1, range, arithmetic, MOST)
                .into_iter()
                .chain(grid(region.center.1, range))
            {
                for scaled in [Step::Div(divisor), Step::Mul(rounded(1.0 / divisor, arithmetic))] {
                    let steps =
                        [before.unwrap_or(Step::Mul(1.0)), Step::Add(-rounded(m, arithmetic)), scaled];
                    self.try_steps(shift, arithmetic, &steps);
                    if self.is_done() {
                        return;
                    }
                }
            }
        }
    }
}

fn points_of<T: Element>(values: &[(i64, f64)], target: Target) -> Vec<(i64, T)> {
    values.iter().map(|&(k, x)| (k, T::from_f64(target.convert(x)))).collect()
}

/// The start that leaves out what all numbers have in common, if `times` divides them but for a rest.
fn strided<T: Element>(program: &Program, points: &[(i64, T)], times: i64) -> Start {
    let first = points.iter().find_map(|point| program.number(point.1));
    Start::Whole { stride: times, phase: first.map_or(0, |first| first.rem_euclid(times)) }
}

/// The slope of the line through (0, 0) and points (k + shift, x).
fn least_squares_through_zero(points: &[(i64, f64)], shift: f64) -> f64 {
    let (mut product, mut square) = (0.0, 0.0);
    for &(k, x) in points {
        let k = k as f64 + shift;
        product += k * x;
        square += k * k;
    }
    product / square
}
