//! Correlations between columns, and how they have changed.

use super::{color_bar, matrix, short_name};
use crate::draw::{ColorMap, INK, Rect, Scene, format_number, text_width};
use crate::measure::CorrelationChange;

/// Pearson's r before, and after less before.
pub fn correlation(change: &CorrelationChange) -> Scene {
    let n = change.names.len();
    let side = (n as f64 * 13.0).clamp(130.0, 290.0);
    let size = (side / n as f64 * 0.85).clamp(4.0, 9.0);
    let names =
        change.names.iter().map(|name| text_width(&short_name(name), size)).fold(30.0, f64::max) + 14.0;
    let panel = names + side + 62.0;
    let mut scene = Scene::new("Correlations before and their change", 2.0 * panel + 20.0, side + 66.0);
    let limit = if change.max_abs > 0.0 { change.max_abs } else { 1.0 };
    let panels = [
        ("correlation before".to_string(), &change.before, 1.0),
        (
            format!("after - before; Frobenius norm {}", format_number(change.frobenius)),
            &change.change,
            limit,
        ),
    ];
    for (idx, (title, values, limit)) in panels.into_iter().enumerate() {
        let place = Rect::new(10.0 + idx as f64 * panel + names, 34.0, side, side);
        scene.heading(place.x, 24.0, 10.5, INK, title);
        matrix(&mut scene, place, &change.names, values, ColorMap::Diverging, limit);
        let bar = Rect::new(place.right() + 6.0, place.y, 10.0, side);
        color_bar(&mut scene, bar, ColorMap::Diverging, |t| (2.0 * t - 1.0) * limit);
    }
    scene
}
