//! Derived quantities as formulas over columns: `sqrt(px^2 + py^2)`, `data - still`, `log10(pt)`.
//!
//! ```text
//! sum     = product { (+|-) product }
//! product = power { (*|/) power }
//! power   = [-] atom [ ^ power ]
//! atom    = number | name | 'any name' | "any name" | `any name` | function ( sum { , sum } ) | ( sum )
//! ```

use baler_data::error::{Error, Result};

/// A parsed formula.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression(Node);

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Number(f64),
    Column(String),
    Call(&'static str, Vec<Node>),
}

/// Name and number of arguments.
const FUNCTIONS: [(&str, usize); 17] = [
    ("sqrt", 1),
    ("abs", 1),
    ("exp", 1),
    ("log", 1),
    ("log10", 1),
    ("sin", 1),
    ("cos", 1),
    ("tan", 1),
    ("sinh", 1),
    ("cosh", 1),
    ("tanh", 1),
    ("atan2", 2),
    ("hypot", 2),
    ("min", 2),
    ("max", 2),
    ("floor", 1),
    ("pow", 2),
];

/// Formulas deeper than this are refused.
const MAX_DEPTH: usize = 100;

impl Expression {
    /// Parses a formula.
    ///
    /// # Errors
    /// [`baler_data::error::ErrorKind::Config`] that says what was expected where.
    pub fn parse(text: &str) -> Result<Expression> {
        let mut parser = Parser { text, at: 0, depth: 0 };
        let node = parser.sum()?;
        parser.skip_spaces();
        if parser.at < text.len() {
            return Err(parser.expected("the end or an operator"));
        }
        Ok(Expression(node))
    }

    /// Names of the columns that it needs.
    pub fn columns(&self) -> Vec<&str> {
        let mut names = Vec::new();
        collect(&self.0, &mut names);
        names
    }

    /// The formula with the names that `whole` makes of those that it has.
    ///
    /// # Errors
    /// Those of `whole`.
    pub fn with_names(&self, whole: &impl Fn(&str) -> Result<String>) -> Result<Expression> {
        fn renamed(node: &Node, whole: &impl Fn(&str) -> Result<String>) -> Result<Node> {
            Ok(match node {
                Node::Number(x) => Node::Number(*x),
                Node::Column(name) => Node::Column(whole(name)?),
                Node::Call(function, arguments) => {
                    let arguments = arguments.iter().map(|argument| renamed(argument, whole));
                    Node::Call(function, arguments.collect::<Result<_>>()?)
                }
            })
        }
        renamed(&self.0, whole).map(Expression)
    }

    /// Its values, given each column's by name; `None` if one is missing or lengths differ.
    pub fn evaluate<'a>(&self, column: &impl Fn(&str) -> Option<&'a [f64]>) -> Option<Vec<f64>> {
        let names = self.columns();
        let columns: Vec<&[f64]> = names.iter().map(|name| column(name)).collect::<Option<_>>()?;
        let n = columns.first().map_or(1, |c| c.len());
        if columns.iter().any(|c| c.len() != n) {
            return None;
        }
        let cell = |name: &str, row: usize| {
            names.iter().position(|known| *known == name).map_or(f64::NAN, |place| columns[place][row])
        };
        Some((0..n).map(|row| value(&self.0, &|name| cell(name, row))).collect())
    }
}

fn collect<'a>(node: &'a Node, names: &mut Vec<&'a str>) {
    match node {
        Node::Number(_) => {}
        Node::Column(name) if names.contains(&name.as_str()) => {}
        Node::Column(name) => names.push(name),
        Node::Call(_, arguments) => arguments.iter().for_each(|argument| collect(argument, names)),
    }
}

fn value(node: &Node, column: &impl Fn(&str) -> f64) -> f64 {
    let (function, arguments) = match node {
        Node::Number(x) => return *x,
        Node::Column(name) => return column(name),
        Node::Call(function, arguments) => (*function, arguments),
    };
    let x = value(&arguments[0], column);
    let y = arguments.get(1).map_or(f64::NAN, |argument| value(argument, column));
    match function {
        "+" => x + y,
        "-" => x - y,
        "*" => x * y,
        "/" => x / y,
        "pow" => x.powf(y),
        "neg" => -x,
        "sqrt" => x.sqrt(),
        "abs" => x.abs(),
        "exp" => x.exp(),
        "log" => x.ln(),
        "log10" => x.log10(),
        "sin" => x.sin(),
        "cos" => x.cos(),
        "tan" => x.tan(),
        "sinh" => x.sinh(),
        "cosh" => x.cosh(),
        "tanh" => x.tanh(),
        "atan2" => x.atan2(y),
        "hypot" => x.hypot(y),
        "min" => x.min(y),
        "max" => x.max(y),
        "floor" => x.floor(),
        _ => unreachable!("the parser makes no other"),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_spaces(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn expected(&self, what: &str) -> Error {
        let found = self.rest().chars().next().map_or("the end".to_string(), |c| format!("'{c}'"));
        Error::config(format!(
            "formula '{}': expected {what} at character {}, found {found}",
            self.text,
            self.text[..self.at].chars().count() + 1
        ))
    }

    /// Takes one of `signs`, if it stands here.
    fn take(&mut self, signs: &str) -> Option<char> {
        self.skip_spaces();
        let sign = self.rest().chars().next().filter(|c| signs.contains(*c))?;
        self.at += sign.len_utf8();
        Some(sign)
    }

    fn sum(&mut self) -> Result<Node> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Error::config(format!("formula '{}' is nested too deeply", self.text)));
        }
        let mut left = self.product()?;
        while let Some(sign) = self.take("+-") {
            left = Node::Call(if sign == '+' { "+" } else { "-" }, vec![left, self.product()?]);
        }
        self.depth -= 1;
        Ok(left)
    }

    fn product(&mut self) -> Result<Node> {
        let mut left = self.power()?;
        while let Some(sign) = self.take("*/") {
            left = Node::Call(if sign == '*' { "*" } else { "/" }, vec![left, self.power()?]);
        }
        Ok(left)
    }

    fn power(&mut self) -> Result<Node> {
        let mut negative = false;
        while self.take("-").is_some() {
            negative = !negative;
        }
        let base = self.atom()?;
        let node = match self.take("^") {
            Some(_) => {
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    return Err(Error::config(format!("formula '{}' is nested too deeply", self.text)));
                }
                let exponent = self.power()?;
                self.depth -= 1;
                Node::Call("pow", vec![base, exponent])
            }
            None => base,
        };
        Ok(if negative { Node::Call("neg", vec![node]) } else { node })
    }

    fn atom(&mut self) -> Result<Node> {
        self.skip_spaces();
        if self.take("(").is_some() {
            let inside = self.sum()?;
            return self.take(")").map(|_| inside).ok_or_else(|| self.expected("')'"));
        }
        if let Some(quote) = self.take("`'\"") {
            let end = self.rest().find(quote).ok_or_else(|| self.expected(&format!("a closing {quote}")))?;
            let name = self.rest()[..end].to_string();
            self.at += end + 1;
            return Ok(Node::Column(name));
        }
        let rest = self.rest();
        if rest.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return self.number();
        }
        let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
        let end = rest.find(|c: char| !is_name(c)).unwrap_or(rest.len());
        if end == 0 {
            return Err(self.expected("a number, a column, a function or '('"));
        }
        self.at += end;
        if self.take("(").is_some() {
            self.call(&rest[..end])
        } else {
            Ok(Node::Column(rest[..end].to_string()))
        }
    }

    fn number(&mut self) -> Result<Node> {
        let rest = self.rest().as_bytes();
        let is_part = |idx: usize| {
            let after_e = idx > 0 && matches!(rest[idx - 1], b'e' | b'E');
            rest[idx].is_ascii_digit()
                || matches!(rest[idx], b'.' | b'e' | b'E')
                || (after_e && matches!(rest[idx], b'+' | b'-'))
        };
        let end = (0..rest.len()).find(|&idx| !is_part(idx)).unwrap_or(rest.len());
        let parsed = self.rest()[..end].parse().map_err(|_| self.expected("a number"))?;
        self.at += end;
        Ok(Node::Number(parsed))
    }

    /// The arguments of a function, behind its '('.
    fn call(&mut self, name: &str) -> Result<Node> {
        let Some((name, n_arguments)) = FUNCTIONS.into_iter().find(|(known, _)| *known == name) else {
            let known: Vec<&str> = FUNCTIONS.iter().map(|(name, _)| *name).collect();
            let text =
                format!("formula '{}': no function '{name}'; there are {}", self.text, known.join(", "));
            return Err(Error::config(text));
        };
        let mut arguments = vec![self.sum()?];
        while self.take(",").is_some() {
            arguments.push(self.sum()?);
        }
        if self.take(")").is_none() {
            return Err(self.expected("',' or ')'"));
        }
        if arguments.len() != n_arguments {
            let found = arguments.len();
            let text =
                format!("formula '{}': expected {n_arguments} arguments of {name}, found {found}", self.text);
            return Err(Error::config(text));
        }
        Ok(Node::Call(name, arguments))
    }
}
