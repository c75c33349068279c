//! Curves over epochs.

use crate::draw::{AFTER, Axes, BEFORE, Color, INK, Rect, Scale, Scene, Stroke, legend};

/// One curve: a name and a value an epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Shown in the legend.
    pub name: String,
    /// From the first epoch on.
    pub values: Vec<f64>,
}

const COLORS: [Color; 2] = [BEFORE, AFTER];

/// Loss by epoch on a logarithmic axis; `title` tells the model.
pub fn losses(curves: &[Curve], title: &str) -> Option<Scene> {
    let positive = curves.iter().flat_map(|c| &c.values).copied().filter(|x| x.is_finite() && *x > 0.0);
    let (low, high) = positive.fold((f64::INFINITY, 0.0f64), |(low, high), x| (low.min(x), high.max(x)));
    let n_epochs = curves.iter().map(|c| c.values.len()).max().unwrap_or(0);
    if n_epochs < 2 || high == 0.0 {
        return None;
    }
    let mut scene = Scene::new("Loss by epoch", 560.0, 300.0);
    scene.heading(10.0, 16.0, 12.0, INK, title);
    let frame = Rect::new(78.0, 44.0, 464.0, 210.0);
    let y = Scale::log(low / 1.2, high * 1.2);
    let axes = Axes { frame, x: Scale::linear(0.0, n_epochs as f64), y };
    axes.draw(&mut scene, "epoch", "loss");
    let mut entries = Vec::new();
    for (idx, curve) in curves.iter().filter(|c| !c.values.is_empty()).enumerate() {
        let color = COLORS[idx % COLORS.len()];
        let stroke = if idx == 0 { Stroke::solid(color, 1.3) } else { Stroke::dashed(color, 1.3) };
        let points = curve.values.iter().enumerate().map(|(epoch, &loss)| ((epoch + 1) as f64, loss));
        axes.curve(&mut scene, points.filter(|p| p.1 > 0.0), stroke);
        entries.push((curve.name.as_str(), stroke, false));
    }
    legend(&mut scene, frame.x, 38.0, &entries);
    Some(scene)
}
