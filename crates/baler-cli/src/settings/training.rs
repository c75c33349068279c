//! How a model is trained: every field of [`TrainOptions`] as an option.

use crate::library::{Init, Loss, Normalization, TrainOptions, Transform};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::path::PathBuf;

#[derive(Args, Debug, Clone, Default, PartialEq)]
#[command(next_help_heading = "Method and training")]
pub struct TrainingArgs {
    /// auto, dense:200,100,50, conv2d:8,16, conv3d:8,16, or a name of the original (AE)
    #[arg(long, value_name = "ARCH")]
    pub arch: Option<String>,
    /// Passes over the data (0: chosen from its size)
    #[arg(long, value_name = "N")]
    pub epochs: Option<usize>,
    /// Adam's step size
    #[arg(long, value_name = "X", value_parser = positive)]
    pub lr: Option<f64>,
    /// Rows per step
    #[arg(long, value_name = "N", value_parser = count)]
    pub batch: Option<usize>,
    /// Everything random follows from it
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Fraction of rows held out for validation
    #[arg(long, value_name = "F", value_parser = fraction)]
    pub validation: Option<f64>,
    /// Extents of a block of a field, one an axis, e.g. 1,25,25
    #[arg(long, value_name = "N,N,..", value_delimiter = ',', value_parser = count)]
    pub block: Option<Vec<usize>>,
    /// Weight of the L1 norm of the weights in the loss
    #[arg(long, value_name = "X", value_parser = not_negative)]
    pub l1: Option<f64>,
    /// What is minimized: mse, or swae (plus the sliced Wasserstein distance of the latents)
    #[arg(long, value_name = "LOSS", value_parser = words(&LOSSES))]
    pub loss: Option<Loss>,
    /// How each variable is brought to [-1, 1]
    #[arg(long, value_name = "KIND", value_parser = words(&NORMALIZATIONS))]
    pub normalization: Option<Normalization>,
    /// Applied before normalization; log for heavy tails
    #[arg(long, value_name = "KIND", value_parser = words(&TRANSFORMS))]
    pub transform: Option<Transform>,
    /// First weights: principal components of the data, or random
    #[arg(long, value_name = "KIND", value_parser = words(&INITS))]
    pub init: Option<Init>,
    /// Halve the step size after N epochs without improvement (0: never)
    #[arg(long, value_name = "N")]
    pub lr_patience: Option<usize>,
    /// Stop after N epochs without improvement, keep the best weights (0: never)
    #[arg(long, value_name = "N")]
    pub early_stopping_patience: Option<usize>,
    /// An improvement must be larger than this
    #[arg(long, value_name = "X", value_parser = not_negative)]
    pub min_delta: Option<f64>,
    /// Write a checkpoint every N epochs (0: never)
    #[arg(long, value_name = "N")]
    pub checkpoint_every: Option<usize>,
    /// Folder of the checkpoints
    #[arg(long, value_name = "DIR")]
    pub checkpoint_dir: Option<PathBuf>,
    /// Go on from this checkpoint
    #[arg(long, value_name = "FILE")]
    pub from_checkpoint: Option<PathBuf>,
}

const LOSSES: [(&str, Loss); 2] = [("mse", Loss::Mse), ("swae", Loss::SlicedWasserstein)];
const NORMALIZATIONS: [(&str, Normalization); 3] = [
    ("minmax", Normalization::MinMax),
    ("standard", Normalization::Standard),
    ("robust", Normalization::Robust),
];
const TRANSFORMS: [(&str, Transform); 2] = [("none", Transform::None), ("log", Transform::Log)];
const INITS: [(&str, Init); 2] = [("principal", Init::Principal), ("random", Init::Random)];

/// Runs `$m!` with the names of all fields, so that none is forgotten in one place.
macro_rules! with_fields {
    ($m:ident) => {
        $m!(
            arch,
            epochs,
            lr,
            batch,
            seed,
            validation,
            block,
            l1,
            loss,
            normalization,
            transform,
            init,
            lr_patience,
            early_stopping_patience,
            min_delta,
            checkpoint_every
        )
    };
}

impl TrainingArgs {
    /// These where they say something, the file's elsewhere.
    pub fn over(self, file: TrainingArgs) -> TrainingArgs {
        macro_rules! merge {
            ($($field:ident),*) => {
                TrainingArgs {
                    $($field: self.$field.or(file.$field),)*
                    checkpoint_dir: self.checkpoint_dir.or(file.checkpoint_dir),
                    from_checkpoint: self.from_checkpoint.or(file.from_checkpoint),
                }
            };
        }
        with_fields!(merge)
    }

    /// True if any of them was given.
    pub fn is_given(&self) -> bool {
        *self != TrainingArgs::default()
    }

    /// `options` with what was given put in.
    pub fn apply_to(&self, mut options: TrainOptions) -> TrainOptions {
        macro_rules! put {
            ($($field:ident),*) => {
                $(if let Some(value) = &self.$field { options.$field = value.clone(); })*
            };
        }
        with_fields!(put);
        options.checkpoint_dir = self.checkpoint_dir.clone().or(options.checkpoint_dir);
        options.resume = self.from_checkpoint.clone().or(options.resume);
        options
    }
}

/// One of a few words, as the value that it stands for.
fn words<T: Copy + Send + Sync + 'static>(
    table: &'static [(&'static str, T)],
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(table.iter().map(|(word, _)| *word)).map(|word| {
        table
            .iter()
            .find(|(w, _)| *w == word)
            .map(|(_, value)| *value)
            .expect("the words are those of the table")
    })
}

fn number(text: &str, what: &str, fits: impl Fn(f64) -> bool) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(x) if fits(x) => Ok(x),
        _ => Err(format!("expected {what}")),
    }
}

fn positive(text: &str) -> Result<f64, String> {
    number(text, "a finite number above 0", |x| x.is_finite() && x > 0.0)
}

fn not_negative(text: &str) -> Result<f64, String> {
    number(text, "a finite number, 0 or above", |x| x.is_finite() && x >= 0.0)
}

fn fraction(text: &str) -> Result<f64, String> {
    let percent = text.trim().strip_suffix('%');
    let (text, unit) = percent.map_or((text, 1.0), |percent| (percent, 100.0));
    let expected = "a fraction: 0 or above and below 1 (or 100%)";
    number(text.trim(), expected, |x| (0.0..unit).contains(&x)).map(|x| x / unit)
}

fn count(text: &str) -> Result<usize, String> {
    text.trim()
        .parse()
        .ok()
        .filter(|&n| n > 0)
        .ok_or_else(|| "expected a whole number, 1 or above".to_string())
}
