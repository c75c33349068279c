//! One cell: its bytes as they stand, apart into blanks, quotes and what is meant, and together again.

use super::dialect::{Delimiter, Dialect};
use super::number;
use std::borrow::Cow;

/// A cell in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts<'a> {
    /// Blanks before it.
    pub left: usize,
    /// What is meant: without blanks and quotes around it, quotes within it undoubled.
    pub inner: Cow<'a, [u8]>,
    /// It stands in quotes, and nothing but blanks around them.
    pub quoted: bool,
    /// Blanks behind it.
    pub right: usize,
}

fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// The parts of a cell.
pub fn parts(raw: &[u8], quoting: bool) -> Parts<'_> {
    let left = raw.iter().take_while(|byte| is_blank(byte)).count();
    let right = raw[left..].iter().rev().take_while(|byte| is_blank(byte)).count();
    let inner = &raw[left..raw.len() - right];
    match unquoted(inner).filter(|_| quoting) {
        Some(inner) => Parts { left, inner, quoted: true, right },
        None => Parts { left, inner: Cow::Borrowed(inner), quoted: false, right },
    }
}

/// What stands between the quotes; none if they do not enclose all of it.
fn unquoted(cell: &[u8]) -> Option<Cow<'_, [u8]>> {
    let [b'"', inner @ .., b'"'] = cell else { return None };
    if !inner.contains(&b'"') {
        return Some(Cow::Borrowed(inner));
    }
    let mut plain = Vec::with_capacity(inner.len());
    let mut rest = inner.iter();
    while let Some(&byte) = rest.next() {
        if byte == b'"' && rest.next() != Some(&b'"') {
            return None;
        }
        plain.push(byte);
    }
    Some(Cow::Owned(plain))
}

/// Appends `inner` in quotes.
pub fn append_quoted(inner: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for &byte in inner {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}

/// Which cells of a column stand in quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Quotes {
    /// Those that would not be read as they are.
    Needed = 0,
    /// All.
    Always = 1,
    /// All that say something: neither empty nor a word for a missing value.
    Present = 2,
    /// All but numbers.
    NoNumbers = 3,
    /// None: the values of the column are its cells as they stand, quotes included.
    Raw = 4,
}

impl Quotes {
    /// Every rule, in the order of its code.
    pub const ALL: [Quotes; 5] =
        [Quotes::Needed, Quotes::Always, Quotes::Present, Quotes::NoNumbers, Quotes::Raw];

    /// True if `inner` stands in quotes in a file of this dialect; `is_only` says that it is all of its record.
    pub fn quotes(self, inner: &[u8], dialect: &Dialect, is_only: bool) -> bool {
        let special = |&byte: &u8| match dialect.delimiter {
            Delimiter::Byte(delimiter) => byte == delimiter || matches!(byte, b'"' | b'\r' | b'\n'),
            Delimiter::Blanks => matches!(byte, b' ' | b'\t' | b'"' | b'\r' | b'\n'),
        };
        let empty_counts = is_only || dialect.delimiter == Delimiter::Blanks;
        let needed = || dialect.quoting && ((inner.is_empty() && empty_counts) || inner.iter().any(special));
        match self {
            Quotes::Needed => needed(),
            Quotes::Always => true,
            Quotes::Present => !number::is_missing(inner) || needed(),
            Quotes::NoNumbers => {
                number::parse(inner, b'.').or(number::parse(inner, b',')).is_none() || needed()
            }
            Quotes::Raw => false,
        }
    }
}

/// How the cells of a column stand, whatever they say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Framing {
    /// Which stand in quotes.
    pub quotes: Quotes,
    /// Blanks around them.
    pub pad: Pad,
}

impl Framing {
    /// Appends the cell that says `inner`.
    pub fn append(self, inner: &[u8], dialect: &Dialect, is_only: bool, out: &mut Vec<u8>) {
        if !self.quotes.quotes(inner, dialect, is_only) {
            self.pad.before(inner.len(), out);
            out.extend_from_slice(inner);
            return self.pad.behind(inner.len(), out);
        }
        let len = inner.len() + 2 + inner.iter().filter(|&&byte| byte == b'"').count();
        self.pad.before(len, out);
        append_quoted(inner, out);
        self.pad.behind(len, out);
    }

    /// What most of these cells keep; `is_text` leaves blanks within the values unless all cells begin with them.
    pub fn of(cells: &[Vec<u8>], dialect: &Dialect, is_text: bool, is_only: bool) -> Framing {
        let parts: Vec<Parts> = cells.iter().map(|cell| parts(cell, dialect.quoting)).collect();
        let rules = [Quotes::Needed, Quotes::Always, Quotes::Present, Quotes::NoNumbers];
        let kept = |rule: Quotes| {
            parts.iter().filter(|p| rule.quotes(&p.inner, dialect, is_only) == p.quoted).count()
        };
        let mut best = (Quotes::Needed, kept(Quotes::Needed));
        for rule in if dialect.quoting { &rules[1..] } else { &[] } {
            if best.1 < parts.len() && kept(*rule) > best.1 {
                best = (*rule, kept(*rule));
            }
        }
        let pad = match is_text && dialect.delimiter != Delimiter::Blanks {
            true => {
                let filled = parts.iter().filter(|p| !p.inner.is_empty());
                let left = filled.map(|p| p.left).min().unwrap_or(0);
                Pad::Fixed(left.min(usize::from(u16::MAX)) as u16, 0)
            }
            false => {
                let spans: Vec<_> = parts
                    .iter()
                    .zip(cells)
                    .map(|(p, cell)| (p.left, cell.len() - p.left - p.right, p.right))
                    .collect();
                Pad::of(&spans)
            }
        };
        Framing { quotes: best.0, pad }
    }
}

/// How the blanks around the cells of a column stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pad {
    /// So many before and behind it.
    Fixed(u16, u16),
    /// As many before it as the width asks for.
    Right(u16),
    /// As many behind it as the width asks for.
    Left(u16),
}

impl Pad {
    /// Appends the blanks before a cell of `len` bytes.
    pub fn before(self, len: usize, out: &mut Vec<u8>) {
        let n = match self {
            Pad::Fixed(left, _) => usize::from(left),
            Pad::Right(width) => usize::from(width).saturating_sub(len),
            Pad::Left(_) => 0,
        };
        out.resize(out.len() + n, b' ');
    }

    /// Appends those behind it.
    pub fn behind(self, len: usize, out: &mut Vec<u8>) {
        let n = match self {
            Pad::Fixed(_, right) => usize::from(right),
            Pad::Right(_) => 0,
            Pad::Left(width) => usize::from(width).saturating_sub(len),
        };
        out.resize(out.len() + n, b' ');
    }

    /// The rule that most of these cells (blanks before, bytes, blanks behind) keep.
    pub fn of(cells: &[(usize, usize, usize)]) -> Pad {
        let mut counts = std::collections::BTreeMap::new();
        for &(left, len, right) in cells {
            let short = |n: usize| n.min(usize::from(u16::MAX)) as u16;
            *counts.entry(Pad::Fixed(short(left), short(right))).or_insert(0usize) += 1;
            if right == 0 {
                *counts.entry(Pad::Right(short(left + len))).or_insert(0) += 1;
            }
            if left == 0 {
                *counts.entry(Pad::Left(short(len + right))).or_insert(0) += 1;
            }
        }
        // Of rules that are equally good the first: the fewest blanks around it.
        let best = counts.values().copied().max().unwrap_or(0);
        counts.into_iter().find(|&(_, n)| n == best).map_or(Pad::Fixed(0, 0), |(pad, _)| pad)
    }
}
