//! A scene as SVG: one element an item, no styles from outside, no identifiers, so that many fit on one page.

use super::raster::base64;
use super::scene::{Anchor, Item, Scene, Stroke, Text};
use baler_data::names::shown;
use std::fmt::Write;

/// The fonts asked for, first to last; all have the widths of Helvetica.
const FONTS: &str = "Helvetica, Arial, 'Liberation Sans', sans-serif";

/// An SVG element, which is also a whole SVG file.
pub fn write(scene: &Scene) -> String {
    let (width, height) = (number(scene.width), number(scene.height));
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         role=\"img\" font-family=\"{FONTS}\"><title>{}</title><rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n",
        escape(&scene.title)
    );
    scene.items.iter().for_each(|item| write_item(&mut out, item));
    out.push_str("</svg>\n");
    out
}

fn write_item(out: &mut String, item: &Item) {
    let _ = match item {
        Item::Line { points, stroke } => {
            writeln!(out, "<path d=\"{}\" fill=\"none\" {}/>", path(points), stroke_words(stroke))
        }
        Item::Area { points, fill } => {
            writeln!(out, "<path d=\"{}Z\" fill=\"{}\"/>", path(points), fill.hex())
        }
        Item::Text(text) => write_text(out, text),
        Item::Image { place, raster } => writeln!(
            out,
            "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" \
             style=\"image-rendering:pixelated\" href=\"data:image/png;base64,{}\"/>",
            number(place.x),
            number(place.y),
            number(place.width),
            number(place.height),
            base64(&raster.png())
        ),
    };
}

fn write_text(out: &mut String, text: &Text) -> std::fmt::Result {
    let anchor = match text.anchor {
        Anchor::Start => "start",
        Anchor::Middle => "middle",
        Anchor::End => "end",
    };
    let (x, y) = (number(text.x), number(text.y));
    write!(
        out,
        "<text x=\"{x}\" y=\"{y}\" font-size=\"{}\" fill=\"{}\"",
        number(text.size),
        text.color.hex()
    )?;
    if text.anchor != Anchor::Start {
        write!(out, " text-anchor=\"{anchor}\"")?;
    }
    if text.bold {
        write!(out, " font-weight=\"bold\"")?;
    }
    if text.upward {
        write!(out, " transform=\"rotate(-90 {x} {y})\"")?;
    }
    writeln!(out, ">{}</text>", escape(&text.text))
}

fn stroke_words(stroke: &Stroke) -> String {
    let dashes = if stroke.dashed { " stroke-dasharray=\"5 3\"" } else { "" };
    format!(
        "stroke=\"{}\" stroke-width=\"{}\" stroke-linejoin=\"round\"{dashes}",
        stroke.color.hex(),
        number(stroke.width)
    )
}

fn path(points: &[(f64, f64)]) -> String {
    let mut out = String::with_capacity(points.len() * 12);
    for (idx, (x, y)) in points.iter().enumerate() {
        let _ = write!(out, "{}{} {}", if idx == 0 { "M" } else { "L" }, number(*x), number(*y));
    }
    out
}

/// Two decimals are a hundredth of a point.
fn number(x: f64) -> String {
    let text = format!("{x:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_string() } else { text.to_string() }
}

/// Text as it may stand in markup.
pub fn escape(text: &str) -> String {
    shown(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
