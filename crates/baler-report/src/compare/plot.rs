//! Rate and distortion of every codec: bits a value against PSNR.

use super::{Comparison, Family};
use crate::draw::{
    AFTER, Anchor, Axes, BEFORE, Color, GRAY, INK, Rect, Scale, Scene, Stroke, THIRD, WARN, legend,
    text_width,
};

const COLORS: [Color; 6] = [BEFORE, AFTER, THIRD, WARN, Color(0xe6, 0x9f, 0x00), Color(0x56, 0xb4, 0xe9)];

/// One codec: (bits a value, PSNR) at each bound.
struct Curve {
    name: String,
    family: Family,
    points: Vec<(f64, f64)>,
}

/// Curves over several bounds; codecs without loss are lines across. `n_values` is the number of values of the data.
pub fn rate_distortion(title: &str, comparisons: &[Comparison], n_values: u64) -> Scene {
    let bits = |bytes: u64| 8.0 * bytes as f64 / n_values.max(1) as f64;
    let mut curves: Vec<Curve> = Vec::new();
    for row in comparisons
        .iter()
        .flat_map(|c| &c.rows)
        .filter(|row| row.psnr.is_finite() && row.note != "breaks the bound")
    {
        let point = (bits(row.bytes), row.psnr);
        match curves.iter_mut().find(|c| c.name == row.name) {
            Some(curve) => curve.points.push(point),
            None => curves.push(Curve { name: row.name.clone(), family: row.family, points: vec![point] }),
        }
    }
    let lossless: Vec<(String, f64)> = comparisons
        .first()
        .into_iter()
        .flat_map(|c| &c.rows)
        .filter(|row| row.family == Family::Lossless || row.psnr.is_infinite())
        .map(|row| (row.name.clone(), bits(row.bytes)))
        .collect();
    let rates =
        || curves.iter().flat_map(|c| c.points.iter().map(|p| p.0)).chain(lossless.iter().map(|l| l.1));
    let psnrs = || curves.iter().flat_map(|c| c.points.iter().map(|p| p.1));
    let ends = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)))
    };
    let (low, high) = ends(&mut rates());
    let (worst, best) = ends(&mut psnrs());
    let mut scene = Scene::new("Rate and distortion", 760.0, 430.0);
    scene.heading(10.0, 16.0, 12.0, INK, title);
    let frame = Rect::new(62.0, 34.0, 470.0, 340.0);
    let axes =
        Axes { frame, x: Scale::log(low / 1.3, high * 1.3), y: Scale::linear(worst - 5.0, best + 8.0) };
    axes.draw(&mut scene, "bits per value, everything counted", "PSNR [dB]");
    lossless_lines(&mut scene, &axes, lossless);
    curves.sort_by_key(|c| (c.family != Family::Baler, c.family != Family::Peer));
    // The first ones are drawn last, so that they lie on top.
    for (idx, Curve { name, family, points }) in curves.iter_mut().enumerate().rev() {
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let stroke = stroke_of(idx, *family);
        axes.curve(&mut scene, points.iter().copied(), stroke);
        points.iter().for_each(|&(x, y)| axes.point(&mut scene, x, y, None, stroke.color));
        legend(&mut scene, 548.0, 46.0 + idx as f64 * 17.0, &[(name.as_str(), stroke, false)]);
    }
    let note = "up and left is better; each point is one bound";
    scene.text(frame.x, 424.0, 9.0, Anchor::Start, GRAY, note);
    scene
}

/// Six colors as solid lines, then dashed, then pale: no two curves are alike.
fn stroke_of(idx: usize, family: Family) -> Stroke {
    let color = COLORS[idx % COLORS.len()];
    let round = idx / COLORS.len();
    let width = if family == Family::Baler { 2.0 } else { 1.2 };
    Stroke { color: if round >= 2 { color.tint(0.5) } else { color }, width, dashed: round % 2 == 1 }
}

/// A line for each codec without loss, and the name of the best.
fn lossless_lines(scene: &mut Scene, axes: &Axes, lossless: Vec<(String, f64)>) {
    const SIZE: f64 = 8.0;
    for (_, rate) in &lossless {
        axes.vertical(scene, *rate, Stroke::dashed(GRAY.tint(0.5), 0.8));
    }
    if let Some((name, rate)) = lossless.iter().min_by(|a, b| a.1.total_cmp(&b.1)) {
        let (x, _) = axes.at(*rate, axes.y.low);
        let words = format!("best lossless: {name}");
        let middle = axes.frame.bottom() - 6.0 - text_width(&words, SIZE) / 2.0;
        scene.text_upward(x - 3.0, middle, SIZE, GRAY, words);
    }
}
