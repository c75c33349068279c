//! Everything of a text file that its values do not say: dialect, header, how the cells of each column stand, and the
//! exceptions from it: cells, line ends, blank and comment lines, records with fewer cells. It goes with the values as
//! an attachment. What is read from one is not trusted: it never panics, and earns what it allocates.

use super::cell::{Framing, Pad, Quotes, parts};
use super::dialect::{Delimiter, Dialect};
use super::lexer::LineEnd;
use super::style::{Digits, MAX_MISSING, Notation, Style};
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::error::{Error, Result};

/// The name under which it is attached.
pub const NAME: &str = "csv";
/// Of the attachment.
const VERSION: u8 = 1;

/// Rows and what each of them has, in ascending order of rows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Exceptions {
    bytes: Vec<u8>,
    last: u64,
}

impl Exceptions {
    /// Adds what a row has; it must not come before the last one.
    pub fn add(&mut self, row: u64, code: u8, bytes: &[u8]) {
        let mut out = ByteWriter { bytes: std::mem::take(&mut self.bytes) };
        out.varint(row - self.last);
        out.u8(code);
        if code == RAW {
            out.block(bytes);
        }
        (self.bytes, self.last) = (out.bytes, row);
    }

    /// Bytes that they take.
    pub fn size_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Reads them in order.
    pub fn iter(&self) -> ExceptionsIter<'_> {
        ExceptionsIter { r: ByteReader::new(&self.bytes), row: 0, next: None }
    }
}

/// The code of bytes that stand as they are.
pub const RAW: u8 = 0;

/// Exceptions one after the other.
#[derive(Debug)]
pub struct ExceptionsIter<'a> {
    r: ByteReader<'a>,
    row: u64,
    next: Option<(u64, u8, &'a [u8])>,
}

impl<'a> ExceptionsIter<'a> {
    /// The next one, if it is of this row: (code, bytes).
    pub fn of(&mut self, row: u64) -> Result<Option<(u8, &'a [u8])>> {
        while self.next.is_none_or(|(at, ..)| at < row) && self.r.remaining() > 0 {
            self.row = self.row.saturating_add(self.r.varint()?);
            let code = self.r.u8()?;
            let bytes = if code == RAW { self.r.block()? } else { &[] };
            self.next = Some((self.row, code, bytes));
        }
        match self.next {
            Some((at, code, bytes)) if at == row => {
                self.next = None;
                Ok(Some((code, bytes)))
            }
            _ => Ok(None),
        }
    }
}

/// A column of the source.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnRecipe {
    /// That of its variable.
    pub name: String,
    /// The header's cell as it stands.
    pub header: Vec<u8>,
    /// How its cells stand.
    pub framing: Framing,
    /// How its numbers are written; of truth values the words for both.
    pub style: Style,
    /// Cells that stand otherwise: bytes, or decimals plus one.
    pub exceptions: Exceptions,
}

/// What a file of text is made of beside its values.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// How its cells are told apart.
    pub dialect: Dialect,
    /// What ends most lines.
    pub end: LineEnd,
    /// Everything before the header.
    pub notes: Vec<u8>,
    /// The header as it stands, with its line end; none where there is no header.
    pub header: Option<Vec<u8>>,
    /// Of the source.
    pub n_rows: u64,
    /// In their order.
    pub columns: Vec<ColumnRecipe>,
    /// All columns of the source are there.
    pub is_whole: bool,
    /// Lines before a row that are no records, with their ends.
    pub lines: Exceptions,
    /// Ends of records that are not the usual ones: the end's code plus one.
    pub ends: Exceptions,
    /// Records that have fewer cells than there are columns: how many, as a varint.
    pub short: Exceptions,
}

/// Names in the header that the variables do not have as they are: (in the header, of the variable).
pub fn renamed(attached: &[u8]) -> Vec<(String, String)> {
    let Ok(recipe) = Recipe::from_bytes(attached) else { return Vec::new() };
    if recipe.header.is_none() {
        return Vec::new();
    }
    let called = |raw: &[u8]| {
        let parts = parts(raw, recipe.dialect.quoting);
        let text = if parts.quoted { &parts.inner } else { raw };
        String::from_utf8_lossy(text).into_owned()
    };
    let pairs = recipe.columns.iter().map(|column| (called(&column.header), column.name.clone()));
    pairs.filter(|(from, to)| from != to).collect()
}

impl Recipe {
    /// The attachment's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut w = ByteWriter::default();
        w.u8(VERSION);
        w.u8(self.dialect.delimiter.byte().unwrap_or(0));
        w.u8(self.dialect.newline);
        w.u8(self.end as u8);
        w.u8(u8::from(self.dialect.quoting)
            | u8::from(self.header.is_some()) << 1
            | u8::from(self.is_whole) << 2);
        w.block(&self.notes);
        w.block(self.header.as_deref().unwrap_or_default());
        w.varint(self.n_rows);
        for exceptions in [&self.lines, &self.ends, &self.short] {
            w.block(&exceptions.bytes);
        }
        w.count(self.columns.len());
        for column in &self.columns {
            w.block(column.name.as_bytes());
            w.block(&column.header);
            w.u8(column.framing.quotes as u8);
            let (kind, a, b) = match column.framing.pad {
                Pad::Fixed(a, b) => (0, a, b),
                Pad::Right(a) => (1, a, 0),
                Pad::Left(a) => (2, a, 0),
            };
            w.u8(kind);
            w.varint(a.into());
            w.varint(b.into());
            write_style(&column.style, &mut w);
            w.block(&column.exceptions.bytes);
        }
        w.bytes
    }

    /// What [`Recipe::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Recipe> {
        let mut r = ByteReader::new(bytes);
        if r.u8()? != VERSION {
            return Err(Error::corrupt("the notes on the csv are of another version; they are left out"));
        }
        let delimiter = match r.u8()? {
            0 => Delimiter::Blanks,
            byte => Delimiter::Byte(byte),
        };
        let newline = r.u8()?;
        let end = code(&LineEnd::ALL, r.u8()?)?;
        let flags = r.u8()?;
        let notes = r.block()?.to_vec();
        let header = r.block()?.to_vec();
        let n_rows = r.varint()?;
        let mut exceptions = || Ok(Exceptions { bytes: r.block()?.to_vec(), last: 0 });
        let [lines, ends, short] = [exceptions()?, exceptions()?, exceptions()?];
        let n_columns = r.varint()?;
        if n_columns > r.remaining() as u64 {
            return Err(Error::corrupt("the notes on the csv are damaged"));
        }
        let columns = (0..n_columns).map(|_| read_column(&mut r)).collect::<Result<_>>()?;
        Ok(Recipe {
            dialect: Dialect { delimiter, newline, quoting: flags & 1 != 0 },
            end,
            notes,
            header: (flags & 2 != 0).then_some(header),
            n_rows,
            columns,
            is_whole: flags & 4 != 0,
            lines,
            ends,
            short,
        })
    }
}

fn code<T: Copy>(all: &[T], code: u8) -> Result<T> {
    all.get(usize::from(code)).copied().ok_or_else(|| Error::corrupt("the notes on the csv are damaged"))
}

fn read_column(r: &mut ByteReader) -> Result<ColumnRecipe> {
    let name = String::from_utf8_lossy(r.block()?).into_owned();
    let header = r.block()?.to_vec();
    let quotes = code(&Quotes::ALL, r.u8()?)?;
    let kind = r.u8()?;
    let mut width = || -> Result<u16> { Ok(r.varint()?.min(u16::MAX.into()) as u16) };
    let (a, b) = (width()?, width()?);
    let pad = code(&[Pad::Fixed(a, b), Pad::Right(a), Pad::Left(a)], kind)?;
    let style = read_style(r)?;
    let exceptions = Exceptions { bytes: r.block()?.to_vec(), last: 0 };
    Ok(ColumnRecipe { name, header, framing: Framing { quotes, pad }, style, exceptions })
}

fn write_style(style: &Style, w: &mut ByteWriter) {
    w.u8(style.point);
    let (kind, low, high) = match style.notation {
        Notation::Plain => (0, 0, 0),
        Notation::Scientific => (1, 0, 0),
        Notation::Outside(low, high) => (2, low, high),
        Notation::Narrower => (3, 0, 0),
    };
    w.u8(kind);
    w.signed(low.into());
    w.signed(high.into());
    for digits in [style.digits, style.digits_scientific] {
        let (kind, n) = match digits {
            Digits::Shortest(n) => (0, n),
            Digits::Fixed(n) => (1, n),
            Digits::Significant(n) => (2, n),
        };
        w.u8(kind);
        w.u8(n);
    }
    let flags = [style.plus, style.bare_point, style.open_point, style.upper, style.exponent_plus];
    w.u8(flags.iter().enumerate().map(|(bit, &flag)| u8::from(flag) << bit).sum());
    w.u8(style.exponent_digits);
    w.block(&style.infinity);
    w.count(style.missing.len());
    style.missing.iter().for_each(|word| w.block(word));
}

fn read_style(r: &mut ByteReader) -> Result<Style> {
    let point = r.u8()?;
    let kind = r.u8()?;
    let small = |n: i64| n.clamp(i8::MIN.into(), i8::MAX.into()) as i8;
    let (low, high) = (small(r.signed()?), small(r.signed()?));
    let notations = [Notation::Plain, Notation::Scientific, Notation::Outside(low, high), Notation::Narrower];
    let notation = code(&notations, kind)?;
    let mut digits = || -> Result<Digits> {
        let (kind, n) = (r.u8()?, r.u8()?);
        code(&[Digits::Shortest(n), Digits::Fixed(n), Digits::Significant(n)], kind)
    };
    let (plain, scientific) = (digits()?, digits()?);
    let flags = r.u8()?;
    let exponent_digits = r.u8()?;
    let infinity = r.block()?.to_vec();
    let n_missing = r.varint()?;
    if n_missing > MAX_MISSING as u64 {
        return Err(Error::corrupt("the notes on the csv are damaged"));
    }
    let missing = (0..n_missing).map(|_| Ok(r.block()?.to_vec())).collect::<Result<_>>()?;
    Ok(Style {
        point,
        notation,
        digits: plain,
        digits_scientific: scientific,
        plus: flags & 1 != 0,
        bare_point: flags & 2 != 0,
        open_point: flags & 4 != 0,
        upper: flags & 8 != 0,
        exponent_plus: flags & 16 != 0,
        exponent_digits,
        missing,
        infinity,
    })
}
