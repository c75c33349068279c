//! Every codec on the user's data at one promise, or in equal bytes: bytes with everything counted, the error that was reached,
//! and speed. Each result is decoded and compared with the data; a bound that breaks is told.
//!
//! The baselines are what a user would pick instead: byte compressors (`lossless`), quantization or rounding before
//! them (`bounded`), principal components at equal bytes and an autoencoder as its authors account it (`learned`).

mod bounded;
mod learned;
mod levels;
mod lossless;
mod plot;
mod sizes;
mod table;

pub use levels::compare_levels;
pub use plot::rate_distortion;
pub use sizes::compare_at_ratio;
pub use table::text_table;

use crate::metrics::{Errors, floats};
use baler::{BoundSpec, Dataset, Error, Method, Options, Progress, Result, Values, Variable};
use baler_codec::quantize::Bound;
use baler_codec::report::SizedReport;
use baler_data::names::pattern_matches;
use baler_data::source::InMemory;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Instant;

/// Whose method it is, and what it promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// This library's.
    Baler,
    /// Keeps every bit.
    Lossless,
    /// Keeps the bound.
    Bounded,
    /// Promises no error.
    Unbounded,
    /// Another project's, run by `--peers`.
    Peer,
}

/// One codec on the data.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Name.
    pub name: String,
    /// What it promises.
    pub family: Family,
    /// Everything that decoding needs, the model included.
    pub bytes: u64,
    /// The model in it.
    pub model_bytes: u64,
    /// Input bytes over `bytes`.
    pub ratio: f64,
    /// Largest error over the bound, over all variables; null where the bound is lossless or the codec has none.
    pub error_of_bound: Option<f64>,
    /// Root mean over variables of the squared NRMSE.
    pub nrmse: f64,
    /// From that NRMSE, in dB.
    pub psnr: f64,
    /// Megabytes of input a second.
    pub encode_mb_s: f64,
    /// Megabytes of output a second.
    pub decode_mb_s: f64,
    /// What else should be known.
    pub note: String,
    /// Bytes for each order of the axes that was tried, where several were.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub views: BTreeMap<String, u64>,
}

/// All codecs at one bound.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// Elements times item size.
    pub input_bytes: u64,
    /// The promise, such as `rel 1e-3`.
    pub bound: String,
    /// Smallest first; those that promise nothing last.
    pub rows: Vec<Row>,
    /// (name, why) of what was not run.
    pub missing: Vec<Missing>,
}

/// A codec that was not run.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs)]
pub struct Missing {
    pub name: String,
    pub why: String,
}

/// What to run.
#[derive(Debug, Clone, Default)]
pub struct CompareOptions {
    /// Patterns of names; all without.
    pub codecs: Vec<String>,
    /// Only those that change values, for curves of rate and distortion.
    pub lossy_only: bool,
}

impl CompareOptions {
    fn wants(&self, name: &str) -> bool {
        self.codecs.is_empty() || self.codecs.iter().any(|pattern| pattern_matches(pattern, name))
    }
}

/// The promise for one variable, resolved.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Allowed {
    /// No error.
    Nothing,
    /// |e| at most this.
    Absolute(f64),
    /// |e / x| at most this.
    Relative(f64),
    /// Any error.
    Anything,
}

/// Bytes of one variable, and how to get its values back.
trait Codec: Sync {
    fn name(&self) -> &'static str;
    fn family(&self) -> Family;
    /// `None` where the codec does not take such a variable or promise.
    fn encode(&self, variable: &Variable, allowed: Allowed) -> Option<Vec<u8>>;
    fn decode(&self, bytes: &[u8], like: &Variable, allowed: Allowed) -> Values;
}

/// Runs every codec that is wanted.
///
/// # Errors
/// Those of [`baler::compress_with`] for the options.
pub fn compare(
    dataset: &Dataset,
    options: &Options,
    wanted: &CompareOptions,
    progress: &mut dyn Progress,
) -> Result<Comparison> {
    let mut rows = Vec::new();
    let mut missing = Vec::new();
    let allowed = allowed_errors(dataset, options)?;
    for method in [Method::Auto, Method::Predictive, Method::Autoencoder, Method::Classical] {
        let name = format!("baler {}", method.name());
        if wanted.wants(&name) {
            progress.stage(&name, 0);
            match ours(dataset, options, method, &name, Some(&allowed)) {
                Ok((row, _)) => rows.push(row),
                Err(error) => missing.push(Missing { name, why: error.to_string() }),
            }
        }
    }
    let lossless = allowed.iter().all(|a| *a == Allowed::Nothing);
    for codec in lossless::all().into_iter().chain(bounded::all()) {
        let skipped = (lossless && codec.family() == Family::Bounded)
            || (wanted.lossy_only && codec.family() == Family::Lossless);
        if skipped || !wanted.wants(codec.name()) {
            continue;
        }
        progress.stage(codec.name(), 0);
        match run(codec.as_ref(), dataset, &allowed) {
            Ok(row) => rows.push(row),
            Err(why) => missing.push(Missing { name: codec.name().to_string(), why }),
        }
    }
    if !wanted.lossy_only {
        let target = rows.iter().filter(|row| row.family == Family::Baler).map(|row| row.bytes).min();
        for name in [learned::PCA, learned::ORIGINAL].into_iter().filter(|name| wanted.wants(name)) {
            progress.stage(name, 0);
            match learned::run(name, dataset, options, &allowed, target) {
                Ok(row) => rows.push(row),
                Err(error) => missing.push(Missing { name: name.to_string(), why: error.to_string() }),
            }
        }
    }
    rows.sort_by_key(|row| (row.family == Family::Unbounded, row.bytes));
    let bound = bound_text(options.bound);
    Ok(Comparison { input_bytes: dataset.size_bytes() as u64, bound, rows, missing })
}

/// A promise in words, such as `rel 1e-3`.
fn bound_text(bound: BoundSpec) -> String {
    bound.words(' ')
}

/// What each variable allows, as compress promises it.
fn allowed_errors(dataset: &Dataset, options: &Options) -> Result<Vec<Allowed>> {
    let allowed = |bound: Bound| match bound.spec {
        BoundSpec::Abs(_) | BoundSpec::Rel(_) => Ok(Allowed::Absolute(bound.limit)),
        BoundSpec::PwRel(_) => Ok(Allowed::Relative(bound.limit)),
        BoundSpec::Lossless | BoundSpec::Unbounded => Ok(Allowed::Nothing),
        BoundSpec::Noise(_) => Err(Error::config(
            "codecs are compared at bounds that others have: abs, rel or pw-rel, found noise",
        )),
    };
    baler_codec::plan::bounds(&InMemory::of(dataset), options)?.into_iter().map(allowed).collect()
}

/// (name, largest absolute error or 0 for none) of each variable, for codecs of other projects; `None` where a
/// point-wise relative bound has no such number.
pub fn absolute_limits(dataset: &Dataset, options: &Options) -> Option<Vec<(String, f64)>> {
    let limits =
        dataset.variables.iter().zip(allowed_errors(dataset, options).ok()?).map(|(variable, allowed)| {
            let limit = match allowed {
                Allowed::Nothing => 0.0,
                Allowed::Absolute(limit) => limit,
                Allowed::Relative(_) | Allowed::Anything => return None,
            };
            Some((variable.name.clone(), limit))
        });
    limits.collect()
}

/// (name, bytes) of every lossless codec.
pub fn lossless_bytes(dataset: &Dataset) -> Vec<(String, u64)> {
    let bytes = |codec: &dyn Codec| -> u64 {
        let parts = dataset.variables.iter().filter_map(|variable| codec.encode(variable, Allowed::Nothing));
        parts.map(|part| part.len() as u64).sum()
    };
    lossless::all().iter().map(|codec| (codec.name().to_string(), bytes(codec.as_ref()))).collect()
}

/// One of our methods, and how a size was used where that was asked for; without `allowed`, any error is.
fn ours(
    dataset: &Dataset,
    options: &Options,
    method: Method,
    name: &str,
    allowed: Option<&[Allowed]>,
) -> Result<(Row, Option<SizedReport>)> {
    let mut options = options.clone();
    options.method = method;
    let start = Instant::now();
    let trained = match method {
        Method::Autoencoder => {
            Some(baler_train::train(std::slice::from_ref(dataset), &options, &mut baler::NoProgress)?.model)
        }
        _ => None,
    };
    let made = baler::compress_with(dataset, &options, trained.as_ref(), &mut baler::NoProgress)?;
    let middle = Instant::now();
    let back = baler::decompress(&made.bytes)?;
    let seconds = [(middle - start).as_secs_f64(), middle.elapsed().as_secs_f64()];
    let anything = vec![Allowed::Anything; dataset.variables.len()];
    let allowed = allowed.unwrap_or(&anything);
    let row =
        judged(name, Family::Baler, made.bytes.len() as u64, dataset, &back.variables, allowed, seconds);
    Ok((Row { model_bytes: made.report.model_bytes, ..row }, made.report.sized))
}

fn run(codec: &dyn Codec, dataset: &Dataset, allowed: &[Allowed]) -> Result<Row, String> {
    let start = Instant::now();
    let mut parts = Vec::new();
    for (variable, &allowed) in dataset.variables.iter().zip(allowed) {
        let bytes = codec.encode(variable, allowed).ok_or_else(|| {
            format!("does not take '{}' ({})", variable.name, variable.values.dtype().name())
        })?;
        parts.push(bytes);
    }
    let middle = Instant::now();
    let each = dataset.variables.iter().zip(&parts).zip(allowed);
    let back: Vec<Variable> = each
        .map(|((like, bytes), &allowed)| Variable {
            values: codec.decode(bytes, like, allowed),
            ..like.clone()
        })
        .collect();
    let seconds = [(middle - start).as_secs_f64(), middle.elapsed().as_secs_f64()];
    let bytes = parts.iter().map(|part| part.len() as u64).sum();
    Ok(judged(codec.name(), codec.family(), bytes, dataset, &back, allowed, seconds))
}

/// A row for values that came back; variables without error weigh as much as others.
fn judged(
    name: &str,
    family: Family,
    bytes: u64,
    dataset: &Dataset,
    back: &[Variable],
    allowed: &[Allowed],
    seconds: [f64; 2],
) -> Row {
    let megabytes = dataset.size_bytes() as f64 / 1e6;
    let (mut worst, mut sum, mut n) = (None, 0.0, 0);
    let mut note = String::new();
    for ((before, after), &allowed) in dataset.variables.iter().zip(back).zip(allowed) {
        let (x, y) = (floats(&before.values), floats(&after.values));
        // Missing values come back as they were; they are not part of the range.
        let sentinel = |x: f64| x.abs() >= 1e15 || !x.is_finite();
        let regular: (Vec<f64>, Vec<f64>) =
            x.iter().zip(&y).filter(|(x, y)| !(sentinel(**x) && x == y)).unzip();
        let errors = Errors::of(&regular.0, &regular.1);
        if errors.n > 0 && errors.range() > 0.0 {
            sum += errors.nrmse().powi(2);
            n += 1;
        }
        let share = match allowed {
            Allowed::Nothing => (errors.max_abs > 0.0).then_some(f64::INFINITY),
            Allowed::Absolute(limit) => {
                Some(if errors.max_abs == 0.0 { 0.0 } else { errors.max_abs / limit })
            }
            Allowed::Relative(limit) => Some(relative_error(&x, &y) / limit),
            Allowed::Anything => None,
        };
        worst = share.into_iter().chain(worst).reduce(f64::max);
        if errors.n_not_finite_changed > 0 {
            note = format!(
                "{} NaN or infinite values changed in '{}'",
                errors.n_not_finite_changed, before.name
            );
        }
    }
    if family != Family::Unbounded && worst.is_some_and(|w: f64| w > 1.0 + 1e-9) && note.is_empty() {
        note = "breaks the bound".to_string();
    }
    let nrmse = if n == 0 { 0.0 } else { (sum / f64::from(n)).sqrt() };
    Row {
        name: name.to_string(),
        family,
        bytes,
        model_bytes: 0,
        ratio: dataset.size_bytes() as f64 / bytes.max(1) as f64,
        error_of_bound: worst,
        nrmse,
        psnr: 20.0 * (1.0 / nrmse).log10(),
        encode_mb_s: megabytes / seconds[0].max(1e-9),
        decode_mb_s: megabytes / seconds[1].max(1e-9),
        note,
        views: BTreeMap::new(),
    }
}

/// Largest |e / x|; a zero that has changed is infinite.
fn relative_error(before: &[f64], after: &[f64]) -> f64 {
    let share = |(x, y): (&f64, &f64)| if x == y || x.is_nan() { 0.0 } else { ((y - x) / x).abs() };
    before.iter().zip(after).map(share).fold(0.0, f64::max)
}
