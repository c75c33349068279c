//! Values before and after with their ratio; residual and response; all residuals as boxes.

use super::short_name;
use crate::draw::{
    AFTER, Anchor, Axes, BEFORE, GRAY, INK, MARGIN_LEFT, Rect, Scale, Scene, Stroke, WARN, format_number,
    legend, text_width,
};
use crate::measure::{Limit, VariableMeasures, VariableView};
use crate::metrics::{Histogram, Response, quantile, sorted_finite};

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 440.0;
const N_BINS: usize = 100;

/// Histograms with ratio panel, residual against the bound, response in percent.
pub fn distribution(view: &VariableView, measures: &VariableMeasures) -> Scene {
    let mut scene = Scene::new(format!("{}: before and after", view.name), WIDTH, HEIGHT);
    scene.heading(10.0, 16.0, 12.0, INK, format!("{} ({})", view.label(), view.dtype));
    values_panel(&mut scene, view, measures);
    residual_panel(&mut scene, view, measures);
    response_panel(&mut scene, view, measures);
    scene
}

/// A logarithmic axis of counts that leaves room above the curves for `n_notes` lines of text.
fn counts_scale(histograms: &[&Histogram], height: f64, n_notes: usize) -> Scale {
    let most = histograms.iter().flat_map(|h| &h.counts).copied().max().unwrap_or(1).max(1) as f64;
    let notes = 11.0 * n_notes as f64 + 8.0;
    Scale::log(0.5, most * (most / 0.5).powf(notes / (height - notes)))
}

fn values_panel(scene: &mut Scene, view: &VariableView, measures: &VariableMeasures) {
    let mut before = view.bins(N_BINS);
    let mut after = before.clone();
    view.before.iter().for_each(|&x| before.push(x));
    view.after.iter().for_each(|&x| after.push(x));
    let frame = Rect::new(MARGIN_LEFT + 4.0, 44.0, 340.0, 232.0);
    let x = Scale::linear(before.low, before.high);
    let axes = Axes { frame, x, y: counts_scale(&[&before, &after], frame.height, 4) };
    axes.filled_steps(scene, &before, BEFORE.tint(0.35));
    axes.draw(scene, "", "values per bin");
    axes.steps(scene, &before, Stroke::solid(BEFORE, 1.2));
    axes.steps(scene, &after, Stroke::dashed(AFTER, 1.2));
    axes.notes(
        scene,
        &[
            format!("chi2/ndf {} / {}", format_number(measures.chi2), measures.ndf),
            format!(
                "KS {}, W1 {}",
                format_number(measures.kolmogorov_smirnov),
                format_number(measures.wasserstein)
            ),
            format!(
                "below {} / {}, above {} / {}",
                before.underflow, after.underflow, before.overflow, after.overflow
            ),
            format!("not finite or missing {}", measures.n_not_finite),
        ],
    );
    let entries =
        [("before", Stroke::solid(BEFORE, 1.2), true), ("after", Stroke::dashed(AFTER, 1.2), false)];
    legend(scene, frame.x, frame.y - 6.0, &entries);
    ratio_panel(
        scene,
        &before,
        &after,
        Axes { frame: Rect::new(frame.x, 288.0, frame.width, 104.0), x, y: x },
        view,
    );
}

/// after / before for each bin, with the Poisson uncertainty that an independent sample would have, for scale.
fn ratio_panel(scene: &mut Scene, before: &Histogram, after: &Histogram, axes: Axes, view: &VariableView) {
    let pairs: Vec<(f64, f64, f64)> = (0..before.counts.len())
        .filter(|&bin| before.counts[bin] > 0)
        .map(|bin| {
            let (b, a) = (before.counts[bin] as f64, after.counts[bin] as f64);
            (before.center(bin), a / b, 1.0 / b.sqrt())
        })
        .collect();
    let mut off: Vec<f64> = pairs.iter().map(|p| (p.1 - 1.0).abs()).collect();
    off.sort_unstable_by(f64::total_cmp);
    let half = (1.3 * quantile(&off, 0.95)).clamp(0.02, 1.0);
    let axes = Axes { y: Scale::linear(1.0 - half, 1.0 + half), ..axes };
    let band = |sign: f64| {
        let bins = (0..before.counts.len()).filter(|&bin| before.counts[bin] > 0);
        bins.map(move |bin| (bin, 1.0 + sign / (before.counts[bin] as f64).sqrt()))
    };
    for sign in [1.0, -1.0] {
        for (bin, y) in band(sign) {
            let ends = [(before.edge(bin), y), (before.edge(bin + 1), y)];
            axes.curve(scene, ends, Stroke::solid(GRAY.tint(0.5), 0.8));
        }
    }
    axes.draw(scene, &view.label(), "after / before");
    axes.horizontal(scene, 1.0, Stroke::solid(BEFORE, 0.9));
    pairs.iter().for_each(|&(x, ratio, _)| axes.point(scene, x, ratio, None, AFTER));
}

/// Errors in units of the bound where there is one, else in the variable's own.
fn residual_panel(scene: &mut Scene, view: &VariableView, measures: &VariableMeasures) {
    let bounded = matches!(view.limit, Limit::Absolute(_) | Limit::Relative(_));
    let residuals = view.residuals(bounded);
    let largest = residuals.iter().fold(0.0f64, |most, e| most.max(e.abs()));
    let sorted = sorted_finite(&residuals);
    let spread = quantile(&sorted, 0.995).max(-quantile(&sorted, 0.005));
    let reach = if bounded {
        1.25
    } else if spread > 0.0 {
        (1.1 * largest).min(3.0 * spread)
    } else {
        1.1 * largest
    };
    let histogram = Histogram::of(&residuals, -reach, reach, N_BINS);
    let frame = Rect::new(476.0, 44.0, 262.0, 138.0);
    let axes = Axes {
        frame,
        x: Scale::linear(histogram.low, histogram.high),
        y: counts_scale(&[&histogram], frame.height, 2),
    };
    axes.filled_steps(scene, &histogram, AFTER.tint(0.35));
    let unit = if view.unit.is_empty() { String::new() } else { format!(" [{}]", view.unit) };
    let label =
        if bounded { "(after - before) / bound".to_string() } else { format!("after - before{unit}") };
    axes.draw(scene, &label, "values per bin");
    axes.steps(scene, &histogram, Stroke::solid(AFTER, 1.1));
    if bounded {
        [-1.0, 1.0].iter().for_each(|&x| axes.vertical(scene, x, Stroke::dashed(WARN, 1.2)));
    }
    let outside = histogram.underflow + histogram.overflow;
    axes.notes(
        scene,
        &[
            format!(
                "mean {}, RMS {}{unit}",
                format_number(measures.residual.mean),
                format_number(measures.residual.rms)
            ),
            format!("largest {}, outside {outside}", format_number(measures.max_abs_error)),
        ],
    );
    let title = match view.limit {
        Limit::Absolute(limit) => format!("residual; bound {} = {}{unit}", view.bound, format_number(limit)),
        Limit::Relative(_) => format!("residual; bound {}", view.bound),
        Limit::Lossless => "residual; lossless".to_string(),
        Limit::None => "residual; no bound".to_string(),
    };
    axes.title(scene, &title);
}

fn response_panel(scene: &mut Scene, view: &VariableView, measures: &VariableMeasures) {
    let response = Response::of(&view.before, &view.after);
    let percent: Vec<f64> = response.responses.iter().map(|r| 100.0 * r).collect();
    let sorted = sorted_finite(&percent);
    let spread = quantile(&sorted, 0.98).max(-quantile(&sorted, 0.02));
    let reach = if spread > 0.0 { 1.3 * spread } else { 1.0 };
    let histogram = Histogram::of(&percent, -reach, reach, N_BINS);
    let frame = Rect::new(476.0, 252.0, 262.0, 140.0);
    let axes = Axes {
        frame,
        x: Scale::linear(histogram.low, histogram.high),
        y: counts_scale(&[&histogram], frame.height, 2),
    };
    axes.filled_steps(scene, &histogram, AFTER.tint(0.35));
    axes.draw(scene, "100 x (after - before) / before [%]", "values per bin");
    axes.steps(scene, &histogram, Stroke::solid(AFTER, 1.1));
    let outside = histogram.underflow + histogram.overflow;
    axes.notes(
        scene,
        &[
            format!(
                "mean {} %, RMS {} %",
                format_number(100.0 * measures.response.mean),
                format_number(100.0 * measures.response.rms)
            ),
            format!(
                "outside {outside}; zeros kept {}, changed {}",
                measures.zeros_kept, measures.zeros_changed
            ),
        ],
    );
    axes.title(scene, "response");
}

/// A box for the residual of each variable: quartiles and median, whiskers to the 1 % and 99 % quantiles, a tick at
/// each extreme. In units of the bound where every variable has one, else of each variable's range.
pub fn boxes(views: &[VariableView], measures: &[VariableMeasures]) -> Scene {
    let bounded =
        views.iter().all(|v| matches!(v.limit, Limit::Absolute(_) | Limit::Relative(_) | Limit::Lossless));
    let row = 16.0;
    let name_width = views.iter().map(|v| text_width(&short_name(&v.name), 9.0)).fold(40.0, f64::max);
    let frame = Rect::new(name_width + 20.0, 30.0, 700.0 - name_width, row * views.len() as f64 + 6.0);
    let mut scene = Scene::new("Residuals of all variables", 750.0, frame.bottom() + 40.0);
    let scaled: Vec<Vec<f64>> = views
        .iter()
        .zip(measures)
        .map(|(view, m)| {
            let mut e = view.residuals(bounded);
            if !bounded && m.range > 0.0 {
                e.iter_mut().for_each(|e| *e /= m.range);
            }
            sorted_finite(&e)
        })
        .collect();
    let reach = if bounded {
        1.15
    } else {
        let tails = scaled.iter().map(|e| quantile(e, 0.99).max(-quantile(e, 0.01)));
        tails.filter(|t| t.is_finite()).fold(1e-12, f64::max) * 1.3
    };
    let axes = Axes { frame, x: Scale::linear(-reach, reach), y: Scale::linear(0.0, views.len() as f64) };
    axes.draw(&mut scene, if bounded { "(after - before) / bound" } else { "(after - before) / range" }, "");
    scene.rect(Rect::new(frame.x + 0.5, frame.y + 0.5, frame.width - 1.0, 0.1), INK);
    if bounded {
        [-1.0, 1.0].iter().for_each(|&x| axes.vertical(&mut scene, x, Stroke::dashed(WARN, 1.2)));
    }
    for (idx, (view, e)) in views.iter().zip(&scaled).enumerate() {
        let y = frame.y + 3.0 + (idx as f64 + 0.5) * row;
        scene.text(frame.x - 6.0, y + 3.0, 9.0, Anchor::End, INK, short_name(&view.name));
        if !e.is_empty() {
            one_box(&mut scene, &axes, e, y);
        }
    }
    scene.heading(frame.x, 18.0, 11.0, INK, "Residuals: quartiles, 1 % and 99 %, extremes");
    scene
}

fn one_box(scene: &mut Scene, axes: &Axes, sorted: &[f64], y: f64) {
    let at = |x: f64| axes.at(x.clamp(axes.x.low, axes.x.high), axes.y.low).0;
    let q = [0.0, 0.01, 0.25, 0.5, 0.75, 0.99, 1.0].map(|f| at(quantile(sorted, f)));
    scene.line(vec![(q[1], y), (q[5], y)], Stroke::solid(INK, 0.9));
    scene.rect(Rect::new(q[2], y - 4.5, (q[4] - q[2]).max(0.6), 9.0), BEFORE.tint(0.4));
    scene.frame(Rect::new(q[2], y - 4.5, (q[4] - q[2]).max(0.6), 9.0), Stroke::solid(BEFORE, 0.9));
    scene.line(vec![(q[3], y - 4.5), (q[3], y + 4.5)], Stroke::solid(INK, 1.4));
    for extreme in [q[0], q[6]] {
        scene.line(vec![(extreme, y - 3.0), (extreme, y + 3.0)], Stroke::solid(AFTER, 1.2));
    }
}
