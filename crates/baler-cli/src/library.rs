//! The library as the commands see it: one place that says what comes from where.

pub use baler::internal::{Decompressed, PartialFile, is_searched, write_spilled};
pub use baler::{
    BoundSpec, DType, Dataset, DecompressOptions, Error, ErrorKind, Level, Method, Missing, Model,
    NoProgress, Noise, Options, Output, Progress, Reader, Report, Result, SharedPlan, Size, Values, Variable,
    compress_part, compress_source, compress_with, decompress_with, inspect, is_archive, is_model, merge,
    shared_plan, verify, verify_with,
};
pub use baler_codec::autoencoder::to_latents;
pub use baler_codec::compress::compress_source as codec_compress;
pub use baler_codec::decode::inspect::inspect_from;
pub use baler_codec::decode::verify::Verification;
pub use baler_codec::decompress::parts;
pub use baler_codec::live;
pub use baler_codec::model::{ModelInfo, ModelPart, live_decoder};
pub use baler_codec::network;
pub use baler_codec::options::cuts;
pub use baler_codec::options::outliers::OutlierRows;
pub use baler_codec::options::training::Hardware;
pub use baler_codec::options::training::{Init, Loss, Normalization, TrainOptions, Transform};
pub use baler_codec::plan::grids::ranges;
pub use baler_codec::plan::trainer::Models;
pub use baler_codec::quantize::Promises;
pub use baler_codec::report::{CandidateReport, Outcome, OutliersReport, SizedReport, VariableReport, Way};
pub use baler_data::dataset::Layout;
pub use baler_data::dataset::kind::Kind;
pub use baler_data::names::pattern_matches;
pub use baler_data::names::resolved;
pub use baler_data::source::joined::Joined;
pub use baler_data::source::picks::table_rows;
pub use baler_data::source::slice::{Pick, Picked, Range1, Slice};
pub use baler_data::source::{InMemory, Schema, Selected, Source, collect, excerpt};
pub use baler_data::threads::Threads;
pub use baler_data::with_values;
pub use baler_fpga as fpga;
pub use baler_generate as generate;
pub use baler_io as io;
pub use baler_io::{Format, RawSpec, ReadOptions, Region, Spill};
pub use baler_score as scoring;
pub use baler_train::{Trained, Training, train, train_on};

use baler_codec::autoencoder::Decoder;

/// Outputs (n_samples, n_values) of a decoder for latents (n_samples, n_latents).
pub fn to_outputs(decoder: &Decoder, latents: &[i16]) -> Result<Vec<i32>, Error> {
    let prepared = network::Prepared::new(&decoder.network)?;
    let n_samples = latents.len() / decoder.priors.len();
    Ok(baler_codec::autoencoder::run(&prepared, &decoder.activations(latents), n_samples))
}

/// Values of a dtype.
pub fn from_values(dtype: DType, values: &[f64]) -> Values {
    use baler_data::element::Element;
    baler_data::values_of!(dtype, t => values.iter().map(|&x| <t>::from_f64(x)).collect())
}
