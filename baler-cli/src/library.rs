//! The library as the commands see it: one place that says what comes from where.

pub use baler::autoencoder::ModelInfo;
pub use baler::decompress::parts;
pub use baler::generate;
pub use baler::inspect::inspect_from;
pub use baler::io::Decompressed;
pub use baler::io::{self, Format, RawSpec, ReadOptions, Region, Spill};
pub use baler::joined::Joined;
pub use baler::kind::Kind;
pub use baler::live;
pub use baler::names::resolved;
pub use baler::options::pattern_matches;
pub use baler::partial::PartialFile;
pub use baler::slice::{Pick, Picked, Range1, Slice};
pub use baler::source::{Schema, Source, collect};
pub use baler::threads::Threads;
pub use baler::train::{Init, Loss, Normalization, TrainOptions, Trained, Transform, train, train_on};
pub use baler::{
    BoundSpec, CandidateReport, DType, Dataset, DecompressOptions, Error, ErrorKind, Layout, Method, Missing,
    Model, Options, Outcome, Progress, Reader, Report, Size, SizedReport, Values, Variable, VariableReport,
    Verification, Way, compress_source, compress_with, decompress_with, inspect, is_archive, is_model,
    is_searched, verify, verify_with,
};
