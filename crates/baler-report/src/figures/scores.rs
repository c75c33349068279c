//! How odd the rows of a table are: all scores as a histogram, and the threshold from which on rows pass.

use super::sizes::grouped;
use crate::draw::{Axes, BEFORE, INK, MARGIN_LEFT, Rect, Scale, Scene, Stroke, WARN, format_number};
use crate::metrics::{Histogram, sorted_finite};

const N_BINS: usize = 120;

/// Scores (what they are called on the axis), and (threshold, rows that pass).
pub fn scores(scores: &[f64], label: &str, threshold: Option<(f64, usize)>) -> Scene {
    let mut scene = Scene::new("Anomaly scores", 760.0, 320.0);
    scene.heading(10.0, 16.0, 12.0, INK, format!("Anomaly scores of {} rows", grouped(scores.len() as u64)));
    let sorted = sorted_finite(scores);
    let ends = (sorted.first().copied().unwrap_or(0.0), sorted.last().copied().unwrap_or(1.0));
    let histogram = Histogram::of(scores, ends.0, ends.1, N_BINS);
    let most = histogram.counts.iter().copied().max().unwrap_or(1).max(1) as f64;
    let axes = Axes {
        frame: Rect::new(MARGIN_LEFT + 4.0, 34.0, 680.0, 230.0),
        x: Scale::linear(histogram.low, histogram.high),
        y: Scale::log(0.5, 3.0 * most),
    };
    axes.filled_steps(&mut scene, &histogram, BEFORE.tint(0.35));
    axes.draw(&mut scene, label, "rows per bin");
    axes.steps(&mut scene, &histogram, Stroke::solid(BEFORE, 1.2));
    if let Some((threshold, n_passing)) = threshold {
        axes.vertical(&mut scene, threshold, Stroke::dashed(WARN, 1.4));
        let share = n_passing as f64 / scores.len().max(1) as f64;
        axes.notes(
            &mut scene,
            &[
                format!("threshold {}", format_number(threshold)),
                format!("{} rows pass ({})", grouped(n_passing as u64), format_number(share)),
            ],
        );
    }
    scene
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_threshold_is_drawn_and_told() {
        let values: Vec<f64> = (0..1000).map(|i| f64::from(i) * 0.01).collect();
        let svg = crate::draw::svg::write(&scores(&values, "bits", Some((9.9, 10))));
        assert!(svg.contains("threshold 9.9") && svg.contains("10 rows pass (0.01)"), "{svg}");
        assert!(!crate::draw::svg::write(&scores(&values, "bits", None)).contains("threshold"));
        scores(&[], "bits", None);
        scores(&[1.0; 5], "bits", Some((1.0, 5)));
    }
}
