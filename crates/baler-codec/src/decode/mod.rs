//! A chunk of an archive -> values: the mirror of [`crate::encode`].

pub mod apart;
pub mod inspect;
pub mod outliers;
pub mod reader;
pub mod verify;

use crate::autoencoder::decoder::Decoder;
use crate::autoencoder::{Coder, Sampling};
use crate::container::{Chunk, GroupMethod, GroupPlan, ModelEntry, Plan};
use crate::model::{Model, shelf};
use crate::part;
use crate::part::Prediction;
use crate::part::cross_field;
use crate::predict::{Known, shared::Shared};
use crate::table::shared::SharedTable;
use crate::table::{self, TableModel};
use crate::variable::VariablePlan;
use baler_data::bytes::ByteReader;
use baler_data::dataset::Values;
use baler_data::error::{Error, Result};

/// The models of an archive, by index.
#[derive(Default)]
pub struct Coders {
    networks: Vec<Option<Coder>>,
    predictors: Vec<Option<Shared>>,
    /// By group: models of tables, in numbers of the group's grids.
    tables: Vec<Option<TableModel>>,
    /// By group, to compress: bits a value of each column of such a table beyond which it is tried without.
    pub most_bits: Vec<Option<Vec<f64>>>,
}

impl Coders {
    /// Those of a compression, in the order of the archive's models.
    pub fn new(networks: Vec<Option<Coder>>, predictors: Vec<Option<Shared>>) -> Coders {
        Coders { networks, predictors, ..Coders::default() }
    }

    /// Adds the models of groups that are tables with a model of the archive; `read` gets it by its index.
    pub fn with_tables(mut self, plan: &Plan, read: impl Fn(usize) -> Result<SharedTable>) -> Result<Coders> {
        let fitted = |group: &GroupPlan| {
            let GroupMethod::SharedTable { model } = group.method else { return Ok(None) };
            let variables: Vec<&VariablePlan> =
                group.variables.iter().map(|&idx| &plan.variables[idx]).collect();
            read(model)?.fitted(&variables).map(Some)
        };
        self.tables = plan.groups.iter().map(fitted).collect::<Result<_>>()?;
        Ok(self)
    }

    /// The model of a group's table, if it is one.
    pub fn table<'a>(&'a self, plan: &'a Plan, group_idx: usize) -> Option<&'a TableModel> {
        match &plan.groups[group_idx].method {
            GroupMethod::Table(model) => Some(model),
            _ => self.tables.get(group_idx)?.as_ref(),
        }
    }

    /// The network that is model `model`; there is one, for every group was looked at.
    pub fn network(&self, model: usize) -> &Coder {
        self.networks[model].as_ref().expect("a network for each group that has one")
    }

    /// The predictive model of a group, if it has one.
    pub fn predictor(&self, method: &GroupMethod) -> Option<&Shared> {
        let GroupMethod::Predictive { model } = method else { return None };
        self.predictors[*model].as_ref()
    }

    /// Reads the models inside the archive, or takes those of the model file that it names, which is given or looked up.
    pub fn for_archive(plan: &Plan, models: &[ModelEntry], model: Option<&Model>) -> Result<Coders> {
        let mut coders = Coders::new(Vec::new(), Vec::new());
        let bytes_of = |entry: &ModelEntry| match entry {
            ModelEntry::Inline(bytes) => Ok(bytes.clone()),
            ModelEntry::Reference { hash, part } => shelf::named(model, hash)?
                .entry(*part)
                .ok_or_else(|| Error::corrupt("the model has not enough parts")),
        };
        for (idx, entry) in models.iter().enumerate() {
            let bytes = &bytes_of(entry)?;
            let used = |is_kind: fn(&GroupMethod) -> bool| {
                let methods = plan.groups.iter().map(|group| &group.method);
                methods.filter(|method| method.model() == Some(idx)).any(is_kind)
            };
            let network = used(|method| matches!(method, GroupMethod::Autoencoder { .. }))
                .then(|| Coder::new(&Decoder::read(bytes)?, None));
            let predictor =
                used(|method| matches!(method, GroupMethod::Predictive { .. })).then(|| Shared::read(bytes));
            coders.networks.push(network.transpose()?);
            coders.predictors.push(predictor.transpose()?);
        }
        coders.with_tables(plan, |model| SharedTable::read(&bytes_of(&models[model])?))
    }
}

/// The values of a chunk, one entry a variable of its group; `None` for those not wanted.
pub fn decode_chunk(
    plan: &Plan,
    chunk: &Chunk,
    coders: &Coders,
    wanted: &dyn Fn(usize) -> bool,
) -> Result<Vec<Option<Values>>> {
    let group = &plan.groups[chunk.group];
    let first = &plan.variables[group.variables[0]];
    let n_rows = plan.rows_of_chunk(chunk.group, chunk.first_row);
    let mut r = ByteReader::new(&chunk.payload);
    if let Some(model) = coders.table(plan, chunk.group) {
        return decode_table(plan, &group.variables, model, n_rows, &parts_of(group, r)?, wanted);
    }
    if let GroupMethod::Fields { reference } = group.method {
        return decode_fields(plan, &group.variables, reference, n_rows, &parts_of(group, r)?, wanted);
    }
    let (predictions, residual) = match &group.method {
        GroupMethod::Autoencoder { model, scalings, blocks, residual } => {
            let shape = first.shape_of_rows(n_rows);
            let sampling = Sampling { scalings, blocks: blocks.as_ref(), shape: &shape };
            (Some(coders.network(*model).decode(sampling, r.block()?)?), *residual)
        }
        _ => (None, true),
    };
    let known = Known { shared: coders.predictor(&group.method), reference: None };
    let mut values = Vec::with_capacity(group.variables.len());
    for (position, &idx) in group.variables.iter().enumerate() {
        let variable = &plan.variables[idx];
        let part = r.block()?;
        if !wanted(idx) {
            values.push(None);
            continue;
        }
        let predicted = predictions.as_ref().map(|all| all[position].as_slice());
        values.push(Some(decode_part(part, Prediction::of(predicted, residual), known, n_rows, variable)?));
    }
    r.finish("a chunk")?;
    Ok(values)
}

/// The parts of a chunk that has nothing else, one a variable.
fn parts_of<'a>(group: &GroupPlan, mut r: ByteReader<'a>) -> Result<Vec<&'a [u8]>> {
    let parts = group.variables.iter().map(|_| r.block()).collect::<Result<_>>()?;
    r.finish("a chunk")?;
    Ok(parts)
}

/// One part of a chunk, with what an autoencoder predicts of it.
pub fn decode_part(
    part: &[u8],
    prediction: Prediction,
    known: Known,
    n_rows: usize,
    variable: &VariablePlan,
) -> Result<Values> {
    let mut part = ByteReader::new(part);
    part::read_part_values(&mut part, prediction, known, &variable.shape_of_rows(n_rows), variable)
        .and_then(|decoded| part.finish("a variable's part").map(|()| decoded))
        .map_err(|e| e.in_variable(&variable.name))
}

/// [`decode_chunk`] of fields: the reference field is decoded with those that are predicted from it.
fn decode_fields(
    plan: &Plan,
    group: &[usize],
    reference: usize,
    n_rows: usize,
    parts: &[&[u8]],
    wanted: &dyn Fn(usize) -> bool,
) -> Result<Vec<Option<Values>>> {
    let variable = |position: usize| &plan.variables[group[position]];
    let decode = |position: usize, reference: Option<&[f64]>| {
        let known = Known { shared: None, reference };
        decode_part(parts[position], Prediction::Nothing, known, n_rows, variable(position))
    };
    let mut looked_at = false;
    for position in (0..group.len()).filter(|&position| position != reference && wanted(group[position])) {
        looked_at |= cross_field::has_reference(parts[position])?;
    }
    let mut decoded_reference = match looked_at || wanted(group[reference]) {
        true => Some(decode(reference, None)?),
        false => None,
    };
    let inputs = match &decoded_reference {
        Some(values) if looked_at => Some(cross_field::inputs(values)?),
        _ => None,
    };
    let mut values = Vec::with_capacity(group.len());
    for (position, &idx) in group.iter().enumerate() {
        values.push(match wanted(idx) {
            false => None,
            true if position == reference => decoded_reference.take(),
            true => Some(decode(position, inputs.as_deref())?),
        });
    }
    Ok(values)
}

/// [`decode_chunk`] of a table.
fn decode_table(
    plan: &Plan,
    group: &[usize],
    model: &TableModel,
    n_rows: usize,
    parts: &[&[u8]],
    wanted: &dyn Fn(usize) -> bool,
) -> Result<Vec<Option<Values>>> {
    let variables: Vec<&VariablePlan> = group.iter().map(|&idx| &plan.variables[idx]).collect();
    let wanted: Vec<bool> = group.iter().map(|&idx| wanted(idx)).collect();
    table::decode(parts, &variables, model, n_rows, &wanted)
}
