//! What is kept, what is promised, on which grid, by which method: everything that is decided before the first value
//! is coded.

pub mod estimate;
pub mod fields;
pub mod grids;
pub mod profile;
pub mod tables;
pub mod together;
pub mod trainer;

mod epoch;
mod exact;
mod given;
mod noise;
mod warnings;

use crate::container::{GroupMethod, GroupPlan, Plan};
use crate::model::{Model, ModelPart};
use crate::options::rules::requested;
use crate::options::{BoundSpec, Method, Missing, Options};
use crate::part::numbers::grid_name;
use crate::part::stream::mantissa_bits;
use crate::plan::grids::{Asked, profiles, type_variables};
use crate::plan::profile::Profile;
use crate::plan::trainer::{Models, Trainer};
use crate::predict::predictor::Predictor;
use crate::quantize::Bound;
use crate::report::Progress;
use crate::variable::VariablePlan;
use baler_data::error::{Error, Result};
use baler_data::names;
use baler_data::names::pattern_matches;
use baler_data::source::{Schema, Selected, Source, VariableSchema};
use std::borrow::Cow;

/// Values of a chunk, about, of variables that are larger than a few chunks: bounds memory ...
const CHUNK_VALUES: usize = 1 << 20;
/// ... while smaller variables stay whole: repeats and neighbors across the cut are worth more than a thread.
const WHOLE_VALUES: usize = 1 << 21;
/// Fewest rows (frames) of a chunk, unless many chunks share a model: a frame foretells the next. Three CCD frames of a star
/// field take 2 847 730 bytes apart at 1e-3 of the range, 2 830 930 together.
const MIN_ROWS: usize = 4;
/// Characters and bytes of a chunk, about: repeats in them lie far apart.
const CHUNK_TEXT: usize = 1 << 22;
/// Values from which on the chunks of a variable share one predictive model, which is trained on a sample: a model of
/// its own for each chunk takes more time than coding it, and all of them together more bytes.
pub const SHARED_VALUES: usize = 1 << 23;

/// The result of planning.
pub struct Planned<'a> {
    /// The input less what is dropped.
    pub source: Box<dyn Source + 'a>,
    /// The archive's plan.
    pub plan: Plan,
    /// The model to use, if any: given, or trained on this data.
    pub model: Option<Cow<'a, Model>>,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// By variable: 1 %, 50 % and 99 % quantile, where there is a value.
    pub quantiles: Vec<Option<[f64; 3]>>,
}

/// Decides everything.
pub fn plan<'a>(
    source: &'a dyn Source,
    options: &Options,
    models: Models<'a>,
    progress: &mut dyn Progress,
) -> Result<Planned<'a>> {
    let Models { model, trainer, .. } = models;
    let threads = &options.threads;
    let source = keep_variables(source, options)?;
    let schema = source.schema();
    check_patterns(schema, options)?;
    let options = &with_marked_missing(schema, &with_exact_counts(schema, options));
    progress.stage("look at the values", schema.size_bytes() as u64);
    let all: Vec<usize> = (0..schema.variables.len()).collect();
    let profiles = threads.run(|| profiles(&*source, &all, options))?;
    let is_covered = |name: &str| model.is_some_and(|model| model.covers(name));
    let (options, exact) = &exact::with_exact_values(schema, &profiles, options, &is_covered)?;
    let mut model = match (model, wants_model(options, model)?) {
        (Some(model), true) => Some(Cow::Borrowed(model)),
        (None, true) if options.bound == BoundSpec::Unbounded && all_lossless(schema, options)? => None,
        (None, true) => {
            Some(Cow::Owned(trainer.ok_or_else(untrained)?.networks(&*source, options, progress)?))
        }
        (_, false) => None,
    };
    let names: Vec<&str> = schema.names().collect();
    let by_model = |idx: usize| {
        let Some(model) = model.as_deref() else { return Asked::Nothing };
        match given::table_grid(model, names[idx]) {
            Some(like) => Asked::Like(like),
            None if model.parts.iter().any(|part| part.covers(names[idx])) => Asked::ByNetwork,
            None => Asked::Nothing,
        }
    };
    let typed = threads.run(|| type_variables(&*source, &all, &profiles, options, &by_model))?;
    let ends: Vec<[f64; 2]> = typed.iter().map(|typed| typed.ends).collect();
    let variables: Vec<VariablePlan> = typed.into_iter().map(|typed| typed.plan).collect();
    let mut notes = warnings::lines(&variables, &profiles, exact);
    notes.extend(noise::lines(&*source, &variables)?);
    let mut groups = group_variables(&variables, options, model.as_deref())?;
    if let Some(model) = model.as_deref() {
        notes.extend(given::table_warnings(&*source, &variables, &groups, model, &ends)?);
    }
    if options.method == Method::Auto && options.bound != BoundSpec::Unbounded {
        progress.stage("search for relations of columns", 0);
        threads.run(|| tables::group(&*source, &variables, &mut groups, options.level))?;
    }
    // Below, a chunk has a model of its own that is fitted to samples of it.
    let shares = options.level.adapts();
    if shares && model.is_none() && matches!(options.method, Method::Auto | Method::Predictive) {
        let large = large_variables(&variables, &groups);
        if !large.is_empty() {
            progress.stage("learn from a sample", 0);
        }
        let of_large = |trainer: &dyn Trainer| trainer.predictors(&*source, &variables, &large, options);
        let trained = threads.run(|| trainer.map_or(Ok(None), of_large))?;
        share_model(trained.as_ref(), &variables, &mut groups);
        model = trained.map(Cow::Owned);
    }
    let (layout, attachments) = (schema.layout, schema.attachments.clone());
    notes.iter().for_each(|warning| progress.warn(warning));
    Ok(Planned {
        source,
        plan: Plan { layout, variables, groups, attachments, trials: Vec::new() },
        model,
        warnings: notes,
        quantiles: profiles.iter().map(|profile| profile.spread.map(|spread| spread.quantiles)).collect(),
    })
}

/// The options with what `source` itself tells: what its attributes mark as missing, which variables are to be exact.
pub fn informed(source: &dyn Source, options: &Options) -> Result<Options> {
    Ok(informed_with_profiles(source, options)?.0)
}

/// What compress will promise for each variable of `source`, without a model.
pub fn bounds(source: &dyn Source, options: &Options) -> Result<Vec<Bound>> {
    let (options, profiles) = informed_with_profiles(source, options)?;
    let bound = |(variable, profile): (&VariableSchema, &Profile)| {
        let kind = variable.storage.kind;
        Ok(Bound::of_kind(requested(&options, &variable.name, kind)?, profile.range, kind))
    };
    source.schema().variables.iter().zip(&profiles).map(bound).collect()
}

/// [`informed`], with the profiles of all variables.
pub fn informed_with_profiles(source: &dyn Source, options: &Options) -> Result<(Options, Vec<Profile>)> {
    let schema = source.schema();
    let options = &with_marked_missing(schema, &with_exact_counts(schema, options));
    let all: Vec<usize> = (0..schema.variables.len()).collect();
    let profiles = options.threads.run(|| profiles(source, &all, options))?;
    Ok((exact::with_exact_values(schema, &profiles, options, &|_| false)?.0, profiles))
}

/// The error where a model is needed, none is given and nobody trains one.
fn untrained() -> Error {
    Error::config("expected a trained model where a size is asked for, found none; train one first")
}

/// True if no variable is allowed any error.
fn all_lossless(schema: &Schema, options: &Options) -> Result<bool> {
    let asked = |v: &VariableSchema| requested(options, &v.name, v.storage.kind);
    let asked: Vec<BoundSpec> = schema.variables.iter().map(asked).collect::<Result<_>>()?;
    Ok(asked.iter().all(|spec| *spec == BoundSpec::Lossless))
}

/// The options with what the source's own attributes mark as missing; rules of the user count more.
fn with_marked_missing(schema: &Schema, options: &Options) -> Options {
    let marked = schema.metadata().missing().into_iter().filter(|(_, value)| !value.is_nan());
    let mut missing: Vec<(String, Missing)> =
        marked.map(|(name, value)| (name, Missing::Value(value))).collect();
    missing.extend(options.missing.iter().cloned());
    Options { missing, ..options.clone() }
}

/// The options with a rule more for each variable that counts the items of lists: it is kept exactly.
fn with_exact_counts<'a>(schema: &Schema, options: &'a Options) -> Cow<'a, Options> {
    let counting = schema.counting();
    if !counting.contains(&true) {
        return Cow::Borrowed(options);
    }
    let mut options = options.clone();
    let names = schema.names().zip(counting).filter(|(_, counting)| *counting);
    options.rules.extend(names.map(|(name, _)| (name.to_string(), BoundSpec::Lossless)));
    Cow::Owned(options)
}

/// Variables that are coded by themselves and have so many chunks that one model for all of them pays.
fn large_variables(variables: &[VariablePlan], groups: &[GroupPlan]) -> Vec<usize> {
    let is_large = |idx: &usize| {
        let variable = &variables[*idx];
        let is_opaque = variable.storage.kind.is_opaque();
        !is_opaque && variable.n_values() >= SHARED_VALUES && variable.bound.spec != BoundSpec::Unbounded
    };
    let alone = groups.iter().filter(|group| matches!(group.method, GroupMethod::Classical));
    alone.map(|group| group.variables[0]).filter(is_large).collect()
}

/// Lets the large variables use the model that was trained for them.
fn share_model(model: Option<&Model>, variables: &[VariablePlan], groups: &mut [GroupPlan]) {
    for (entry, predictor) in model.iter().flat_map(|model| &model.predictors).enumerate() {
        let of_predictor = |group: &&mut GroupPlan| variables[group.variables[0]].name == predictor.name;
        if let Some(group) = groups.iter_mut().find(of_predictor) {
            let shape = variables[group.variables[0]].shape_of_rows(group.rows_per_chunk);
            if predictor.shared.fits_shape(&shape) {
                group.method = GroupMethod::Predictive { model: entry };
            }
        }
    }
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

/// The source less the dropped variables.
pub fn keep_variables<'a>(source: &'a dyn Source, options: &Options) -> Result<Box<dyn Source + 'a>> {
    let dropped = |name: &str| options.drop.iter().any(|pattern| pattern_matches(pattern, name));
    if !source.schema().names().any(dropped) {
        return Ok(Box::new(source));
    }
    let kept = Selected::new(source, |name| !dropped(name));
    if kept.schema().variables.is_empty() {
        return Err(Error::config("expected variables to compress, found that --drop takes them all"));
    }
    Ok(Box::new(kept))
}

/// Every pattern of a rule must match something.
fn check_patterns(schema: &Schema, options: &Options) -> Result<()> {
    let of_rules = options.rules.iter().map(|(pattern, _)| pattern);
    let of_missing = options.missing.iter().map(|(pattern, _)| pattern);
    let of_cuts = options.cuts.iter().map(|(pattern, _)| pattern);
    let of_limits = options.limits.iter().map(|(pattern, _)| pattern);
    for pattern in of_rules.chain(of_missing).chain(of_cuts).chain(of_limits).chain(&options.keep_sum) {
        if pattern != "*" && !schema.names().any(|name| pattern_matches(pattern, name)) {
            return Err(names::unknown_variable(pattern, schema.names()));
        }
    }
    Ok(())
}

fn group_variables(
    variables: &[VariablePlan],
    options: &Options,
    model: Option<&Model>,
) -> Result<Vec<GroupPlan>> {
    let mut grouped = vec![false; variables.len()];
    let mut groups = Vec::new();
    for (part_idx, part) in model.iter().flat_map(|model| &model.parts).enumerate() {
        let group = learned_group(part, part_idx, variables)?;
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
        let row_len = variable.row_len();
        // Without learning, a few long series (one a detector, say) are coded apart: each has its own best prediction.
        let series = options.method == Method::Classical
            && variable.shape.len() == 2
            && variable.n_rows() <= 16
            && row_len >= 1 << 14;
        groups.push(if series {
            GroupPlan { rows_per_chunk: 1, ..alone(idx, variable, options.level.adapts()) }
        } else {
            alone(idx, variable, options.level.adapts())
        });
    }
    groups.sort_by_key(|group| group.variables[0]);
    Ok(groups)
}

/// A variable in a group of its own.
fn alone(idx: usize, variable: &VariablePlan, shares: bool) -> GroupPlan {
    GroupPlan::new(vec![idx], rows_per_chunk(variable, shares), GroupMethod::Classical)
}

/// The plan with the columns of tables apart.
pub fn without_tables(plan: &Plan) -> Plan {
    let mut apart = plan.clone();
    let is_table = |group: &GroupPlan| matches!(group.method, GroupMethod::Table(_));
    apart.groups.retain(|group| !is_table(group));
    for &idx in plan.groups.iter().filter(|group| is_table(group)).flat_map(|group| &group.variables) {
        apart.groups.push(alone(idx, &plan.variables[idx], true));
    }
    apart.groups.sort_by_key(|group| group.variables[0]);
    apart
}

/// Rows of a chunk of a variable that is coded by itself.
pub fn rows_per_chunk(variable: &VariablePlan, shares: bool) -> usize {
    if variable.storage.kind.is_opaque() {
        return (CHUNK_TEXT / variable.row_len().max(1)).clamp(1, variable.n_rows().max(1));
    }
    match variable.n_values() {
        n_values if n_values <= WHOLE_VALUES => variable.n_rows().max(1),
        n_values if n_values < SHARED_VALUES || !shares => (CHUNK_VALUES / variable.row_len()).max(MIN_ROWS),
        _ => (CHUNK_VALUES / variable.row_len()).max(1),
    }
}

/// True if a predictive model serves a variable that is coded whole.
pub fn fits_predictor(predictor: &Predictor, variable: &VariablePlan) -> bool {
    variable.dtype == predictor.dtype
        && mantissa_bits(&variable.grid, variable.dtype) == predictor.mantissa_bits
        && predictor.shared.fits_shape(&variable.shape)
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
    let rows_per_chunk = rows_per_chunk(variable, true);
    if variable.n_values() > 0 && !predictor.shared.fits_shape(&variable.shape_of_rows(rows_per_chunk)) {
        return wrong("axes".into(), format!("shape {:?}", variable.shape));
    }
    Ok(GroupPlan::new(vec![idx], rows_per_chunk, GroupMethod::Predictive { model: entry }))
}

/// The group of the variables that a part of the model was trained for.
fn learned_group(part: &ModelPart, part_idx: usize, variables: &[VariablePlan]) -> Result<GroupPlan> {
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
    let row_len = first.row_len().max(1) * found.len();
    let step = part.blocks.as_ref().map_or(1, |blocks| blocks.extents[0]);
    let rows_per_chunk = (CHUNK_VALUES / row_len / step).max(1) * step;
    let residual = found.iter().any(|&(idx, _)| variables[idx].bound.spec != BoundSpec::Unbounded);
    Ok(GroupPlan::new(
        found.iter().map(|&(idx, _)| idx).collect(),
        rows_per_chunk,
        GroupMethod::Autoencoder {
            model: part_idx,
            scalings: found.iter().map(|&(_, scaling)| scaling).collect(),
            blocks: part.blocks.clone(),
            residual,
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantize::{Bound, Grid, Promises};
    use baler_data::dataset::{DType, Storage};

    #[test]
    fn chunks_of_frames_hold_a_few_unless_a_model_is_shared() {
        let rows_if = |shape: &[usize], shares: bool| {
            let variable = VariablePlan {
                name: "frames".into(),
                dtype: DType::U16,
                shape: shape.to_vec(),
                storage: Storage::default(),
                bound: Bound::resolve(BoundSpec::Lossless, 0.0),
                limits: None,
                grid: Grid::Order,
                patterns: Vec::new(),
                promises: Promises::default(),
            };
            rows_per_chunk(&variable, shares)
        };
        let rows = |shape: &[usize]| rows_if(shape, true);
        assert_eq!(rows(&[]), 1);
        assert_eq!(rows(&[2, 1 << 10, 1 << 10]), 2, "small data stay whole");
        assert_eq!(rows(&[7, 1 << 10, 1 << 10]), 4);
        assert_eq!(rows(&[8, 1 << 10, 1 << 10]), 1, "many chunks share a model");
        assert_eq!(rows_if(&[8, 1 << 10, 1 << 10], false), 4);
        assert_eq!(rows(&[(1 << 21) + 1]), 1 << 20);
    }
}
