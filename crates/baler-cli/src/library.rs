//! The library as the commands see it: one place that says what comes from where.

pub use baler::PartialFile;
pub use baler::{
    BoundSpec, CandidateReport, DType, Dataset, DecompressOptions, Error, ErrorKind, Layout, Method, Missing,
    Model, Options, Outcome, Progress, Reader, Report, Size, SizedReport, Values, Variable, VariableReport,
    Verification, Way, compress_source, compress_with, decompress_with, inspect, is_archive, is_model,
    is_searched, verify, verify_with,
};
pub use baler::{Decompressed, write_spilled};
pub use baler_codec::decode::inspect::inspect_from;
pub use baler_codec::decompress::parts;
pub use baler_codec::live;
pub use baler_codec::model::{ModelInfo, live_decoder};
pub use baler_codec::options::training::{Init, Loss, Normalization, TrainOptions, Transform};
pub use baler_data::dataset::kind::Kind;
pub use baler_data::names::pattern_matches;
pub use baler_data::names::resolved;
pub use baler_data::source::joined::Joined;
pub use baler_data::source::slice::{Pick, Picked, Range1, Slice};
pub use baler_data::source::{Schema, Source, collect};
pub use baler_data::threads::Threads;
pub use baler_generate as generate;
pub use baler_io as io;
pub use baler_io::{Format, RawSpec, ReadOptions, Region, Spill};
pub use baler_train::{Trained, train, train_on};
