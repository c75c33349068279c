//! What the fast tiers learn once for all chunks of a variable, so that the time for it does not grow with the data.

use crate::container::{GroupPlan, Plan};
use crate::decode::Coders;
use crate::lockstep::encode::Learned;
use crate::options::{Method, Options};
use crate::part::{self, Original};
use baler_data::error::Result;
use baler_data::source::Source;
use baler_data::with_values;
use rayon::prelude::*;

/// By group and position in it, what the chunk in the middle of a variable teaches; `None` for variables of a single chunk, those
/// that are coded otherwise, and levels at which each chunk is learned from.
pub fn learned(
    source: &dyn Source,
    plan: &Plan,
    coders: &Coders,
    options: &Options,
) -> Result<Vec<Vec<Option<Learned>>>> {
    let of_group = |(group_idx, group): (usize, &GroupPlan)| -> Result<Vec<Option<Learned>>> {
        let n_chunks = plan.n_chunks(group);
        let predicts = matches!(options.method, Method::Auto | Method::Predictive);
        let is_shared = group.method.model().is_some() || coders.table(plan, group_idx).is_some();
        if n_chunks < 2 || !predicts || is_shared || options.level.adapts() {
            return Ok(Vec::new());
        }
        let first_row = n_chunks / 2 * group.rows_per_chunk;
        let n_rows = plan.rows_of_chunk(group_idx, first_row);
        let of_variable = |&idx: &usize| -> Result<Option<Learned>> {
            let variable = &plan.variables[idx];
            if variable.storage.kind.is_opaque() {
                return Ok(None);
            }
            let shape = &variable.shape_of_rows(n_rows);
            let values = source.read_rows(&[idx], first_row..first_row + n_rows)?;
            let learned = with_values!(&values[0], values => {
                part::learn(Original { values, shape, variable }, options.level)
            });
            Ok(learned)
        };
        group.variables.par_iter().map(of_variable).collect()
    };
    plan.groups.par_iter().enumerate().map(of_group).collect()
}
