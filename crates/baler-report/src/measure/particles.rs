//! Masses of pairs, peaks, derived quantities and event distances of tables.

use super::variable::{VariableView, unit_of};
use crate::metrics::energy_mover::{Particle, energy_movers_distance};
use crate::metrics::expression::Expression;
use crate::metrics::kinematics::{Object, Quantity, find_objects, leading_pairs, pair_masses};
use crate::metrics::peak::{Peak, fit_peak, pull};
use crate::metrics::{Errors, Histogram, distribution, sorted_finite};
use baler::{Error, Result};
use baler_data::names;
use rayon::prelude::*;
use serde::Serialize;

/// Windows in which a peak is looked for, if their masses are in the data: (name, low, high) in GeV.
const WINDOWS: [(&str, f64, f64); 3] = [("J/psi", 2.8, 3.4), ("Upsilon", 9.0, 9.9), ("Z", 75.0, 107.0)];
const PEAK_BINS: usize = 64;
/// A peak stands so many of its uncertainties above the background, or is none.
const MIN_SIGNIFICANCE: f64 = 5.0;
/// Events whose distance is taken.
const MAX_EVENTS: usize = 2000;
/// R of the energy mover's distance.
const EVENT_RADIUS: f64 = 1.0;

/// A peak before and after.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs)]
pub struct PeakMeasures {
    pub name: String,
    pub low: f64,
    pub high: f64,
    pub mean_before: f64,
    pub mean_after: f64,
    pub mean_uncertainty: f64,
    pub mean_pull: f64,
    pub width_before: f64,
    pub width_after: f64,
    pub width_uncertainty: f64,
    pub width_pull: f64,
    pub chi2_before: f64,
    pub chi2_after: f64,
    pub ndf: usize,
    #[serde(skip)]
    pub fits: [Peak; 2],
    #[serde(skip)]
    pub histograms: [Histogram; 2],
}

/// A derived quantity before and after.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs)]
pub struct Derived {
    pub name: String,
    /// For labels; empty if not told.
    pub unit: String,
    pub n: u64,
    pub bias: f64,
    pub rmse: f64,
    pub max_abs_error: f64,
    pub mean_before: f64,
    pub mean_after: f64,
    pub width_before: f64,
    pub width_after: f64,
    pub wasserstein: f64,
    #[serde(skip)]
    pub values: [Vec<f64>; 2],
}

impl Derived {
    fn new(name: String, unit: String, before: Vec<f64>, after: Vec<f64>) -> Derived {
        let errors = Errors::of(&before, &after);
        let [x, y] = [&before, &after].map(|v| Errors::of(v, v));
        Derived {
            name,
            unit,
            n: errors.n,
            bias: errors.bias(),
            rmse: errors.rmse(),
            max_abs_error: errors.max_abs,
            mean_before: x.mean(),
            mean_after: y.mean(),
            width_before: x.deviation(),
            width_after: y.deviation(),
            wasserstein: distribution::wasserstein(&sorted_finite(&before), &sorted_finite(&after)),
            values: [before, after],
        }
    }
}

/// Evaluates a formula before and after.
///
/// # Errors
/// [`baler_data::error::ErrorKind::Config`] for columns that are not there or of several lengths.
pub fn derive(
    name: &str,
    formula: &Expression,
    views: &[VariableView],
    units: &[(String, String)],
) -> Result<Derived> {
    let find = |column: &str| views.iter().find(|view| view.name == column);
    let formula = formula.with_names(&|column| whole_name(name, column, views))?;
    let sides = [
        formula.evaluate(&|column| find(column).map(|view| view.before.as_slice())),
        formula.evaluate(&|column| find(column).map(|view| view.after.as_slice())),
    ];
    let [Some(before), Some(after)] = sides else {
        return Err(Error::config(format!(
            "formula of '{name}': its variables have different numbers of values"
        )));
    };
    Ok(Derived::new(name.to_string(), unit_of(name, units), before, after))
}

/// The variable that a formula means by `column`, of which a unique last part is enough.
fn whole_name(formula: &str, column: &str, views: &[VariableView]) -> Result<String> {
    let names = views.iter().map(|view| view.name.as_str());
    if let Ok(found) = names::resolved(column, names.clone())
        && names.clone().any(|name| name == found)
    {
        return Ok(found);
    }
    // What a user sees as one name is divided where it is not quoted.
    let group = format!("{column}/");
    if let Some(inside) = names.clone().find(|name| name.starts_with(&group)) {
        let text = format!(
            "formula of '{formula}': expected a variable, found the group '{column}'; quote names with a slash, such as \
             '{inside}' in quotes, or give their last part"
        );
        return Err(Error::config(text));
    }
    let near = names::resolved(column, names).err().map_or(String::new(), |error| error.to_string());
    Err(Error::config(format!("formula of '{formula}': {near}")))
}

/// The invariant mass of the leading pairs of one kind of object.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs)]
pub struct PairMeasures {
    pub object: String,
    /// Only pairs of opposite charge.
    pub opposite_charge: bool,
    pub mass: Derived,
    pub peaks: Vec<PeakMeasures>,
}

/// Pairs of rows of each object, or where a row has several objects, their sum.
pub fn pair_measures(columns: &[&VariableView]) -> Vec<PairMeasures> {
    let objects = find_objects(columns.iter().map(|view| view.name.as_str()));
    let before: Vec<&[f64]> = columns.iter().map(|view| view.before.as_slice()).collect();
    let after: Vec<&[f64]> = columns.iter().map(|view| view.after.as_slice()).collect();
    // A mass has the unit of the momenta.
    let momentum = |object: &Object| {
        let places =
            [Quantity::Pt, Quantity::Px, Quantity::Energy].into_iter().find_map(|q| object.column(q));
        places.map_or(String::new(), |column| columns[column].unit.clone())
    };
    if objects.len() > 1 {
        return vec![sum_of_objects(&objects, momentum(&objects[0]), &before, &after)];
    }
    objects.iter().filter_map(|object| pairs_of(object, momentum(object), &before, &after)).collect()
}

fn sum_of_objects(objects: &[Object], unit: String, before: &[&[f64]], after: &[&[f64]]) -> PairMeasures {
    let masses = |columns: &[&[f64]]| -> Vec<f64> {
        let vectors: Vec<_> = objects.iter().map(|object| object.vectors(columns)).collect();
        let n_rows = vectors.iter().map(Vec::len).min().unwrap_or(0);
        (0..n_rows)
            .map(|row| vectors.iter().map(|v| v[row]).reduce(|a, b| a.plus(b)).map_or(0.0, |sum| sum.mass()))
            .collect()
    };
    let names: Vec<&str> = objects.iter().map(|object| object.name.as_str()).collect();
    let name = format!("m({})", names.join(" "));
    let mass = Derived::new(name, unit, masses(before), masses(after));
    PairMeasures { object: names.join(" + "), opposite_charge: false, peaks: peaks(&mass), mass }
}

fn pairs_of(object: &Object, unit: String, before: &[&[f64]], after: &[&[f64]]) -> Option<PairMeasures> {
    let pt: Vec<f64> = match object.column(Quantity::Pt) {
        Some(column) => before[column].to_vec(),
        None => object.vectors(before).iter().map(|v| v.px.hypot(v.py)).collect(),
    };
    let charge = object.column(Quantity::Charge).map(|column| before[column]);
    let pairs = leading_pairs(&pt, charge);
    if pairs.len() < 100 {
        return None;
    }
    let masses = |columns: &[&[f64]]| pair_masses(&object.vectors(columns), &pairs);
    let mass = Derived::new(format!("m({0} {0})", object.name), unit, masses(before), masses(after));
    Some(PairMeasures {
        object: object.name.clone(),
        opposite_charge: charge.is_some(),
        peaks: peaks(&mass),
        mass,
    })
}

fn peaks(mass: &Derived) -> Vec<PeakMeasures> {
    WINDOWS.iter().filter_map(|&(name, low, high)| peak_in(mass, name, low, high)).collect()
}

fn peak_in(mass: &Derived, name: &str, low: f64, high: f64) -> Option<PeakMeasures> {
    let histograms = [0, 1].map(|side| Histogram::of(&mass.values[side], low, high, PEAK_BINS));
    let before = fit_peak(&histograms[0])?;
    let clear =
        before.height > MIN_SIGNIFICANCE * before.uncertainty[0] && before.width < 0.25 * (high - low);
    if !clear {
        return None;
    }
    // A peak that is gone after compression is worse than any shift: it is told as NaN.
    let gone = Peak { height: f64::NAN, mean: f64::NAN, width: f64::NAN, chi2: f64::NAN, ..before };
    let after = fit_peak(&histograms[1]).unwrap_or(gone);
    Some(PeakMeasures {
        name: name.to_string(),
        low,
        high,
        mean_before: before.mean,
        mean_after: after.mean,
        mean_uncertainty: before.uncertainty[1],
        mean_pull: pull(before.mean, after.mean, before.uncertainty[1]),
        width_before: before.width,
        width_after: after.width,
        width_uncertainty: before.uncertainty[2],
        width_pull: pull(before.width, after.width, before.uncertainty[2]),
        chi2_before: before.chi2,
        chi2_after: after.chi2,
        ndf: before.ndf,
        fits: [before, after],
        histograms,
    })
}

/// Mean over events (runs of descending pt) of the energy mover's distance over the event's pt; `None` without one
/// object that has pt, eta and phi.
pub fn event_distance(columns: &[&VariableView]) -> Option<f64> {
    let objects = find_objects(columns.iter().map(|view| view.name.as_str()));
    let [object] = &objects[..] else { return None };
    let places: Option<Vec<usize>> =
        [Quantity::Pt, Quantity::Eta, Quantity::Phi].into_iter().map(|q| object.column(q)).collect();
    let places = places?;
    let pt = &columns[places[0]].before;
    let starts: Vec<usize> = (0..pt.len()).filter(|&row| row == 0 || pt[row] > pt[row - 1]).collect();
    let event = |first: usize, end: usize, after: bool| -> Vec<Particle> {
        let cell = |column: usize, row: usize| {
            let view = columns[places[column]];
            if after { view.after[row] } else { view.before[row] }
        };
        let particle =
            |row: usize| Particle { pt: cell(0, row).max(0.0), eta: cell(1, row), phi: cell(2, row) };
        (first..end)
            .map(particle)
            .filter(|p| p.pt.is_finite() && p.eta.is_finite() && p.phi.is_finite())
            .collect()
    };
    let ends = starts.iter().skip(1).copied().chain([pt.len()]);
    let events: Vec<(usize, usize)> = starts.iter().copied().zip(ends).take(MAX_EVENTS).collect();
    let distances: Vec<f64> = events
        .into_par_iter()
        .map(|(first, end)| {
            let before = event(first, end, false);
            let total: f64 = before.iter().map(|p| p.pt).sum();
            energy_movers_distance(&before, &event(first, end, true), EVENT_RADIUS) / total
        })
        .filter(|d| d.is_finite())
        .collect();
    (!distances.is_empty()).then(|| distances.iter().sum::<f64>() / distances.len() as f64)
}
