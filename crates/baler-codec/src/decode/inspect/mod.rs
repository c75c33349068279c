//! What is inside an archive, without decoding it.

use crate::container::{Chunk, GroupMethod, GroupPlan, Index, ModelEntry, Plan, PlanTrialKind};
use crate::decode::outliers;
use crate::part::{Described, describe_part};
use crate::quantize::Grid;
use crate::report::trials::Candidate;
use crate::report::{Report, VariableReport};
use crate::table::{self, TableModel, shared::SharedTable};
use crate::variable::VariablePlan;
use baler_data::bytes::ByteReader;
use baler_data::error::Result;
use baler_data::names;
use candidates::Tally;
use std::io::{Cursor, Read, Seek};

mod candidates;

/// Reads what an archive says of itself; checksums are checked, values are not decoded.
///
/// # Errors
/// [`baler_data::error::ErrorKind::Corrupt`] for damaged bytes.
pub fn inspect(bytes: &[u8]) -> Result<Report> {
    inspect_from(Cursor::new(bytes))
}

/// [`inspect()`] of an archive of any size: it is read chunk by chunk.
///
/// # Errors
/// As [`inspect()`].
pub fn inspect_from<R: Read + Seek>(input: R) -> Result<Report> {
    let index = Index::open(input)?;
    index.check_hash()?;
    report(&index)
}

/// The report of an archive.
pub fn report<R: Read + Seek>(index: &Index<R>) -> Result<Report> {
    let mut parts = Parts::new(&index.plan, &index.models)?;
    for chunk_idx in 0..index.n_chunks() {
        parts.see(&index.plan, &index.chunk(chunk_idx)?).map_err(|e| e.in_chunk(chunk_idx))?;
    }
    let mut report = parts.finish(&index.plan, &index.models, index.size_bytes);
    if let Some(stored) = &index.outliers {
        outliers::add_to(&mut report, stored)?;
    }
    Ok(report)
}

/// The model that stands in the archive for the table of a group.
fn given_table(plan: &Plan, models: &[ModelEntry], group: &GroupPlan) -> Result<Option<TableModel>> {
    let GroupMethod::SharedTable { model } = group.method else { return Ok(None) };
    let Some(ModelEntry::Inline(bytes)) = models.get(model) else { return Ok(None) };
    let variables: Vec<_> = group.variables.iter().map(|&idx| &plan.variables[idx]).collect();
    SharedTable::read(bytes)?.fitted(&variables).map(Some)
}

/// What a planner's trial was of.
fn words_of(what: PlanTrialKind) -> &'static str {
    match what {
        PlanTrialKind::Tables => "columns as tables, in the first chunks",
        PlanTrialKind::Networks => "the model's networks, on a part",
    }
}

/// How column `position` of a table is coded, in words.
fn table_words(plan: &Plan, group: &GroupPlan, position: usize, given: Option<&TableModel>) -> String {
    let names: Vec<&str> = group.variables.iter().map(|&idx| plan.variables[idx].name.as_str()).collect();
    let short = names::short(&names);
    let name = |column: usize| short[column].to_string();
    let grid = &plan.variables[group.variables[position]].grid;
    match (&group.method, given) {
        (GroupMethod::Table(model), _) => table::words::words(model, position, grid, &name),
        (_, Some(model)) => format!("given model: {}", table::words::words(model, position, grid, &name)),
        _ => "given model".to_string(),
    }
}

/// A report in the making: what the chunks say, one after the other.
pub struct Parts {
    variables: Vec<VariableReport>,
    /// By variable: what was tried.
    tallies: Vec<Tally>,
    /// By group: the model that stands in the archive for its table.
    given: Vec<Option<TableModel>>,
    model_bytes: usize,
}

impl Parts {
    /// Before the first chunk.
    pub fn new(plan: &Plan, models: &[ModelEntry]) -> Result<Parts> {
        let variable = |variable: &VariablePlan| VariableReport {
            name: variable.name.clone(),
            dtype: variable.dtype,
            kind: variable.storage.kind,
            shape: variable.shape.clone(),
            is_list: variable.storage.lists.is_some(),
            method: "classical",
            codec: String::new(),
            bound: variable.bound.spec,
            limit: variable.bound.limit,
            limits: variable.limit_values(),
            promises: variable.promises.clone(),
            missing: variable.pattern_values().into_iter().filter(|x| x.is_finite()).collect(),
            quantiles: None,
            step: match variable.grid {
                Grid::Uniform { step, .. } => Some(step),
                Grid::Integer { step } => Some(step as f64),
                Grid::Decimal { divisor } => Some(1.0 / divisor),
                Grid::Order | Grid::OrderF32 | Grid::Log { .. } => None,
            },
            max_error: 0.0,
            rms_error: None,
            bytes: 0,
            candidates: Vec::new(),
        };
        let given =
            plan.groups.iter().map(|group| given_table(plan, models, group)).collect::<Result<_>>()?;
        let tallies = plan.variables.iter().map(|_| Tally::default()).collect();
        Ok(Parts { variables: plan.variables.iter().map(variable).collect(), tallies, given, model_bytes: 0 })
    }

    /// Takes in a chunk.
    pub fn see(&mut self, plan: &Plan, chunk: &Chunk) -> Result<()> {
        let group = &plan.groups[chunk.group];
        let learned = matches!(group.method, GroupMethod::Autoencoder { .. });
        let mut r = ByteReader::new(&chunk.payload);
        let shared = if learned { r.block()?.len() } else { 0 };
        for (position, &idx) in group.variables.iter().enumerate() {
            let part = r.block()?;
            let variable = &mut self.variables[idx];
            let n_rows = plan.rows_of_chunk(chunk.group, chunk.first_row);
            let shape = plan.variables[idx].shape_of_rows(n_rows);
            let n_bytes = (part.len() + shared / group.variables.len()) as u64;
            variable.bytes += n_bytes;
            let Described { max_error, stream, trials } = describe_part(part, &shape, &plan.variables[idx])?;
            variable.max_error = variable.max_error.max(max_error);
            let candidate = stream.as_ref().map_or(Candidate::Table, |stream| stream.candidate);
            self.tallies[idx].see(candidate, n_bytes, trials.as_ref());
            match stream {
                None => {
                    variable.method = "table";
                    variable.codec = table_words(plan, group, position, self.given[chunk.group].as_ref());
                }
                Some(mut stream) => {
                    self.model_bytes += stream.model_bytes;
                    if let (GroupMethod::Fields { reference }, true) = (&group.method, stream.has_reference) {
                        let name = &plan.variables[group.variables[*reference]].name;
                        stream.codec = format!("{}, with reference {name}", stream.codec);
                    }
                    if variable.codec.is_empty() {
                        variable.method = if learned { "autoencoder" } else { stream.method.name() };
                        variable.codec = stream.codec;
                    }
                }
            }
        }
        Ok(())
    }

    /// The report of an archive of `archive_bytes` bytes.
    pub fn finish(mut self, plan: &Plan, models: &[ModelEntry], archive_bytes: u64) -> Report {
        let of_entry = |model: &ModelEntry| match model {
            ModelEntry::Inline(bytes) => bytes.len(),
            ModelEntry::Reference { .. } => 0,
        };
        let of_plan: usize = plan.groups.iter().map(GroupPlan::model_bytes).sum();
        for (group, &idx) in
            plan.groups.iter().flat_map(|group| group.variables.iter().map(move |idx| (group, idx)))
        {
            self.variables[idx].candidates = self.tallies[idx].report(plan, group, idx);
        }
        let model_bytes = (self.model_bytes + models.iter().map(of_entry).sum::<usize>() + of_plan) as u64;
        let n_values: usize = plan.variables.iter().map(|variable| variable.n_values()).sum();
        let input_bytes: usize = plan.variables.iter().map(|v| v.n_values() * v.dtype.size_bytes()).sum();
        Report {
            input_bytes: input_bytes as u64,
            file_bytes: None,
            archive_bytes,
            model_bytes,
            payload_bytes: archive_bytes.saturating_sub(model_bytes),
            n_values: n_values as u64,
            verified: false,
            warnings: Vec::new(),
            sized: None,
            outliers: None,
            trials: plan
                .trials
                .iter()
                .map(|trial| (words_of(trial.what), trial.with, trial.without))
                .collect(),
            variables: self.variables,
        }
    }
}
