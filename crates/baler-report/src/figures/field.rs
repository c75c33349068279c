//! Which scales a bound has touched: power spectra with ratio, and the pattern in the error.

use crate::draw::{
    AFTER, Axes, BEFORE, INK, MARGIN_LEFT, Rect, Scale, Scene, Stroke, THIRD, format_number, legend,
};
use crate::measure::{VariableMeasures, VariableView};

/// Power spectra before, after and of the error with their ratio; autocorrelation of the error.
pub fn field_errors(view: &VariableView, measures: &VariableMeasures) -> Option<Scene> {
    let field = measures.field.as_ref()?;
    let n = field.power_before.len();
    if n < 4 {
        return None;
    }
    let mut scene = Scene::new(format!("{}: spectrum and pattern of the error", view.name), 760.0, 350.0);
    scene.heading(10.0, 16.0, 12.0, INK, format!("{}: scales and pattern of the error", view.label()));
    let positive = field.power_before[1..].iter().chain(&field.power_error[1..]).filter(|p| **p > 0.0);
    let (low, high) = positive.fold((f64::INFINITY, 0.0f64), |(low, high), &p| (low.min(p), high.max(p)));
    let x = Scale::log(1.0, (n - 1) as f64);
    let frame = Rect::new(MARGIN_LEFT + 12.0, 46.0, 360.0, 160.0);
    let axes = Axes { frame, x, y: Scale::log((low / 2.0).max(high * 1e-16), high * 2.0) };
    axes.draw(&mut scene, "", "power");
    let curves = [
        (&field.power_before, Stroke::solid(BEFORE, 1.4)),
        (&field.power_after, Stroke::dashed(AFTER, 1.2)),
        (&field.power_error, Stroke::solid(THIRD, 1.0)),
    ];
    let points = |values: &[f64]| -> Vec<(f64, f64)> {
        thin(values.len()).map(|k| (k as f64, values[k])).filter(|p| p.1 > 0.0).collect()
    };
    curves.into_iter().for_each(|(values, stroke)| axes.curve(&mut scene, points(values), stroke));
    let entries = [
        ("before", Stroke::solid(BEFORE, 1.4), false),
        ("after", Stroke::dashed(AFTER, 1.2), false),
        ("error", Stroke::solid(THIRD, 1.0), false),
    ];
    legend(&mut scene, frame.x, 38.0, &entries);
    let ratio = crate::metrics::spectrum::ratio(&field.power_before, &field.power_after);
    let off = ratio[1..].iter().filter(|r| r.is_finite()).fold(0.0f64, |most, r| most.max((r - 1.0).abs()));
    let half = (1.2 * off).clamp(1e-4, 1.0);
    let axes = Axes {
        frame: Rect::new(frame.x, 220.0, frame.width, 84.0),
        x,
        y: Scale::linear(1.0 - half, 1.0 + half),
    };
    axes.draw(&mut scene, "wave number [cycles per extent]", "after / before");
    axes.horizontal(&mut scene, 1.0, Stroke::solid(BEFORE, 0.9));
    let points = thin(n).map(|k| (k as f64, ratio[k]));
    axes.curve(&mut scene, points, Stroke::solid(AFTER, 1.0));
    pattern_panel(&mut scene, &field.error_autocorrelation);
    figures(&mut scene, measures);
    Some(scene)
}

/// Wave numbers 1.. at most about 600 of them, closer at the beginning.
fn thin(n: usize) -> impl Iterator<Item = usize> {
    let mut last = 0;
    (0..600).filter_map(move |step| {
        let k = if n <= 600 {
            step + 1
        } else {
            (n as f64 - 1.0).powf(f64::from(step as u32) / 599.0).round() as usize
        };
        let fresh = k > last && k < n;
        last = last.max(k);
        fresh.then_some(k)
    })
}

fn pattern_panel(scene: &mut Scene, lags: &[f64]) {
    if lags.is_empty() || lags.iter().any(|r| r.is_nan()) {
        return;
    }
    let reach = lags.iter().fold(0.1f64, |most, r| most.max(1.2 * r.abs())).min(1.0);
    let frame = Rect::new(506.0, 46.0, 232.0, 130.0);
    let axes =
        Axes { frame, x: Scale::linear(0.0, lags.len() as f64 + 1.0), y: Scale::linear(-reach, reach) };
    axes.draw(scene, "lag [values along the last axis]", "autocorrelation of the error");
    for (idx, &r) in lags.iter().enumerate() {
        let lag = (idx + 1) as f64;
        axes.curve(scene, [(lag, 0.0), (lag, r)], Stroke::solid(AFTER, 3.0));
    }
    axes.horizontal(scene, 0.0, Stroke::solid(INK, 0.8));
}

/// The figures of merit as a list.
fn figures(scene: &mut Scene, measures: &VariableMeasures) {
    let Some(field) = &measures.field else { return };
    let pair =
        |a: Option<f64>, b: Option<f64>| Some(format!("{} -> {}", format_number(a?), format_number(b?)));
    let lines = [
        ("PSNR", Some(format!("{} dB", format_number(measures.psnr)))),
        ("SSIM, mean of slices", field.ssim.map(|s| format!("{s:.6}"))),
        ("SSIM, worst slice", field.ssim_min.map(|s| format!("{s:.6}"))),
        ("gradient error", Some(format!("{} %", format_number(100.0 * field.gradient_nrmse)))),
        ("background sigma", pair(field.background_sigma_before, field.background_sigma_after)),
        ("contrast to noise", pair(field.contrast_to_noise_before, field.contrast_to_noise_after)),
        ("odd-even difference, NRMSE", field.odd_even_nrmse.map(format_number)),
    ];
    let shown = lines.into_iter().filter_map(|(name, value)| Some((name, value?)));
    for (idx, (name, value)) in shown.filter(|(_, value)| !value.starts_with("- ->")).enumerate() {
        let y = 232.0 + idx as f64 * 14.0;
        scene.text(470.0, y, 9.0, crate::draw::Anchor::Start, INK, name);
        scene.text(738.0, y, 9.0, crate::draw::Anchor::End, INK, value);
    }
}
