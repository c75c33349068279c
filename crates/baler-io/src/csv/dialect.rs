//! How the cells of a text file are told apart: delimiter, line ends, quotes, comments. A dialect is recognized from the
//! first lines, by which delimiter cuts all of them into as many cells. Refuses a file where two delimiters do so
//! equally well, and names the option that decides.

use super::lexer::{Lexer, Record};
use super::number;
use crate::store::Region;
use baler_data::error::{Error, Result};

/// Bytes that are looked at to recognize a dialect ...
const SAMPLE_BYTES: u64 = 1 << 18;
/// ... and where they are less than two lines, at most.
const MOST_SAMPLE_BYTES: u64 = 1 << 22;
/// Lines of them, at most.
const SAMPLE_LINES: usize = 400;

/// What stands between two cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delimiter {
    /// One byte.
    Byte(u8),
    /// Any number of blanks and tabs, which also may stand before the first cell and behind the last.
    Blanks,
}

impl Delimiter {
    /// The delimiter that a word of the command line names.
    pub fn from_word(word: &str) -> Result<Delimiter> {
        match word.as_bytes() {
            b" " => Ok(Delimiter::Blanks),
            [byte @ (b'\t' | b'!'..=b'~')] if !byte.is_ascii_alphanumeric() && *byte != b'"' => {
                Ok(Delimiter::Byte(*byte))
            }
            _ => match word {
                "comma" => Ok(Delimiter::Byte(b',')),
                "tab" | "\\t" => Ok(Delimiter::Byte(b'\t')),
                "semicolon" => Ok(Delimiter::Byte(b';')),
                "pipe" => Ok(Delimiter::Byte(b'|')),
                "blank" | "space" => Ok(Delimiter::Blanks),
                _ => Err(Error::config(format!(
                    "expected a delimiter of one character, or comma, tab, semicolon, pipe or blank, found '{word}'"
                ))),
            },
        }
    }

    /// What the command line calls it.
    fn word(self) -> String {
        match self {
            Delimiter::Byte(b',') => "comma".into(),
            Delimiter::Byte(b'\t') => "tab".into(),
            Delimiter::Byte(b';') => "semicolon".into(),
            Delimiter::Byte(b'|') => "pipe".into(),
            Delimiter::Byte(byte) => format!("'{}'", char::from(byte)),
            Delimiter::Blanks => "blank".into(),
        }
    }

    /// The byte that is written between two cells; blanks are a part of the cells.
    pub fn byte(self) -> Option<u8> {
        match self {
            Delimiter::Byte(byte) => Some(byte),
            Delimiter::Blanks => None,
        }
    }
}

/// How cells and records are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// Between two cells.
    pub delimiter: Delimiter,
    /// The last byte of a line: LF, or CR where there is no LF.
    pub newline: u8,
    /// Cells that begin with `"` go to the next single `"`.
    pub quoting: bool,
}

/// What the first lines show.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// How to tell cells apart.
    pub dialect: Dialect,
    /// Cells of most records.
    pub n_cells: usize,
    /// Lines before the first record.
    pub n_notes: usize,
    /// The first record has names.
    pub has_header: bool,
    /// The first record has a name less than the others have cells, because the first column has no name.
    pub is_shifted: bool,
    /// Lines that begin with `#` are no records unless they have as many cells as those.
    pub hash_is_data: bool,
}

/// The dialect of the file; `told` is the delimiter that the user named.
pub fn recognize(file: &Region, told: Option<Delimiter>, quoting: bool) -> Result<Shape> {
    let sample = sample(file)?;
    if sample.starts_with(b"\xff\xfe") || sample.starts_with(b"\xfe\xff") {
        return Err(Error::input(
            "expected a csv of UTF-8 or another encoding of bytes, found UTF-16; convert it: iconv -f UTF-16 -t UTF-8 IN > OUT",
        ));
    }
    let newline = if !sample.contains(&b'\n') && sample.contains(&b'\r') { b'\r' } else { b'\n' };
    let complete = match sample.iter().rposition(|&byte| byte == newline) {
        Some(end) if (sample.len() as u64) < file.len() => &sample[..=end],
        _ => &sample[..],
    };
    let region = Region::of_bytes(complete.to_vec());
    let candidates: Vec<Delimiter> = match told {
        Some(told) => vec![told],
        None => b",\t;|".iter().map(|&byte| Delimiter::Byte(byte)).chain([Delimiter::Blanks]).collect(),
    };
    let cut = |&delimiter: &Delimiter| Cut::of(&region, Dialect { delimiter, newline, quoting });
    let cuts = candidates.iter().map(cut).collect::<Result<Vec<Cut>>>()?;
    Ok(choose(cuts)?.shape())
}

/// The first bytes: two lines at least, where these are not too long.
fn sample(file: &Region) -> Result<Vec<u8>> {
    let mut n_bytes = SAMPLE_BYTES;
    loop {
        let sample = file.read_at(0, n_bytes)?;
        let ends = sample.iter().filter(|&&byte| byte == b'\n' || byte == b'\r');
        if ends.take(4).count() == 4 || sample.len() as u64 == file.len() || n_bytes >= MOST_SAMPLE_BYTES {
            return Ok(sample.to_vec());
        }
        n_bytes *= 2;
    }
}

/// The sample's lines as one delimiter cuts them.
struct Cut {
    dialect: Dialect,
    /// The cells of every line that is not empty, without quotes and blanks around them.
    lines: Vec<Vec<Vec<u8>>>,
    n_cells: usize,
    /// Lines that have so many.
    n_alike: usize,
    /// Cells behind the first line that are numbers or empty.
    n_numbers: usize,
}

impl Cut {
    fn of(region: &Region, dialect: Dialect) -> Result<Cut> {
        let mut lexer = Lexer::new(region, dialect);
        let mut lines = Vec::new();
        while lines.len() < SAMPLE_LINES {
            // A quote that the sample cuts off ends it.
            let Ok(Some(record)) = lexer.next() else { break };
            if !record.is_blank() {
                lines.push(cells_of(&record, dialect.quoting));
            }
        }
        let mut counts = std::collections::BTreeMap::new();
        for line in lines.iter().filter(|line| !is_hash(line)) {
            *counts.entry(line.len()).or_insert(0usize) += 1;
        }
        // Of counts that are equally frequent the larger is that of the records.
        let (n_cells, n_alike) =
            counts.into_iter().max_by_key(|&(n_cells, n_lines)| (n_lines, n_cells)).unwrap_or((1, 0));
        let data = lines.iter().skip(1).filter(|line| line.len() == n_cells);
        let n_numbers = data.flatten().filter(|cell| number::is_number_or_missing(cell)).count();
        Ok(Cut { dialect, lines, n_cells, n_alike, n_numbers })
    }

    /// Lines that are no comments.
    fn n_lines(&self) -> usize {
        self.lines.iter().filter(|line| !is_hash(line) || line.len() == self.n_cells).count()
    }

    /// All lines have several cells, as many; a header may have one less.
    fn is_even(&self) -> bool {
        let begins_short = self.lines.first().is_some_and(|line| line.len() + 1 == self.n_cells);
        self.n_cells > 1 && self.n_alike + usize::from(begins_short) >= self.n_lines()
    }

    fn share_of_numbers(&self) -> f64 {
        self.n_numbers as f64 / (self.n_cells * self.lines.len().max(2) - self.n_cells) as f64
    }

    /// True if a line has nothing but words, and numbers follow.
    fn names_at(&self, at: usize) -> bool {
        let has_number = |line: &Vec<Vec<u8>>| line.iter().any(|cell| number::finite(cell).is_some());
        let mut rest = self.lines.iter().skip(at);
        rest.next().is_some_and(|line| line.len() == self.n_cells && !has_number(line))
            && rest.any(has_number)
    }

    fn shape(&self) -> Shape {
        let is_note = |at: &usize| {
            let line = &self.lines[*at];
            let n_filled = line.iter().filter(|cell| !cell.is_empty()).count();
            // A line that has one cell less than the others is a header, unless the next one is.
            let is_title = || line.len() + 1 != self.n_cells || self.names_at(at + 1);
            line.len() != self.n_cells && (is_hash(line) || (n_filled <= 1 && is_title()))
        };
        let n_hashes = self.lines.iter().filter(|line| is_hash(line)).count();
        let leading = self.lines.iter().take_while(|line| is_hash(line)).count();
        // In a single column a line with # is a comment if only the first ones have it.
        let hash_is_data = self.n_cells == 1 && (n_hashes != leading || leading == self.lines.len());
        let n_notes = match self.n_cells {
            1 if !hash_is_data => leading,
            1 => 0,
            _ => (0..self.lines.len()).take_while(is_note).count(),
        };
        let records: Vec<&Vec<Vec<u8>>> = self.lines[n_notes.min(self.lines.len())..]
            .iter()
            .enumerate()
            .filter(|(at, line)| *at == 0 || line.len() == self.n_cells)
            .map(|(_, line)| line)
            .collect();
        let is_short = records.first().is_some_and(|first| first.len() + 1 == self.n_cells);
        let ends_empty = records.iter().skip(1).all(|line| line.last().is_some_and(Vec::is_empty));
        let is_shifted = is_short && records.len() > 1 && !ends_empty;
        let has_header = is_shifted || super::header::has_header(&records);
        Shape { dialect: self.dialect, n_cells: self.n_cells, n_notes, has_header, is_shifted, hash_is_data }
    }
}

fn is_hash(line: &[Vec<u8>]) -> bool {
    line.first().is_some_and(|cell| cell.starts_with(b"#"))
}

fn cells_of(record: &Record, quoting: bool) -> Vec<Vec<u8>> {
    record.cells().map(|cell| super::cell::parts(cell, quoting).inner.trim_ascii().to_vec()).collect()
}

/// The cut that fits best.
fn choose(mut cuts: Vec<Cut>) -> Result<Cut> {
    if cuts.len() == 1 {
        return Ok(cuts.remove(0));
    }
    let best = |cuts: &[Cut], wanted: &dyn Fn(&Cut) -> bool| -> Option<usize> {
        let found = (0..cuts.len()).filter(|&at| wanted(&cuts[at]));
        found.max_by(|&a, &b| {
            cuts[a].share_of_numbers().total_cmp(&cuts[b].share_of_numbers()).then(b.cmp(&a))
        })
    };
    let is_byte = |cut: &Cut| cut.dialect.delimiter != Delimiter::Blanks;
    let even = |cut: &Cut| is_byte(cut) && cut.is_even();
    if let Some(at) = best(&cuts, &even) {
        let as_good = |other: &usize| {
            *other != at
                && even(&cuts[*other])
                && cuts[*other].share_of_numbers() == cuts[at].share_of_numbers()
        };
        // Where text is all there is, the delimiter that cuts the names too is preferred to one within the text.
        if let Some(other) = (0..cuts.len()).find(as_good) {
            let (a, b) = (&cuts[at], &cuts[other]);
            return Err(Error::input(format!(
                "the delimiter is not clear: {} makes {} columns, {} makes {}; say which with --delimiter {}",
                a.dialect.delimiter.word(),
                a.n_cells,
                b.dialect.delimiter.word(),
                b.n_cells,
                a.dialect.delimiter.word(),
            )));
        }
        return Ok(cuts.swap_remove(at));
    }
    let comma_cuts = cuts[0].lines.iter().skip(1).any(|line| line.len() > 1);
    // Numbers that stand in columns of blanks; text has blanks of its own.
    let blanks = |cut: &Cut| !is_byte(cut) && cut.is_even() && cut.share_of_numbers() >= 0.5;
    if let Some(at) = best(&cuts, &blanks).filter(|_| !comma_cuts) {
        return Ok(cuts.swap_remove(at));
    }
    // A delimiter that cuts nearly all lines alike; comma where none does.
    let nearly = |cut: &Cut| is_byte(cut) && cut.n_cells > 1 && cut.n_alike * 10 >= cut.n_lines() * 8;
    Ok(match best(&cuts, &nearly) {
        Some(at) => cuts.swap_remove(at),
        None => cuts.swap_remove(0),
    })
}
