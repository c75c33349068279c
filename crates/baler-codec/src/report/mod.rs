//! What compress, verify and inspect tell: sizes with the model counted, and per variable the promise, what was
//! done and the worst error.

pub mod trials;

use crate::options::BoundSpec;
use crate::quantize::Promises;
use baler_data::dataset::DType;
use baler_data::dataset::kind::Kind;

/// Sizes and promises of one archive.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Elements times item size of all variables.
    pub input_bytes: u64,
    /// Bytes of the file that all the values came from, where there is one that holds nothing else.
    pub file_bytes: Option<u64>,
    /// The whole archive.
    pub archive_bytes: u64,
    /// The models inside it.
    pub model_bytes: u64,
    /// Everything but the models.
    pub payload_bytes: u64,
    /// Values that were checked against their bound.
    pub n_values: u64,
    /// Every chunk was decoded from the written bytes and compared.
    pub verified: bool,
    /// What the user should know, a line each.
    pub warnings: Vec<String>,
    /// What the planner has tried on a part of the data: what, bytes with it, bytes without.
    pub trials: Vec<(&'static str, u64, u64)>,
    /// What was found for a size that was asked for.
    pub sized: Option<SizedReport>,
    /// Rows that are stored in full, apart from the others.
    pub outliers: Option<OutliersReport>,
    /// In the order of the data.
    pub variables: Vec<VariableReport>,
}

/// Rows that are stored in full.
#[derive(Debug, Clone, PartialEq)]
pub struct OutliersReport {
    /// How many.
    pub n_rows: u64,
    /// What their scores are.
    pub by: String,
    /// The least and the greatest score.
    pub scores: Option<[f64; 2]>,
    /// Bytes that they take.
    pub bytes: u64,
}

/// The best there is at a size.
#[derive(Debug, Clone, PartialEq)]
pub struct SizedReport {
    /// Bytes that the archive may have.
    pub target_bytes: u64,
    /// How they are spent.
    pub way: Way,
    /// Root mean square error as a fraction of each variable's range, over all variables that have one.
    pub error: f64,
    /// The way that was not taken and its error, where both were tried.
    pub other: Option<(Way, f64)>,
    /// What the next finer step of whole numbers takes, about, where no bound between it and this leaves fewer bytes unused.
    pub finer_bytes: Option<u64>,
}

/// How the bytes of a size are spent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Way {
    /// Every value bit for bit.
    Lossless,
    /// Errors of at most this fraction of each variable's range.
    Bounded(f64),
    /// Latents of an autoencoder.
    Latents,
}

impl Report {
    /// Input bytes over archive bytes.
    pub fn ratio(&self) -> f64 {
        self.input_bytes as f64 / self.archive_bytes.max(1) as f64
    }

    /// Bytes of the file on disk over bytes of the archive; none where there is no such file.
    pub fn file_ratio(&self) -> Option<f64> {
        self.file_bytes.map(|bytes| bytes as f64 / self.archive_bytes.max(1) as f64)
    }
}

/// One variable of a report.
#[derive(Debug, Clone, PartialEq)]
pub struct VariableReport {
    /// Name.
    pub name: String,
    /// Element type.
    pub dtype: DType,
    /// What the elements stand for.
    pub kind: Kind,
    /// Extents.
    pub shape: Vec<usize>,
    /// True for items of lists: its rows are more or fewer than those of the dataset.
    pub is_list: bool,
    /// `classical`, `predictive`, `table` or `autoencoder`.
    pub method: &'static str,
    /// Grid, prediction and coder in short words, such as `uniform lorenzo 111 pco`.
    pub codec: String,
    /// The promise, as asked.
    pub bound: BoundSpec,
    /// Largest |x' - x| that it allows (of |x| for a point-wise relative bound), as the archive keeps it; 0 if lossless or
    /// without a promise.
    pub limit: f64,
    /// Least and greatest value that may come back, of variables that are not lossless.
    pub limits: Option<[f64; 2]>,
    /// What is promised beside the bound.
    pub promises: Promises,
    /// Values that are kept exactly as missing ones, and were left out of the range.
    pub missing: Vec<f64>,
    /// 1 %, 50 % and 99 % quantile of the values before, about; only when they were just compressed.
    pub quantiles: Option<[f64; 3]>,
    /// Step of the grid, where it has one in the variable's units.
    pub step: Option<f64>,
    /// Largest |x' - x|, as a fraction of |x| for a point-wise relative bound.
    pub max_error: f64,
    /// Square root of the mean of (x' - x)^2; `None` where the values have not been compared.
    pub rms_error: Option<f64>,
    /// Its bytes: streams of its own, and an equal share of what it shares with others.
    pub bytes: u64,
    /// How it could have been coded, the smallest first; those that were not tried last.
    pub candidates: Vec<CandidateReport>,
}

/// One way to code a variable.
#[derive(Debug, Clone, PartialEq)]
pub struct CandidateReport {
    /// In short words.
    pub name: String,
    /// What the variable takes, or would have taken with it alone; of an archive that keeps this.
    pub outcome: Outcome,
}

/// What became of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was tried.
    Tried {
        /// What the chunks in which it was tried take, or would have taken.
        bytes: u64,
        /// In how many chunks it was tried.
        n_tried: u64,
        /// In how many chunks it was the smallest.
        n_chosen: u64,
    },
    /// It was not.
    LeftOut(&'static str),
}

/// Hears how far the work is; counts are bytes, or epochs in training.
pub trait Progress {
    /// A new stage of `total` units begins.
    fn stage(&mut self, name: &str, total: u64);
    /// `done` units of the stage are finished, counted from its beginning.
    fn advance(&mut self, done: u64);
    /// Work on so many more units of the stage begins: while none is done, nothing else tells how fast it can be at most.
    fn begin(&mut self, _n_units: u64) {}
    /// Something that the user should know.
    fn warn(&mut self, text: &str);
    /// True once the work is to stop: it is asked between chunks.
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn stage(&mut self, _: &str, _: u64) {}
    fn advance(&mut self, _: u64) {}
    fn warn(&mut self, _: &str) {}
}
