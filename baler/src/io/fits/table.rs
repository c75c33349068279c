//! The columns of a FITS binary table: where each stands in a row, and which are numbers.

use super::Stored;
use super::header::Header;
use crate::dataset::DType;
use crate::error::{Error, Result};

/// A column.
pub struct Column {
    /// TTYPE, or its number.
    pub name: String,
    /// Its first byte in a row.
    pub at: usize,
    /// Its bytes in a row.
    pub n_bytes: usize,
    /// Dtype, storage and further axes of numbers.
    pub numbers: Option<(DType, Stored, Vec<usize>)>,
}

/// The columns that the header describes; they fill `row_bytes`.
pub fn columns(header: &Header, row_bytes: usize) -> Result<Vec<Column>> {
    let n_columns = header.integer("TFIELDS").filter(|n| (0..=999).contains(n)).unwrap_or(0);
    let mut at = 0usize;
    let mut columns: Vec<Column> = Vec::new();
    for i in 1..=n_columns {
        let form = header.value(&format!("TFORM{i}")).unwrap_or_default();
        let damaged = || {
            Error::input(format!(
                "expected a FITS column's form, found TFORM{i} '{form}'; the file is damaged"
            ))
        };
        let n_digits = form.bytes().take_while(u8::is_ascii_digit).count();
        let repeat =
            if n_digits == 0 { 1 } else { form[..n_digits].parse::<usize>().map_err(|_| damaged())? };
        let letter = form[n_digits..].chars().next().ok_or_else(damaged)?;
        let size = match letter {
            'L' | 'A' | 'B' => 1,
            'X' => 0,
            'I' => 2,
            'J' | 'E' => 4,
            'K' | 'D' | 'C' | 'P' => 8,
            'M' | 'Q' => 16,
            _ => return Err(damaged()),
        };
        let n_bytes = if letter == 'X' { Some(repeat.div_ceil(8)) } else { repeat.checked_mul(size) };
        let n_bytes = n_bytes.ok_or_else(damaged)?;
        let zero = header.number(&format!("TZERO{i}")).unwrap_or(0.0);
        let scaled = header.number(&format!("TSCAL{i}")).is_some_and(|scale| scale != 1.0);
        let shifted = |unsigned: DType, signed: DType, half: f64| match zero == half && !scaled {
            true => (unsigned, Stored::Shifted),
            false => (signed, Stored::Plain),
        };
        let number = match letter {
            'L' => Some((DType::Bool, Stored::Letters)),
            'B' => Some(shifted(DType::I8, DType::U8, -128.0)),
            'I' => Some(shifted(DType::U16, DType::I16, 32768.0)),
            'J' => Some(shifted(DType::U32, DType::I32, 2147483648.0)),
            'K' => Some(shifted(DType::U64, DType::I64, 9223372036854775808.0)),
            'E' | 'C' => Some((DType::F32, Stored::Plain)),
            'D' | 'M' => Some((DType::F64, Stored::Plain)),
            _ => None,
        };
        let mut inner = match header.value(&format!("TDIM{i}")).as_deref().map(extents) {
            Some(Some(inner)) if inner.iter().try_fold(1usize, |n, &e| n.checked_mul(e)) == Some(repeat) => {
                inner
            }
            _ if repeat == 1 => Vec::new(),
            _ => vec![repeat],
        };
        if matches!(letter, 'C' | 'M') {
            inner.push(2);
        }
        let numbers = number.filter(|_| repeat > 0).map(|(dtype, stored)| (dtype, stored, inner));
        let named = header.value(&format!("TTYPE{i}")).filter(|name| !name.is_empty());
        let name = named.unwrap_or_else(|| format!("column{i}")).replace('/', "_");
        columns.push(Column { name, at, n_bytes, numbers });
        at = at.checked_add(n_bytes).ok_or_else(damaged)?;
    }
    if at != row_bytes {
        let text =
            format!("expected FITS columns of {row_bytes} bytes a row, found {at}; the file is damaged");
        return Err(Error::input(text));
    }
    Ok(columns)
}

/// `(4,3)`, the fastest axis first, as extents with the slowest first.
fn extents(text: &str) -> Option<Vec<usize>> {
    let inner = text.trim().strip_prefix('(')?.strip_suffix(')')?;
    inner.split(',').rev().map(|n| n.trim().parse().ok()).collect()
}
