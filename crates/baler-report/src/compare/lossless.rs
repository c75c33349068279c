//! Byte compressors on the values as they lie in memory, and pco on the values themselves.

use super::{Allowed, Codec, Family};
use baler::{DType, Values, Variable};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use std::io::{Read, Write};

type Bytes = fn(&[u8], usize) -> Vec<u8>;

/// A compressor of bytes; the second argument is the size of an element or, to unpack, of the result.
struct ByteCodec {
    name: &'static str,
    pack: Bytes,
    unpack: Bytes,
}

/// gzip, zstd, xz, bit shuffle with zstd, pco.
pub fn all() -> Vec<Box<dyn Codec>> {
    let byte_codecs = [
        ByteCodec { name: "gzip -6", pack: |b, _| gzip(b), unpack: |b, _| gunzip(b) },
        ByteCodec { name: "zstd -19", pack: |b, _| zstd_pack(b, 19), unpack: |b, _| zstd_unpack(b) },
        ByteCodec { name: "xz -6", pack: |b, _| xz(b), unpack: |b, _| unxz(b) },
        ByteCodec {
            name: "bitshuffle + zstd -9",
            pack: |b, size| zstd_pack(&bit_shuffle(b, size), 9),
            unpack: |b, size| bit_unshuffle(&zstd_unpack(b), size),
        },
    ];
    let mut all: Vec<Box<dyn Codec>> =
        byte_codecs.into_iter().map(|c| Box::new(c) as Box<dyn Codec>).collect();
    all.push(Box::new(Pco));
    all
}

impl Codec for ByteCodec {
    fn name(&self) -> &'static str {
        self.name
    }

    fn family(&self) -> Family {
        Family::Lossless
    }

    fn encode(&self, variable: &Variable, _: Allowed) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        variable.values.append_bytes(&mut bytes, false);
        Some((self.pack)(&bytes, variable.values.dtype().size_bytes()))
    }

    fn decode(&self, bytes: &[u8], like: &Variable, _: Allowed) -> Values {
        let dtype = like.values.dtype();
        let raw = (self.unpack)(bytes, dtype.size_bytes());
        Values::from_bytes(dtype, &raw, false).expect("what was packed has whole elements")
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(bytes).expect("memory takes any write");
    encoder.finish().expect("memory takes any write")
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut out).expect("it was just packed");
    out
}

pub(super) fn zstd_pack(bytes: &[u8], level: i32) -> Vec<u8> {
    zstd::bulk::compress(bytes, level).expect("zstd takes any bytes")
}

pub(super) fn zstd_unpack(bytes: &[u8]) -> Vec<u8> {
    zstd::stream::decode_all(bytes).expect("it was just packed")
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let options = lzma_rust2::XzOptions::with_preset(6);
    let mut writer = lzma_rust2::XzWriter::new(Vec::new(), options).expect("the preset is known");
    writer.write_all(bytes).expect("memory takes any write");
    writer.finish().expect("memory takes any write")
}

fn unxz(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    lzma_rust2::XzReader::new(bytes, false).read_to_end(&mut out).expect("it was just packed");
    out
}

/// All first bits of the elements, then all second bits, ...; what fills no group of eight elements stays at the end.
pub(super) fn bit_shuffle(bytes: &[u8], size: usize) -> Vec<u8> {
    let n = bytes.len() / size / 8 * 8;
    let mut out = vec![0u8; n * size];
    let plane = n / 8;
    for (idx, element) in bytes.chunks_exact(size).take(n).enumerate() {
        for (place, &byte) in element.iter().enumerate() {
            for bit in 0..8 {
                out[(place * 8 + bit) * plane + idx / 8] |= (byte >> bit & 1) << (idx % 8);
            }
        }
    }
    out.extend_from_slice(&bytes[n * size..]);
    out
}

/// Inverse of [`bit_shuffle`].
pub(super) fn bit_unshuffle(bytes: &[u8], size: usize) -> Vec<u8> {
    let n = bytes.len() / size / 8 * 8;
    let mut out = vec![0u8; n * size];
    let plane = n / 8;
    for (idx, element) in out.chunks_exact_mut(size).enumerate() {
        for (place, byte) in element.iter_mut().enumerate() {
            for bit in 0..8 {
                *byte |= (bytes[(place * 8 + bit) * plane + idx / 8] >> (idx % 8) & 1) << bit;
            }
        }
    }
    out.extend_from_slice(&bytes[n * size..]);
    out
}

/// pco at its highest level on the values themselves.
struct Pco;

/// pco's level in every recipe.
pub(super) const PCO_LEVEL: usize = 12;

pub(super) fn pco_pack<T: pco::data_types::Number>(values: &[T]) -> Vec<u8> {
    let config = pco::ChunkConfig::default().with_compression_level(PCO_LEVEL);
    pco::standalone::simple_compress(values, &config).expect("the level is known")
}

pub(super) fn pco_unpack<T: pco::data_types::Number>(bytes: &[u8]) -> Vec<T> {
    pco::standalone::simple_decompress(bytes).expect("it was just packed")
}

impl Codec for Pco {
    fn name(&self) -> &'static str {
        "pco"
    }

    fn family(&self) -> Family {
        Family::Lossless
    }

    fn encode(&self, variable: &Variable, _: Allowed) -> Option<Vec<u8>> {
        Some(match &variable.values {
            Values::Bool(v) | Values::U8(v) => pco_pack(&v.iter().map(|&x| u16::from(x)).collect::<Vec<_>>()),
            Values::I8(v) => pco_pack(&v.iter().map(|&x| i16::from(x)).collect::<Vec<_>>()),
            Values::I16(v) => pco_pack(v),
            Values::I32(v) => pco_pack(v),
            Values::I64(v) => pco_pack(v),
            Values::U16(v) => pco_pack(v),
            Values::U32(v) => pco_pack(v),
            Values::U64(v) => pco_pack(v),
            Values::F16(v) => pco_pack(v),
            Values::F32(v) => pco_pack(v),
            Values::F64(v) => pco_pack(v),
        })
    }

    fn decode(&self, bytes: &[u8], like: &Variable, _: Allowed) -> Values {
        match like.values.dtype() {
            DType::Bool => Values::Bool(pco_unpack::<u16>(bytes).into_iter().map(|x| x as u8).collect()),
            DType::U8 => Values::U8(pco_unpack::<u16>(bytes).into_iter().map(|x| x as u8).collect()),
            DType::I8 => Values::I8(pco_unpack::<i16>(bytes).into_iter().map(|x| x as i8).collect()),
            DType::I16 => Values::I16(pco_unpack(bytes)),
            DType::I32 => Values::I32(pco_unpack(bytes)),
            DType::I64 => Values::I64(pco_unpack(bytes)),
            DType::U16 => Values::U16(pco_unpack(bytes)),
            DType::U32 => Values::U32(pco_unpack(bytes)),
            DType::U64 => Values::U64(pco_unpack(bytes)),
            DType::F16 => Values::F16(pco_unpack(bytes)),
            DType::F32 => Values::F32(pco_unpack(bytes)),
            DType::F64 => Values::F64(pco_unpack(bytes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_codec_brings_back_every_bit() {
        let floats: Vec<f32> = (0..1003).map(|i| (i as f32 * 0.1).sin()).chain([f32::NAN, -0.0]).collect();
        let bytes: Vec<u8> = (0..1005).map(|i| (i * 7 % 256) as u8).collect();
        let wide: Vec<i64> = (0..1005).map(|i| i * i - (1 << 40)).collect();
        for values in [Values::F32(floats), Values::U8(bytes), Values::I64(wide)] {
            let variable = Variable::new("x", vec![1005], values).unwrap();
            let bits = |values: &Values| {
                let mut bytes = Vec::new();
                values.append_bytes(&mut bytes, false);
                bytes
            };
            for codec in all() {
                let packed = codec.encode(&variable, Allowed::Nothing).unwrap();
                let back = codec.decode(&packed, &variable, Allowed::Nothing);
                assert_eq!(bits(&back), bits(&variable.values), "{}", codec.name());
            }
        }
    }
}
