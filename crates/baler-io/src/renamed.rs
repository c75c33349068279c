//! Names that are others in the output than in the source, in words: where names are paths, where a card of FITS has to
//! hold them, where a format has no names, and where the reader of a source had to change one. A file that comes back
//! in its own format has its names as they were. And what the source says of places that is not true of parts.

use super::{Format, csv, fits, is_from, tiff};
use baler_data::source::Schema;
use std::collections::HashSet;

/// Names that change, (from, to), and why.
struct Changes {
    names: Vec<(String, String)>,
    why: &'static str,
}

/// All names that change; none if none does.
pub fn changed_names(schema: &Schema, format: Format) -> Option<String> {
    let of_output = match format {
        Format::Hdf5 | Format::NetCdf | Format::Zarr => as_paths(schema),
        Format::Fits | Format::FitsGz => as_cards(schema),
        Format::Tiff => as_images(schema),
        Format::Npy | Format::Npz | Format::Csv | Format::Raw | Format::Root | Format::Parquet => None,
    };
    let texts: Vec<String> =
        [of_output, by_the_reader(schema, format)].iter().flatten().filter_map(Changes::text).collect();
    (!texts.is_empty()).then(|| texts.join("; "))
}

impl Changes {
    fn text(&self) -> Option<String> {
        let (first, becomes) = self.names.first()?;
        let more = match self.names.len() {
            1 => String::new(),
            n => format!(" and {} more", n - 1),
        };
        Some(format!("the name '{first}' becomes '{becomes}'{more}, for {}", self.why))
    }
}

/// Slashes at the ends and slashes twice are none in paths.
fn as_paths(schema: &Schema) -> Option<Changes> {
    let path = |name: &str| name.split('/').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
    let is_changed = |name: &&str| name.split('/').any(str::is_empty);
    let names = schema.names().filter(is_changed).map(|name| (name.to_string(), path(name))).collect();
    Some(Changes { names, why: "it is a path in the output's format" })
}

/// A card has few characters, and no blanks at the end; units and columns of a FITS source keep theirs.
fn as_cards(schema: &Schema) -> Option<Changes> {
    let known: HashSet<String> = schema.attached(fits::NAME).map(fits::variables).unwrap_or_default();
    let others = schema.names().filter(|name| !known.contains(*name));
    let names = others.map(|name| (name.to_string(), fits::said_by_card(name)));
    let names = names.filter(|(from, to)| from != to).collect();
    Some(Changes { names, why: "a card of FITS holds no other characters and no longer text" })
}

/// TIFF has no names of arrays.
fn as_images(schema: &Schema) -> Option<Changes> {
    let is_one = schema.variables.len() == 1;
    let name = |i: usize| if is_one { "data".to_string() } else { format!("series{i}") };
    let names = schema.names().enumerate().map(|(i, from)| (from.to_string(), name(i)));
    let names = match is_from(schema, tiff::NAME) {
        true => Vec::new(),
        false => names.filter(|(from, to)| from != to).collect(),
    };
    Some(Changes { names, why: "images of TIFF have no name but the tag PageName" })
}

/// What the source called otherwise than the variables are called, where another format is written.
fn by_the_reader(schema: &Schema, format: Format) -> Option<Changes> {
    let (names, why) = match format {
        Format::Csv => (Vec::new(), ""),
        _ => match schema.attached(csv::NAME).map(csv::renamed) {
            Some(names) => (names, "names of columns have no blanks around them, and each its own"),
            None => (Vec::new(), ""),
        },
    };
    let (names, why) = match format {
        Format::Fits | Format::FitsGz => (names, why),
        _ => match schema.attached(fits::NAME).map(fits::renamed) {
            Some(names) => (names, "a slash parts a table from its columns, and names are given once"),
            None => (names, why),
        },
    };
    let units = schema.names().filter_map(|name| Some(name.split_once('/')?.0));
    let there: HashSet<&str> = schema.names().chain(units).collect();
    Some(Changes { names: names.into_iter().filter(|(_, to)| there.contains(to.as_str())).collect(), why })
}

/// What the source had and is not true any more of parts of its arrays.
pub fn untrue_metadata(schema: &Schema, format: Format) -> Option<String> {
    let of_images = match format {
        Format::Tiff => schema.attached(tiff::NAME).and_then(|bytes| tiff::left_out(bytes, schema)),
        _ => None,
    };
    of_images.or_else(|| fits::untrue(schema.attached(fits::NAME)?, schema))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ReadOptions, lost, read_bytes, write};
    use baler_data::dataset::{Dataset, Values, Variable};

    fn told(dataset: &Dataset, format: Format) -> String {
        lost(&Schema::of(dataset), format).unwrap_or_default()
    }

    fn image(name: &str) -> Dataset {
        let values = Values::I16((0..12).collect());
        Dataset::from_arrays(vec![Variable::new(name, vec![3, 4], values).unwrap()])
    }

    fn again(dataset: &Dataset, format: Format) -> Dataset {
        read_bytes(&write(dataset, format).unwrap(), format, &ReadOptions::default()).unwrap()
    }

    #[test]
    fn headers_of_csv_are_told_where_another_format_is_written() {
        let csv = read_bytes(b" a,b,b\n1,2,3\n4,5,6\n", Format::Csv, &ReadOptions::default()).unwrap();
        assert_eq!(told(&csv, Format::Csv), "");
        let found = told(&csv, Format::Parquet);
        assert!(found.contains("the name ' a' becomes 'a' and 1 more, for names of columns"), "{found}");
        let plain = read_bytes(b"a,\"b c\"\n1,2\n", Format::Csv, &ReadOptions::default()).unwrap();
        assert_eq!(told(&plain, Format::Parquet), "");
    }

    #[test]
    fn cards_of_fits_hold_few_characters() {
        let found = told(&image("größe "), Format::Fits);
        assert!(found.contains("the name 'größe ' becomes 'gre', for a card of FITS"), "{found}");
        let long = "n".repeat(69);
        assert!(told(&image(&long), Format::Fits).contains(&format!("becomes '{}'", &long[1..])));
        assert_eq!(told(&image(&long[1..]), Format::Fits), "");
        let quotes = again(&image(&"'".repeat(34)), Format::Fits);
        assert_eq!(quotes.variables[0].name, "'".repeat(34));
        // A slash of a unit's name is none in the name of its variable.
        let slash = again(&image("a/b"), Format::Fits);
        assert_eq!((slash.variables[0].name.as_str(), told(&slash, Format::Fits)), ("a_b", String::new()));
        assert!(told(&slash, Format::Npz).contains("the name 'a/b' becomes 'a_b'"));
        assert_eq!(write(&slash, Format::Fits).unwrap(), write(&image("a/b"), Format::Fits).unwrap());
    }

    #[test]
    fn images_of_tiff_have_no_names() {
        let found = told(&image("flat field"), Format::Tiff);
        assert!(found.contains("the name 'flat field' becomes 'data', for images of TIFF"), "{found}");
        assert_eq!(told(&image("data"), Format::Tiff), "");
        let back = again(&image("flat field"), Format::Tiff);
        let known = back.shared_metadata();
        let name = known.about("data").and_then(|about| about.attribute("long_name")?.text());
        assert_eq!(name, Some("flat field"));
        assert_eq!(told(&back, Format::Tiff), "");
    }

    #[test]
    fn cards_on_places_of_pixels_are_told_of_a_part() {
        let mut whole = again(&image("sky"), Format::Fits);
        let bytes = whole.attachments[0].bytes.clone();
        let end = bytes.windows(8).position(|w| w == b"EXTNAME ").unwrap();
        let card = format!("{:<80}", format!("{:<8}= {:>20}", "CRPIX1", "2.0"));
        let places = [&bytes[..end], card.as_bytes(), &bytes[end + 80..]].concat();
        whole.attachments[0].bytes = places;
        assert_eq!(told(&whole, Format::Fits), "");
        whole.variables[0] = Variable::new("data", vec![2, 4], Values::I16((0..8).collect())).unwrap();
        let is_told = |dataset: &Dataset| told(dataset, Format::Fits).contains("(CRPIX) still count");
        assert!(!is_told(&whole), "no image has this name");
        whole.variables[0].name = "sky".into();
        assert!(is_told(&whole), "{}", told(&whole, Format::Fits));
    }
}
