//! A size -> the best archive that has no more bytes: every value bit for bit if that fits; else errors of at most the
//! smallest fraction of each variable's range that fits, one for all variables without a rule of their own; or latents
//! of an autoencoder, where their root mean square error is smaller.
//!
//! The bound is looked for on a sample, with the fast tier of the predictive method, and corrected by what the file takes
//! with it, try after try. All of it follows from
//! the data and the options, so the bytes depend on nothing else.

use baler_codec::compress::compress_source;
use baler_codec::encode::output::Output;
use baler_codec::model::Model;
use baler_codec::options::rules::last_match;
use baler_codec::options::training::TrainOptions;
use baler_codec::options::{BoundSpec, Method, Options, Size};
use baler_codec::plan::grids::ranges;
use baler_codec::plan::keep_variables;
use baler_codec::plan::trainer::Models;
use baler_codec::report::{NoProgress, Progress, Report, SizedReport, VariableReport, Way};
use baler_data::dataset::Dataset;
use baler_data::error::{Error, ErrorKind, Result};
use baler_data::source::{InMemory, Source, excerpt};
use baler_train::Training;
use baler_train::train_on;
use curve::Curve;

mod curve;

/// Bytes of the sample that the bound is looked for on.
const SAMPLE_BYTES: usize = 1 << 20;
/// Bytes of data on which latents are compared with the bound.
const LATENTS_BYTES: usize = 64 << 20;
/// Share of the bytes that is enough, and that is aimed at.
const ENOUGH: f64 = 0.9;
const AIM: f64 = 0.965;
/// All tiers over the fast one, before anything is known.
const FIRST_GUESS: f64 = 0.85;
/// Tries on the file, at most.
const MAX_TRIES: usize = 5;
/// An estimate of this many times the bytes leaves no hope that they are enough; in tables relations may do more.
const HOPELESS: f64 = 1.3;
const HOPELESS_TABLE: f64 = 5.0;
/// Below this bound latents are not tried: their error would have to be smaller.
const FINE_BOUND: f64 = 5e-3;

/// True if these options ask for a size that is searched for: without a given model, and without options of training,
/// which ask for an autoencoder.
pub fn is_searched(options: &Options, has_model: bool) -> bool {
    let as_usual = TrainOptions { seed: options.training.seed, ..TrainOptions::default() };
    matches!(options.size, Some(Size::Ratio(_) | Size::Bytes(_)))
        && !has_model
        && options.method != Method::Autoencoder
        && options.training == as_usual
}

/// The best archive of a size.
///
/// # Errors
/// Those of [`baler_codec::compress::compress_source`], and [`ErrorKind::Config`] where no archive is that small.
pub fn compress(
    source: &dyn Source,
    options: &Options,
    out: &mut dyn Output,
    progress: &mut dyn Progress,
) -> Result<Report> {
    let source = keep_variables(source, options)?;
    let options = &Options { drop: Vec::new(), ..options.clone() };
    let search = Search::new(&*source, options)?;
    progress.stage("search for the bound", 0);
    let mut progress = Unwarned { progress };
    let report = match search.lossless(out, &mut progress)? {
        Some(report) => report,
        None => {
            let bounded = search.bounded(out, &mut progress)?;
            search.or_latents(bounded, out, &mut progress)?
        }
    };
    report.warnings.iter().for_each(|warning| progress.progress.warn(warning));
    Ok(report)
}

/// Passes on all but warnings: those of the archive that is kept are told at the end.
struct Unwarned<'a> {
    progress: &'a mut dyn Progress,
}

impl Progress for Unwarned<'_> {
    fn stage(&mut self, name: &str, total: u64) {
        self.progress.stage(name, total);
    }
    fn advance(&mut self, done: u64) {
        self.progress.advance(done);
    }
    fn warn(&mut self, _: &str) {}
    fn is_cancelled(&self) -> bool {
        self.progress.is_cancelled()
    }
}

/// What the search knows.
struct Search<'a> {
    source: &'a dyn Source,
    options: &'a Options,
    target: u64,
    n_input: u64,
    /// Of each variable; 0 where there is none.
    ranges: Vec<f64>,
    sample: Dataset,
}

impl<'a> Search<'a> {
    fn new(source: &'a dyn Source, options: &'a Options) -> Result<Search<'a>> {
        let n_input = source.schema().size_bytes() as u64;
        let target = match options.size {
            Some(size) => size.target_bytes(n_input)?.unwrap_or(u64::MAX),
            None => u64::MAX,
        };
        let all: Vec<usize> = (0..source.schema().variables.len()).collect();
        let ranges = options.threads.run(|| ranges(source, &all, options))?;
        Ok(Search { source, options, target, n_input, ranges, sample: excerpt(source, SAMPLE_BYTES)? })
    }

    /// True if the sample is most of the data: trying on it is no cheaper than on all.
    fn is_small(&self) -> bool {
        self.n_input <= 2 * self.sample.size_bytes() as u64
    }

    fn options_for(&self, bound: BoundSpec) -> Options {
        Options { bound, size: None, any_step: true, ..self.options.clone() }
    }

    /// Expected bytes of the archive under a bound, from the sample, by the fast tier or by all that the options allow.
    fn expected(&self, bound: BoundSpec, fast: bool) -> Result<f64> {
        let mut options = self.options_for(bound);
        options.ranges =
            self.source.schema().names().map(String::from).zip(self.ranges.iter().copied()).collect();
        if fast {
            options.fast = true;
            options.method =
                if options.method == Method::Classical { Method::Classical } else { Method::Predictive };
        }
        let sample = InMemory::of(&self.sample);
        let report = compress_plainly(&sample, &options, None, &mut Vec::new(), &mut NoProgress)?;
        let scale = self.n_input as f64 / (self.sample.size_bytes() as f64).max(1.0);
        Ok(report.archive_bytes as f64 * scale)
    }

    /// The archive without loss, if it fits.
    fn lossless(&self, out: &mut dyn Output, progress: &mut dyn Progress) -> Result<Option<Report>> {
        let most = self.target as f64;
        let n_columns = self.source.schema().variables.iter().filter(|v| v.shape.len() == 1).count();
        let expected = self.expected(BoundSpec::Lossless, true)?;
        let hopeless = if n_columns > 1 { HOPELESS_TABLE } else { HOPELESS };
        if expected > hopeless * most {
            return Ok(None);
        }
        if expected > HOPELESS * most
            && !self.is_small()
            && self.expected(BoundSpec::Lossless, false)? > 1.1 * most
        {
            return Ok(None);
        }
        let options = self.options_for(BoundSpec::Lossless);
        let report = compress_plainly(self.source, &options, None, out, progress)?;
        if report.archive_bytes > self.target {
            out.restart()?;
            return Ok(None);
        }
        Ok(Some(self.told(report, Way::Lossless, None)))
    }

    /// The archive under the smallest bound that fits, in `out`; `None` if none does.
    fn bounded(&self, out: &mut dyn Output, progress: &mut dyn Progress) -> Result<Option<(f64, Report)>> {
        let most = self.target as f64;
        let mut curve = Curve::new(|e| self.expected(BoundSpec::Rel(e), true));
        let mut share = FIRST_GUESS;
        if !self.is_small() {
            let e = curve.solve(AIM * most / share)?;
            share = self.expected(BoundSpec::Rel(e), false)? / curve.at(e)?;
        }
        let mut tries = Tries::default();
        let mut e = curve.solve(AIM * most / share)?;
        let mut last;
        loop {
            let options = self.options_for(BoundSpec::Rel(e));
            let report = compress_plainly(self.source, &options, None, out, progress)?;
            let n_bytes = report.archive_bytes;
            last = Some((e, report));
            tries.see(e, n_bytes, self.target);
            share = n_bytes as f64 / curve.at(e)?;
            let is_enough = n_bytes <= self.target && n_bytes as f64 >= ENOUGH * most;
            let next = curve.solve(AIM * most / share)?;
            let next = if is_enough || tries.n >= MAX_TRIES { None } else { tries.between(next) };
            match next {
                Some(next) => e = next,
                None => break,
            }
            out.restart()?;
        }
        let Some((best, _)) = tries.best else {
            out.restart()?;
            return Ok(None);
        };
        if last.as_ref().is_some_and(|(e, _)| *e == best) {
            return Ok(last);
        }
        out.restart()?;
        let options = self.options_for(BoundSpec::Rel(best));
        let report = compress_plainly(self.source, &options, None, out, progress)?;
        Ok(Some((best, report)))
    }

    /// What was found, or latents where these have the smaller error.
    fn or_latents(
        &self,
        bounded: Option<(f64, Report)>,
        out: &mut dyn Output,
        progress: &mut dyn Progress,
    ) -> Result<Report> {
        let fine = bounded.as_ref().is_some_and(|(e, _)| *e < FINE_BOUND);
        let latents = match self.options.method {
            Method::Auto if !fine => self.latents(progress)?,
            _ => None,
        };
        let found = bounded.map(|(e, report)| (e, self.error(&report), report));
        match (found, latents) {
            (Some((e, error, report)), Some((_, of_latents))) if error <= of_latents => {
                Ok(self.told(report, Way::Bounded(e), Some((Way::Latents, of_latents))))
            }
            (Some((e, _, report)), None) => Ok(self.told(report, Way::Bounded(e), None)),
            (found, Some((model, _))) => {
                out.restart()?;
                let report = compress_plainly(self.source, self.options, Some(&model), out, progress)?;
                Ok(self.told(report, Way::Latents, found.map(|(e, error, _)| (Way::Bounded(e), error))))
            }
            (None, None) => Err(Error::config(format!(
                "expected an archive of at most {} bytes, found none that small; ask for a smaller ratio or more bytes, \
                 or give a bound",
                self.target
            ))),
        }
    }

    /// An autoencoder that keeps to the size, and its error; `None` where there is none.
    fn latents(&self, progress: &mut dyn Progress) -> Result<Option<(Model, f64)>> {
        let ratio = Size::Ratio(self.n_input as f64 / self.target.max(1) as f64);
        let options = Options { size: Some(ratio), method: Method::Autoencoder, ..self.options.clone() };
        let trained = match train_on(&[self.source], &options, progress) {
            Ok(trained) => trained,
            Err(error) if matches!(error.kind(), ErrorKind::Config | ErrorKind::Input) => return Ok(None),
            Err(error) => return Err(error),
        };
        let part = excerpt(self.source, LATENTS_BYTES)?;
        let part = InMemory::of(&part);
        let model = trained.model;
        let report = compress_plainly(&part, &options, Some(&model), &mut Vec::new(), progress)?;
        let scale = self.n_input as f64 / part.schema().size_bytes().max(1) as f64;
        let fits = report.payload_bytes as f64 * scale + report.model_bytes as f64 <= self.target as f64;
        let error = self.error(&report);
        Ok(fits.then_some((model, error)))
    }

    /// Root mean square error over each variable's range, over all variables that have one.
    fn error(&self, report: &Report) -> f64 {
        let (mut sum, mut n_values) = (0.0, 0.0);
        for (variable, &range) in report.variables.iter().zip(&self.ranges) {
            let n: f64 = variable.shape.iter().map(|&extent| extent as f64).product();
            if range > 0.0 {
                let share = variable.rms_error.unwrap_or(0.0) / range;
                sum += n * share * share;
                n_values += n;
            }
        }
        if n_values > 0.0 { (sum / n_values).sqrt() } else { 0.0 }
    }

    /// Largest error of whole numbers over their range, where no rule names them: their bounds are whole.
    fn largest(&self, report: &Report) -> f64 {
        let of_variable = |(variable, &range): (&VariableReport, &f64)| match variable.bound {
            BoundSpec::Abs(limit) if last_match(&self.options.rules, &variable.name).is_none() => {
                limit / range
            }
            _ => 0.0,
        };
        report.variables.iter().zip(&self.ranges).map(of_variable).fold(0.0, f64::max)
    }

    fn told(&self, mut report: Report, way: Way, other: Option<(Way, f64)>) -> Report {
        let error = self.error(&report);
        let way = match way {
            Way::Bounded(e) => Way::Bounded(self.largest(&report).max(e)),
            way => way,
        };
        report.sized = Some(SizedReport { target_bytes: self.target, way, error, other });
        report
    }
}

/// Tries on the file.
#[derive(Default)]
struct Tries {
    n: usize,
    /// The largest bound that was too small, and the smallest that fits.
    too_fine: Option<f64>,
    fits: Option<f64>,
    /// The bound of the largest archive that fits, and its bytes.
    best: Option<(f64, u64)>,
}

impl Tries {
    fn see(&mut self, e: f64, n_bytes: u64, target: u64) {
        self.n += 1;
        if n_bytes > target {
            self.too_fine = Some(self.too_fine.map_or(e, |other| other.max(e)));
        } else {
            self.fits = Some(self.fits.map_or(e, |other| other.min(e)));
            if self.best.is_none_or(|(_, most)| n_bytes > most) {
                self.best = Some((e, n_bytes));
            }
        }
    }

    /// The next bound to try near `e`, between what is known; `None` where that leaves nothing.
    fn between(&self, e: f64) -> Option<f64> {
        let (low, high) = (self.too_fine.unwrap_or(0.0), self.fits.unwrap_or(curve::COARSEST * 1.01));
        if high <= low * 1.005 {
            return None;
        }
        let middle = if low > 0.0 { (low * high).sqrt() } else { high / 2.0 };
        let inside = e > low * 1.002 && e < high * 0.998;
        let next = if inside { e } else { middle };
        (curve::FINEST..=curve::COARSEST).contains(&next).then_some(next)
    }
}

/// One compression, without a search.
fn compress_plainly(
    source: &dyn Source,
    options: &Options,
    model: Option<&Model>,
    out: &mut dyn Output,
    progress: &mut dyn Progress,
) -> Result<Report> {
    compress_source(source, options, Models { model, trainer: Some(&Training) }, out, progress)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_stay_between_what_is_known() {
        let mut tries = Tries::default();
        tries.see(1e-2, 80, 100);
        assert_eq!(tries.between(5e-3), Some(5e-3));
        assert_eq!(tries.between(2e-2), Some(5e-3), "coarser is no use");
        tries.see(5e-3, 120, 100);
        let next = tries.between(1e-3).unwrap();
        assert!(next > 5e-3 && next < 1e-2);
        tries.see(9.99e-3, 101, 100);
        assert_eq!(tries.between(9.995e-3), None);
        assert_eq!(tries.best, Some((1e-2, 80)));
    }
}
