//! What a TIFF tells of its images, in what formats have in common: names of axes where the notes of ImageJ or OME say
//! them, the size of pixels, descriptions and names, what marks missing values; and back into tags.

use super::directory::{Tag, tag, uint};
use super::notes::{Notes, author};
use super::{PageTags, description};
use crate::arrays::ArrayInfo;
use baler_data::dataset::{DType, Values};
use baler_data::metadata::{About, Attribute, Axis, Group, Metadata, Value};
use std::collections::HashMap;

/// Tags of texts on the whole file, and the attributes that they are.
const OF_FILE: [(u16, &str); 6] = [
    (269, "document_name"),
    (271, "make"),
    (272, "model"),
    (305, "software"),
    (306, "date_time"),
    (315, "artist"),
];
const PAGE_NAME: u16 = 285;
const X_RESOLUTION: u16 = 282;
const Y_RESOLUTION: u16 = 283;
const RESOLUTION_UNIT: u16 = 296;
/// Micrometers of a centimeter.
const CENTIMETER: f64 = 1e4;

/// True for tags that say nothing but what formats have in common.
pub fn is_carried(t: &Tag) -> bool {
    match t.tag {
        tag::DESCRIPTION => author(&text_of(t)).is_none(),
        PAGE_NAME | tag::GDAL_NODATA => true,
        other => OF_FILE.iter().any(|(of_file, _)| *of_file == other),
    }
}

/// All that the pages tell of the arrays, whose first pages have these tags.
pub fn of_pages(arrays: &[ArrayInfo], first_pages: &[&PageTags]) -> Metadata {
    let mut shared = Metadata::default();
    let tags = first_pages.first().map_or(&[][..], |page| &page.tags);
    let named = |(number, name): &(u16, &str)| Some(attribute(name, Value::Text(text(tags, *number)?)));
    let attributes: Vec<Attribute> = OF_FILE.iter().filter_map(named).collect();
    shared.groups.push(Group { path: String::new(), attributes });
    let mut extents = HashMap::new();
    for (array, page) in arrays.iter().zip(first_pages) {
        shared.variables.push(about(array, page, &mut extents));
    }
    shared
}

fn about(array: &ArrayInfo, page: &PageTags, extents: &mut HashMap<&'static str, usize>) -> About {
    let mut about = About::new(&array.name);
    let mut add = |name: &str, value| about.attributes.push(attribute(name, value));
    if let Some(name) = text(&page.tags, PAGE_NAME) {
        add("long_name", Value::Text(name));
    }
    let told = description(&page.tags).trim_matches(['\0', ' ', '\n']).to_string();
    let own = page.stored.shape().len();
    let n_pages = if array.shape.len() > own { array.shape[0] } else { 1 };
    let notes = Notes::of(&told, n_pages, per_unit(&page.tags));
    if !told.is_empty() && author(&told).is_none() {
        add("description", Value::Text(told));
    }
    let by_tags = in_centimeters(&page.tags).map(|size| (size, "cm".to_string()));
    if let Some(([x, y], unit)) = notes.pixel_size.zip(notes.unit.clone()).or(by_tags) {
        add("pixel_size", Value::Numbers { shape: vec![2], values: Values::F64(vec![y, x]) });
        add("pixel_size_unit", Value::Text(unit));
    }
    if let Some(spacing) = notes.spacing.filter(|_| notes.pages.is_some()) {
        add("page_spacing", Value::number(Values::F64(vec![spacing])));
    }
    if let Some(value) = no_data(&page.tags, array.dtype) {
        add("_FillValue", Value::number(value));
    }
    if let Some(of_pages) = notes.pages {
        let samples = match (page.stored.n_samples, page.stored.planar) {
            (1, _) => ["y", "x", "", ""],
            (_, false) => ["y", "x", "sample", ""],
            (_, true) => ["sample", "y", "x", ""],
        };
        let names = std::iter::once(of_pages).chain(samples).take(array.shape.len());
        // An axis of one name has one extent.
        let axis = |(name, &extent): (&'static str, &usize)| {
            let fits = !name.is_empty() && *extents.entry(name).or_insert(extent) == extent;
            Axis { name: if fits { name.to_string() } else { String::new() }, grows: false }
        };
        about.axes = names.zip(&array.shape).map(axis).collect();
    }
    about
}

fn attribute(name: &str, value: Value) -> Attribute {
    Attribute { name: name.to_string(), value }
}

fn text_of(t: &Tag) -> String {
    String::from_utf8_lossy(&t.bytes).trim_matches(['\0', ' ']).to_string()
}

fn text(tags: &[Tag], number: u16) -> Option<String> {
    tags.iter().find(|t| t.tag == number).map(text_of).filter(|text| !text.is_empty())
}

/// The value that GDAL's tag marks as missing.
fn no_data(tags: &[Tag], dtype: DType) -> Option<Values> {
    let bytes = super::page::no_data(tags.iter().find(|t| t.tag == tag::GDAL_NODATA)?, dtype);
    Values::from_bytes(dtype, &bytes, false).ok().filter(|values| values.len() == 1)
}

/// Pixels of a unit across and down, as tags say it.
fn per_unit(tags: &[Tag]) -> Option<[f64; 2]> {
    let number = |number: u16| {
        let t = tags.iter().find(|t| t.tag == number && t.kind == 5)?;
        let (top, bottom) = (t.bytes.get(..4)?, t.bytes.get(4..8)?);
        let (top, bottom) = (uint(top, false) as f64, uint(bottom, false) as f64);
        (top > 0.0 && bottom > 0.0).then(|| top / bottom)
    };
    Some([number(X_RESOLUTION)?, number(Y_RESOLUTION)?])
}

/// The size of pixels where tags say it in centimeters; inches are what printers and screens want.
fn in_centimeters(tags: &[Tag]) -> Option<[f64; 2]> {
    let unit = tags.iter().find(|t| t.tag == RESOLUTION_UNIT)?;
    let sizes = per_unit(tags)?.map(|n| 1.0 / n);
    (unit.bytes.first() == Some(&3)).then_some(sizes)
}

/// The tags of a first page that say what is known of its array, which comes from another format.
pub fn tags(name: &str, about: Option<&About>, dtype: DType) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut add = |tag: u16, text: &str| {
        if !text.is_empty() && !text.contains('\0') {
            tags.push(Tag { tag, kind: 2, bytes: [text.as_bytes(), &[0]].concat() });
        }
    };
    let said = |key: &str| about.and_then(|about| about.attribute(key)?.text());
    if !is_made_up(name) {
        add(PAGE_NAME, name);
    }
    add(tag::DESCRIPTION, said("description").or(said("long_name")).unwrap_or_default());
    let missing = about.and_then(|about| about.attribute("_FillValue")?.first());
    if let Some(missing) = missing {
        let whole = !dtype.is_float() && missing.abs() < 1e15;
        add(
            tag::GDAL_NODATA,
            &if whole { format!("{missing:.0}") } else { format!("{missing}").to_lowercase() },
        );
    }
    let size = about.and_then(|about| match about.attribute("pixel_size")? {
        Value::Numbers { values: Values::F64(size), .. } if size.len() == 2 => Some([size[1], size[0]]),
        _ => None,
    });
    let unit = said("pixel_size_unit").and_then(micrometers);
    if let Some((size, unit)) = size.zip(unit).filter(|(size, _)| size.iter().all(|&n| n > 0.0)) {
        for (tag, n) in [(X_RESOLUTION, size[0]), (Y_RESOLUTION, size[1])] {
            tags.push(Tag { tag, kind: 5, bytes: rational(CENTIMETER / (n * unit)) });
        }
        tags.push(Tag { tag: RESOLUTION_UNIT, kind: 3, bytes: vec![3, 0] });
    }
    tags
}

/// True for attributes of an array of another format that [`tags`] say.
pub fn carries(about: Option<&About>, attribute: &Attribute) -> bool {
    let Some(about) = about else { return false };
    let is_text = attribute.value.text().is_some_and(|text| !text.is_empty() && !text.contains('\0'));
    match attribute.name.as_str() {
        "description" => is_text,
        "long_name" => is_text && about.attribute("description").is_none(),
        "_FillValue" => attribute.value.first().is_some(),
        "pixel_size" | "pixel_size_unit" => {
            about.attribute("pixel_size_unit").and_then(|unit| micrometers(unit.text()?)).is_some()
        }
        _ => false,
    }
}

/// True for a name that readers of TIFF give.
fn is_made_up(name: &str) -> bool {
    name == "data" || name.strip_prefix("series").is_some_and(|rest| rest.parse::<usize>().is_ok())
}

/// Micrometers of a unit of length.
fn micrometers(unit: &str) -> Option<f64> {
    Some(match unit {
        "nm" => 1e-3,
        "µm" | "μm" | "um" | "micron" | "microns" => 1.0,
        "mm" => 1e3,
        "cm" => CENTIMETER,
        "m" => 1e6,
        "inch" | "in" => 25_400.0,
        _ => return None,
    })
}

/// Two whole numbers whose ratio is near `x`: the larger of them uses most of its bits.
fn rational(x: f64) -> Vec<u8> {
    let most = f64::from(1u32 << 31);
    let (top, bottom) = match x {
        _ if x.fract() == 0.0 && x < most => (x, 1.0),
        _ if x >= 1.0 => {
            let bottom = (most / x).floor().clamp(1.0, 1e6);
            ((x * bottom).round().min(most), bottom)
        }
        _ => {
            let top = (most * x).floor().clamp(1.0, 1e6);
            (top, (top / x).round().min(most))
        }
    };
    [(top as u32).to_le_bytes(), (bottom as u32).to_le_bytes()].concat()
}
