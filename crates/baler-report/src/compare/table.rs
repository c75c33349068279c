//! A comparison as a table in text.

use super::{Comparison, Family};
use crate::draw::format_number;
use crate::figures::sizes::grouped;

/// A header, a row a codec, and what was not run.
pub fn text_table(comparison: &Comparison) -> String {
    let header = [
        "codec",
        "promise",
        "bytes",
        "model",
        "ratio",
        "error/bound",
        "PSNR dB",
        "enc MB/s",
        "dec MB/s",
        "note",
    ];
    let mut rows: Vec<Vec<String>> = vec![header.map(String::from).to_vec()];
    rows.extend(comparison.rows.iter().map(|row| {
        let promise = match row.family {
            Family::Lossless => "lossless".to_string(),
            Family::Unbounded => "none".to_string(),
            _ => comparison.bound.clone(),
        };
        vec![
            row.name.clone(),
            promise,
            grouped(row.bytes),
            if row.model_bytes > 0 { grouped(row.model_bytes) } else { "-".to_string() },
            format!("{:.2}", row.ratio),
            row.error_of_bound.map_or("-".to_string(), |e| format!("{e:.3}")),
            if row.psnr.is_infinite() { "inf".to_string() } else { format!("{:.1}", row.psnr) },
            speed(row.encode_mb_s),
            speed(row.decode_mb_s),
            row.note.clone(),
        ]
    }));
    let widths: Vec<usize> =
        (0..header.len()).map(|k| rows.iter().map(|row| row[k].chars().count()).max().unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate().map(|(k, (cell, width))| match k {
            0 | 1 | 9 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_string()
    };
    let mut lines: Vec<String> = rows.iter().map(line).collect();
    lines.extend(comparison.missing.iter().map(|m| format!("not run: {}: {}", m.name, m.why)));
    lines.join("\n")
}

/// Three digits.
fn speed(megabytes: f64) -> String {
    if megabytes >= 100.0 {
        format!("{megabytes:.0}")
    } else {
        format_number((megabytes * 100.0).round() / 100.0)
    }
}
