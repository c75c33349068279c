//! The columns of a FITS binary table: where each stands in a row, and what its values are. Numbers are numbers, text and
//! complex numbers are what they are, bits are kept as bytes; columns of variable length have their items in the heap.
//! Of packed images and tables every column is bytes, for a bound on it would ruin what it packs.

use super::FitsArray;
use super::header::Header;
use baler_data::dataset::DType;
use baler_data::dataset::kind::Kind;
use baler_data::error::{Error, Result};

/// A column.
pub struct Column {
    /// TTYPE, or its number.
    pub name: String,
    /// Its first byte in a row.
    pub at: usize,
    /// Its bytes in a row.
    pub n_bytes: usize,
    /// What it holds; none where it holds nothing.
    pub content: Option<Content>,
}

/// What a column holds.
pub enum Content {
    /// The same number of elements in each row.
    Fixed(Elements),
    /// Any number of elements, somewhere in the heap; a descriptor tells how many and where, in 64 bits if it is wide.
    Listed(Elements, bool),
}

/// Elements of a dtype.
#[derive(Debug, Clone)]
pub struct Elements {
    pub dtype: DType,
    pub stored: FitsArray,
    pub kind: Kind,
    /// Axes behind that of the rows, or of the items.
    pub inner: Vec<usize>,
}

impl Elements {
    /// Bytes of a row, or of an item.
    pub fn size_bytes(&self) -> usize {
        self.inner.iter().product::<usize>() * self.dtype.size_bytes()
    }

    /// So many bytes in a row that are no numbers.
    pub fn bytes(n_bytes: usize, kind: Kind) -> Elements {
        Elements { dtype: DType::U8, stored: FitsArray::Plain, kind, inner: vec![n_bytes] }
    }
}

/// A column's form: `12PE(7)` are 12 descriptors of floats.
struct Form {
    repeat: usize,
    letter: u8,
    /// Of the items of a descriptor.
    item: u8,
}

impl Form {
    fn parse(text: &str) -> Option<Form> {
        let n_digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let repeat = if n_digits == 0 { Some(1) } else { text[..n_digits].parse().ok() };
        let mut letters = text.bytes().skip(n_digits);
        let letter = letters.next().filter(|letter| b"LXABIJKEDCMPQ".contains(letter))?;
        Some(Form { repeat: repeat?, letter, item: letters.next().unwrap_or(b' ') })
    }

    /// Bytes in a row.
    fn n_bytes(&self) -> Option<usize> {
        match self.letter {
            b'X' => Some(self.repeat.div_ceil(8)),
            letter => self.repeat.checked_mul(size_of(letter)),
        }
    }
}

/// Bytes of an element.
fn size_of(letter: u8) -> usize {
    match letter {
        b'I' => 2,
        b'J' | b'E' => 4,
        b'K' | b'D' | b'C' | b'P' => 8,
        b'M' | b'Q' => 16,
        _ => 1,
    }
}

/// The columns that the header describes; they fill `row_bytes`.
pub fn columns(header: &Header, row_bytes: usize) -> Result<Vec<Column>> {
    let n_columns = header.integer("TFIELDS").filter(|n| (0..=999).contains(n)).unwrap_or(0);
    let is_packed = ["ZIMAGE", "ZTABLE"].iter().any(|key| header.value(key).is_some_and(|v| v == "T"));
    let mut at = 0usize;
    let mut columns: Vec<Column> = Vec::new();
    for i in 1..=n_columns {
        let text = header.value(&format!("TFORM{i}")).unwrap_or_default();
        let damaged = || {
            Error::input(format!(
                "expected a FITS column's form, found TFORM{i} '{text}'; the file is damaged"
            ))
        };
        let form = Form::parse(&text).ok_or_else(damaged)?;
        let n_bytes = form.n_bytes().ok_or_else(damaged)?;
        let named = header.value(&format!("TTYPE{i}")).filter(|name| !name.is_empty());
        let name = named.unwrap_or_else(|| format!("column{i}")).replace('/', "_");
        let content = match is_packed {
            _ if n_bytes == 0 => None,
            true => Some(packed(&form, n_bytes)),
            false => Some(content(header, i, &form, n_bytes)),
        };
        columns.push(Column { name, at, n_bytes, content });
        at = at.checked_add(n_bytes).ok_or_else(damaged)?;
    }
    if at != row_bytes {
        let text =
            format!("expected FITS columns of {row_bytes} bytes a row, found {at}; the file is damaged");
        return Err(Error::input(text));
    }
    Ok(columns)
}

/// A column of a packed image or table.
fn packed(form: &Form, n_bytes: usize) -> Content {
    match (form.letter, form.item) {
        (b'P' | b'Q', item) if form.repeat == 1 && b"LABIJKEDCM".contains(&item) => {
            Content::Listed(Elements::bytes(size_of(item), Kind::Bytes), form.letter == b'Q')
        }
        _ => Content::Fixed(Elements::bytes(n_bytes, Kind::Bytes)),
    }
}

fn content(header: &Header, i: i64, form: &Form, n_bytes: usize) -> Content {
    let inner = match header.value(&format!("TDIM{i}")).as_deref().map(extents) {
        Some(Some(inner)) if inner.iter().try_fold(1usize, |n, &e| n.checked_mul(e)) == Some(form.repeat) => {
            inner
        }
        _ if form.repeat == 1 && form.letter != b'A' => Vec::new(),
        _ => vec![form.repeat],
    };
    match form.letter {
        b'X' => Content::Fixed(Elements::bytes(n_bytes, Kind::Bytes)),
        b'P' | b'Q' if form.repeat == 1 && b"LABIJKEDCM".contains(&form.item) => {
            Content::Listed(elements(header, i, form.item, Vec::new()), form.letter == b'Q')
        }
        b'P' | b'Q' => Content::Fixed(Elements::bytes(n_bytes, Kind::Bytes)),
        letter => Content::Fixed(elements(header, i, letter, inner)),
    }
}

/// Elements of a letter with these axes.
fn elements(header: &Header, i: i64, letter: u8, mut inner: Vec<usize>) -> Elements {
    let zero = header.number(&format!("TZERO{i}")).unwrap_or(0.0);
    let scaled = header.number(&format!("TSCAL{i}")).is_some_and(|scale| scale != 1.0);
    let shifted = |unsigned: DType, signed: DType, half: f64| match zero == half && !scaled {
        true => (unsigned, FitsArray::Shifted),
        false => (signed, FitsArray::Plain),
    };
    let (dtype, stored) = match letter {
        b'L' => (DType::Bool, FitsArray::Letters),
        b'B' => shifted(DType::I8, DType::U8, -128.0),
        b'I' => shifted(DType::U16, DType::I16, 32768.0),
        b'J' => shifted(DType::U32, DType::I32, 2147483648.0),
        b'K' => shifted(DType::U64, DType::I64, 9223372036854775808.0),
        b'E' | b'C' => (DType::F32, FitsArray::Plain),
        b'D' | b'M' => (DType::F64, FitsArray::Plain),
        _ => (DType::U8, FitsArray::Plain),
    };
    let kind = match letter {
        b'A' => Kind::Text,
        b'C' | b'M' => Kind::Complex,
        _ => Kind::Number,
    };
    inner.extend((kind == Kind::Complex).then_some(2));
    Elements { dtype, stored, kind, inner }
}

/// `(4,3)`, the fastest axis first, as extents with the slowest first.
fn extents(text: &str) -> Option<Vec<usize>> {
    let inner = text.trim().strip_prefix('(')?.strip_suffix(')')?;
    inner.split(',').rev().map(|n| n.trim().parse().ok()).collect()
}

/// True if the column of that index has descriptors.
pub fn has_descriptors(header: &Header, idx: usize) -> bool {
    let form = header.value(&format!("TFORM{}", idx + 1)).unwrap_or_default();
    matches!(form.trim_start_matches(|c: char| c.is_ascii_digit()).as_bytes().first(), Some(b'P' | b'Q'))
}
