//! Source -> archive. The stages, in order; each is one call. Values are read twice, in pieces: once to know what kind
//! of numbers they are, once to code them, chunk by chunk; so memory does not grow with the data.

use crate::autoencoder::Coder;
use crate::container::{
    Footer, GroupMethod, GroupPlan, ModelEntry, Plan, PlanTrial, PlanTrialKind, StoredOutliers,
    archive_header_with, read_chunk,
};
use crate::decode::Coders;
use crate::decode::inspect::Parts;
use crate::encode::output::Output;
use crate::encode::{Encoder, learned};
use crate::model::Model;
use crate::options::{BoundSpec, Method, Options};
use crate::outliers::{self, Apart};
use crate::plan::fields;
use crate::plan::together::together_or_apart;
use crate::plan::trainer::Models;
use crate::plan::{self, Planned};
use crate::report::{NoProgress, Progress, Report};
use crate::shared_plan::SharedPlan;
use baler_data::error::{Error, ErrorKind, Result};
use baler_data::source::{InMemory, Source, excerpt};
use baler_data::threads::Threads;
use std::borrow::Cow;

/// Chunks a thread between two writes.
const CHUNKS_A_THREAD: usize = 4;
/// Bytes of data on which it is tried whether a given model pays: all of small data, else a part.
const TRIAL_BYTES: usize = 64 << 20;

/// Compresses a source of any size to any output. With [`Method::Auto`] and a bound, an autoencoder is used only where
/// that makes the smaller archive. What is written depends only on the source's values and the options, not on the kind
/// of source, the threads, or how much of the output was there from a run before.
///
/// # Errors
/// [`ErrorKind::Config`] for options or a model that do not fit the data, [`ErrorKind::Io`] where reading or writing
/// fails.
pub fn compress_source(
    source: &dyn Source,
    options: &Options,
    models: Models,
    out: &mut dyn Output,
    progress: &mut dyn Progress,
) -> Result<Report> {
    let Some(rows) = &options.outliers else {
        return compress_rows(source, options, models, None, out, progress);
    };
    let source = plan::keep_variables(source, options)?;
    progress.stage("store rows in full", 0);
    let apart = outliers::apart(&*source, rows, options)?;
    let stored = StoredOutliers { by: rows.by.clone(), archive: in_full(&apart)? };
    let options = &Options { outliers: None, drop: Vec::new(), ..options.clone() };
    let mut report = compress_rows(&apart.others, options, models, Some(&stored), out, progress)?;
    crate::decode::outliers::add_to(&mut report, &stored)?;
    Ok(report)
}

/// The archive of the rows in full: by themselves, or by a plan of a sample of the others, whichever is smaller.
fn in_full(apart: &Apart) -> Result<Vec<u8>> {
    let (listed, options) = (InMemory::of(&apart.listed), &apart.options);
    let mut alone = Vec::new();
    compress_source(&listed, options, Models::default(), &mut alone, &mut NoProgress)?;
    let Some(sample) = &apart.sample else { return Ok(alone) };
    let rows: Vec<usize> = listed.schema().variables.iter().map(|variable| variable.n_rows()).collect();
    let plan = shared_plan(&InMemory::of(sample), options, Models::default(), Some(&rows), &mut NoProgress)?;
    let mut taught = Vec::new();
    compress_part(&listed, &plan, options, &mut taught, &mut NoProgress)?;
    Ok(if taught.len() < alone.len() { taught } else { alone })
}

/// [`compress_source`] of the rows that are not stored in full.
fn compress_rows(
    source: &dyn Source,
    options: &Options,
    models: Models,
    outliers: Option<&StoredOutliers>,
    out: &mut dyn Output,
    progress: &mut dyn Progress,
) -> Result<Report> {
    let has_networks = models.model.is_some_and(|model| !model.parts.is_empty());
    if options.method != Method::Auto || options.bound == BoundSpec::Unbounded || !has_networks {
        return compress_with_method(source, options, models, (None, outliers), out, progress);
    }
    let part = excerpt(source, TRIAL_BYTES)?;
    let part = InMemory::of(&part);
    let (mut networks, mut plain) = (Vec::new(), Vec::new());
    let without = Models { model: None, ..models };
    compress_with_method(&part, options, models, (None, None), &mut networks, &mut NoProgress)?;
    compress_with_method(&part, options, without, (None, None), &mut plain, &mut NoProgress)?;
    let trial = Some(PlanTrial {
        what: PlanTrialKind::Networks,
        with: networks.len() as u64,
        without: plain.len() as u64,
    });
    if networks.len() <= plain.len() {
        return compress_with_method(source, options, models, (trial, outliers), out, progress);
    }
    let mut report = compress_with_method(source, options, without, (trial, outliers), out, progress)?;
    let warning = format!(
        "the model is not used: {} bytes with it, {} without; --method autoencoder insists on it",
        networks.len(),
        plain.len()
    );
    progress.warn(&warning);
    report.warnings.push(warning);
    Ok(report)
}

/// [`compress_source`] without trying whether a given network pays.
fn compress_with_method(
    source: &dyn Source,
    options: &Options,
    models: Models,
    (tried, outliers): (Option<PlanTrial>, Option<&StoredOutliers>),
    out: &mut dyn Output,
    progress: &mut dyn Progress,
) -> Result<Report> {
    // An unknown BALER_SIMD is an error even where no network runs.
    crate::network::simd_level()?;
    let threads = &options.threads;
    // 1 read, 2 type, 3 relate, 4 choose grids: what is kept, what is promised, how it is coded.
    let (given, given_latents) = (models.model, models.latents);
    let Planned { source, mut plan, model, warnings, quantiles } =
        plan::plan(source, options, models, progress)?;
    plan.trials.extend(tried);
    progress.stage("try variables beside each other", 0);
    let (plan, fields) = threads.run(|| fields::group(&*source, plan, options))?;
    let coders = Coders::for_compression(&plan, model.as_deref())?;
    let (plan, mut ready) = threads.run(|| together_or_apart(&*source, plan, &coders, options))?;
    ready.extend(fields);
    let models = model_entries(model.as_deref(), &plan, options);
    // 4 quantize, 5 predict or encode, 6 entropy-code, 8 verify, 7 container: chunk by chunk.
    progress.stage("learn from a sample", 0);
    let learned = threads.run(|| learned(&*source, &plan, &coders, options))?;
    let encoder =
        Encoder { ready, learned, latents: given_latents, ..Encoder::new(&*source, &plan, &coders, options) };
    let mut report = write_archive(&encoder, (&models, outliers), threads, out, progress)?;
    report.warnings = warnings;
    for (variable, quantiles) in report.variables.iter_mut().zip(quantiles) {
        variable.quantiles = quantiles;
    }
    for warning in notes(&plan, given, &report, options) {
        progress.warn(&warning);
        report.warnings.push(warning);
    }
    Ok(report)
}

/// Decides everything for data that are compressed in parts, of which `source` is all or a sample. `rows` are the numbers of
/// rows of each variable of all data, where that is a sample.
///
/// # Errors
/// As [`compress_source`], and [`ErrorKind::Config`] without a bound.
pub fn shared_plan(
    source: &dyn Source,
    options: &Options,
    models: Models,
    rows: Option<&[usize]>,
    progress: &mut dyn Progress,
) -> Result<SharedPlan> {
    crate::network::simd_level()?;
    if options.size.is_some() || options.bound == BoundSpec::Unbounded {
        return Err(Error::config(
            "expected a bound for data in parts, found a size; give --rel, --abs or another",
        ));
    }
    no_rows_in_full(options)?;
    let Planned { source, mut plan, model, warnings, .. } = plan::plan(source, options, models, progress)?;
    (plan, _) = options.threads.run(|| fields::group(&*source, plan, options))?;
    let coders = Coders::for_compression(&plan, model.as_deref())?;
    (plan, _) = options.threads.run(|| together_or_apart(&*source, plan, &coders, options))?;
    let model = model.filter(|_| plan.groups.iter().any(|group| group.method.model().is_some()));
    (plan.attachments, plan.trials) = Default::default();
    let mut shared = SharedPlan {
        plan,
        model: model.map(Cow::into_owned),
        level: options.level,
        method: options.method,
        warnings,
    };
    if let Some(rows) = rows {
        shared.set_rows(rows)?;
    }
    Ok(shared)
}

/// Compresses a part of the data that a plan was made for. Its bytes depend only on the part, the plan and whether the model
/// is only named.
///
/// # Errors
/// As [`compress_source`], and [`ErrorKind::Config`] for a part with other variables than the plan's.
pub fn compress_part(
    source: &dyn Source,
    shared: &SharedPlan,
    options: &Options,
    out: &mut dyn Output,
    progress: &mut dyn Progress,
) -> Result<Report> {
    crate::network::simd_level()?;
    no_rows_in_full(options)?;
    let (level, method) = (shared.level, shared.method);
    let options = &Options { level, method, ..options.clone() };
    let source = plan::keep_variables(source, options)?;
    let plan = shared.for_part(source.schema())?;
    let model = shared.model.as_ref();
    let coders = Coders::for_compression(&plan, model)?;
    let models = model_entries(model, &plan, options);
    progress.stage("learn from a sample", 0);
    let learned = options.threads.run(|| learned(&*source, &plan, &coders, options))?;
    let encoder = Encoder { learned, ..Encoder::new(&*source, &plan, &coders, options) };
    write_archive(&encoder, (&models, None), &options.threads, out, progress)
}

/// Parts of some data know too little of all to say which of their rows are odd.
fn no_rows_in_full(options: &Options) -> Result<()> {
    match options.outliers {
        None => Ok(()),
        Some(_) => {
            Err(Error::config("rows in full (--outliers) are those of a whole table, not of data in parts"))
        }
    }
}

/// Header, chunks and footer. Chunks that an earlier run has left in the output are not made again.
fn write_archive(
    encoder: &Encoder,
    (models, outliers): (&[ModelEntry], Option<&StoredOutliers>),
    threads: &Threads,
    out: &mut dyn Output,
    progress: &mut dyn Progress,
) -> Result<Report> {
    let plan = encoder.plan;
    let header = archive_header_with(plan, models, outliers);
    let (mut parts, mut footer) = (Parts::new(plan, models)?, Footer::new(&header));
    let mut archive_bytes = header.len();
    let mut squares = Some(vec![0.0; plan.variables.len()]);
    let (mut n_bytes, mut n_done) = (0, 0);
    let mut take = |frame: &[u8]| -> Result<u64> {
        let chunk = read_chunk(frame)?;
        parts.see(plan, &chunk)?;
        footer.see(frame);
        archive_bytes += frame.len();
        n_bytes += plan.chunk_bytes(chunk.group, chunk.first_row);
        Ok(n_bytes as u64)
    };
    progress.stage("compress", encoder.source.schema().size_bytes() as u64);
    out.begin(&header)?;
    let mut starts = plan.chunk_starts().peekable();
    while let Some(frame) = out.kept_frame()?.filter(|frame| starts.peek() == place(frame).as_ref()) {
        n_done = take(&frame)?;
        progress.advance(n_done);
        out.keep(frame.len());
        squares = None;
        starts.next();
    }
    loop {
        let batch: Vec<(usize, usize)> = starts.by_ref().take(CHUNKS_A_THREAD * threads.count()).collect();
        let at_once = batch.iter().take(threads.count());
        progress.begin(at_once.map(|&(group, row)| plan.chunk_bytes(group, row) as u64).sum());
        let frames = encoder.chunks(&batch, threads, &mut |n_more| progress.advance(n_done + n_more))?;
        for ((frame, of_chunk), &(group, _)) in frames.iter().zip(&batch) {
            out.write(frame)?;
            n_done = take(frame)?;
            if let Some(squares) = &mut squares {
                plan.groups[group].variables.iter().zip(of_chunk).for_each(|(&idx, sum)| squares[idx] += sum);
            }
        }
        progress.advance(n_done);
        if batch.is_empty() {
            break;
        }
        if progress.is_cancelled() {
            return Err(Error::new(ErrorKind::Interrupted, "interrupted"));
        }
    }
    let end = footer.finish()?;
    out.write(&end)?;
    let mut report = parts.finish(plan, models, (archive_bytes + end.len()) as u64);
    report.verified = true;
    for (idx, sum) in squares.into_iter().flatten().enumerate() {
        report.variables[idx].rms_error = Some((sum / plan.variables[idx].n_values().max(1) as f64).sqrt());
    }
    Ok(report)
}

/// (group, first row) of a whole frame.
fn place(frame: &[u8]) -> Option<(usize, usize)> {
    read_chunk(frame).ok().map(|chunk| (chunk.group, chunk.first_row))
}

/// Warnings at the end: variables that a given predictive model was not made for, a size that was missed.
fn notes(plan: &Plan, model: Option<&Model>, report: &Report, options: &Options) -> Vec<String> {
    let bits =
        |idx: usize| 8.0 * report.variables[idx].bytes as f64 / plan.variables[idx].n_values().max(1) as f64;
    let drift = |(model, group): (&Model, &GroupPlan)| {
        let idx = group.variables[0];
        if let Some(table) = model.table(&group.method) {
            let columns = group.variables.iter().enumerate();
            let drift = |(at, &idx): (usize, &usize)| table.drift(at, bits(idx), &plan.variables[idx].grid);
            return columns.filter_map(drift).collect();
        }
        let GroupMethod::Predictive { model: entry } = group.method else { return Vec::new() };
        let predictor = model.predictors.get(entry - model.parts.len());
        let step = report.variables[idx].step.unwrap_or(0.0);
        predictor.and_then(|predictor| predictor.drift(bits(idx), step)).into_iter().collect()
    };
    let with_model = plan.groups.iter().filter_map(|group| Some((model?, group)));
    let mut notes: Vec<String> = with_model.flat_map(drift).collect();
    let size = options.size.and_then(|size| size.target_bytes(report.input_bytes).ok().flatten());
    if let Some(most) = size.filter(|&most| report.archive_bytes > most) {
        let found = report.archive_bytes;
        notes.push(format!(
            "the model makes {found} bytes of this file, {most} are asked for; train one for it"
        ));
    }
    notes
}

/// One entry a part of the model, if any group uses it.
fn model_entries(model: Option<&Model>, plan: &Plan, options: &Options) -> Vec<ModelEntry> {
    let used = plan.groups.iter().any(|group| group.method.model().is_some());
    let Some(model) = model.filter(|_| used) else { return Vec::new() };
    let hash = if options.model_by_reference { model.hash() } else { [0; 32] };
    let entry = |part| match options.model_by_reference {
        true => ModelEntry::Reference { hash, part },
        false => ModelEntry::Inline(model.entry(part).unwrap_or_default()),
    };
    (0..model.n_entries()).map(entry).collect()
}

impl Coders {
    fn for_compression(plan: &Plan, model: Option<&Model>) -> Result<Coders> {
        let used = plan.groups.iter().any(|group| group.method.model().is_some());
        let Some(model) = model.filter(|_| used) else { return Ok(Coders::new(Vec::new(), Vec::new())) };
        let networks =
            model.parts.iter().map(|part| Coder::new(&part.decoder, Some(&part.encoder)).map(Some));
        let mut networks = networks.collect::<Result<Vec<_>>>()?;
        networks.resize_with(model.n_entries(), || None);
        let mut predictors = vec![None; model.parts.len()];
        predictors.extend(model.predictors.iter().map(|predictor| Some(predictor.shared.clone())));
        predictors.resize(model.n_entries(), None);
        let mut coders = Coders::new(networks, predictors).with_tables(plan, |entry| {
            let table = model.known_table(entry).ok_or_else(|| Error::corrupt("no table"))?;
            Ok(table.shared.clone())
        })?;
        let most_bits = |group: &GroupPlan| {
            let table = model.table(&group.method)?;
            let of = |(at, &idx): (usize, &usize)| table.most_bits(at, &plan.variables[idx].grid);
            Some(group.variables.iter().enumerate().map(of).collect())
        };
        coders.most_bits = plan.groups.iter().map(most_bits).collect();
        Ok(coders)
    }
}
