//! A live stream: events of jets, coded with a model of others; half the frames have a record or a few.

use super::best;
use baler::{BoundSpec, Dataset, NoProgress, Values, Variable};
use baler_codec::live::records::to_records;
use baler_codec::model::live_decoder;
use baler_train::train;

/// Files of the stream, and of the hashes of its records and of its bytes.
pub const FILES: [&str; 2] = ["live.bals", "live.txt"];

/// The stream that is written today.
pub fn stream() -> Vec<u8> {
    let all = baler_generate::jets(3000, 11);
    let rows = |from: usize, to: usize| {
        let part =
            |v: &Variable| Variable::new(v.name.clone(), vec![to - from], v.values.slice(from..to)).unwrap();
        Dataset::from_table(all.variables.iter().map(part).collect())
    };
    let options = best(BoundSpec::Rel(1e-3));
    let model = train(&[rows(0, 2000)], &options, &mut NoProgress).unwrap().model;
    let mut encoder = model.live_encoder(false).unwrap();
    let mut out = encoder.head().to_vec();
    let mut from = 2000;
    for n_rows in [1, 400, 3, 500, 2] {
        let mut columns: Vec<Values> =
            rows(from, from + n_rows).variables.into_iter().map(|variable| variable.values).collect();
        if let Values::F32(values) = &mut columns[1] {
            values[0] = f32::NAN;
        } else if let Values::F64(values) = &mut columns[1] {
            values[0] = f64::NAN;
        }
        encoder.encode(&to_records(&columns, n_rows).unwrap(), &mut out).unwrap();
        from += n_rows;
    }
    encoder.finish(&mut out);
    out
}

/// `live HASH HASH`: of the records of a stream, and of the stream that is written today.
pub fn hashes(stored: &[u8], written: &[u8]) -> String {
    let mut decoder = live_decoder(stored, None).unwrap();
    let mut records = Vec::new();
    while let Some(frame) = decoder.next_frame().unwrap() {
        records.extend_from_slice(&frame);
    }
    format!("live {} {}\n", blake3::hash(&records).to_hex(), blake3::hash(written).to_hex())
}
