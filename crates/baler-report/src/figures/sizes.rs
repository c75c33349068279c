//! Where the bytes are: by part of the archive and by variable.

use super::short_name;
use crate::breakdown::Breakdown;
use crate::draw::{AFTER, Anchor, BEFORE, Color, GRAY, GRID, INK, Rect, Scene, THIRD, WARN, text_width};
use baler::Report;

/// Variables shown one by one.
const MAX_ROWS: usize = 40;

/// `1 234 567`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (idx, digit) in digits.chars().enumerate() {
        if idx > 0 && (digits.len() - idx).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// A bar of the parts, and a bar for each of the largest variables.
pub fn sizes(report: &Report, breakdown: &Breakdown) -> Scene {
    let mut order: Vec<usize> = (0..report.variables.len()).collect();
    order.sort_by_key(|&idx| std::cmp::Reverse(report.variables[idx].bytes));
    let n_shown = order.len().min(MAX_ROWS);
    let mut scene = Scene::new("Bytes by part and by variable", 760.0, 104.0 + 15.0 * n_shown as f64);
    let title = format!(
        "{} bytes of {} ({:.2} x, everything counted)",
        grouped(report.archive_bytes),
        grouped(report.input_bytes),
        report.ratio()
    );
    scene.heading(10.0, 16.0, 12.0, INK, title);
    parts_bar(&mut scene, report, breakdown);
    let names = order
        .iter()
        .map(|&idx| text_width(&short_name(&report.variables[idx].name), 9.0))
        .fold(40.0, f64::max);
    let largest = order.first().map_or(1, |&idx| report.variables[idx].bytes).max(1) as f64;
    let left = names + 20.0;
    let room = 760.0 - left - 290.0;
    for (row, &idx) in order.iter().take(n_shown).enumerate() {
        let variable = &report.variables[idx];
        let y = 92.0 + row as f64 * 15.0;
        scene.text(left - 6.0, y + 8.5, 9.0, Anchor::End, INK, short_name(&variable.name));
        scene.rect(Rect::new(left, y, (room * variable.bytes as f64 / largest).max(0.5), 10.0), BEFORE);
        let original: usize = variable.shape.iter().product::<usize>() * variable.dtype.size_bytes();
        let ratio = original as f64 / variable.bytes.max(1) as f64;
        let words = format!("{} bytes, {ratio:.1} x, {}", grouped(variable.bytes), variable.codec);
        scene.text(left + room + 6.0, y + 8.5, 8.5, Anchor::Start, GRAY, words);
    }
    if order.len() > n_shown {
        let more = format!("and {} smaller", order.len() - n_shown);
        scene.text(left, 100.0 + n_shown as f64 * 15.0, 8.5, Anchor::Start, GRAY, more);
    }
    scene
}

fn parts_bar(scene: &mut Scene, report: &Report, breakdown: &Breakdown) {
    let parts: [(&str, u64, Color); 5] = [
        ("models", breakdown.models, WARN),
        ("latents", breakdown.latents, THIRD),
        ("symbols", breakdown.symbols, BEFORE),
        ("escapes and missing", breakdown.escapes, AFTER),
        ("header, index, checksums", breakdown.header, GRAY),
    ];
    let total = report.archive_bytes.max(1) as f64;
    scene.rect(Rect::new(10.0, 28.0, 740.0, 18.0), GRID);
    let mut x = 10.0;
    for (_, bytes, color) in parts {
        let width = 740.0 * bytes as f64 / total;
        scene.rect(Rect::new(x, 28.0, width, 18.0), color);
        x += width;
    }
    let mut x = 10.0;
    for (name, bytes, color) in parts.into_iter().filter(|(_, bytes, _)| *bytes > 0) {
        let words = format!("{name} {}", grouped(bytes));
        scene.rect(Rect::new(x, 55.0, 9.0, 9.0), color);
        scene.text(x + 13.0, 63.0, 9.0, Anchor::Start, INK, words.clone());
        x += 28.0 + text_width(&words, 9.0);
    }
}
