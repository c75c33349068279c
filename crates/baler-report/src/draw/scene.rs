//! What a picture is made of, and the few shapes that all pictures share.

use super::color::Color;
use super::raster::Raster;

/// A rectangle by its upper left corner.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs)]
pub struct Rect {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

impl Rect {
    /// From its corner and size.
    pub fn new(x: f64, y: f64, width: f64, height: f64) -> Rect {
        Rect { x, y, width, height }
    }

    /// x of the right side.
    pub fn right(&self) -> f64 {
        self.x + self.width
    }

    /// y of the lower side.
    pub fn bottom(&self) -> f64 {
        self.y + self.height
    }

    fn corners(&self) -> Vec<(f64, f64)> {
        vec![(self.x, self.y), (self.right(), self.y), (self.right(), self.bottom()), (self.x, self.bottom())]
    }
}

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stroke {
    /// Its color.
    pub color: Color,
    /// Its width.
    pub width: f64,
    /// Dashed, so that it is told apart without color.
    pub dashed: bool,
}

impl Stroke {
    /// A solid line.
    pub fn solid(color: Color, width: f64) -> Stroke {
        Stroke { color, width, dashed: false }
    }

    /// A dashed line.
    pub fn dashed(color: Color, width: f64) -> Stroke {
        Stroke { color, width, dashed: true }
    }
}

/// Where a text's point is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// One line of text on its baseline.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct Text {
    pub x: f64,
    pub y: f64,
    pub text: String,
    pub size: f64,
    pub color: Color,
    pub anchor: Anchor,
    pub bold: bool,
    /// Read from below to above.
    pub upward: bool,
}

/// One thing that is drawn.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum Item {
    Line {
        points: Vec<(f64, f64)>,
        stroke: Stroke,
    },
    Area {
        points: Vec<(f64, f64)>,
        fill: Color,
    },
    Text(Text),
    /// Pixels, each a sharp rectangle.
    Image {
        place: Rect,
        raster: Raster,
    },
}

/// A picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// Its width.
    pub width: f64,
    /// Its height.
    pub height: f64,
    /// For people who do not see it, and for file lists.
    pub title: String,
    /// From back to front.
    pub items: Vec<Item>,
}

impl Scene {
    /// An empty picture.
    pub fn new(title: impl Into<String>, width: f64, height: f64) -> Scene {
        Scene { width, height, title: title.into(), items: Vec::new() }
    }

    /// A line through points.
    pub fn line(&mut self, points: Vec<(f64, f64)>, stroke: Stroke) {
        if points.len() > 1 {
            self.items.push(Item::Line { points, stroke });
        }
    }

    /// A filled polygon.
    pub fn area(&mut self, points: Vec<(f64, f64)>, fill: Color) {
        if points.len() > 2 {
            self.items.push(Item::Area { points, fill });
        }
    }

    /// A filled rectangle.
    pub fn rect(&mut self, rect: Rect, fill: Color) {
        self.area(rect.corners(), fill);
    }

    /// The outline of a rectangle.
    pub fn frame(&mut self, rect: Rect, stroke: Stroke) {
        let mut points = rect.corners();
        points.push(points[0]);
        self.line(points, stroke);
    }

    /// Pixels in a rectangle.
    pub fn image(&mut self, place: Rect, raster: Raster) {
        self.items.push(Item::Image { place, raster });
    }

    /// A line of text.
    pub fn text(&mut self, x: f64, y: f64, size: f64, anchor: Anchor, color: Color, text: impl Into<String>) {
        let text = text.into();
        self.items.push(Item::Text(Text { x, y, text, size, color, anchor, bold: false, upward: false }));
    }

    /// A line of bold text.
    pub fn heading(&mut self, x: f64, y: f64, size: f64, color: Color, text: impl Into<String>) {
        let (text, anchor) = (text.into(), Anchor::Start);
        self.items.push(Item::Text(Text { x, y, text, size, color, anchor, bold: true, upward: false }));
    }

    /// A line of text read upward, its middle at (x, y).
    pub fn text_upward(&mut self, x: f64, y: f64, size: f64, color: Color, text: impl Into<String>) {
        let (text, anchor) = (text.into(), Anchor::Middle);
        self.items.push(Item::Text(Text { x, y, text, size, color, anchor, bold: false, upward: true }));
    }
}
