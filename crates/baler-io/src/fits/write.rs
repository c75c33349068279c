//! A dataset as FITS: the units of the source with their headers where they are known, then what has none: one array as
//! the primary image, several as image extensions, columns as a binary table. Refuses float16, which FITS does not have.

use super::columns::{self, NewColumn};
use super::header::{BLOCK, Header, card, keyword_of, quoted};
use super::listed::descriptor;
use super::metadata::{self, Column, Data, Unit};
use super::shared::{self, user_card};
use super::{FitsArray, checksum, turn};
use crate::{chains, parquet};
use baler_data::dataset::{DType, Dataset, Layout, Variable};
use baler_data::error::{Error, Result};
use baler_data::metadata::About;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::collections::HashSet;
use std::io::Write;

/// Columns of a table, at most.
const MAX_COLUMNS: usize = 999;

/// The bytes of a file.
pub fn write(dataset: &Dataset) -> Result<Vec<u8>> {
    let units = dataset.metadata(super::NAME).map(metadata::read).transpose()?.unwrap_or_default();
    let mut out = Vec::new();
    let mut written = HashSet::new();
    for unit in units {
        known_unit(unit, dataset, &mut written, &mut out)?;
    }
    let known = dataset.shared_metadata();
    let (tables, images) = new_units(dataset, &written)?;
    if out.is_empty() && (tables.len() + images.len() != 1 || !tables.is_empty()) {
        let mut header = primary(&[], None);
        header.cards.extend(known.group("").iter().filter_map(user_card));
        header.append(&mut out);
    }
    for columns in &tables {
        let (header, bytes) = columns::table(columns, &known)?;
        header.append(&mut out);
        data(&bytes, &mut out);
    }
    for &variable in &images {
        new_image(variable, known.about(&variable.name), &mut out)?;
    }
    Ok(out)
}

/// What the source's units do not have: columns of tables, those of one length together, and images. Columns are those
/// of a table or of Parquet; of other sources only text and bytes, which are no images.
fn new_units<'a>(
    dataset: &'a Dataset,
    written: &HashSet<String>,
) -> Result<(Vec<Vec<NewColumn<'a>>>, Vec<&'a Variable>)> {
    let n_columns = match dataset.layout {
        Layout::Table { n_columns, .. } => n_columns,
        Layout::Columns => dataset.variables.len(),
        Layout::Arrays | Layout::Single => 0,
    };
    let is_table = dataset.metadata(parquet::NAME).is_some();
    let of_table: HashSet<&str> = dataset.variables.iter().take(n_columns).map(|v| v.name.as_str()).collect();
    let mut tables: Vec<Vec<NewColumn>> = Vec::new();
    // What counts lists that are written is not written again, but where something else needs it.
    let (mut is_done, mut counting, mut needed) = (written.clone(), HashSet::new(), HashSet::new());
    for (variable, chain) in chains::columns(dataset) {
        let counts = chain.iter().map(|lists| lists.counts);
        let is_column =
            is_table || variable.storage.kind.is_opaque() || of_table.contains(variable.name.as_str());
        let is_written = written.contains(&variable.name);
        let column = match is_column && !is_written {
            true => columns::of(dataset, &(variable, chain.clone()))?,
            false => None,
        };
        match &column {
            None if !is_written => {
                needed.extend(counts.chain(dataset.variables.iter().position(|v| std::ptr::eq(v, variable))))
            }
            _ => counting.extend(counts),
        }
        let Some(column) = column else { continue };
        is_done.insert(variable.name.clone());
        let fits = |table: &&mut Vec<NewColumn>| {
            table.len() < MAX_COLUMNS && table.first().is_some_and(|first| first.n_rows == column.n_rows)
        };
        match tables.iter_mut().find(fits) {
            Some(table) => table.push(column),
            None => tables.push(vec![column]),
        }
    }
    let is_left = |idx: usize, variable: &Variable| {
        !is_done.contains(&variable.name) && (!counting.contains(&idx) || needed.contains(&idx))
    };
    let images = dataset.variables.iter().enumerate();
    let images = images.filter(|(idx, variable)| is_left(*idx, variable));
    Ok((tables, images.map(|(_, variable)| variable).collect()))
}

/// The bytes of a file in gzip.
pub fn write_gzip(dataset: &Dataset) -> Result<Vec<u8>> {
    let failed = |e| Error::io("packing the output with gzip", e);
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&write(dataset)?).map_err(failed)?;
    packed.finish().map_err(failed)
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
fn raw(variable: &Variable, stored: FitsArray) -> Vec<u8> {
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
    let names: Vec<String> = of_unit.names().into_iter().map(String::from).collect();
    let fill = if header.value("XTENSION").as_deref() == Some("TABLE") { b' ' } else { 0 };
    let known = match of_unit {
        Data::None => Some(Vec::new()),
        Data::Bytes { name, n_bytes } => known_bytes(&mut header, &name, n_bytes, dataset),
        Data::Image { name, stored } => dataset.variable(&name).map(|variable| {
            if header.shape().ok().as_ref() != Some(&variable.shape) {
                header.set_shape(&variable.shape);
            }
            raw(variable, stored)
        }),
        Data::Groups { parameters, data, stored } => {
            known_groups(&mut header, [parameters, data], stored, dataset)
        }
        Data::Table { columns, heap } => known_table(&mut header, (columns, heap), dataset)?,
    };
    let mut bytes = match known {
        Some(bytes) => bytes,
        None if out.is_empty() => {
            header.set_shape(&[]);
            header.cards.retain(|card| !["GROUPS", "PCOUNT", "GCOUNT"].contains(&keyword_of(card).as_str()));
            Vec::new()
        }
        None => return Ok(()),
    };
    bytes.resize(bytes.len().next_multiple_of(BLOCK), fill);
    checksum::update(&mut header, &bytes);
    header.append(out);
    out.extend_from_slice(&bytes);
    written.extend(names);
    Ok(())
}

/// A unit of bytes; a table of text may have other rows than it had.
fn known_bytes(header: &mut Header, name: &str, n_bytes: usize, dataset: &Dataset) -> Option<Vec<u8>> {
    let variable = dataset.variable(name)?;
    let bytes = raw(variable, FitsArray::Plain);
    if bytes.len() != n_bytes {
        if header.value("XTENSION").as_deref() != Some("TABLE") {
            return None;
        }
        header.set("NAXIS2", *variable.shape.first()? as i64, "NAXIS1");
    }
    Some(bytes)
}

/// Random groups: parameters and data of each group, one after the other.
fn known_groups(
    header: &mut Header,
    names: [Option<String>; 2],
    stored: FitsArray,
    dataset: &Dataset,
) -> Option<Vec<u8>> {
    let mut parts = Vec::new();
    let mut n_groups = None;
    for name in names.into_iter().flatten() {
        let variable = dataset.variable(&name)?;
        let n_rows = variable.shape.first().copied().unwrap_or(1);
        if n_groups.replace(n_rows).is_some_and(|n| n != n_rows) {
            return None;
        }
        let bytes = raw(variable, stored);
        parts.push((bytes.len().checked_div(n_rows).unwrap_or(0), bytes));
    }
    header.set("GCOUNT", n_groups? as i64, "PCOUNT");
    let mut out = Vec::new();
    rows(&parts, n_groups?, &mut out);
    Some(out)
}

/// A column of a table that is written: bytes a row, and the bytes of all rows.
pub type Hdu = (usize, Vec<u8>);

/// A table of the source, with those of its columns that are there; none if no column is.
fn known_table(
    header: &mut Header,
    (columns, mut heap): (Vec<(usize, Column)>, Vec<u8>),
    dataset: &Dataset,
) -> Result<Option<Vec<u8>>> {
    let has_columns = columns.iter().any(|(_, column)| column.name().is_some());
    let mut n_rows = None;
    let mut kept = Vec::new();
    let mut parts: Vec<Hdu> = Vec::new();
    for (idx, (n_bytes, column)) in columns.iter().enumerate() {
        let Some(name) = column.name() else {
            kept.push(idx + 1);
            parts.push((0, Vec::new()));
            continue;
        };
        let Some(variable) = dataset.variable(name) else { continue };
        let (rows_here, bytes) = match column {
            Column::Listed { .. } => known_lists(variable, column, dataset, &mut heap)?,
            Column::Fixed { stored, .. } => {
                (variable.shape.first().copied().unwrap_or(1), raw(variable, *stored))
            }
            Column::Empty => continue,
        };
        if *n_rows.get_or_insert(rows_here) != rows_here || bytes.len() != n_bytes.saturating_mul(rows_here) {
            return Err(Error::config("the columns of a FITS table have one length").in_variable(name));
        }
        kept.push(idx + 1);
        parts.push((*n_bytes, bytes));
    }
    if n_rows.is_none() && has_columns {
        return Ok(None);
    }
    let n_rows = match n_rows {
        Some(n_rows) => n_rows,
        None => header.integer("NAXIS2").and_then(|n| usize::try_from(n).ok()).unwrap_or(0),
    };
    if kept.len() < columns.len() {
        renumber(header, &kept);
    }
    let row_bytes: usize = parts.iter().map(|(n_bytes, _)| n_bytes).sum();
    header.set("NAXIS1", row_bytes as i64, "NAXIS");
    header.set("NAXIS2", n_rows as i64, "NAXIS1");
    header.set("PCOUNT", heap.len() as i64, "NAXIS2");
    // The heap begins right behind the rows.
    if header.integer("THEAP").is_some() {
        header.set("THEAP", (row_bytes * n_rows) as i64, "PCOUNT");
    }
    let mut out = Vec::new();
    rows(&parts, n_rows, &mut out);
    out.extend_from_slice(&heap);
    Ok(Some(out))
}

/// The number of lists, and their descriptors; the items go to the heap.
fn known_lists(
    variable: &Variable,
    column: &Column,
    dataset: &Dataset,
    heap: &mut Vec<u8>,
) -> Result<(usize, Vec<u8>)> {
    let wrong =
        || Error::config("the lists of the variable do not fit their counts").in_variable(&variable.name);
    let &Column::Listed { stored, is_wide, is_running, .. } = column else { return Err(wrong()) };
    let lists = variable.storage.lists.ok_or_else(wrong)?;
    let counts = dataset.variables.get(lists.counts).ok_or_else(wrong)?.values.to_counts()?;
    let n_items = variable.shape.first().copied().unwrap_or(0);
    if counts.iter().try_fold(0usize, |n, &count| n.checked_add(count)) != Some(n_items) {
        return Err(wrong());
    }
    let bytes = raw(variable, stored);
    let item_bytes = bytes.len().checked_div(n_items).unwrap_or(0);
    let mut descriptors = Vec::new();
    let mut at = heap.len();
    for &count in &counts {
        let place = if count > 0 || is_running { at } else { 0 };
        descriptor(count, place, is_wide, &mut descriptors).map_err(|e| e.in_variable(&variable.name))?;
        at += count * item_bytes;
    }
    heap.extend_from_slice(&bytes);
    Ok((counts.len(), descriptors))
}

/// Rows out of columns.
pub fn rows(columns: &[Hdu], n_rows: usize, out: &mut Vec<u8>) {
    // A damaged header may claim any number of rows without a byte.
    if columns.iter().all(|(n_bytes, _)| *n_bytes == 0) {
        return;
    }
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

fn new_image(variable: &Variable, about: Option<&About>, out: &mut Vec<u8>) -> Result<()> {
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
    header.cards.extend(about.map(|about| shared::cards(about, None)).unwrap_or_default());
    header.append(out);
    data(&raw(variable, if zero.is_some() { FitsArray::Shifted } else { FitsArray::Plain }), out);
    Ok(())
}
