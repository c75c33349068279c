//! Names that are others in the output than in the source, in words: where names are paths, where a card of FITS has to
//! hold them, where a format has no names, and where the reader of a source had to change one. A file that comes back
//! in its own format has its names as they were.

use super::{Format, csv, fits, is_from, tiff};
use crate::source::Schema;
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
