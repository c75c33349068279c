//! The codec's options from what Python says. Every use of them in this crate stands here, so that an option more is a line
//! more.

use crate::errors::{OrRaise, raised, raised_any};
use baler::{BoundSpec, Error, Level, Method, Missing, Options, Size};
use baler_codec::options::cuts;
use baler_codec::options::training::{Init, Loss, Normalization, Transform};
use baler_data::source::Schema;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// What Python says: names and texts as on the command line.
#[derive(FromPyObject, Default)]
#[pyo3(from_item_all)]
pub struct Asked<'py> {
    /// `rel:1e-3` or `lossless`; none where single variables have their own, or a size is asked for.
    bound: Option<String>,
    /// (pattern, bound), the last match wins.
    rules: Vec<(String, String)>,
    /// (pattern, `none`, `auto` or a number).
    missing: Vec<(String, String)>,
    /// (pattern, thresholds).
    cuts: Vec<(String, Vec<f64>)>,
    /// (pattern, least and greatest value), the last match wins.
    limits: Vec<(String, (f64, f64))>,
    /// Patterns of variables whose sums are kept.
    keep_sum: Vec<String>,
    /// `auto`, `predictive`, `autoencoder` or `classical`.
    method: Option<String>,
    /// 1 to 9.
    level: Option<u8>,
    /// At most this share of the bytes.
    ratio: Option<f64>,
    /// At most these bytes.
    size: Option<u64>,
    /// So many latents.
    latent: Option<usize>,
    /// Only name the model.
    model_by_reference: bool,
    /// Keys of training.
    training: Option<Bound<'py, PyDict>>,
}

impl Asked<'_> {
    /// The options for data of these schemas; threads are those of the work.
    pub fn options(&self, py: Python, schemas: &[&Schema]) -> PyResult<Options> {
        let options = self.plain().or_raise(py)?;
        let mut options = baler_cli::objects::with_names(&options, schemas.iter().copied())
            .map_err(|error| raised_any(py, error))?;
        if let Some(training) = &self.training {
            for (key, value) in training.iter() {
                train_with(&mut options, &key.extract::<String>()?, &value)?;
            }
        }
        Ok(options)
    }

    fn plain(&self) -> baler::Result<Options> {
        let bound = self.bound.as_deref().map(BoundSpec::parse).transpose()?;
        let mut options = Options::new(bound.unwrap_or(BoundSpec::Unbounded));
        for (pattern, bound) in &self.rules {
            options.rules.push((pattern.clone(), BoundSpec::parse(bound)?));
        }
        for (pattern, value) in &self.missing {
            let missing = match value.as_str() {
                "none" => Missing::None,
                "auto" => Missing::Auto,
                number => Missing::Value(number.parse().map_err(|_| {
                    Error::config(format!("expected a number that is missing, found '{number}'"))
                })?),
            };
            options.missing.push((pattern.clone(), missing));
        }
        for (pattern, thresholds) in &self.cuts {
            options.cuts.push(cuts::of(pattern, thresholds)?);
        }
        for (pattern, (low, high)) in &self.limits {
            options.limits.push(cuts::limits_of(pattern, [*low, *high])?);
        }
        options.keep_sum.clone_from(&self.keep_sum);
        options.size = match (self.ratio, self.size, self.latent) {
            (Some(ratio), ..) => Some(Size::Ratio(ratio)),
            (_, Some(bytes), _) => Some(Size::Bytes(bytes)),
            (.., latent) => latent.map(Size::Latent),
        };
        if let Some(size) = options.size {
            size.target_bytes(0)?;
        }
        options.method = method_of(self.method.as_deref())?;
        if self.latent.is_some() && options.method == Method::Auto {
            options.method = Method::Autoencoder;
        }
        options.level = self.level.map_or(Ok(Level::default()), Level::new)?;
        options.model_by_reference = self.model_by_reference;
        Ok(options)
    }
}

fn method_of(word: Option<&str>) -> baler::Result<Method> {
    const ALL: [Method; 4] = [Method::Auto, Method::Predictive, Method::Autoencoder, Method::Classical];
    let Some(word) = word else { return Ok(Method::Auto) };
    ALL.into_iter().find(|method| method.name() == word).ok_or_else(|| {
        Error::config(format!("expected a method (auto, predictive, autoencoder, classical), found '{word}'"))
    })
}

/// One key of training.
fn train_with(options: &mut Options, key: &str, value: &Bound<PyAny>) -> PyResult<()> {
    let training = &mut options.training;
    let word = || value.extract::<String>();
    match key {
        "arch" => training.arch = word()?,
        "epochs" => training.epochs = value.extract()?,
        "lr" => training.lr = value.extract()?,
        "batch" => training.batch = value.extract()?,
        "seed" => training.seed = value.extract()?,
        "validation" => training.validation = value.extract()?,
        "lr_patience" => training.lr_patience = value.extract()?,
        "early_stopping_patience" => training.early_stopping_patience = value.extract()?,
        "min_delta" => training.min_delta = value.extract()?,
        "l1" => training.l1 = value.extract()?,
        "block" => training.block = value.extract()?,
        "loss" => {
            training.loss =
                one_of(value.py(), key, &word()?, &[("mse", Loss::Mse), ("swae", Loss::SlicedWasserstein)])?;
        }
        "normalization" => {
            let all = [
                ("minmax", Normalization::MinMax),
                ("standard", Normalization::Standard),
                ("robust", Normalization::Robust),
            ];
            training.normalization = one_of(value.py(), key, &word()?, &all)?;
        }
        "transform" => {
            let all = [("none", Transform::None), ("log", Transform::Log)];
            training.transform = one_of(value.py(), key, &word()?, &all)?;
        }
        "init" => {
            let all = [("principal", Init::Principal), ("random", Init::Random)];
            training.init = one_of(value.py(), key, &word()?, &all)?;
        }
        _ => {
            let text = format!("expected an option of training such as epochs, lr or seed, found '{key}'");
            return Err(raised(value.py(), &Error::config(text)));
        }
    }
    Ok(())
}

fn one_of<T: Copy>(py: Python, key: &str, word: &str, all: &[(&str, T)]) -> PyResult<T> {
    let found = all.iter().find(|(name, _)| *name == word).map(|&(_, value)| value);
    let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
    let wrong = || Error::config(format!("expected {key} to be one of {}, found '{word}'", names.join(", ")));
    found.ok_or_else(|| raised(py, &wrong()))
}
