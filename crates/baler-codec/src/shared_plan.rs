//! What is decided once for data that are compressed in parts, on any machines in any order: promises with their ranges,
//! grids, groups, chunks, a model. Every part is an archive of its own; [`mod@crate::merge`] makes one of them.

use crate::container::{GroupMethod, Plan};
use crate::model::Model;
use crate::options::{Level, Method};
use crate::plan::{rows_per_chunk, tables};
use crate::variable::VariablePlan;
use baler_data::dataset::{Layout, n_elements};
use baler_data::error::{Error, Result};
use baler_data::source::{Schema, VariableSchema};

/// Decisions for all parts; [`crate::compress::shared_plan`] makes them, [`crate::compress::compress_part`] keeps to them.
#[derive(Debug, Clone)]
pub struct SharedPlan {
    /// That of all data together, without attachments.
    pub plan: Plan,
    /// The model that parts use, if any.
    pub model: Option<Model>,
    /// How much time is spent on a part.
    pub level: Level,
    /// The method.
    pub method: Method,
    /// What the user should know.
    pub warnings: Vec<String>,
}

impl SharedPlan {
    /// The plan of a part.
    ///
    /// # Errors
    /// [`baler_data::ErrorKind::Config`] for other variables.
    pub fn for_part(&self, schema: &Schema) -> Result<Plan> {
        let mut plan = self.plan.clone();
        let planned: Vec<&str> = plan.variables.iter().map(|variable| variable.name.as_str()).collect();
        if !schema.names().eq(planned.iter().copied()) {
            let strange = schema.names().find(|name| !planned.contains(name));
            let lost = planned.iter().find(|name| schema.position(name).is_none());
            let found = match (strange, lost) {
                (Some(name), _) => format!("'{name}', which it does not have"),
                (None, Some(name)) => format!("no '{name}'"),
                (None, None) => "them in another order".to_string(),
            };
            return Err(Error::config(format!(
                "expected the variables of the plan, found {found}; make a plan for these data"
            )));
        }
        for (variable, of_part) in plan.variables.iter_mut().zip(&schema.variables) {
            variable.shape = shape_of_part(variable, of_part)?;
            variable.storage = of_part.storage;
        }
        for group in &plan.groups {
            let first = &plan.variables[group.variables[0]];
            let differs = |idx: &&usize| plan.variables[**idx].n_rows() != first.n_rows();
            if let Some(&idx) = group.variables.iter().find(differs) {
                let text = format!(
                    "expected as many rows of '{}' as of '{}' ({}), as the plan codes them together, found {}",
                    plan.variables[idx].name,
                    first.name,
                    first.n_rows(),
                    plan.variables[idx].n_rows()
                );
                return Err(Error::config(text));
            }
        }
        plan.layout = match schema.layout {
            Layout::Single if schema.variables.len() == 1 => Layout::Single,
            layout => layout,
        };
        plan.attachments.clone_from(&schema.attachments);
        Ok(plan)
    }

    /// Tells how many rows each variable has where the plan was made for a sample: chunks are as long as they are in all data.
    pub(crate) fn set_rows(&mut self, rows: &[usize]) -> Result<()> {
        if rows.len() != self.plan.variables.len() {
            let (expected, found) = (self.plan.variables.len(), rows.len());
            return Err(Error::config(format!("expected the rows of {expected} variables, found {found}")));
        }
        for (variable, &n_rows) in self.plan.variables.iter_mut().zip(rows) {
            if let Some(extent) = variable.shape.first_mut() {
                *extent = n_rows;
            }
            n_elements(&variable.shape)?;
        }
        for group in &mut self.plan.groups {
            let first = &self.plan.variables[group.variables[0]];
            group.rows_per_chunk = match group.method {
                GroupMethod::Table(_) | GroupMethod::SharedTable { .. } => {
                    tables::rows_per_chunk(first.n_rows(), group.variables.len())
                }
                GroupMethod::Autoencoder { .. } => group.rows_per_chunk,
                _ => rows_per_chunk(first, self.level.adapts()),
            };
        }
        Ok(())
    }
}

/// The extents in a part; a single value is one of the rows that such values become together.
fn shape_of_part(variable: &VariablePlan, of_part: &VariableSchema) -> Result<Vec<usize>> {
    let shape = match (variable.shape.len(), of_part.shape.len()) {
        (1, 0) => vec![1],
        _ => of_part.shape.clone(),
    };
    let is_alike = variable.dtype == of_part.dtype
        && variable.storage.kind == of_part.storage.kind
        && shape.len() == variable.shape.len()
        && shape.get(1..) == variable.shape.get(1..);
    match is_alike {
        true => Ok(shape),
        false => Err(Error::config(format!(
            "expected rows of {} {:?} as in the plan, found {} {:?}; make a plan for these data",
            variable.dtype.name(),
            variable.shape.get(1..).unwrap_or_default(),
            of_part.dtype.name(),
            of_part.shape.get(1..).unwrap_or_default()
        ))
        .in_variable(&variable.name)),
    }
}
