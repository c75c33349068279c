//! One chunk of a dataset: its bytes as HDF5 hands them over -> bytes of the file, and back. The layout is that of
//! docs/format.md, section 22.

use crate::settings::{Chunk, Settings};
use baler_codec::array::{ArrayOptions, array_info, decode_values, encode_values};
use baler_codec::model::shelf::{self, Named};
use baler_codec::options::Missing;
use baler_data::bytes::{ByteReader, with_room};
use baler_data::dataset::Values;
use baler_data::element::Element;
use baler_data::error::{Error, Result};
use baler_data::with_dtype;
use std::sync::Once;

/// The values as they are: where nothing takes fewer bytes.
const STORED: u8 = 0;
/// A coded array.
const CODED: u8 = 1;
/// Bytes of the checksum that stands before either.
const CHECKSUM_BYTES: usize = 4;

/// Bytes of the file for a chunk, whose values are those of the dataset's file.
///
/// # Errors
/// [`baler_data::ErrorKind::Input`] for bytes that are no such chunk.
pub fn encode(settings: &Settings, bytes: &[u8]) -> Result<Vec<u8>> {
    let Settings { asked, chunk } = settings;
    if bytes.len() != chunk.size_bytes() {
        return Err(Error::input(format!(
            "expected a chunk of {} bytes, found {}: no other filter may stand before this one",
            chunk.size_bytes(),
            bytes.len()
        )));
    }
    let values = Values::from_bytes(chunk.dtype, bytes, chunk.big_endian)?;
    let fill = chunk.fill_bytes();
    let is_found = || bytes.chunks_exact(fill.len()).any(|item| item == fill);
    let missing = chunk.fill_value().filter(|_| is_found()).map_or(Missing::Auto, Missing::Value);
    // Chunks at the edges of a dataset reach beyond it, and HDF5 fills what lies there.
    let padding = Some(chunk.fill_bits());
    let model = asked.model.and_then(|hash| found(&hash));
    let (level, model) = (asked.level, model.as_deref());
    let options = ArrayOptions { level, missing, padding, model, ..ArrayOptions::new(asked.bound) };
    let coded = encode_values(&values, &chunk.shape, &options)?;
    Ok(match coded.len() < bytes.len() {
        true => framed(CODED, &coded),
        false => stored(bytes),
    })
}

/// The model that a dataset names. Where nobody has it any more (the dataset could not be made without it), chunks are coded
/// without, which keeps every promise, and a line says so once: HDF5 crashes where a filter cannot write.
fn found(hash: &[u8]) -> Option<Named<'static>> {
    static SAID: Once = Once::new();
    let say =
        |error: &Error| SAID.call_once(|| eprintln!("baler: chunks are coded without a model: {error}"));
    shelf::named(None, hash).inspect_err(say).ok()
}

/// Bytes of the file for a chunk as it is.
pub fn stored(bytes: &[u8]) -> Vec<u8> {
    framed(STORED, bytes)
}

fn framed(kind: u8, content: &[u8]) -> Vec<u8> {
    [&[kind], &crc32fast::hash(content).to_le_bytes()[..], content].concat()
}

/// Inverse of [`encode`].
///
/// # Errors
/// [`baler_data::ErrorKind::Corrupt`] for damaged bytes, or those of a chunk of another shape or dtype.
pub fn decode(settings: &Settings, bytes: &[u8]) -> Result<Vec<u8>> {
    let chunk = &settings.chunk;
    let mut r = ByteReader::new(bytes);
    let (kind, checksum) = (r.u8()?, r.raw(CHECKSUM_BYTES)?);
    let content = r.rest();
    if crc32fast::hash(content).to_le_bytes() != checksum {
        return Err(Error::corrupt("expected the checksum of a chunk, found another; it is damaged"));
    }
    match kind {
        STORED if content.len() == chunk.size_bytes() => Ok(content.to_vec()),
        STORED => Err(Error::corrupt(format!(
            "expected {} bytes of a chunk, found {}",
            chunk.size_bytes(),
            content.len()
        ))),
        CODED => decode_coded(chunk, content),
        kind => Err(Error::unsupported(format!("expected a kind of chunk 0 or 1, found {kind}"))),
    }
}

/// The values of a coded array, which has to be that of the chunk, as bytes of the file.
fn decode_coded(chunk: &Chunk, coded: &[u8]) -> Result<Vec<u8>> {
    let info = array_info(coded)?;
    if info.dtype != chunk.dtype || info.shape != chunk.shape {
        return Err(Error::corrupt(format!(
            "expected an array of {} of the shape {:?}, found one of {} of {:?}",
            chunk.dtype.name(),
            chunk.shape,
            info.dtype.name(),
            info.shape
        )));
    }
    let values = decode_values(coded, None)?;
    let mut out = with_room(values.size_bytes())?;
    values.append_bytes(&mut out, chunk.big_endian);
    Ok(out)
}

impl Chunk {
    /// The fill value as it stands in the file.
    fn fill_bytes(&self) -> Vec<u8> {
        let mut bytes = self.fill.to_le_bytes()[..self.dtype.size_bytes()].to_vec();
        if self.big_endian {
            bytes.reverse();
        }
        bytes
    }

    /// The bits of the fill value.
    fn fill_bits(&self) -> u64 {
        with_dtype!(self.dtype, T => T::from_bits64(self.fill).to_bits64())
    }

    /// The fill value as the number that marks missing values, if it does and is one; NaN is exact anyway.
    fn fill_value(&self) -> Option<f64> {
        let (value, again) = with_dtype!(self.dtype, T => {
            let value = T::from_bits64(self.fill).to_f64();
            (value, T::from_f64(value).to_bits64())
        });
        let mask = u64::MAX >> (64 - 8 * self.dtype.size_bytes());
        (self.fill_is_missing && value.is_finite() && (again ^ self.fill) & mask == 0).then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Asked;
    use baler_codec::options::{BoundSpec, Level};
    use baler_data::dataset::DType;
    use baler_data::random::Rng;

    fn settings(dtype: DType, big_endian: bool, bound: BoundSpec, shape: &[usize]) -> Settings {
        let chunk = Chunk { dtype, big_endian, fill: 0, fill_is_missing: false, shape: shape.to_vec() };
        Settings { asked: Asked { bound, level: Level::FAST, model: None }, chunk }
    }

    fn wave(n_values: usize) -> Vec<f32> {
        let mut rng = Rng::new(2, 0);
        (0..n_values).map(|i| ((i as f64 * 0.01).sin() * 50.0 + 0.01 * rng.uniform()) as f32).collect()
    }

    fn bytes_of(values: Vec<f32>, big_endian: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        Values::F32(values).append_bytes(&mut bytes, big_endian);
        bytes
    }

    #[test]
    fn noise_of_every_dtype_comes_back_and_grows_by_five_bytes_at_most() {
        let mut rng = Rng::new(1, 0);
        for dtype in DType::ALL {
            for big_endian in [false, true] {
                let settings = settings(dtype, big_endian, BoundSpec::Lossless, &[7, 9]);
                let bytes: Vec<u8> =
                    (0..settings.chunk.size_bytes()).map(|_| (rng.uniform() * 256.0) as u8).collect();
                let coded = encode(&settings, &bytes).unwrap();
                assert!(coded.len() <= bytes.len() + 5);
                assert_eq!(decode(&settings, &coded).unwrap(), bytes, "{dtype:?}");
            }
        }
    }

    #[test]
    fn padding_is_exact_and_costs_nothing() {
        let whole = settings(DType::F32, true, BoundSpec::Abs(0.05), &[64, 64]);
        let values = wave(64 * 40);
        let part = settings(DType::F32, true, BoundSpec::Abs(0.05), &[64, 40]);
        for fill in [0f32, -9999.0, f32::NAN, 1e20] {
            let mut settings = whole.clone();
            settings.chunk.fill = fill.to_bits() as u64;
            let mut padded = vec![fill; 64 * 64];
            padded.chunks_mut(64).zip(values.chunks(40)).for_each(|(row, v)| row[..40].copy_from_slice(v));
            let bytes = bytes_of(padded.clone(), true);
            let coded = encode(&settings, &bytes).unwrap();
            let alone = encode(&part, &bytes_of(values.clone(), true)).unwrap();
            assert!(coded.len() <= alone.len() + 12, "{} {}", coded.len(), alone.len());
            let back = decode(&settings, &coded).unwrap();
            let back = Values::from_bytes(DType::F32, &back, true).unwrap().into_vec::<f32>().unwrap();
            for (idx, (x, y)) in padded.iter().zip(&back).enumerate() {
                match idx % 64 {
                    0..40 => assert!((x - y).abs() <= 0.05),
                    _ => assert_eq!(x.to_bits(), y.to_bits()),
                }
            }
        }
    }

    #[test]
    fn a_fill_value_that_the_user_chose_is_exact_everywhere() {
        let mut settings = settings(DType::F32, false, BoundSpec::Abs(0.5), &[4096]);
        settings.chunk.fill = (-3.25f32).to_bits() as u64;
        settings.chunk.fill_is_missing = true;
        let mut values = wave(4096);
        (100..4000).step_by(37).for_each(|at| values[at] = -3.25);
        let coded = encode(&settings, &bytes_of(values.clone(), false)).unwrap();
        let back = Values::from_bytes(DType::F32, &decode(&settings, &coded).unwrap(), false).unwrap();
        for (x, y) in values.iter().zip(back.as_slice::<f32>().unwrap()) {
            assert!(if *x == -3.25 { x == y } else { (x - y).abs() <= 0.5 });
        }
    }

    #[test]
    fn damaged_chunks_are_errors() {
        let settings = settings(DType::F32, false, BoundSpec::Abs(0.05), &[16, 20]);
        let mut values = wave(320);
        values[200..].fill(0.0);
        let coded = encode(&settings, &bytes_of(values, false)).unwrap();
        assert_eq!(coded[0], CODED);
        for at in 0..coded.len() {
            assert!(decode(&settings, &coded[..at]).is_err(), "cut at {at}");
            let mut damaged = coded.clone();
            damaged[at] ^= 1 << (at % 8);
            assert!(decode(&settings, &damaged).is_err(), "changed at {at}");
        }
        for wrong in [&[][..], &framed(3, &[]), &framed(STORED, &[1, 2]), &[CODED], &framed(CODED, &[0; 7])] {
            assert!(decode(&settings, wrong).is_err());
        }
        assert!(encode(&settings, &[0; 4]).unwrap_err().to_string().contains("no other filter"));
    }
}
