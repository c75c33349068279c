//! The notes of ImageJ, OME and tifffile on the pages of a file, which stand in the description of the first: what they
//! say of axes and sizes, and what stays true of them where other pages are written than the source had.

use super::directory::{Tag, tag};
use super::{FileTags, description, is_imagej, shaped};
use baler_data::dataset::DType;
use baler_data::source::Schema;

/// Lines of ImageJ's notes that count pages.
const COUNTING: [&str; 6] = ["images", "channels", "slices", "frames", "hyperstack", "mode"];

/// What notes say of an image.
#[derive(Debug, Default, PartialEq)]
pub struct Notes {
    /// The axis of pages: z, t or c.
    pub pages: Option<&'static str>,
    /// Across and down, in `unit`.
    pub pixel_size: Option<[f64; 2]>,
    /// As it is written there.
    pub unit: Option<String>,
    /// From one page to the next.
    pub spacing: Option<f64>,
}

/// Whose notes a description holds.
pub fn author(text: &str) -> Option<&'static str> {
    match text {
        _ if is_imagej(text) => Some("ImageJ"),
        _ if text.contains("<OME ") => Some("OME"),
        _ if shaped(text).is_some() => Some("tifffile"),
        _ => None,
    }
}

impl Notes {
    /// What the notes of a description say of `n_pages`; `per_unit` are the pixels in a unit that tags say.
    pub fn of(text: &str, n_pages: usize, per_unit: Option<[f64; 2]>) -> Notes {
        match author(text) {
            Some("ImageJ") => Notes::of_imagej(text, n_pages, per_unit),
            Some("OME") => Notes::of_ome(text, n_pages),
            _ => Notes::default(),
        }
    }

    fn of_imagej(text: &str, n_pages: usize, per_unit: Option<[f64; 2]>) -> Notes {
        let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        let number =
            |key: &str| value(key).and_then(|n| n.trim().parse::<f64>().ok()).filter(|n| n.is_finite());
        let counts = [("z", "slices"), ("t", "frames"), ("c", "channels")];
        let counts = counts.map(|(axis, key)| (axis, value(key).and_then(|n| n.trim().parse().ok())));
        // ImageJ writes the micro sign of a micrometer as an escape.
        let unit = value("unit").map(|unit| unit.trim().replace("\\u00B5", "µ"));
        let unit = unit.filter(|unit| !unit.is_empty() && unit != "pixel" && unit != "pixels");
        let sizes = per_unit.filter(|sizes| unit.is_some() && sizes.iter().all(|&n| n > 0.0));
        let pages = of_pages(counts, n_pages);
        let spacing = number(if pages == Some("t") { "finterval" } else { "spacing" });
        Notes { pages, pixel_size: sizes.map(|sizes| sizes.map(|n| 1.0 / n)), unit, spacing }
    }

    fn of_ome(text: &str, n_pages: usize) -> Notes {
        let pixels = text.split_once("<Pixels ").and_then(|(_, rest)| Some(rest.split_once('>')?.0));
        let value = |key: &str| {
            let (_, rest) = pixels?
                .split_once(&format!(" {key}=\""))
                .or(pixels?.strip_prefix(&format!("{key}=\"")).map(|rest| ("", rest)))?;
            Some(rest.split_once('"')?.0)
        };
        let counts = [("z", "SizeZ"), ("t", "SizeT"), ("c", "SizeC")];
        let counts = counts.map(|(axis, key)| (axis, value(key).and_then(|n| n.parse().ok())));
        let number = |key: &str| value(key).and_then(|n| n.parse::<f64>().ok()).filter(|n| *n > 0.0);
        let pixel_size = number("PhysicalSizeX").zip(number("PhysicalSizeY")).map(|(x, y)| [x, y]);
        let pages = of_pages(counts, n_pages);
        let spacing = number(if pages == Some("t") { "TimeIncrement" } else { "PhysicalSizeZ" });
        // Micrometers where nothing is said.
        let unit = pixel_size.map(|_| value("PhysicalSizeXUnit").unwrap_or("µm").to_string());
        Notes { pages, pixel_size, unit, spacing }
    }
}

/// The one axis that counts all pages.
fn of_pages(counts: [(&'static str, Option<usize>); 3], n_pages: usize) -> Option<&'static str> {
    let mut more = counts.into_iter().filter(|(_, n)| n.unwrap_or(1) > 1);
    match (more.next(), more.next()) {
        (Some((axis, n)), None) if n == Some(n_pages) => Some(axis),
        _ => None,
    }
}

/// ImageJ's notes for another number of pages: units, spacings and ranges stay, what counts pages is made anew.
pub fn for_pages(kept: &Tag, n_pages: usize) -> Option<Tag> {
    let text = description(std::slice::from_ref(kept));
    if !is_imagej(&text) {
        return None;
    }
    let is_kept = |line: &&str| !COUNTING.contains(&line.split('=').next().unwrap_or_default());
    let mut lines: Vec<String> =
        text.trim_end_matches('\0').lines().filter(is_kept).map(String::from).collect();
    if n_pages > 1 {
        let at = lines.len().min(1);
        lines.insert(at, format!("images={n_pages}"));
    }
    let bytes = [lines.join("\n").as_bytes(), b"\n\0"].concat();
    Some(Tag { tag: tag::DESCRIPTION, kind: kept.kind, bytes })
}

/// The arrays that the pages of a file are.
fn arrays(file: &FileTags) -> Vec<(Option<DType>, Vec<usize>)> {
    let runs = file.pages.chunk_by(|a, b| b.stored.is_like(&a.stored));
    let shape = |run: &[super::PageTags]| {
        let stack = if run.len() > 1 { vec![run.len()] } else { Vec::new() };
        (run[0].stored.dtype().ok(), [stack, run[0].stored.shape()].concat())
    };
    runs.map(shape).collect()
}

/// What notes of the source say that is not true of the arrays any more, and so is not written; none if all is.
pub fn left_out(metadata: &[u8], schema: &Schema) -> Option<String> {
    let file = FileTags::read(metadata).ok()?;
    let now = schema.variables.iter().map(|variable| (Some(variable.dtype), variable.shape.clone()));
    if now.eq(arrays(&file)) {
        return None;
    }
    let tags = || file.pages.iter().flat_map(|page| &page.tags);
    let text = description(&file.pages.first()?.tags);
    let mut lost = Vec::new();
    match author(&text) {
        Some("ImageJ") if schema.variables.len() == 1 => {
            let counts = text
                .lines()
                .any(|line| ["channels=", "slices=", "frames="].iter().any(|key| line.starts_with(key)));
            lost.extend(counts.then(|| "which pages are channels, slices and frames (ImageJ)".to_string()));
        }
        Some(author) => lost.push(format!("the notes of {author}")),
        None => {}
    }
    if tags().any(|t| tag::IMAGEJ.contains(&t.tag)) {
        lost.push("labels and overlays of ImageJ".into());
    }
    let is_cut = file.pages.first().is_some_and(|page| {
        let shape = page.stored.shape();
        schema.variables.iter().any(|variable| !variable.shape.ends_with(&shape))
    });
    let place = (is_cut && tags().any(|t| [33922, 34264].contains(&t.tag)))
        .then_some("the places of GeoTIFF still count pixels of the whole image");
    let lost = (!lost.is_empty())
        .then(|| format!("not true of these pages any more, and not written: {}", lost.join(", ")));
    let texts: Vec<String> = lost.into_iter().chain(place.map(String::from)).collect();
    (!texts.is_empty()).then(|| texts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_name_pages_and_sizes() {
        let text = "ImageJ=1.53\nimages=5\nslices=5\nunit=\\u00B5m\nspacing=0.5\n";
        let notes = Notes::of(text, 5, Some([4.0, 2.0]));
        let expected = Notes {
            pages: Some("z"),
            pixel_size: Some([0.25, 0.5]),
            unit: Some("µm".into()),
            spacing: Some(0.5),
        };
        assert_eq!(notes, expected);
        assert_eq!(Notes::of("ImageJ=1.53\nimages=6\nslices=2\nframes=3\n", 6, None), Notes::default());
        let ome = "<OME ><Image><Pixels ID=\"a\" SizeT=\"4\" SizeZ=\"1\" PhysicalSizeX=\"0.1\" \
                   PhysicalSizeY=\"0.2\" TimeIncrement=\"3\"></Pixels></Image></OME>";
        let notes = Notes::of(ome, 4, None);
        assert_eq!((notes.pages, notes.pixel_size, notes.spacing), (Some("t"), Some([0.1, 0.2]), Some(3.0)));
        assert_eq!(notes.unit.as_deref(), Some("µm"));
    }

    #[test]
    fn notes_of_imagej_keep_units_where_pages_are_others() {
        let tag = |text: &str| Tag { tag: tag::DESCRIPTION, kind: 2, bytes: text.as_bytes().to_vec() };
        let before = tag("ImageJ=1.53\nimages=6\nslices=2\nframes=3\nhyperstack=true\nunit=cm\nmax=9.0\n\0");
        assert_eq!(for_pages(&before, 3).unwrap(), tag("ImageJ=1.53\nimages=3\nunit=cm\nmax=9.0\n\0"));
        assert_eq!(for_pages(&before, 1).unwrap(), tag("ImageJ=1.53\nunit=cm\nmax=9.0\n\0"));
        assert_eq!(for_pages(&tag("{\"shape\": [2, 3]}\0"), 1), None);
    }
}
