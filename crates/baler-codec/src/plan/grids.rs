//! A source's variables -> what is promised for each, and the grid its values lie on: one pass over all values for
//! their profile, then trials on a few samples of them. Needs memory for pieces, not for the values.

use crate::classical::estimate::{SMALL_BOX, Sample, estimate_bits, sample_boxes};
use crate::classical::lorenzo::four_axes;
use crate::options::rules::{last_match, requested};
use crate::options::{BoundSpec, Missing, Noise, Options};
use crate::part::finer::whole_stride;
use crate::part::numbers::quantize_on;
use crate::plan::profile::{Profile, Profiler, low_bit, min_abs};
use crate::quantize::{Bound, Grid, Limits, MAX_Q, Promises, log_number, log_step, uniform_step, whole_step};
use crate::variable::VariablePlan;
use baler_data::dataset::kind::Kind;
use baler_data::element::Element;
use baler_data::error::{Error, Result};
use baler_data::source::{Source, batches, pieces};
use baler_data::{with_dtype, with_values};
use rayon::prelude::*;
use std::borrow::Cow;
use std::ops::ControlFlow;

/// A lossy grid of floats that takes less than this share of their bits is never beaten by an exact one.
const SMALL_SHARE: f64 = 0.3;
/// Without a promise, variables of at most this size that no model covers are kept exactly ...
const SMALL_BYTES: usize = 4096;
/// ... and larger ones within this fraction of their range.
const UNBOUNDED_REL: f64 = 1e-3;
/// Without a promise, the step of the grid on which a network's output lands, as a fraction of the range.
const FINE_STEP: f64 = 1.0 / (1 << 18) as f64;
/// A uniform grid of more numbers than this holds nothing exactly that an order does not hold better.
const MAX_NUMBERS: f64 = (1u64 << 32) as f64;

/// Divisors of decimals that are tried.
const DIGITS: [f64; 12] = [1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12];

/// A variable with its promise and its grid.
pub struct Typed {
    /// As the archive will hold it.
    pub plan: VariablePlan,
    /// Least and largest regular value; 0 where there is none.
    pub ends: [f64; 2],
}

impl Typed {
    /// With promises beside the bound.
    ///
    /// # Errors
    /// [`baler_data::ErrorKind::Input`] for values outside the limits.
    fn promising(mut self, promises: Promises, profile: &Profile) -> Result<Typed> {
        if let (Some([low, high]), true) = (promises.limits, profile.ends.is_some())
            && (profile.min < low || profile.max > high)
        {
            return Err(Error::input(format!(
                "expected values from {low:?} to {high:?} as the limits say, found {:?} to {:?}; give wider limits, or say \
                 what is missing",
                profile.min, profile.max
            )));
        }
        if promises.keeps_sum && self.plan.bound.spec == BoundSpec::Unbounded {
            return Err(Error::config(
                "a sum is kept beside a bound, found none; give one, such as --rel 1e-3",
            ));
        }
        if promises.keeps_sum && matches!(self.plan.bound.spec, BoundSpec::Noise(_)) {
            return Err(Error::config(
                "a sum is kept beside a bound that is alike for all values, found noise; leave out one of them",
            ));
        }
        self.plan.promises = promises;
        Ok(self)
    }
}

/// What a model asks of the grid of a variable.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Asked {
    /// Nothing: it is the one that takes the fewest bits.
    Nothing,
    /// The one that a network's output lands on.
    ByNetwork,
    /// One of the same kind as this, if one of that kind holds the values.
    Like(Grid),
}

/// Chooses the grids of variables by their profiles; `asked` tells what a model asks of each. Runs on the threads of whoever
/// calls.
pub fn type_variables(
    source: &dyn Source,
    variables: &[usize],
    profiles: &[Profile],
    options: &Options,
    by_model: &(dyn Fn(usize) -> Asked + Sync),
) -> Result<Vec<Typed>> {
    let typed = variables.par_iter().zip(profiles).map(|(&idx, profile)| {
        let variable = &source.schema().variables[idx];
        let mut profile = Cow::Borrowed(profile);
        if let Some((_, range)) = options.ranges.iter().find(|(name, _)| *name == variable.name) {
            profile.to_mut().range = *range;
        }
        if let Some((_, ends)) = options.ends.iter().find(|(name, _)| *name == variable.name) {
            with_dtype!(variable.dtype, T => profile.to_mut().set_ends::<T>(*ends));
        }
        let spec = requested(options, &variable.name, variable.storage.kind)?;
        let promises = Promises::asked(options, &variable.name, variable.storage.kind)
            .map_err(|error| error.in_variable(&variable.name))?;
        let typed = with_dtype!(variable.dtype, T => {
            SourceVariable { source, idx }.with_grid::<T>(&profile, (spec, options.any_step), by_model(idx))
        });
        typed
            .and_then(|typed| typed.promising(promises, &profile))
            .map_err(|error| error.in_variable(&variable.name))
    });
    typed.collect()
}

/// [`type_variables`] of one variable.
pub fn type_variable(source: &dyn Source, idx: usize, options: &Options, by_model: Asked) -> Result<Typed> {
    let profiles = profiles(source, &[idx], options)?;
    Ok(type_variables(source, &[idx], &profiles, options, &|_| by_model)?.remove(0))
}

/// The range of the regular values of some variables, whose indices ascend.
pub fn ranges(source: &dyn Source, variables: &[usize], options: &Options) -> Result<Vec<f64>> {
    Ok(profiles(source, variables, options)?.iter().map(|profile| profile.range).collect())
}

/// Profiles of the variables, whose indices ascend: one pass over all values. Runs on the threads of whoever calls.
pub fn profiles(source: &dyn Source, variables: &[usize], options: &Options) -> Result<Vec<Profile>> {
    let schema = source.schema();
    let batches = batches(schema, variables.iter().copied());
    let mut found: Vec<(usize, Profile)> = (batches.par_iter())
        .map(|batch| {
            let missing = |&idx: &usize| match schema.variables[idx].storage.kind.is_opaque() {
                true => Some(Missing::None),
                false => last_match(&options.missing, &schema.variables[idx].name),
            };
            let missing: Vec<Missing> =
                batch.iter().map(|idx| missing(idx).unwrap_or(Missing::Auto)).collect();
            Ok(batch.iter().copied().zip(batch_profiles(source, batch, &missing)?).collect::<Vec<_>>())
        })
        .collect::<Result<Vec<Vec<_>>>>()?
        .into_iter()
        .flatten()
        .collect();
    found.sort_by_key(|(idx, _)| *idx);
    Ok(found.into_iter().map(|(_, profile)| profile).collect())
}

fn batch_profiles(source: &dyn Source, indices: &[usize], missing: &[Missing]) -> Result<Vec<Profile>> {
    let variable = |position: usize| &source.schema().variables[indices[position]];
    let dtype = |position: usize| variable(position).dtype;
    let new = |(position, &missing): (usize, &Missing)| {
        let n_values = variable(position).n_values();
        with_dtype!(dtype(position), T => Profiler::new::<T>(missing, n_values))
    };
    let mut profilers: Vec<Profiler> = missing.iter().enumerate().map(new).collect();
    see_all(source, indices, profilers.iter_mut().collect())?;
    let mut again = Vec::new();
    for (position, profiler) in profilers.iter_mut().enumerate() {
        let found_any = with_dtype!(dtype(position), T => {
            let found = profiler.found_missing::<T>();
            if !found.is_empty() {
                *profiler = profiler.without::<T>(&found);
            }
            !found.is_empty()
        });
        if found_any {
            again.push((indices[position], profiler));
        }
    }
    let (again_indices, again): (Vec<usize>, Vec<&mut Profiler>) = again.into_iter().unzip();
    see_all(source, &again_indices, again)?;
    let finish =
        |(position, profiler): (usize, Profiler)| with_dtype!(dtype(position), T => profiler.finish::<T>());
    Ok(profilers.into_iter().enumerate().map(finish).collect())
}

/// Shows all values of columns of one length, or of one variable, to their profilers.
fn see_all(source: &dyn Source, indices: &[usize], mut profilers: Vec<&mut Profiler>) -> Result<()> {
    let Some(&first) = indices.first() else { return Ok(()) };
    let schema = source.schema();
    let item_bytes = indices.iter().map(|&idx| schema.variables[idx].dtype.size_bytes()).sum();
    for elements in pieces(schema.variables[first].n_values(), item_bytes) {
        let values = match indices {
            [idx] => vec![source.read(*idx, elements)?],
            columns => source.read_rows(columns, elements)?,
        };
        let see = |(profiler, values): (&mut &mut Profiler, _)| with_values!(&values, v => profiler.see(v));
        profilers.par_iter_mut().zip(values).for_each(see);
    }
    Ok(())
}

/// One variable of a source.
struct SourceVariable<'a> {
    source: &'a dyn Source,
    idx: usize,
}

impl SourceVariable<'_> {
    fn n_values(&self) -> usize {
        self.source.schema().variables[self.idx].n_values()
    }

    /// The values at some positions, ascending within each run of neighbors.
    fn at<T: Element>(&self, positions: &[usize]) -> Result<Vec<T>> {
        let mut values = Vec::with_capacity(positions.len());
        for run in positions.chunk_by(|a, b| a + 1 == *b) {
            values.extend(self.read::<T>(run[0]..run[0] + run.len())?);
        }
        Ok(values)
    }

    fn read<T: Element>(&self, elements: std::ops::Range<usize>) -> Result<Vec<T>> {
        let values = self.source.read(self.idx, elements)?.into_vec();
        values.ok_or_else(|| Error::input("expected the dtype that the source tells, found another"))
    }

    /// Shows all values until `see` has seen enough.
    fn each_piece<T: Element>(&self, mut see: impl FnMut(&[T]) -> ControlFlow<()>) -> Result<()> {
        for elements in pieces(self.n_values(), size_of::<T>()) {
            if see(&self.read::<T>(elements)?).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn with_grid<T: Element>(
        &self,
        profile: &Profile,
        (spec, any_step): (BoundSpec, bool),
        by_model: Asked,
    ) -> Result<Typed> {
        let kind = self.source.schema().variables[self.idx].storage.kind;
        if kind == Kind::Complex && matches!(spec, BoundSpec::Noise(_)) {
            return Err(Error::config("expected a bound of complex numbers, found the noise of counts"));
        }
        let mut bound = Bound::of_kind(spec, profile.range, kind);
        let even = even_step::<T>(&bound, profile).filter(|_| any_step);
        if let Some(step) = even {
            let limit = (step / 2) as f64;
            bound = Bound { spec: BoundSpec::Abs(limit), limit };
        }
        let alike = match by_model {
            Asked::Like(like) => self.grid_like::<T>(profile, bound, like)?,
            Asked::Nothing | Asked::ByNetwork => None,
        };
        let grid = match alike.or(even.map(|step| Grid::Integer { step })) {
            Some(grid) => grid,
            None => self.choose_grid::<T>(profile, bound, by_model == Asked::ByNetwork)?,
        };
        let variable = &self.source.schema().variables[self.idx];
        let ends = [profile.min, profile.max];
        // What an order holds is one of the values themselves, but for what a network predicts.
        let holds_values = matches!(grid, Grid::Order | Grid::OrderF32) && by_model != Asked::ByNetwork;
        let limits = profile.ends.filter(|_| bound.spec != BoundSpec::Lossless && !holds_values);
        let limits = limits.and_then(|ends| {
            let [low, high] = ends.map(T::from_bits64);
            Limits::new(low, high)
        });
        let plan = VariablePlan {
            name: variable.name.clone(),
            dtype: variable.dtype,
            shape: variable.shape.clone(),
            storage: variable.storage,
            bound,
            limits,
            grid,
            patterns: profile.patterns.clone(),
            promises: Promises::default(),
        };
        Ok(Typed { plan, ends })
    }

    /// A grid of the kind of another that holds the values as they are asked for.
    fn grid_like<T: Element>(&self, profile: &Profile, bound: Bound, like: Grid) -> Result<Option<Grid>> {
        let alike = |grid: &Grid| std::mem::discriminant(grid) == std::mem::discriminant(&like);
        if let Some(grid) = self.lossy_grid::<T>(profile, &bound, false)?.filter(alike) {
            return Ok(Some(grid));
        }
        if let Some(grid) = self.exact_grids::<T>(profile)?.into_iter().find(alike) {
            return Ok(Some(grid));
        }
        let sample: Vec<T> = self.thousand()?;
        Ok(Some(like).filter(|&grid| holds(&sample, profile, grid)))
    }

    /// The grid on which samples of the values take the fewest estimated bits.
    fn choose_grid<T: Element>(&self, profile: &Profile, bound: Bound, covered: bool) -> Result<Grid> {
        let lossy = self.lossy_grid::<T>(profile, &bound, covered)?;
        if let (Some(grid), true) = (lossy, covered) {
            return Ok(grid);
        }
        if let Some(grid) = lossy.filter(|grid| surely_small::<T>(grid, profile)) {
            return Ok(grid);
        }
        let shape = &self.source.schema().variables[self.idx].shape;
        let boxes = sample_boxes(four_axes(shape), 2 * SMALL_BOX);
        let samples: Vec<Vec<T>> =
            boxes.iter().map(|sample| self.at(&sample.positions)).collect::<Result<_>>()?;
        let bits = |grid: Grid| -> f64 {
            let mut n_own = 0;
            let samples: Vec<_> = (boxes.iter().zip(&samples))
                .map(|(sample, taken)| {
                    let numbers = quantize_on(taken, grid, &bound, &profile.patterns);
                    n_own += numbers.specials.own_bits.len();
                    let mask = numbers.specials.mask().unwrap_or_default();
                    Sample { extents: sample.extents, q: numbers.q, mask }
                })
                .collect();
            let n_values = samples.iter().map(|sample| sample.q.len()).sum::<usize>().max(1);
            estimate_bits(&samples) + (n_own * (8 * size_of::<T>() + 4)) as f64 / n_values as f64
        };
        let mut best = lossy.map(|grid| (bits(grid), grid));
        if best.is_some_and(|(bits, _)| T::IS_FLOAT && bits < SMALL_SHARE * (8 * size_of::<T>()) as f64) {
            return Ok(best.expect("just seen").1);
        }
        let exact = self.exact_grids::<T>(profile)?;
        if let ([grid], None) = (exact.as_slice(), best) {
            return Ok(*grid);
        }
        for grid in exact {
            let bits = bits(grid);
            if best.is_none_or(|(least, _)| bits < least) {
                best = Some((bits, grid));
            }
        }
        Ok(best.map_or(Grid::Order, |(_, grid)| grid))
    }

    /// The grid that spends the bound, if it allows any error.
    fn lossy_grid<T: Element>(
        &self,
        profile: &Profile,
        bound: &Bound,
        covered: bool,
    ) -> Result<Option<Grid>> {
        if profile.n_regular == 0 {
            return Ok(None);
        }
        let uniform = |limit: f64| {
            if T::IS_FLOAT && !profile.integral {
                let step = uniform_step::<T>(limit, profile.max_abs())?;
                return Some(Grid::Uniform { step, non_negative: profile.non_negative });
            }
            // Two whole floats share the value between them where the bound allows no more; else whole numbers stay whole.
            let step = if T::IS_FLOAT && (0.5..1.0).contains(&limit) { 2 } else { whole_step(limit) };
            let step = whole_stride(step).map_or(step, |(_, step)| step);
            let in_reach = !T::IS_FLOAT || profile.max_abs() <= MAX_Q;
            (in_reach && (step > 1 || T::IS_FLOAT)).then_some(Grid::Integer { step })
        };
        Ok(match bound.spec {
            BoundSpec::Lossless => None,
            BoundSpec::Abs(_) | BoundSpec::Rel(_) => uniform(bound.limit),
            BoundSpec::Noise(noise) => self.grid_of_counts::<T>(profile, noise)?,
            BoundSpec::PwRel(_) => {
                let Some(step) = log_step::<T>(bound.limit) else { return Ok(None) };
                let mut least = f64::INFINITY;
                self.each_piece::<T>(|values| {
                    least = least.min(min_abs(values, &profile.patterns));
                    ControlFlow::Continue(())
                })?;
                let grid =
                    |least| Grid::Log { step, low: log_number(least, step), integral: profile.integral };
                least.is_finite().then(|| grid(least))
            }
            // What a network predicts below 0 or beyond the dtype is limited, where an order would wrap around.
            BoundSpec::Unbounded if covered && !T::IS_FLOAT => Some(Grid::Integer { step: 1 }),
            BoundSpec::Unbounded if covered => {
                uniform(if profile.integral { 0.0 } else { profile.range * FINE_STEP })
            }
            BoundSpec::Unbounded if self.n_values() * size_of::<T>() > SMALL_BYTES => {
                uniform(profile.range * UNBOUNDED_REL)
            }
            BoundSpec::Unbounded => None,
        })
    }

    /// The grid that spends a bound on counts: cells no wider than what nearly all of them allow, and about half as wide as most do, so that what is decoded is nearer to
    /// what counts should become ([`crate::part::counts`]). Those that allow less are kept exactly.
    ///
    /// In the same prototype, on Poisson noise around 100 at K = 1, of cells 13, 11 and 9 wide: 1.49, 1.57 and 1.70 bits a count, and 0.85, 0.78 and 0.71
    /// of the noise left; at K = 2, of 25, 21, 17 and 13: 0.47, 0.48, 0.52 and 0.63 bits, and 0.70, 0.62, 0.55 and 0.49.
    fn grid_of_counts<T: Element>(&self, profile: &Profile, noise: Noise) -> Result<Option<Grid>> {
        /// Of so many values, one may allow less.
        const FEW: usize = 200;
        /// Half a cell, of what the one in the middle allows.
        const SHARE: f64 = 0.57;
        let sample: Vec<T> = self.thousand()?;
        let is_regular = |x: &&T| x.to_f64().is_finite() && !profile.patterns.contains(&x.to_bits64());
        let mut limits: Vec<f64> =
            sample.iter().filter(is_regular).map(|x| noise.limit(x.to_f64())).collect();
        limits.sort_unstable_by(f64::total_cmp);
        let Some(&typical) = limits.get(limits.len() / 2) else { return Ok(None) };
        let limit = limits[limits.len() / FEW].min(SHARE * typical);
        if T::IS_FLOAT && !profile.integral {
            let step = uniform_step::<T>(limit, profile.max_abs());
            return Ok(step.map(|step| Grid::Uniform { step, non_negative: profile.non_negative }));
        }
        let step = whole_step(limit);
        let step = whole_stride(step).map_or(step, |(_, step)| step);
        Ok((!T::IS_FLOAT || profile.max_abs() <= MAX_Q).then_some(Grid::Integer { step }))
    }

    /// Grids that hold the values exactly.
    fn exact_grids<T: Element>(&self, profile: &Profile) -> Result<Vec<Grid>> {
        if profile.n_regular == 0 {
            return Ok(vec![Grid::Order]);
        }
        if !T::IS_FLOAT {
            let multiples = self.common_divisor::<T>(profile)?.map(|step| Grid::Integer { step });
            return Ok([Grid::Order].into_iter().chain(multiples).collect());
        }
        let narrow = size_of::<T>() == 8 && profile.f32_exact;
        let mut grids = vec![if narrow { Grid::OrderF32 } else { Grid::Order }];
        if profile.integral {
            if profile.max_abs() <= MAX_Q {
                grids.push(Grid::Integer { step: 1 });
            }
            return Ok(grids);
        }
        // More values only make the step smaller: it is given up as soon as it is too small.
        let mut step = f64::INFINITY;
        let fits = |step: f64| step.is_normal() && profile.max_abs() / step <= MAX_NUMBERS;
        self.each_piece::<T>(|values| {
            step = step.min(libm::ldexp(1.0, low_bit(values, &profile.patterns).clamp(-1074, 1023)));
            if fits(step) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        if fits(step) {
            // Formulas of tables may leave the lattice, as far as a bound allows: not below 0 where nothing is.
            grids.push(Grid::Uniform { step, non_negative: profile.non_negative });
        }
        let sample: Vec<T> = self.thousand()?;
        // Only a table asks for more digits of its columns: elsewhere the integers behind values are found chunk by chunk.
        let is_column = self.source.schema().variables[self.idx].shape.len() == 1;
        let n_digits = if is_column { DIGITS.len() } else { DIGITS.len() / 2 };
        let digits = DIGITS[..n_digits].iter().copied();
        grids.extend(
            digits.map(|divisor| Grid::Decimal { divisor }).find(|grid| holds(&sample, profile, *grid)),
        );
        Ok(grids)
    }

    /// What all integers are multiples of, if that is not 1: times in nanoseconds may be whole seconds.
    fn common_divisor<T: Element>(&self, profile: &Profile) -> Result<Option<u64>> {
        let mut divisor = 0u64;
        self.each_piece::<T>(|values| {
            for x in values.iter().filter(|x| !profile.patterns.contains(&x.to_bits64())) {
                divisor = gcd(divisor, x.order().unsigned_abs());
            }
            if divisor == 1 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok((2..1 << 62).contains(&divisor).then_some(divisor))
    }

    /// About a thousand values spread over all.
    fn thousand<T: Element>(&self) -> Result<Vec<T>> {
        let positions: Vec<usize> = (0..self.n_values()).step_by((self.n_values() / 1000).max(1)).collect();
        self.at(&positions)
    }
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// The whole step nearest below 2 L + 1 for whole numbers under a relative bound of L, where it is even: an odd one is
/// what their bound gives.
fn even_step<T: Element>(bound: &Bound, profile: &Profile) -> Option<u64> {
    let whole = !T::IS_FLOAT || profile.integral && profile.max_abs() <= MAX_Q;
    let step = (2.0 * bound.limit).min(1e18) as u64 + 1;
    let is_for = whole && matches!(bound.spec, BoundSpec::Rel(_)) && profile.n_regular > 0;
    (is_for && step.is_multiple_of(2)).then_some(step)
}

/// True if even without differences the grid's numbers take few bits.
fn surely_small<T: Element>(grid: &Grid, profile: &Profile) -> bool {
    match *grid {
        Grid::Uniform { step, .. } => {
            let n_numbers = profile.range / step + 2.0;
            n_numbers < libm::exp2(SMALL_SHARE * (8 * size_of::<T>()) as f64)
        }
        _ => false,
    }
}

/// True if all of a sample lies on `grid` exactly.
fn holds<T: Element>(sample: &[T], profile: &Profile, grid: Grid) -> bool {
    let lossless = Bound::resolve(BoundSpec::Lossless, 0.0);
    quantize_on(sample, grid, &lossless, &profile.patterns).specials.own_bits.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use baler_data::dataset::{Dataset, Values, Variable};
    use baler_data::source::InMemory;

    #[test]
    fn what_a_network_predicts_for_integers_does_not_wrap_around() {
        let counts = Values::U16((0..5000).map(|i| (i * 31 % 97) as u16).collect());
        let data = Dataset::from_arrays(vec![Variable::new("counts", vec![5000], counts).unwrap()]);
        let options = Options::new(BoundSpec::Unbounded);
        let plan = type_variable(&InMemory::of(&data), 0, &options, Asked::ByNetwork).unwrap().plan;
        let decoded: Vec<u16> =
            crate::part::numbers::reconstruct(&[-3, 5, 70_000], &Default::default(), &plan);
        assert_eq!(decoded, [0, 5, 96]);
    }
}
