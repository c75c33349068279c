//! One variable before and after.

use super::field::FieldMeasures;
use crate::metrics::{Errors, Histogram, Response, distribution, floats, histogram, quantile, sorted_finite};
use baler::{BoundSpec, Error, Missing, Result, Variable};
use baler_codec::plan::profile::profile_values;
use baler_codec::quantize::Promises;
use baler_codec::report::VariableReport;
use baler_data::names::pattern_matches;
use serde::Serialize;

/// The promise in the variable's own units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// None, or not known.
    None,
    /// Bit for bit.
    Lossless,
    /// |e| at most this.
    Absolute(f64),
    /// |e / x| at most this.
    Relative(f64),
}

/// Values of one variable, side by side. Missing values (fill values such as 1e20) are NaN here.
#[derive(Debug, Clone)]
pub struct VariableView {
    /// Its name.
    pub name: String,
    /// NumPy's name of its element type.
    pub dtype: &'static str,
    /// Its extents.
    pub shape: Vec<usize>,
    /// Unit for labels; empty if not told.
    pub unit: String,
    /// Values before.
    pub before: Vec<f64>,
    /// Values after.
    pub after: Vec<f64>,
    /// What was promised.
    pub limit: Limit,
    /// The promise in words; empty if not known.
    pub bound: String,
    /// What is promised beside it; empty where nothing is.
    pub promises: String,
    /// Its bytes in the archive, and how it was coded.
    pub stored: Option<(u64, String)>,
    /// A column of a table: its neighbors are other objects, not places.
    pub is_column: bool,
    /// All finite values before are whole numbers.
    pub integral: bool,
}

impl VariableView {
    pub(super) fn new(
        before: &Variable,
        after: &Variable,
        told: Option<&VariableReport>,
        units: &[(String, String)],
    ) -> Result<VariableView> {
        if before.shape != after.shape {
            let text = format!("expected shape {:?} as before, found {:?}", before.shape, after.shape);
            return Err(Error::input(text).in_variable(&after.name));
        }
        let mut view = VariableView {
            name: after.name.clone(),
            dtype: before.values.dtype().name(),
            shape: after.shape.clone(),
            unit: unit_of(&after.name, units),
            before: floats(&before.values),
            after: floats(&after.values),
            limit: Limit::None,
            bound: told.map_or(String::new(), |told| bound_words(told.bound)),
            promises: told.map_or(String::new(), |told| promise_words(&told.promises)),
            stored: told.map(|told| (told.bytes, told.codec.clone())),
            is_column: false,
            integral: false,
        };
        // An archive says what is missing and what was promised; of other data only the former can be found out.
        let missing = match told {
            Some(told) => told.missing.clone(),
            None => profile_values(&before.values, Missing::Auto).found_missing,
        };
        for (x, y) in view.before.iter_mut().zip(&mut view.after).filter(|(x, _)| missing.contains(x)) {
            *y = if *y == *x { f64::NAN } else { *y };
            *x = f64::NAN;
        }
        view.integral = view.before.iter().filter(|x| x.is_finite()).all(|x| x.trunc() == *x);
        view.limit = told.map_or(Limit::None, |told| match told.bound {
            // Figures draw one bound for all values.
            BoundSpec::Unbounded | BoundSpec::Noise(_) => Limit::None,
            BoundSpec::Lossless => Limit::Lossless,
            BoundSpec::Abs(_) | BoundSpec::Rel(_) => Limit::Absolute(told.limit),
            BoundSpec::PwRel(_) => Limit::Relative(told.limit),
        });
        Ok(view)
    }

    /// A field that is made of others: nothing was promised, nothing is stored.
    pub(super) fn made(
        name: String,
        shape: Vec<usize>,
        before: Vec<f64>,
        after: Vec<f64>,
        units: &[(String, String)],
    ) -> VariableView {
        VariableView {
            unit: unit_of(&name, units),
            name,
            dtype: "float64",
            shape,
            before,
            after,
            limit: Limit::None,
            bound: String::new(),
            promises: String::new(),
            stored: None,
            is_column: false,
            integral: false,
        }
    }

    /// `name [unit]`.
    pub fn label(&self) -> String {
        if self.unit.is_empty() { self.name.clone() } else { format!("{} [{}]", self.name, self.unit) }
    }

    /// Finite residuals, as they are or over what the promise allows each: then 1 is the bound.
    pub fn residuals(&self, of_bound: bool) -> Vec<f64> {
        let pairs = self.before.iter().zip(&self.after).filter(|(x, y)| x.is_finite() && y.is_finite());
        let scaled = |(&x, &y): (&f64, &f64)| match self.limit {
            Limit::Absolute(limit) if of_bound => (y - x) / limit,
            Limit::Relative(limit) if of_bound => {
                if y == x {
                    0.0
                } else {
                    (y - x) / (limit * x.abs())
                }
            }
            _ => y - x,
        };
        pairs.map(scaled).collect()
    }

    /// Bins for the values before: their range, less far outliers (which are counted), whole numbers in the middle of
    /// a bin each.
    pub fn bins(&self, n_bins: usize) -> Histogram {
        let sorted = sorted_finite(&self.before);
        let (Some(&low), Some(&high)) = (sorted.first(), sorted.last()) else {
            return Histogram::new(0.0, 1.0, n_bins);
        };
        let (near_low, near_high) = (quantile(&sorted, 0.001), quantile(&sorted, 0.999));
        let core = (near_high - near_low).max(f64::MIN_POSITIVE);
        let low = if near_low - low > 2.0 * core { near_low } else { low };
        let high = if high - near_high > 2.0 * core { near_high } else { high };
        if self.integral && high - low < 4.0 * n_bins as f64 {
            let per_bin = ((high - low + 1.0) / n_bins as f64).ceil().max(1.0);
            let n = ((high - low + 1.0) / per_bin).ceil();
            return Histogram::new(low - 0.5, low - 0.5 + n * per_bin, n as usize);
        }
        Histogram::new(low, high, n_bins)
    }
}

/// The unit that the last pattern which fits tells; empty without one.
pub(super) fn unit_of(name: &str, units: &[(String, String)]) -> String {
    // As elsewhere, the last part of a name is enough.
    let last = name.rsplit('/').next().unwrap_or(name);
    let means = |pattern: &str| pattern_matches(pattern, name) || pattern_matches(pattern, last);
    let found = units.iter().rev().find(|(pattern, _)| means(pattern));
    found.map_or(String::new(), |(_, unit)| unit.clone())
}

/// A bound as in `rel 1e-3`.
fn bound_words(bound: BoundSpec) -> String {
    bound.words(' ')
}

/// `; cuts 20, 30; limits 0 to 1; sum`.
fn promise_words(promises: &Promises) -> String {
    let cuts: Vec<String> = promises.cuts.iter().map(f64::to_string).collect();
    let cuts = if cuts.is_empty() { String::new() } else { format!("; cuts {}", cuts.join(", ")) };
    let limits = promises.limits.map_or(String::new(), |[low, high]| format!("; limits {low} to {high}"));
    cuts + &limits + if promises.keeps_sum { "; sum" } else { "" }
}

/// Mean and root mean square.
#[derive(Debug, Clone, Copy, Serialize)]
#[allow(missing_docs)]
pub struct MeanRms {
    pub mean: f64,
    pub rms: f64,
    pub min: f64,
    pub max: f64,
}

/// What is measured of every variable; docs/metrics.md defines each.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs)]
pub struct VariableMeasures {
    pub name: String,
    pub dtype: &'static str,
    pub shape: Vec<usize>,
    pub bound: String,
    pub bytes: Option<u64>,
    pub n: u64,
    pub n_not_finite: u64,
    pub n_not_finite_changed: u64,
    pub mean: f64,
    pub range: f64,
    pub max_abs_error: f64,
    pub max_rel_error: f64,
    pub bias: f64,
    pub rmse: f64,
    pub nrmse: f64,
    pub psnr: f64,
    pub pearson: f64,
    pub response: MeanRms,
    pub residual: MeanRms,
    pub zeros_kept: u64,
    pub zeros_changed: u64,
    pub chi2: f64,
    pub ndf: u64,
    pub kolmogorov_smirnov: f64,
    pub kolmogorov_chance: f64,
    pub wasserstein: f64,
    pub field: Option<FieldMeasures>,
}

/// Bins of the histograms that chi square compares.
pub const N_BINS: usize = 200;

impl VariableMeasures {
    pub(super) fn of(view: &VariableView) -> VariableMeasures {
        let errors = Errors::of(&view.before, &view.after);
        let response = Response::of(&view.before, &view.after);
        let summary = |s: crate::metrics::response::Summary| MeanRms {
            mean: s.mean,
            rms: s.rms,
            min: s.min,
            max: s.max,
        };
        let (before, after) = (sorted_finite(&view.before), sorted_finite(&view.after));
        let ks = distribution::kolmogorov_smirnov(&before, &after);
        let mut bins = view.bins(N_BINS);
        let mut bins_after = bins.clone();
        view.before.iter().for_each(|&x| bins.push(x));
        view.after.iter().for_each(|&x| bins_after.push(x));
        let chi = histogram::chi_square(&bins, &bins_after);
        VariableMeasures {
            name: view.name.clone(),
            dtype: view.dtype,
            shape: view.shape.clone(),
            bound: format!("{}{}", view.bound, view.promises),
            bytes: view.stored.as_ref().map(|stored| stored.0),
            n: errors.n,
            n_not_finite: errors.n_not_finite,
            n_not_finite_changed: errors.n_not_finite_changed,
            mean: errors.mean(),
            range: errors.range(),
            max_abs_error: errors.max_abs,
            max_rel_error: errors.max_rel,
            bias: errors.bias(),
            rmse: errors.rmse(),
            nrmse: errors.nrmse(),
            psnr: errors.psnr(),
            pearson: errors.pearson(),
            response: summary(response.response()),
            residual: summary(response.residual()),
            zeros_kept: response.zeros_kept,
            zeros_changed: response.zeros_changed,
            chi2: chi.chi2,
            ndf: chi.ndf,
            kolmogorov_smirnov: ks,
            kolmogorov_chance: distribution::kolmogorov_chance(ks, before.len(), after.len()),
            wasserstein: distribution::wasserstein(&before, &after),
            field: FieldMeasures::of(view, &errors),
        }
    }
}
