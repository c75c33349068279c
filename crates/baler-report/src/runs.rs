//! Response and residual over several archives of the same data, such as from several seeds: mean +- 2 sigma, as in
//! table 2 of arXiv:2305.02283.

use crate::draw::format_number;
use crate::figures::distinct_names;
use crate::html::Table;
use crate::measure::Measured;
use crate::metrics::response::mean_and_two_sigma;
use crate::metrics::{Response, floats};
use baler::{Dataset, Error, Result};
use serde::Serialize;

/// A figure over runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// Mean over runs.
    pub mean: f64,
    /// Twice the standard deviation over runs.
    pub two_sigma: f64,
}

/// One variable.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct RunRow {
    pub name: String,
    pub response_mean: Spread,
    pub response_rms: Spread,
    pub residual_mean: Spread,
    pub residual_rms: Spread,
}

/// All variables.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunTable {
    /// Archives.
    pub n_runs: usize,
    /// In the order of the data.
    pub rows: Vec<RunRow>,
}

impl RunTable {
    /// Of the measured archive and others; `None` without others.
    ///
    /// # Errors
    /// [`baler_data::error::ErrorKind::Input`] if another has not the same variables.
    pub fn of(before: &Dataset, measured: &Measured, others: &[Dataset]) -> Result<Option<RunTable>> {
        if others.is_empty() {
            return Ok(None);
        }
        let first = |idx: usize| {
            let m = &measured.measures.variables[idx];
            [m.response.mean, m.response.rms, m.residual.mean, m.residual.rms]
        };
        let mut rows = Vec::new();
        for (idx, view) in measured.views.iter().enumerate() {
            let mut runs = vec![first(idx)];
            for other in others {
                runs.push(figures(before, other, &view.name)?);
            }
            let spread = |k: usize| {
                let (mean, two_sigma) =
                    mean_and_two_sigma(&runs.iter().map(|run| run[k]).collect::<Vec<_>>());
                Spread { mean, two_sigma }
            };
            rows.push(RunRow {
                name: view.name.clone(),
                response_mean: spread(0),
                response_rms: spread(1),
                residual_mean: spread(2),
                residual_rms: spread(3),
            });
        }
        Ok(Some(RunTable { n_runs: others.len() + 1, rows }))
    }

    /// As a table for people.
    pub fn table(&self) -> Table {
        let names = ["response mean", "response RMS", "residual mean", "residual RMS"];
        let mut header = vec![format!("over {} runs, +- 2 sigma", self.n_runs)];
        header.extend(names.map(String::from));
        let cell = |s: Spread| format!("{} +- {}", format_number(s.mean), format_number(s.two_sigma));
        let names: Vec<&str> = self.rows.iter().map(|row| row.name.as_str()).collect();
        let row = |(r, name): (&RunRow, String)| {
            let mut cells = vec![name];
            cells.extend([r.response_mean, r.response_rms, r.residual_mean, r.residual_rms].map(cell));
            cells
        };
        Table { header, rows: self.rows.iter().zip(distinct_names(&names)).map(row).collect() }
    }
}

fn figures(before: &Dataset, after: &Dataset, name: &str) -> Result<[f64; 4]> {
    let missing = || Error::input("expected the same variables in every run").in_variable(name);
    let (before, after) =
        (before.variable(name).ok_or_else(missing)?, after.variable(name).ok_or_else(missing)?);
    if before.shape != after.shape {
        return Err(missing());
    }
    let found = Response::of(&floats(&before.values), &floats(&after.values));
    let (response, residual) = (found.response(), found.residual());
    Ok([response.mean, response.rms, residual.mean, residual.rms])
}
