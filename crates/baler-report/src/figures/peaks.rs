//! Invariant masses with their peaks fitted before and after; other derived quantities.

use crate::draw::{AFTER, Axes, BEFORE, INK, MARGIN_LEFT, Rect, Scale, Scene, Stroke, format_number, legend};
use crate::measure::{Derived, PairMeasures};
use crate::metrics::{Histogram, quantile, sorted_finite};

/// The whole mass spectrum, and a panel for each peak.
pub fn pair_mass(pairs: &PairMeasures) -> Scene {
    let n_peaks = pairs.peaks.len();
    let height = 300.0 + 270.0 * n_peaks.div_ceil(2) as f64;
    let mut scene = Scene::new(format!("{}: before and after", pairs.mass.name), 760.0, height);
    let charge = if pairs.opposite_charge { ", opposite charge" } else { "" };
    scene.heading(10.0, 16.0, 12.0, INK, format!("{}{charge}: {} pairs", pairs.mass.name, pairs.mass.n));
    spectrum(&mut scene, &pairs.mass, Rect::new(MARGIN_LEFT + 4.0, 44.0, 680.0, 200.0), true);
    for (idx, peak) in pairs.peaks.iter().enumerate() {
        let left = MARGIN_LEFT + 4.0 + (idx % 2) as f64 * 370.0;
        let frame = Rect::new(left, 330.0 + (idx / 2) as f64 * 270.0, 300.0, 190.0);
        let most = peak.histograms.iter().flat_map(|h| &h.counts).copied().max().unwrap_or(1);
        let axes =
            Axes { frame, x: Scale::linear(peak.low, peak.high), y: Scale::linear(0.0, 1.45 * most as f64) };
        axes.draw(&mut scene, &mass_label(&pairs.mass.unit), "pairs per bin");
        for (side, color) in [BEFORE, AFTER].into_iter().enumerate() {
            let histogram = &peak.histograms[side];
            for bin in 0..histogram.counts.len() {
                let n = histogram.counts[bin] as f64;
                let error = (side == 0).then(|| n.sqrt());
                axes.point(
                    &mut scene,
                    histogram.center(bin),
                    n,
                    error,
                    color.tint(if side == 0 { 0.6 } else { 1.0 }),
                );
            }
            let stroke = if side == 0 { Stroke::solid(color, 1.4) } else { Stroke::dashed(color, 1.4) };
            let curve = (0..=200).map(|k| peak.low + f64::from(k) / 200.0 * (peak.high - peak.low));
            let fit = peak.fits[side];
            axes.curve(&mut scene, curve.map(|x| (x, fit.at(x, peak.low, peak.high))), stroke);
        }
        axes.title(&mut scene, &format!("{}, before (blue) and after (dashed)", peak.name));
        let pair = |before: f64, sigma: f64, after: f64, pull: f64| {
            format!("{before:.4} +- {sigma:.4} -> {after:.4}, pull {pull:+.3}")
        };
        axes.notes(
            &mut scene,
            &[
                format!(
                    "mean {}",
                    pair(peak.mean_before, peak.mean_uncertainty, peak.mean_after, peak.mean_pull)
                ),
                format!(
                    "width {}",
                    pair(peak.width_before, peak.width_uncertainty, peak.width_after, peak.width_pull)
                ),
                format!("chi2/ndf {:.1} -> {:.1} / {}", peak.chi2_before, peak.chi2_after, peak.ndf),
            ],
        );
    }
    scene
}

/// A derived quantity before and after.
pub fn derived(quantity: &Derived) -> Scene {
    let mut scene = Scene::new(format!("{}: before and after", quantity.name), 760.0, 300.0);
    scene.heading(10.0, 16.0, 12.0, INK, quantity.name.clone());
    spectrum(&mut scene, quantity, Rect::new(MARGIN_LEFT + 4.0, 44.0, 680.0, 200.0), false);
    scene
}

/// Both histograms; masses from their logarithm, as they span decades.
fn spectrum(scene: &mut Scene, quantity: &Derived, frame: Rect, is_mass: bool) {
    let sorted = sorted_finite(&quantity.values[0]);
    let positive = is_mass && quantile(&sorted, 0.01) > 0.0;
    let coordinate = |x: f64| if positive { x.max(1e-300).log10() } else { x };
    let (low, high) = (coordinate(quantile(&sorted, 0.001)), coordinate(quantile(&sorted, 0.999)));
    let histograms = [0, 1].map(|side| {
        let values: Vec<f64> = quantity.values[side].iter().map(|&x| coordinate(x)).collect();
        Histogram::of(&values, low, high, 200)
    });
    let most = histograms.iter().flat_map(|h| &h.counts).copied().max().unwrap_or(1).max(1);
    let axes = Axes {
        frame,
        x: Scale::linear(histograms[0].low, histograms[0].high),
        y: Scale::log(0.5, most as f64 * 5.0),
    };
    axes.filled_steps(scene, &histograms[0], BEFORE.tint(0.35));
    let x_label = match (positive, is_mass) {
        (true, _) => format!("log10({})", mass_label(&quantity.unit)),
        (false, true) => mass_label(&quantity.unit),
        (false, false) if quantity.unit.is_empty() => quantity.name.clone(),
        (false, false) => format!("{} [{}]", quantity.name, quantity.unit),
    };
    axes.draw(scene, &x_label, "entries per bin");
    axes.steps(scene, &histograms[0], Stroke::solid(BEFORE, 1.2));
    axes.steps(scene, &histograms[1], Stroke::dashed(AFTER, 1.2));
    legend(
        scene,
        frame.x,
        38.0,
        &[("before", Stroke::solid(BEFORE, 1.2), true), ("after", Stroke::dashed(AFTER, 1.2), false)],
    );
    axes.notes(
        scene,
        &[
            format!("mean {} -> {}", format_number(quantity.mean_before), format_number(quantity.mean_after)),
            format!("shift {}, RMS {}", format_number(quantity.bias), format_number(quantity.rmse)),
            format!(
                "below {} / {}, above {} / {}",
                histograms[0].underflow,
                histograms[1].underflow,
                histograms[0].overflow,
                histograms[1].overflow
            ),
        ],
    );
}

/// `mass [GeV]`, or where no unit was told (`--unit`), that it is the data's.
fn mass_label(unit: &str) -> String {
    format!("mass [{}]", if unit.is_empty() { "units of the data" } else { unit })
}
