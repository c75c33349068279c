//! Scenes as a PDF file, a page each of the scene's own size. Text is Helvetica, which readers have; images are kept
//! without loss.

use super::color::Color;
use super::font::text_width;
use super::raster::Raster;
use super::scene::{Anchor, Item, Scene, Stroke, Text};
use flate2::{Compression, write::ZlibEncoder};
use pdf_writer::types::LineJoinStyle;
use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref, Str, TextStr};
use std::io::Write;

const CATALOG: Ref = Ref::new(1);
const PAGES: Ref = Ref::new(2);
const PLAIN: Ref = Ref::new(3);
const BOLD: Ref = Ref::new(4);
const INFO: Ref = Ref::new(5);
const FIRST_FREE: i32 = 6;

/// A PDF file with a page for each scene.
pub fn write(scenes: &[&Scene]) -> Vec<u8> {
    let mut pdf = Pdf::new();
    let mut next = FIRST_FREE;
    let mut new_ref = || {
        next += 1;
        Ref::new(next - 1)
    };
    let pages: Vec<Ref> = scenes.iter().map(|_| new_ref()).collect();
    pdf.catalog(CATALOG).pages(PAGES);
    pdf.pages(PAGES).kids(pages.iter().copied()).count(pages.len() as i32);
    for (font, name) in [(PLAIN, b"Helvetica".as_slice()), (BOLD, b"Helvetica-Bold")] {
        pdf.type1_font(font).base_font(Name(name)).encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    pdf.document_info(INFO).producer(TextStr("baler"));
    for (scene, page) in scenes.iter().zip(pages) {
        write_page(&mut pdf, scene, page, &mut new_ref);
    }
    pdf.finish()
}

fn write_page(pdf: &mut Pdf, scene: &Scene, page: Ref, new_ref: &mut impl FnMut() -> Ref) {
    let content = new_ref();
    let rasters = scene.items.iter().filter_map(|item| match item {
        Item::Image { raster, .. } => Some(raster),
        _ => None,
    });
    let images: Vec<(Ref, String, &Raster)> =
        rasters.enumerate().map(|(idx, raster)| (new_ref(), format!("I{idx}"), raster)).collect();
    let mut dictionary = pdf.page(page);
    dictionary.parent(PAGES).contents(content);
    dictionary.media_box(Rect::new(0.0, 0.0, scene.width as f32, scene.height as f32));
    let mut resources = dictionary.resources();
    resources.fonts().pair(Name(b"F"), PLAIN).pair(Name(b"B"), BOLD);
    let mut objects = resources.x_objects();
    for (id, name, _) in &images {
        objects.pair(Name(name.as_bytes()), *id);
    }
    objects.finish();
    resources.finish();
    dictionary.finish();
    let packed = deflate(&page_content(scene));
    pdf.stream(content, &packed).filter(Filter::FlateDecode);
    for (id, _, raster) in images {
        let pixels = deflate(&raster.rgb);
        let mut image = pdf.image_xobject(id, &pixels);
        image.filter(Filter::FlateDecode);
        image.width(raster.width as i32).height(raster.height as i32);
        image.color_space().device_rgb();
        image.bits_per_component(8).interpolate(false);
    }
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(bytes).expect("memory takes any write");
    encoder.finish().expect("memory takes any write")
}

fn page_content(scene: &Scene) -> Vec<u8> {
    let mut content = Content::new();
    content.set_line_join(LineJoinStyle::RoundJoin);
    let up = |y: f64| (scene.height - y) as f32; // PDF counts from below
    let mut n_images = 0;
    for item in &scene.items {
        match item {
            Item::Line { points, stroke } => {
                set_stroke(&mut content, stroke);
                draw_path(&mut content, points, up);
                content.stroke();
            }
            Item::Area { points, fill } => {
                set_fill(&mut content, *fill);
                draw_path(&mut content, points, up);
                content.close_path().fill_nonzero();
            }
            Item::Text(text) => draw_text(&mut content, text, up),
            Item::Image { place, .. } => {
                content.save_state();
                let matrix =
                    [place.width as f32, 0.0, 0.0, place.height as f32, place.x as f32, up(place.bottom())];
                content.transform(matrix).x_object(Name(format!("I{n_images}").as_bytes()));
                content.restore_state();
                n_images += 1;
            }
        }
    }
    content.finish().into_vec()
}

fn rgb(color: Color) -> [f32; 3] {
    [color.0, color.1, color.2].map(|c| f32::from(c) / 255.0)
}

fn set_fill(content: &mut Content, color: Color) {
    let [r, g, b] = rgb(color);
    content.set_fill_rgb(r, g, b);
}

fn set_stroke(content: &mut Content, stroke: &Stroke) {
    let [r, g, b] = rgb(stroke.color);
    content.set_stroke_rgb(r, g, b).set_line_width(stroke.width as f32);
    content.set_dash_pattern(
        if stroke.dashed { [5.0, 3.0].into_iter().take(2) } else { [5.0, 3.0].into_iter().take(0) },
        0.0,
    );
}

fn draw_path(content: &mut Content, points: &[(f64, f64)], up: impl Fn(f64) -> f32) {
    for (idx, (x, y)) in points.iter().enumerate() {
        if idx == 0 {
            content.move_to(*x as f32, up(*y));
        } else {
            content.line_to(*x as f32, up(*y));
        }
    }
}

fn draw_text(content: &mut Content, text: &Text, up: impl Fn(f64) -> f32) {
    let width = text_width(&text.text, text.size);
    let back = match text.anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => width / 2.0,
        Anchor::End => width,
    } as f32;
    set_fill(content, text.color);
    let (x, y) = (text.x as f32, up(text.y));
    let font = if text.bold { Name(b"B") } else { Name(b"F") };
    content.begin_text().set_font(font, text.size as f32);
    content.set_text_matrix(match text.upward {
        false => [1.0, 0.0, 0.0, 1.0, x - back, y],
        true => [0.0, 1.0, -1.0, 0.0, x, y - back],
    });
    content.show(Str(&win_ansi(&text.text))).end_text();
}

/// The bytes of Windows code page 1252 as far as it is Latin-1; anything else becomes '?'.
fn win_ansi(text: &str) -> Vec<u8> {
    let byte = |c: char| match c as u32 {
        code @ (0x20..=0x7e | 0xa0..=0xff) => code as u8,
        _ => b'?',
    };
    text.chars().map(byte).collect()
}
