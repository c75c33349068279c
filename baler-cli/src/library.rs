//! The library as the commands see it: one place that says what comes from where.

#[cfg(test)]
pub use baler::VariableReport;
pub use baler::autoencoder::ModelInfo;
pub use baler::generate;
pub use baler::io::{self, Format, RawSpec, ReadOptions};
pub use baler::options::pattern_matches;
pub use baler::train::{Init, Loss, Normalization, TrainOptions, Trained, Transform, train};
pub use baler::{
    BoundSpec, DType, Dataset, DecompressOptions, Error, ErrorKind, Layout, Method, Missing, Model, Options,
    Progress, Report, Size, Values, Verification, compress_with, decompress_with, inspect, is_archive,
    is_model, verify,
};
