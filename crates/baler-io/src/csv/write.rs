//! Columns to text. With the recipe of the file that they came from they are written as they stood there, else as pandas
//! would: a header line, commas, floats in the fewest digits that give them back. Refuses arrays of several axes and
//! lists of numbers, and names a format that has them.

use super::cell::{Framing, Pad, Quotes};
use super::convert::{append_complex, append_text, append_time, is_not_a_time};
use super::dialect::{Delimiter, Dialect};
use super::lexer::LineEnd;
use super::read::append_number;
use super::recipe::{ColumnRecipe, ExceptionsIter, RAW, Recipe};
use super::style::Style;
use baler_data::dataset::kind::Kind;
use baler_data::dataset::{DType, ListKind, Values};
use baler_data::error::{Error, Result};
use baler_data::source::{Schema, Source, VariableSchema};
use baler_data::threads::Threads;
use std::io::Write;
use std::ops::Range;

/// Bytes of a piece, about.
const PIECE_BYTES: usize = 4 << 20;

/// Where the cells of a column are.
#[derive(Debug, Clone, Copy)]
struct CellPlace {
    /// The variable that gives the name and the values.
    items: usize,
    /// That with the bytes of each text.
    counts: Option<usize>,
    /// That which says whether there is a value.
    present: Option<usize>,
    /// What the values stand for.
    kind: Kind,
    /// Values of a cell where all have as many.
    width: usize,
}

impl CellPlace {
    /// The variable that has a value for each row.
    fn rows(&self) -> usize {
        self.present.or(self.counts).unwrap_or(self.items)
    }
}

/// The columns of the schema; an error names what a text file does not have.
fn places(schema: &Schema) -> Result<Vec<CellPlace>> {
    let variables = &schema.variables;
    let mut counting = vec![false; variables.len()];
    for lists in variables.iter().filter_map(|variable| variable.storage.lists) {
        if let Some(counts) = counting.get_mut(lists.counts).filter(|_| lists.kind != ListKind::Counter) {
            *counts = true;
        }
    }
    let columns = (0..variables.len()).filter(|idx| !counting[*idx]);
    let places = columns.map(|items| place(variables, items)).collect::<Result<Vec<CellPlace>>>()?;
    let n_rows = places.first().map(|place| variables[place.rows()].n_rows());
    match places.iter().find(|place| Some(variables[place.rows()].n_rows()) != n_rows) {
        Some(other) => {
            let (name, shape) = (&variables[other.items].name, &variables[other.rows()].shape);
            Err(Error::config(format!(
                "expected columns of one length for csv, found shape {shape:?}; write an .npz, or pick columns with --variables"
            ))
            .in_variable(name))
        }
        None => Ok(places),
    }
}

/// Where the cells of the column are that this variable gives.
fn place(variables: &[VariableSchema], items: usize) -> Result<CellPlace> {
    let variable = &variables[items];
    let optional = |idx: usize| match variables.get(idx).and_then(|counts| counts.storage.lists) {
        Some(lists) if lists.kind == ListKind::Optional => Some(lists.counts),
        _ => None,
    };
    let kind = variable.storage.kind;
    let mut place = CellPlace { items, counts: None, present: None, kind, width: 1 };
    let mut n_axes = 1;
    match variable.storage.lists {
        Some(lists) if lists.kind == ListKind::Optional => place.present = Some(lists.counts),
        Some(lists) if kind.is_opaque() && variable.dtype == DType::U8 => {
            place.counts = Some(lists.counts);
            place.present = optional(lists.counts);
        }
        Some(_) => {
            return Err(Error::config(
                "expected columns with one value a row for csv, found lists; write a .parquet or .root",
            )
            .in_variable(&variable.name));
        }
        None if kind.is_opaque() => n_axes = 2,
        None => {}
    }
    if kind == Kind::Complex || (kind.is_opaque() && place.counts.is_none()) {
        n_axes = 2;
        place.width = variable.shape.last().copied().unwrap_or(1);
    }
    if variable.shape.len() != n_axes {
        return Err(Error::config(format!(
            "expected columns of one length for csv, found shape {:?}; write an .npz",
            variable.shape
        ))
        .in_variable(&variable.name));
    }
    Ok(place)
}

/// The file as text; `source` has what `open` read, or columns of another format.
pub fn write(source: &dyn Source, threads: &Threads, out: &mut dyn Write) -> Result<()> {
    let schema = source.schema();
    let places = places(schema)?;
    let n_rows = places.first().map_or(0, |place| schema.variables[place.rows()].n_rows());
    let attached = schema.attachments.iter().find(|a| a.metadata_format() == Some(super::NAME));
    let recipe = attached.map(|attachment| Recipe::from_bytes(&attachment.bytes)).transpose()?;
    let names: Vec<&str> = places.iter().map(|place| schema.variables[place.items].name.as_str()).collect();
    let plain = plain_recipe();
    let mut writer = Writer::new(recipe.as_ref().unwrap_or(&plain), &names, n_rows as u64);
    let mut bytes = writer.head(&names);
    let pieces = pieces(source, &places, n_rows)?;
    let read = |piece: PieceRows| piece.read(source, &places);
    let failed = |e| Error::io("writing the csv", e);
    threads.ahead(pieces.into_iter(), read, |piece| {
        for row in 0..piece.n_rows {
            writer.append_row(&piece, row, &mut bytes)?;
            if bytes.len() > PIECE_BYTES {
                out.write_all(&bytes).map_err(failed)?;
                bytes.clear();
            }
        }
        Ok(())
    })?;
    writer.append_lines(&mut bytes)?;
    out.write_all(&bytes).and_then(|()| out.flush()).map_err(failed)
}

/// That of columns which come from another format.
fn plain_recipe() -> Recipe {
    Recipe {
        dialect: Dialect { delimiter: Delimiter::Byte(b','), newline: b'\n', quoting: true },
        end: LineEnd::Lf,
        notes: Vec::new(),
        header: Some(Vec::new()),
        n_rows: 0,
        columns: Vec::new(),
        is_whole: false,
        lines: Default::default(),
        ends: Default::default(),
        short: Default::default(),
    }
}

/// How a column is written.
struct ColumnWriter<'a> {
    /// The recipe has it.
    is_known: bool,
    framing: Framing,
    style: Style,
    exceptions: Option<ExceptionsIter<'a>>,
}

/// Writes rows one after the other.
struct Writer<'a> {
    recipe: &'a Recipe,
    columns: Vec<ColumnWriter<'a>>,
    headers: Vec<Option<&'a [u8]>>,
    /// The columns are all of the source's, so that its header stands as it was.
    is_whole: bool,
    /// Lines, line ends and short records of the source, if its rows are the ones that are written.
    rows: Option<[ExceptionsIter<'a>; 3]>,
    row: u64,
    inner: Vec<u8>,
}

impl<'a> Writer<'a> {
    fn new(recipe: &'a Recipe, names: &[&str], n_rows: u64) -> Writer<'a> {
        let known: std::collections::HashMap<&str, &ColumnRecipe> =
            recipe.columns.iter().map(|column| (column.name.as_str(), column)).collect();
        let found: Vec<Option<&ColumnRecipe>> = names.iter().map(|name| known.get(name).copied()).collect();
        let column = |found: &Option<&'a ColumnRecipe>| match found {
            Some(column) => ColumnWriter {
                is_known: true,
                framing: column.framing,
                style: column.style.clone(),
                exceptions: (recipe.n_rows == n_rows).then(|| column.exceptions.iter()),
            },
            None => ColumnWriter {
                is_known: false,
                framing: Framing { quotes: Quotes::Needed, pad: Pad::Fixed(0, 0) },
                style: Style::default(),
                exceptions: None,
            },
        };
        let is_whole = recipe.is_whole && names.iter().eq(recipe.columns.iter().map(|column| &column.name));
        let rows = [&recipe.lines, &recipe.ends, &recipe.short];
        Writer {
            recipe,
            columns: found.iter().map(column).collect(),
            headers: found.iter().map(|found| found.map(|column| column.header.as_slice())).collect(),
            is_whole,
            rows: (is_whole && recipe.n_rows == n_rows).then(|| rows.map(|exceptions| exceptions.iter())),
            row: 0,
            inner: Vec::new(),
        }
    }

    /// What stands before the first row.
    fn head(&self, names: &[&str]) -> Vec<u8> {
        let mut out = self.recipe.notes.clone();
        let Some(header) = &self.recipe.header else { return out };
        if self.is_whole {
            out.extend_from_slice(header);
            return out;
        }
        let framing = Framing { quotes: Quotes::Needed, pad: Pad::Fixed(0, 0) };
        for (column, name) in names.iter().enumerate() {
            self.delimit(column, &mut out);
            match self.headers[column].filter(|header| !header.is_empty()) {
                Some(header) => out.extend_from_slice(header),
                None => framing.append(name.as_bytes(), &self.recipe.dialect, names.len() == 1, &mut out),
            }
        }
        out.extend_from_slice(self.recipe.end.bytes());
        out
    }

    fn delimit(&self, column: usize, out: &mut Vec<u8>) {
        if let Some(delimiter) = self.recipe.dialect.delimiter.byte().filter(|_| column > 0) {
            out.push(delimiter);
        }
    }

    /// Lines that are no records and stand before the row that comes.
    fn append_lines(&mut self, out: &mut Vec<u8>) -> Result<()> {
        if let Some([lines, ..]) = &mut self.rows {
            while let Some((_, line)) = lines.of(self.row)? {
                out.extend_from_slice(line);
            }
        }
        Ok(())
    }

    fn append_row(&mut self, piece: &Piece, row: usize, out: &mut Vec<u8>) -> Result<()> {
        self.append_lines(out)?;
        let mut end = self.recipe.end;
        let mut n_cells = self.columns.len();
        if let Some([_, ends, short]) = &mut self.rows {
            if let Some((code, _)) = ends.of(self.row)? {
                end = LineEnd::ALL.get(usize::from(code).wrapping_sub(1)).copied().unwrap_or(end);
            }
            if let Some((_, count)) = short.of(self.row)? {
                n_cells = count.try_into().map_or(n_cells, |count| u32::from_le_bytes(count) as usize);
            }
        }
        let is_only = self.columns.len() == 1;
        for column in 0..self.columns.len().min(n_cells) {
            self.delimit(column, out);
            let start = out.len();
            let format = &mut self.columns[column];
            let exception = format.exceptions.as_mut().map(|e| e.of(self.row)).transpose()?.flatten();
            if let Some((RAW, cell)) = exception {
                out.extend_from_slice(cell);
                continue;
            }
            self.inner.clear();
            let decimals = exception.map(|(code, _)| code - 1);
            piece.columns[column].append(row, format, decimals, &mut self.inner);
            format.framing.append(&self.inner, &self.recipe.dialect, is_only, out);
            // Two cells that blanks part.
            let blank = self.recipe.dialect.delimiter == Delimiter::Blanks && column > 0;
            if blank && !matches!(out.get(start), Some(b' ' | b'\t')) {
                out.insert(start, b' ');
            }
        }
        out.extend_from_slice(end.bytes());
        self.row += 1;
        Ok(())
    }
}

/// Rows that are read together, and where the items of each column begin.
struct PieceRows {
    rows: Range<usize>,
    /// For each column: first item, first count.
    starts: Vec<(usize, usize)>,
}

/// The pieces that cover all rows; the counts are read for it.
fn pieces(source: &dyn Source, places: &[CellPlace], n_rows: usize) -> Result<Vec<PieceRows>> {
    let variables = &source.schema().variables;
    let direct: Vec<usize> = places.iter().map(CellPlace::rows).collect();
    let n_bytes: usize = places
        .iter()
        .flat_map(|place| [Some(place.items), place.counts, place.present])
        .flatten()
        .map(|idx| variables[idx].size_bytes())
        .sum();
    let alike = PIECE_BYTES / (n_bytes / n_rows.max(1)).max(1);
    let at_once = source.rows_at_once(&direct).min(alike).max(1);
    let mut starts = vec![(0, 0); places.len()];
    let mut pieces = Vec::new();
    for start in (0..n_rows).step_by(at_once) {
        let rows = start..(start + at_once).min(n_rows);
        pieces.push(PieceRows { rows: rows.clone(), starts: starts.clone() });
        for (place, (items, counts)) in places.iter().zip(&mut starts) {
            if place.counts.is_some() || place.present.is_some() {
                let column = ColumnPiece::read_counts(source, place, rows.clone(), *counts)?;
                *items = items.saturating_add(column.n_items(rows.len()));
                *counts = counts.saturating_add(column.n_counts(rows.len()));
            }
        }
    }
    Ok(pieces)
}

fn total(counts: &[usize]) -> usize {
    counts.iter().fold(0, |all, &n| all.saturating_add(n))
}

/// Some of a variable's values, which must be there.
fn within(start: usize, n_values: usize, variable: &VariableSchema) -> Result<Range<usize>> {
    match start.checked_add(n_values).filter(|&end| end <= variable.n_values()) {
        Some(end) => Ok(start..end),
        None => {
            Err(Error::corrupt("the counts do not fit the items that they count").in_variable(&variable.name))
        }
    }
}

impl PieceRows {
    fn read(self, source: &dyn Source, places: &[CellPlace]) -> Result<Piece> {
        let plain: Vec<usize> =
            places.iter().filter(|place| place.rows() == place.items).map(|place| place.items).collect();
        let mut plain = source.read_rows(&plain, self.rows.clone())?.into_iter();
        let n_rows = self.rows.len();
        let mut columns = Vec::with_capacity(places.len());
        for (place, (first_item, first_count)) in places.iter().zip(self.starts) {
            if place.rows() == place.items {
                let values = plain.next().unwrap_or(Values::U8(Vec::new()));
                columns.push(ColumnPiece { values, ..ColumnPiece::of(place) });
                continue;
            }
            let mut column = ColumnPiece::read_counts(source, place, self.rows.clone(), first_count)?;
            let variable = &source.schema().variables[place.items];
            let n_items = column.n_items(n_rows).saturating_mul(place.width);
            let items = within(first_item.saturating_mul(place.width), n_items, variable)?;
            column.values = source.read(place.items, items)?;
            column.index(n_rows)?;
            columns.push(column);
        }
        let fits =
            |column: &ColumnPiece| column.ends.is_some() || column.values.len() == n_rows * column.width;
        match columns.iter().all(fits) {
            true => Ok(Piece { n_rows, columns }),
            false => Err(Error::corrupt("the columns differ in length")),
        }
    }
}

/// Some rows in memory.
struct Piece {
    n_rows: usize,
    columns: Vec<ColumnPiece>,
}

/// Some cells of a column.
struct ColumnPiece {
    values: Values,
    counts: Option<Vec<usize>>,
    present: Option<Vec<usize>>,
    /// For each row where its items end.
    ends: Option<Vec<usize>>,
    kind: Kind,
    width: usize,
}

impl ColumnPiece {
    /// Without values.
    fn of(place: &CellPlace) -> ColumnPiece {
        let (kind, width) = (place.kind, place.width);
        ColumnPiece { values: Values::U8(Vec::new()), counts: None, present: None, ends: None, kind, width }
    }

    fn read_counts(
        source: &dyn Source,
        place: &CellPlace,
        rows: Range<usize>,
        first: usize,
    ) -> Result<ColumnPiece> {
        let present = place.present.map(|idx| source.read(idx, rows.clone())?.to_counts()).transpose()?;
        let counts = match (&present, place.counts) {
            (Some(present), Some(idx)) => {
                let counts = within(first, total(present), &source.schema().variables[idx])?;
                Some(source.read(idx, counts)?.to_counts()?)
            }
            (None, Some(idx)) => Some(source.read(idx, rows)?.to_counts()?),
            (_, None) => None,
        };
        Ok(ColumnPiece { counts, present, ..ColumnPiece::of(place) })
    }

    fn n_counts(&self, n_rows: usize) -> usize {
        self.counts.as_ref().map_or(n_rows, Vec::len)
    }

    fn n_items(&self, n_rows: usize) -> usize {
        self.counts.as_ref().or(self.present.as_ref()).map_or(n_rows, |counts| total(counts))
    }

    /// Finds where the items of each row end.
    fn index(&mut self, n_rows: usize) -> Result<()> {
        let mut counts = self.counts.iter().flatten();
        let mut end = 0usize;
        let mut ends = Vec::with_capacity(n_rows);
        for row in 0..n_rows {
            let n_values = self.present.as_ref().map_or(1, |present| present[row]);
            let n_items: usize = match self.counts {
                None => n_values,
                Some(_) => counts.by_ref().take(n_values).fold(0, |n, &count| n.saturating_add(count)),
            };
            end = end.saturating_add(n_items);
            ends.push(end);
        }
        self.ends = (end.saturating_mul(self.width) <= self.values.len()).then_some(ends);
        if self.ends.is_some() { Ok(()) } else { Err(Error::corrupt("the texts of a column are cut off")) }
    }

    /// Appends what a row has.
    fn append(&self, row: usize, format: &ColumnWriter, decimals: Option<u8>, out: &mut Vec<u8>) {
        let items = match &self.ends {
            Some(ends) => row.checked_sub(1).map_or(0, |before| ends[before])..ends[row],
            None => row..row + 1,
        };
        if items.is_empty() && self.counts.is_none() {
            return;
        }
        let first = items.start * self.width;
        match self.kind {
            Kind::Text | Kind::Bytes => {
                let range = first..items.end * self.width;
                append_text(&self.values, range, self.kind, format.is_known, self.counts.is_none(), out);
            }
            Kind::Complex => append_complex(&self.values, first, out),
            Kind::Time(_) | Kind::Duration(_) if is_not_a_time(&self.values, first) => {}
            Kind::Time(unit) => append_time(&self.values, first, unit, out),
            Kind::Duration(_) | Kind::Number | Kind::Exact => {
                append_number(&self.values, first, &format.style, decimals, out);
            }
        }
    }
}
