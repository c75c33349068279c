//! Promise: bytes never panic, never allocate without measure, and never give wrong data.
//!
//! Archives and models are cut at every byte and flipped at every bit: an error each time. Then the same with every
//! checksum recomputed, so that the parsers behind the checksums are reached: no panic, no more memory than
//! `MEMORY_LIMIT`, no wrong value (the hash of the values stands between).

mod support;

use baler::*;
use baler_codec::autoencoder::BlockPlan;
use baler_codec::autoencoder::decoder::Decoder;
use baler_codec::container::{Footer, GroupMethod, GroupPlan, Plan, archive_header, chunk_frame};
use baler_codec::entropy::Prior;
use baler_codec::model::{Coordinate, Description, ModelPart, ModelVariable};
use baler_codec::network::architecture::{Activation, LayerKind, LayerSpec};
use baler_codec::network::{Layer, Network};
use baler_codec::quantize::{Bound, Grid, Promises};
use baler_codec::variable::VariablePlan;
use baler_data::dataset::Layout;
use baler_data::dataset::{Attachment, ListKind, Lists, Storage};
use baler_io as io;
use baler_io::{Format, ReadOptions};
use std::alloc::{GlobalAlloc, System};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use support::frames::*;
use support::*;

/// Beyond this, in all, the allocator refuses: what is not prepared for it aborts, and the test fails.
const MEMORY_LIMIT: usize = 256 << 20;
/// Smaller requests are always granted.
const SMALL: usize = 1 << 20;

struct Limited;
static LIVE_BYTES: AtomicUsize = AtomicUsize::new(0);

// SAFETY: hands every call on to the system's allocator, or returns null, which is always allowed.
unsafe impl GlobalAlloc for Limited {
    unsafe fn alloc(&self, layout: std::alloc::Layout) -> *mut u8 {
        let live = LIVE_BYTES.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        if layout.size() >= SMALL && live > MEMORY_LIMIT {
            LIVE_BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: std::alloc::Layout) {
        LIVE_BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Limited = Limited;

/// An archive, what it decodes to, and the model file that it names.
struct Sample {
    name: &'static str,
    bytes: Vec<u8>,
    decoded: Vec<u8>,
    model: Option<Model>,
}

fn decode(bytes: &[u8], model: Option<&Model>) -> Result<Dataset> {
    let options =
        DecompressOptions { model, threads: Threads::new(1).unwrap(), ..DecompressOptions::default() };
    decompress_with(bytes, &options, &mut NoProgress)
}

fn sample(name: &'static str, dataset: &Dataset, options: &Options, model: Option<&Model>) -> Sample {
    let compressed =
        compress_with(dataset, options, model, &mut NoProgress).unwrap_or_else(|e| panic!("{name}: {e}"));
    let model = model.filter(|_| options.model_by_reference).cloned();
    let decoded = values_bytes(&decode(&compressed.bytes, model.as_ref()).unwrap());
    Sample { name, bytes: compressed.bytes, decoded, model }
}

/// A dense layer with small weights.
fn dense(n_in: usize, n_out: usize, gain: i16) -> Layer {
    Layer {
        spec: LayerSpec {
            kind: LayerKind::Dense { n_in, n_out },
            activation: Activation::Linear,
            skip: false,
        },
        weights: (0..n_in * n_out).map(|i| gain + (i * 37 % 41) as i16).collect(),
        bias: (0..n_out as i32).map(|i| i * 10 - 3).collect(),
        shift: vec![8; n_out],
    }
}

fn model(n_values: usize, variables: &[&str], blocks: Option<Vec<usize>>) -> Model {
    let known = |name: &&str| ModelVariable {
        name: name.to_string(),
        dtype: DType::F64,
        coordinate: Coordinate::Linear,
        center: 0.1,
        half_range: 3.0,
        log_unit: 0.0,
    };
    let priors = vec![Prior::fit((0..60i32).map(|i| i * i - 900)); 2];
    let decoder = Decoder {
        output_bits: 14,
        priors,
        gains: vec![3, 1],
        network: Network::new(2, vec![dense(2, 5, 3), dense(5, n_values, 7)]).unwrap(),
    };
    let encoder = Network::new(n_values, vec![dense(n_values, 2, 1)]).unwrap();
    let blocks = blocks.map(|extents| BlockPlan { extents });
    let part = ModelPart { variables: variables.iter().map(known).collect(), blocks, decoder, encoder };
    let description = Description { architecture: "dense".into(), n_samples: 9, n_epochs: 3, seed: 1 };
    Model::new(vec![part], Vec::new(), description)
}

fn samples() -> Vec<Sample> {
    let classical = |spec| Options { method: Method::Classical, ..best(spec) };
    let lossless = classical(BoundSpec::Lossless);
    let rel = classical(BoundSpec::Rel(1e-2));
    let learned = Options { method: Method::Autoencoder, ..best(BoundSpec::Rel(1e-2)) };
    let mut random = Random::new(3);
    let smooth = smooth_field(8, 25);
    let gaps: Vec<f64> = (0..200)
        .map(|i| {
            if i % 23 < 5 {
                1e20
            } else if i == 90 {
                f64::from_bits(0x7ff4_0000_0000_0001)
            } else {
                smooth[i]
            }
        })
        .collect();
    let repeats: Vec<u8> = b"the same words again and again, ".iter().copied().cycle().take(400).collect();
    let few: Vec<i64> = (0..200).map(|_| random.pick(&[5, 1 << 40, -77_000])).collect();
    let wide: Vec<i64> = (0..90).map(|_| random.bits() as i64 >> 19).collect();
    let sound: Vec<i32> = (0..1030)
        .map(|i| ((i as f64 * 0.3).sin() * 1000.0 + (i as f64 * 0.71).cos() * 300.0) as i32)
        .collect();
    let cents: Vec<f64> = (0..100).map(|i| (i * 7919 % 1013) as f64 / 100.0).collect();
    let spread: Vec<f32> =
        (0..80).map(|i| 10f32.powi(i % 9 - 4) * if i % 5 == 0 { -1.7 } else { 1.3 }).collect();
    let column = |name: &str, offset: f64| {
        variable(name, &[30], Values::F64((0..30).map(|i| offset + (i as f64 * 0.2).sin()).collect()))
    };
    let table = Dataset::from_table(vec![column("pt", 0.0), column("eta", 0.4), column("phi", -0.3)]);
    let kinds = write(&single(&[2], Values::U8(vec![1, 2])), Format::Npy).unwrap();
    let mut arrays = Dataset::from_arrays(vec![
        variable(
            "a",
            &[2, 1, 2, 1, 2],
            Values::F16((0..8).map(|i| half::f16::from_f64(i as f64 / 3.0)).collect()),
        ),
        variable("empty", &[3, 0, 2], Values::U16(vec![])),
        variable("scalar", &[], Values::Bool(vec![1])),
    ]);
    arrays.attachments = vec![Attachment { name: "kinds".into(), position: 1, bytes: kinds }];
    let csv = io::read_bytes(b"x,n\n1.5,3\n2.25,4\n-7.5,5\n", Format::Csv, &ReadOptions::default()).unwrap();
    let field = single(&[10, 7], Values::F64(smooth_field(10, 7)));
    let tiles = model(12, &["data"], Some(vec![4, 3]));
    let rows = model(3, &["pt", "eta", "phi"], None);
    let mut by_reference = learned.clone();
    by_reference.model_by_reference = true;
    let mut unbounded = best(BoundSpec::Unbounded);
    unbounded.size = Some(Size::Latent(2));
    let predictive = |spec| Options { method: Method::Predictive, ..best(spec) };
    let floats: Vec<f32> = smooth_field(10, 12).iter().map(|&x| x as f32).collect();
    vec![
        sample(
            "learned smooth",
            &single(&[8, 25], Values::F64(smooth.clone())),
            &predictive(BoundSpec::Rel(1e-2)),
            None,
        ),
        sample(
            "learned gaps",
            &single(&[200], Values::F64(gaps.clone())),
            &predictive(BoundSpec::Rel(1e-2)),
            None,
        ),
        sample(
            "learned floats",
            &single(&[10, 12], Values::F32(floats)),
            &predictive(BoundSpec::Lossless),
            None,
        ),
        sample(
            "learned integers",
            &single(&[2, 5, 20], Values::I64(few.clone())),
            &predictive(BoundSpec::Lossless),
            None,
        ),
        sample("smooth", &single(&[8, 25], Values::F64(smooth)), &rel, None),
        sample("constant", &single(&[50, 2], Values::F32(vec![0.3; 100])), &rel, None),
        sample("gaps", &single(&[200], Values::F64(gaps)), &rel, None),
        sample("repeats", &single(&[400], Values::U8(repeats)), &lossless, None),
        sample("few", &single(&[10, 20], Values::I64(few)), &lossless, None),
        sample("wide", &single(&[90], Values::I64(wide)), &lossless, None),
        sample("series", &single(&[1030], Values::I32(sound)), &classical(BoundSpec::Abs(8.0)), None),
        sample("decimals", &single(&[100], Values::F64(cents)), &lossless, None),
        sample("spread", &single(&[80], Values::F32(spread)), &classical(BoundSpec::PwRel(1e-2)), None),
        sample("table", &table, &rel, None),
        sample("fields", &beside(), &best(BoundSpec::Lossless), None),
        sample("relations", &relations(), &best(BoundSpec::Lossless), None),
        sample("rows in full", &odd(), &Options { outliers: odd_rows(), ..best(BoundSpec::Rel(1e-2)) }, None),
        sample("lockstep", &moving(), &Options { level: Level::FAST, ..best(BoundSpec::Abs(0.05)) }, None),
        sample("arrays", &arrays, &lossless, None),
        sample("csv", &csv, &lossless, None),
        sample("tiles", &field, &learned, Some(&tiles)),
        sample("rows", &table, &learned, Some(&rows)),
        sample("rows by reference", &table, &by_reference, Some(&rows)),
        sample("no promise", &field, &unbounded, Some(&tiles)),
    ]
}

/// A table with text, of which three rows are stored in full.
fn odd() -> Dataset {
    let text: Vec<u8> = (0..30u8).flat_map(|i| vec![b'a' + i; i as usize % 4]).collect();
    let mut variables = vec![
        variable(
            "x",
            &[30],
            Values::F32((0..30).map(|i| if i == 7 { 1e9 } else { i as f32 * 0.37 }).collect()),
        ),
        variable("n", &[30], Values::U8((0..30).map(|i| i % 4).collect())),
        variable("word", &[text.len()], Values::U8(text)),
    ];
    variables[2].storage.lists = Some(Lists { counts: 1, kind: ListKind::Vector });
    Dataset::from_arrays(variables)
}

fn odd_rows() -> Option<OutlierRows> {
    Some(OutlierRows { rows: vec![7, 8, 29], scores: vec![40.0, 12.5, 13.0], by: "forest".into() })
}

/// A field that is walked in lockstep, with a hole, and an image.
fn moving() -> Dataset {
    let field: Vec<f32> = (0..1200)
        .map(|i| if i % 211 == 7 { f32::NAN } else { (i as f32 * 0.07).sin() + (i / 30) as f32 * 0.01 })
        .collect();
    let image =
        (0..1200).map(|i| (120.0 + 90.0 * (i as f32 * 0.21).sin()) as u8 + (i * i % 7) as u8).collect();
    Dataset::from_arrays(vec![
        variable("field", &[40, 30], Values::F32(field)),
        variable("image", &[40, 30], Values::U8(image)),
    ])
}

/// A field that follows from another.
fn beside() -> Dataset {
    let mut random = Random::new(8);
    let first: Vec<i16> = (0..1024).map(|_| random.below(6) as i16).collect();
    let second = first.iter().map(|x| 100 - 7 * x).collect();
    Dataset::from_arrays(vec![
        variable("first", &[2, 16, 32], Values::I16(first)),
        variable("second", &[2, 16, 32], Values::I16(second)),
    ])
}

/// A table whose columns follow from each other.
fn relations() -> Dataset {
    let mut random = Random::new(3);
    let n = 256;
    let counts: Vec<i16> = (0..n).map(|_| (random.below(4) * random.below(2)) as i16).collect();
    let pt: Vec<f64> = (0..n).map(|_| random.below(4096) as f64 / 64.0 + 1.0).collect();
    let gated: Vec<f64> =
        pt.iter().zip(&counts).map(|(pt, &n)| if n == 0 { 0.0 } else { *pt * 0.5 }).collect();
    let sum = pt.iter().zip(&gated).map(|(a, b)| a + b).collect();
    let columns = [("sum", Values::F64(sum)), ("gated", Values::F64(gated)), ("pt", Values::F64(pt))];
    let mut variables: Vec<_> = columns.map(|(name, values)| variable(name, &[n], values)).into();
    let again = variables[2].values.clone();
    variables.push(variable("again", &[n], again));
    variables.push(variable("n", &[n], Values::I16(counts)));
    Dataset::from_arrays(variables)
}

#[test]
fn each_coder_and_grid_is_among_the_samples() {
    let mut words = String::new();
    for sample in samples() {
        words += &format!("{}: {} bytes\n", sample.name, sample.bytes.len());
        for variable in inspect(&sample.bytes).unwrap().variables {
            words += &format!("{} {}\n", variable.method, variable.codec);
        }
    }
    for word in [
        "constant",
        "pco",
        "zstd",
        "ranks",
        "lorenzo",
        "uniform",
        "log",
        "decimal",
        "latents",
        "predictive",
        "with reference",
        "table",
        "0 where n is 0",
    ] {
        assert!(words.contains(word), "{word} is in none of\n{words}");
    }
}

#[test]
fn every_cut_is_an_error() {
    for Sample { name, bytes, model, .. } in samples() {
        for cut in 0..bytes.len() {
            assert!(decode(&bytes[..cut], model.as_ref()).is_err(), "{name} cut at {cut}");
            assert!(inspect(&bytes[..cut]).is_err(), "{name} cut at {cut}");
        }
        let more = [&bytes[..], &[0]].concat();
        assert!(decode(&more, model.as_ref()).is_err(), "{name} with a byte more");
    }
}

#[test]
fn every_flipped_bit_is_an_error() {
    for Sample { name, mut bytes, model, .. } in samples() {
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&bytes, model.as_ref()).is_err(), "{name}, bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

/// Everything that reads archives, on bytes that may be anything. Ok with other values is as bad as a panic.
fn survives(context: &str, bytes: &[u8], model: Option<&Model>, expected: Option<&[u8]>) {
    let start = Instant::now();
    let ran = catch_unwind(AssertUnwindSafe(|| {
        let _ = inspect(bytes);
        let _ = verify(bytes, model, None);
        let Ok(dataset) = decode(bytes, model) else { return };
        if let Some(expected) = expected {
            assert!(values_bytes(&dataset) == expected, "other values and no error");
        }
        for format in [Format::Npy, Format::Npz, Format::Csv, Format::Raw] {
            let _ = write(&dataset, format);
        }
        let some = DecompressOptions {
            rows: Some(1..3),
            threads: Threads::new(1).unwrap(),
            model,
            ..DecompressOptions::default()
        };
        let _ = decompress_with(bytes, &some, &mut NoProgress);
        if let Some(first) = dataset.variables.first() {
            let some = DecompressOptions { variables: Some(vec![first.name.clone()]), ..some };
            let _ = decompress_with(bytes, &some, &mut NoProgress);
        }
    }));
    assert!(ran.is_ok(), "{context}: a panic");
    assert!(start.elapsed() < Duration::from_secs(10), "{context}: {:?}", start.elapsed());
}

#[test]
fn right_frames_around_the_same_sections_are_an_archive() {
    for sample in samples() {
        let again = decode(&reframe(&sections(&sample.bytes)), sample.model.as_ref()).unwrap();
        assert_eq!(values_bytes(&again), sample.decoded, "{}", sample.name);
    }
}

#[test]
fn flipped_bits_behind_right_checksums_never_panic_and_never_give_wrong_values() {
    for Sample { name, bytes, decoded, model } in samples() {
        let mut sections = sections(&bytes);
        for section in 0..sections.len() {
            for bit in 0..sections[section].len() * 8 {
                sections[section][bit / 8] ^= 1 << (bit % 8);
                let context = format!("{name}, section {section}, bit {bit}");
                survives(&context, &reframe(&sections), model.as_ref(), Some(&decoded));
                sections[section][bit / 8] ^= 1 << (bit % 8);
            }
        }
    }
}

#[test]
fn cuts_behind_right_checksums_never_panic_and_never_give_wrong_values() {
    for Sample { name, bytes, decoded, model } in samples() {
        let whole = sections(&bytes);
        for section in 0..whole.len() {
            for cut in 0..whole[section].len() {
                let mut sections = whole.clone();
                sections[section].truncate(cut);
                let context = format!("{name}, section {section} cut at {cut}");
                survives(&context, &reframe(&sections), model.as_ref(), Some(&decoded));
            }
        }
    }
}

#[test]
fn random_bytes_behind_right_checksums_never_panic() {
    let mut random = Random::new(11);
    for Sample { name, bytes, decoded, model } in samples() {
        let whole = sections(&bytes);
        for round in 0..600 {
            let mut sections = whole.clone();
            let section = random.below(sections.len());
            for _ in 0..1 + random.below(4) {
                let bytes = &mut sections[section];
                let at = random.below(bytes.len());
                match random.below(4) {
                    0 => bytes[at] = random.bits() as u8,
                    1 => bytes[at] = random.pick(&[0, 1, 0x7f, 0x80, 0xff]),
                    2 => bytes.insert(at, random.pick(&[0x80, 0xff, 0])),
                    // A count becomes a huge one.
                    _ => drop(bytes.splice(at..at + 1, varint(1 << random.below(63)))),
                }
            }
            let context = format!("{name}, section {section}, round {round}");
            survives(&context, &reframe(&sections), model.as_ref(), Some(&decoded));
        }
    }
}

/// Archives that are well formed and claim the impossible.
#[test]
fn huge_shapes_are_refused_without_the_memory_for_them() {
    let grids = [Grid::Order, Grid::Integer { step: 3 }];
    let shapes: [&[usize]; 9] = [
        &[1 << 40],
        &[1, 1 << 40],
        &[1 << 20, 1 << 20],
        &[1 << 30],
        &[(1 << 58) - 1],
        &[1, 2, 1 << 33, 1, 3],
        &[usize::MAX, 0],
        &[0, usize::MAX, usize::MAX],
        &[1 << 27],
    ];
    // A constant, an empty stream, runs of special values, pco and zstd of next to nothing.
    let mut special = varint(1 << 40);
    special.extend(zstd::bulk::compress(&[1, 255, 200, 200, 200, 200, 1], 3).unwrap());
    let parts: Vec<Vec<u8>> = [
        (0u8, vec![6]),
        (1, vec![1, 2]),
        (2, vec![]),
        (3, vec![8, 0x28, 0xb5, 0x2f, 0xfd]),
        (0x80, vec![1, 2, 6]),
    ]
    .into_iter()
    .flat_map(|(coder, rest)| {
        [vec![], special.clone()].map(|special| {
            let stream = [&[coder, 0][..], &rest].concat();
            [&varint(special.len()), &special[..], &varint(stream.len()), &stream, &[0; 16]].concat()
        })
    })
    .collect();
    for shape in shapes {
        for grid in grids {
            let one = |idx: usize| VariablePlan {
                name: format!("v{idx}"),
                dtype: DType::F64,
                shape: shape.to_vec(),
                storage: Storage::default(),
                bound: Bound::resolve(BoundSpec::Lossless, 0.0),
                limits: None,
                grid,
                patterns: vec![],
                promises: Promises::default(),
            };
            let n_variables = 20;
            for part in &parts {
                let group = |idx| GroupPlan::new(vec![idx], usize::MAX, GroupMethod::Classical);
                let plan = Plan {
                    layout: Layout::Arrays,
                    variables: (0..n_variables).map(one).collect(),
                    groups: (0..n_variables).map(group).collect(),
                    attachments: vec![],
                    trials: vec![],
                };
                let mut bytes = archive_header(&plan, &[]);
                let mut footer = Footer::new(&bytes);
                for group in 0..n_variables {
                    let frame = chunk_frame(group, 0, &[&varint(part.len()), part.as_slice()].concat());
                    footer.see(&frame);
                    bytes.extend(frame);
                }
                bytes.extend(footer.finish().unwrap());
                survives(&format!("{shape:?}"), &bytes, None, None);
            }
        }
    }
}

/// An archive that is right but for its axes is refused, not decoded by whatever time they take.
#[test]
fn archives_of_too_many_axes_are_refused() {
    let archive = |n_axes: usize| {
        let variable = VariablePlan {
            name: "x".into(),
            dtype: DType::U8,
            shape: vec![1; n_axes],
            storage: Storage::default(),
            bound: Bound::resolve(BoundSpec::Lossless, 0.0),
            limits: None,
            grid: Grid::Integer { step: 1 },
            patterns: vec![],
            promises: Promises::default(),
        };
        let group = GroupPlan::new(vec![0], 1, GroupMethod::Classical);
        let plan = Plan {
            layout: Layout::Arrays,
            variables: vec![variable],
            groups: vec![group],
            attachments: vec![],
            trials: vec![],
        };
        let mut bytes = archive_header(&plan, &[]);
        bytes.extend(Footer::new(&bytes).finish().unwrap());
        bytes
    };
    assert!(!inspect(&archive(64)).unwrap_err().to_string().contains("axes"));
    for n_axes in [65, 100_000] {
        let error = decode(&archive(n_axes), None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit);
        assert!(error.to_string().contains(&format!("expected at most 64 axes, found {n_axes}")), "{error}");
    }
}

fn model_survives(context: &str, bytes: &[u8]) {
    let ran = catch_unwind(AssertUnwindSafe(|| {
        let Ok(model) = Model::from_bytes(bytes) else { return };
        let _ = model.describe();
        let field = single(&[10, 7], Values::F64(smooth_field(10, 7)));
        let compressed = compress_with(&field, &best(BoundSpec::Abs(0.1)), Some(&model), &mut NoProgress);
        let Ok(compressed) = compressed else { return };
        let Values::F64(back) = &decode(&compressed.bytes, None).unwrap().variables[0].values else {
            panic!("dtype")
        };
        assert!(smooth_field(10, 7).iter().zip(back).all(|(x, y)| holds(*x, *y, Promise::Within(0.1))));
    }));
    assert!(ran.is_ok(), "{context}");
}

#[test]
fn damaged_models_are_errors_and_forged_ones_never_panic() {
    for model in [model(12, &["data"], Some(vec![4, 3])), model(3, &["pt", "eta", "phi"], None)] {
        let bytes = model.to_bytes();
        assert_eq!(Model::from_bytes(&bytes).unwrap(), model);
        for cut in 0..bytes.len() {
            assert!(Model::from_bytes(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        let mut flipped = bytes.clone();
        for bit in 0..bytes.len() * 8 {
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Model::from_bytes(&flipped).is_err(), "bit {bit}");
            flipped[bit / 8] ^= 1 << (bit % 8);
        }
        let mut at = 7;
        let len = read_varint(&bytes, &mut at);
        let mut body = bytes[at..at + len].to_vec();
        for bit in 0..len * 8 {
            body[bit / 8] ^= 1 << (bit % 8);
            model_survives(&format!("bit {bit}"), &reframe_model(&body));
            body[bit / 8] ^= 1 << (bit % 8);
        }
        for cut in 0..len {
            model_survives(&format!("cut at {cut}"), &reframe_model(&body[..cut]));
        }
        let mut random = Random::new(4);
        for round in 0..1500 {
            let mut body = body.clone();
            let at = random.below(len);
            drop(body.splice(at..at + 1, varint(1 << random.below(63))));
            model_survives(&format!("round {round}"), &reframe_model(&body));
        }
    }
}
