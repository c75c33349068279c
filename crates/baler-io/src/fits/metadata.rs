//! The headers of a FITS file, and what of its data are no numbers, in bytes of our own that go into the archive as an
//! attachment, and back.

use super::FitsArray;
use super::header::{CARD, Header, keyword_of};
use super::shared::is_of_storage;
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::dataset::Values;
use baler_data::error::{Error, Result};
use baler_data::metadata::Value;
use baler_data::source::Schema;
use std::collections::HashSet;

/// The first byte.
const VERSION: u8 = 1;

/// A header with its data.
#[derive(Debug, Clone, PartialEq)]
pub struct Unit {
    /// Every card.
    pub header: Header,
    /// What follows it.
    pub data: Data,
}

/// What follows a header.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// Nothing.
    None,
    /// The variable of that name.
    Image { name: String, stored: FitsArray },
    /// Columns: bytes of each in a row, and what it is; then the heap, where its items are no variables.
    Table { columns: Vec<(usize, Column)>, heap: Vec<u8> },
    /// Groups of parameters and an array each (random groups), two variables.
    Groups { parameters: Option<String>, data: Option<String>, stored: FitsArray },
    /// So many bytes of any meaning, a variable.
    Bytes { name: String, n_bytes: usize },
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// The variable of that name.
    Fixed { name: String, stored: FitsArray },
    /// The variable of that name, whose items are lists; with descriptors of 64 bits where it is wide, and running ones
    /// where lists without items point to where the next ones begin.
    Listed { name: String, stored: FitsArray, is_wide: bool, is_running: bool },
    /// Nothing in each row.
    Empty,
}

impl Column {
    /// Its variable.
    pub fn name(&self) -> Option<&str> {
        match self {
            Column::Fixed { name, .. } | Column::Listed { name, .. } => Some(name),
            Column::Empty => None,
        }
    }
}

impl Data {
    /// Its variables.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Data::None => Vec::new(),
            Data::Image { name, .. } | Data::Bytes { name, .. } => vec![name],
            Data::Table { columns, .. } => columns.iter().filter_map(|(_, column)| column.name()).collect(),
            Data::Groups { parameters, data, .. } => {
                parameters.iter().chain(data).map(String::as_str).collect()
            }
        }
    }
}

/// The variables that the units have.
pub fn variables(metadata: &[u8]) -> HashSet<String> {
    let units = read(metadata).unwrap_or_default();
    units.iter().flat_map(|unit| unit.data.names()).map(String::from).collect()
}

/// Names of units and columns that the variables do not have as they are: (in the file, of the variable or of all of a
/// unit).
pub fn renamed(metadata: &[u8]) -> Vec<(String, String)> {
    let mut renamed = Vec::new();
    for unit in read(metadata).unwrap_or_default() {
        let names = unit.data.names();
        let Some(first) = names.first() else { continue };
        let is_whole = matches!(unit.data, Data::Image { .. } | Data::Bytes { .. });
        let of_unit = if is_whole { first } else { first.split('/').next().unwrap_or_default() };
        let called = unit.header.value("EXTNAME").filter(|name| !name.is_empty());
        renamed.extend(called.map(|name| (name, of_unit.to_string())));
        let Data::Table { columns, .. } = &unit.data else { continue };
        for (i, (_, column)) in columns.iter().enumerate() {
            let short = column.name().and_then(|name| name.strip_prefix(of_unit)?.strip_prefix('/'));
            let called = unit.header.value(&format!("TTYPE{}", i + 1)).filter(|name| !name.is_empty());
            if let (Some(called), Some(short), Some(name)) = (called, short, column.name())
                && called != short
            {
                renamed.push((format!("{of_unit}/{called}"), name.to_string()));
            }
        }
    }
    renamed.retain(|(from, to)| from != to);
    renamed
}

/// Cards on the places of pixels that are not true of images which are parts of those in the file; none if all are whole.
pub fn untrue(metadata: &[u8], schema: &Schema) -> Option<String> {
    let is_place = |card: &[u8; CARD]| {
        let keyword = keyword_of(card);
        ["CRPIX", "LTV", "DATASEC", "TRIMSEC", "BIASSEC"].iter().any(|start| keyword.starts_with(start))
    };
    let is_cut = |unit: &Unit| {
        let Data::Image { name, .. } = &unit.data else { return None };
        let variable = schema.variables.iter().find(|variable| variable.name == *name)?;
        let is_whole = unit.header.shape().ok().as_ref() == Some(&variable.shape);
        (!is_whole && unit.header.cards.iter().any(is_place)).then(|| name.clone())
    };
    let names: Vec<String> = read(metadata).ok()?.iter().filter_map(is_cut).collect();
    (!names.is_empty()).then(|| {
        format!(
            "the cards on places of pixels (CRPIX) still count those of the whole image: {}",
            names.join(", ")
        )
    })
}

/// The bytes of some units.
pub fn write(units: &[&Unit]) -> Vec<u8> {
    let mut w = ByteWriter::default();
    w.u8(VERSION);
    w.count(units.len());
    for unit in units {
        w.block(unit.header.cards.as_flattened());
        match &unit.data {
            Data::None => w.u8(0),
            Data::Image { name, stored } => {
                w.u8(1);
                w.block(name.as_bytes());
                w.u8(*stored as u8);
            }
            Data::Table { columns, heap } => {
                w.u8(2);
                w.count(columns.len());
                for (n_bytes, column) in columns {
                    w.count(*n_bytes);
                    write_column(column, &mut w);
                }
                w.block(heap);
            }
            Data::Groups { parameters, data, stored } => {
                w.u8(3);
                for name in [parameters, data] {
                    w.u8(u8::from(name.is_some()));
                    w.block(name.as_deref().unwrap_or_default().as_bytes());
                }
                w.u8(*stored as u8);
            }
            Data::Bytes { name, n_bytes } => {
                w.u8(4);
                w.block(name.as_bytes());
                w.count(*n_bytes);
            }
        }
    }
    w.bytes
}

/// The units that `bytes` are.
pub fn read(bytes: &[u8]) -> Result<Vec<Unit>> {
    let mut r = ByteReader::new(bytes);
    if r.u8()? != VERSION {
        return Err(Error::unsupported("FITS metadata of another version are not known"));
    }
    let units = (0..r.count_of_items()?).map(|_| read_unit(&mut r)).collect();
    r.finish("FITS metadata")?;
    units
}

fn read_unit(r: &mut ByteReader) -> Result<Unit> {
    let header = Header { cards: r.block()?.as_chunks::<CARD>().0.to_vec() };
    let data = match r.u8()? {
        0 => Data::None,
        1 => Data::Image { name: text(r)?, stored: stored(r.u8()?)? },
        2 => {
            let columns = (0..r.count_of_items()?).map(|_| read_column(r)).collect::<Result<_>>()?;
            Data::Table { columns, heap: r.block()?.to_vec() }
        }
        3 => {
            let mut name = || {
                let is_there = r.u8()? != 0;
                Ok(Some(text(r)?).filter(|_| is_there))
            };
            let (parameters, data) = (name()?, name()?);
            Data::Groups { parameters, data, stored: stored(r.u8()?)? }
        }
        4 => Data::Bytes { name: text(r)?, n_bytes: r.count()? },
        kind => return Err(Error::corrupt(format!("FITS data of kind {kind} are not known"))),
    };
    Ok(Unit { header, data })
}

/// What marks columns without a variable.
const EMPTY: u8 = 255;
/// Bits of the byte before a column's name.
const IS_LISTED: u8 = 16;
const IS_WIDE: u8 = 32;
const IS_RUNNING: u8 = 64;

fn write_column(column: &Column, w: &mut ByteWriter) {
    let (code, name) = match column {
        Column::Empty => return w.u8(EMPTY),
        Column::Fixed { name, stored } => (*stored as u8, name),
        Column::Listed { name, stored, is_wide, is_running } => {
            let flag = |is_set: bool, bit: u8| if is_set { bit } else { 0 };
            (*stored as u8 | IS_LISTED | flag(*is_wide, IS_WIDE) | flag(*is_running, IS_RUNNING), name)
        }
    };
    w.u8(code);
    w.block(name.as_bytes());
}

fn read_column(r: &mut ByteReader) -> Result<(usize, Column)> {
    let n_bytes = r.count()?;
    let column = match r.u8()? {
        EMPTY => Column::Empty,
        code if code & IS_LISTED == 0 => Column::Fixed { stored: stored(code)?, name: text(r)? },
        code => Column::Listed {
            stored: stored(code & (IS_LISTED - 1))?,
            is_wide: code & IS_WIDE != 0,
            is_running: code & IS_RUNNING != 0,
            name: text(r)?,
        },
    };
    Ok((n_bytes, column))
}

fn stored(code: u8) -> Result<FitsArray> {
    let all = [FitsArray::Plain, FitsArray::Shifted, FitsArray::Letters];
    all.into_iter()
        .find(|s| *s as u8 == code)
        .ok_or_else(|| Error::corrupt("numbers of an unknown kind in FITS"))
}

fn text(r: &mut ByteReader) -> Result<String> {
    String::from_utf8(r.block()?.to_vec()).map_err(|_| Error::corrupt("expected text in FITS metadata"))
}

/// The value that marks missing ones of an array, as its dtype has it: what the card `null` says, shifted by `zero`.
pub fn marked(header: &Header, stored: FitsArray, null: &str, zero: &str) -> Option<Value> {
    let value = i128::from(header.integer(null)?);
    let shift = match stored {
        FitsArray::Plain => 0,
        FitsArray::Shifted => header.number(zero)? as i128,
        FitsArray::Letters => return None,
    };
    let values = match i64::try_from(value + shift) {
        Ok(value) => Values::I64(vec![value]),
        Err(_) => Values::U64(vec![u64::try_from(value + shift).ok()?]),
    };
    Some(Value::number(values))
}

/// The names of what the metadata hold.
pub fn names(metadata: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    for unit in read(metadata).unwrap_or_default() {
        for card in &unit.header.cards {
            let keyword = keyword_of(card);
            if !keyword.is_empty() && !is_of_storage(&keyword) && !names.contains(&keyword) {
                names.push(keyword);
            }
        }
    }
    names
}
