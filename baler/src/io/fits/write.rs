//! A dataset as FITS: the units of the source with their headers where they are known, then what has none: one array as
//! the primary image, several as image extensions, columns as a binary table. Refuses float16, which FITS does not have.

use super::header::{BLOCK, Header, card, keyword_of, quoted};
use super::metadata::{self, Column, Data, Unit};
use super::{Stored, turn};
use crate::dataset::{DType, Dataset, Layout, Variable};
use crate::error::{Error, Result};
use std::collections::HashSet;

/// The bytes of a file.
pub fn write(dataset: &Dataset) -> Result<Vec<u8>> {
    let units = dataset.metadata(super::NAME).map(metadata::read).transpose()?.unwrap_or_default();
    let mut out = Vec::new();
    let mut written = HashSet::new();
    for unit in units {
        known_unit(unit, dataset, &mut written, &mut out)?;
    }
    let rest: Vec<&Variable> = dataset.variables.iter().filter(|v| !written.contains(&v.name)).collect();
    let columns = match dataset.layout {
        Layout::Table { n_columns, .. } => n_columns,
        Layout::Columns => dataset.variables.len(),
        Layout::Arrays | Layout::Single => 0,
    };
    let (columns, images) = rest.split_at(columns.min(rest.len()));
    if out.is_empty() && (columns.len() + images.len() != 1 || !columns.is_empty()) {
        primary(&[], None).append(&mut out);
    }
    if !columns.is_empty() {
        new_table(columns, &mut out)?;
    }
    for &variable in images {
        new_image(variable, &mut out)?;
    }
    Ok(out)
}

/// The header of a first unit.
fn primary(shape: &[usize], dtype: Option<DType>) -> Header {
    let mut header = Header { cards: vec![card("SIMPLE", &format!("{:>20}", "T"))] };
    let (bits, _) = dtype.map_or((8, None), bits);
    header.set("BITPIX", bits, "SIMPLE");
    header.set_shape(shape);
    header.cards.push(card("EXTEND", &format!("{:>20}", "T")));
    header
}

/// BITPIX, and BZERO where the numbers are shifted.
fn bits(dtype: DType) -> (i64, Option<&'static str>) {
    match dtype {
        DType::Bool | DType::U8 => (8, None),
        DType::I8 => (8, Some("-128")),
        DType::I16 => (16, None),
        DType::U16 => (16, Some("32768")),
        DType::I32 => (32, None),
        DType::U32 => (32, Some("2147483648")),
        DType::I64 => (64, None),
        DType::U64 => (64, Some("9223372036854775808")),
        DType::F16 | DType::F32 => (-32, None),
        DType::F64 => (-64, None),
    }
}

fn refuse_half(variable: &Variable) -> Result<()> {
    match variable.values.dtype() {
        DType::F16 => {
            Err(Error::config("FITS has no float16; write .npz or .h5").in_variable(&variable.name))
        }
        _ => Ok(()),
    }
}

/// The values as they stand in FITS.
fn raw(variable: &Variable, stored: Stored) -> Vec<u8> {
    let mut bytes = Vec::new();
    variable.values.append_bytes(&mut bytes, true);
    turn(&mut bytes, variable.values.dtype(), stored);
    bytes
}

/// Appends data and fills up the block.
fn data(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(bytes);
    out.resize(out.len().next_multiple_of(BLOCK), 0);
}

/// A unit of the source; a first one whose image is not there is left empty, others are left out.
fn known_unit(unit: Unit, dataset: &Dataset, written: &mut HashSet<String>, out: &mut Vec<u8>) -> Result<()> {
    let Unit { mut header, data: of_unit } = unit;
    match of_unit {
        Data::None => header.append(out),
        Data::Bytes(bytes) => {
            header.append(out);
            data(&bytes, out);
        }
        Data::Image { name, stored } => match dataset.variable(&name) {
            Some(variable) => {
                if header.shape().ok().as_ref() != Some(&variable.shape) {
                    header.set_shape(&variable.shape);
                }
                header.append(out);
                data(&raw(variable, stored), out);
                written.insert(name);
            }
            None if out.is_empty() => {
                header.set_shape(&[]);
                header.append(out);
            }
            None => {}
        },
        Data::Table { n_rows, columns, heap } => {
            known_table(header, (n_rows, columns, heap), dataset, written, out)
        }
    }
    Ok(())
}

/// A table of the source, with those of its columns that are there.
fn known_table(
    mut header: Header,
    (n_rows, columns, heap): (usize, Vec<(usize, Column)>, Vec<u8>),
    dataset: &Dataset,
    written: &mut HashSet<String>,
    out: &mut Vec<u8>,
) {
    let variable_of = |column: &Column| match column {
        Column::Numbers { name, .. } => dataset.variable(name),
        Column::Bytes(_) => None,
    };
    let found: Vec<&Variable> = columns.iter().filter_map(|(_, column)| variable_of(column)).collect();
    if found.is_empty() && columns.iter().any(|(_, column)| matches!(column, Column::Numbers { .. })) {
        return;
    }
    let rows_now = found.first().map_or(n_rows, |v| v.shape.first().copied().unwrap_or(1));
    let mut kept = Vec::new();
    let mut parts: Vec<(usize, Vec<u8>)> = Vec::new();
    for (idx, (n_bytes, column)) in columns.iter().enumerate() {
        let bytes = match column {
            Column::Numbers { name, stored } => variable_of(column).map(|variable| {
                written.insert(name.clone());
                raw(variable, *stored)
            }),
            // Of some rows only the numbers are known.
            Column::Bytes(bytes) => (rows_now == n_rows).then(|| bytes.clone()),
        };
        if let Some(bytes) = bytes.filter(|bytes| bytes.len() == n_bytes * rows_now) {
            kept.push(idx + 1);
            parts.push((*n_bytes, bytes));
        }
    }
    if kept.len() < columns.len() {
        renumber(&mut header, &kept);
    }
    let row_bytes: usize = parts.iter().map(|(n_bytes, _)| n_bytes).sum();
    let heap = if rows_now == n_rows { heap } else { Vec::new() };
    header.set("NAXIS1", row_bytes as i64, "NAXIS");
    header.set("NAXIS2", rows_now as i64, "NAXIS1");
    header.set("PCOUNT", heap.len() as i64, "NAXIS2");
    header.append(out);
    rows(&parts, rows_now, out);
    data(&heap, out);
}

/// Rows out of columns.
fn rows(columns: &[(usize, Vec<u8>)], n_rows: usize, out: &mut Vec<u8>) {
    for row in 0..n_rows {
        for (n_bytes, bytes) in columns {
            out.extend_from_slice(&bytes[row * n_bytes..(row + 1) * n_bytes]);
        }
    }
}

/// Keeps the cards of some columns, numbered anew.
fn renumber(header: &mut Header, kept: &[usize]) {
    let mut cards = Vec::new();
    for card in &header.cards {
        let keyword = keyword_of(card);
        let letters = keyword.trim_end_matches(|c: char| c.is_ascii_digit());
        let number = keyword[letters.len()..].parse::<usize>();
        let of_columns = ["TTYPE", "TFORM", "TUNIT", "TDIM", "TZERO", "TSCAL", "TNULL", "TDISP", "TBCOL"];
        match number {
            Ok(number) if of_columns.contains(&letters) => {
                if let Some(now) = kept.iter().position(|&k| k == number) {
                    let mut card = *card;
                    let keyword = format!("{:<8}", format!("{letters}{}", now + 1));
                    card[..8].copy_from_slice(&keyword.as_bytes()[..8]);
                    cards.push(card);
                }
            }
            _ => cards.push(*card),
        }
    }
    header.cards = cards;
    header.set("TFIELDS", kept.len() as i64, "GCOUNT");
}

fn new_image(variable: &Variable, out: &mut Vec<u8>) -> Result<()> {
    refuse_half(variable)?;
    let dtype = variable.values.dtype();
    let (bits, zero) = bits(dtype);
    let shape = if variable.shape.is_empty() { &[1] } else { &variable.shape[..] };
    let mut header = match out.is_empty() {
        true => primary(shape, Some(dtype)),
        false => {
            let mut header = Header { cards: vec![card("XTENSION", "'IMAGE   '")] };
            header.set("BITPIX", bits, "XTENSION");
            header.set_shape(shape);
            header.set("PCOUNT", 0, "");
            header.set("GCOUNT", 1, "");
            header
        }
    };
    if let Some(zero) = zero {
        header.cards.push(card("BSCALE", &format!("{:>20}", 1)));
        header.cards.push(card("BZERO", &format!("{zero:>20}")));
    }
    header.cards.push(card("EXTNAME", &quoted(&variable.name)));
    header.append(out);
    data(&raw(variable, if zero.is_some() { Stored::Shifted } else { Stored::Plain }), out);
    Ok(())
}

fn new_table(columns: &[&Variable], out: &mut Vec<u8>) -> Result<()> {
    if columns.len() > 999 {
        return Err(Error::config(format!("a FITS table has at most 999 columns, found {}", columns.len())));
    }
    let n_rows = columns[0].values.len();
    let mut parts = Vec::new();
    let mut cards = Vec::new();
    for (i, variable) in columns.iter().enumerate() {
        refuse_half(variable)?;
        if variable.shape != [n_rows] {
            return Err(
                Error::config("the columns of a FITS table have one length").in_variable(&variable.name)
            );
        }
        let dtype = variable.values.dtype();
        let (letter, zero) = match dtype {
            DType::Bool => ('L', None),
            DType::F32 | DType::F16 => ('E', None),
            DType::F64 => ('D', None),
            DType::U8 | DType::I8 => ('B', bits(dtype).1),
            DType::U16 | DType::I16 => ('I', bits(dtype).1),
            DType::U32 | DType::I32 => ('J', bits(dtype).1),
            DType::U64 | DType::I64 => ('K', bits(dtype).1),
        };
        cards.push(card(&format!("TTYPE{}", i + 1), &quoted(&variable.name)));
        cards.push(card(&format!("TFORM{}", i + 1), &format!("'1{letter}      '")));
        if let Some(zero) = zero {
            cards.push(card(&format!("TSCAL{}", i + 1), &format!("{:>20}", 1)));
            cards.push(card(&format!("TZERO{}", i + 1), &format!("{zero:>20}")));
        }
        let stored = match (letter, zero) {
            ('L', _) => Stored::Letters,
            (_, Some(_)) => Stored::Shifted,
            _ => Stored::Plain,
        };
        parts.push((dtype.size_bytes(), raw(variable, stored)));
    }
    let mut header = Header { cards: vec![card("XTENSION", "'BINTABLE'")] };
    header.set("BITPIX", 8, "XTENSION");
    header.set_shape(&[n_rows, parts.iter().map(|(n_bytes, _)| n_bytes).sum()]);
    header.set("PCOUNT", 0, "");
    header.set("GCOUNT", 1, "");
    header.set("TFIELDS", columns.len() as i64, "");
    header.cards.extend(cards);
    header.append(out);
    rows(&parts, n_rows, out);
    data(&[], out);
    Ok(())
}
