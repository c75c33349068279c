//! Measures as pictures. Each function makes one [`Scene`]; ranges are stated, and what lies outside is counted.

mod correlation;
mod curves;
mod distribution;
mod field;
mod latent;
mod peaks;
mod scores;
pub mod sizes;
mod slices;

pub use correlation::correlation;
pub use curves::{Curve, losses};
pub use distribution::{boxes, distribution};
pub use field::field_errors;
pub use latent::{activations, corner, latent_correlation};
pub use peaks::{derived, pair_mass};
pub use scores::scores;
pub use sizes::sizes;
pub use slices::{series, slices};

use crate::draw::{Anchor, ColorMap, INK, Raster, Rect, Scene, Stroke, format_number};

/// A map of colors beside an image, with the numbers at its ends and in the middle. `write` turns a place in 0..=1
/// into the number shown there.
fn color_bar(scene: &mut Scene, place: Rect, map: ColorMap, write: impl Fn(f64) -> f64) {
    let n = 64;
    let levels: Vec<f64> = (0..n).map(|k| 1.0 - (k as f64 + 0.5) / n as f64).collect();
    scene.image(place, Raster::of(&levels, 1, map, |x| x));
    scene.frame(place, Stroke::solid(INK, 0.7));
    for t in [0.0, 0.5, 1.0] {
        let y = place.bottom() - t * place.height;
        let baseline = (y + 3.0).clamp(place.y + 7.0, place.bottom());
        scene.text(place.right() + 4.0, baseline, 8.0, Anchor::Start, INK, format_number(write(t)));
    }
}

/// A square matrix as an image with names on two sides.
fn matrix(scene: &mut Scene, place: Rect, names: &[String], values: &[f64], map: ColorMap, limit: f64) {
    let raster = Raster::of(values, names.len(), map, |x| 0.5 + 0.5 * x / limit);
    scene.image(place, raster);
    scene.frame(place, Stroke::solid(INK, 0.7));
    let cell = place.height / names.len() as f64;
    let size = (cell * 0.85).clamp(4.0, 9.0);
    for (idx, name) in names.iter().enumerate() {
        let middle = (idx as f64 + 0.5) * cell;
        let short = short_name(name);
        scene.text(place.x - 4.0, place.y + middle + 0.35 * size, size, Anchor::End, INK, short.clone());
        if cell >= 5.0 {
            let number = format!("{}", idx + 1);
            scene.text(
                place.x + middle,
                place.bottom() + size + 2.0,
                size.min(7.0),
                Anchor::Middle,
                INK,
                number,
            );
        }
    }
}

/// Names for tables: without what all of them begin with, up to a dot or slash.
pub fn distinct_names(names: &[&str]) -> Vec<String> {
    let first = names.first().copied().unwrap_or("");
    let shared = first.match_indices(['.', '/']).map(|(at, _)| at + 1).rev();
    let cut =
        shared.into_iter().find(|&at| names.len() > 1 && names.iter().all(|n| n.starts_with(&first[..at])));
    names.iter().map(|name| name[cut.unwrap_or(0)..].to_string()).collect()
}

/// The end of a long dotted name: `recoPFJets.obj.pt_` is `pt_`.
pub fn short_name(name: &str) -> String {
    // In formulas and descriptions a slash divides.
    let is_path = !name.contains([' ', '(', '*', '+']);
    let end = if is_path { name.rsplit(['.', '/']).next().unwrap_or(name) } else { name };
    match end.chars().count() {
        0..=26 => end.to_string(),
        n => format!("...{}", end.chars().skip(n - 23).collect::<String>()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_all_names_begin_with_is_left_out() {
        assert_eq!(distinct_names(&["a.b.pt", "a.b.eta", "a.b.x.c"]), ["pt", "eta", "x.c"]);
        assert_eq!(distinct_names(&["a.b.pt", "a.c.pt"]), ["b.pt", "c.pt"]);
        assert_eq!(distinct_names(&["pt", "a.pt"]), ["pt", "a.pt"]);
        assert_eq!(distinct_names(&["a.pt"]), ["a.pt"]);
        assert!(distinct_names(&[]).is_empty());
    }
}
