//! What the items of an npy are: the header's Python dictionary, with dtypes as NumPy writes them (`<f8`, `<U5`,
//! `<M8[ns]`, or a list of fields, which may be records themselves). Refuses objects, which would have to be unpickled.
//! The parser allocates nothing but what it returns, and recurses no deeper than [`MAX_DEPTH`].

use baler_data::dataset::kind::{Kind, TimeUnit};
use baler_data::dataset::{DType, Storage};
use baler_data::error::{Error, Result};

/// The largest number of axes NumPy knows.
pub const MAX_AXES: usize = 64;
/// Records within records.
const MAX_DEPTH: usize = 32;
/// Fields of a record, those of records in it included.
const MAX_FIELDS: usize = 1 << 16;

/// One array of elements within an item.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Names from the outermost record on, parted by points; empty where the item is no record.
    pub path: String,
    /// Where it begins in the item.
    pub offset: usize,
    /// Bytes of it.
    pub n_bytes: usize,
    /// What it holds.
    pub dtype: DType,
    /// Most significant byte first.
    pub big_endian: bool,
    /// What the elements stand for.
    pub kind: Kind,
    /// Extents within an item.
    pub inner: Vec<usize>,
    /// The type's string says nothing that dtype, kind and extents do not.
    pub is_told: bool,
}

/// What an item of the array is.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Of one item.
    pub n_bytes: usize,
    /// What it is made of.
    pub fields: Vec<Field>,
    /// As the header has it.
    pub descr: String,
}

impl Item {
    /// The item, if it is one number or truth value.
    pub fn number(&self) -> Option<(DType, bool)> {
        match &self.fields[..] {
            [Field { dtype, big_endian, kind: Kind::Number, inner, path, .. }]
                if inner.is_empty() && path.is_empty() =>
            {
                Some((*dtype, *big_endian))
            }
            _ => None,
        }
    }

    /// Characters of the item if it is a string, and whether it has four bytes for each.
    pub fn text(&self) -> Option<(usize, bool)> {
        match &self.fields[..] {
            [Field { dtype, kind: Kind::Text, inner, path, .. }] if path.is_empty() => {
                Some((inner.first().copied().unwrap_or(0), *dtype == DType::U32))
            }
            _ => None,
        }
    }

    /// True if the type's string can be made again of what the variable says.
    pub fn is_told(&self) -> bool {
        matches!(&self.fields[..], [field] if field.is_told && field.path.is_empty())
    }
}

/// The string of the type that a variable's values have, and how many of its last axes belong to it.
pub fn told(dtype: DType, shape: &[usize], storage: Storage) -> (String, usize) {
    let order = if storage.big_endian { '>' } else { '<' };
    let width = shape.last().copied().unwrap_or(0);
    let has_width = storage.lists.is_none() && !shape.is_empty();
    match storage.kind {
        Kind::Text if has_width && dtype == DType::U32 => (format!("{order}U{width}"), 1),
        Kind::Text if has_width && dtype == DType::U8 => (format!("|S{width}"), 1),
        Kind::Bytes if has_width && dtype == DType::U8 => (format!("|V{width}"), 1),
        Kind::Complex if width == 2 && matches!(dtype, DType::F32 | DType::F64) => {
            (format!("{order}c{}", 2 * dtype.size_bytes()), 1)
        }
        Kind::Time(unit) if dtype == DType::I64 => (format!("{order}M8[{}]", unit.symbol()), 0),
        Kind::Duration(unit) if dtype == DType::I64 => (format!("{order}m8[{}]", unit.symbol()), 0),
        _ => {
            let kind = match dtype {
                DType::Bool => 'b',
                DType::F16 | DType::F32 | DType::F64 => 'f',
                DType::I8 | DType::I16 | DType::I32 | DType::I64 => 'i',
                DType::U8 | DType::U16 | DType::U32 | DType::U64 => 'u',
            };
            let order = if dtype.size_bytes() == 1 { '|' } else { order };
            (format!("{order}{kind}{}", dtype.size_bytes()), 0)
        }
    }
}

/// The item of a type string such as `<f8`.
pub fn of_string(descr: &str) -> Result<Field> {
    let (big_endian, code) = match descr.split_at_checked(1) {
        Some((">", code)) => (true, code),
        Some(("<" | "|", code)) => (false, code),
        Some(("=", code)) => (cfg!(target_endian = "big"), code),
        _ => (false, descr),
    };
    let field = |dtype: DType, kind: Kind, inner: Vec<usize>, is_told: bool| Field {
        path: String::new(),
        offset: 0,
        n_bytes: inner.iter().product::<usize>() * dtype.size_bytes(),
        dtype,
        big_endian: big_endian && dtype.size_bytes() > 1,
        kind,
        inner,
        is_told,
    };
    if let Some(dtype) = Some(code).filter(|code| code.len() == 2).and_then(DType::from_name) {
        return Ok(field(dtype, Kind::Number, Vec::new(), true));
    }
    let unsupported = || {
        Error::unsupported(format!(
            "dtype '{}' is not supported; expected one of NumPy's (bool, int8 to int64, float16 to float64, complex, strings, dates, records)",
            descr.chars().take(40).collect::<String>()
        ))
    };
    let (kind, rest) = code.split_at_checked(1).ok_or_else(unsupported)?;
    let size = rest.parse::<usize>().ok().filter(|&n| n <= isize::MAX as usize / 64);
    let bytes = |n: usize, is_told: bool| Ok(field(DType::U8, Kind::Bytes, vec![n], is_told));
    match (kind, size) {
        ("U", Some(n)) => Ok(field(DType::U32, Kind::Text, vec![n], true)),
        ("S" | "a", Some(n)) => Ok(field(DType::U8, Kind::Text, vec![n], kind == "S")),
        ("V", Some(n)) => bytes(n, true),
        ("c", Some(8)) => Ok(field(DType::F32, Kind::Complex, vec![2], true)),
        ("c", Some(16)) => Ok(field(DType::F64, Kind::Complex, vec![2], true)),
        // Long doubles, of which machines have several kinds.
        ("f", Some(n @ (10 | 12 | 16))) | ("c", Some(n @ (20 | 24 | 32))) => bytes(n, false),
        ("O", _) => Err(Error::unsupported(
            "found an object array, which only unpickling could read and that runs code from the file; \
             save it with a dtype of its own",
        )),
        ("M" | "m", _) if rest.starts_with('8') => {
            let unit = rest.strip_prefix("8[").and_then(|unit| unit.strip_suffix(']'));
            let is_time = kind == "M";
            let kind = match unit.and_then(TimeUnit::from_symbol) {
                Some(unit) if is_time => Kind::Time(unit),
                Some(unit) => Kind::Duration(unit),
                // Of several units, or of none.
                None => Kind::Exact,
            };
            Ok(field(DType::I64, kind, Vec::new(), kind != Kind::Exact))
        }
        _ => Err(unsupported()),
    }
}

/// A header without the place of its values.
pub struct Parsed {
    pub item: Item,
    pub fortran_order: bool,
    pub shape: Vec<usize>,
}

/// Parses the dictionary of a header.
pub fn parse(text: &str) -> Result<Parsed> {
    Parser { rest: text }.dictionary()
}

/// What is left of the header's text.
struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn dictionary(mut self) -> Result<Parsed> {
        let (mut item, mut fortran_order, mut shape) = (None, None, None);
        self.expect('{')?;
        while !self.accept('}') {
            let key = self.string()?;
            self.expect(':')?;
            match key.as_str() {
                "descr" => item = Some(self.item()?),
                "fortran_order" => fortran_order = Some(self.truth_value()?),
                "shape" => shape = Some(self.shape()?),
                _ => return Err(self.wrong("the keys descr, fortran_order and shape")),
            }
            if !self.accept(',') {
                self.expect('}')?;
                break;
            }
        }
        if !self.rest.trim_start().is_empty() {
            return Err(self.wrong("nothing after the dictionary"));
        }
        match (item, fortran_order, shape) {
            (Some(item), Some(fortran_order), Some(shape)) => Ok(Parsed { item, fortran_order, shape }),
            _ => Err(Error::input("the npy header lacks one of descr, fortran_order and shape")),
        }
    }

    fn wrong(&self, expected: &str) -> Error {
        let found: String = self.rest.chars().take(24).collect();
        Error::input(format!("expected {expected} in the npy header, found '{found}'"))
    }

    fn accept(&mut self, c: char) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(c) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, c: char) -> Result<()> {
        if self.accept(c) { Ok(()) } else { Err(self.wrong(&format!("'{c}'"))) }
    }

    /// A string in quotes, with Python's escapes.
    fn string(&mut self) -> Result<String> {
        let quote = if self.accept('\'') {
            '\''
        } else if self.accept('"') {
            '"'
        } else {
            return Err(self.wrong("a quoted string"));
        };
        let mut text = String::new();
        let mut chars = self.rest.chars();
        loop {
            match chars.next() {
                Some(c) if c == quote => break,
                Some('\\') => {
                    text.push(escaped(&mut chars).ok_or_else(|| self.wrong("an escape of Python"))?)
                }
                Some(c) => text.push(c),
                None => return Err(self.wrong("a closing quote")),
            }
        }
        self.rest = chars.as_str();
        Ok(text)
    }

    fn truth_value(&mut self) -> Result<bool> {
        self.rest = self.rest.trim_start();
        for (word, value) in [("True", true), ("False", false)] {
            if let Some(rest) = self.rest.strip_prefix(word) {
                self.rest = rest;
                return Ok(value);
            }
        }
        Err(self.wrong("True or False"))
    }

    fn shape(&mut self) -> Result<Vec<usize>> {
        let mut shape = Vec::new();
        self.expect('(')?;
        while !self.accept(')') {
            shape.push(self.extent()?);
            if shape.len() > MAX_AXES {
                return Err(Error::limit(format!("expected at most {MAX_AXES} axes, found more")));
            }
            if !self.accept(',') {
                self.expect(')')?;
                break;
            }
        }
        Ok(shape)
    }

    fn extent(&mut self) -> Result<usize> {
        self.rest = self.rest.trim_start();
        let n_digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at(n_digits);
        let extent = digits.parse().map_err(|_| self.wrong("an extent"))?;
        // Python 2 wrote its long integers as 3L.
        self.rest = rest.strip_prefix('L').unwrap_or(rest);
        Ok(extent)
    }

    fn item(&mut self) -> Result<Item> {
        self.rest = self.rest.trim_start();
        let before = self.rest;
        let mut fields = Vec::new();
        let n_bytes = if self.rest.starts_with('[') {
            self.record("", 0, 0, &mut fields)?
        } else {
            fields.push(of_string(&self.string()?)?);
            fields[0].n_bytes
        };
        let descr = before[..before.len() - self.rest.len()].trim_end().to_string();
        Ok(Item { n_bytes, fields, descr })
    }

    /// A list of fields; gives back where the record ends.
    fn record(&mut self, path: &str, start: usize, depth: usize, fields: &mut Vec<Field>) -> Result<usize> {
        let too_large = || Error::limit("the record of the npy header is too large");
        if depth == MAX_DEPTH {
            return Err(too_large());
        }
        let mut offset = start;
        self.expect('[')?;
        while !self.accept(']') {
            self.expect('(')?;
            let name = self.field_name()?;
            self.expect(',')?;
            let first = fields.len();
            let path = match (path, name.as_str()) {
                (_, "") => format!("{path}{}#{offset}", if path.is_empty() { "" } else { "." }),
                ("", name) => name.to_string(),
                (path, name) => format!("{path}.{name}"),
            };
            let end = match self.rest.trim_start().starts_with('[') {
                true => self.record(&path, offset, depth + 1, fields)?,
                false => {
                    let field = of_string(&self.string()?)?;
                    let end = offset.checked_add(field.n_bytes).ok_or_else(too_large)?;
                    fields.push(Field { path: path.clone(), offset, ..field });
                    end
                }
            };
            let mut n_bytes = end - offset;
            if self.accept(',') && !self.rest.trim_start().starts_with(')') {
                n_bytes = self.subarray(fields, first, path, (offset, n_bytes))?;
            }
            self.expect(')')?;
            offset = offset
                .checked_add(n_bytes)
                .filter(|&n| n < isize::MAX as usize / 64)
                .ok_or_else(too_large)?;
            if fields.len() > MAX_FIELDS {
                return Err(too_large());
            }
            if !self.accept(',') {
                self.expect(']')?;
                break;
            }
        }
        Ok(offset)
    }

    /// A name, or a title and a name.
    fn field_name(&mut self) -> Result<String> {
        if !self.accept('(') {
            return self.string();
        }
        self.string()?;
        self.expect(',')?;
        let name = self.string()?;
        self.accept(',');
        self.expect(')')?;
        Ok(name)
    }

    /// The extents of a field that is an array, given the place of its first element; gives back the bytes of all.
    fn subarray(
        &mut self,
        fields: &mut Vec<Field>,
        first: usize,
        path: String,
        (offset, n_bytes): (usize, usize),
    ) -> Result<usize> {
        let extents = match self.rest.trim_start().starts_with('(') {
            true => self.shape()?,
            false => vec![self.extent()?],
        };
        let n_elements = baler_data::dataset::n_elements(&extents)?;
        let all = n_elements.checked_mul(n_bytes).filter(|&n| n < isize::MAX as usize / 64);
        let all = all.ok_or_else(|| Error::limit("the record of the npy header is too large"))?;
        if let [field] = &mut fields[first..]
            && field.path == path
        {
            field.inner.splice(0..0, extents);
            field.n_bytes = all;
        } else {
            // The elements of each field of an array of records lie apart: they are kept as the bytes that they are.
            fields.truncate(first);
            let bytes = of_string(&format!("|V{all}"))?;
            fields.push(Field { path, offset, ..bytes });
        }
        Ok(all)
    }
}

/// What an escape of Python's `repr` stands for.
fn escaped(chars: &mut std::str::Chars) -> Option<char> {
    let n_digits = match chars.next()? {
        'n' => return Some('\n'),
        't' => return Some('\t'),
        'r' => return Some('\r'),
        c @ ('\\' | '\'' | '"') => return Some(c),
        'x' => 2,
        'u' => 4,
        'U' => 8,
        _ => return None,
    };
    let digits = chars.as_str().get(..n_digits)?;
    *chars = chars.as_str()[n_digits..].chars();
    char::from_u32(u32::from_str_radix(digits, 16).ok()?)
}
