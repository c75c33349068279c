//! What is known of a column after its cells were looked at once: whether numbers hold it, and how most of its cells are
//! written. A column of numbers that would lose digits, or that are codes (`007`), is one of text.

use super::cell::{Framing, Parts};
use super::dialect::{Delimiter, Dialect};
use super::number;
use super::style::{self, Style};
use baler_data::dataset::DType;

/// Cells that are kept as a sample, at most; they are spread over the whole column.
const SAMPLE_CELLS: usize = 160;
/// Longer cells are no part of the sample.
const SAMPLE_CELL_BYTES: usize = 256;

/// What a column becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Numbers.
    Numbers(DType),
    /// Characters.
    Text,
    /// Its cells as they stand.
    RawText,
}

/// A column of which all cells were looked at.
#[derive(Debug)]
pub struct Column {
    pub name: String,
    /// Which cell of a record.
    pub position: usize,
    /// The header's cell as it stands.
    pub header: Vec<u8>,
    /// Bytes of all cells as they stand.
    pub n_bytes: u64,
    n_cells: u64,
    n_finite: u64,
    all_i64: bool,
    all_u64: bool,
    all_points: bool,
    all_commas: bool,
    all_bool: bool,
    /// Numbers alone, but they are codes, or beyond what a float holds: (line, cell).
    pub lost: Option<(u64, String)>,
    sample: Vec<Vec<u8>>,
    stride: u64,
}

impl Column {
    /// Before any cell; `n_absent` records had no such cell.
    pub fn new(position: usize, n_absent: u64) -> Column {
        let mut column = Column {
            name: String::new(),
            position,
            header: Vec::new(),
            n_bytes: 0,
            n_cells: 0,
            n_finite: 0,
            all_i64: true,
            all_u64: true,
            all_points: true,
            all_commas: true,
            all_bool: true,
            lost: None,
            sample: Vec::new(),
            stride: 1,
        };
        if n_absent > 0 {
            column.look_at_absent();
        }
        column
    }

    /// A record that ends before this column.
    pub fn look_at_absent(&mut self) {
        (self.all_i64, self.all_u64, self.all_bool) = (false, false, false);
    }

    /// A cell as it stands and in its parts.
    pub fn look_at(&mut self, raw: &[u8], parts: &Parts, line: u64) {
        self.n_bytes += raw.len() as u64;
        if self.n_cells.is_multiple_of(self.stride) && raw.len() <= SAMPLE_CELL_BYTES {
            self.sample.push(raw.to_vec());
            if self.sample.len() == SAMPLE_CELLS {
                let mut at = 0;
                self.sample.retain(|_| {
                    at += 1;
                    at % 2 == 1
                });
                self.stride *= 2;
            }
        }
        self.n_cells += 1;
        self.all_bool = self.all_bool && number::truth_value(&parts.inner).is_some();
        if !(self.all_points || self.all_commas) {
            return;
        }
        if number::is_missing(&parts.inner) {
            (self.all_i64, self.all_u64) = (false, false);
            return;
        }
        let point = number::parse(&parts.inner, b'.');
        let found = point.or_else(|| number::parse(&parts.inner, b','));
        self.all_points &= point.is_some();
        self.all_commas &= found.is_some_and(|n| point.is_none() || n.is_whole() || n.is_word);
        let whole = found.filter(|n| n.is_whole()).and_then(|_| std::str::from_utf8(&parts.inner).ok());
        self.all_i64 = self.all_i64 && whole.is_some_and(|text| text.parse::<i64>().is_ok());
        self.all_u64 = self.all_u64 && whole.is_some_and(|text| text.parse::<u64>().is_ok());
        let Some(number) = found else { return };
        self.n_finite += u64::from(number.value.is_finite());
        let overflows = !number.is_word
            && (number.value.is_infinite() || (number.value == 0.0 && number.n_significant > 0));
        if self.lost.is_none() && (number.zero_led || overflows) {
            self.lost = Some((line, shown(&parts.inner)));
        }
    }

    /// Point or comma.
    pub fn point(&self, dialect: &Dialect) -> u8 {
        let commas = !self.all_points && self.all_commas && dialect.delimiter == Delimiter::Byte(b';');
        if commas { b',' } else { b'.' }
    }

    /// What the column becomes, in a file of `n_rows` records.
    pub fn kind(&self, n_rows: u64, dialect: &Dialect) -> ColumnKind {
        let is_number = self.all_points || self.point(dialect) == b',';
        match self {
            _ if n_rows == 0 => ColumnKind::Numbers(DType::F64),
            Column { all_bool: true, .. } => ColumnKind::Numbers(DType::Bool),
            Column { lost: Some(_), .. } => ColumnKind::Text,
            Column { all_i64: true, all_points: true, .. } => ColumnKind::Numbers(DType::I64),
            Column { all_u64: true, all_points: true, .. } => ColumnKind::Numbers(DType::U64),
            _ if is_number => ColumnKind::Numbers(DType::F64),
            _ => ColumnKind::Text,
        }
    }

    /// True for a column of nothing but numbers, whatever it becomes.
    pub fn looks_numeric(&self, dialect: &Dialect) -> bool {
        (self.n_finite > 0 || self.lost.is_some()) && (self.all_points || self.point(dialect) == b',')
    }

    /// How most of the cells stand, and how their numbers are written.
    pub fn format(&self, kind: ColumnKind, dialect: &Dialect, is_only: bool) -> (Framing, Style) {
        let is_text = !matches!(kind, ColumnKind::Numbers(_));
        let framing = Framing::of(&self.sample, dialect, is_text, is_only);
        let inner: Vec<Vec<u8>> = self
            .sample
            .iter()
            .map(|cell| super::cell::parts(cell, dialect.quoting).inner.into_owned())
            .collect();
        let mut style = Style { missing: Vec::new(), ..Style::default() };
        match kind {
            ColumnKind::Numbers(DType::Bool) => {
                let word =
                    |truth: bool| inner.iter().find(|cell| number::truth_value(cell) == Some(truth)).cloned();
                let other = |truth: bool| spelled_alike(&word(!truth).unwrap_or_default(), truth);
                style.missing =
                    [false, true].map(|truth| word(truth).unwrap_or_else(|| other(truth))).to_vec();
            }
            ColumnKind::Numbers(DType::F64) => style = style::find(&inner, self.point(dialect)),
            ColumnKind::Numbers(_) => style.plus = inner.iter().any(|cell| cell.starts_with(b"+")),
            ColumnKind::Text | ColumnKind::RawText => {}
        }
        (framing, style)
    }
}

/// The word for a truth value in the spelling of the word for the other.
fn spelled_alike(other: &[u8], truth: bool) -> Vec<u8> {
    let word = match (other.first(), other.get(1)) {
        (Some(b'T' | b'F'), Some(b'R' | b'A')) => {
            if truth {
                "TRUE"
            } else {
                "FALSE"
            }
        }
        (Some(b'T' | b'F'), _) => {
            if truth {
                "True"
            } else {
                "False"
            }
        }
        _ => {
            if truth {
                "true"
            } else {
                "false"
            }
        }
    };
    word.as_bytes().to_vec()
}

/// A cell for a message: a line of it, and not too much.
pub fn shown(cell: &[u8]) -> String {
    String::from_utf8_lossy(cell).chars().take(40).flat_map(char::escape_debug).collect()
}
