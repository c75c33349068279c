//! A text file to columns. It is read once to know its columns, and again for the values, which go to memory or a
//! temporary file: then each cell is compared with what would be written for its value, and what differs is noted in the
//! recipe, so that the file comes back as it was. A column that numbers do not hold is read again as text.

use super::cell::{self, Framing, Pad, Parts, Quotes};
use super::column::{Column, ColumnKind, shown};
use super::dialect::{Delimiter, Shape};
use super::header;
use super::lexer::{Lexer, LineEnd, Record};
use super::number;
use super::recipe::{ColumnRecipe, Exceptions, RAW, Recipe};
use super::style::Style;
use crate::ReadOptions;
use crate::store::{Region, Spill};
use baler_data::dataset::{DType, Values};
use baler_data::error::{Error, Result};
use std::borrow::Cow;

/// Bytes of values that wait to be written together.
const WAITING_BYTES: usize = 4 << 20;
/// Most columns of a file.
const MAX_COLUMNS: usize = 1 << 18;
/// Most bytes of all exceptions to styles; a column that would take more is kept as text.
const MAX_EXCEPTION_BYTES: usize = 64 << 20;

/// A file that was looked at once.
pub struct Looked {
    pub shape: Shape,
    pub columns: Vec<Column>,
    pub n_rows: u64,
    /// What stands before the header, the header, and its cells.
    notes: Vec<u8>,
    header: Option<Vec<u8>>,
    end: LineEnd,
}

/// What a line of the file is.
enum Line<'a> {
    Note(&'a Record<'a>),
    Header(&'a Record<'a>),
    Between(&'a Record<'a>),
    Row(&'a Record<'a>),
}

/// Calls `take` with each line of the file.
fn each_line(file: &Region, shape: &Shape, mut take: impl FnMut(Line) -> Result<()>) -> Result<bool> {
    let mut lexer = Lexer::new(file, shape.dialect);
    let has_mark = lexer.skip_mark()?;
    let (mut n_notes, mut is_header) = (shape.n_notes, shape.has_header);
    while let Some(record) = lexer.next()? {
        let is_blank = record.is_blank();
        let is_hash = !shape.hash_is_data && record.raw().starts_with(b"#");
        if n_notes > 0 || (is_blank && is_header) {
            n_notes -= usize::from(!is_blank);
            take(Line::Note(&record))?;
        } else if std::mem::take(&mut is_header) {
            take(Line::Header(&record))?;
        } else if is_blank || (is_hash && record.n_cells() != shape.n_cells) {
            take(Line::Between(&record))?;
        } else {
            take(Line::Row(&record))?;
        }
    }
    Ok(has_mark)
}

/// The first look.
pub fn look(file: &Region, shape: Shape, options: &ReadOptions) -> Result<Looked> {
    let quoting = shape.dialect.quoting;
    let mut columns: Vec<Column> = (0..shape.n_cells).map(|j| Column::new(j, 0)).collect();
    let (mut n_rows, mut notes, mut header, mut cells) = (0u64, Vec::new(), None, None);
    let mut ends = [0u64; 4];
    let mut ragged: Option<(u64, usize, u64)> = None;
    let has_mark = each_line(file, &shape, |line| {
        match line {
            Line::Note(record) => {
                notes.extend_from_slice(record.raw());
                notes.extend_from_slice(record.end.bytes());
            }
            Line::Header(record) => {
                header = Some([record.raw(), record.end.bytes()].concat());
                cells = Some(record.cells().map(<[u8]>::to_vec).collect::<Vec<_>>());
                ends[record.end as usize] += 1;
            }
            Line::Between(_) => {}
            Line::Row(record) => {
                ends[record.end as usize] += 1;
                if record.n_cells() > MAX_COLUMNS {
                    return Err(Error::limit(format!(
                        "expected at most {MAX_COLUMNS} columns, found {} in line {}",
                        record.n_cells(),
                        record.line
                    )));
                }
                while columns.len() < record.n_cells() {
                    columns.push(Column::new(columns.len(), n_rows));
                }
                if record.n_cells() != shape.n_cells {
                    let (.., n) = ragged.get_or_insert((record.line, record.n_cells(), 0));
                    *n += 1;
                }
                for column in &mut columns {
                    match record.cell(column.position) {
                        Some(raw) => column.look_at(raw, &cell::parts(raw, quoting), record.line),
                        None => column.look_at_absent(),
                    }
                }
                n_rows += 1;
            }
        }
        Ok(())
    })?;
    if has_mark {
        notes.splice(0..0, *b"\xef\xbb\xbf");
    }
    if let Some((line, n_cells, n)) = ragged {
        let more = if n > 1 { format!(" ({} more such lines)", n - 1) } else { String::new() };
        options.warnings.add(format!(
            "line {line} has {n_cells} cells where most lines have {}{more}; cells that are not there count as empty",
            shape.n_cells
        ));
    }
    name(&mut columns, cells.as_deref(), &shape);
    let end = (1..4).max_by_key(|&end| ends[end]).map_or(LineEnd::Lf, |end| LineEnd::ALL[end]);
    let end = if ends[1..] == [0; 3] { LineEnd::Lf } else { end };
    Ok(Looked { shape, columns, n_rows, notes, header, end })
}

/// The names of the columns, and the header's cell of each.
fn name(columns: &mut [Column], cells: Option<&[Vec<u8>]>, shape: &Shape) {
    let inner: Option<Vec<Vec<u8>>> = cells.map(|cells| {
        cells.iter().map(|raw| cell::parts(raw, shape.dialect.quoting).inner.into_owned()).collect()
    });
    let names = header::names(inner.as_deref(), shape.is_shifted, columns.len());
    for (column, name) in columns.iter_mut().zip(names) {
        let at = if shape.is_shifted { column.position.checked_sub(1) } else { Some(column.position) };
        column.header = at.and_then(|at| cells?.get(at)).cloned().unwrap_or_default();
        column.name = name;
    }
}

/// A column in the making.
struct Filling<'a> {
    column: &'a Column,
    kind: ColumnKind,
    framing: Framing,
    style: Style,
    exceptions: Exceptions,
    n_raw: u64,
    /// Why it must be read again as text: (line, cell), or nothing in particular.
    failed: Option<Option<(u64, String)>>,
    values: Values,
    /// Of text: bytes of each cell.
    counts: Vec<u32>,
    n_bytes: u64,
    only_utf8: bool,
    partial: Vec<u8>,
}

/// A column with its values.
pub struct Filled {
    pub name: String,
    pub kind: ColumnKind,
    pub values: Region,
    /// Of text: the bytes of each cell, and whether all are UTF-8.
    pub counts: Option<Region>,
    pub only_utf8: bool,
}

impl Looked {
    /// The values of the columns that are not dropped, and the recipe.
    pub fn fill(&self, file: &Region, options: &ReadOptions) -> Result<(Vec<Filled>, Recipe)> {
        let kept: Vec<&Column> = self.columns.iter().filter(|column| !options.drops(&column.name)).collect();
        let dialect = &self.shape.dialect;
        let mut kinds: Vec<ColumnKind> =
            kept.iter().map(|column| column.kind(self.n_rows, dialect)).collect();
        for (column, kind) in kept.iter().zip(&kinds) {
            if let (ColumnKind::Text, Some((line, cell)), true) =
                (kind, &column.lost, column.looks_numeric(dialect))
            {
                options.warnings.add(kept_as_text(&column.name, *line, cell));
            }
        }
        loop {
            let mut pass = Pass::new(self, &kept, &kinds)?;
            each_line(file, &self.shape, |line| pass.take(line))?;
            let failed = pass.columns.iter().map(|column| column.failed.clone());
            let failed: Vec<_> = failed.enumerate().filter_map(|(at, failed)| Some((at, failed?))).collect();
            if failed.is_empty() {
                return pass.finish();
            }
            for (at, reason) in failed {
                match (kinds[at], reason) {
                    (ColumnKind::Numbers(_), Some((line, cell))) => {
                        options.warnings.add(kept_as_text(&kept[at].name, line, &cell));
                        kinds[at] = ColumnKind::Text;
                    }
                    (ColumnKind::Numbers(_), None) => {
                        options.warnings.add(format!(
                            "column '{}' is kept as text: its numbers are written in many ways",
                            kept[at].name
                        ));
                        kinds[at] = ColumnKind::Text;
                    }
                    _ => kinds[at] = ColumnKind::RawText,
                }
            }
        }
    }
}

fn kept_as_text(name: &str, line: u64, cell: &str) -> String {
    format!("column '{name}' is kept as text: a number would not keep '{cell}' in line {line}")
}

/// One reading of all values.
struct Pass<'a> {
    looked: &'a Looked,
    columns: Vec<Filling<'a>>,
    spill: Spill,
    /// Where the values and counts of each column go next, and where they began.
    places: Vec<(u64, u64)>,
    starts: Vec<(u64, u64)>,
    n_waiting: usize,
    row: u64,
    lines: Exceptions,
    ends: Exceptions,
    short: Exceptions,
}

impl<'a> Pass<'a> {
    fn new(looked: &'a Looked, kept: &[&'a Column], kinds: &[ColumnKind]) -> Result<Pass<'a>> {
        let dialect = &looked.shape.dialect;
        let is_only = looked.columns.len() == 1;
        let (mut columns, mut starts, mut end) = (Vec::new(), Vec::new(), 0u64);
        for (&column, &kind) in kept.iter().zip(kinds) {
            let (mut framing, style) = column.format(kind, dialect, is_only);
            if kind == ColumnKind::RawText {
                framing = Framing { quotes: Quotes::Raw, pad: Pad::Fixed(0, 0) };
            }
            let dtype = if let ColumnKind::Numbers(dtype) = kind { dtype } else { DType::U8 };
            let (n_bytes, n_count_bytes) = match kind {
                ColumnKind::Numbers(dtype) => (looked.n_rows * dtype.size_bytes() as u64, 0),
                _ => (column.n_bytes, looked.n_rows * 4),
            };
            starts.push((end, end + n_bytes));
            end += n_bytes + n_count_bytes;
            columns.push(Filling {
                column,
                kind,
                framing,
                style,
                exceptions: Exceptions::default(),
                n_raw: 0,
                failed: None,
                values: Values::empty(dtype),
                counts: Vec::new(),
                n_bytes: 0,
                only_utf8: true,
                partial: Vec::new(),
            });
        }
        Ok(Pass {
            looked,
            columns,
            spill: Spill::new(end)?,
            places: starts.clone(),
            starts,
            n_waiting: 0,
            row: 0,
            lines: Exceptions::default(),
            ends: Exceptions::default(),
            short: Exceptions::default(),
        })
    }

    fn take(&mut self, line: Line) -> Result<()> {
        match line {
            Line::Note(_) | Line::Header(_) => Ok(()),
            Line::Between(record) => {
                self.lines.add(self.row, RAW, &[record.raw(), record.end.bytes()].concat());
                Ok(())
            }
            Line::Row(record) => self.take_row(record),
        }
    }

    fn take_row(&mut self, record: &Record) -> Result<()> {
        if self.row == self.looked.n_rows || record.n_cells() > self.looked.columns.len() {
            return Err(changed(record.line));
        }
        if record.end != self.looked.end {
            self.ends.add(self.row, record.end as u8 + 1, &[]);
        }
        if record.n_cells() < self.looked.columns.len() {
            self.short.add(self.row, RAW, &(record.n_cells() as u32).to_le_bytes());
        }
        self.n_waiting += record.raw().len() + 8 * self.columns.len();
        let n_exception_bytes: usize = self.columns.iter().map(|column| column.exceptions.size_bytes()).sum();
        let has_room = n_exception_bytes < MAX_EXCEPTION_BYTES;
        for filling in self.columns.iter_mut().filter(|filling| filling.failed.is_none()) {
            let raw = record.cell(filling.column.position);
            filling.take(self.looked, raw, self.row, record.line)?;
            if !has_room && filling.exceptions.size_bytes() > MAX_EXCEPTION_BYTES / 16 {
                filling.failed = Some(None);
            }
        }
        self.row += 1;
        if self.n_waiting >= WAITING_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        self.n_waiting = 0;
        for ((filling, (at, counts_at)), next) in self
            .columns
            .iter_mut()
            .zip(&mut self.places)
            .zip(self.starts.iter().skip(1).chain([&(u64::MAX, 0)]))
        {
            let empty = Values::empty(filling.values.dtype());
            let values = std::mem::replace(&mut filling.values, empty);
            if let (Values::U8(bytes), ColumnKind::Text | ColumnKind::RawText) = (&values, filling.kind) {
                filling.look_at_utf8(bytes);
            }
            let mut bytes = Vec::new();
            values.append_bytes(&mut bytes, false);
            if *at + bytes.len() as u64 > next.0 {
                return Err(changed(0));
            }
            self.spill.write_at(*at, &bytes)?;
            *at += bytes.len() as u64;
            bytes.clear();
            Values::U32(std::mem::take(&mut filling.counts)).append_bytes(&mut bytes, false);
            self.spill.write_at(*counts_at, &bytes)?;
            *counts_at += bytes.len() as u64;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(Vec<Filled>, Recipe)> {
        self.flush()?;
        if self.row != self.looked.n_rows {
            return Err(changed(0));
        }
        let all = self.spill.finish()?;
        let (mut filled, mut recipes) = (Vec::new(), Vec::new());
        for (filling, (start, counts_start)) in self.columns.into_iter().zip(self.starts) {
            let is_text = !matches!(filling.kind, ColumnKind::Numbers(_));
            let counts = is_text.then(|| all.part(counts_start, self.looked.n_rows * 4)).transpose()?;
            let item = filling.values.dtype().size_bytes() as u64;
            let n_bytes = if is_text { filling.n_bytes } else { self.looked.n_rows * item };
            filled.push(Filled {
                name: filling.column.name.clone(),
                kind: filling.kind,
                values: all.part(start, n_bytes)?,
                counts,
                only_utf8: filling.only_utf8 && filling.partial.is_empty(),
            });
            recipes.push(ColumnRecipe {
                name: filling.column.name.clone(),
                header: filling.column.header.clone(),
                framing: filling.framing,
                style: filling.style,
                exceptions: filling.exceptions,
            });
        }
        let recipe = Recipe {
            dialect: self.looked.shape.dialect,
            end: self.looked.end,
            notes: self.looked.notes.clone(),
            header: self.looked.header.clone(),
            n_rows: self.looked.n_rows,
            is_whole: recipes.len() == self.looked.columns.len(),
            columns: recipes,
            lines: self.lines,
            ends: self.ends,
            short: self.short,
        };
        Ok((filled, recipe))
    }
}

fn changed(line: u64) -> Error {
    let place = if line > 0 { format!(" (line {line})") } else { String::new() };
    Error::input(format!("the csv changed while it was read{place}"))
}

impl Filling<'_> {
    /// Adds a cell (none where the record ends before it) and notes what its value does not say.
    fn take(&mut self, looked: &Looked, raw: Option<&[u8]>, row: u64, line: u64) -> Result<()> {
        let dialect = &looked.shape.dialect;
        let parts = cell::parts(raw.unwrap_or_default(), dialect.quoting);
        let is_only = looked.columns.len() == 1;
        let mut written = Vec::new();
        if !matches!(self.kind, ColumnKind::Numbers(_)) {
            let inner = self.text_of(raw.unwrap_or_default(), parts, dialect.delimiter);
            self.framing.append(&inner, dialect, is_only, &mut written);
            let Values::U8(values) = &mut self.values else { return Err(changed(line)) };
            values.extend_from_slice(&inner);
            self.counts.push(inner.len() as u32);
            self.n_bytes += inner.len() as u64;
            self.note(raw, &written, row, looked.n_rows);
            return Ok(());
        }
        let number = self.push_number(&parts.inner, line)?;
        let mut inner = Vec::new();
        append_number(&self.values, self.values.len() - 1, &self.style, None, &mut inner);
        self.framing.append(&inner, dialect, is_only, &mut written);
        let Some(cell) = raw.filter(|raw| *raw != written) else { return Ok(()) };
        if let Some(number) = number.filter(|_| self.kind == ColumnKind::Numbers(DType::F64)) {
            if let Some(decimals) = number.decimals.or(Some(0)).filter(|&n| n < 255) {
                inner.clear();
                written.clear();
                append_number(
                    &self.values,
                    self.values.len() - 1,
                    &self.style,
                    Some(decimals as u8),
                    &mut inner,
                );
                self.framing.append(&inner, dialect, is_only, &mut written);
                if written == cell {
                    self.exceptions.add(row, decimals as u8 + 1, &[]);
                    return Ok(());
                }
            }
            let digits =
                parts.inner.iter().map(|&b| if b == self.style.point { b'.' } else { b }).collect::<Vec<_>>();
            if !number::is_faithful(&digits, &number) {
                self.failed = Some(Some((line, shown(&parts.inner))));
                return Ok(());
            }
        }
        self.note(raw, &written, row, looked.n_rows);
        Ok(())
    }

    /// Notes a cell that is not what would be written.
    fn note(&mut self, raw: Option<&[u8]>, written: &[u8], row: u64, n_rows: u64) {
        if let Some(raw) = raw.filter(|raw| *raw != written) {
            self.exceptions.add(row, RAW, raw);
            self.n_raw += 1;
            if self.n_raw > (n_rows / 16).max(64) && self.kind != ColumnKind::RawText {
                self.failed = Some(None);
            }
        }
    }

    /// The value of a cell of text.
    fn text_of<'c>(&self, raw: &'c [u8], parts: Parts<'c>, delimiter: Delimiter) -> Cow<'c, [u8]> {
        match self.framing {
            Framing { quotes: Quotes::Raw, .. } => Cow::Borrowed(raw),
            _ if parts.quoted || delimiter == Delimiter::Blanks => parts.inner,
            Framing { pad: Pad::Fixed(left, _), .. } => Cow::Borrowed(&raw[parts.left.min(left.into())..]),
            _ => Cow::Borrowed(raw),
        }
    }

    /// Appends the number that a cell says.
    fn push_number(&mut self, inner: &[u8], line: u64) -> Result<Option<number::NumberText>> {
        let text = || std::str::from_utf8(inner).ok();
        match &mut self.values {
            Values::Bool(v) => v.push(number::truth_value(inner).ok_or_else(|| changed(line))?.into()),
            Values::I64(v) => v.push(text().and_then(|t| t.parse().ok()).ok_or_else(|| changed(line))?),
            Values::U64(v) => v.push(text().and_then(|t| t.parse().ok()).ok_or_else(|| changed(line))?),
            Values::F64(v) => {
                if number::is_missing(inner) {
                    v.push(self.style.missing_value(inner));
                    return Ok(None);
                }
                let number = number::parse(inner, self.style.point).ok_or_else(|| changed(line))?;
                v.push(number.value);
                return Ok(Some(number));
            }
            _ => return Err(changed(line)),
        }
        Ok(None)
    }

    /// Whether all text is UTF-8, also where a character is cut by two pieces.
    fn look_at_utf8(&mut self, bytes: &[u8]) {
        if !self.only_utf8 {
            return;
        }
        let joined = [&std::mem::take(&mut self.partial)[..], bytes].concat();
        match std::str::from_utf8(&joined) {
            Ok(_) => {}
            Err(error) if error.error_len().is_none() => {
                self.partial = joined[error.valid_up_to()..].to_vec()
            }
            Err(_) => self.only_utf8 = false,
        }
    }
}

/// Appends a number as text.
pub fn append_number(values: &Values, at: usize, style: &Style, decimals: Option<u8>, out: &mut Vec<u8>) {
    let mut text = String::new();
    match values {
        Values::Bool(v) => out.extend_from_slice(match (&style.missing[..], v[at] != 0) {
            ([no, _], false) => no,
            ([_, yes], true) => yes,
            (_, false) => b"false",
            (_, true) => b"true",
        }),
        Values::I8(v) => style.append_integer(v[at].into(), out),
        Values::I16(v) => style.append_integer(v[at].into(), out),
        Values::I32(v) => style.append_integer(v[at].into(), out),
        Values::I64(v) => style.append_integer(v[at].into(), out),
        Values::U8(v) => style.append_integer(v[at].into(), out),
        Values::U16(v) => style.append_integer(v[at].into(), out),
        Values::U32(v) => style.append_integer(v[at].into(), out),
        Values::U64(v) => style.append_integer(v[at].into(), out),
        Values::F64(v) => style.append_float(v[at], decimals, &mut text, out),
        // The fewest digits that give these back are fewer than those of the same number as float64.
        Values::F32(v) => append_narrow(v[at].into(), &format!("{:?}", v[at]), style, out),
        Values::F16(v) => append_narrow(v[at].into(), &format!("{:?}", v[at]), style, out),
    }
}

fn append_narrow(value: f64, shortest: &str, style: &Style, out: &mut Vec<u8>) {
    match shortest.parse::<f64>() {
        Ok(shortest) if value.is_finite() => style.append_float(shortest, None, &mut String::new(), out),
        _ => style.append_float(value, None, &mut String::new(), out),
    }
}
