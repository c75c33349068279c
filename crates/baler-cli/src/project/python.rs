//! A config of the original: comments, `def set_config(c):` and `c.key = literal`. It is read, never
//! executed; anything else in it is an error that names the line.
//!
//! Literals: strings (also f-strings without braces, raw ones, and several side by side), numbers, True, False, None,
//! and lists, tuples and dictionaries of these; what stands in brackets may go over several lines.

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
    /// Of lists and tuples.
    List(Vec<Literal>),
    /// Of which no key makes use.
    Dictionary,
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
        if self.rest.starts_with(['"', '\'']) {
            // A text by itself is a comment.
            self.string()?;
            self.skip_blank(false);
            return (self.rest.is_empty() || self.rest.starts_with('\n')).then_some(None);
        }
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
            return self.list(("[", "]"), depth).map(|(items, _)| Literal::List(items));
        }
        if first == '(' {
            let (mut items, has_comma) = self.list(("(", ")"), depth)?;
            let is_one = items.len() == 1 && !has_comma; // parentheses, and no tuple
            return if is_one { items.pop() } else { Some(Literal::List(items)) };
        }
        if first == '{' {
            return self.dictionary(depth);
        }
        if first.is_ascii_digit() || "+-.".contains(first) {
            return self.number();
        }
        if self.is_string() {
            return self.strings(depth > 0).map(Literal::Str);
        }
        match self.word()? {
            "True" => Some(Literal::Bool(true)),
            "False" => Some(Literal::Bool(false)),
            "None" => Some(Literal::None),
            _ => None,
        }
    }

    /// Literals between brackets, and whether there was a comma.
    fn list(&mut self, brackets: (&str, &str), depth: usize) -> Option<(Vec<Literal>, bool)> {
        self.take(brackets.0)?;
        let (mut items, mut has_comma) = (Vec::new(), false);
        loop {
            self.skip_blank(true);
            if self.take(brackets.1).is_some() {
                return Some((items, has_comma));
            }
            items.push(self.literal(depth + 1)?);
            self.skip_blank(true);
            match self.take(",") {
                Some(()) => has_comma = true,
                None if self.rest.starts_with(brackets.1) => {}
                None => return None,
            }
        }
    }

    fn dictionary(&mut self, depth: usize) -> Option<Literal> {
        self.take("{")?;
        loop {
            self.skip_blank(true);
            if self.take("}").is_some() {
                return Some(Literal::Dictionary);
            }
            self.literal(depth + 1)?;
            self.skip_blank(true);
            self.take(":")?;
            self.skip_blank(true);
            self.literal(depth + 1)?;
            self.skip_blank(true);
            if self.take(",").is_none() && !self.rest.starts_with('}') {
                return None;
            }
        }
    }

    /// True if a string begins here, with its prefix.
    fn is_string(&self) -> bool {
        let prefix = self.rest.len() - self.rest.trim_start_matches(|c: char| "rRfFuU".contains(c)).len();
        prefix <= 2 && self.rest[prefix..].starts_with(['"', '\''])
    }

    /// Strings side by side are one; in brackets also on several lines.
    fn strings(&mut self, lines: bool) -> Option<String> {
        let mut text = self.string()?;
        loop {
            self.skip_blank(lines);
            if !self.is_string() {
                return Some(text);
            }
            text += &self.string()?;
        }
    }

    /// A string in one kind of quotes, with the usual escapes; in three quotes over several lines.
    fn string(&mut self) -> Option<String> {
        let prefix = self.rest.len() - self.rest.trim_start_matches(|c: char| "rRfFuU".contains(c)).len();
        let (raw, formatted) =
            (self.rest[..prefix].contains(['r', 'R']), self.rest[..prefix].contains(['f', 'F']));
        self.rest = &self.rest[prefix..];
        let quote = self.rest.chars().next().filter(|c| "\"'".contains(*c))?;
        let three = quote.to_string().repeat(3);
        let end = if self.rest.starts_with(&three) { three } else { quote.to_string() };
        self.rest = &self.rest[end.len()..];
        let mut text = String::new();
        loop {
            if self.take(&end).is_some() {
                return Some(text);
            }
            let c = self.rest.chars().next()?;
            self.rest = &self.rest[c.len_utf8()..];
            match c {
                '\n' if end.len() == 1 => return None,
                '\n' => self.line += 1,
                '{' | '}' if formatted => return None,
                '\\' if !raw => {
                    let escaped = self.rest.chars().next()?;
                    self.rest = &self.rest[escaped.len_utf8()..];
                    match escaped {
                        'n' => text.push('\n'),
                        't' => text.push('\t'),
                        c @ ('\\' | '\'' | '"') => text.push(c),
                        '\n' => self.line += 1,
                        _ => return None,
                    }
                    continue;
                }
                _ => {}
            }
            text.push(c);
        }
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
        if digits == "0" && self.rest.starts_with(['x', 'X', 'o', 'O', 'b', 'B']) {
            return self.whole_number();
        }
        match digits.parse::<i64>() {
            Ok(n) => Some(Literal::Int(n)),
            Err(_) => digits.parse::<f64>().ok().filter(|x| x.is_finite()).map(Literal::Float),
        }
    }

    /// What stands behind the 0 of `0x1f`, `0o17` or `0b11`.
    fn whole_number(&mut self) -> Option<Literal> {
        let (radix, digits) = (self.rest.chars().next()?, &self.rest[1..]);
        let end = digits.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(digits.len());
        self.rest = &digits[end..];
        let radix = match radix.to_ascii_lowercase() {
            'x' => 16,
            'o' => 8,
            _ => 2,
        };
        i64::from_str_radix(&digits[..end], radix).ok().map(Literal::Int)
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
            if let Some(rest) = self.rest.strip_prefix("\\\n") {
                self.rest = rest; // the line goes on
                self.line += 1;
                continue;
            }
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
    fn literals_are_those_of_python() {
        let value = |text: &str| parse(&format!("c.x = {text}\nc.y = 7"), "x.py").unwrap().remove(0).value;
        let ints = |list: &[i64]| Literal::List(list.iter().map(|&n| Literal::Int(n)).collect());
        let text = |s: &str| Literal::Str(s.to_string());
        for (written, expected) in [
            ("(1, 16)", ints(&[1, 16])),
            ("(\n    1,\n    16,  # columns\n)", ints(&[1, 16])),
            ("(5,)", ints(&[5])),
            ("(5)", Literal::Int(5)),
            ("()", ints(&[])),
            ("(\n    \"a/b.npz\"\n)", text("a/b.npz")),
            ("(\n    \"a/\"\n    'b.npz'\n)", text("a/b.npz")),
            ("'a' 'b'", text("ab")),
            ("'''a\nb'''", text("a\nb")),
            ("r'C:\\data'", text("C:\\data")),
            ("\\\n    1e-3", Literal::Float(1e-3)),
            ("0x10", Literal::Int(16)),
            ("{'Model': {'Precision': 'ap_fixed<16,8>'}, 'Reuse': 1}", Literal::Dictionary),
            ("(None)", Literal::None),
            ("False", Literal::Bool(false)),
        ] {
            assert_eq!(value(written), expected, "{written}");
        }
        let text = "\"\"\"A config.\n\nOf two lines.\n\"\"\"\ndef set_config(c):\n    'comment'\n    c.epochs = (\n5)\n";
        assert_eq!(parse(text, "x.py").unwrap()[0].line, 7);
    }

    #[test]
    fn anything_else_is_an_error_with_its_line() {
        for wrong in [
            "import os",
            "c.x = 1 + 1",
            "c.x = f'{y}'",
            "c.x = y",
            "c.x = os.system('rm')",
            "c.x = 'a",
            "c.x = [1, 2",
            "c.x = [1 2]",
            "c.x = {1: 2",
            "c.x = {1}",
            "c.x = (1, 2",
            "c.x = (1 2)",
            "c.x = (1 + 2)",
            "c.x = 'a' + 'b'",
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
            "c.x = 0xg",
            "c.x = b'a'",
            "'''doc",
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
