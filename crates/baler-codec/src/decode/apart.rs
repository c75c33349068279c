//! Chunks that are decoded apart from their archive. Whoever hands over no more than a range of its bytes, as virtual stores of other
//! formats do, keeps beside it what the chunks of a group have in common: its *head* (docs/format.md, section 24), which is the
//! beginning of an archive of that group alone.

use crate::container::{
    GroupMethod, GroupPlan, Index, ModelEntry, Plan, archive_header, read_chunk, read_header,
};
use crate::decode::{Coders, decode_chunk};
use crate::variable::VariablePlan;
use baler_data::dataset::{Layout, Values};
use baler_data::error::{Error, Result};
use std::io::{Read, Seek};
use std::ops::Range;

/// A group of an archive, for those who know its variables and keep the places of its chunks.
#[derive(Debug, Clone)]
pub struct GroupPlaces {
    /// Indices of its variables.
    pub variables: Vec<usize>,
    /// Rows of each chunk, in order.
    pub rows: Vec<usize>,
    /// Bytes of the archive that each chunk stands in, with all that is around it.
    pub chunks: Vec<Range<u64>>,
    /// What [`Head::read`] takes.
    pub head: Vec<u8>,
}

/// All groups of an archive.
///
/// # Errors
/// [`baler_data::error::ErrorKind::Unsupported`] for an archive that has rows in full beside its chunks.
pub fn groups<R: Read + Seek>(index: &Index<R>) -> Result<Vec<GroupPlaces>> {
    if index.outliers.is_some() {
        return Err(Error::unsupported(
            "expected an archive whose rows are all in chunks, found one with rows in full; compress it without --outliers",
        ));
    }
    let places = |(group_idx, group): (usize, &GroupPlan)| {
        let chunks = index.chunks_of(group_idx);
        let rows = |chunk_idx| index.plan.rows_of_chunk(group_idx, index.place(chunk_idx).1);
        GroupPlaces {
            variables: group.variables.clone(),
            rows: chunks.clone().map(rows).collect(),
            chunks: chunks.map(|chunk_idx| index.chunk_range(chunk_idx)).collect(),
            head: head(&index.plan, group, &index.models),
        }
    };
    Ok(index.plan.groups.iter().enumerate().map(places).collect())
}

/// Magic, plan and models of a group as the only one.
fn head(plan: &Plan, group: &GroupPlan, models: &[ModelEntry]) -> Vec<u8> {
    let alone = |&idx: &usize| {
        let mut variable: VariablePlan = plan.variables[idx].clone();
        // What counts the lists is in another group.
        variable.storage.lists = None;
        variable
    };
    let mut method = group.method.clone();
    let models: Vec<ModelEntry> = match &mut method {
        GroupMethod::Predictive { model }
        | GroupMethod::SharedTable { model }
        | GroupMethod::Autoencoder { model, .. } => vec![models[std::mem::take(model)].clone()],
        GroupMethod::Classical | GroupMethod::Fields { .. } | GroupMethod::Table(_) => Vec::new(),
    };
    let variables: Vec<VariablePlan> = group.variables.iter().map(alone).collect();
    let group = GroupPlan { variables: (0..variables.len()).collect(), method, ..group.clone() };
    let plan = Plan {
        layout: Layout::Arrays,
        variables,
        groups: vec![group],
        attachments: Vec::new(),
        trials: Vec::new(),
    };
    archive_header(&plan, &models)
}

/// What the chunks of a group need beside their own bytes.
pub struct Head {
    plan: Plan,
    coders: Coders,
}

impl Head {
    /// Reads a head; a model that it only names is looked up ([`crate::model::shelf`]).
    ///
    /// # Errors
    /// [`baler_data::error::ErrorKind::Corrupt`] for bytes that are none, [`baler_data::error::ErrorKind::Config`] if nobody has the model.
    pub fn read(bytes: &[u8]) -> Result<Head> {
        crate::network::simd_level()?;
        let (plan, models) = read_header(bytes)?;
        let [group] = &plan.groups[..] else {
            return Err(Error::corrupt(format!("expected one group, found {}", plan.groups.len())));
        };
        if group.method.model().is_some_and(|model| model >= models.len()) {
            return Err(Error::corrupt("expected the model of the group, found none"));
        }
        let coders = Coders::for_archive(&plan, &models, None)?;
        Ok(Head { plan, coders })
    }

    /// The values of a variable (its position in the group) in a chunk's bytes.
    ///
    /// # Errors
    /// [`baler_data::error::ErrorKind::Corrupt`] for damaged bytes, or those of a chunk of another group.
    pub fn decode(&self, chunk: &[u8], variable: usize) -> Result<Values> {
        let mut chunk = read_chunk(chunk)?;
        // Its number is that of the whole archive.
        chunk.group = 0;
        let group = &self.plan.groups[0];
        let (first, row) = (&self.plan.variables[group.variables[0]], chunk.first_row);
        let n_rows = if first.n_values() == 0 { 0 } else { first.n_rows() };
        let piece = group.pieces(n_rows).find(|piece| piece.contains(&row));
        if piece.is_none_or(|piece| (row - piece.start) % group.rows_per_chunk != 0) {
            return Err(Error::corrupt(format!("expected a row at which a chunk begins, found {row}")));
        }
        if variable >= group.variables.len() {
            let n_variables = group.variables.len();
            return Err(Error::config(format!(
                "expected one of {n_variables} variables, found number {variable}"
            )));
        }
        let values = decode_chunk(&self.plan, &chunk, &self.coders, &|idx| idx == variable)?;
        let values = values.into_iter().nth(variable).flatten();
        values.ok_or_else(|| Error::corrupt("a variable of a chunk is missing"))
    }
}
