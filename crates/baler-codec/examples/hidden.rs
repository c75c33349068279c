//! What stands behind the values of npy files: the words, the strangers, the time, and what pco takes for the values and
//! for the numbers.
//!
//!     cargo run --release -p baler-codec --example hidden -- FILE.npy ...

use baler_codec::hidden::Hidden;
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::element::Element;
use std::time::Instant;

fn main() {
    for path in std::env::args().skip(1) {
        let bytes = std::fs::read(&path).expect("a readable file");
        let len = u16::from_le_bytes([bytes[8], bytes[9]]) as usize;
        let header = String::from_utf8_lossy(&bytes[10..10 + len]).to_string();
        let shape: Vec<usize> = (header.split_once("'shape': (").expect("a shape").1.split(')').next())
            .expect("a closed shape")
            .split(',')
            .filter_map(|extent| extent.trim().parse().ok())
            .collect();
        let data = &bytes[10 + len..];
        let name = path.rsplit('/').next().unwrap_or(&path).trim_end_matches(".npy");
        match header.split("'descr': '").nth(1).and_then(|rest| rest.split('\'').next()) {
            Some("<f8") => report::<f64>(name, data, &shape),
            Some("<f4") => report::<f32>(name, data, &shape),
            Some("<f2") => report::<half::f16>(name, data, &shape),
            Some("<i8") => report::<i64>(name, data, &shape),
            Some("<i4") => report::<i32>(name, data, &shape),
            Some("<i2") => report::<i16>(name, data, &shape),
            other => println!("{name}: {other:?} is not looked at"),
        }
    }
}

fn report<T: Element>(name: &str, data: &[u8], shape: &[usize]) {
    let value = |bytes: &[u8]| {
        let mut bits = [0; 8];
        bits[..bytes.len()].copy_from_slice(bytes);
        T::from_bits64(u64::from_le_bytes(bits))
    };
    let values: Vec<T> = data.chunks_exact(size_of::<T>()).map(value).collect();
    let orders: Vec<i64> = values.iter().map(|x| x.order()).collect();
    let skip: Vec<bool> = values.iter().map(|x| !x.to_f64().is_finite()).collect();
    let started = Instant::now();
    let found = Hidden::find(&values, shape, Some(&skip));
    let ms = started.elapsed().as_secs_f64() * 1e3;
    let Some(hidden) = found else {
        println!("{name} {shape:?}: nothing, {ms:.1} ms, pco {}", pco(&orders));
        return;
    };
    let started = Instant::now();
    let numbers = hidden.numbers(&values, shape);
    let ms_numbers = started.elapsed().as_secs_f64() * 1e3;
    let n_skipped = skip.iter().filter(|skip| **skip).count();
    let n_strangers = numbers.iter().filter(|number| number.is_none()).count() - n_skipped;
    let mut before = 0;
    let filled: Vec<i64> = numbers
        .iter()
        .map(|&number| {
            before = number.unwrap_or(before);
            before
        })
        .collect();
    let mut w = ByteWriter::default();
    hidden.write(&mut w);
    let back = Hidden::read(&mut ByteReader::new(&w.bytes), T::DTYPE, shape).expect("what was written");
    assert!(back == hidden, "{name}: other lattices were read than written");
    let decoded: Vec<T> = back.values(&filled, shape).expect("as many numbers as values");
    let same = (numbers.iter().zip(&values).zip(&decoded))
        .all(|((number, x), y)| number.is_none() || x.to_bits64() == y.to_bits64());
    assert!(same, "{name}: other values came back");
    println!(
        "{name} {shape:?}: {}; {n_strangers} strangers of {}, {ms:.1} ms + {ms_numbers:.1} ms, {} bytes; pco {} -> {}",
        hidden.words(),
        values.len() - n_skipped,
        w.bytes.len(),
        pco(&orders),
        pco(&filled),
    );
}

fn pco(numbers: &[i64]) -> usize {
    let config = pco::ChunkConfig::default();
    pco::standalone::simple_compress(numbers, &config).map_or(0, |bytes| bytes.len())
}
