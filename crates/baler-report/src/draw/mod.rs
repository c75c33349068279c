//! A small drawing layer: a [`Scene`] of lines, areas, texts and images, written as SVG ([`svg`]) or PDF ([`pdf`]) with
//! the same picture in both. Lengths are points (1/72 inch), y grows downward. Nothing is clipped by a back end: what
//! is drawn lies inside.

mod axes;
mod color;
mod font;
pub mod pdf;
mod raster;
mod scale;
mod scene;
pub mod svg;

pub use axes::{Axes, MARGIN_BOTTOM, MARGIN_LEFT, legend};
pub use color::{AFTER, BEFORE, Color, ColorMap, GRAY, GRID, INK, THIRD, WARN};
pub use font::text_width;
pub use raster::Raster;
pub use scale::{Scale, format_number};
pub use scene::{Anchor, Item, Rect, Scene, Stroke, Text};
