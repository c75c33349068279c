//! Promise: records that come one by one go out at once, come back in order and within the model's bound, and a stream
//! that was cut or damaged gives what is whole and says so.

use baler::{Dataset, Model, NoProgress, Options, Values, Variable};
use baler_codec::live::records::{to_columns, to_records};
use baler_codec::live::stream::LIVE_MAGIC;
use baler_codec::live::{Encoder, Pump, Stats};
use baler_codec::model::live_decoder;
use baler_codec::options::BoundSpec;
use baler_codec::quantize::Bound;
use baler_train::train;
use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

/// A trigger's records: relations between floats, small integers, flags, a float with NaN now and then.
fn events(n_rows: usize, seed: u64) -> Dataset {
    let mut state = seed;
    let mut random = move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 40) as f32 / (1 << 24) as f32
    };
    let pt: Vec<f32> = (0..n_rows).map(|_| -25.0 * (1.0 - random()).ln() + 5.0).collect();
    let scale: Vec<f32> = (0..n_rows).map(|_| 1.0 + random()).collect();
    let energy: Vec<f32> = pt.iter().zip(&scale).map(|(pt, scale)| pt * scale).collect();
    let adc: Vec<i16> = (0..n_rows).map(|_| (200.0 + 40.0 * (random() + random() - 1.0)) as i16).collect();
    let flags: Vec<u8> = (0..n_rows).map(|_| (random() < 0.05) as u8 * 4).collect();
    let time: Vec<f64> =
        (0..n_rows).map(|_| if random() < 0.01 { f64::NAN } else { random() as f64 * 100.0 }).collect();
    let hits: Vec<u16> = adc.iter().map(|&adc| if adc > 200 { adc as u16 / 8 } else { 0 }).collect();
    let column = |name: &str, values: Values| Variable::new(name, vec![n_rows], values).unwrap();
    Dataset::from_table(vec![
        column("pt", Values::F32(pt)),
        column("scale", Values::F32(scale)),
        column("energy", Values::F32(energy)),
        column("adc", Values::I16(adc)),
        column("flags", Values::U8(flags)),
        column("time", Values::F64(time)),
        column("hits", Values::U16(hits)),
    ])
}

/// Of one event.
const RECORD_BYTES: usize = 25;
const SPEC: BoundSpec = BoundSpec::Rel(1e-3);

fn model() -> Model {
    train(&[events(4000, 1)], &Options::new(SPEC), &mut NoProgress).unwrap().model
}

fn records(dataset: &Dataset) -> Vec<u8> {
    let columns: Vec<Values> = dataset.variables.iter().map(|variable| variable.values.clone()).collect();
    to_records(&columns, columns[0].len()).unwrap()
}

/// A stream with frames of `n_rows` records.
fn stream(encoder: &mut Encoder, records: &[u8], n_rows: usize) -> Vec<u8> {
    let mut out = encoder.head().to_vec();
    for frame in records.chunks(n_rows * encoder.record_bytes()) {
        encoder.encode(frame, &mut out).unwrap();
    }
    encoder.finish(&mut out);
    out
}

/// The records of a stream, and the error that ended it, if one did.
fn decoded(bytes: &[u8], model: Option<&Model>) -> (Vec<u8>, Option<String>) {
    let mut records = Vec::new();
    let mut decoder = match live_decoder(bytes, model) {
        Ok(decoder) => decoder,
        Err(error) => return (records, Some(error.to_string())),
    };
    loop {
        match decoder.next_frame() {
            Ok(Some(frame)) => records.extend_from_slice(&frame),
            Ok(None) => return (records, None),
            Err(error) => return (records, Some(error.to_string())),
        }
    }
}

/// Every value within the bound of the model: 1e-3 of the range of the training data, integers and NaN exact.
fn assert_within(encoder: &Encoder, original: &[u8], back: &[u8]) {
    assert_eq!(original.len(), back.len());
    let columns = |bytes| to_columns(bytes, encoder.variables()).unwrap();
    let pairs = columns(original).into_iter().zip(columns(back)).zip(encoder.variables());
    for ((x, y), variable) in pairs {
        let bound: &Bound = &variable.bound;
        macro_rules! check {
            ($($variant:ident),*) => {
                match (&x, &y) {
                    $((Values::$variant(x), Values::$variant(y)) => {
                        assert!(x.iter().zip(y).all(|(&x, &y)| bound.holds(x, y)), "{}", variable.name);
                    })*
                    _ => panic!("{}", variable.name),
                }
            };
        }
        check!(F32, I16, U8, F64, U16);
    }
}

#[test]
fn records_come_back_within_the_bound_whatever_the_frames() {
    let model = model();
    let original = records(&events(3000, 2));
    for n_rows in [1, 7, 500, 3000] {
        let mut encoder = model.live_encoder(false).unwrap();
        assert!(encoder.variables().iter().all(|variable| variable.bound.spec == SPEC));
        let bytes = stream(&mut encoder, &original, n_rows);
        let (back, error) = decoded(&bytes, None);
        assert_eq!(error, None);
        assert_within(&encoder, &original, &back);
        if n_rows >= 500 {
            assert!(bytes.len() * 2 < original.len(), "{n_rows}: {} of {}", bytes.len(), original.len());
        }
    }
}

#[test]
fn data_unlike_the_training_are_kept_too_and_never_grow() {
    let model = model();
    let mut state = 9u64;
    let noise: Vec<u8> = (0..64 * RECORD_BYTES)
        .map(|_| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as u8
        })
        .collect();
    let mut encoder = model.live_encoder(false).unwrap();
    assert_eq!(encoder.record_bytes(), RECORD_BYTES);
    let bytes = stream(&mut encoder, &noise, 64);
    assert!(bytes.len() < encoder.head().len() + noise.len() + 40);
    let (back, error) = decoded(&bytes, None);
    assert_eq!((encoder.counts(), error), ((64, 64), None));
    assert_eq!(back, noise);
}

#[test]
fn a_model_named_by_its_hash_must_be_given() {
    let model = Model::from_bytes(&model().to_bytes()).unwrap();
    let original = records(&events(300, 3));
    let mut encoder = model.live_encoder(true).unwrap();
    let bytes = stream(&mut encoder, &original, 100);
    let (back, error) = decoded(&bytes, Some(&model));
    assert_eq!(error, None);
    assert_within(&encoder, &original, &back);
    assert!(decoded(&bytes, None).1.unwrap().contains("give it with --model"));
    let other = train(&[events(4000, 5)], &Options::new(SPEC), &mut NoProgress).unwrap().model;
    assert!(decoded(&bytes, Some(&other)).1.unwrap().contains("give the right one with --model"));
    let field = Model::new(Vec::new(), Vec::new(), model.description.clone());
    assert!(field.live_encoder(false).err().unwrap().to_string().contains("expected a model of a table"));
}

#[test]
fn a_cut_stream_gives_its_whole_frames_and_says_so() {
    let model = model();
    let original = records(&events(40, 4));
    let mut encoder = model.live_encoder(false).unwrap();
    let bytes = stream(&mut encoder, &original, 10);
    let whole = decoded(&bytes, None).0;
    for cut in LIVE_MAGIC.len()..bytes.len() {
        let (back, error) = decoded(&bytes[..cut], None);
        assert!(error.is_some_and(|error| error.contains("cut off")), "{cut}");
        assert!(back.len() % (10 * RECORD_BYTES) == 0 && whole.starts_with(&back), "{cut}");
    }
    assert!(decoded(&[bytes.as_slice(), &[0]].concat(), None).1.is_some());
}

#[test]
fn every_damaged_byte_is_noticed() {
    let model = model();
    let original = records(&events(30, 6));
    let mut encoder = model.live_encoder(false).unwrap();
    let bytes = stream(&mut encoder, &original, 10);
    let whole = decoded(&bytes, None).0;
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        let (back, error) = decoded(&damaged, None);
        assert!(error.is_some() && whole.starts_with(&back), "{at}");
    }
}

/// Forged frames have right checksums: everything inside must be looked at.
#[test]
fn forged_frames_and_heads_never_panic() {
    let model = model();
    let original = records(&events(20, 7));
    let mut encoder = model.live_encoder(false).unwrap();
    let bytes = stream(&mut encoder, &original, 20);
    let mut rest = &bytes[LIVE_MAGIC.len()..];
    let mut contents = Vec::new();
    while !rest.is_empty() {
        let mut length = 0;
        let n_digits = 1 + rest.iter().take_while(|&&byte| byte >= 0x80).count();
        (0..n_digits).for_each(|at| length |= ((rest[at] & 0x7f) as usize) << (7 * at));
        contents.push(rest[n_digits..n_digits + length].to_vec());
        rest = &rest[n_digits + length + 8..];
    }
    assert_eq!(contents.len(), 3);
    for forged in 0..2 {
        for at in (0..contents[forged].len()).step_by(3) {
            for value in [0, 1, 0x7f, 0xff] {
                let mut contents = contents.clone();
                contents[forged][at] = value;
                let mut bytes = LIVE_MAGIC.to_vec();
                for content in contents {
                    let mut length = content.len();
                    while length >= 0x80 {
                        bytes.push(length as u8 | 0x80);
                        length >>= 7;
                    }
                    bytes.push(length as u8);
                    bytes.extend_from_slice(&content);
                    bytes.extend_from_slice(&blake3::hash(&content).as_bytes()[..8]);
                }
                let _ = decoded(&bytes, None);
            }
        }
    }
}

/// Reads what is sent, as a pipe would.
struct Pipe {
    blocks: Receiver<Vec<u8>>,
    rest: Vec<u8>,
}

impl Read for Pipe {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        while self.rest.is_empty() {
            match self.blocks.recv() {
                Ok(block) => self.rest = block,
                Err(_) => return Ok(0),
            }
        }
        let n_bytes = out.len().min(self.rest.len());
        out[..n_bytes].copy_from_slice(&self.rest[..n_bytes]);
        self.rest.drain(..n_bytes);
        Ok(n_bytes)
    }
}

/// Keeps what is written, tells when, and takes its time.
struct Sink {
    bytes: Vec<u8>,
    written: Sender<(usize, Instant)>,
    pause: Duration,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        std::thread::sleep(self.pause);
        self.bytes.extend_from_slice(bytes);
        let _ = self.written.send((bytes.len(), Instant::now()));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn pump(
    blocks: Receiver<Vec<u8>>,
    pump: Pump,
    pause: Duration,
    model: &Model,
) -> (Stats, Sink, Receiver<(usize, Instant)>) {
    let (written, told) = channel();
    let mut sink = Sink { bytes: Vec::new(), written, pause };
    let mut encoder = model.live_encoder(false).unwrap();
    let stats = pump.run(Pipe { blocks, rest: Vec::new() }, &mut sink, &mut encoder).unwrap();
    (stats, sink, told)
}

#[test]
fn a_slow_producer_gets_its_frames_at_once() {
    let model = model();
    let original = records(&events(5, 8));
    let (sender, blocks) = channel();
    let producer = std::thread::spawn(move || {
        let mut sent = Vec::new();
        // The last half of each record comes later than its first.
        for record in original.chunks(RECORD_BYTES) {
            sender.send(record[..10].to_vec()).unwrap();
            std::thread::sleep(Duration::from_millis(5));
            sent.push(Instant::now());
            sender.send(record[10..].to_vec()).unwrap();
            std::thread::sleep(Duration::from_millis(300));
        }
        (sent, original)
    });
    let (stats, sink, told) = pump(blocks, Pump::new(Duration::from_millis(2)), Duration::ZERO, &model);
    let (sent, original) = producer.join().unwrap();
    assert_eq!((stats.n_records, stats.latencies.n_frames(), stats.bytes_left), (5, 5, 0));
    drop(sink.written);
    let written: Vec<Instant> = told.iter().map(|(_, at)| at).collect();
    // Head, five frames, end: each frame long before the next record comes.
    assert_eq!(written.len(), 7);
    for (sent, written) in sent.iter().zip(&written[1..]) {
        assert!(written.duration_since(*sent) < Duration::from_millis(200));
    }
    assert_eq!(decoded(&sink.bytes, None).0.len(), original.len());
}

#[test]
fn a_slow_consumer_makes_the_producer_wait_and_nothing_is_lost() {
    let model = model();
    let original = records(&events(20_000, 9));
    let (sender, blocks) = std::sync::mpsc::sync_channel::<Vec<u8>>(0);
    let sent = original.clone();
    let producer = std::thread::spawn(move || {
        let started = Instant::now();
        // Blocks that end anywhere in a record.
        sent.chunks(1009).for_each(|block| sender.send(block.to_vec()).unwrap());
        started.elapsed()
    });
    let options = Pump { latency: Duration::from_millis(1), frame_bytes: 20_000 };
    let (stats, sink, _told) = pump(blocks, options, Duration::from_millis(20), &model);
    let waited = producer.join().unwrap();
    assert_eq!((stats.n_records, stats.bytes_left), (20_000, 0));
    let (back, error) = decoded(&sink.bytes, None);
    assert_eq!(error, None);
    assert_within(&model.live_encoder(false).unwrap(), &original, &back);
    // 500 kB in frames of at most 20 kB, each 20 ms: at most a few blocks lie between.
    assert!(waited > Duration::from_millis(20 * 18), "{waited:?}");
}

#[test]
fn half_a_record_is_told() {
    let model = model();
    let mut original = records(&events(3, 10));
    original.truncate(60);
    let (sender, blocks) = channel();
    sender.send(original).unwrap();
    drop(sender);
    let (stats, sink, _told) = pump(blocks, Pump::new(Duration::from_millis(1)), Duration::ZERO, &model);
    assert_eq!((stats.n_records, stats.bytes_left), (2, 60 - 2 * RECORD_BYTES));
    assert_eq!(decoded(&sink.bytes, None).0.len(), 2 * RECORD_BYTES);
}

#[test]
fn half_a_record_that_is_left_does_not_hurry_the_next_frame() {
    let model = model();
    let original = records(&events(240, 12));
    let (sender, blocks) = channel();
    let producer = std::thread::spawn(move || {
        // One and a half records at a time: frames often leave half a record behind.
        for block in original.chunks(RECORD_BYTES * 3 / 2) {
            sender.send(block.to_vec()).unwrap();
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    let (stats, ..) = pump(blocks, Pump::new(Duration::from_millis(40)), Duration::ZERO, &model);
    producer.join().unwrap();
    assert_eq!(stats.n_records, 240);
    let most = 2 + stats.elapsed.as_millis() as u64 / 40;
    assert!(stats.latencies.n_frames() <= most, "{} of {most}", stats.latencies.n_frames());
}
