//! What a FITS file tells of its arrays, in what formats have in common: cards of users as attributes, units, fill values,
//! scale and offset; and back, as far as cards can say it.

use super::header::{CARD, Header, card, keyword_of, quoted};
use super::metadata::{Column, Data, Unit};
use super::{FitsArray, metadata};
use baler_data::dataset::Values;
use baler_data::metadata::{About, Attribute, Codec, Group, Metadata, Packing, Value};

/// Beginnings of keywords that say how data are stored; numbers may follow.
const OF_STORAGE: [&str; 26] = [
    "SIMPLE", "XTENSION", "BITPIX", "NAXIS", "EXTEND", "PCOUNT", "GCOUNT", "GROUPS", "TFIELDS", "TFORM",
    "TTYPE", "TDIM", "TBCOL", "TZERO", "TSCAL", "TNULL", "TUNIT", "TDISP", "THEAP", "BZERO", "BSCALE",
    "BLANK", "BUNIT", "EXTNAME", "CHECKSUM", "DATASUM",
];

/// True for keywords that say how data are stored.
pub fn is_of_storage(keyword: &str) -> bool {
    let letters = keyword.trim_end_matches(|c: char| c.is_ascii_digit());
    OF_STORAGE.contains(&letters)
}

/// All that units tell.
pub fn of_units(units: &[Unit]) -> Metadata {
    let mut shared = Metadata::default();
    for (name, unit) in
        units.iter().map(|unit| (unit.data.names().first().map(|name| name.to_string()), unit))
    {
        let attributes = of_users(&unit.header);
        match (&unit.data, name) {
            (Data::Image { name, stored }, _) => {
                let mut about = about(&unit.header, name, *stored, ["BUNIT", "BLANK", "BSCALE", "BZERO"]);
                about.attributes.extend(attributes);
                shared.variables.push(about);
            }
            (Data::Table { columns, .. }, Some(first)) => {
                let path = first.split('/').next().unwrap_or_default().to_string();
                shared.groups.push(Group { path, attributes });
                for (i, (_, column)) in columns.iter().enumerate() {
                    if let Column::Fixed { name, stored } | Column::Listed { name, stored, .. } = column {
                        let keys = ["TUNIT", "TNULL", "TSCAL", "TZERO"].map(|key| format!("{key}{}", i + 1));
                        let keys = [&keys[0][..], &keys[1], &keys[2], &keys[3]];
                        shared.variables.push(about(&unit.header, name, *stored, keys));
                    }
                }
            }
            (Data::None, _) if shared.groups.is_empty() => {
                shared.groups.push(Group { path: String::new(), attributes });
            }
            (_, Some(path)) => shared.groups.push(Group { path, attributes }),
            (_, None) => {}
        }
    }
    shared
}

/// What cards say of one array: units, fill value, scale and offset.
fn about(header: &Header, name: &str, stored: FitsArray, [unit, null, scale, zero]: [&str; 4]) -> About {
    let mut about = About::new(name);
    let mut add = |name: &str, value| about.attributes.push(Attribute { name: name.to_string(), value });
    if let Some(unit) = header.value(unit).filter(|unit| !unit.is_empty()) {
        add("units", Value::Text(unit));
    }
    if let Some(value) = metadata::marked(header, stored, null, zero) {
        add("_FillValue", value);
    }
    if stored == FitsArray::Plain {
        for (name, keyword, nothing) in [("scale_factor", scale, 1.0), ("add_offset", zero, 0.0)] {
            if let Some(value) = header.number(keyword).filter(|&value| value != nothing) {
                add(name, Value::number(Values::F64(vec![value])));
            }
        }
    }
    about.packing = Packing { codec: Codec::None, ..Packing::default() };
    about
}

/// The cards of users with a value, in their order.
fn of_users(header: &Header) -> Vec<Attribute> {
    let mut found: Vec<Attribute> = Vec::new();
    for card in &header.cards {
        let keyword = keyword_of(card);
        if card[8] != b'=' || is_of_storage(&keyword) || found.iter().any(|a| a.name == keyword) {
            continue;
        }
        if let Some(value) = value(header, &keyword, card) {
            found.push(Attribute { name: keyword, value });
        }
    }
    found
}

/// A text, a number or a truth.
fn value(header: &Header, keyword: &str, card: &[u8; CARD]) -> Option<Value> {
    let text = header.value(keyword)?;
    if card[9..].trim_ascii_start().starts_with(b"'") {
        return Some(Value::Text(text));
    }
    let values = match text.as_str() {
        "" => return None,
        "T" | "F" => Values::Bool(vec![u8::from(text == "T")]),
        _ if header.integer(keyword).is_some() => Values::I64(vec![header.integer(keyword)?]),
        _ => Values::F64(vec![header.number(keyword)?]),
    };
    Some(Value::number(values))
}

/// The cards that say of a new unit or column what is known of its variable; `i` is the column's number.
pub fn cards(about: &About, i: Option<usize>) -> Vec<[u8; CARD]> {
    let i = i.map(|i| i.to_string());
    let key = |image: &str, column: &str| match &i {
        Some(i) => format!("{column}{i}"),
        None => image.to_string(),
    };
    let mut cards = Vec::new();
    if let Some(units) = about.units().filter(|units| units.is_ascii() && units.len() <= 60) {
        cards.push(card(&key("BUNIT", "TUNIT"), &quoted(units)));
    }
    if i.is_none() {
        cards.extend(about.attributes.iter().filter_map(user_card));
    }
    cards
}

/// True for an attribute of an image or a column of another format that its cards say.
pub fn carries(attribute: &Attribute) -> bool {
    let text = attribute.value.text().filter(|_| attribute.name == "units");
    text.is_some_and(|units| units.is_ascii() && units.len() <= 60)
}

/// The card of an attribute whose name and value a card can hold.
pub fn user_card(attribute: &Attribute) -> Option<[u8; CARD]> {
    let name = attribute.name.to_ascii_uppercase();
    let is_keyword = |c: u8| c.is_ascii_uppercase() || c.is_ascii_digit() || c == b'-' || c == b'_';
    let is_fit = (1..=8).contains(&name.len()) && name.bytes().all(is_keyword) && !is_of_storage(&name);
    if !is_fit || name == "UNITS" || name == "END" {
        return None;
    }
    let value = match &attribute.value {
        Value::Text(text) if text.len() <= 60 && text.bytes().all(|c| (b' '..=b'~').contains(&c)) => {
            quoted(text)
        }
        Value::Numbers { shape, values } if shape.is_empty() => match values {
            Values::Bool(v) => format!("{:>20}", if *v.first()? != 0 { "T" } else { "F" }),
            Values::F64(_) | Values::F32(_) | Values::F16(_) => {
                let number = attribute.value.first().filter(|x| x.is_finite())?;
                format!("{:>20}", format!("{number:E}"))
            }
            _ => {
                format!("{:>20}", baler_data::with_values!(values, v => v.first().map(ToString::to_string))?)
            }
        },
        _ => return None,
    };
    Some(card(&name, &value))
}
