//! Two datasets, before and after, in numbers: what `baler report --json` prints and what the figures show.

mod field;
mod made;
mod particles;
mod variable;

pub use field::{FieldMeasures, Slices, image_axes};
pub use made::MadeField;
pub use particles::{Derived, PairMeasures, derive, event_distance, pair_measures};
pub use variable::{Limit, VariableMeasures, VariableView};

use crate::metrics::CorrelationMatrix;
use crate::metrics::expression::Expression;
use baler::{Dataset, Error, Report, Result};
use baler_data::dataset::Layout;
use rayon::prelude::*;
use serde::Serialize;

/// What to measure beyond what every variable gets.
#[derive(Debug, Clone, Default)]
pub struct MeasureOptions {
    /// (name, formula) of derived quantities.
    pub derive: Vec<(String, Expression)>,
    /// (pattern, unit) for labels.
    pub units: Vec<(String, String)>,
}

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub struct Measures {
    /// In the order of the data.
    pub variables: Vec<VariableMeasures>,
    /// Of the columns of a table.
    pub correlation: Option<CorrelationChange>,
    /// Invariant masses of pairs, for each object whose columns make four-vectors.
    pub pairs: Vec<PairMeasures>,
    /// Derived quantities.
    pub derived: Vec<Derived>,
    /// Fields made of others: formulas over fields, vorticity and divergence, odd less even frames.
    pub made: Vec<MadeField>,
    /// Mean energy mover's distance an event, over pt of the event, where the table has pt, eta and phi.
    pub energy_movers_distance: Option<f64>,
}

/// How the correlation matrix has changed.
#[derive(Debug, Clone, Serialize)]
pub struct CorrelationChange {
    /// Names of the columns; constant ones are left out.
    pub names: Vec<String>,
    /// Pearson's r before, row-major.
    pub before: Vec<f64>,
    /// After less before, row-major.
    pub change: Vec<f64>,
    /// Largest change.
    pub max_abs: f64,
    /// Root of the sum of its squares.
    pub frobenius: f64,
}

/// Variables as the figures need them, and what was measured.
pub struct Measured {
    /// In the order of the data.
    pub views: Vec<VariableView>,
    /// The numbers.
    pub measures: Measures,
}

/// Measures `after` against `before`; `report` tells bounds and sizes where `after` comes from an archive. Variables
/// that `after` does not have are left out.
///
/// # Errors
/// [`baler_data::error::ErrorKind::Input`] if a variable of `after` is missing in `before` or has another shape.
pub fn measure(
    before: &Dataset,
    after: &Dataset,
    report: Option<&Report>,
    options: &MeasureOptions,
) -> Result<Measured> {
    let is_table = matches!(after.layout, Layout::Table { .. } | Layout::Columns);
    let views: Vec<VariableView> = after
        .variables
        .par_iter()
        .filter(|variable| !variable.storage.kind.is_opaque())
        .map(|variable| {
            let told = report.and_then(|report| report.variables.iter().find(|v| v.name == variable.name));
            let original = before.variable(&variable.name).ok_or_else(|| {
                Error::input(
                    "expected this variable in the original too; is it the file that was compressed?",
                )
                .in_variable(&variable.name)
            })?;
            let view = VariableView::new(original, variable, told, &options.units)?;
            Ok(VariableView { is_column: is_table && view.shape.len() == 1, ..view })
        })
        .collect::<Result<_>>()?;
    let variables = views.par_iter().map(VariableMeasures::of).collect();
    let columns: Vec<&VariableView> = views.iter().filter(|view| view.is_column).collect();
    let formulas = options.derive.iter().map(|(name, formula)| derive(name, formula, &views, &options.units));
    let derived: Vec<Derived> = formulas.collect::<Result<_>>()?;
    let measures = Measures {
        variables,
        correlation: correlation_change(&columns),
        pairs: pair_measures(&columns),
        made: made::made_fields(&views, &derived, options),
        derived,
        energy_movers_distance: event_distance(&columns),
    };
    Ok(Measured { views, measures })
}

fn correlation_change(columns: &[&VariableView]) -> Option<CorrelationChange> {
    let varying: Vec<&&VariableView> = columns
        .iter()
        .filter(|view| {
            view.before.windows(2).any(|w| w[0] != w[1]) && view.before.iter().any(|x| x.is_finite())
        })
        .collect();
    if varying.len() < 2 {
        return None;
    }
    let before =
        CorrelationMatrix::of(&varying.iter().map(|view| view.before.as_slice()).collect::<Vec<_>>());
    let after = CorrelationMatrix::of(&varying.iter().map(|view| view.after.as_slice()).collect::<Vec<_>>());
    let change = after.minus(&before);
    Some(CorrelationChange {
        names: varying.iter().map(|view| view.name.clone()).collect(),
        max_abs: change.max_abs(),
        frobenius: change.frobenius(),
        before: before.r,
        change: change.r,
    })
}
