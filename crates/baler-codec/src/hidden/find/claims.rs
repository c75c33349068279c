//! A sample of values -> the claim about them that saves the most bits.

use super::fit::{Search, Target};
use super::sample::{Grain, Group, binary_grid, distinct, is_usable, ulp};
use super::step::roughs;
use super::{LEAST_SAVED, STRANGERS};
use crate::hidden::digits::{self, POWERS, nearest_decimal, shortest_decimal, shortest_decimal_f32};
use crate::hidden::program::{Float, Program, Start, Step};
use baler_data::element::Element;

/// Bits that a stranger costs: its own, and to say where it is.
const STRANGER_BITS: f64 = 80.0;
/// 0 degrees Celsius in kelvin.
const ZERO_CELSIUS: f32 = 273.15;
/// Most significant digits of decimals in each format: with more, the format itself is coarser.
const MOST_DIGITS: [u8; 3] = [3, 7, 15];
/// A decimal lattice of more places than this is none.
const MOST_PLACES: i64 = digits::MAX_PLACES as i64;
/// Digits of text with which float32 may have become float64.
const TEXT_DIGITS: std::ops::RangeInclusive<u8> = 8..=17;
/// Distinct values whose decimals are looked at.
const N_LOOKED_AT: usize = 400;
/// Distinct values times bits saved that a lattice fitted to them must reach: it has two constants and a form to choose.
const LEAST_EVIDENCE: f64 = 160.0;

/// A lattice, and what is known of it.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The lattice.
    pub program: Program,
    /// Bits saved a value, strangers counted.
    pub saved: f64,
    /// Bits saved a value that it has.
    pub saved_each: f64,
    /// Values that it does not have.
    pub n_strangers: usize,
}

/// The claim that saves the most on a sample.
pub fn best_claim<T: Element>(sample: &[T], reach: i64) -> Option<Claim> {
    let values = distinct(sample);
    let own = own_float::<T>();
    if values.len() < 3 {
        return few_values(sample, &values);
    }
    let mut programs = Vec::new();
    let narrow = narrowest(&values, own);
    let shift = zero_bits(&values, narrow);
    if narrow != own || shift > 0 {
        programs.push(Program { start: Start::Order { float: narrow, shift }, steps: Vec::new() });
    }
    let decimals = Decimals::of(&values, narrow);
    programs.extend(decimals.iter().flat_map(|decimals| decimals.programs(&values)));
    if own == Float::F64 && narrow == own && decimals.is_none_or(|decimals| decimals.digits >= 8) {
        programs.extend(float32_through_text(&values));
    }
    let mut best: Option<Claim> = None;
    for program in programs {
        take_better(&mut best, claim(program, sample));
    }
    let mut grains = vec![Grain::Float(narrow)];
    if let (Float::F64, Some(claim)) = (narrow, &best) {
        grains.extend(match (claim.program.start, claim.program.steps.as_slice()) {
            (Start::Decimal { digits, .. }, _) => Some(Grain::Digits(digits)),
            (Start::Whole { .. }, [Step::Div(power)]) => {
                POWERS.iter().position(|p| p == power).map(|places| Grain::Places(places as u8))
            }
            _ => None,
        });
    }
    for grain in grains {
        let target = Target { grain, dtype: own, converted: None };
        see_lattices(&mut best, sample, &values, target, reach);
    }
    if let Some((before, converted)) = before_conversion(&values, narrow) {
        let target = Target { grain: Grain::Float(narrow), dtype: own, converted: Some(converted) };
        see_lattices(&mut best, sample, &before, target, reach);
    }
    best
}

fn see_lattices<T: Element>(
    best: &mut Option<Claim>,
    sample: &[T],
    values: &[f64],
    target: Target,
    reach: i64,
) {
    for program in lattices::<T>(values, target, reach) {
        let claim = claim(program, sample).filter(|claim| claim.saved * values.len() as f64 > LEAST_EVIDENCE);
        take_better(best, claim);
    }
}

/// The values in kelvin, and the step that made these of them in float32: their grid of a power of two is that of kelvin.
fn before_conversion(values: &[f64], float: Float) -> Option<(Vec<f64>, Step)> {
    let zero = f64::from(ZERO_CELSIUS);
    let typical = values[values.len() / 2].abs();
    if float != Float::F32 || binary_grid(values) < 2.0 * ulp(float, typical) {
        return None;
    }
    let before: Vec<f64> = values.iter().map(|x| x + zero).collect();
    let is_same = |(x, y): (&f64, &f64)| f64::from(*y as f32) == *y && f64::from((y - zero) as f32) == *x;
    let n_same = values.iter().zip(&before).filter(|pair| is_same(*pair)).count();
    (n_same as f64 >= (1.0 - STRANGERS) * values.len() as f64).then_some((before, Step::Add(-zero)))
}

/// One value, or two: numbers 0 and 1.
fn few_values<T: Element>(sample: &[T], values: &[f64]) -> Option<Claim> {
    let first = *values.first()?;
    let mut steps = vec![Step::Add(first)];
    if let [low, high] = values {
        steps.insert(0, Step::Mul(high - low));
    }
    let program = Program { start: Start::Whole { stride: 1, phase: 0 }, steps };
    let serves = sample.iter().all(|&value| program.number(value).is_some());
    serves.then_some(Claim {
        program,
        saved: f64::from(T::DIGITS),
        saved_each: f64::from(T::DIGITS),
        n_strangers: 0,
    })
}

fn take_better(best: &mut Option<Claim>, claim: Option<Claim>) {
    if let Some(claim) = claim
        && best.as_ref().is_none_or(|best| best.saved + 0.25 < claim.saved)
    {
        *best = Some(claim);
    }
}

fn own_float<T: Element>() -> Float {
    match T::DIGITS {
        11 => Float::F16,
        24 => Float::F32,
        _ => Float::F64,
    }
}

/// What a lattice saves on a sample, if enough.
fn claim<T: Element>(program: Program, sample: &[T]) -> Option<Claim> {
    let own = own_float::<T>();
    let mut bits = 0.0;
    let (mut n_strangers, mut n_numbers) = (0, 0);
    for &value in sample {
        let Some(number) = program.number(value) else {
            n_strangers += 1;
            if n_strangers as f64 > 0.1 * sample.len() as f64 {
                return None;
            }
            continue;
        };
        let (x, next) = (value.to_f64(), program.value::<T>(number.wrapping_add(1)).to_f64());
        let before = program.value::<T>(number.wrapping_sub(1)).to_f64();
        let gap = (next - x).abs().min((x - before).abs());
        let unit = ulp(own, x.abs().max(gap));
        if gap.is_finite() {
            bits += libm::log2((gap / unit).max(1.0));
            n_numbers += 1;
        }
    }
    let n = sample.len() as f64;
    let strangers = n_strangers as f64 / n;
    let saved_each = bits / n_numbers.max(1) as f64;
    let saved = with_strangers(saved_each, strangers);
    let is_enough = saved >= LEAST_SAVED && strangers <= 4.0 * STRANGERS;
    is_enough.then_some(Claim { program, saved, saved_each, n_strangers })
}

/// Bits saved a value, of which some share are strangers.
fn with_strangers(saved_each: f64, strangers: f64) -> f64 {
    saved_each * (1.0 - strangers) - strangers * STRANGER_BITS
}

impl Claim {
    /// Counts the strangers among all values.
    pub fn with_all(&mut self, n_strangers: usize, n_values: usize) {
        self.n_strangers = n_strangers;
        self.saved = with_strangers(self.saved_each, n_strangers as f64 / n_values.max(1) as f64);
    }

    /// Lets decimals begin at the decade of the least of all values.
    pub fn widen<T: Element>(&mut self, values: &[T], group: Group, skip: Option<&[bool]>) {
        let Start::Decimal { digits, low } = &mut self.program.start else { return };
        let mut least = f64::INFINITY;
        for idx in 0..group.len() {
            let position = group.position(idx);
            let x = values[position].to_f64().abs();
            if x > 0.0 && x < least && is_usable(values[position]) && skip.is_none_or(|skip| !skip[position])
            {
                least = x;
            }
        }
        if let Some((_, e)) = nearest_decimal(least, *digits) {
            // A few decades at most: one tiny stranger must not move all numbers.
            *low = (*low).min((e as i16).max(*low - 6));
        }
    }
}

/// The narrowest format that nearly all values have.
fn narrowest(values: &[f64], own: Float) -> Float {
    let share = |serves: fn(f64) -> bool| {
        let n = values.iter().filter(|x| serves(**x)).count();
        n as f64 >= (1.0 - STRANGERS) * values.len() as f64
    };
    if own == Float::F16 || share(|x| half::f16::from_f32(x as f32).to_f64() == x) {
        return Float::F16;
    }
    if own == Float::F32 || share(|x| f64::from(x as f32) == x) { Float::F32 } else { own }
}

/// How many low bits of the mantissa are 0 in nearly all values.
fn zero_bits(values: &[f64], float: Float) -> u8 {
    let most = float.mantissa_bits();
    let mut zeros: Vec<u32> = (values.iter().filter(|x| **x != 0.0))
        .map(|&x| {
            let order = float.order(x);
            (order ^ (order >> 63)).trailing_zeros().min(most)
        })
        .collect();
    zeros.sort_unstable();
    zeros.get(zeros.len() / 64).map_or(0, |&zeros| zeros as u8)
}

/// Decimals that nearly all values are.
#[derive(Debug, Clone, Copy)]
struct Decimals {
    digits: u8,
    places: i64,
}

impl Decimals {
    fn of(values: &[f64], float: Float) -> Option<Decimals> {
        let stride = values.len().div_ceil(N_LOOKED_AT);
        let most = MOST_DIGITS[[Float::F16, Float::F32, Float::F64].iter().position(|f| *f == float)?];
        let mut found: Vec<(u8, i64)> = Vec::new();
        let mut n_longer = 0;
        for &x in values.iter().step_by(stride).filter(|x| **x != 0.0) {
            let (m, e) = match float {
                Float::F64 => shortest_decimal(x),
                _ => shortest_decimal_f32(x as f32),
            };
            let n_digits = m.checked_ilog10().unwrap_or(0) as u8 + 1;
            if n_digits > most {
                n_longer += 1;
                if n_longer > 3 && n_longer as f64 > 2.0 * STRANGERS * values.len().min(N_LOOKED_AT) as f64 {
                    return None;
                }
            } else {
                found.push((n_digits, -e));
            }
        }
        let last = found.len().checked_sub(1)?;
        let at = last - found.len() / 80;
        found.sort_unstable();
        let digits = found[at].0;
        found.sort_unstable_by_key(|found| found.1);
        Some(Decimals { digits, places: found[at].1.max(0) })
    }

    fn programs(&self, values: &[f64]) -> Vec<Program> {
        let mut programs = Vec::new();
        let largest = values.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
        if self.places <= MOST_PLACES {
            let divisor = POWERS[self.places as usize];
            if largest * divisor < (1u64 << 53) as f64 {
                let (stride, phase) = stride(values, divisor);
                let steps = if self.places == 0 { Vec::new() } else { vec![Step::Div(divisor)] };
                programs.push(Program { start: Start::Whole { stride, phase }, steps });
            }
        }
        let least = values.iter().filter(|x| **x != 0.0).fold(f64::INFINITY, |least, x| least.min(x.abs()));
        if let Some((_, e)) = nearest_decimal(least, self.digits) {
            let start = Start::Decimal { digits: self.digits, low: e as i16 };
            programs.push(Program { start, steps: Vec::new() });
        }
        programs
    }
}

/// What divides the differences of nearly all values times a power of ten, and the rest.
fn stride(values: &[f64], divisor: f64) -> (i64, i64) {
    let whole: Vec<i64> = values.iter().map(|x| libm::rint(x * divisor) as i64).collect();
    let mut stride = 1;
    let mut phase = 0;
    for prime in [2i64, 5, 3, 7] {
        while stride < 1 << 20 {
            let next = stride * prime;
            let rest = whole[whole.len() / 2].rem_euclid(next);
            let n_alike = whole.iter().filter(|k| k.rem_euclid(next) == rest).count();
            if (n_alike as f64) < (1.0 - STRANGERS / 2.0) * whole.len() as f64 || whole.len() < 16 {
                break;
            }
            (stride, phase) = (next, rest);
        }
    }
    (stride, phase)
}

/// float32 that became text and then float64.
fn float32_through_text(values: &[f64]) -> Vec<Program> {
    let stride = values.len().div_ceil(64);
    let few: Vec<f64> = values.iter().step_by(stride).copied().collect();
    let is_near = |x: &f64| (x - f64::from(*x as f32)).abs() <= 3e-8 * x.abs();
    if few.iter().filter(|x| is_near(x)).count() * 16 < few.len() * 15 {
        return Vec::new();
    }
    let start = Start::Order { float: Float::F32, shift: 0 };
    let texts = TEXT_DIGITS.rev().map(Step::Text).chain([Step::LooseText]);
    let serves = |program: &Program| {
        few.iter().filter(|x| program.number(**x).is_some()).count() * 16 >= few.len() * 15
    };
    texts.map(|text| Program { start, steps: vec![text] }).filter(serves).take(1).collect()
}

/// Lattices with a step.
fn lattices<T: Element>(values: &[f64], target: Target, reach: i64) -> Vec<Program> {
    let binary = binary_grid(values);
    let mut programs: Vec<Program> = (roughs(values, target.grain, binary).iter())
        .filter_map(|rough| Search::<T>::run(rough, target, reach))
        .map(|fitted| fitted.program)
        .collect();
    programs.truncate(4);
    programs
}
