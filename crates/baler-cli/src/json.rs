//! The objects of `--json`: the same words in every command, in the order of the interface.

use crate::library::{
    BoundSpec, CandidateReport, ModelInfo, Outcome, OutliersReport, Promises, Report, Schema, SizedReport,
    Trained, Verification, Way,
};
use crate::output::write_stdout;
use crate::resources::Resources;
use anyhow::Result;
use baler_data::names::is_unseen;
use serde::Serialize;
use std::collections::BTreeMap;

/// Any object, and what the command has used so far.
#[derive(Serialize)]
struct WithResources<'a, T: Serialize> {
    #[serde(flatten)]
    object: &'a T,
    resources: Resources,
}

/// Prints one object, one line, on standard output.
pub fn print(object: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string(&WithResources { object, resources: Resources::used() })?;
    write_stdout(format!("{}\n", escaped(&text)).as_bytes())
}

/// JSON text in which what a terminal would act on is written as JSON's escapes; the object is the same.
fn escaped(text: &str) -> String {
    let escape = |c: char| {
        let mut units = [0; 2];
        c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>()
    };
    text.chars().map(|c| if is_unseen(c) { escape(c) } else { c.to_string() }).collect()
}

#[derive(Serialize)]
pub struct BoundObject {
    kind: &'static str,
    value: f64,
    /// Of noise: variance of a count, and standard deviation of a count of 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    gain: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    read: Option<f64>,
}

impl From<BoundSpec> for BoundObject {
    fn from(bound: BoundSpec) -> Self {
        let noise = if let BoundSpec::Noise(noise) = bound { Some(noise) } else { None };
        let (gain, read) = (noise.map(|noise| noise.gain), noise.map(|noise| noise.read));
        BoundObject { kind: bound.kind(), value: bound.value(), gain, read }
    }
}

/// compress, and inspect of an archive (with `kind`).
#[derive(Serialize)]
pub struct ArchiveObject {
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    input_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_bytes: Option<u64>,
    archive_bytes: u64,
    model_bytes: u64,
    payload_bytes: u64,
    n_values: u64,
    ratio: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_ratio: Option<f64>,
    /// Of archives that are only looked at nothing is said: `verify` finds out.
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    trials: Vec<TrialObject>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<SizeObject>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outliers: Option<OutliersObject>,
    variables: Vec<CompressedObject>,
}

/// Rows that are stored in full.
#[derive(Serialize)]
struct OutliersObject {
    rows: u64,
    /// What the scores are.
    by: String,
    /// The least and the greatest score.
    scores: Option<[f64; 2]>,
    bytes: u64,
}

impl From<&OutliersReport> for OutliersObject {
    fn from(outliers: &OutliersReport) -> Self {
        let OutliersReport { n_rows, by, scores, bytes } = outliers.clone();
        OutliersObject { rows: n_rows, by, scores, bytes }
    }
}

/// What a size that was asked for is spent on.
#[derive(Serialize)]
struct SizeObject {
    target_bytes: u64,
    /// `lossless`, `bounded` or `latents`.
    way: &'static str,
    /// Largest error as a fraction of each variable's range, where it is bounded.
    #[serde(skip_serializing_if = "Option::is_none")]
    rel: Option<f64>,
    /// Root mean square error as a fraction of the range.
    rms_error: f64,
    /// That of the way that was not taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    other_rms_error: Option<f64>,
    /// What the next finer step of whole numbers takes, where nothing between leaves fewer bytes unused.
    #[serde(skip_serializing_if = "Option::is_none")]
    finer_step_bytes: Option<u64>,
}

impl From<&SizedReport> for SizeObject {
    fn from(sized: &SizedReport) -> Self {
        let (way, rel) = match sized.way {
            Way::Lossless => ("lossless", None),
            Way::Bounded(e) => ("bounded", Some(e)),
            Way::Latents => ("latents", None),
        };
        let other_rms_error = sized.other.map(|(_, error)| error);
        let finer_step_bytes = sized.finer_bytes;
        let rms_error = sized.error;
        SizeObject {
            target_bytes: sized.target_bytes,
            way,
            rel,
            rms_error,
            other_rms_error,
            finer_step_bytes,
        }
    }
}

/// What is promised beside a bound, as it was asked for; what is not has no key.
#[derive(Serialize)]
struct PromisesObject {
    /// Thresholds that no value crosses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cuts: Vec<f64>,
    /// Limits that none leaves.
    #[serde(skip_serializing_if = "Option::is_none")]
    promised_limits: Option<[f64; 2]>,
    /// Whether the sum of each chunk is that of the originals.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    keeps_sum: bool,
}

impl From<&Promises> for PromisesObject {
    fn from(promises: &Promises) -> PromisesObject {
        let Promises { cuts, limits, keeps_sum } = promises.clone();
        PromisesObject { cuts, promised_limits: limits, keeps_sum }
    }
}

#[derive(Serialize)]
struct CompressedObject {
    name: String,
    dtype: String,
    shape: Vec<usize>,
    method: &'static str,
    codec: String,
    bound: BoundObject,
    /// What the bound allows, in the variable's units, or as a share of each value.
    limit: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    limits: Option<[f64; 2]>,
    #[serde(flatten)]
    promises: PromisesObject,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing: Vec<f64>,
    /// 1 %, 50 % and 99 % of the values lie below.
    #[serde(skip_serializing_if = "Option::is_none")]
    quantiles: Option<[f64; 3]>,
    step: Option<f64>,
    max_error: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    rms_error: Option<f64>,
    bytes: u64,
    candidates: Vec<CandidateObject>,
}

/// What the planner has tried on a part of the data.
#[derive(Serialize)]
struct TrialObject {
    tried: &'static str,
    with_bytes: u64,
    without_bytes: u64,
}

/// One way to code a variable: what it takes, or why it was not tried.
#[derive(Serialize)]
struct CandidateObject {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chunks: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chosen_chunks: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_tried: Option<&'static str>,
}

impl From<&CandidateReport> for CandidateObject {
    fn from(candidate: &CandidateReport) -> Self {
        let name = candidate.name.clone();
        match candidate.outcome {
            Outcome::Tried { bytes, n_tried, n_chosen } => CandidateObject {
                name,
                bytes: Some(bytes),
                chunks: Some(n_tried),
                chosen_chunks: Some(n_chosen),
                not_tried: None,
            },
            Outcome::LeftOut(reason) => {
                let not_tried = Some(reason);
                CandidateObject { name, bytes: None, chunks: None, chosen_chunks: None, not_tried }
            }
        }
    }
}

impl ArchiveObject {
    /// Of a report; `kind` is told by inspect.
    pub fn new(report: &Report, kind: Option<&'static str>) -> Self {
        let variables = report.variables.iter().map(|v| CompressedObject {
            name: v.name.clone(),
            dtype: v.kind.shown(v.dtype),
            shape: v.shape.clone(),
            method: v.method,
            codec: v.codec.clone(),
            bound: v.bound.into(),
            limit: v.limit,
            limits: v.limits,
            promises: (&v.promises).into(),
            missing: v.missing.clone(),
            quantiles: v.quantiles,
            step: v.step,
            max_error: v.max_error,
            rms_error: v.rms_error,
            bytes: v.bytes,
            candidates: v.candidates.iter().map(CandidateObject::from).collect(),
        });
        let trial = |&(tried, with_bytes, without_bytes)| TrialObject { tried, with_bytes, without_bytes };
        ArchiveObject {
            kind,
            input_bytes: report.input_bytes,
            file_bytes: report.file_bytes,
            archive_bytes: report.archive_bytes,
            model_bytes: report.model_bytes,
            payload_bytes: report.payload_bytes,
            n_values: report.n_values,
            ratio: report.ratio(),
            file_ratio: report.file_ratio(),
            verified: kind.is_none().then_some(report.verified),
            warnings: report.warnings.clone(),
            trials: report.trials.iter().map(trial).collect(),
            size: report.sized.as_ref().map(SizeObject::from),
            outliers: report.outliers.as_ref().map(OutliersObject::from),
            variables: variables.collect(),
        }
    }
}

/// decompress.
#[derive(Serialize)]
pub struct DecompressedObject {
    pub archive_bytes: u64,
    /// Of the arrays in memory, as `input_bytes` of compress.
    pub output_bytes: u64,
    pub variables: Vec<VariableObject>,
}

#[derive(Serialize)]
pub struct VariableObject {
    name: String,
    dtype: String,
    shape: Vec<usize>,
}

impl DecompressedObject {
    pub fn new(archive_bytes: u64, schema: &Schema) -> Self {
        let variables = schema.variables.iter().map(|v| VariableObject {
            name: v.name.clone(),
            dtype: v.storage.kind.shown(v.dtype),
            shape: v.shape.clone(),
        });
        let output_bytes = schema.size_bytes() as u64;
        DecompressedObject { archive_bytes, output_bytes, variables: variables.collect() }
    }
}

/// verify.
#[derive(Serialize)]
pub struct VerifyObject {
    holds: bool,
    n_values: u64,
    n_violations: u64,
    /// Rows that are stored in full, and are bit for bit.
    #[serde(skip_serializing_if = "is_zero")]
    outlier_rows: u64,
    variables: Vec<VerifiedObject>,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

#[derive(Serialize)]
struct VerifiedObject {
    name: String,
    bound: BoundObject,
    #[serde(flatten)]
    promises: PromisesObject,
    max_error: f64,
    n_values: u64,
    /// Outside the bound, on another side of a cut, or outside the limits.
    n_violations: u64,
}

impl From<&Verification> for VerifyObject {
    fn from(verification: &Verification) -> Self {
        let variables = verification.variables.iter().map(|v| VerifiedObject {
            name: v.name.clone(),
            bound: v.bound.into(),
            promises: (&v.promises).into(),
            max_error: v.max_error,
            n_values: v.n_values,
            n_violations: v.n_broken(),
        });
        VerifyObject {
            holds: verification.holds(),
            n_values: verification.variables.iter().map(|v| v.n_values).sum(),
            n_violations: verification.variables.iter().map(|v| v.n_broken()).sum(),
            outlier_rows: verification.n_outliers,
            variables: variables.collect(),
        }
    }
}

/// inspect of a model.
#[derive(Serialize)]
pub struct ModelObject {
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    hash: String,
    architecture: String,
    variables: Vec<String>,
    /// Of tables: how each column follows from others, in words.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    columns: BTreeMap<String, String>,
    n_parameters: u64,
    model_bytes: u64,
    trained_on_rows: u64,
    epochs: u64,
}

impl ModelObject {
    /// Of what a model says of itself; `kind` is told by inspect.
    pub fn new(info: &ModelInfo, kind: Option<&'static str>) -> Self {
        ModelObject {
            kind,
            hash: info.hash.clone(),
            architecture: info.architecture.clone(),
            variables: info.variables.clone(),
            columns: info.columns.iter().cloned().collect(),
            n_parameters: info.n_parameters,
            model_bytes: info.size_bytes,
            trained_on_rows: info.trained_on_rows,
            epochs: info.epochs,
        }
    }
}

/// train: the model and its loss curves, one value an epoch.
#[derive(Serialize)]
pub struct TrainedObject {
    #[serde(flatten)]
    model: ModelObject,
    training_loss: Vec<f64>,
    validation_loss: Vec<f64>,
}

impl From<&Trained> for TrainedObject {
    fn from(trained: &Trained) -> Self {
        let [training, validation] = &trained.history;
        TrainedObject {
            model: ModelObject::new(&trained.model.describe(), None),
            training_loss: training.clone(),
            validation_loss: validation.clone(),
        }
    }
}
