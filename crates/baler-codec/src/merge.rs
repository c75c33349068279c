//! Archives of the parts of some data -> one archive, in which the rows of each (its first axis) stand behind those of the one
//! before. Nothing is decoded: the bytes of chunks are copied, only where they belong is written anew. The parts come from one
//! plan, so that what decodes one of them decodes all.

use crate::container::{Footer, GroupPlan, Index, Plan, archive_header, chunk_frame};
use crate::encode::output::Output;
use crate::variable::VariablePlan;
use baler_data::dataset::Layout;
use baler_data::error::{Error, Result};
use baler_data::source::joined::is_beside;
use baler_data::source::{Schema, VariableSchema};
use std::io::{Read, Seek};
use std::ops::Range;

/// Writes the archive of all parts, which have names for messages, and tells its bytes.
///
/// # Errors
/// [`baler_data::ErrorKind::Config`] for parts of different plans, [`baler_data::ErrorKind::Corrupt`] for damaged ones.
pub fn merge<R: Read + Seek>(parts: &[(String, Index<R>)], out: &mut dyn Output) -> Result<u64> {
    let Some((first_name, first)) = parts.first() else {
        return Err(Error::config("expected archives to merge, found none"));
    };
    for (name, part) in &parts[1..] {
        check_alike((first_name, first), (name, part))?;
    }
    if let Some((name, _)) = parts.iter().find(|(_, part)| part.outliers.is_some()) {
        return Err(Error::config(format!(
            "expected archives whose rows are all in chunks, found {name} with rows in full; compress the parts without --outliers"
        )));
    }
    let mut plan = first.plan.clone();
    plan.trials.clear();
    let stays =
        (0..plan.groups.len()).map(|group| is_same_in_all(parts, group)).collect::<Result<Vec<_>>>()?;
    for (group_idx, _) in stays.iter().enumerate().filter(|(_, stays)| !**stays) {
        join_rows(&mut plan, group_idx, parts)?;
    }
    if plan.layout == Layout::Single && plan.variables.len() > 1 {
        plan.layout = Layout::Arrays;
    }
    let header = archive_header(&plan, &first.models);
    let mut footer = Footer::new(&header);
    out.begin(&header)?;
    let mut n_bytes = header.len();
    for (group, stays) in stays.iter().enumerate() {
        let mut row = 0;
        for (_, part) in &parts[..if *stays { 1 } else { parts.len() }] {
            for chunk_idx in part.chunks_of(group) {
                let chunk = part.chunk(chunk_idx)?;
                let frame = chunk_frame(group, row + chunk.first_row, &chunk.payload);
                footer.see(&frame);
                out.write(&frame)?;
                n_bytes += frame.len();
            }
            row += n_rows_of(part, group);
        }
    }
    let end = footer.finish()?;
    out.write(&end)?;
    Ok((n_bytes + end.len()) as u64)
}

fn n_rows_of<R: Read + Seek>(part: &Index<R>, group: usize) -> usize {
    part.plan.variables[part.plan.groups[group].variables[0]].n_rows()
}

/// True for what stands beside longer fields and is the same in all parts, such as a coordinate.
fn is_same_in_all<R: Read + Seek>(parts: &[(String, Index<R>)], group_idx: usize) -> Result<bool> {
    let first = &parts[0].1;
    let group = &first.plan.groups[group_idx];
    let schema = schema_of(&first.plan);
    let shapes = |plan: &Plan| {
        group.variables.iter().map(|&idx| plan.variables[idx].shape.clone()).collect::<Vec<_>>()
    };
    let own = shapes(&first.plan);
    if !group.variables.iter().all(|&idx| is_beside(&schema, idx))
        || parts
            .iter()
            .any(|(_, part)| shapes(&part.plan) != own || part.plan.groups[group_idx].cuts != group.cuts)
    {
        return Ok(false);
    }
    for place in 0..first.chunks_of(group_idx).len() {
        let chunk = |part: &Index<R>| part.chunk(part.chunks_of(group_idx).start + place);
        let payload = chunk(first)?.payload;
        for (_, part) in &parts[1..] {
            if chunk(part)?.payload != payload {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

fn schema_of(plan: &Plan) -> Schema {
    let variable = |v: &VariablePlan| VariableSchema {
        name: v.name.clone(),
        dtype: v.dtype,
        shape: v.shape.clone(),
        storage: v.storage,
    };
    let variables = plan.variables.iter().map(variable).collect();
    Schema { variables, layout: plan.layout, attachments: Vec::new() }
}

/// The rows of all parts in a group, cut where a part ends that is no whole number of chunks.
fn join_rows<R: Read + Seek>(plan: &mut Plan, group_idx: usize, parts: &[(String, Index<R>)]) -> Result<()> {
    let group = &plan.groups[group_idx];
    let all =
        || parts.iter().map(|(name, part)| (name, &part.plan.groups[group_idx], n_rows_of(part, group_idx)));
    let rows_per_chunk = all().map(|(_, group, _)| group.rows_per_chunk).max().unwrap_or(1);
    for (name, group, n_rows) in all() {
        let is_one_chunk = |piece: Range<usize>| piece.len() <= group.rows_per_chunk;
        if group.rows_per_chunk != rows_per_chunk && !group.pieces(n_rows).all(is_one_chunk) {
            return Err(Error::config(format!(
                "expected chunks of {rows_per_chunk} rows in all archives, found {} in {name}; compress all parts with the \
                 same --plan",
                group.rows_per_chunk
            )));
        }
    }
    let too_many = || Error::limit("more rows than can be counted");
    let (mut n_rows, mut cuts) = (0usize, Vec::new());
    for (_, group, of_part) in all() {
        let starts = group.pieces(of_part).filter(|piece| !piece.is_empty());
        cuts.extend(starts.map(|piece| n_rows + piece.start));
        n_rows = n_rows.checked_add(of_part).ok_or_else(too_many)?;
    }
    let mut begin = 0;
    cuts.retain(|&cut| {
        let is_needed = cut != begin && (cut - begin) % rows_per_chunk != 0;
        begin = if is_needed { cut } else { begin };
        is_needed
    });
    for &idx in &group.variables {
        let variable = &mut plan.variables[idx];
        match variable.shape.first_mut() {
            Some(extent) => *extent = n_rows,
            None => {
                let text = "expected a single value that is the same in all parts, found others; leave it out with --drop, \
                            or compress the parts with a plan of all of them";
                return Err(Error::config(text).in_variable(&variable.name));
            }
        }
        baler_data::dataset::n_elements(&variable.shape)?;
    }
    let group = &mut plan.groups[group_idx];
    (group.rows_per_chunk, group.cuts) = (rows_per_chunk, cuts);
    Ok(())
}

/// Parts of one plan differ in their numbers of rows and in what formats have beside the values.
fn check_alike<R>(first: (&str, &Index<R>), other: (&str, &Index<R>)) -> Result<()> {
    let differs = |what: String| {
        Err(Error::config(format!(
            "expected archives of one plan, found that {} has {what} than {}; compress all parts with the same --plan",
            other.0, first.0
        )))
    };
    let (a, b) = (&first.1.plan, &other.1.plan);
    if a.variables.len() != b.variables.len() {
        return differs("other variables".to_string());
    }
    for (x, y) in a.variables.iter().zip(&b.variables) {
        if x.name != y.name {
            return differs(format!("'{}' in the place of '{}' and so others", y.name, x.name));
        }
        let inner = |v: &VariablePlan| (v.shape.len(), v.shape.get(1..).map(<[usize]>::to_vec));
        if inner(x) != inner(y) {
            return differs(format!("another shape of '{}'", y.name));
        }
        let y = VariablePlan { shape: x.shape.clone(), ..y.clone() };
        if *x != y {
            return differs(format!("another promise, range or grid of '{}'", y.name));
        }
    }
    let method = |group: &GroupPlan| (group.variables.clone(), group.method.clone());
    if !a.groups.iter().map(method).eq(b.groups.iter().map(method)) {
        return differs("other groups of variables".to_string());
    }
    if first.1.models != other.1.models {
        return differs("another model".to_string());
    }
    Ok(())
}
