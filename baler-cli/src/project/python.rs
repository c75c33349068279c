//! A config of the original: comments, `def set_config(c):` and `c.key = literal`. It is read, never
//! executed; anything else in it is an error that names the line.
//!
//! Literals: strings (also f-strings without braces), numbers, True, False, None, and lists of these, which
//! may go over several lines.

use crate::library::Error;
use anyhow::Result;

/// A Python literal.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    Str(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    None,
    List(Vec<Literal>),
}

/// `c.key = value` on a line (counted from 1).
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    pub line: usize,
    pub key: String,
    pub value: Literal,
}

/// All assignments of the text; `name` is used in errors.
pub fn parse(text: &str, name: &str) -> Result<Vec<Assignment>> {
    let mut cursor = Cursor { rest: text.trim_start_matches('\u{feff}'), line: 1 };
    let mut assignments = Vec::new();
    loop {
        cursor.skip_blank(true);
        if cursor.rest.is_empty() {
            return Ok(assignments);
        }
        let line = cursor.line;
        let shown: String = cursor.rest.lines().next().unwrap_or_default().trim().chars().take(60).collect();
        match cursor.statement() {
            Some(statement) => assignments.extend(statement),
            None => {
                let text = format!(
                    "{name}, line {line}: expected c.key = literal, found '{shown}'; this file is read and never \
                     executed: write plain values, or use baler.toml"
                );
                return Err(Error::config(text).into());
            }
        }
    }
}

struct Cursor<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Cursor<'a> {
    /// An assignment, or nothing for the `def` line; None where it is neither.
    fn statement(&mut self) -> Option<Option<Assignment>> {
        let line = self.line;
        let first = self.word()?;
        let assignment = if first == "def" {
            self.skip_blank(false);
            (self.word()? == "set_config").then_some(())?;
            for part in ["(", "c", ")", ":"] {
                self.skip_blank(false);
                self.take(part)?;
            }
            None
        } else {
            (first == "c").then_some(())?;
            self.take(".")?;
            let key = self.word()?.to_string();
            self.skip_blank(false);
            self.take("=")?;
            self.skip_blank(false);
            Some(Assignment { line, key, value: self.literal(0)? })
        };
        self.skip_blank(false);
        (self.rest.is_empty() || self.rest.starts_with('\n')).then_some(assignment)
    }

    fn literal(&mut self, depth: usize) -> Option<Literal> {
        const MAX_DEPTH: usize = 8;
        if depth > MAX_DEPTH {
            return None;
        }
        let first = self.rest.chars().next()?;
        if first == '[' {
            return self.list(depth);
        }
        if first == '"' || first == '\'' {
            return self.string(false).map(Literal::Str);
        }
        if first.is_ascii_digit() || "+-.".contains(first) {
            return self.number();
        }
        match self.word()? {
            "True" => Some(Literal::Bool(true)),
            "False" => Some(Literal::Bool(false)),
            "None" => Some(Literal::None),
            "f" | "F" => self.string(true).map(Literal::Str),
            _ => None,
        }
    }

    fn list(&mut self, depth: usize) -> Option<Literal> {
        self.take("[")?;
        let mut items = Vec::new();
        loop {
            self.skip_blank(true);
            if self.take("]").is_some() {
                return Some(Literal::List(items));
            }
            items.push(self.literal(depth + 1)?);
            self.skip_blank(true);
            if self.take(",").is_none() && !self.rest.starts_with(']') {
                return None;
            }
        }
    }

    /// A string in one kind of quotes, on one line, with the usual escapes.
    fn string(&mut self, formatted: bool) -> Option<String> {
        let quote = self.rest.chars().next().filter(|c| "\"'".contains(*c))?;
        let mut text = String::new();
        let mut chars = self.rest.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                c if c == quote => {
                    self.rest = &self.rest[at + 1..];
                    // Not a neighbor: '''...''' and implicit concatenation are no literals here.
                    return (!self.rest.starts_with(['"', '\''])).then_some(text);
                }
                '\n' => return None,
                '{' | '}' if formatted => return None,
                '\\' => match chars.next()?.1 {
                    'n' => text.push('\n'),
                    't' => text.push('\t'),
                    c @ ('\\' | '\'' | '"') => text.push(c),
                    _ => return None,
                },
                c => text.push(c),
            }
        }
        None
    }

    fn number(&mut self) -> Option<Literal> {
        let mut end = 0;
        let mut previous = ' ';
        for (at, c) in self.rest.char_indices() {
            let sign = (c == '-' || c == '+') && (at == 0 || previous == 'e' || previous == 'E');
            if !(c.is_ascii_digit() || ".eE_".contains(c) || sign) {
                break;
            }
            (end, previous) = (at + 1, c);
        }
        let (digits, rest) = self.rest.split_at(end);
        self.rest = rest;
        if digits.starts_with('_') || digits.ends_with('_') {
            return None;
        }
        let digits = digits.replace('_', "");
        match digits.parse::<i64>() {
            Ok(n) => Some(Literal::Int(n)),
            Err(_) => digits.parse::<f64>().ok().filter(|x| x.is_finite()).map(Literal::Float),
        }
    }

    fn word(&mut self) -> Option<&'a str> {
        let end =
            self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }

    fn take(&mut self, part: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(part)?;
        Some(())
    }

    /// Skips spaces and a comment, and with `lines` also the ends of lines.
    fn skip_blank(&mut self, lines: bool) {
        loop {
            self.rest = self.rest.trim_start_matches([' ', '\t', '\r']);
            if self.rest.starts_with('#') {
                let end = self.rest.find('\n').unwrap_or(self.rest.len());
                self.rest = &self.rest[end..];
            } else if lines && self.rest.starts_with('\n') {
                self.rest = &self.rest[1..];
                self.line += 1;
            } else {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_of_the_original_is_read() {
        let text = "# === Configuration options ===\r\n\ndef set_config(c):\n    c.input_path = \"w/d.npz\" # data\n\
            \tc.lr                           = 1e-3\n    c.epochs = 1_000\n    c.a = -.5\n    c.flag = True\n    c.n = None\n\
            c.path = f'plain'\n    c.type_list = [\n        'float64', # pt\n        \"int\",\n    ]\n    c.block = [1, [2], ]";
        let found = parse(text, "x.py").unwrap();
        let value = |key: &str| found.iter().find(|a| a.key == key).unwrap().value.clone();
        assert_eq!(value("input_path"), Literal::Str("w/d.npz".into()));
        assert_eq!(value("lr"), Literal::Float(1e-3));
        assert_eq!(value("epochs"), Literal::Int(1000));
        assert_eq!(value("a"), Literal::Float(-0.5));
        assert_eq!(value("flag"), Literal::Bool(true));
        assert_eq!(value("n"), Literal::None);
        assert_eq!(value("path"), Literal::Str("plain".into()));
        assert_eq!(
            value("type_list"),
            Literal::List(["float64", "int"].map(|s| Literal::Str(s.into())).into())
        );
        assert_eq!(
            value("block"),
            Literal::List(vec![Literal::Int(1), Literal::List(vec![Literal::Int(2)])])
        );
        assert_eq!(found.last().unwrap().line, 15);
    }

    #[test]
    fn anything_else_is_an_error_with_its_line() {
        for wrong in [
            "import os",
            "c.x = 1 + 1",
            "c.x = f'{y}'",
            "c.x = y",
            "c.x = os.system('rm')",
            "c.x = 'a' 'b'",
            "c.x = '''a'''",
            "c.x = 'a",
            "c.x = [1, 2",
            "c.x = [1 2]",
            "c.x = {1: 2}",
            "c.x = (1, 2)",
            "c.x += 1",
            "c.x == 1",
            "c.x = 1; c.y = 2",
            "c.x =",
            "d.x = 1",
            "c = 1",
            "def other(c):",
            "def set_config(c): import os",
            "c.x = '\\x41'",
            "c.x = 1e999",
            "c.x = 1.2.3",
            "c.x = --1",
            "c.x = 0x10",
            "'''doc'''",
            "é = 1",
        ] {
            let error = parse(&format!("# a\n{wrong}\nc.ok = 1"), "x.py").unwrap_err().to_string();
            assert!(
                error.starts_with("x.py, line 2: ") && error.contains("never executed"),
                "{wrong}: {error}"
            );
        }
        let deep = format!("c.x = {}", "[".repeat(100_000));
        assert!(parse(&deep, "x.py").is_err());
    }
}
