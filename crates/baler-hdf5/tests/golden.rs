//! Promise: chunks of earlier builds are decoded for ever. Each stored file is the words of a dataset, as many as its first
//! byte says, and a chunk; what it holds is known by a formula.

use h5baler::chunk::{decode, encode};
use h5baler::settings::{Asked, Chunk, Settings};

use baler_codec::options::{BoundSpec, Level};
use baler_data::dataset::{DType, Values};
use std::path::PathBuf;

/// Settings, bytes of the chunk in the file's order, and the kind of chunk that they become.
fn cases() -> Vec<(&'static str, Settings, Vec<u8>, u8)> {
    let case = |name, (dtype, big_endian, shape): (DType, bool, &[usize]), bound, values: Values, kind| {
        let chunk = Chunk { dtype, big_endian, fill: 0, fill_is_missing: false, shape: shape.to_vec() };
        let mut bytes = Vec::new();
        values.append_bytes(&mut bytes, big_endian);
        (name, Settings { asked: Asked { bound, level: Level::FAST, model: None }, chunk }, bytes, kind)
    };
    let counts = |i: usize| (i * i % 97) as i16 - 40;
    let noise = |i: usize| (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    // Multiples of 1/64 below 64, which are the same on every machine.
    let slope = |i: usize| if i % 40 < 31 { ((i * 7) % 4096) as f32 / 64.0 } else { 0.0 };
    vec![
        case(
            "coded",
            (DType::I16, true, &[20, 30]),
            BoundSpec::Lossless,
            Values::I16((0..600).map(counts).collect()),
            1,
        ),
        case(
            "stored",
            (DType::U64, false, &[5]),
            BoundSpec::Lossless,
            Values::U64((1..6).map(noise).collect()),
            0,
        ),
        case(
            "padded",
            (DType::F32, false, &[16, 40]),
            BoundSpec::Abs(0.25),
            Values::F32((0..640).map(slope).collect()),
            1,
        ),
    ]
}

fn file(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "assets", &format!("{name}.chunk")].iter().collect()
}

#[test]
fn stored_chunks_are_decoded() {
    for (name, settings, bytes, kind) in cases() {
        let stored = std::fs::read(file(name)).unwrap();
        let (n_words, rest) = (stored[0] as usize, &stored[1..]);
        let words: Vec<u32> = rest[..4 * n_words]
            .chunks_exact(4)
            .map(|word| u32::from_le_bytes(word.try_into().unwrap()))
            .collect();
        assert_eq!(Settings::read(&words).unwrap(), settings, "{name}");
        let coded = &rest[4 * n_words..];
        assert_eq!(coded[0], kind, "{name}");
        let Chunk { dtype, big_endian, .. } = settings.chunk;
        let read = |bytes: &[u8]| Values::from_bytes(dtype, bytes, big_endian).unwrap();
        let (found, expected) = (read(&decode(&settings, coded).unwrap()), read(&bytes));
        match (found.as_slice::<f32>(), expected.as_slice::<f32>()) {
            (Some(found), Some(expected)) => {
                for (x, y) in expected.iter().zip(found) {
                    assert!((x - y).abs() <= 0.25, "{name}: {x} came back as {y}");
                }
                assert!(
                    found.chunks(40).all(|row| row[31..].iter().all(|x| x.to_bits() == 0)),
                    "{name}: padding"
                );
            }
            _ => assert_eq!(found, expected, "{name}"),
        }
    }
}

/// `cargo test -p baler-hdf5 --test golden -- --ignored` makes files of new cases; it never changes one.
#[test]
#[ignore = "writes files into the repository"]
fn make_golden_files() {
    for (name, settings, bytes, _) in cases().into_iter().filter(|(name, ..)| !file(name).exists()) {
        let words = settings.words().unwrap();
        let mut stored = vec![words.len() as u8];
        stored.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        stored.extend(encode(&settings, &bytes).unwrap());
        std::fs::create_dir_all(file(name).parent().unwrap()).unwrap();
        std::fs::write(file(name), stored).unwrap();
    }
}
