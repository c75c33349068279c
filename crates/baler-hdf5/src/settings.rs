//! The words (`cd_values`) that HDF5 keeps with a dataset for its filter: what the user asks, then what the dataset is. The
//! layout is that of docs/format.md, section 22.

use baler_codec::options::{BoundSpec, Level};
use baler_data::dataset::{DType, n_elements};
use baler_data::error::{Error, Result};

/// The version of the layout.
pub const VERSION: u32 = 1;
/// The version in which a model is named.
pub const VERSION_WITH_MODEL: u32 = 2;
/// Words that the user gives.
pub const N_ASKED: usize = 5;
/// Words that name a model, behind these.
const N_MODEL: usize = 2;
/// Words before the extents.
const N_FIXED: usize = N_ASKED + N_MODEL + 3;
/// Axes of a dataset of HDF5, at most.
pub const MAX_RANK: usize = 32;
/// Words in all, at most.
pub const MAX_WORDS: usize = N_FIXED + MAX_RANK + 1;

const BIG_ENDIAN: u32 = 1 << 8;
const FILL_IS_MISSING: u32 = 1 << 9;

/// What the user asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Asked {
    /// The promise for every value: no relative one, for a chunk does not know the range of its dataset.
    pub bound: BoundSpec,
    /// How much time is spent for fewer bytes.
    pub level: Level,
    /// The first bytes of the hash of a model that was trained on like arrays.
    pub model: Option<[u8; 4 * N_MODEL]>,
}

impl Asked {
    /// From the first words; whatever follows is left alone.
    ///
    /// # Errors
    /// [`baler_data::ErrorKind::Config`] for words that say nothing.
    pub fn read(words: &[u32]) -> Result<Asked> {
        let &[version, mode, level, low, high, ..] = words else {
            return Err(Error::config(format!(
                "expected {N_ASKED} words for the filter (version, mode, level, and the bound's float64 in two), found {}",
                words.len()
            )));
        };
        let model = match (version, words.get(N_ASKED..N_ASKED + N_MODEL)) {
            (VERSION, _) => None,
            (VERSION_WITH_MODEL, Some(&[first, second])) => {
                Some(((second as u64) << 32 | first as u64).to_le_bytes())
            }
            (VERSION_WITH_MODEL, _) => {
                return Err(Error::config(format!(
                    "expected {N_MODEL} words behind the first {N_ASKED} that name a model, found {}",
                    words.len() - N_ASKED
                )));
            }
            _ => {
                return Err(Error::config(format!(
                    "expected the version {VERSION}, or {VERSION_WITH_MODEL} with a model, as the first word of the \
                     filter, found {version}"
                )));
            }
        };
        let value = f64::from_bits((high as u64) << 32 | low as u64);
        let bound = match mode {
            0 => BoundSpec::Lossless,
            1 => BoundSpec::Abs(value),
            2 => {
                return Err(Error::config(
                    "expected a bound that a chunk can keep alone, found one relative to the range of a dataset: \
                     give the range times it as an absolute bound (mode 1), as baler.hdf5.Baler(rel=, data=) does",
                ));
            }
            3 => BoundSpec::PwRel(value),
            _ => {
                return Err(Error::config(format!(
                    "expected the mode 0 (lossless), 1 (absolute) or 3 (of each value), found {mode}"
                )));
            }
        };
        let level = match level {
            0 => Level::FAST,
            number => Level::new(u8::try_from(number).unwrap_or(u8::MAX))?,
        };
        Ok(Asked { bound: bound.check()?, level, model })
    }

    /// The same, if the words can say it.
    ///
    /// # Errors
    /// As [`Asked::read`].
    pub fn checked(self) -> Result<Asked> {
        Asked::read(&self.words())
    }

    /// Inverse of [`Asked::read`].
    pub fn words(&self) -> Vec<u32> {
        let mode = match self.bound {
            BoundSpec::Abs(_) => 1,
            BoundSpec::Rel(_) => 2,
            BoundSpec::PwRel(_) => 3,
            BoundSpec::Lossless | BoundSpec::Unbounded => 0,
            // Words have no room for it, and reading them says so.
            BoundSpec::Noise(_) => 4,
        };
        let bits = self.bound.value().to_bits();
        let version = if self.model.is_some() { VERSION_WITH_MODEL } else { VERSION };
        let mut words = vec![version, mode, self.level.number() as u32, bits as u32, (bits >> 32) as u32];
        if let Some(hash) = self.model.map(u64::from_le_bytes) {
            words.extend([hash as u32, (hash >> 32) as u32]);
        }
        words
    }
}

/// What the chunks of a dataset are, as its file says.
#[derive(Debug, Clone, PartialEq)]
pub struct Chunk {
    /// Element type.
    pub dtype: DType,
    /// Byte order of the values in the file.
    pub big_endian: bool,
    /// Bits of the value that stands where nothing was written.
    pub fill: u64,
    /// True if the user has chosen that value: then it marks missing ones, and is kept exactly.
    pub fill_is_missing: bool,
    /// Extents of a chunk.
    pub shape: Vec<usize>,
}

impl Chunk {
    /// Bytes of a chunk.
    pub fn size_bytes(&self) -> usize {
        self.shape.iter().product::<usize>() * self.dtype.size_bytes()
    }
}

/// Everything that the words say.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What the user asks for.
    pub asked: Asked,
    /// What the dataset is.
    pub chunk: Chunk,
}

impl Settings {
    /// From the words of a dataset.
    ///
    /// # Errors
    /// [`baler_data::ErrorKind::Config`] or [`baler_data::ErrorKind::Limit`] for words that describe no chunk.
    pub fn read(words: &[u32]) -> Result<Settings> {
        let asked = Asked::read(words)?;
        let described = &words[if asked.model.is_some() { N_ASKED + N_MODEL } else { N_ASKED }..];
        let &[kind, low, high, ref extents @ ..] = described else {
            return Err(Error::config(
                "expected words that describe the dataset, found none: HDF5 did not let the filter add them",
            ));
        };
        let dtype = DType::ALL.get((kind & 0xff) as usize).filter(|_| kind >> 10 == 0);
        let dtype = *dtype
            .ok_or_else(|| Error::config(format!("expected a dtype in the filter's words, found {kind}")))?;
        let n_axes = extents.len();
        if n_axes == 0 || n_axes > MAX_RANK {
            return Err(Error::limit(format!("expected from 1 to {MAX_RANK} axes, found {n_axes}")));
        }
        let shape: Vec<usize> = extents.iter().map(|&extent| extent as usize).collect();
        let n_values = n_elements(&shape)?;
        if n_values == 0 || n_values.checked_mul(dtype.size_bytes()).is_none() {
            return Err(Error::limit(format!("expected a chunk of some values, found the shape {shape:?}")));
        }
        let chunk = Chunk {
            dtype,
            big_endian: kind & BIG_ENDIAN != 0,
            fill: (high as u64) << 32 | low as u64,
            fill_is_missing: kind & FILL_IS_MISSING != 0,
            shape,
        };
        Ok(Settings { asked, chunk })
    }

    /// Inverse of [`Settings::read`].
    ///
    /// # Errors
    /// [`baler_data::ErrorKind::Limit`] for an extent of 2^32 or more.
    pub fn words(&self) -> Result<Vec<u32>> {
        let Chunk { dtype, big_endian, fill, fill_is_missing, shape } = &self.chunk;
        let kind = *dtype as u32
            | if *big_endian { BIG_ENDIAN } else { 0 }
            | if *fill_is_missing { FILL_IS_MISSING } else { 0 };
        let mut words = self.asked.words();
        words.extend([kind, *fill as u32, (fill >> 32) as u32]);
        for &extent in shape {
            words.push(u32::try_from(extent).map_err(|_| {
                Error::limit(format!("expected extents of a chunk below 2^32, found {extent}"))
            })?);
        }
        Ok(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_say_what_they_were_made_of() {
        for (dtype, big_endian, fill_is_missing) in
            [(DType::I8, false, true), (DType::F64, true, false), (DType::U64, true, true)]
        {
            let model = big_endian.then_some([1, 2, 3, 4, 5, 6, 7, 250]);
            let asked = Asked { bound: BoundSpec::Abs(0.1 + 0.2), level: Level::BEST, model };
            let chunk =
                Chunk { dtype, big_endian, fill: u64::MAX - 5, fill_is_missing, shape: vec![3, 1, 70_000] };
            let settings = Settings { asked, chunk };
            let words = settings.words().unwrap();
            assert!(words.len() < MAX_WORDS);
            assert_eq!(Settings::read(&words).unwrap(), settings);
        }
    }

    #[test]
    fn words_that_say_nothing_are_errors() {
        let [low, high] = [0, 0x3fe0_0000];
        let failed = |words: &[u32]| Settings::read(words).unwrap_err().to_string();
        for (words, says) in [
            (&[][..], "found 0"),
            (&[3, 1, 3, low, high], "found 3"),
            (&[2, 1, 3, low, high, 7], "name a model, found 1"),
            (&[2, 1, 3, low, high, 7, 7], "did not let"),
            (&[1, 2, 3, low, high], "relative"),
            (&[1, 4, 3, low, high], "found 4"),
            (&[1, 1, 10, low, high], "level"),
            (&[1, 1, 256 + 3, low, high], "level"),
            (&[1, 1, 3, 0, 0xfff8_0000], "NaN"),
            (&[1, 1, 3, low, high], "did not let"),
            (&[1, 1, 3, low, high, 10, 0, 0], "axes"),
            (&[1, 1, 3, low, high, 12, 0, 0, 4], "dtype"),
            (&[1, 1, 3, low, high, 10 | 1 << 10, 0, 0, 4], "dtype"),
            (&[1, 1, 3, low, high, 10, 0, 0, 4, 0], "some values"),
            (&[1, 1, 3, low, high, 10, 0, 0, u32::MAX, u32::MAX], "memory"),
        ] {
            assert!(failed(words).contains(says), "{words:?}: {}", failed(words));
        }
    }
}
