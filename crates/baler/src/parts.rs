//! Data in parts, on any machines in any order: what is decided once for all of them, an archive for each, and one of all
//! these.

use baler_codec::container::Index;
use baler_codec::encode::output::Output;
use baler_codec::model::Model;
use baler_codec::options::Options;
use baler_codec::plan::trainer::Models;
use baler_codec::report::Progress;
use baler_codec::shared_plan::SharedPlan;
use baler_data::error::{Error, Result};
use baler_data::source::Source;
use baler_train::Training;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Decides for all data what [`crate::compress_part`] keeps to: bounds relative to the range of all, grids, groups, chunks, and
/// a model where one pays.
///
/// `source` is all data ([`baler_data::source::joined`] makes one of many), or a sample with [`Options::ends`]; then `rows` are
/// the numbers of rows of each variable of all data.
///
/// # Errors
/// As [`crate::compress_source`], and [`crate::ErrorKind::Config`] without a bound.
pub fn shared_plan(
    source: &dyn Source,
    options: &Options,
    model: Option<&Model>,
    rows: Option<&[usize]>,
    progress: &mut dyn Progress,
) -> Result<SharedPlan> {
    let models = Models { model, trainer: Some(&Training), latents: None };
    baler_codec::compress::shared_plan(source, options, models, rows, progress)
}

/// Writes one archive of archives that were made by one plan, the rows of each behind those of the one before, and tells its
/// bytes. Chunks are copied as they are: nothing is decoded.
///
/// # Errors
/// [`crate::ErrorKind::Config`] for archives of different plans, [`crate::ErrorKind::Corrupt`] for damaged ones,
/// [`crate::ErrorKind::Io`].
pub fn merge(archives: &[PathBuf], out: &mut dyn Output) -> Result<u64> {
    let part = |path: &PathBuf| {
        let shown = path.display().to_string();
        let file = OnDemand::new(path).map_err(|e| Error::io(format!("reading '{shown}'"), e))?;
        let told = |error: Error| Error::new(error.kind(), format!("{shown}: {error}"));
        let index = Index::open(file).map_err(told)?;
        Ok((shown, index))
    };
    let parts: Vec<(String, Index<OnDemand>)> = archives.iter().map(part).collect::<Result<_>>()?;
    baler_codec::merge::merge(&parts, out)
}

/// A file that is open only while it is read: there may be more parts than a process may have files open.
struct OnDemand {
    path: PathBuf,
    position: u64,
}

impl OnDemand {
    fn new(path: &Path) -> std::io::Result<OnDemand> {
        File::open(path)?;
        Ok(OnDemand { path: path.to_path_buf(), position: 0 })
    }
}

impl Read for OnDemand {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.position))?;
        let n_bytes = file.read(buffer)?;
        self.position += n_bytes as u64;
        Ok(n_bytes)
    }
}

impl Seek for OnDemand {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let (base, offset) = match to {
            SeekFrom::Start(position) => (position, 0),
            SeekFrom::Current(offset) => (self.position, offset),
            SeekFrom::End(offset) => (std::fs::metadata(&self.path)?.len(), offset),
        };
        self.position = base.checked_add_signed(offset).ok_or(std::io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
