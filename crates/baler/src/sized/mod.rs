//! A size -> the best archive that has no more bytes: every value bit for bit if that fits; else errors of at most the
//! smallest fraction of each variable's range that fits, one for all variables without a rule of their own; or latents
//! of an autoencoder, where their root mean square error is smaller.
//!
//! The bound is looked for on a small sample, with the fast tier of the predictive method; how much less the best tier takes
//! is seen once on the sample, and then on the file, of which two or three archives are made in all. All of it follows from
//! the data and the options, so the bytes depend on nothing else.

use baler_codec::compress::compress_source;
use baler_codec::encode::output::Output;
use baler_codec::model::Model;
use baler_codec::options::rules::{last_match, requested};
use baler_codec::options::training::TrainOptions;
use baler_codec::options::{BoundSpec, Level, Method, Missing, Options, Size};
use baler_codec::plan::trainer::Models;
use baler_codec::plan::{informed_with_profiles, keep_variables};
use baler_codec::quantize::MAX_Q;
use baler_codec::report::{NoProgress, Progress, Report, SizedReport, VariableReport, Way};
use baler_data::dataset::Dataset;
use baler_data::error::{Error, ErrorKind, Result};
use baler_data::source::{InMemory, Source, excerpt, excerpt_in_runs};
use baler_train::Training;
use baler_train::train_on;
use curve::{COARSEST, Curve, Steps};
use tries::{Copied, Tries, Try};

mod curve;
mod tries;

/// Bytes of the sample that the bound is looked for on: this share of the data, within these.
const SAMPLE_SHARE: u64 = 8;
const SAMPLE_BYTES: [u64; 2] = [1 << 16, 1 << 20];
/// Fewest rows of the sample that lie behind one another, as they foretell each other.
const RUN_ROWS: usize = 8;
/// Largest archive of which a copy is kept, so that it is not made again.
const COPY_BYTES: u64 = 64 << 20;
/// Bytes of data on which latents are compared with the bound.
const LATENTS_BYTES: usize = 64 << 20;
/// Share of the bytes that is enough, and that is aimed at.
const ENOUGH: f64 = 0.9;
const AIM: f64 = 0.965;
/// Where the last try took too much, this share of the aim.
const CAREFUL: f64 = 0.985;
/// All tiers over the fast one, before anything is known.
const FIRST_GUESS: f64 = 0.85;
/// Tries on the file, at most, if one fits that takes enough, ... or if none does.
const MAX_TRIES: usize = 6;
/// A step of whole numbers that is expected to take this many times the bytes is not tried.
const TOO_MUCH: f64 = 1.03;
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
    fn begin(&mut self, n_units: u64) {
        self.progress.begin(n_units);
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
    steps: Steps,
    /// True if a bound is searched for whole numbers.
    any_whole: bool,
    sample: Dataset,
    /// Of the sample, but for the bound: what all of the data tells of each variable.
    told: Options,
    /// Variables whose bound is searched for.
    searched: Vec<String>,
}

/// Header and the rest of an archive.
type Archive = [Vec<u8>; 2];

/// What was found under a bound.
struct Bounded {
    e: f64,
    report: Report,
    /// Bytes of the next finer step of whole numbers, where it is that which leaves bytes unused.
    finer_bytes: Option<u64>,
}

impl<'a> Search<'a> {
    fn new(source: &'a dyn Source, options: &'a Options) -> Result<Search<'a>> {
        let schema = source.schema();
        let n_input = schema.size_bytes() as u64;
        let target = match options.size {
            Some(size) => size.target_bytes(n_input)?.unwrap_or(u64::MAX),
            None => u64::MAX,
        };
        let widest = Options { bound: BoundSpec::Rel(COARSEST), size: None, ..options.clone() };
        let (mut told, profiles) = informed_with_profiles(source, &widest)?;
        let (mut searched, mut moving, mut whole) = (Vec::new(), Vec::new(), Vec::new());
        for (variable, profile) in schema.variables.iter().zip(&profiles) {
            let name = variable.name.clone();
            told.ranges.push((name.clone(), profile.range));
            if let ([value], None) = (&profile.found_missing[..], last_match(&told.missing, &name)) {
                told.missing.push((name.clone(), Missing::Value(*value)));
            }
            let by_rule = last_match(&options.rules, &name).is_some();
            let is_bounded = matches!(requested(&told, &name, variable.storage.kind)?, BoundSpec::Rel(_));
            if is_bounded && !by_rule && profile.range > 0.0 {
                let on_integers = profile.integral && profile.max_abs() <= MAX_Q;
                whole.push(!variable.dtype.is_float() || on_integers);
                moving.push(profile.range);
                searched.push(name);
            }
        }
        let steps = if whole.contains(&false) { Steps::default() } else { Steps::of(moving) };
        let ranges = profiles.iter().map(|profile| profile.range).collect();
        let n_sample = (n_input / SAMPLE_SHARE).clamp(SAMPLE_BYTES[0], SAMPLE_BYTES[1]) as usize;
        let sample = excerpt_in_runs(source, n_sample, RUN_ROWS)?;
        let any_whole = whole.contains(&true);
        Ok(Search { source, options, target, n_input, ranges, steps, any_whole, sample, told, searched })
    }

    /// True if the sample is most of the data: trying on it is no cheaper than on all.
    fn is_small(&self) -> bool {
        self.n_input <= 2 * self.sample.size_bytes() as u64
    }

    fn options_for(&self, bound: BoundSpec) -> Options {
        Options { bound, size: None, ..self.options.clone() }
    }

    /// Expected bytes of the archive under a bound, from the sample, by the fast tier or by all that the options allow.
    fn expected(&self, bound: BoundSpec, fast: bool) -> Result<f64> {
        let mut options = Options { bound, ..self.told.clone() };
        options.rules.extend(self.searched.iter().map(|name| (name.clone(), bound)));
        if fast {
            options.level = options.level.min(Level::FAST);
            options.method =
                if options.method == Method::Classical { Method::Classical } else { Method::Predictive };
        }
        let sample = InMemory::of(&self.sample);
        let report = compress_plainly(&sample, &options, None, &mut Vec::new(), &mut NoProgress)?;
        let scale = self.n_input as f64 / (self.sample.size_bytes() as f64).max(1.0);
        // Models, names and the like do not grow with the data.
        let values = report.variables.iter().map(|v| v.bytes).sum::<u64>();
        let values = values.saturating_sub(report.model_bytes) as f64;
        Ok(values * scale + report.archive_bytes as f64 - values)
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
        if expected > most && !self.is_small() && self.expected(BoundSpec::Lossless, false)? > 1.1 * most {
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
    fn bounded(&self, out: &mut dyn Output, progress: &mut dyn Progress) -> Result<Option<Bounded>> {
        let most = self.target as f64;
        let mut curve = Curve::new(&self.steps, |e| self.expected(BoundSpec::Rel(e), true));
        let mut share = FIRST_GUESS;
        let mut e = curve.solve(AIM * most / share)?;
        if !self.is_small() {
            share = self.expected(BoundSpec::Rel(e), false)? / curve.at(e)?;
            e = curve.solve(AIM * most / share)?;
        }
        let (mut tries, mut best, mut finer_bytes) = (Tries::default(), None, None);
        let mut last;
        loop {
            last = self.tried((e, false), out, progress, &mut tries, &mut best)?;
            if self.is_enough(&last) || tries.n >= MAX_TRIES {
                break;
            }
            let n_bytes = last.n_bytes as f64;
            share = n_bytes / curve.at(e)?;
            let aim = if n_bytes > most { AIM * CAREFUL } else { AIM } * most;
            let near = curve.solve(aim / share)?;
            let next = tries.next(near, aim, &self.steps);
            if let Some(finer) = self.finer(&tries) {
                finer_bytes = match tries.too_fine.filter(|known| self.steps.are_equal(known.e, finer)) {
                    Some(known) => Some(known.n_bytes),
                    None => {
                        let expected = share * curve.at(finer)?;
                        (expected > TOO_MUCH * most).then_some(expected as u64)
                    }
                };
            }
            match next.filter(|_| finer_bytes.is_none()) {
                Some(next) => e = next,
                None => break,
            }
        }
        // Between two odd steps of whole numbers lies an even one. It is tried last: without a number in the middle of a step
        // no grid is centred on predictions, so that it may take more bytes than the odd one before it.
        let too_fine = tries.too_fine.filter(|_| self.any_whole && tries.fits.is_some());
        let finer = self.finer(&tries).or(too_fine.map(|known| known.e));
        if let Some(e) = finer.filter(|_| !tries.best.is_some_and(|best| self.is_enough(&best))) {
            last = self.tried((e, true), out, progress, &mut tries, &mut best)?;
            if last.n_bytes > self.target {
                finer_bytes = finer_bytes.map(|odd| odd.min(last.n_bytes));
            }
        }
        let Some((report, copy)) = best else {
            out.restart()?;
            return Ok(None);
        };
        let kept = tries.best.unwrap_or(last);
        let report = if kept == last { report } else { self.again(kept, (report, copy), out, progress)? };
        Ok(Some(Bounded { e: kept.e, finer_bytes: finer_bytes.filter(|_| !self.is_enough(&kept)), report }))
    }

    /// True if an archive fits and leaves few bytes unused.
    fn is_enough(&self, made: &Try) -> bool {
        made.n_bytes <= self.target && made.n_bytes as f64 >= ENOUGH * self.target as f64
    }

    /// The largest bound of the step that is finer than the finest that fits.
    fn finer(&self, tries: &Tries) -> Option<f64> {
        self.steps.beside(tries.fits?.e).map(|(finer, _)| finer)
    }

    /// An archive of the file under a bound, with even steps of whole numbers or without; a copy of the best is kept if it is
    /// small.
    fn tried(
        &self,
        (e, any_step): (f64, bool),
        out: &mut dyn Output,
        progress: &mut dyn Progress,
        tries: &mut Tries,
        best: &mut Option<(Report, Option<Archive>)>,
    ) -> Result<Try> {
        if tries.n > 0 {
            out.restart()?;
        }
        let options = Options { any_step, ..self.options_for(BoundSpec::Rel(e)) };
        let mut copied = Copied::new(out, self.target.min(COPY_BYTES) as usize);
        let report = compress_plainly(self.source, &options, None, &mut copied, progress)?;
        let made = Try { e, any_step, n_bytes: report.archive_bytes };
        if tries.see(made, self.target) {
            *best = Some((report, copied.finish()));
        }
        Ok(made)
    }

    /// Puts an archive that was made before into `out`, where another is.
    fn again(
        &self,
        made: Try,
        (report, copy): (Report, Option<Archive>),
        out: &mut dyn Output,
        progress: &mut dyn Progress,
    ) -> Result<Report> {
        out.restart()?;
        match copy {
            Some([header, rest]) => {
                out.begin(&header)?;
                out.write(&rest)?;
                Ok(report)
            }
            None => {
                let options = Options { any_step: made.any_step, ..self.options_for(BoundSpec::Rel(made.e)) };
                compress_plainly(self.source, &options, None, out, progress)
            }
        }
    }

    /// What was found, or latents where these have the smaller error.
    fn or_latents(
        &self,
        bounded: Option<Bounded>,
        out: &mut dyn Output,
        progress: &mut dyn Progress,
    ) -> Result<Report> {
        let fine = bounded.as_ref().is_some_and(|found| found.e < FINE_BOUND);
        let latents = match self.options.method {
            // Latents have no bound within which values could move to keep a sum.
            Method::Auto if !fine && self.options.keep_sum.is_empty() => self.latents(progress)?,
            _ => None,
        };
        let found = bounded.map(|found| (self.error(&found.report), found));
        match (found, latents) {
            (Some((error, found)), latents) if latents.as_ref().is_none_or(|(_, other)| error <= *other) => {
                let other = latents.map(|(_, error)| (Way::Latents, error));
                let mut report = self.told(found.report, Way::Bounded(found.e), other);
                if let Some(sized) = &mut report.sized {
                    sized.finer_bytes = found.finer_bytes;
                }
                Ok(report)
            }
            (found, Some((model, _))) => {
                out.restart()?;
                let report = compress_plainly(self.source, self.options, Some(&model), out, progress)?;
                Ok(self.told(
                    report,
                    Way::Latents,
                    found.map(|(error, found)| (Way::Bounded(found.e), error)),
                ))
            }
            (_, None) => Err(Error::config(format!(
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
        report.sized = Some(SizedReport { target_bytes: self.target, way, error, other, finer_bytes: None });
        report
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
    compress_source(source, options, Models { model, trainer: Some(&Training), latents: None }, out, progress)
}
