//! The headers of a FITS file, and what of its data are no numbers, in bytes of our own that go into the archive as an
//! attachment, and back.

use super::Stored;
use super::header::{CARD, Header, keyword_of};
use crate::container::bytes::{ByteReader, ByteWriter};
use crate::error::{Error, Result};

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
    Image { name: String, stored: Stored },
    /// Columns: bytes of each in a row, and what it is; then the heap.
    Table { n_rows: usize, columns: Vec<(usize, Column)>, heap: Vec<u8> },
    /// Bytes as they are.
    Bytes(Vec<u8>),
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// The variable of that name.
    Numbers { name: String, stored: Stored },
    /// The bytes of all rows.
    Bytes(Vec<u8>),
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
            Data::Table { n_rows, columns, heap } => {
                w.u8(2);
                w.count(*n_rows);
                w.count(columns.len());
                for (n_bytes, column) in columns {
                    w.count(*n_bytes);
                    match column {
                        Column::Numbers { name, stored } => {
                            w.u8(*stored as u8);
                            w.block(name.as_bytes());
                        }
                        Column::Bytes(bytes) => {
                            w.u8(255);
                            w.block(bytes);
                        }
                    }
                }
                w.block(heap);
            }
            Data::Bytes(bytes) => {
                w.u8(3);
                w.block(bytes);
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
            let n_rows = r.count()?;
            let columns = (0..r.count_of_items()?).map(|_| read_column(r)).collect::<Result<_>>()?;
            Data::Table { n_rows, columns, heap: r.block()?.to_vec() }
        }
        3 => Data::Bytes(r.block()?.to_vec()),
        kind => return Err(Error::corrupt(format!("FITS data of kind {kind} are not known"))),
    };
    Ok(Unit { header, data })
}

fn read_column(r: &mut ByteReader) -> Result<(usize, Column)> {
    let n_bytes = r.count()?;
    let column = match r.u8()? {
        255 => Column::Bytes(r.block()?.to_vec()),
        code => Column::Numbers { stored: stored(code)?, name: text(r)? },
    };
    Ok((n_bytes, column))
}

fn stored(code: u8) -> Result<Stored> {
    let all = [Stored::Plain, Stored::Shifted, Stored::Letters];
    all.into_iter()
        .find(|s| *s as u8 == code)
        .ok_or_else(|| Error::corrupt("numbers of an unknown kind in FITS"))
}

fn text(r: &mut ByteReader) -> Result<String> {
    String::from_utf8(r.block()?.to_vec()).map_err(|_| Error::corrupt("expected text in FITS metadata"))
}

/// What marks missing values of images: (name, value), from BLANK.
pub fn missing_values(metadata: &[u8]) -> Vec<(String, f64)> {
    let of_unit = |unit: &Unit| match &unit.data {
        Data::Image { name, stored: Stored::Plain } => {
            Some((name.clone(), unit.header.integer("BLANK")? as f64))
        }
        _ => None,
    };
    read(metadata).unwrap_or_default().iter().filter_map(of_unit).collect()
}

/// Keywords that only say how the data are stored.
const OF_STORAGE: [&str; 9] =
    ["SIMPLE", "XTENSION", "BITPIX", "EXTEND", "PCOUNT", "GCOUNT", "TFIELDS", "BZERO", "EXTNAME"];

/// The names of what the metadata hold.
pub fn names(metadata: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    for unit in read(metadata).unwrap_or_default() {
        for card in &unit.header.cards {
            let keyword = keyword_of(card);
            let structural =
                ["NAXIS", "TFORM", "TTYPE", "TDIM", "TZERO"].iter().any(|k| keyword.starts_with(k));
            if !keyword.is_empty()
                && !structural
                && !OF_STORAGE.contains(&keyword.as_str())
                && !names.contains(&keyword)
            {
                names.push(keyword);
            }
        }
        let lost = match &unit.data {
            Data::Table { columns, .. } => columns.iter().any(|(_, c)| matches!(c, Column::Bytes(_))),
            data => matches!(data, Data::Bytes(_)),
        };
        names.extend(lost.then(|| "columns that are no numbers".to_string()));
    }
    names
}
