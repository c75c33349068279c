//! Dataset -> archive. The stages, in order; each is one call.

use crate::autoencoder::{Coder, Model, Sampling};
use crate::chunk::{self, Numbers};
use crate::container::bytes::ByteWriter;
use crate::container::{
    Archive, ArchiveWriter, Chunk, GroupMethod, GroupPlan, ModelEntry, Plan, VariablePlan,
};
use crate::dataset::{Dataset, Values};
use crate::decompress::{Coders, decode_chunk};
use crate::error::{Error, ErrorKind, Result};
use crate::options::{BoundSpec, Method, Options, Size};
use crate::plan::{self, Planned};
use crate::quantize::blocks::compare;
use crate::report::{NoProgress, Progress, Report};
use crate::stream::How;
use crate::table::{self, Alone, TableModel};
use crate::threads::in_threads;
use crate::{inspect, with_values};
use rayon::prelude::*;
use std::ops::Range;

/// Chunks between two signs of progress.
const CHUNKS_AT_A_TIME: usize = 16;

/// Bytes of a chunk beside its payload, about.
const CHUNK_OVERHEAD: usize = 14;

/// An archive and what is told of it.
#[derive(Debug)]
pub struct Compressed {
    /// The bytes of the `.bale` file.
    pub bytes: Vec<u8>,
    /// Sizes, promises, errors.
    pub report: Report,
}

/// Compresses a dataset; the archive's bytes depend only on `dataset` and `options`.
///
/// # Errors
/// [`ErrorKind::Config`] for options that do not fit the data.
pub fn compress(dataset: &Dataset, options: &Options) -> Result<Vec<u8>> {
    Ok(compress_with(dataset, options, None, &mut NoProgress)?.bytes)
}

/// Compresses a dataset with a trained `model`, or without. With [`Method::Auto`] and a bound, an autoencoder is used
/// only where that makes the smaller archive.
///
/// # Errors
/// [`ErrorKind::Config`] for options or a model that do not fit the data.
pub fn compress_with(
    dataset: &Dataset,
    options: &Options,
    model: Option<&Model>,
    progress: &mut dyn Progress,
) -> Result<Compressed> {
    let has_networks = model.is_some_and(|model| !model.parts.is_empty());
    if options.method != Method::Auto || options.bound == BoundSpec::Unbounded || !has_networks {
        return compress_as_told(dataset, options, model, progress);
    }
    let learned = compress_as_told(dataset, options, model, progress)?;
    let mut plain = compress_as_told(dataset, options, None, &mut NoProgress)?;
    if learned.bytes.len() <= plain.bytes.len() {
        return Ok(learned);
    }
    let warning = format!(
        "the model is not used: {} bytes with it, {} without; --method autoencoder insists on it",
        learned.bytes.len(),
        plain.bytes.len()
    );
    progress.warn(&warning);
    plain.report.warnings.push(warning);
    Ok(plain)
}

fn compress_as_told(
    dataset: &Dataset,
    options: &Options,
    model: Option<&Model>,
    progress: &mut dyn Progress,
) -> Result<Compressed> {
    // An unknown BALER_SIMD is told even where no network runs.
    crate::network::simd_level()?;
    // 1 read, 2 type, 3 relate, 4 choose grids: what is kept, what is promised, how it is coded.
    let Planned { dataset, plan, model, warnings } = plan::plan(dataset, options, model, progress)?;
    let models = model_entries(model.as_deref(), &plan, options);
    // 4 quantize, 5 predict or encode, 6 entropy-code, chunk by chunk.
    let coders = Coders::for_compression(&plan, model.as_deref())?;
    let (plan, payloads) = encode_plan(&dataset, plan, &coders, options, progress)?;
    // 7 container.
    let entries: Vec<ModelEntry> = models.iter().map(StoredModel::entry).collect();
    let mut writer = ArchiveWriter::new(&plan, &entries);
    for ((group_idx, first_row), payload) in chunk_starts(&plan).into_iter().zip(&payloads) {
        writer.chunk(group_idx, first_row, payload);
    }
    drop(payloads);
    let bytes = writer.finish();
    // 8 verify: what was written is decoded and compared in the caller's dtype before anyone keeps it.
    progress.stage("verify", dataset.size_bytes() as u64);
    let archive = Archive::parse(&bytes)?;
    in_threads(options.n_threads, || check_archive(&archive, &dataset, &coders))??;
    progress.advance(dataset.size_bytes() as u64);
    let mut report = inspect::report(&archive, bytes.len())?;
    report.verified = true;
    report.warnings = warnings;
    for warning in drift(&plan, model.as_deref(), &report) {
        progress.warn(&warning);
        report.warnings.push(warning);
    }
    if let Some(Size::Ratio(ratio)) = options.size
        && report.ratio() < ratio
    {
        let found = report.ratio();
        let warning =
            format!("the model makes {found:.1} x of this file, --ratio asks for {ratio}; train one for it");
        progress.warn(&warning);
        report.warnings.push(warning);
    }
    Ok(Compressed { bytes, report })
}

/// What is to be told of variables that a predictive model was not made for.
fn drift(plan: &Plan, model: Option<&Model>, report: &Report) -> Vec<String> {
    let Some(model) = model else { return Vec::new() };
    let bits =
        |idx: usize| 8.0 * report.variables[idx].bytes as f64 / plan.variables[idx].n_values().max(1) as f64;
    let told = |group: &GroupPlan| {
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
    plan.groups.iter().flat_map(told).collect()
}

/// (group, first row) of every chunk, in the order of the archive.
fn chunk_starts(plan: &Plan) -> Vec<(usize, usize)> {
    let of_group = |(group_idx, group): (usize, &GroupPlan)| {
        let rows_per_chunk = group.rows_per_chunk;
        (0..plan.n_chunks(group))
            .map(move |chunk_idx| (group_idx, chunk_idx * rows_per_chunk))
            .collect::<Vec<_>>()
    };
    plan.groups.iter().enumerate().flat_map(of_group).collect()
}

/// The chunks of a plan; of one with a table: with it, or with its columns apart, whichever is smaller.
fn encode_plan(
    dataset: &Dataset,
    plan: Plan,
    coders: &Coders,
    options: &Options,
    progress: &mut dyn Progress,
) -> Result<(Plan, Vec<Vec<u8>>)> {
    let payloads = encode_chunks(dataset, &plan, coders, options, progress)?;
    if !plan.groups.iter().any(|group| matches!(group.method, GroupMethod::Table(_))) {
        return Ok((plan, payloads));
    }
    let apart = plan::without_tables(&plan);
    let payloads_apart = encode_chunks(dataset, &apart, coders, options, &mut NoProgress)?;
    let size = |plan: &Plan, payloads: &[Vec<u8>]| {
        plan.write().len() + payloads.iter().map(|payload| payload.len() + CHUNK_OVERHEAD).sum::<usize>()
    };
    let together = size(&plan, &payloads) <= size(&apart, &payloads_apart);
    Ok(if together { (plan, payloads) } else { (apart, payloads_apart) })
}

fn encode_chunks(
    dataset: &Dataset,
    plan: &Plan,
    coders: &Coders,
    options: &Options,
    progress: &mut dyn Progress,
) -> Result<Vec<Vec<u8>>> {
    let starts = chunk_starts(plan);
    progress.stage("compress", dataset.size_bytes() as u64);
    let mut payloads = Vec::with_capacity(starts.len());
    for batch in starts.chunks(CHUNKS_AT_A_TIME) {
        let encoded: Vec<Vec<u8>> = in_threads(options.n_threads, || {
            let encode =
                |&(group_idx, first_row)| encode_chunk(dataset, plan, group_idx, first_row, coders, options);
            batch.par_iter().map(encode).collect()
        })?;
        payloads.extend(encoded);
        progress.advance((dataset.size_bytes() as f64 * payloads.len() as f64 / starts.len() as f64) as u64);
    }
    Ok(payloads)
}

/// The values of rows `first_row..first_row + n_rows` of a variable.
macro_rules! rows {
    ($values:expr, $first_row:expr, $n_rows:expr, $all_rows:expr) => {{
        let row = $values.len() / $all_rows.max(1);
        &$values[$first_row * row..($first_row + $n_rows) * row]
    }};
}

fn encode_chunk(
    dataset: &Dataset,
    plan: &Plan,
    group_idx: usize,
    first_row: usize,
    coders: &Coders,
    options: &Options,
) -> Vec<u8> {
    let group = &plan.groups[group_idx];
    let all_rows = plan.variables[group.variables[0]].n_rows();
    let n_rows = group.rows_per_chunk.min(all_rows - first_row);
    if let Some(model) = coders.table(plan, group_idx) {
        let beyond = coders.most_bits.get(group_idx).and_then(Option::as_deref);
        // A model that was trained before is there for speed: what does without it is only tried where it fails.
        let method = if beyond.is_some() { Method::Classical } else { options.method };
        let alone = Alone { method, beyond };
        return encode_table(dataset, plan, group, model, first_row..first_row + n_rows, alone);
    }
    let numbers: Vec<Numbers> = group
        .variables
        .iter()
        .map(|&idx| {
            with_values!(&dataset.variables[idx].values, v => {
                chunk::quantize(rows!(v, first_row, n_rows, all_rows), &plan.variables[idx])
            })
        })
        .collect();
    let mut w = ByteWriter::default();
    let (predictions, residual) = match &group.method {
        GroupMethod::Autoencoder { model, scalings, blocks, residual } => {
            let shape = plan.variables[group.variables[0]].shape_of_rows(n_rows);
            let sampling = Sampling { scalings, blocks: blocks.as_ref(), shape: &shape };
            let q: Vec<Vec<i64>> = numbers.iter().map(|n| n.q.clone()).collect();
            let masks: Vec<_> = numbers.iter().map(|n| n.specials.mask()).collect();
            let (latents, predictions) = coders.network(*model).encode(sampling, &q, &masks);
            w.block(&latents);
            (Some(predictions), *residual)
        }
        _ => (None, true),
    };
    let how = How { method: options.method, fast: options.fast, shared: coders.predictor(&group.method) };
    for (position, (numbers, &idx)) in numbers.into_iter().zip(&group.variables).enumerate() {
        let variable = &plan.variables[idx];
        let predicted = predictions.as_ref().map(|all| all[position].as_slice());
        let part = with_values!(&dataset.variables[idx].values, v => {
            let original = rows!(v, first_row, n_rows, all_rows);
            chunk::write_part(numbers, predicted, residual, original, &variable.shape_of_rows(n_rows), variable, how)
        });
        w.block(&part.bytes);
    }
    w.bytes
}

/// The payload of some rows of a table.
fn encode_table(
    dataset: &Dataset,
    plan: &Plan,
    group: &GroupPlan,
    model: &TableModel,
    rows: Range<usize>,
    alone: Alone,
) -> Vec<u8> {
    let variables: Vec<&VariablePlan> = group.variables.iter().map(|&idx| &plan.variables[idx]).collect();
    let columns: Vec<Values> =
        group.variables.iter().map(|&idx| dataset.variables[idx].values.slice(rows.clone())).collect();
    let parts = table::encode(&columns, &variables, model, alone).expect("memory for what was read");
    let mut w = ByteWriter::default();
    parts.iter().for_each(|part| w.block(part));
    w.bytes
}

/// Decodes every chunk of the finished archive and compares it with the data.
fn check_archive(archive: &Archive, dataset: &Dataset, coders: &Coders) -> Result<()> {
    archive.chunks.par_iter().enumerate().try_for_each(|(chunk_idx, chunk)| {
        check_chunk(&archive.plan, chunk, dataset, coders).map_err(|e| e.in_chunk(chunk_idx))
    })
}

fn check_chunk(plan: &Plan, chunk: &Chunk, dataset: &Dataset, coders: &Coders) -> Result<()> {
    let decoded = decode_chunk(plan, chunk, coders, &|_| true)?;
    for (&idx, values) in plan.groups[chunk.group].variables.iter().zip(decoded) {
        let variable = &plan.variables[idx];
        let values = values.expect("every variable was asked for");
        let n_violations =
            count_violations(&dataset.variables[idx].values, &values, chunk.first_row, plan, idx);
        if n_violations > 0 {
            return Err(Error::new(
                ErrorKind::BoundNotMet,
                format!("{n_violations} values are outside their bound; please report this"),
            )
            .in_variable(&variable.name));
        }
    }
    Ok(())
}

fn count_violations(original: &Values, decoded: &Values, first_row: usize, plan: &Plan, idx: usize) -> u64 {
    let variable = &plan.variables[idx];
    macro_rules! count {
        ($($variant:ident),*) => {
            match (original, decoded) {
                $((Values::$variant(x), Values::$variant(y)) => {
                    let row = x.len() / variable.n_rows().max(1);
                    compare(&x[first_row * row..][..y.len()], y, &variable.bound).1
                })*
                _ => decoded.len() as u64,
            }
        };
    }
    count!(Bool, I8, I16, I32, I64, U8, U16, U32, U64, F16, F32, F64)
}

/// A model as it goes into the archive.
enum StoredModel {
    Inline(Vec<u8>),
    Reference { hash: [u8; 32], part: usize },
}

impl StoredModel {
    fn entry(&self) -> ModelEntry<'_> {
        match self {
            StoredModel::Inline(bytes) => ModelEntry::Inline(bytes),
            StoredModel::Reference { hash, part } => ModelEntry::Reference { hash: *hash, part: *part },
        }
    }
}

/// One entry a part of the model, if any group uses it.
fn model_entries(model: Option<&Model>, plan: &Plan, options: &Options) -> Vec<StoredModel> {
    let used = plan.groups.iter().any(|group| group.method.model().is_some());
    let Some(model) = model.filter(|_| used) else { return Vec::new() };
    let hash = if options.model_by_reference { model.hash() } else { [0; 32] };
    let entry = |part| match options.model_by_reference {
        true => StoredModel::Reference { hash, part },
        false => StoredModel::Inline(model.entry(part).unwrap_or_default()),
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
            model
                .known_table(entry)
                .map(|table| table.shared.clone())
                .ok_or_else(|| Error::corrupt("no table"))
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
