//! Cuts a text file into records and cells, and gives the bytes of each as they stand: between two cells nothing is lost
//! but the delimiter, between two records nothing but the line end, which is told. Holds no more than a record and a
//! block of the file. Refuses a record that has no end within [`MAX_RECORD_BYTES`].

use super::dialect::{Delimiter, Dialect};
use crate::store::Region;
use baler_data::error::{Error, Result};
use std::ops::Range;

/// Bytes that are read at a time.
const BLOCK_BYTES: u64 = 1 << 18;
/// The longest record.
pub const MAX_RECORD_BYTES: usize = 1 << 28;

/// How the message of a file ends in which a quote swallows the rest.
pub const NEVER_CLOSED: &str = "never closed";

/// What ends a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum LineEnd {
    /// The end of the file.
    None = 0,
    /// LF.
    Lf = 1,
    /// CR and LF.
    CrLf = 2,
    /// CR alone.
    Cr = 3,
}

impl LineEnd {
    /// Every kind, in the order of its code.
    pub const ALL: [LineEnd; 4] = [LineEnd::None, LineEnd::Lf, LineEnd::CrLf, LineEnd::Cr];

    /// Its bytes.
    pub fn bytes(self) -> &'static [u8] {
        match self {
            LineEnd::None => b"",
            LineEnd::Lf => b"\n",
            LineEnd::CrLf => b"\r\n",
            LineEnd::Cr => b"\r",
        }
    }
}

/// A record as it stands.
#[derive(Debug)]
pub struct Record<'a> {
    bytes: &'a [u8],
    cells: &'a [Range<usize>],
    /// What ends it.
    pub end: LineEnd,
    /// Where it begins, counted from 1.
    pub line: u64,
}

impl<'a> Record<'a> {
    /// Number of cells.
    pub fn n_cells(&self) -> usize {
        self.cells.len()
    }

    /// The bytes of a cell with its quotes and blanks.
    pub fn cell(&self, column: usize) -> Option<&'a [u8]> {
        self.cells.get(column).map(|range| &self.bytes[range.clone()])
    }

    /// Those of each.
    pub fn cells(&self) -> impl Iterator<Item = &'a [u8]> {
        self.cells.iter().map(|range| &self.bytes[range.clone()])
    }

    /// All bytes but the line end.
    pub fn raw(&self) -> &'a [u8] {
        self.bytes
    }

    /// True if there is one cell with nothing but blanks.
    pub fn is_blank(&self) -> bool {
        self.cells.len() == 1 && self.bytes.iter().all(|byte| matches!(byte, b' ' | b'\t'))
    }
}

/// Reads records one after the other.
pub struct Lexer<'a> {
    file: &'a Region,
    dialect: Dialect,
    buffer: Vec<u8>,
    /// Where the next record begins in the buffer.
    at: usize,
    /// Where the next block begins in the file.
    next_block: u64,
    cells: Vec<Range<usize>>,
    line: u64,
}

/// Where a record ends in the buffer, and its number of lines; none if the buffer ends before.
struct Cut {
    end: usize,
    next: usize,
    n_lines: u64,
}

impl<'a> Lexer<'a> {
    /// From the start of the file.
    pub fn new(file: &'a Region, dialect: Dialect) -> Lexer<'a> {
        Lexer { file, dialect, buffer: Vec::new(), at: 0, next_block: 0, cells: Vec::new(), line: 1 }
    }

    /// The mark that the file begins with, if any; asked before the first record.
    pub fn skip_mark(&mut self) -> Result<bool> {
        const MARK: &[u8] = b"\xef\xbb\xbf";
        let has_mark = self.file.read_at(0, 3)? == MARK;
        self.next_block = if has_mark { 3 } else { 0 };
        Ok(has_mark)
    }

    /// The next record; none at the end.
    pub fn next(&mut self) -> Result<Option<Record<'_>>> {
        let mut block_bytes = BLOCK_BYTES;
        let cut = loop {
            let is_last = self.next_block >= self.file.len();
            if is_last && self.at == self.buffer.len() {
                return Ok(None);
            }
            match self.cut(is_last)? {
                Some(cut) => break cut,
                None if self.buffer.len() - self.at > MAX_RECORD_BYTES => {
                    return Err(Error::limit(format!(
                        "expected a record of at most {MAX_RECORD_BYTES} bytes, found a longer one from line {} on",
                        self.line
                    )));
                }
                None => {
                    self.buffer.drain(..self.at);
                    self.at = 0;
                    let block = self.file.read_at(self.next_block, block_bytes)?;
                    self.next_block += block.len() as u64;
                    self.buffer.extend_from_slice(&block);
                    block_bytes *= 2;
                }
            }
        };
        let line = self.line;
        self.line += cut.n_lines;
        let start = std::mem::replace(&mut self.at, cut.next);
        let end = match &self.buffer[cut.end..cut.next] {
            b"" => LineEnd::None,
            b"\n" => LineEnd::Lf,
            b"\r" => LineEnd::Cr,
            _ => LineEnd::CrLf,
        };
        Ok(Some(Record { bytes: &self.buffer[start..cut.end], cells: &self.cells, end, line }))
    }

    /// Cuts the record at `at` into cells.
    fn cut(&mut self, is_last: bool) -> Result<Option<Cut>> {
        let Dialect { delimiter, newline, quoting } = self.dialect;
        let bytes = &self.buffer[self.at..];
        self.cells.clear();
        let (mut at, mut cell_start, mut n_lines) = (0, 0, 0);
        loop {
            // At the start of a cell.
            while bytes.get(at).is_some_and(|&b| b == b' ' || (b == b'\t' && delimiter == Delimiter::Blanks))
            {
                at += 1;
            }
            if quoting && bytes.get(at) == Some(&b'"') {
                at += 1;
                loop {
                    let Some(found) = position(&bytes[at..], |b| b == b'"') else {
                        if is_last {
                            return Err(Error::input(format!(
                                "a quote that opens in line {} is {NEVER_CLOSED}",
                                self.line
                            )));
                        }
                        return Ok(None);
                    };
                    n_lines += bytes[at..at + found].iter().filter(|&&b| b == newline).count() as u64;
                    at += found + 1;
                    match bytes.get(at) {
                        Some(b'"') => at += 1,
                        None if !is_last => return Ok(None),
                        _ => break,
                    }
                }
            }
            let ends = |b: u8| match delimiter {
                Delimiter::Byte(byte) => b == byte || b == newline,
                Delimiter::Blanks => b == b' ' || b == b'\t' || b == newline,
            };
            at += match position(&bytes[at..], ends) {
                Some(found) => found,
                None if is_last => bytes.len() - at,
                None => return Ok(None),
            };
            if delimiter == Delimiter::Blanks {
                // Blanks that end a record belong to its last cell.
                let n_blanks = bytes[at..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
                match bytes.get(at + n_blanks) {
                    None if !is_last => return Ok(None),
                    Some(b'\r') if at + n_blanks + 1 == bytes.len() && !is_last => return Ok(None),
                    Some(&b)
                        if b != newline
                            && !(b == b'\r' && bytes.get(at + n_blanks + 1) == Some(&newline)) => {}
                    _ => at += n_blanks,
                }
            }
            let is_end = bytes.get(at).is_none_or(|&b| b == newline);
            let is_crlf =
                newline == b'\n' && is_end && at < bytes.len() && at > cell_start && bytes[at - 1] == b'\r';
            let end = if is_crlf { at - 1 } else { at };
            self.cells.push(cell_start..end);
            if is_end {
                let next = self.at + (at + 1).min(bytes.len());
                return Ok(Some(Cut { end: self.at + end, next, n_lines: n_lines + 1 }));
            }
            if delimiter != Delimiter::Blanks {
                at += 1;
            }
            cell_start = at;
        }
    }
}

fn position(bytes: &[u8], wanted: impl Fn(u8) -> bool) -> Option<usize> {
    bytes.iter().position(|&byte| wanted(byte))
}
