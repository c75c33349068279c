//! Variables of other formats as columns of a new binary table: numbers with TZERO, TNULL and TDIM, complex numbers, text
//! of the width of the longest, bytes and lists of numbers with descriptors. What is in lists in each other is no column.

use super::header::{CARD, Header, card, quoted};
use super::listed::descriptor;
use super::write::{Hdu, rows};
use super::{FitsArray, shared, turn};
use crate::chains::Chained;
use baler_data::dataset::kind::Kind;
use baler_data::dataset::{DType, Dataset, ListKind, Variable};
use baler_data::error::{Error, Result};
use baler_data::metadata::Metadata;
use std::collections::HashSet;

/// A column of a new table.
pub struct NewColumn<'a> {
    pub variable: &'a Variable,
    pub n_rows: usize,
    form: String,
    /// TDIM, TZERO and TNULL.
    cards: Vec<(&'static str, String)>,
    /// Bytes in each row, and of all rows; or of all items in the heap.
    n_bytes: usize,
    bytes: Vec<u8>,
    /// Items of each row in the heap.
    counts: Option<Vec<usize>>,
}

/// Letter and zero of numbers in a column.
fn letter(dtype: DType) -> Option<(char, FitsArray, Option<&'static str>)> {
    Some(match dtype {
        DType::Bool => ('L', FitsArray::Letters, None),
        DType::U8 => ('B', FitsArray::Plain, None),
        DType::I8 => ('B', FitsArray::Shifted, Some("-128")),
        DType::I16 => ('I', FitsArray::Plain, None),
        DType::U16 => ('I', FitsArray::Shifted, Some("32768")),
        DType::I32 => ('J', FitsArray::Plain, None),
        DType::U32 => ('J', FitsArray::Shifted, Some("2147483648")),
        DType::I64 => ('K', FitsArray::Plain, None),
        DType::U64 => ('K', FitsArray::Shifted, Some("9223372036854775808")),
        DType::F32 => ('E', FitsArray::Plain, None),
        DType::F64 => ('D', FitsArray::Plain, None),
        DType::F16 => return None,
    })
}

/// The variable as a column; none where its lists are not those of a column.
pub fn of<'a>(dataset: &Dataset, (variable, chain): &Chained<'a>) -> Result<Option<NewColumn<'a>>> {
    let dtype = variable.values.dtype();
    let Some((letter, stored, zero)) = letter(dtype) else {
        return Err(Error::config("FITS has no float16; write .npz or .h5").in_variable(&variable.name));
    };
    let mut counts = Vec::new();
    for lists in chain {
        let of = dataset.variables.get(lists.counts).map(|counts| counts.values.to_counts()).transpose()?;
        counts.push(of.ok_or_else(|| Error::corrupt("lists without counts"))?);
    }
    let mut bytes = Vec::new();
    variable.values.append_bytes(&mut bytes, true);
    turn(&mut bytes, dtype, stored);
    let optional = chain.iter().map(|lists| lists.kind == ListKind::Optional).collect::<Vec<_>>();
    let base = NewColumn {
        variable,
        n_rows: 0,
        form: String::new(),
        cards: zero.map(|zero| ("TZERO", zero.to_string())).into_iter().collect(),
        n_bytes: 0,
        bytes,
        counts: None,
    };
    Ok(match (&optional[..], &counts[..], variable.storage.kind, &variable.shape[..]) {
        ([], _, Kind::Text, &[n_rows, width]) => Some(texts(base, &vec![width; n_rows], dtype)),
        ([false], [lengths], Kind::Text, [_]) => Some(texts(base, lengths, dtype)),
        ([true, false], [present, lengths], Kind::Text, [_]) => {
            let mut there = lengths.iter();
            let lengths: Vec<usize> = present
                .iter()
                .map(|&n| if n == 0 { 0 } else { there.next().copied().unwrap_or(0) })
                .collect();
            Some(texts(base, &lengths, dtype))
        }
        ([], _, Kind::Complex, &[n_rows, 2]) => {
            let letter = if dtype == DType::F32 { 'C' } else { 'M' };
            Some(NewColumn { n_rows, form: format!("1{letter}"), n_bytes: 2 * dtype.size_bytes(), ..base })
        }
        ([], _, _, [n_rows, inner @ ..]) => Some(fixed(base, *n_rows, inner, letter)),
        ([false], [counts], _, [_]) => {
            let (n_bytes, counts) = (dtype.size_bytes(), Some(counts.clone()));
            let n_rows = counts.as_ref().map_or(0, Vec::len);
            Some(NewColumn { n_rows, form: format!("1P{letter}"), n_bytes, counts, ..base })
        }
        ([true], [present], _, [_]) => with_nulls(base, present, letter),
        _ => None,
    })
}

/// Numbers, the same number of them in each row.
fn fixed<'a>(base: NewColumn<'a>, n_rows: usize, inner: &[usize], letter: char) -> NewColumn<'a> {
    let n: usize = inner.iter().product();
    let mut cards = base.cards;
    if inner.len() > 1 {
        let extents: Vec<String> = inner.iter().rev().map(ToString::to_string).collect();
        cards.push(("TDIM", quoted(&format!("({})", extents.join(",")))));
    }
    let n_bytes = n * base.variable.values.dtype().size_bytes();
    NewColumn { n_rows, form: format!("{n}{letter}"), n_bytes, cards, ..base }
}

/// Texts as wide as the longest, filled up with zeros.
fn texts<'a>(base: NewColumn<'a>, lengths: &[usize], dtype: DType) -> NewColumn<'a> {
    let mut found: Vec<Vec<u8>> = Vec::with_capacity(lengths.len());
    let mut at = 0;
    for &length in lengths {
        let end = at + length * dtype.size_bytes();
        let of_text = base.bytes.get(at..end).unwrap_or_default();
        at = end;
        let text = match dtype {
            DType::U32 => {
                let codes =
                    of_text.as_chunks::<4>().0.iter().map(|&bytes| (u32::from_be_bytes(bytes)) ^ 0x8000_0000);
                let text: String = codes.map(|code| char::from_u32(code).unwrap_or('?')).collect();
                text.into_bytes()
            }
            _ => of_text.to_vec(),
        };
        found.push(text);
    }
    let trimmed = |text: &Vec<u8>| text.len() - text.iter().rev().take_while(|&&byte| byte == 0).count();
    let width = found.iter().map(trimmed).max().unwrap_or(0).max(1);
    let mut bytes = Vec::with_capacity(width * found.len());
    for text in &found {
        let start = bytes.len();
        bytes.extend_from_slice(&text[..trimmed(text)]);
        bytes.resize(start + width, 0);
    }
    NewColumn {
        n_rows: found.len(),
        form: format!("{width}A"),
        cards: Vec::new(),
        n_bytes: width,
        bytes,
        ..base
    }
}

/// Numbers of which some are missing: a number that none of them is (TNULL), NaN, or no letter.
fn with_nulls<'a>(base: NewColumn<'a>, present: &[usize], letter: char) -> Option<NewColumn<'a>> {
    let dtype = base.variable.values.dtype();
    let size = dtype.size_bytes();
    let mut cards = base.cards;
    let fill = match (dtype, letter) {
        (DType::F32, _) => f32::NAN.to_be_bytes().to_vec(),
        (DType::F64, _) => f64::NAN.to_be_bytes().to_vec(),
        (_, 'L') => vec![0],
        _ => {
            let taken: HashSet<&[u8]> = base.bytes.chunks(size).collect();
            // From the least stored number on.
            let low: i128 = if letter == 'B' { 0 } else { -(1i128 << (8 * size - 1)) };
            let bytes = |i: i128| i.to_be_bytes()[16 - size..].to_vec();
            let all = 1i128 << (8 * size);
            let null = (0..all).map(|i| low + i).find(|&i| !taken.contains(&bytes(i)[..]))?;
            cards.push(("TNULL", format!("{null:>20}")));
            bytes(null)
        }
    };
    let mut there = base.bytes.chunks(size);
    let mut bytes = Vec::with_capacity(present.len() * size);
    for &n in present {
        bytes.extend_from_slice(if n == 0 { &fill } else { there.next()? });
    }
    Some(NewColumn { n_rows: present.len(), form: format!("1{letter}"), cards, n_bytes: size, bytes, ..base })
}

/// A header and the data of a table with these columns, which have rows of one number.
pub fn table(columns: &[NewColumn], known: &Metadata) -> Result<(Header, Vec<u8>)> {
    if columns.len() > 999 {
        return Err(Error::config(format!("a FITS table has at most 999 columns, found {}", columns.len())));
    }
    let n_rows = columns.first().map_or(0, |column| column.n_rows);
    let (mut parts, mut cards, mut heap): (Vec<Hdu>, Vec<[u8; CARD]>, Vec<u8>) = Default::default();
    for (i, column) in columns.iter().enumerate() {
        let key = |name: &str| format!("{name}{}", i + 1);
        let mut form = column.form.clone();
        match &column.counts {
            None => parts.push((column.n_bytes, column.bytes.clone())),
            Some(counts) => {
                let total = counts.iter().try_fold(0usize, |n, &count| n.checked_add(count));
                if total.and_then(|n| n.checked_mul(column.n_bytes)) != Some(column.bytes.len()) {
                    return Err(Error::config("the lists of the variable do not fit their counts")
                        .in_variable(&column.variable.name));
                }
                let is_wide = heap.len() + column.bytes.len() > i32::MAX as usize;
                let (mut descriptors, mut at) = (Vec::new(), heap.len());
                for &count in counts {
                    descriptor(count, at, is_wide, &mut descriptors)?;
                    at += count * column.n_bytes;
                }
                heap.extend_from_slice(&column.bytes);
                if is_wide {
                    form = form.replace('P', "Q");
                }
                form += &format!("({})", counts.iter().max().unwrap_or(&0));
                parts.push((if is_wide { 16 } else { 8 }, descriptors));
            }
        }
        cards.push(card(&key("TTYPE"), &quoted(&column.variable.name)));
        cards.push(card(&key("TFORM"), &quoted(&form)));
        for (name, value) in &column.cards {
            if *name == "TZERO" {
                cards.push(card(&key("TSCAL"), &format!("{:>20}", 1)));
            }
            let value = if value.starts_with('\'') { value.clone() } else { format!("{value:>20}") };
            cards.push(card(&key(name), &value));
        }
        let about = known.about(&column.variable.name);
        cards.extend(about.map(|about| shared::cards(about, Some(i + 1))).unwrap_or_default());
    }
    let mut header = Header { cards: vec![card("XTENSION", "'BINTABLE'")] };
    header.set("BITPIX", 8, "XTENSION");
    header.set_shape(&[n_rows, parts.iter().map(|(n_bytes, _)| n_bytes).sum()]);
    header.set("PCOUNT", heap.len() as i64, "");
    header.set("GCOUNT", 1, "");
    header.set("TFIELDS", columns.len() as i64, "");
    header.cards.extend(cards);
    let mut out = Vec::new();
    rows(&parts, n_rows, &mut out);
    out.extend_from_slice(&heap);
    Ok((header, out))
}
