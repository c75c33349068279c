//! Slices of fields: original, reconstructed, difference, on color scales whose ranges are stated; series as curves.

use super::color_bar;
use crate::draw::{
    AFTER, Axes, BEFORE, ColorMap, GRAY, INK, Raster, Rect, Scale, Scene, Stroke, WARN, format_number, legend,
};
use crate::measure::{Limit, VariableMeasures, VariableView, image_axes};
use crate::metrics::{Errors, quantile, sorted_finite};

/// Pixels of a picture on its longer side; larger slices are averaged, and their differences show the largest.
const MAX_SIDE: usize = 280;
const PANEL: f64 = 196.0;

/// How values become colors: between two ends, or by the logarithm of what lies above the lower end.
struct ColorRange {
    low: f64,
    high: f64,
    log_unit: Option<f64>,
}

impl ColorRange {
    /// The 0.1 % to 99.9 % quantiles of the original; logarithmic where most values crowd at the lower end.
    fn of(values: &[f64]) -> ColorRange {
        let sorted = sorted_finite(values);
        let (low, high) = (quantile(&sorted, 0.001), quantile(&sorted, 0.999));
        let (low, high) = if high > low { (low, high) } else { (low - 0.5, low + 0.5) };
        let upper = quantile(&sorted, 0.9);
        let crowded = high - low > 20.0 * (upper - low);
        ColorRange { low, high, log_unit: crowded.then(|| ((upper - low) / 4.0).max((high - low) / 1000.0)) }
    }

    fn place(&self, x: f64) -> f64 {
        match self.log_unit {
            None => (x - self.low) / (self.high - self.low),
            Some(unit) => ((x - self.low).max(0.0) / unit).ln_1p() / ((self.high - self.low) / unit).ln_1p(),
        }
    }

    fn number(&self, t: f64) -> f64 {
        match self.log_unit {
            None => self.low + t * (self.high - self.low),
            Some(unit) => self.low + unit * (t * ((self.high - self.low) / unit).ln_1p()).exp_m1(),
        }
    }
}

/// Worst and typical slice of a field whose last two axes are images.
pub fn slices(view: &VariableView, measures: &VariableMeasures) -> Option<Scene> {
    let (height, width) = image_axes(&view.shape)?;
    let chosen = measures.field.as_ref()?.slices?;
    let aspect = (height as f64 / width as f64).clamp(0.4, 2.0);
    let (panel_width, panel_height) =
        if aspect > 1.0 { (PANEL / aspect, PANEL) } else { (PANEL, PANEL * aspect) };
    let row_height = panel_height + 62.0;
    let n_slices = view.before.len() / (height * width);
    let mut rows = vec![(if n_slices > 1 { "worst slice" } else { "image" }, chosen.worst)];
    if n_slices > 1 && chosen.typical != chosen.worst {
        rows.push(("typical slice (median RMSE)", chosen.typical));
    }
    let mut scene = Scene::new(
        format!("{}: slices", view.name),
        3.0 * (panel_width + 70.0) + 24.0,
        26.0 + row_height * rows.len() as f64,
    );
    scene.heading(10.0, 16.0, 12.0, INK, view.label());
    for (idx, (name, slice)) in rows.into_iter().enumerate() {
        let top = 26.0 + idx as f64 * row_height;
        let place = Rect::new(14.0, top + 32.0, panel_width, panel_height);
        one_slice(&mut scene, view, name, slice, (height, width), place);
    }
    Some(scene)
}

fn one_slice(
    scene: &mut Scene,
    view: &VariableView,
    name: &str,
    slice: usize,
    (height, width): (usize, usize),
    place: Rect,
) {
    let n = height * width;
    let (x, y) = (&view.before[slice * n..][..n], &view.after[slice * n..][..n]);
    let difference: Vec<f64> = x.iter().zip(y).map(|(x, y)| y - x).collect();
    let errors = Errors::of(x, y);
    let range = ColorRange::of(x);
    let outside = x.iter().filter(|x| **x < range.low || **x > range.high).count();
    let limit = match view.limit {
        Limit::Absolute(limit) => limit,
        _ if errors.max_abs > 0.0 => errors.max_abs,
        _ => 1.0,
    };
    let coordinates = slice_words(slice, &view.shape);
    let scale = if range.log_unit.is_some() { ", logarithmic colors" } else { "" };
    let line = format!(
        "{name}{coordinates}: RMSE {}, largest error {}, PSNR {} dB over the slice; {outside} pixels beyond the colors{scale}",
        format_number(errors.rmse()),
        format_number(errors.max_abs),
        format_number(errors.psnr())
    );
    scene.text(14.0, place.y - 18.0, 9.5, crate::draw::Anchor::Start, INK, line);
    let factor = height.max(width).div_ceil(MAX_SIDE);
    let panels: [(&str, Vec<f64>, ColorMap); 3] = [
        ("original", shrink(x, width, factor, false), ColorMap::Sequential),
        ("reconstructed", shrink(y, width, factor, false), ColorMap::Sequential),
        (
            if matches!(view.limit, Limit::Absolute(_)) {
                "difference, +- bound"
            } else {
                "difference, +- largest"
            },
            shrink(&difference, width, factor, true),
            ColorMap::Diverging,
        ),
    ];
    for (idx, (title, values, map)) in panels.into_iter().enumerate() {
        let place = Rect { x: place.x + idx as f64 * (place.width + 70.0), ..place };
        scene.text(place.x, place.y - 5.0, 9.0, crate::draw::Anchor::Start, GRAY, title);
        let bar = Rect::new(place.right() + 5.0, place.y, 9.0, place.height);
        let columns = width.div_ceil(factor);
        if map == ColorMap::Sequential {
            scene.image(place, Raster::of(&values, columns, map, |x| range.place(x)));
            color_bar(scene, bar, map, |t| range.number(t));
        } else {
            scene.image(place, Raster::of(&values, columns, map, |e| 0.5 + 0.5 * e / limit));
            color_bar(scene, bar, map, |t| (2.0 * t - 1.0) * limit);
        }
        scene.frame(place, Stroke::solid(INK, 0.7));
    }
}

/// `, [3, 1, :, :]` of slice number 13 in a shape such as (4, 4, 50, 50).
fn slice_words(slice: usize, shape: &[usize]) -> String {
    let outer = &shape[..shape.len() - 2];
    if outer.is_empty() {
        return String::new();
    }
    let mut rest = slice;
    let mut places: Vec<String> = outer
        .iter()
        .rev()
        .map(|extent| {
            let place = rest % extent;
            rest /= extent;
            place.to_string()
        })
        .collect();
    places.reverse();
    format!(" [{}, :, :]", places.join(", "))
}

/// Blocks of factor x factor pixels as one: their mean, or the one of the largest size.
fn shrink(values: &[f64], width: usize, factor: usize, extreme: bool) -> Vec<f64> {
    if factor <= 1 {
        return values.to_vec();
    }
    let height = values.len() / width;
    let mut out = Vec::with_capacity(width.div_ceil(factor) * height.div_ceil(factor));
    for top in (0..height).step_by(factor) {
        for left in (0..width).step_by(factor) {
            let rows = top..(top + factor).min(height);
            let block =
                rows.flat_map(|row| &values[row * width + left..row * width + (left + factor).min(width)]);
            out.push(if extreme {
                block
                    .copied()
                    .filter(|x| !x.is_nan())
                    .fold(0.0, |a: f64, b| if b.abs() > a.abs() { b } else { a })
            } else {
                let (sum, n) = block.filter(|x| !x.is_nan()).fold((0.0, 0), |(s, n), x| (s + x, n + 1));
                sum / f64::from(n)
            });
        }
    }
    out
}

/// Values shown of a series.
const WINDOW: usize = 400;

/// A series around its largest error, and the error below.
pub fn series(view: &VariableView) -> Option<Scene> {
    if view.shape.len() < 2 || image_axes(&view.shape).is_some() || view.before.len() < 2 {
        return None;
    }
    let size = |k: usize| (view.after[k] - view.before[k]).abs();
    let worst = (0..view.before.len())
        .filter(|&k| size(k).is_finite())
        .max_by(|&a, &b| size(a).total_cmp(&size(b)))?;
    let row = view.shape[view.shape.len() - 1];
    let length = if row >= WINDOW / 2 { row } else { view.before.len() };
    let base = worst / length * length;
    let first =
        worst.saturating_sub(WINDOW / 2).max(base).min((base + length).saturating_sub(WINDOW).max(base));
    let range = first..(first + WINDOW).min(base + length).min(view.before.len());
    let mut scene = Scene::new(format!("{}: around the largest error", view.name), 760.0, 330.0);
    scene.heading(
        10.0,
        16.0,
        12.0,
        INK,
        format!("{}: values {} to {} around the largest error", view.label(), range.start, range.end),
    );
    let (low, high) = ends(&view.before[range.clone()]);
    let x = Scale::linear(range.start as f64, range.end as f64);
    let frame = Rect::new(78.0, 44.0, 660.0, 130.0);
    let axes = Axes { frame, x, y: Scale::linear(low - 0.05 * (high - low), high + 0.05 * (high - low)) };
    axes.draw(&mut scene, "", &view.label());
    let points =
        |values: &[f64]| -> Vec<(f64, f64)> { range.clone().map(|k| (k as f64, values[k])).collect() };
    axes.curve(&mut scene, points(&view.before), Stroke::solid(BEFORE, 1.2));
    axes.curve(&mut scene, points(&view.after), Stroke::dashed(AFTER, 1.0));
    legend(
        &mut scene,
        frame.x,
        38.0,
        &[("before", Stroke::solid(BEFORE, 1.2), false), ("after", Stroke::dashed(AFTER, 1.0), false)],
    );
    let e: Vec<f64> = view.before.iter().zip(&view.after).map(|(x, y)| y - x).collect();
    let reach = match view.limit {
        Limit::Absolute(limit) => 1.2 * limit,
        _ => 1.1 * size(worst),
    };
    let axes = Axes { frame: Rect::new(78.0, 190.0, 660.0, 94.0), x, y: Scale::linear(-reach, reach) };
    axes.draw(&mut scene, "place in the array", "after - before");
    axes.curve(&mut scene, points(&e), Stroke::solid(AFTER, 0.8));
    if let Limit::Absolute(limit) = view.limit {
        [-limit, limit].iter().for_each(|&y| axes.horizontal(&mut scene, y, Stroke::dashed(WARN, 1.2)));
    }
    Some(scene)
}

fn ends(values: &[f64]) -> (f64, f64) {
    let finite = values.iter().filter(|x| x.is_finite());
    finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &x| (low.min(x), high.max(x)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_named_by_their_place() {
        assert_eq!(slice_words(13, &[4, 4, 50, 50]), " [3, 1, :, :]");
        assert_eq!(slice_words(0, &[50, 50]), "");
    }

    #[test]
    fn blocks_keep_their_mean_or_their_extreme() {
        let image = [1.0, 3.0, 5.0, -9.0, 1.0, f64::NAN];
        assert_eq!(shrink(&image, 3, 2, true), [-9.0, 5.0]);
        assert_eq!(shrink(&image, 3, 2, false), [-1.0, 5.0]);
    }

    #[test]
    fn crowded_values_are_shown_by_their_logarithm() {
        let counts: Vec<f64> =
            (0..1000).map(|k| if k < 950 { f64::from(k % 3) } else { f64::from(k) }).collect();
        let range = ColorRange::of(&counts);
        assert!(range.log_unit.is_some());
        assert!((range.place(range.number(0.3)) - 0.3).abs() < 1e-12);
        let flat: Vec<f64> = (0..1000).map(f64::from).collect();
        assert!(ColorRange::of(&flat).log_unit.is_none());
    }
}
