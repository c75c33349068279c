//! Promise: a variable is coded beside another on its grid where that makes it much smaller, reads back with it or without
//! the rest, and forged relations are errors.

mod support;

use baler::*;
use baler_codec::container::{
    Archive, Footer, GroupMethod, GroupPlan, ModelEntry, archive_header, chunk_frame,
};
use baler_codec::report::Outcome;
use std::io::Cursor;
use support::*;

const SHAPE: [usize; 4] = [3, 6, 16, 16];
const N: usize = 3 * 6 * 16 * 16;

/// Temperatures (K), and the pressures (Pa) that follow from them with height.
fn weather() -> (Vec<f32>, Vec<f32>) {
    let mut random = Random::new(77);
    let warm: Vec<f32> = (0..N)
        .map(|i| {
            let (z, y, x) = (i / 256 % 6, i / 16 % 16, i % 16);
            let front = (x as f64 * 0.3 + (i / 1536) as f64).sin() * 3.0 + (y as f64 * 0.2).cos();
            (288.0 - z as f64 + front + 0.5 * random.unit()) as f32
        })
        .collect();
    let mut pressure = vec![0.0f64; N];
    for i in 0..N {
        pressure[i] = match i / 256 % 6 {
            0 => 1e5 + 50.0 * (i % 16) as f64 + 20.0 * (i / 16 % 16) as f64 + 2.0 * (i / 1536) as f64,
            _ => {
                let mean = 0.5 * (warm[i] as f64 + warm[i - 256] as f64);
                pressure[i - 256] * (1.0 - 9.81 * 100.0 / (287.0 * mean))
            }
        };
    }
    (warm, pressure.into_iter().map(|p| p as f32).collect())
}

fn fields(warm: Vec<f32>, pressure: Vec<f32>) -> [Variable; 2] {
    [variable("warm", &SHAPE, Values::F32(warm)), variable("pressure", &SHAPE, Values::F32(pressure))]
}

fn lossless(variables: Vec<Variable>) -> Compressed {
    let dataset = Dataset::from_arrays(variables);
    compress_with(&dataset, &best(BoundSpec::Lossless), None, &mut NoProgress).unwrap()
}

fn bytes_of(compressed: &Compressed, name: &str) -> u64 {
    compressed.report.variables.iter().find(|variable| variable.name == name).unwrap().bytes
}

fn codec_of(compressed: &Compressed, name: &str) -> String {
    inspect(&compressed.bytes)
        .unwrap()
        .variables
        .into_iter()
        .find(|variable| variable.name == name)
        .unwrap()
        .codec
}

#[test]
fn what_follows_from_another_is_smaller_beside_it_in_any_order_of_the_file() {
    let (warm, pressure) = weather();
    let [warm, pressure] = fields(warm, pressure);
    let apart = [&warm, &pressure].map(|one| lossless(vec![one.clone()]));
    let together = lossless(vec![warm.clone(), pressure.clone()]);
    let turned = lossless(vec![pressure.clone(), warm.clone()]);
    for both in [&together, &turned] {
        assert_eq!(codec_of(both, "pressure"), "exact predictive, with reference warm");
        assert_eq!(codec_of(both, "warm"), "exact predictive");
        assert_eq!(bytes_of(both, "warm"), bytes_of(&apart[0], "warm"));
        let share = bytes_of(both, "pressure") as f64 / bytes_of(&apart[1], "pressure") as f64;
        assert!(share < 0.85, "{share}");
        assert_eq!(bytes_of(both, "pressure"), bytes_of(&together, "pressure"));
        let candidates = &both.report.variables.iter().find(|v| v.name == "pressure").unwrap().candidates;
        let alone = candidates.iter().find(|found| found.name == "without the other variable").unwrap();
        let Outcome::Tried { bytes, .. } = alone.outcome else { panic!("{alone:?}") };
        assert!(bytes.abs_diff(bytes_of(&apart[1], "pressure")) < 100, "{bytes}");
    }
}

#[test]
fn one_of_them_slices_and_verification_give_what_the_whole_gives() {
    let (mut warm, mut pressure) = weather();
    // Holes in either: some here and there, and a corner.
    [300, 2222, 4000].iter().for_each(|&i: &usize| warm[i] = f32::NAN);
    (0..N).filter(|i| i / 16 % 16 < 2 && i % 16 < 2).for_each(|i| pressure[i] = f32::NAN);
    let dataset = Dataset::from_arrays(fields(warm, pressure).to_vec());
    let compressed = lossless(dataset.variables.clone());
    assert!(codec_of(&compressed, "pressure").ends_with("with reference warm"));
    assert_eq!(values_bytes(&decompress(&compressed.bytes).unwrap()), values_bytes(&dataset));
    assert!(verify(&compressed.bytes, None, Some(&dataset)).unwrap().holds());
    for name in ["pressure", "warm"] {
        let options =
            DecompressOptions { variables: Some(vec![name.into()]), ..DecompressOptions::default() };
        let one = decompress_with(&compressed.bytes, &options, &mut NoProgress).unwrap();
        let expected = dataset.variables.iter().filter(|variable| variable.name == name).cloned().collect();
        assert_eq!(values_bytes(&one), values_bytes(&Dataset::from_arrays(expected)));
        let reader = Reader::open(Cursor::new(&compressed.bytes[..])).unwrap();
        let rows = reader.rows(name, 1..2).unwrap();
        assert_eq!(rows.shape, [1, 6, 16, 16]);
        let whole = &dataset.variables.iter().find(|variable| variable.name == name).unwrap().values;
        let (Values::F32(rows), Values::F32(whole)) = (&rows.values, whole) else { panic!("dtype") };
        let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(rows), bits(&whole[1536..3072]));
    }
}

#[test]
fn with_a_bound_what_is_a_multiple_of_another_is_coded_beside_it() {
    let mut random = Random::new(5);
    let red: Vec<f64> = (0..2048).map(|i| (i / 64) as f64 + 40.0 * random.unit()).collect();
    let blue: Vec<f32> = red.iter().map(|x| (250.0 - 0.8 * x + 0.3 * random.unit()) as f32).collect();
    let noise: Vec<f64> = (0..2048).map(|_| random.unit()).collect();
    let shape = [32, 64];
    let dataset = Dataset::from_arrays(vec![
        variable("red", &shape, Values::F64(red)),
        variable("noise", &shape, Values::F64(noise)),
        variable("blue", &shape, Values::F32(blue)),
    ]);
    let options = best(BoundSpec::Abs(0.1));
    let compressed = compress_with(&dataset, &options, None, &mut NoProgress).unwrap();
    let codecs = ["red", "blue"].map(|name| codec_of(&compressed, name));
    assert_eq!(codecs.iter().filter(|codec| codec.contains("with reference")).count(), 1, "{codecs:?}");
    assert!(!codec_of(&compressed, "noise").contains("with reference"));
    assert!(verify(&compressed.bytes, None, Some(&dataset)).unwrap().holds());
    let fast = Options { level: Level::FAST, ..options };
    let fast = compress_with(&dataset, &fast, None, &mut NoProgress).unwrap();
    assert!(Archive::parse(&fast.bytes).unwrap().plan.groups.iter().all(|group| group.variables.len() == 1));
}

#[test]
fn what_looks_at_a_centred_field_sees_what_it_decodes_to() {
    let mut random = Random::new(6);
    let shape = [12, 24, 32];
    let flow: Vec<f64> = (0..12 * 24 * 32)
        .map(|i| {
            let (t, y, x) = ((i / 768) as f64, (i / 32 % 24) as f64, (i % 32) as f64);
            20.0 * (0.2 * x + 0.3 * t).sin() + 15.0 * (0.25 * y - 0.2 * t).cos() + 2.0 * random.unit()
        })
        .collect();
    let twice: Vec<f64> = flow.iter().map(|x| 2.0 * x + 0.01 * random.unit()).collect();
    let dataset = Dataset::from_arrays(vec![
        variable("flow", &shape, Values::F64(flow)),
        variable("twice", &shape, Values::F64(twice)),
    ]);
    let rules = vec![("flow".to_string(), BoundSpec::Abs(0.5))];
    let options = Options { rules, ..best(BoundSpec::Abs(0.01)) };
    let compressed = compress_with(&dataset, &options, None, &mut NoProgress).unwrap();
    assert_eq!(codec_of(&compressed, "flow"), "uniform predictive centred");
    assert_eq!(codec_of(&compressed, "twice"), "uniform predictive, with reference flow");
    assert!(verify(&compressed.bytes, None, Some(&dataset)).unwrap().holds());
}

#[test]
fn what_has_nothing_in_common_stays_apart() {
    let (warm, _) = weather();
    let mut random = Random::new(9);
    let other: Vec<f32> = (0..N).map(|i| (i % 16) as f32 + random.unit() as f32).collect();
    let [warm, other] = fields(warm, other);
    let apart = [&warm, &other].map(|one| lossless(vec![one.clone()]));
    let together = lossless(vec![warm, other]);
    let archive = Archive::parse(&together.bytes).unwrap();
    assert!(archive.plan.groups.iter().all(|group| group.method == GroupMethod::Classical));
    for (chunk, apart) in archive.chunks.iter().zip(apart) {
        assert!(chunk.payload == Archive::parse(&apart.bytes).unwrap().chunks[0].payload);
    }
}

/// The archive with another plan or payload, and right checksums.
fn forged(archive: &Archive) -> Vec<u8> {
    let models: &[ModelEntry] = &archive.models;
    let mut bytes = archive_header(&archive.plan, models);
    let mut footer = Footer::new(&bytes);
    for chunk in &archive.chunks {
        let frame = chunk_frame(chunk.group, chunk.first_row, &chunk.payload);
        footer.see(&frame);
        bytes.extend(frame);
    }
    bytes.extend(footer.finish().unwrap());
    bytes
}

#[test]
fn forged_relations_are_errors() {
    let (warm, pressure) = weather();
    let compressed = lossless(fields(warm, pressure).to_vec());
    let archive = || Archive::parse(&compressed.bytes).unwrap();
    assert!(decompress(&forged(&archive())).is_ok());
    let expect = |archive: Archive, words: &str| {
        let error = decompress(&forged(&archive)).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    // A predicted field as the reference: its stream then has no field to be predicted from.
    let mut turned = archive();
    turned.plan.groups[0].method = GroupMethod::Fields { reference: 1 };
    expect(turned, "expected a reference field for a predictive stream");
    let mut nobody = archive();
    nobody.plan.groups[0].method = GroupMethod::Fields { reference: 2 };
    expect(nobody, "which of them leads");
    let mut shapes = archive();
    shapes.plan.variables[0].shape = vec![3, 6, 256];
    expect(shapes, "fields of one shape");
    let mut alone = archive();
    let payload = alone.chunks[0].payload.clone();
    let own = |idx| GroupPlan::new(vec![idx], 3, GroupMethod::Classical);
    alone.plan.groups = vec![own(0), own(1)];
    let first = part_end(&payload);
    alone.chunks = vec![alone.chunks[0].clone(), alone.chunks[0].clone()];
    alone.chunks[0].payload = payload[..first].to_vec();
    alone.chunks[1].payload = payload[first..].to_vec();
    alone.chunks[1].group = 1;
    expect(alone, "expected a reference field for a predictive stream");
    let mut one = archive();
    one.plan.variables.truncate(1);
    one.plan.groups[0].variables = vec![0];
    one.plan.groups[0].method = GroupMethod::Fields { reference: 0 };
    expect(one, "two or more fields");
}

/// Where the first part of a payload ends.
fn part_end(payload: &[u8]) -> usize {
    let n_head = 1 + payload.iter().position(|byte| byte & 0x80 == 0).unwrap();
    let length = payload[..n_head].iter().rev().fold(0, |sum, byte| sum << 7 | (byte & 0x7f) as usize);
    n_head + length
}
