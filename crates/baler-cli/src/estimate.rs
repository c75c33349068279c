//! `baler compress --estimate`: what levels would take of time and bytes, from a part of the data that is compressed and
//! decompressed with one thread. Nothing is written.

use crate::library::{
    DecompressOptions, Level, NoProgress, Options, Result, Source, Threads, compress_with, decompress_with,
    excerpt, ranges,
};
use crate::numbers::grouped;
use crate::output::say;
use crate::table;
use std::time::Instant;

/// Levels that are shown.
const LEVELS: [u8; 3] = [1, 3, 6];
/// Bytes of the part: of fields, and of columns, which take longer.
const PART_BYTES: [usize; 2] = [4 << 20, 1 << 18];

/// What a level takes.
struct Estimate {
    level: u8,
    /// Bytes a second to compress, verified, and to decompress.
    speeds: [f64; 2],
    /// Bytes of the archive of all.
    bytes: f64,
}

/// Prints what compressing a source would take at some levels.
pub fn estimate(source: &dyn Source, options: &Options, json: bool) -> Result<()> {
    let schema = source.schema();
    let total = schema.size_bytes() as f64;
    let is_table =
        schema.variables.len() > 1 && schema.variables.iter().all(|variable| variable.shape.len() == 1);
    let part = excerpt(source, PART_BYTES[is_table as usize])?;
    let all: Vec<usize> = (0..schema.variables.len()).collect();
    let names = schema.variables.iter().map(|variable| variable.name.clone());
    // A relative bound is one of all values, not of the part's.
    let ranges = names.zip(ranges(source, &all, options)?).collect();
    let options = Options { ranges, threads: Threads::new(1)?, ..options.clone() };
    let share = total / (part.size_bytes() as f64).max(1.0);
    let estimates = LEVELS.iter().map(|&level| -> Result<Estimate> {
        let options = Options { level: Level::new(level)?, ..options.clone() };
        let started = Instant::now();
        let bytes = compress_with(&part, &options, None, &mut NoProgress)?.bytes;
        let compressed = started.elapsed().as_secs_f64();
        let started = Instant::now();
        let how = DecompressOptions { threads: Threads::new(1)?, ..DecompressOptions::default() };
        decompress_with(&bytes, &how, &mut NoProgress)?;
        let decompressed = started.elapsed().as_secs_f64();
        let speeds = [compressed, decompressed].map(|seconds| part.size_bytes() as f64 / seconds.max(1e-6));
        Ok(Estimate { level, speeds, bytes: share * bytes.len() as f64 })
    });
    let estimates: Vec<Estimate> = estimates.collect::<Result<_>>()?;
    match json {
        true => print_json(&estimates, total),
        false => print_table(&estimates, total, part.size_bytes()),
    }
    Ok(())
}

fn print_json(estimates: &[Estimate], total: f64) {
    let levels: Vec<serde_json::Value> = (estimates.iter())
        .map(|estimate| {
            serde_json::json!({
                "level": estimate.level,
                "compress_mb_per_s": estimate.speeds[0] / 1e6,
                "decompress_mb_per_s": estimate.speeds[1] / 1e6,
                "core_hours": total / estimate.speeds[0] / 3600.0,
                "archive_bytes": estimate.bytes.round() as u64,
            })
        })
        .collect();
    println!("{}", serde_json::json!({ "input_bytes": total as u64, "levels": levels }));
}

fn print_table(estimates: &[Estimate], total: f64, part_bytes: usize) {
    let row = |estimate: &Estimate| {
        let speed = |speed: f64| format!("{:.1} MB/s", speed / 1e6);
        vec![
            estimate.level.to_string(),
            speed(estimate.speeds[0]),
            speed(estimate.speeds[1]),
            duration(total / estimate.speeds[0]),
            grouped(estimate.bytes.round() as u64),
            format!("{:.1} x", total / estimate.bytes.max(1.0)),
        ]
    };
    let header = ["level", "compress", "decompress", "time, one core", "bytes", "ratio"];
    let rows: Vec<Vec<String>> = estimates.iter().map(row).collect();
    println!("{}", table::table(&header, &rows, 0));
    let (part, all) = (grouped(part_bytes as u64), grouped(total as u64));
    say(&format!("from {part} of {all} bytes; nothing was written"));
}

/// Seconds, minutes or hours.
fn duration(seconds: f64) -> String {
    match seconds {
        ..120.0 => format!("{seconds:.1} s"),
        ..7200.0 => format!("{:.1} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}
