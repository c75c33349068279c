//! What is inside an archive, without decoding it.

use crate::chunk::describe_part;
use crate::container::bytes::ByteReader;
use crate::container::{Archive, GroupMethod, GroupPlan, ModelEntry};
use crate::error::Result;
use crate::names;
use crate::quantize::Grid;
use crate::report::{Report, VariableReport};
use crate::table::{self, TableModel, shared::SharedTable};

/// Reads what an archive says of itself; checksums are checked, values are not decoded.
///
/// # Errors
/// [`crate::ErrorKind::Corrupt`] for damaged bytes.
pub fn inspect(bytes: &[u8]) -> Result<Report> {
    report(&Archive::parse(bytes)?, bytes.len())
}

/// The model that stands in the archive for the table of a group.
fn given_table(archive: &Archive, group: &GroupPlan) -> Result<Option<TableModel>> {
    let GroupMethod::SharedTable { model } = group.method else { return Ok(None) };
    let Some(ModelEntry::Inline(bytes)) = archive.models.get(model) else { return Ok(None) };
    let variables: Vec<_> = group.variables.iter().map(|&idx| &archive.plan.variables[idx]).collect();
    SharedTable::read(bytes)?.fitted(&variables).map(Some)
}

/// The report of a parsed archive of `archive_bytes` bytes.
pub fn report(archive: &Archive, archive_bytes: usize) -> Result<Report> {
    let plan = &archive.plan;
    let mut variables: Vec<VariableReport> = plan
        .variables
        .iter()
        .map(|variable| VariableReport {
            name: variable.name.clone(),
            dtype: variable.dtype,
            shape: variable.shape.clone(),
            is_list: variable.storage.lists.is_some(),
            method: "classical",
            codec: String::new(),
            bound: variable.bound.spec,
            step: match variable.grid {
                Grid::Uniform { step, .. } => Some(step),
                Grid::Integer { step } => Some(step as f64),
                Grid::Decimal { divisor } => Some(1.0 / divisor),
                Grid::Order | Grid::OrderF32 | Grid::Log { .. } => None,
            },
            max_error: 0.0,
            bytes: 0,
        })
        .collect();
    let mut model_bytes = 0;
    let given: Vec<Option<TableModel>> =
        plan.groups.iter().map(|group| given_table(archive, group)).collect::<Result<_>>()?;
    for chunk in &archive.chunks {
        let group = &plan.groups[chunk.group];
        let learned = matches!(group.method, GroupMethod::Autoencoder { .. });
        let mut r = ByteReader::new(chunk.payload);
        let shared = if learned { r.block()?.len() } else { 0 };
        for (position, &idx) in group.variables.iter().enumerate() {
            let part = r.block()?;
            let variable = &mut variables[idx];
            let n_rows = group.rows_per_chunk.min(plan.variables[idx].n_rows() - chunk.first_row);
            let shape = plan.variables[idx].shape_of_rows(n_rows);
            variable.bytes += (part.len() + shared / group.variables.len()) as u64;
            let is_table = matches!(group.method, GroupMethod::Table(_) | GroupMethod::SharedTable { .. });
            if is_table && table::is_table_stream(part)? {
                variable.max_error = variable.max_error.max(table::largest_error(part)?);
                variable.method = "table";
                let names: Vec<&str> =
                    group.variables.iter().map(|&idx| plan.variables[idx].name.as_str()).collect();
                let short = names::short(&names);
                let name = |column: usize| short[column].to_string();
                let words = |model| table::words::words(model, position, &plan.variables[idx].grid, &name);
                variable.codec = match (&group.method, &given[chunk.group]) {
                    (GroupMethod::Table(model), _) => words(model),
                    (_, Some(model)) => format!("given model: {}", words(model)),
                    _ => "given model".to_string(),
                };
                continue;
            }
            let (max_error, stream) =
                describe_part(&mut ByteReader::new(part), &shape, &plan.variables[idx])?;
            variable.max_error = variable.max_error.max(max_error);
            model_bytes += stream.model_bytes;
            if variable.codec.is_empty() {
                variable.method = if learned { "autoencoder" } else { stream.method.name() };
                variable.codec = stream.codec;
            }
        }
    }
    model_bytes += archive
        .models
        .iter()
        .map(|model| match model {
            ModelEntry::Inline(bytes) => bytes.len(),
            ModelEntry::Reference { .. } => 0,
        })
        .sum::<usize>();
    model_bytes += plan.groups.iter().map(GroupPlan::model_bytes).sum::<usize>();
    let n_values: usize = plan.variables.iter().map(|variable| variable.n_values()).sum();
    let input_bytes: usize = plan.variables.iter().map(|v| v.n_values() * v.dtype.size_bytes()).sum();
    Ok(Report {
        input_bytes: input_bytes as u64,
        archive_bytes: archive_bytes as u64,
        model_bytes: model_bytes as u64,
        payload_bytes: (archive_bytes - model_bytes) as u64,
        n_values: n_values as u64,
        verified: false,
        warnings: Vec::new(),
        variables,
    })
}
