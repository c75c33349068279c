//! What an autoencoder has learned: its latents against each other and against the data, and how active its layers are.

use super::{color_bar, short_name};
use crate::draw::{
    Anchor, Axes, BEFORE, ColorMap, GRAY, INK, Raster, Rect, Scale, Scene, Stroke, format_number, text_width,
};
use crate::latents::{Activations, Latents};
use crate::metrics::correlation::pearson;
use crate::metrics::{Histogram, quantile, sorted_finite};

/// Latents in the corner plot: those that vary most.
const MAX_CORNER: usize = 6;
const CELL_BINS: usize = 40;
const CELL: f64 = 104.0;

/// Histograms on the diagonal, densities of pairs below it.
pub fn corner(latents: &Latents) -> Scene {
    let shown: Vec<usize> = latents.by_variance().into_iter().take(MAX_CORNER).collect();
    let columns: Vec<Vec<f64>> = shown.iter().map(|&k| latents.column(k)).collect();
    let ranges: Vec<(f64, f64)> = columns
        .iter()
        .map(|column| {
            let sorted = sorted_finite(column);
            let (low, high) = (quantile(&sorted, 0.002), quantile(&sorted, 0.998));
            (low - 0.5, high + 0.5) // latents are whole numbers
        })
        .collect();
    let side = shown.len() as f64 * CELL;
    let mut scene = Scene::new(format!("{}: latents", latents.name), side + 80.0, side + 84.0);
    let title = format!(
        "{}: {} of {} latents, {} samples",
        short_name(&latents.name),
        shown.len(),
        latents.n_latents,
        latents.n_samples
    );
    scene.heading(10.0, 16.0, 12.0, INK, title);
    for row in 0..shown.len() {
        for column in 0..=row {
            let frame =
                Rect::new(62.0 + column as f64 * CELL, 34.0 + row as f64 * CELL, CELL - 8.0, CELL - 8.0);
            let labels = [row + 1 == shown.len(), column == 0 && row > 0];
            let words = [shown[column], shown[row]].map(|k| format!("latent {k}"));
            if row == column {
                diagonal(
                    &mut scene,
                    frame,
                    &columns[row],
                    ranges[row],
                    labels[0].then_some(words[0].as_str()),
                );
            } else {
                let [x, y] = [column, row].map(|k| (columns[k].as_slice(), ranges[k]));
                pair_density(&mut scene, frame, x, y, labels, &words);
            }
        }
    }
    scene
}

fn diagonal(scene: &mut Scene, frame: Rect, column: &[f64], (low, high): (f64, f64), label: Option<&str>) {
    let histogram = Histogram::of(column, low, high, CELL_BINS);
    let most = histogram.counts.iter().copied().max().unwrap_or(1).max(1);
    let axes = Axes { frame, x: Scale::linear(low, high), y: Scale::linear(0.0, 1.1 * most as f64) };
    axes.filled_steps(scene, &histogram, BEFORE.tint(0.4));
    axes.draw(scene, label.unwrap_or(""), "");
    axes.steps(scene, &histogram, Stroke::solid(BEFORE, 1.0));
}

type Ranged<'a> = (&'a [f64], (f64, f64));

fn pair_density(
    scene: &mut Scene,
    frame: Rect,
    x: Ranged,
    y: Ranged,
    labels: [bool; 2],
    words: &[String; 2],
) {
    let mut counts = vec![0.0f64; CELL_BINS * CELL_BINS];
    let bin = |v: f64, (low, high): (f64, f64)| {
        let t = (v - low) / (high - low);
        (0.0..1.0).contains(&t).then_some((t * CELL_BINS as f64) as usize)
    };
    for (&a, &b) in x.0.iter().zip(y.0) {
        if let (Some(i), Some(j)) = (bin(a, x.1), bin(b, y.1)) {
            counts[(CELL_BINS - 1 - j) * CELL_BINS + i] += 1.0;
        }
    }
    let most = counts.iter().fold(1.0f64, |most, c| most.max(*c));
    let dark = Raster::of(&counts, CELL_BINS, ColorMap::Diverging, |c| 0.5 - 0.5 * c.ln_1p() / most.ln_1p());
    scene.image(frame, dark);
    let axes = Axes { frame, x: Scale::linear(x.1.0, x.1.1), y: Scale::linear(y.1.0, y.1.1) };
    let label = |shown: bool, words: &str| if shown { words.to_string() } else { String::new() };
    axes.draw(scene, &label(labels[0], &words[0]), &label(labels[1], &words[1]));
}

/// Pearson's r of each latent with what is known of each sample: the columns of a table; mean, spread, extremes of a
/// frame; and where there are velocity and pressure, the mean of p + rho v^2 / 2 with rho = 1 (Bernoulli).
pub fn latent_correlation(latents: &Latents) -> Scene {
    let shown: Vec<usize> = latents.by_variance().into_iter().take(32).collect();
    let n = latents.known.len();
    let cell = 15.0;
    let names = latents.known.iter().map(|k| text_width(&short_name(&k.0), 9.0)).fold(40.0, f64::max);
    let place = Rect::new(names + 20.0, 36.0, cell * shown.len() as f64, cell * n as f64);
    let width = (place.right() + 70.0).max(420.0);
    let mut scene = Scene::new(format!("{}: latents and data", latents.name), width, place.bottom() + 36.0);
    scene.heading(10.0, 16.0, 12.0, INK, "Correlation of latents with the data");
    let columns: Vec<Vec<f64>> = shown.iter().map(|&k| latents.column(k)).collect();
    let values: Vec<f64> = latents
        .known
        .iter()
        .flat_map(|(_, known)| columns.iter().map(|column| pearson(column, known)))
        .collect();
    scene.image(place, Raster::of(&values, shown.len(), ColorMap::Diverging, |r| 0.5 + 0.5 * r));
    scene.frame(place, Stroke::solid(INK, 0.7));
    for (row, (name, _)) in latents.known.iter().enumerate() {
        let y = place.y + (row as f64 + 0.5) * cell + 3.0;
        scene.text(place.x - 5.0, y, 9.0, Anchor::End, INK, short_name(name));
    }
    for (column, k) in shown.iter().enumerate() {
        let x = place.x + (column as f64 + 0.5) * cell;
        scene.text(x, place.bottom() + 11.0, 7.5, Anchor::Middle, INK, format!("{k}"));
    }
    scene.text(place.x, place.bottom() + 25.0, 9.0, Anchor::Start, GRAY, "latent (by variance)");
    let bar = Rect::new(place.right() + 8.0, place.y, 9.0, place.height.max(30.0));
    color_bar(&mut scene, bar, ColorMap::Diverging, |t| 2.0 * t - 1.0);
    scene
}

/// Mean activation of each node, a column a layer, in units of the largest in its layer.
pub fn activations(found: &Activations) -> Scene {
    let most = found.layers.iter().map(|layer| layer.means.len()).max().unwrap_or(1).min(256);
    let width = 46.0;
    let place = Rect::new(54.0, 40.0, width * found.layers.len() as f64, 230.0);
    let mut scene =
        Scene::new("Activations by layer", (place.right() + 90.0).max(420.0), place.bottom() + 56.0);
    scene.heading(10.0, 16.0, 12.0, INK, "Mean activation of each node, over the largest of its layer");
    for (idx, layer) in found.layers.iter().enumerate() {
        let scale = layer.means.iter().fold(0.0f64, |m, a| m.max(a.abs())).max(1e-300);
        let column: Vec<f64> =
            (0..most).map(|node| layer.means.get(node).map_or(f64::NAN, |a| a / scale)).collect();
        let n = layer.means.len().min(most);
        let height = place.height * n as f64 / most as f64;
        let cell = Rect::new(place.x + idx as f64 * width, place.y, width - 6.0, height);
        scene.image(cell, Raster::of(&column[..n], 1, ColorMap::Diverging, |a| 0.5 + 0.5 * a));
        scene.frame(cell, Stroke::solid(INK, 0.6));
        let middle = cell.x + cell.width / 2.0;
        scene.text(middle, place.bottom() + 12.0, 8.0, Anchor::Middle, INK, layer.name.clone());
        scene.text(
            middle,
            place.bottom() + 23.0,
            7.5,
            Anchor::Middle,
            GRAY,
            format!("{} nodes", layer.means.len()),
        );
        let idle = format!("idle {}", layer.n_idle);
        scene.text(middle, place.bottom() + 33.0, 7.5, Anchor::Middle, GRAY, idle);
    }
    scene.text_upward(26.0, place.y + place.height / 2.0, 9.0, INK, "node, first at the top");
    let bar = Rect::new(place.right() + 10.0, place.y, 10.0, place.height);
    color_bar(&mut scene, bar, ColorMap::Diverging, |t| 2.0 * t - 1.0);
    let note = format!("idle: the same for all {} samples", format_number(found.n_samples as f64));
    scene.text(place.x, place.bottom() + 48.0, 8.5, Anchor::Start, GRAY, note);
    scene
}
