//! A frame with two scales, and what is drawn inside it. Lines are cut at the frame.

use super::color::{Color, GRAY, GRID, INK};
use super::font::text_width;
use super::scale::Scale;
use super::scene::{Anchor, Rect, Scene, Stroke};
use crate::metrics::Histogram;

/// Room for numbers and label on the left.
pub const MARGIN_LEFT: f64 = 58.0;
/// Room for numbers and label below.
pub const MARGIN_BOTTOM: f64 = 34.0;

const NUMBERS: f64 = 9.0;
const LABELS: f64 = 10.0;
const TICK: f64 = 4.0;

/// A frame and its scales.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axes {
    /// The inside, without numbers and labels.
    pub frame: Rect,
    /// Across.
    pub x: Scale,
    /// Up.
    pub y: Scale,
}

impl Axes {
    /// The place of a point.
    pub fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let (fx, fy) = (self.x.place(x), self.y.place(y));
        (self.frame.x + fx * self.frame.width, self.frame.bottom() - fy * self.frame.height)
    }

    fn inside(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (x.clamp(self.frame.x, self.frame.right()), y.clamp(self.frame.y, self.frame.bottom()))
    }

    /// Frame, ticks, numbers, labels; empty labels leave out the numbers of their axis too.
    pub fn draw(&self, scene: &mut Scene, x_label: &str, y_label: &str) {
        let frame = self.frame;
        for (x, words) in self.x.ticks(((frame.width / 62.0) as usize).max(1)) {
            let (px, _) = self.at(x, self.y.low);
            scene.line(vec![(px, frame.y), (px, frame.bottom())], Stroke::solid(GRID, 0.5));
            scene.line(vec![(px, frame.bottom()), (px, frame.bottom() - TICK)], Stroke::solid(INK, 0.8));
            if !x_label.is_empty() {
                scene.text(px, frame.bottom() + 12.0, NUMBERS, Anchor::Middle, INK, words);
            }
        }
        for (y, words) in self.y.ticks(((frame.height / 34.0) as usize).max(1)) {
            let (_, py) = self.at(self.x.low, y);
            scene.line(vec![(frame.x, py), (frame.right(), py)], Stroke::solid(GRID, 0.5));
            scene.line(vec![(frame.x, py), (frame.x + TICK, py)], Stroke::solid(INK, 0.8));
            if !y_label.is_empty() {
                scene.text(frame.x - 5.0, py + 3.2, NUMBERS, Anchor::End, INK, words);
            }
        }
        scene.frame(frame, Stroke::solid(INK, 0.9));
        if !x_label.is_empty() {
            let label = fitted(x_label, frame.width + 40.0);
            scene.text(
                frame.x + frame.width / 2.0,
                frame.bottom() + 27.0,
                LABELS,
                Anchor::Middle,
                INK,
                label,
            );
        }
        if !y_label.is_empty() {
            let middle = frame.y + frame.height / 2.0;
            scene.text_upward(
                frame.x - MARGIN_LEFT + 12.0,
                middle,
                LABELS,
                INK,
                fitted(y_label, frame.height + 20.0),
            );
        }
    }

    /// A curve; parts outside the frame are cut off, points that are not finite break it.
    pub fn curve(&self, scene: &mut Scene, points: impl IntoIterator<Item = (f64, f64)>, stroke: Stroke) {
        let mut run: Vec<(f64, f64)> = Vec::new();
        let mut last: Option<(f64, f64)> = None;
        for (x, y) in points {
            if !(x.is_finite() && y.is_finite()) {
                scene.line(std::mem::take(&mut run), stroke);
                last = None;
                continue;
            }
            let here = self.at(x, y);
            if let Some(before) = last {
                match self.cut(before, here) {
                    Some((from, to)) => {
                        if run.last() != Some(&from) {
                            scene.line(std::mem::take(&mut run), stroke);
                            run.push(from);
                        }
                        run.push(to);
                    }
                    None => scene.line(std::mem::take(&mut run), stroke),
                }
            }
            last = Some(here);
        }
        scene.line(run, stroke);
    }

    /// The part of a segment inside the frame (Liang and Barsky 1984).
    fn cut(&self, a: (f64, f64), b: (f64, f64)) -> Option<((f64, f64), (f64, f64))> {
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let sides = [
            (-dx, a.0 - self.frame.x),
            (dx, self.frame.right() - a.0),
            (-dy, a.1 - self.frame.y),
            (dy, self.frame.bottom() - a.1),
        ];
        let (mut from, mut to) = (0.0f64, 1.0f64);
        for (p, q) in sides {
            if p == 0.0 && q < 0.0 {
                return None;
            }
            if p < 0.0 {
                from = from.max(q / p);
            } else if p > 0.0 {
                to = to.min(q / p);
            }
        }
        let at = |t: f64| {
            if t == 0.0 {
                a
            } else if t == 1.0 {
                b
            } else {
                (a.0 + t * dx, a.1 + t * dy)
            }
        };
        (from <= to).then(|| (at(from), at(to)))
    }

    /// The outline of a histogram as steps.
    pub fn steps(&self, scene: &mut Scene, histogram: &Histogram, stroke: Stroke) {
        let points = step_points(histogram).into_iter().map(|(x, y)| self.inside(self.at(x, y)));
        scene.line(points.collect(), stroke);
    }

    /// A histogram as a filled area.
    pub fn filled_steps(&self, scene: &mut Scene, histogram: &Histogram, fill: Color) {
        let points = step_points(histogram).into_iter().map(|(x, y)| self.inside(self.at(x, y)));
        scene.area(points.collect(), fill);
    }

    /// A line across the frame at `x`, if it is inside.
    pub fn vertical(&self, scene: &mut Scene, x: f64, stroke: Stroke) {
        if (0.0..=1.0).contains(&self.x.place(x)) {
            let (px, _) = self.at(x, self.y.low);
            scene.line(vec![(px, self.frame.y), (px, self.frame.bottom())], stroke);
        }
    }

    /// A line along the frame at `y`, if it is inside.
    pub fn horizontal(&self, scene: &mut Scene, y: f64, stroke: Stroke) {
        if (0.0..=1.0).contains(&self.y.place(y)) {
            let (_, py) = self.at(self.x.low, y);
            scene.line(vec![(self.frame.x, py), (self.frame.right(), py)], stroke);
        }
    }

    /// A point as a small square with, if given, a bar of its uncertainty; outside, a triangle at the border.
    pub fn point(&self, scene: &mut Scene, x: f64, y: f64, error: Option<f64>, color: Color) {
        if !(0.0..=1.0).contains(&self.x.place(x)) || !y.is_finite() {
            return;
        }
        let (px, py) = self.at(x, y);
        if !(0.0..=1.0).contains(&self.y.place(y)) {
            let up = self.y.place(y) > 1.0;
            let (tip, base) = if up {
                (self.frame.y + 1.0, self.frame.y + 6.0)
            } else {
                (self.frame.bottom() - 1.0, self.frame.bottom() - 6.0)
            };
            scene.area(vec![(px, tip), (px - 3.0, base), (px + 3.0, base)], color);
            return;
        }
        if let Some(error) = error.filter(|e| e.is_finite()) {
            let ends = [y - error, y + error].map(|end| self.inside(self.at(x, end)));
            scene.line(ends.to_vec(), Stroke::solid(color, 0.7));
        }
        scene.rect(Rect::new(px - 1.5, py - 1.5, 3.0, 3.0), color);
    }

    /// Lines of small text in the upper right corner, on white so that curves do not run through it.
    pub fn notes(&self, scene: &mut Scene, lines: &[String]) {
        let size = 8.5;
        let width = lines.iter().map(|line| text_width(line, size)).fold(0.0, f64::max);
        let right = self.frame.right() - 5.0;
        let back =
            Rect::new(right - width - 3.0, self.frame.y + 2.5, width + 6.0, lines.len() as f64 * 11.0 + 3.0);
        scene.rect(back, Color(255, 255, 255));
        for (idx, line) in lines.iter().enumerate() {
            let y = self.frame.y + 11.5 + idx as f64 * 11.0;
            scene.text(right, y, size, Anchor::End, INK, line.clone());
        }
    }

    /// A title above the frame.
    pub fn title(&self, scene: &mut Scene, text: &str) {
        scene.heading(self.frame.x, self.frame.y - 6.0, 10.0, INK, fitted(text, self.frame.width + 20.0));
    }
}

fn step_points(histogram: &Histogram) -> Vec<(f64, f64)> {
    let n = histogram.counts.len();
    let mut points = vec![(histogram.low, 0.0)];
    for (bin, &count) in histogram.counts.iter().enumerate() {
        points.push((histogram.edge(bin), count as f64));
        points.push((histogram.edge(bin + 1), count as f64));
    }
    points.push((histogram.edge(n), 0.0));
    points
}

/// Text that fits a width: its end and its beginning with dots between, where it is too long.
fn fitted(text: &str, width: f64) -> String {
    if text_width(text, LABELS) <= width {
        return text.to_string();
    }
    let characters: Vec<char> = text.chars().collect();
    for kept in (4..characters.len()).rev() {
        let (head, tail) = (kept / 3, kept - kept / 3);
        let short: String = characters[..head]
            .iter()
            .chain(&['.', '.', '.'])
            .chain(&characters[characters.len() - tail..])
            .collect();
        if text_width(&short, LABELS) <= width {
            return short;
        }
    }
    text.to_string()
}

/// Names with a sample of their line, side by side from (x, y) on; each (name, stroke, filled).
pub fn legend(scene: &mut Scene, x: f64, y: f64, entries: &[(&str, Stroke, bool)]) {
    let mut x = x;
    for (name, stroke, filled) in entries {
        if *filled {
            scene.rect(Rect::new(x, y - 7.0, 16.0, 7.0), stroke.color.tint(0.35));
        }
        scene.line(vec![(x, y - 3.5), (x + 16.0, y - 3.5)], *stroke);
        scene.text(x + 20.0, y, NUMBERS, Anchor::Start, GRAY, *name);
        x += 32.0 + text_width(name, NUMBERS);
    }
}
