//! What the user asks for: bounds, rules for single variables, method, size, training. [`BoundSpec`] is asked;
//! `quantize::Bound` is what it resolves to for one variable and is stored in the archive.

pub mod cuts;
pub mod level;
pub mod outliers;
pub mod rules;
pub mod training;

pub use level::Level;

use crate::options::outliers::OutlierRows;
use crate::options::training::TrainOptions;
use baler_data::error::{Error, Result};
use baler_data::threads::Threads;

/// A promise, as asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum BoundSpec {
    /// |x' - x| <= E.
    Abs(f64),
    /// |x' - x| <= E * (max - min) over the finite, non-missing values of the variable.
    Rel(f64),
    /// |x' - x| <= E * |x| for each value.
    PwRel(f64),
    /// |x' - x| <= so many standard deviations of a count's own noise.
    Noise(Noise),
    /// Bit for bit.
    Lossless,
    /// No promise (`--ratio`, `--latent`): the size is what counts.
    Unbounded,
}

/// A bound in standard deviations of the noise of counts: |x' - x| <= K * sqrt(gain * max(x, 0) + read^2), in float64 as written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noise {
    /// K, standard deviations.
    pub k: f64,
    /// Variance of one count, in squared counts: 1 for events that are counted (Poisson).
    pub gain: f64,
    /// Standard deviation of a count of 0, in counts.
    pub read: f64,
}

impl Noise {
    /// How far from a finite `x` its decoded value may be.
    #[inline(always)]
    pub fn limit(&self, x: f64) -> f64 {
        self.k * (self.gain * x.max(0.0) + self.read * self.read).sqrt()
    }
}

/// A number as people write it, in full digits: with an exponent only where it is very small or large.
fn short(x: f64) -> String {
    if x == 0.0 || (1e-4..1e6).contains(&x) { format!("{x}") } else { format!("{x:e}") }
}

impl BoundSpec {
    /// The word used on the command line and in JSON.
    pub fn kind(self) -> &'static str {
        match self {
            BoundSpec::Abs(_) => "abs",
            BoundSpec::Rel(_) => "rel",
            BoundSpec::PwRel(_) => "pw-rel",
            BoundSpec::Noise(_) => "noise",
            BoundSpec::Lossless => "lossless",
            BoundSpec::Unbounded => "none",
        }
    }

    /// E, K of noise, or 0 where there is none.
    pub fn value(self) -> f64 {
        match self {
            BoundSpec::Abs(e) | BoundSpec::Rel(e) | BoundSpec::PwRel(e) => e,
            BoundSpec::Noise(noise) => noise.k,
            BoundSpec::Lossless | BoundSpec::Unbounded => 0.0,
        }
    }

    /// Kind and number with something between, such as `rel:1e-3`, `noise:1:0.5:2` (gain and read noise where they are not those
    /// of events that are counted) or `lossless`.
    pub fn words(self, between: char) -> String {
        let kind = self.kind();
        match self {
            BoundSpec::Abs(e) | BoundSpec::Rel(e) | BoundSpec::PwRel(e) => format!("{kind}{between}{e:e}"),
            BoundSpec::Noise(Noise { k, gain: 1.0, read: 0.0 }) => format!("{kind}{between}{}", short(k)),
            BoundSpec::Noise(Noise { k, gain, read }) => {
                format!("{kind}{between}{}:{}:{}", short(k), short(gain), short(read))
            }
            BoundSpec::Lossless | BoundSpec::Unbounded => kind.to_string(),
        }
    }

    /// The bound written as `rel:1e-3`, `abs:0.5`, `pw-rel:1e-2`, `noise:1` (or with gain and read noise, `noise:1:0.5:2`) or
    /// `lossless`.
    pub fn parse(text: &str) -> Result<BoundSpec> {
        let wrong = |found: &str| {
            Error::config(format!(
                "expected a bound such as rel:1e-3, abs:0.5, pw-rel:1e-2, noise:1 or lossless, found '{found}'"
            ))
        };
        if text == "lossless" {
            return Ok(BoundSpec::Lossless);
        }
        let (kind, value) = text.split_once(':').ok_or_else(|| wrong(text))?;
        if kind.trim() == "noise" {
            let numbers: Option<Vec<f64>> = value.split(':').map(|word| word.trim().parse().ok()).collect();
            let (k, gain, read) = match numbers.as_deref() {
                Some(&[k]) => (k, 1.0, 0.0),
                Some(&[k, gain]) => (k, gain, 0.0),
                Some(&[k, gain, read]) => (k, gain, read),
                _ => {
                    return Err(Error::config(format!(
                        "expected noise:K, noise:K:GAIN or noise:K:GAIN:READ such as noise:1, found '{text}'"
                    )));
                }
            };
            return BoundSpec::Noise(Noise { k, gain, read }).check();
        }
        let (number, unit) = match value.trim().strip_suffix('%') {
            Some(percent) if kind.trim() != "abs" => (percent.trim_end(), 100.0),
            _ => (value.trim(), 1.0),
        };
        let value = number.parse::<f64>().map_err(|_| wrong(text))? / unit;
        let spec = match kind.trim() {
            "abs" => BoundSpec::Abs(value),
            "rel" => BoundSpec::Rel(value),
            "pw-rel" => BoundSpec::PwRel(value),
            _ => return Err(wrong(text)),
        };
        spec.check()
    }

    /// E must be finite and not negative; E = 0 is lossless.
    pub fn check(self) -> Result<BoundSpec> {
        let value = self.value();
        if let BoundSpec::Noise(Noise { gain, read, .. }) = self
            && ![gain, read].iter().all(|x| x.is_finite() && *x >= 0.0)
        {
            return Err(Error::config(format!(
                "expected a gain and a read noise that are finite numbers >= 0, found {gain} and {read}"
            )));
        }
        if !value.is_finite() || value < 0.0 {
            return Err(Error::config(format!(
                "expected a bound that is a finite number >= 0, found {value}; use --lossless for no error at all"
            )));
        }
        Ok(if value == 0.0 && self != BoundSpec::Unbounded { BoundSpec::Lossless } else { self })
    }
}

/// Which values count as missing: kept exactly, left out of the range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Missing {
    /// A repeated value far outside all others (1e20, -999) is taken as missing, and said so.
    Auto,
    /// No value is missing.
    None,
    /// This value is missing.
    Value(f64),
}

/// The method that turns values into few bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// The smallest actual file, model included.
    #[default]
    Auto,
    /// A learned entropy model over decoded neighbors.
    Predictive,
    /// Latents of an autoencoder, plus residuals where a bound is promised.
    Autoencoder,
    /// Quantization, Lorenzo prediction and an entropy coder; nothing learned.
    Classical,
}

impl Method {
    /// The word used on the command line and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Method::Auto => "auto",
            Method::Predictive => "predictive",
            Method::Autoencoder => "autoencoder",
            Method::Classical => "classical",
        }
    }
}

/// A size instead of a promise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Size {
    /// Archive bytes <= input bytes / R, the model included when it is embedded. Input bytes are those of the arrays in
    /// memory.
    Ratio(f64),
    /// At most this many archive bytes.
    Bytes(u64),
    /// Latents per sample (a row of a table, a frame or block of a field), as in the original Baler.
    Latent(usize),
}

impl Size {
    /// The bytes that an archive of `input_bytes` bytes of data may have; `None` where latents are counted.
    ///
    /// # Errors
    /// [`baler_data::error::ErrorKind::Config`] for a size that no archive can have.
    pub fn target_bytes(self, input_bytes: u64) -> Result<Option<u64>> {
        match self {
            Size::Latent(_) => Ok(None),
            Size::Bytes(bytes) => Ok(Some(bytes)),
            Size::Ratio(ratio) if ratio.is_finite() && ratio > 0.0 => {
                Ok(Some((input_bytes as f64 / ratio) as u64))
            }
            Size::Ratio(ratio) => {
                Err(Error::config(format!("expected a finite --ratio above 0, found {ratio}")))
            }
        }
    }
}

/// All options of compress and train. Patterns are names, with `*` for any run of characters.
#[derive(Debug, Clone)]
pub struct Options {
    /// The promise for every variable without a rule of its own.
    pub bound: BoundSpec,
    /// (pattern, promise); the last match wins. `--exact x` is `(x, Lossless)`.
    pub rules: Vec<(String, BoundSpec)>,
    /// Patterns of variables that are left out.
    pub drop: Vec<String>,
    /// (pattern, what is missing there); the last match wins; without one, [`Missing::Auto`].
    pub missing: Vec<(String, Missing)>,
    /// (pattern, thresholds) of values that no value crosses: each is less than, equal to or greater than each of them, as before.
    /// All that match count; [`cuts::parse`] reads them.
    pub cuts: Vec<(String, Vec<f64>)>,
    /// (pattern, least and greatest value): data outside are refused, and nothing comes back outside; the last match wins.
    pub limits: Vec<(String, [f64; 2])>,
    /// Patterns of variables of which each chunk keeps its sum, but for rounding; beside a bound.
    pub keep_sum: Vec<String>,
    /// Rows of a table that are stored in full: bounds, ranges and models are made without them.
    pub outliers: Option<OutlierRows>,
    /// (name, range) by which relative bounds of a variable are resolved instead of its own range: of samples, those of
    /// all data.
    pub ranges: Vec<(String, f64)>,
    /// (name, bits of the least and the greatest value) of variables of which the source has only a sample; of values that are
    /// finite and not missing.
    pub ends: Vec<(String, [u64; 2])>,
    /// Whole numbers under a relative bound may lie on grids of any whole step: the bound is then raised to half of it.
    pub any_step: bool,
    /// Whether simpler numbers are looked for behind those of chunks; estimates of tables do without, for time.
    pub recasts: bool,
    /// The method.
    pub method: Method,
    /// How much time is spent for fewer bytes.
    pub level: Level,
    /// A target size, only with [`BoundSpec::Unbounded`].
    pub size: Option<Size>,
    /// How a model is trained.
    pub training: TrainOptions,
    /// Only name the model by its hash instead of embedding it.
    pub model_by_reference: bool,
    /// The threads that work. The bytes do not depend on them.
    pub threads: Threads,
}

impl Options {
    /// Defaults for everything but the promise.
    pub fn new(bound: BoundSpec) -> Options {
        Options {
            bound,
            rules: Vec::new(),
            drop: Vec::new(),
            missing: Vec::new(),
            cuts: Vec::new(),
            limits: Vec::new(),
            keep_sum: Vec::new(),
            outliers: None,
            ranges: Vec::new(),
            ends: Vec::new(),
            any_step: false,
            recasts: true,
            method: Method::Auto,
            level: Level::default(),
            size: None,
            training: TrainOptions::default(),
            model_by_reference: false,
            threads: Threads::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_parsed_or_refused() {
        assert_eq!(BoundSpec::parse("rel:1e-3").unwrap(), BoundSpec::Rel(1e-3));
        assert_eq!(BoundSpec::parse("abs:0").unwrap(), BoundSpec::Lossless);
        assert_eq!(BoundSpec::parse("pw-rel: 0.5 %").unwrap(), BoundSpec::PwRel(0.005));
        for wrong in ["rel", "rel:x", "rel:-1", "relative:1", "abs:inf", "abs:nan", "abs:1%"] {
            assert!(BoundSpec::parse(wrong).is_err(), "{wrong}");
        }
    }
}
