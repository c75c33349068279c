//! Columns as a table, or each apart: both are coded in the first chunk, and the smaller is kept.

use crate::container::{GroupMethod, Plan, PlanTrial, PlanTrialKind, chunk_frame};
use crate::decode::Coders;
use crate::encode::{Encoder, Made, Ready};
use crate::options::Options;
use crate::plan::without_tables;
use baler_data::error::Result;
use baler_data::source::Source;
use rayon::prelude::*;

/// The plan with its tables, or with their columns apart, whichever makes the first chunks' rows smaller; and the chunks
/// that were made to find out.
pub fn together_or_apart(
    source: &dyn Source,
    plan: Plan,
    coders: &Coders,
    options: &Options,
) -> Result<(Plan, Ready)> {
    let is_table = |group: &usize| matches!(plan.groups[*group].method, GroupMethod::Table(_));
    let tables: Vec<usize> = (0..plan.groups.len()).filter(is_table).collect();
    if tables.is_empty() {
        return Ok((plan, Ready::new()));
    }
    let columns: Vec<usize> = tables.iter().flat_map(|&table| plan.groups[table].variables.clone()).collect();
    let apart = without_tables(&plan);
    let frames = |plan: &Plan, groups: Vec<usize>| -> Result<(usize, Ready)> {
        let encoder = Encoder::new(source, plan, coders, options);
        let chunks: Vec<(usize, Made)> = (groups.into_par_iter())
            .map(|group| Ok((group, encoder.made(group, 0)?)))
            .collect::<Result<_>>()?;
        let n_framed = |(group, made): &(usize, Made)| chunk_frame(*group, 0, &made.payload).len();
        let n_bytes = plan.write().len() + chunks.iter().map(n_framed).sum::<usize>();
        let key = |group: usize| (plan.groups[group].variables.clone(), 0);
        Ok((n_bytes, chunks.into_iter().map(|(group, made)| (key(group), made)).collect()))
    };
    let (n_together, together) = frames(&plan, tables)?;
    let of_columns = |group: &usize| columns.contains(&apart.groups[*group].variables[0]);
    let (n_apart, columns_apart) = frames(&apart, (0..apart.groups.len()).filter(of_columns).collect())?;
    let what = PlanTrialKind::Tables;
    let trial = PlanTrial { what, with: n_together as u64, without: n_apart as u64 };
    let (mut plan, ready) = if n_together <= n_apart { (plan, together) } else { (apart, columns_apart) };
    plan.trials.push(trial);
    Ok((plan, ready))
}
