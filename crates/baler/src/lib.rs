//! Baler: a learned compressor for scientific data that keeps its promise.
//!
//! A compressed file, with at most the one model file it names by hash, gives back every value within the
//! stated bound, on any machine.
//!
//! ```
//! use baler::{BoundSpec, Dataset, Options, Values, Variable};
//!
//! fn main() -> baler::Result<()> {
//!     let wave: Vec<f32> = (0..10_000).map(|i| (i as f32 * 0.01).sin()).collect();
//!     let dataset = Dataset::from_arrays(vec![Variable::new("wave", vec![100, 100], Values::F32(wave))?]);
//!     let archive = baler::compress(&dataset, &Options::new(BoundSpec::Abs(1e-3)))?;
//!     let back = baler::decompress(&archive)?;
//!     println!("{} -> {} bytes, {} variable back", dataset.size_bytes(), archive.len(), back.variables.len());
//!     Ok(())
//! }
//! ```
//!
//! This crate is the public face. What it stands on are crates of their own, whose interfaces may change between
//! versions: `baler-data` (arrays, tables, sources), `baler-codec` (arrays to archives and back), `baler-train`
//! (models) and `baler-io` (file formats).

// Bytes are the same on every machine: no floats of the platform's own mathematics (clippy.toml).
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod compress;
mod decompressed;
mod partial;
mod parts;
mod sized;
mod writer;

// Data.

/// ```
/// assert_eq!(baler::DType::from_name("float32"), Some(baler::DType::F32));
/// assert_eq!(baler::DType::F32.size_bytes(), 4);
/// ```
pub use baler_data::dataset::DType;

/// ```
/// use baler::{DType, Values};
/// let values = Values::from_bytes(DType::U16, &[1, 0, 2, 0], false)?;
/// assert_eq!(values, Values::U16(vec![1, 2]));
/// # Ok::<(), baler::Error>(())
/// ```
pub use baler_data::dataset::Values;

/// ```
/// use baler::{Values, Variable};
/// let frame = Variable::new("frame", vec![2, 3], Values::F64(vec![0.0; 6]))?;
/// assert!(Variable::new("frame", vec![2, 4], Values::F64(vec![0.0; 6])).is_err());
/// # Ok::<(), baler::Error>(())
/// ```
pub use baler_data::dataset::Variable;

/// ```
/// use baler::{Dataset, Values, Variable};
/// let pt = Variable::new("pt", vec![3], Values::F32(vec![20.5, 31.0, 7.25]))?;
/// let dataset = Dataset::from_table(vec![pt]);
/// assert_eq!(dataset.size_bytes(), 12);
/// # Ok::<(), baler::Error>(())
/// ```
pub use baler_data::dataset::Dataset;

/// ```
/// use baler::{DType, Kind};
/// assert!(Kind::Text.is_opaque() && !Kind::Number.is_opaque());
/// assert_eq!(Kind::Text.shown(DType::U8), "text");
/// ```
pub use baler_data::dataset::kind::Kind;

/// ```
/// use baler::Source;
/// fn n_values(source: &dyn Source) -> usize {
///     source.schema().variables.iter().map(|variable| variable.n_values()).sum()
/// }
/// ```
pub use baler_data::source::Source;

/// ```
/// use baler::{BoundSpec, Options, Threads};
/// let options = Options { threads: Threads::new(2)?, ..Options::new(BoundSpec::Rel(1e-3)) };
/// assert_eq!(options.threads.count(), 2);
/// # Ok::<(), baler::Error>(())
/// ```
pub use baler_data::threads::Threads;

/// ```
/// let error = baler::decompress(b"no archive").unwrap_err();
/// assert_eq!(error.kind(), baler::ErrorKind::Corrupt);
/// assert_eq!(error.expected(), Some("an archive (.bale)"));
/// assert_eq!(error.variable(), None);
/// ```
pub use baler_data::error::Error;

/// ```
/// let error = baler::BoundSpec::parse("rel:-1").unwrap_err();
/// assert_eq!(error.kind(), baler::ErrorKind::Config);
/// ```
pub use baler_data::error::ErrorKind;

/// ```
/// fn limit(text: &str) -> baler::Result<f64> {
///     Ok(baler::BoundSpec::parse(text)?.value())
/// }
/// assert_eq!(limit("abs:0.5")?, 0.5);
/// # Ok::<(), baler::Error>(())
/// ```
pub use baler_data::error::Result;

// Data to archives.

/// ```
/// use baler::BoundSpec;
/// assert_eq!(BoundSpec::parse("rel:1e-3")?, BoundSpec::Rel(1e-3));
/// assert_eq!(BoundSpec::Abs(0.5).kind(), "abs");
/// # Ok::<(), baler::Error>(())
/// ```
pub use baler_codec::options::BoundSpec;
/// ```
/// use baler::{BoundSpec, Noise};
/// let counts = Noise { k: 1.0, gain: 1.0, read: 0.0 };
/// assert_eq!(BoundSpec::parse("noise:1")?, BoundSpec::Noise(counts));
/// assert_eq!(counts.limit(100.0), 10.0);
/// # Ok::<(), baler::Error>(())
/// ```
pub use baler_codec::options::Noise;

/// How much time is spent for fewer bytes: from 1, the fastest, to 9, the smallest.
///
/// ```
/// use baler::{BoundSpec, Level, Options};
///
/// let options = Options { level: Level::FAST, ..Options::new(BoundSpec::Rel(1e-3)) };
/// assert!(options.level < Level::default() && Level::default() < Level::BEST);
/// ```
pub use baler_codec::options::Level;
/// ```
/// use baler::{BoundSpec, Method, Options};
/// let options = Options { method: Method::Classical, ..Options::new(BoundSpec::Lossless) };
/// assert_eq!(options.method.name(), "classical");
/// ```
pub use baler_codec::options::Method;

/// ```
/// use baler::{BoundSpec, Missing, Options};
/// let mut options = Options::new(BoundSpec::Rel(1e-3));
/// options.missing.push(("tos".to_string(), Missing::Value(1e20)));
/// ```
pub use baler_codec::options::Missing;

/// ```
/// use baler::{BoundSpec, Options, Size};
/// let options = Options { size: Some(Size::Ratio(10.0)), ..Options::new(BoundSpec::Unbounded) };
/// assert_eq!(Size::Ratio(10.0).target_bytes(5000)?, Some(500));
/// # Ok::<(), baler::Error>(())
/// ```
pub use baler_codec::options::Size;

/// ```
/// use baler::{BoundSpec, Options};
/// let mut options = Options::new(BoundSpec::Rel(1e-3));
/// options.rules.push(("event".to_string(), BoundSpec::Lossless));
/// ```
pub use baler_codec::options::Options;

/// ```
/// use baler::{BoundSpec, Dataset, Options, OutlierRows, Reader, Values, Variable};
/// let mut x: Vec<f32> = (0..1000).map(|i| (i as f32 * 0.01).sin()).collect();
/// x[412] = 1e9;
/// let dataset = Dataset::from_table(vec![Variable::new("x", vec![1000], Values::F32(x))?]);
/// let outliers = OutlierRows { rows: vec![412], scores: vec![30.0], by: "by hand".into() };
/// let archive = baler::compress(&dataset, &Options { outliers: Some(outliers), ..Options::new(BoundSpec::Rel(1e-3)) })?;
/// // The bound is one of the others' range, and the row is as it was.
/// assert!(baler::inspect(&archive)?.variables[0].limit < 0.0021);
/// let reader = Reader::open(std::io::Cursor::new(archive))?;
/// assert_eq!(reader.rows("x", 412..413)?.values, Values::F32(vec![1e9]));
/// assert_eq!(reader.outliers().expect("a row").numbers()?, [412]);
/// # Ok::<(), baler::Error>(())
/// ```
pub use baler_codec::options::outliers::OutlierRows;

/// ```
/// use baler::TrainOptions;
/// let training = TrainOptions { epochs: 20, seed: 7, ..TrainOptions::default() };
/// assert_eq!(training.arch, "auto");
/// ```
pub use baler_codec::options::training::TrainOptions;

/// ```
/// assert!(baler::Model::from_bytes(b"no model").is_err());
/// ```
pub use baler_codec::model::Model;

/// ```
/// use baler::{BoundSpec, Dataset, NoProgress, Options, Values, Variable};
/// let x: Vec<f32> = (0..2000).map(|i| (i as f32 * 0.37).sin()).collect();
/// let twice: Vec<f32> = x.iter().map(|x| 2.0 * x).collect();
/// let column = |name, values| Variable::new(name, vec![2000], Values::F32(values));
/// let dataset = Dataset::from_table(vec![column("x", x)?, column("twice", twice)?]);
/// let options = Options::new(BoundSpec::Rel(1e-3));
/// let trained: baler::Trained = baler::train(&[dataset.clone()], &options, &mut NoProgress)?;
/// let packed = baler::compress_with(&dataset, &options, Some(&trained.model), &mut NoProgress)?;
/// assert_eq!(baler::decompress(&packed.bytes)?.variables.len(), 2);
/// # Ok::<(), baler::Error>(())
/// ```
pub use baler_train::{Trained, train};

/// ```
/// use baler::{BoundSpec, Dataset, NoProgress, Options, Values, Variable};
/// # let wave = (0..10_000).map(|i| (i as f32 * 0.01).sin()).collect();
/// # let dataset = Dataset::from_arrays(vec![Variable::new("wave", vec![100, 100], Values::F32(wave))?]);
/// let options = Options::new(BoundSpec::Abs(1e-3));
/// let archive: Vec<u8> = baler::compress(&dataset, &options)?;
/// // With a report, and with a trained model if there is one:
/// let compressed: baler::Compressed = baler::compress_with(&dataset, &options, None, &mut NoProgress)?;
/// assert_eq!(compressed.bytes, archive);
/// assert!(compressed.report.ratio() > 5.0);
/// // Of any size: from a source, such as an opened file, to any output.
/// let source = baler_data::source::InMemory::of(&dataset);
/// let mut output: Vec<u8> = Vec::new();
/// baler::compress_source(&source, &options, None, &mut output, &mut NoProgress)?;
/// assert_eq!(output, archive);
/// # Ok::<(), baler::Error>(())
/// ```
pub use compress::{Compressed, compress, compress_source, compress_with};

/// ```
/// use baler::Output;
/// let mut bytes: Vec<u8> = Vec::new();
/// Output::write(&mut bytes, b"frame")?;
/// assert_eq!(bytes, b"frame");
/// # Ok::<(), baler::Error>(())
/// ```
pub use baler_codec::encode::output::Output;

/// ```
/// use baler::{BoundSpec, Dataset, NoProgress, Options, Report, Values, Variable};
/// # let wave = (0..10_000).map(|i| (i as f32 * 0.01).sin()).collect();
/// # let dataset = Dataset::from_arrays(vec![Variable::new("wave", vec![100, 100], Values::F32(wave))?]);
/// let report: Report =
///     baler::compress_with(&dataset, &Options::new(BoundSpec::Abs(1e-3)), None, &mut NoProgress)?.report;
/// assert!(report.verified && report.variables[0].max_error <= 1e-3);
/// # Ok::<(), baler::Error>(())
/// ```
pub use baler_codec::report::Report;

/// ```
/// /// Prints each stage, and passes warnings on.
/// struct Loud(Vec<String>);
///
/// impl baler::Progress for Loud {
///     fn stage(&mut self, name: &str, total: u64) {
///         println!("{name}: {total} bytes");
///     }
///     fn advance(&mut self, _done: u64) {}
///     fn warn(&mut self, text: &str) {
///         self.0.push(text.to_string());
///     }
/// }
/// ```
pub use baler_codec::report::{NoProgress, Progress};

pub use writer::Writer;

// Data in parts.

/// ```
/// use baler::{BoundSpec, Dataset, NoProgress, Options, Values, Variable, compress_part, merge, shared_plan};
/// use baler_data::source::{InMemory, joined::Joined};
/// # fn wave(first: usize) -> Dataset {
/// #     let values = (first..first + 10_000).map(|i| (i as f32 * 0.01).sin()).collect();
/// #     Dataset::from_arrays(vec![Variable::new("wave", vec![100, 100], Values::F32(values)).unwrap()])
/// # }
/// let (monday, tuesday) = (wave(0), wave(10_000));
/// let both = ["monday", "tuesday"].map(String::from).into_iter().zip([&monday, &tuesday].map(InMemory::of));
/// let both = Joined::new(both.collect())?;
/// let plan = shared_plan(&both, &Options::new(BoundSpec::Rel(1e-3)), None, None, &mut NoProgress)?;
/// // Anywhere, in any order: each part is an archive of its own.
/// let folder = std::env::temp_dir();
/// let mut paths = Vec::new();
/// for (name, day) in [("monday", &monday), ("tuesday", &tuesday)] {
///     let mut archive: Vec<u8> = Vec::new();
///     let options = Options::new(BoundSpec::Lossless); // the plan knows better
///     compress_part(&InMemory::of(day), &plan, &options, &mut archive, &mut NoProgress)?;
///     paths.push(folder.join(format!("baler-{}-{name}.bale", std::process::id())));
///     std::fs::write(&paths[paths.len() - 1], archive).unwrap();
/// }
/// let mut whole: Vec<u8> = Vec::new();
/// merge(&paths, &mut whole)?;
/// assert_eq!(baler::decompress(&whole)?.variables[0].shape, [200, 100]);
/// # paths.iter().for_each(|path| std::fs::remove_file(path).unwrap());
/// # Ok::<(), baler::Error>(())
/// ```
pub use parts::{merge, shared_plan};

pub use baler_codec::compress::compress_part;
pub use baler_codec::shared_plan::SharedPlan;

// Archives to data.

/// ```
/// use baler::{BoundSpec, Dataset, DecompressOptions, NoProgress, Options, Values, Variable};
/// # let wave = (0..10_000).map(|i| (i as f32 * 0.01).sin()).collect();
/// # let dataset = Dataset::from_arrays(vec![Variable::new("wave", vec![100, 100], Values::F32(wave))?]);
/// let archive = baler::compress(&dataset, &Options::new(BoundSpec::Lossless))?;
/// assert_eq!(baler::decompress(&archive)?.variables, dataset.variables);
/// let rows = DecompressOptions { rows: Some(10..20), ..DecompressOptions::default() };
/// assert_eq!(baler::decompress_with(&archive, &rows, &mut NoProgress)?.variables[0].shape, [10, 100]);
/// # Ok::<(), baler::Error>(())
/// ```
pub use baler_codec::decompress::{DecompressOptions, decompress, decompress_with};

/// ```
/// use baler::{BoundSpec, Dataset, Options, Reader, Values, Variable};
/// # let wave = (0..10_000).map(|i| (i as f32 * 0.01).sin()).collect();
/// # let dataset = Dataset::from_arrays(vec![Variable::new("wave", vec![100, 100], Values::F32(wave))?]);
/// let archive = baler::compress(&dataset, &Options::new(BoundSpec::Abs(1e-3)))?;
/// let reader = Reader::open(std::io::Cursor::new(archive))?;
/// assert_eq!(reader.rows("wave", 3..5)?.shape, [2, 100]);
/// # Ok::<(), baler::Error>(())
/// ```
pub use baler_codec::decode::reader::Reader;

/// ```
/// use baler::{BoundSpec, Dataset, NoProgress, Options, Reader, Values, Variable};
/// # let wave = (0..10_000).map(|i| (i as f32 * 0.01).sin()).collect();
/// # let dataset = Dataset::from_arrays(vec![Variable::new("wave", vec![100, 100], Values::F32(wave))?]);
/// let archive = baler::compress(&dataset, &Options::new(BoundSpec::Abs(1e-3)))?;
/// assert!(baler::verify(&archive, None, Some(&dataset))?.holds());
/// let reader = Reader::open(std::io::Cursor::new(archive))?;
/// assert!(baler::verify_with(&reader, None, &mut NoProgress)?.holds());
/// # Ok::<(), baler::Error>(())
/// ```
pub use baler_codec::decode::verify::{verify, verify_with};

/// ```
/// use baler::{BoundSpec, Dataset, Options, Values, Variable};
/// # let wave = (0..10_000).map(|i| (i as f32 * 0.01).sin()).collect();
/// # let dataset = Dataset::from_arrays(vec![Variable::new("wave", vec![100, 100], Values::F32(wave))?]);
/// let archive = baler::compress(&dataset, &Options::new(BoundSpec::Abs(1e-3)))?;
/// let report = baler::inspect(&archive)?;
/// assert_eq!((report.variables[0].name.as_str(), report.n_values), ("wave", 10_000));
/// # Ok::<(), baler::Error>(())
/// ```
pub use baler_codec::decode::inspect::inspect;

/// ```
/// assert!(!baler::is_archive(b"npy") && !baler::is_model(b"npy"));
/// ```
pub use baler_codec::container::{is_archive, is_model};

// Single arrays.

/// ```
/// use baler::{ArrayOptions, BoundSpec};
/// let field: Vec<f32> = (0..4096).map(|i| (i as f32 * 0.02).cos()).collect();
/// let bytes = baler::encode_array(&field, &[64, 64], &ArrayOptions::new(BoundSpec::Abs(1e-3)))?;
/// let back: Vec<f32> = baler::decode_array(&bytes, None)?;
/// assert!(field.iter().zip(&back).all(|(x, y)| (x - y).abs() <= 1e-3));
/// let mut again = vec![0f32; 4096];
/// baler::decode_array_into(&bytes, None, &mut again)?;
/// assert_eq!(again, back);
/// # Ok::<(), baler::Error>(())
/// ```
pub use baler_codec::array::{ArrayOptions, decode_array, decode_array_into, encode_array};

// Files.

/// ```
/// use baler::{Dataset, Format, ReadOptions, Source, Values, Variable};
/// # let wave = (0..10_000).map(|i| (i as f32 * 0.01).sin()).collect();
/// # let dataset = Dataset::from_arrays(vec![Variable::new("wave", vec![100, 100], Values::F32(wave))?]);
/// let path = std::env::temp_dir().join(format!("baler-example-{}.npz", std::process::id()));
/// std::fs::write(&path, baler::write(&dataset, Format::Npz)?).unwrap();
/// let options = ReadOptions { format: Some(Format::Npz), ..ReadOptions::default() };
/// assert_eq!(baler::read(&path, &options)?.variables, dataset.variables);
/// assert_eq!(baler::open(&path, &options)?.schema().variables[0].name, "wave");
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), baler::Error>(())
/// ```
pub use baler_io::{Format, ReadOptions, open, read, write};

/// What the command line needs beside the public face; it may change with every version.
#[doc(hidden)]
pub mod internal {
    pub use crate::decompressed::{Decompressed, write_spilled};
    pub use crate::partial::{PartialFile, partial_path};
    pub use crate::sized::is_searched;
}

/// The README's code runs as a test.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
