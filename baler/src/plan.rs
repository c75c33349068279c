//! What is kept, what is promised, on which grid, by which method: everything that is decided before the first value
//! is coded.

mod given;

use crate::autoencoder::{Model, Part};
use crate::chunk::{grid_name, quantize_on};
use crate::classical::estimate::{SMALL_BOX, Sample, estimate_bits, sample_boxes};
use crate::classical::lorenzo::four_axes;
use crate::container::{GroupMethod, GroupPlan, Plan, VariablePlan};
use crate::dataset::{Dataset, Variable};
use crate::error::{Error, Result};
use crate::io;
use crate::names;
use crate::options::{BoundSpec, Method, Missing, Options, pattern_matches};
use crate::predict::predictor::Predictor;
use crate::quantize::{Bound, Element, Grid, MAX_Q, log_number, log_step, uniform_step};
use crate::report::Progress;
use crate::select::select;
use crate::special::MAX_PATTERNS;
use crate::stream::mantissa_bits;
use crate::threads::in_threads;
use crate::typing::{Profile, low_bit, min_abs, profile};
use crate::{table, train, with_values};
use rayon::prelude::*;
use std::borrow::Cow;

/// Values of a chunk, about, of variables that are larger than a few chunks: bounds memory ...
const CHUNK_VALUES: usize = 1 << 20;
/// ... while smaller variables stay whole: repeats and neighbors across the cut are worth more than a thread.
const WHOLE_VALUES: usize = 1 << 21;
/// A lossy grid of floats that takes less than this share of their bits is never beaten by an exact one.
const SMALL_SHARE: f64 = 0.3;
/// Without a promise, variables of at most this size that no model covers are kept exactly ...
const SMALL_BYTES: usize = 4096;
/// ... and larger ones within this fraction of their range.
const UNBOUNDED_REL: f64 = 1e-3;
/// Without a promise, the step of the grid on which a network's output lands, as a fraction of the range.
const FINE_STEP: f64 = 1.0 / (1 << 18) as f64;

/// The result of planning.
pub struct Planned<'a> {
    /// The input less what is dropped.
    pub dataset: Cow<'a, Dataset>,
    /// The archive's plan.
    pub plan: Plan,
    /// The model to use, if any: given, or trained on this data.
    pub model: Option<Cow<'a, Model>>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// Decides everything.
pub fn plan<'a>(
    dataset: &'a Dataset,
    options: &Options,
    model: Option<&'a Model>,
    progress: &mut dyn Progress,
) -> Result<Planned<'a>> {
    let dataset = keep_variables(dataset, options)?;
    check_patterns(&dataset, options)?;
    let options = &with_exact_counts(&dataset, options);
    let options = &with_marked_missing(&dataset, options);
    let learned = wants_model(options, model)?;
    let model = match model {
        Some(model) if learned => Some(Cow::Borrowed(model)),
        None if learned => {
            Some(Cow::Owned(train::train(std::slice::from_ref(&*dataset), options, progress)?.model))
        }
        _ => None,
    };
    let typed = type_variables(&dataset, options, model.as_deref())?;
    let mut warnings: Vec<String> = typed.iter().flat_map(|typed| typed.warning.clone()).collect();
    let ends: Vec<[f64; 2]> = typed.iter().map(|typed| typed.ends).collect();
    let variables: Vec<VariablePlan> = typed.into_iter().map(|typed| typed.plan).collect();
    let mut groups = group_variables(&variables, options, model.as_deref(), &mut warnings)?;
    if let Some(model) = model.as_deref() {
        warnings.extend(given::table_warnings(&dataset, &variables, &groups, model, &ends)?);
    }
    if options.method == Method::Auto && options.bound != BoundSpec::Unbounded {
        in_threads(options.n_threads, || table::search::group(&dataset, &variables, &mut groups))??;
    }
    let layout = dataset.layout;
    let attachments = dataset.attachments.clone();
    warnings.iter().for_each(|warning| progress.warn(warning));
    Ok(Planned { dataset, plan: Plan { layout, variables, groups, attachments }, model, warnings })
}

/// The options with what the source's own attributes mark as missing; rules of the user count more.
fn with_marked_missing(dataset: &Dataset, options: &Options) -> Options {
    let marked = io::missing_values(dataset).into_iter().filter(|(_, value)| !value.is_nan());
    let mut missing: Vec<(String, Missing)> =
        marked.map(|(name, value)| (name, Missing::Value(value))).collect();
    missing.extend(options.missing.iter().cloned());
    Options { missing, ..options.clone() }
}

/// The options with a rule more for each variable that counts the items of lists: it is kept exactly.
fn with_exact_counts<'a>(dataset: &Dataset, options: &'a Options) -> Cow<'a, Options> {
    let counting = dataset.counting();
    if !counting.contains(&true) {
        return Cow::Borrowed(options);
    }
    let mut options = options.clone();
    let names =
        dataset.variables.iter().zip(counting).filter(|(_, counting)| *counting).map(|(v, _)| v.name.clone());
    options.rules.extend(names.map(|name| (name, BoundSpec::Lossless)));
    Cow::Owned(options)
}

/// True if a model takes part.
fn wants_model(options: &Options, model: Option<&Model>) -> Result<bool> {
    let sized = options.size.is_some() || options.bound == BoundSpec::Unbounded;
    match options.method {
        Method::Classical if model.is_some() => {
            Err(Error::config("a model has no use with --method classical; leave one of them out"))
        }
        Method::Predictive
            if model.is_some_and(|model| model.predictors.is_empty() && model.tables.is_empty()) =>
        {
            Err(Error::config("expected a predictive model with --method predictive, found an autoencoder"))
        }
        Method::Autoencoder if model.is_some_and(|model| model.parts.is_empty()) => {
            Err(Error::config("expected an autoencoder with --method autoencoder, found a predictive model"))
        }
        method @ (Method::Classical | Method::Predictive) if sized => Err(Error::config(format!(
            "--ratio and --latent need an autoencoder; leave out --method {}, or give a bound",
            method.name()
        ))),
        Method::Classical => Ok(false),
        Method::Predictive => Ok(model.is_some()),
        Method::Autoencoder => Ok(true),
        Method::Auto => Ok(sized || model.is_some()),
    }
}

/// The dataset less the dropped variables.
fn keep_variables<'a>(dataset: &'a Dataset, options: &Options) -> Result<Cow<'a, Dataset>> {
    let dropped = |name: &str| options.drop.iter().any(|pattern| pattern_matches(pattern, name));
    if !dataset.variables.iter().any(|variable| dropped(&variable.name)) {
        return Ok(Cow::Borrowed(dataset));
    }
    let kept = select(dataset.clone(), |name| !dropped(name));
    if kept.variables.is_empty() {
        return Err(Error::config("expected variables to compress, found that --drop takes them all"));
    }
    Ok(Cow::Owned(kept))
}

/// Every pattern of a rule must match something.
fn check_patterns(dataset: &Dataset, options: &Options) -> Result<()> {
    let of_rules = options.rules.iter().map(|(pattern, _)| pattern);
    for pattern in of_rules.chain(options.missing.iter().map(|(pattern, _)| pattern)) {
        if pattern != "*"
            && !dataset.variables.iter().any(|variable| pattern_matches(pattern, &variable.name))
        {
            return Err(names::unknown_variable(
                pattern,
                dataset.variables.iter().map(|variable| variable.name.as_str()),
            ));
        }
    }
    Ok(())
}

/// The last rule that matches `name`.
fn last_match<T: Copy>(rules: &[(String, T)], name: &str) -> Option<T> {
    rules.iter().rev().find(|(pattern, _)| pattern_matches(pattern, name)).map(|(_, value)| *value)
}

/// A variable with its promise and its grid.
pub struct Typed {
    /// As the archive will hold it.
    pub plan: VariablePlan,
    /// Least and largest regular value; 0 where there is none.
    pub ends: [f64; 2],
    /// What the user should know.
    pub warning: Option<String>,
}

fn type_variables(dataset: &Dataset, options: &Options, model: Option<&Model>) -> Result<Vec<Typed>> {
    let typed = || {
        dataset
            .variables
            .par_iter()
            .map(|variable| {
                let covered = model.is_some_and(|model| model.parts.iter().any(|part| part.covers(variable)));
                let like = model.and_then(|model| given::table_grid(model, &variable.name));
                type_as(variable, options, covered, like).map_err(|error| error.in_variable(&variable.name))
            })
            .collect()
    };
    in_threads(options.n_threads, typed)?
}

/// What is asked for a variable: its own rule, or the general bound.
pub fn asked(options: &Options, name: &str) -> Result<BoundSpec> {
    last_match(&options.rules, name).unwrap_or(options.bound).check()
}

/// Types a variable and chooses its grid: the one that a network's output lands on if a model covers it.
pub fn type_variable(variable: &Variable, options: &Options, covered: bool) -> Result<Typed> {
    type_as(variable, options, covered, None)
}

/// [`type_variable`] with a grid of the kind of `like`, if one of that kind holds the values.
fn type_as(variable: &Variable, options: &Options, covered: bool, like: Option<Grid>) -> Result<Typed> {
    let missing = last_match(&options.missing, &variable.name).unwrap_or(Missing::Auto);
    let spec = asked(options, &variable.name)?;
    let (profile, bound, grid) = with_values!(&variable.values, v => {
        let profile = profile(v, missing);
        let bound = Bound::resolve(spec, profile.range);
        let alike = like.and_then(|like| grid_like(v, &profile, bound, like));
        let grid = alike.unwrap_or_else(|| choose_grid(v, &variable.shape, &profile, bound, covered));
        (profile, bound, grid)
    });
    let ends = [profile.min, profile.max];
    let warning = profile.found_missing.map(|value| {
        format!(
            "'{}': {value} is taken as missing and kept exactly; --missing none says otherwise",
            variable.name
        )
    });
    let mut patterns = profile.patterns;
    patterns.truncate(MAX_PATTERNS);
    let plan = VariablePlan {
        name: variable.name.clone(),
        dtype: variable.values.dtype(),
        shape: variable.shape.clone(),
        storage: variable.storage,
        bound,
        grid,
        patterns,
    };
    Ok(Typed { plan, ends, warning })
}

/// A grid of the kind of another that holds the values as they are asked for.
fn grid_like<T: Element>(values: &[T], profile: &Profile, bound: Bound, like: Grid) -> Option<Grid> {
    let alike = |grid: &Grid| std::mem::discriminant(grid) == std::mem::discriminant(&like);
    let lossy = lossy_grid(values, profile, &bound, false).filter(alike);
    let exact = || exact_grids(values, profile).into_iter().find(alike);
    lossy.or_else(exact).or_else(|| Some(like).filter(|&grid| holds_sample(values, profile, grid)))
}

/// The grid on which samples of the values take the fewest estimated bits.
pub fn choose_grid<T: Element>(
    values: &[T],
    shape: &[usize],
    profile: &Profile,
    bound: Bound,
    covered_by_model: bool,
) -> Grid {
    let lossy = lossy_grid(values, profile, &bound, covered_by_model);
    if let (Some(grid), true) = (lossy, covered_by_model) {
        return grid;
    }
    if let Some(grid) = lossy.filter(|grid| surely_small::<T>(grid, profile)) {
        return grid;
    }
    let boxes = sample_boxes(four_axes(shape), 2 * SMALL_BOX);
    let bits = |grid: Grid| -> f64 {
        let mut n_own = 0;
        let mut n_values = 0;
        let samples: Vec<_> = boxes
            .iter()
            .map(|sample| {
                let taken: Vec<T> = sample.positions.iter().map(|&p| values[p]).collect();
                let numbers = quantize_on(&taken, grid, &bound, &profile.patterns);
                n_own += numbers.specials.own_bits.len();
                n_values += taken.len();
                let mask = numbers.specials.mask().unwrap_or_default();
                Sample { extents: sample.extents, q: numbers.q, mask }
            })
            .collect();
        estimate_bits(&samples) + (n_own * (8 * size_of::<T>() + 4)) as f64 / n_values.max(1) as f64
    };
    let mut best = lossy.map(|grid| (bits(grid), grid));
    if best.is_some_and(|(bits, _)| T::IS_FLOAT && bits < SMALL_SHARE * (8 * size_of::<T>()) as f64) {
        return best.expect("just seen").1;
    }
    let exact = exact_grids(values, profile);
    if let ([grid], None) = (exact.as_slice(), best) {
        return *grid;
    }
    for grid in exact {
        let bits = bits(grid);
        if best.is_none_or(|(least, _)| bits < least) {
            best = Some((bits, grid));
        }
    }
    best.map_or(Grid::Order, |(_, grid)| grid)
}

/// True if even without differences the grid's numbers take few bits.
fn surely_small<T: Element>(grid: &Grid, profile: &Profile) -> bool {
    match *grid {
        Grid::Uniform { step, .. } => {
            let n_numbers = profile.range / step + 2.0;
            n_numbers < 2f64.powf(SMALL_SHARE * (8 * size_of::<T>()) as f64)
        }
        _ => false,
    }
}

/// The grid that spends the bound, if it allows any error.
fn lossy_grid<T: Element>(values: &[T], profile: &Profile, bound: &Bound, covered: bool) -> Option<Grid> {
    if profile.n_regular == 0 {
        return None;
    }
    let uniform = |limit: f64| {
        if T::IS_FLOAT && !profile.integral {
            let step = uniform_step::<T>(limit, profile.max_abs())?;
            return Some(Grid::Uniform { step, non_negative: profile.non_negative });
        }
        let whole = (limit.min(1e18)) as u64;
        let in_reach = !T::IS_FLOAT || profile.max_abs() <= MAX_Q;
        (in_reach && (whole >= 1 || T::IS_FLOAT)).then_some(Grid::Integer { step: 2 * whole + 1 })
    };
    match bound.spec {
        BoundSpec::Lossless => None,
        BoundSpec::Abs(_) | BoundSpec::Rel(_) => uniform(bound.limit),
        BoundSpec::PwRel(_) => {
            let step = log_step::<T>(bound.limit)?;
            let least = Some(min_abs(values, &profile.patterns)).filter(|&least| least > 0.0)?;
            Some(Grid::Log { step, low: log_number(least, step), integral: profile.integral })
        }
        BoundSpec::Unbounded if covered => {
            uniform(if profile.integral { 0.0 } else { profile.range * FINE_STEP })
        }
        BoundSpec::Unbounded if size_of_val(values) > SMALL_BYTES => uniform(profile.range * UNBOUNDED_REL),
        BoundSpec::Unbounded => None,
    }
}

/// Grids that hold the values exactly.
fn exact_grids<T: Element>(values: &[T], profile: &Profile) -> Vec<Grid> {
    if !T::IS_FLOAT || profile.n_regular == 0 {
        return vec![Grid::Order];
    }
    let narrow = size_of::<T>() == 8 && profile.f32_exact;
    let mut grids = vec![if narrow { Grid::OrderF32 } else { Grid::Order }];
    if profile.integral {
        if profile.max_abs() <= MAX_Q {
            grids.push(Grid::Integer { step: 1 });
        }
        return grids;
    }
    let step = libm::ldexp(1.0, low_bit(values, &profile.patterns).clamp(-1074, 1023));
    if step.is_normal() && profile.max_abs() / step <= (1u64 << 32) as f64 {
        grids.push(Grid::Uniform { step, non_negative: false });
    }
    let digits = (1..=6).map(|digits| 10f64.powi(digits));
    grids.extend(
        digits.map(|divisor| Grid::Decimal { divisor }).find(|grid| holds_sample(values, profile, *grid)),
    );
    grids
}

/// True if about a thousand values spread over all lie on `grid` exactly.
fn holds_sample<T: Element>(values: &[T], profile: &Profile, grid: Grid) -> bool {
    let lossless = Bound::resolve(BoundSpec::Lossless, 0.0);
    let sample: Vec<T> = values.iter().step_by((values.len() / 1000).max(1)).copied().collect();
    quantize_on(&sample, grid, &lossless, &profile.patterns).specials.own_bits.is_empty()
}

fn group_variables(
    variables: &[VariablePlan],
    options: &Options,
    model: Option<&Model>,
    warnings: &mut Vec<String>,
) -> Result<Vec<GroupPlan>> {
    let mut grouped = vec![false; variables.len()];
    let mut groups = Vec::new();
    for (part_idx, part) in model.iter().flat_map(|model| &model.parts).enumerate() {
        let group = learned_group(part, part_idx, variables, options, warnings)?;
        group.variables.iter().for_each(|&idx| grouped[idx] = true);
        groups.push(group);
    }
    for (position, predictor) in model.iter().flat_map(|model| &model.predictors).enumerate() {
        let entry = model.map_or(0, |model| model.parts.len()) + position;
        let group = predicted_group(predictor, entry, variables)?;
        grouped[group.variables[0]] = true;
        groups.push(group);
    }
    for group in given::table_groups(model, variables)? {
        group.variables.iter().for_each(|&idx| grouped[idx] = true);
        groups.push(group);
    }
    for (idx, variable) in variables.iter().enumerate().filter(|(idx, _)| !grouped[*idx]) {
        let row_len = variable.n_values() / variable.n_rows().max(1);
        // Without learning, a few long series (one a detector, say) are coded apart: each has its own best prediction.
        let series = options.method == Method::Classical
            && variable.shape.len() == 2
            && variable.n_rows() <= 16
            && row_len >= 1 << 14;
        groups.push(if series {
            GroupPlan { rows_per_chunk: 1, ..alone(idx, variable) }
        } else {
            alone(idx, variable)
        });
    }
    groups.sort_by_key(|group| group.variables[0]);
    Ok(groups)
}

/// A variable in a group of its own.
fn alone(idx: usize, variable: &VariablePlan) -> GroupPlan {
    GroupPlan {
        variables: vec![idx],
        rows_per_chunk: rows_per_chunk(variable),
        method: GroupMethod::Classical,
    }
}

/// The plan with the columns of tables apart.
pub fn without_tables(plan: &Plan) -> Plan {
    let mut apart = plan.clone();
    let is_table = |group: &GroupPlan| matches!(group.method, GroupMethod::Table(_));
    apart.groups.retain(|group| !is_table(group));
    for &idx in plan.groups.iter().filter(|group| is_table(group)).flat_map(|group| &group.variables) {
        apart.groups.push(alone(idx, &plan.variables[idx]));
    }
    apart.groups.sort_by_key(|group| group.variables[0]);
    apart
}

fn rows_per_chunk(variable: &VariablePlan) -> usize {
    let row_len = variable.n_values() / variable.n_rows().max(1);
    match variable.n_values() {
        n_values if n_values <= WHOLE_VALUES => variable.n_rows().max(1),
        _ => (CHUNK_VALUES / row_len.max(1)).max(1),
    }
}

/// The group of the variable that a predictive model was trained for.
fn predicted_group(predictor: &Predictor, entry: usize, variables: &[VariablePlan]) -> Result<GroupPlan> {
    let idx = match variables.iter().position(|variable| variable.name == predictor.name) {
        Some(idx) => idx,
        None if variables.len() == 1 => 0,
        None => {
            let names = variables.iter().map(|variable| variable.name.as_str());
            return Err(names::unknown("data with the model's variable", &predictor.name, names));
        }
    };
    let variable = &variables[idx];
    let wrong = |expected: String, found: String| {
        let message = format!(
            "expected {expected} as in the model's training data, found {found}; train a model for this data"
        );
        Err(Error::config(message).in_variable(&variable.name))
    };
    if variable.dtype != predictor.dtype {
        return wrong(predictor.dtype.name().into(), variable.dtype.name().into());
    }
    let kind = |bits: Option<u32>| {
        if bits.is_some() { "numbers that are the order of floats" } else { "a grid of steps" }
    };
    let mantissa_bits = mantissa_bits(&variable.grid, variable.dtype);
    if mantissa_bits != predictor.mantissa_bits {
        return wrong(kind(predictor.mantissa_bits).into(), kind(mantissa_bits).into());
    }
    let rows_per_chunk = rows_per_chunk(variable);
    if variable.n_values() > 0 && !predictor.shared.fits_shape(&variable.shape_of_rows(rows_per_chunk)) {
        return wrong("axes".into(), format!("shape {:?}", variable.shape));
    }
    Ok(GroupPlan { variables: vec![idx], rows_per_chunk, method: GroupMethod::Predictive { model: entry } })
}

/// The group of the variables that a part of the model was trained for.
fn learned_group(
    part: &Part,
    part_idx: usize,
    variables: &[VariablePlan],
    options: &Options,
    warnings: &mut Vec<String>,
) -> Result<GroupPlan> {
    let mut found = Vec::new();
    for known in &part.variables {
        let idx = match variables.iter().position(|variable| variable.name == known.name) {
            Some(idx) => idx,
            None if part.blocks.is_some() && variables.len() == 1 => 0,
            None => {
                let names = variables.iter().map(|variable| variable.name.as_str());
                return Err(names::unknown("data with the model's variable", &known.name, names));
            }
        };
        let variable = &variables[idx];
        if variable.dtype != known.dtype {
            return Err(Error::config(format!(
                "expected {} as in the model's training data, found {}; train a model for this data",
                known.dtype.name(),
                variable.dtype.name()
            ))
            .in_variable(&variable.name));
        }
        let scaling = known.scaling(&variable.grid).ok_or_else(|| {
            Error::config(format!(
                "the model was trained for another kind of bound than this variable has (grid {}); train it with the \
                 same kind of bound",
                grid_name(&variable.grid)
            ))
            .in_variable(&variable.name)
        })?;
        found.push((idx, scaling));
    }
    if found.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
        return Err(Error::config(
            "expected the model's variables in the model's order; reorder the columns",
        ));
    }
    let first = &variables[found[0].0];
    let n_axes = part.blocks.as_ref().map_or(1, |blocks| blocks.extents.len());
    let fits = found.iter().all(|&(idx, _)| {
        variables[idx].shape.len() == n_axes && variables[idx].n_rows() == first.n_rows()
            || first.n_values() == 0
    });
    if !fits {
        return Err(Error::config(format!(
            "expected variables with {n_axes} axes and one number of rows as in the model's training data, found shape \
             {:?}",
            first.shape
        ))
        .in_variable(&first.name));
    }
    let row_len = (first.n_values() / first.n_rows().max(1)).max(1) * found.len();
    let step = part.blocks.as_ref().map_or(1, |blocks| blocks.extents[0]);
    let rows_per_chunk = (CHUNK_VALUES / row_len / step).max(1) * step;
    let residual = found.iter().any(|&(idx, _)| variables[idx].bound.spec != BoundSpec::Unbounded);
    if options.bound == BoundSpec::Unbounded && residual {
        warnings.push(
            "a variable with a bound shares the model: residuals are stored for the whole group".into(),
        );
    }
    Ok(GroupPlan {
        variables: found.iter().map(|&(idx, _)| idx).collect(),
        rows_per_chunk,
        method: GroupMethod::Autoencoder {
            model: part_idx,
            scalings: found.iter().map(|&(_, scaling)| scaling).collect(),
            blocks: part.blocks.clone(),
            residual,
        },
    })
}
