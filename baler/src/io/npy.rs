//! NumPy's npy: bytes in, one array of numbers out (or the text of a string array), and back with the header
//! bytes that NumPy writes. Refuses object arrays (they would have to be unpickled, which runs code),
//! structured, complex and long-double dtypes, and bytes that do not fill the shape exactly.
//!
//! The header is a Python dictionary with three keys. It is read by a small parser of its own: it does not
//! recurse and allocates nothing but what it returns, so that no header can exhaust stack or memory.

use crate::dataset::{DType, Storage, n_elements};
use crate::error::{Error, Result};
use crate::io::store::Region;
use crate::io::stored::{Part, Place};
use crate::source::VariableSchema;

const MAGIC: &[u8] = b"\x93NUMPY";

/// The largest number of axes NumPy knows.
const MAX_AXES: usize = 64;

/// What an item of the array is.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// A number or truth value.
    Number { dtype: DType, big_endian: bool },
    /// A string of fixed length: `n_chars` code points of 4 bytes, or bytes.
    Text { n_chars: usize, unicode: bool, big_endian: bool },
    /// A date or a duration of 8 bytes.
    Time,
}

/// A parsed header.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// What the items are.
    pub item: Item,
    /// First axis fastest.
    pub fortran_order: bool,
    /// Extent of each axis.
    pub shape: Vec<usize>,
    /// Where the items begin.
    pub data_start: usize,
}

/// Where the header's text begins and how long it is, from the first 12 bytes.
fn text_place(bytes: &[u8]) -> Result<(usize, usize)> {
    if !bytes.starts_with(MAGIC) {
        return Err(Error::input("expected an npy file (magic \\x93NUMPY), found other bytes"));
    }
    match (bytes.get(6..8), bytes.get(8..10), bytes.get(10..12)) {
        (Some([1, 0]), Some(&[a, b]), _) => Ok((10, usize::from(u16::from_le_bytes([a, b])))),
        (Some([2 | 3, 0]), Some(&[a, b]), Some(&[c, d])) => {
            Ok((12, u32::from_le_bytes([a, b, c, d]) as usize))
        }
        (Some([1..=3, 0]) | None, ..) => Err(Error::input("the npy header is cut off")),
        (Some(version), ..) => Err(Error::new(
            crate::ErrorKind::Unsupported,
            format!("expected npy version 1.0, 2.0 or 3.0, found {}.{}", version[0], version[1]),
        )),
    }
}

/// Reads the header and checks that the items fill the rest of the file exactly.
pub fn read_header(file: &Region) -> Result<Header> {
    let (text_start, text_len) = text_place(&file.read_at(0, 12)?)?;
    let text = file.read_at(text_start as u64, text_len as u64)?;
    if text.len() < text_len {
        return Err(Error::input(format!(
            "expected an npy header of {text_len} bytes, found {}; the file is cut off",
            text.len()
        )));
    }
    let text = std::str::from_utf8(&text).map_err(|_| Error::input("the npy header is not text"))?;
    let (item, fortran_order, shape) = Parser { rest: text }.dictionary()?;
    let header = Header { item, fortran_order, shape, data_start: text_start + text_len };
    header.check_size(file.len() - header.data_start as u64)?;
    Ok(header)
}

impl Header {
    fn check_size(&self, found: u64) -> Result<()> {
        let item_bytes = match self.item {
            Item::Number { dtype, .. } => dtype.size_bytes(),
            Item::Text { n_chars, unicode, .. } => n_chars.saturating_mul(if unicode { 4 } else { 1 }),
            Item::Time => 8,
        };
        let expected = n_elements(&self.shape)?.checked_mul(item_bytes);
        if expected.map(|n_bytes| n_bytes as u64) != Some(found) {
            return Err(Error::input(format!(
                "shape {:?} of {item_bytes}-byte items needs {} bytes, found {found}; the file is cut off or damaged",
                self.shape,
                expected.map_or("more".to_string(), |n| n.to_string()),
            )));
        }
        Ok(())
    }
}

/// What is left of the header's text.
struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn dictionary(mut self) -> Result<(Item, bool, Vec<usize>)> {
        let (mut item, mut fortran_order, mut shape) = (None, None, None);
        self.expect('{')?;
        while !self.accept('}') {
            let key = self.string()?;
            self.expect(':')?;
            match key {
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
            (Some(item), Some(fortran_order), Some(shape)) => Ok((item, fortran_order, shape)),
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

    fn string(&mut self) -> Result<&'a str> {
        let quote = if self.accept('\'') {
            '\''
        } else if self.accept('"') {
            '"'
        } else {
            return Err(self.wrong("a quoted string"));
        };
        let (text, rest) = self.rest.split_once(quote).ok_or_else(|| self.wrong("a closing quote"))?;
        self.rest = rest;
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
            self.rest = self.rest.trim_start();
            let n_digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
            let (digits, rest) = self.rest.split_at(n_digits);
            let extent = digits.parse().map_err(|_| self.wrong("an extent"))?;
            // Python 2 wrote its long integers as 3L.
            self.rest = rest.strip_prefix('L').unwrap_or(rest);
            shape.push(extent);
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

    fn item(&mut self) -> Result<Item> {
        if matches!(self.rest.trim_start().as_bytes().first(), Some(b'[' | b'(')) {
            return Err(Error::unsupported(
                "expected an array of numbers, found a structured dtype; save its fields as arrays of their own in an npz",
            ));
        }
        parse_descr(self.string()?)
    }
}

/// The item of a type string such as `<f8`.
fn parse_descr(descr: &str) -> Result<Item> {
    let (big_endian, code) = match descr.split_at_checked(1) {
        Some((">", code)) => (true, code),
        Some(("<" | "|", code)) => (false, code),
        Some(("=", code)) => (cfg!(target_endian = "big"), code),
        _ => (false, descr),
    };
    if let Some(dtype) = short_name(code) {
        return Ok(Item::Number { dtype, big_endian: big_endian && dtype.size_bytes() > 1 });
    }
    let (kind, size) = code.split_at_checked(1).unwrap_or(("", ""));
    let n_chars = size.parse::<usize>();
    match (kind, n_chars) {
        ("U", Ok(n_chars)) => Ok(Item::Text { n_chars, unicode: true, big_endian }),
        ("S" | "a", Ok(n_chars)) => Ok(Item::Text { n_chars, unicode: false, big_endian }),
        ("M" | "m", _) => Ok(Item::Time),
        ("O", _) => Err(Error::unsupported(
            "found an object array, which only unpickling could read and that runs code from the file; \
             save it with a numeric dtype",
        )),
        ("c", _) => Err(Error::unsupported(format!(
            "complex dtype '{descr}' is not supported; save the real and the imaginary part as two arrays"
        ))),
        _ => Err(Error::unsupported(format!(
            "dtype '{descr}' is not supported; expected bool, int8 to int64, uint8 to uint64 or float16 to float64"
        ))),
    }
}

fn short_name(code: &str) -> Option<DType> {
    if code.len() == 2 { DType::from_name(code) } else { None }
}

/// NumPy's type string with the byte order of the file.
fn descr(dtype: DType, big_endian: bool) -> String {
    let (order, kind) = match dtype {
        DType::Bool => ('|', 'b'),
        DType::I8 => ('|', 'i'),
        DType::U8 => ('|', 'u'),
        DType::F16 | DType::F32 | DType::F64 => (if big_endian { '>' } else { '<' }, 'f'),
        DType::I16 | DType::I32 | DType::I64 => (if big_endian { '>' } else { '<' }, 'i'),
        DType::U16 | DType::U32 | DType::U64 => (if big_endian { '>' } else { '<' }, 'u'),
    };
    format!("{order}{kind}{}", dtype.size_bytes())
}

/// How the file stores the numbers.
pub fn storage(header: &Header) -> Storage {
    let big_endian = matches!(header.item, Item::Number { big_endian: true, .. });
    Storage { fortran_order: header.fortran_order, big_endian, ..Storage::default() }
}

/// The array of an npy file, and where its values are.
pub fn open(name: &str, file: &Region) -> Result<(VariableSchema, Part)> {
    let header = read_header(file)?;
    let Item::Number { dtype, big_endian } = header.item else {
        return Err(Error::input(
            "expected an array of numbers, found text or dates; put it into an npz beside the numbers",
        ));
    };
    let start = header.data_start as u64;
    let region = file.part(start, file.len() - start)?;
    let place = match header.fortran_order && header.shape.len() > 1 {
        true => Place::Fortran(Default::default()),
        false => Place::Whole,
    };
    let storage = storage(&header);
    let variable = VariableSchema { name: name.to_string(), dtype, shape: header.shape, storage };
    Ok((variable, Part { region, big_endian, place }))
}

/// The bytes of the header of an array that is stored in the order of axes and bytes of its source.
pub fn header(dtype: DType, shape: &[usize], storage: Storage) -> Vec<u8> {
    let mut bytes = Vec::new();
    append_header(&descr(dtype, storage.big_endian), storage.fortran_order, shape, &mut bytes);
    bytes
}

/// The strings of a 1-D string array; trailing NULs are padding. `bytes` are those of the whole file.
pub fn read_text(bytes: &[u8], header: &Header) -> Result<Vec<String>> {
    let Item::Text { n_chars, unicode, big_endian } = header.item else {
        return Err(Error::input("expected an array of strings, found numbers"));
    };
    let n_items = n_elements(&header.shape)?;
    if n_chars == 0 {
        // Items of no bytes: any number of them fits into any file, so they must not become strings.
        return if n_items == 0 {
            Ok(Vec::new())
        } else {
            Err(Error::input("expected names, found empty strings"))
        };
    }
    let data = &bytes[header.data_start..];
    if !unicode {
        return Ok(data
            .chunks_exact(n_chars)
            .map(|item| String::from_utf8_lossy(item).trim_end_matches('\0').into())
            .collect());
    }
    let code_point = |c: &[u8; 4]| if big_endian { u32::from_be_bytes(*c) } else { u32::from_le_bytes(*c) };
    let (code_points, _) = data.as_chunks::<4>();
    code_points
        .chunks_exact(n_chars)
        .map(|item| item.iter().map(|c| char::from_u32(code_point(c))).collect::<Option<String>>())
        .map(|text| text.map(|t| t.trim_end_matches('\0').to_string()))
        .collect::<Option<Vec<String>>>()
        .ok_or_else(|| Error::input("a string array holds what is no Unicode character"))
}

/// Appends a 1-D array of strings, each padded with NULs to `width` characters or to the longest.
pub fn write_text(texts: &[&str], width: usize, out: &mut Vec<u8>) {
    let width = texts.iter().map(|t| t.chars().count()).fold(width.max(1), usize::max);
    append_header(&format!("<U{width}"), false, &[texts.len()], out);
    for text in texts {
        let padding = width - text.chars().count();
        for code_point in text.chars().chain(std::iter::repeat_n('\0', padding)) {
            out.extend_from_slice(&u32::from(code_point).to_le_bytes());
        }
    }
}

/// Appends the header as NumPy writes it: room for the growing axis to take 21 digits, then spaces to a
/// multiple of 64 bytes.
fn append_header(descr: &str, fortran_order: bool, shape: &[usize], out: &mut Vec<u8>) {
    let mut extents: String = shape.iter().map(|n| format!("{n}, ")).collect();
    extents.truncate(extents.len().saturating_sub(if shape.len() == 1 { 1 } else { 2 }));
    let truth_value = if fortran_order { "True" } else { "False" };
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': {truth_value}, 'shape': ({extents}), }}");
    let growing = if fortran_order { shape.last() } else { shape.first() };
    let n_digits = growing.map_or(21, |n| n.to_string().len());
    text.extend(std::iter::repeat_n(' ', 21 - n_digits));
    // 10 bytes before the text and a newline after it; NumPy adds 64 spaces where none are needed.
    text.extend(std::iter::repeat_n(' ', 64 - (text.len() + 11) % 64));
    text.push('\n');
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&[1, 0]);
    let text_len = u16::try_from(text.len()).expect("64 axes of 20 digits fit into 65535 bytes");
    out.extend_from_slice(&text_len.to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::dataset::{Dataset, Values, Variable};
    use crate::io::{self, stored::Stored};
    use crate::source::{Schema, collect};
    use crate::threads::Threads;

    /// An array with every byte value, of any dtype.
    pub(crate) fn any_array(dtype: DType, shape: &[usize], storage: Storage) -> Variable {
        let n_bytes = shape.iter().product::<usize>() * dtype.size_bytes();
        let bytes: Vec<u8> = (0..n_bytes).map(|i| (i * 37 % 256) as u8).collect();
        let values = Values::from_bytes(dtype, &bytes, false).unwrap();
        Variable { storage, ..Variable::new("data", shape.to_vec(), values).unwrap() }
    }

    /// The npy file of an array.
    pub(crate) fn bytes_of(variable: &Variable) -> Vec<u8> {
        let dataset = Dataset {
            variables: vec![variable.clone()],
            layout: crate::Layout::Single,
            attachments: Vec::new(),
        };
        io::write(&dataset, io::Format::Npy).unwrap()
    }

    fn read(name: &str, bytes: &[u8]) -> Result<Variable> {
        let (variable, part) = open(name, &Region::of_bytes(bytes.to_vec()))?;
        let schema =
            Schema { variables: vec![variable], layout: crate::Layout::Single, attachments: Vec::new() };
        let source = Stored::new(schema, vec![part]);
        Ok(collect(&source, &Threads::new(1)?, |_| ())?.variables.remove(0))
    }

    fn read_header(bytes: &[u8]) -> Result<Header> {
        super::read_header(&Region::of_bytes(bytes.to_vec()))
    }

    fn with_header(text: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&[1, 0]);
        bytes.extend_from_slice(&(text.len() as u16).to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
        bytes.extend_from_slice(data);
        bytes
    }

    #[test]
    fn every_dtype_order_and_shape_comes_back() {
        for dtype in DType::ALL {
            for big_endian in [false, true] {
                for fortran_order in [false, true] {
                    for shape in [&[][..], &[0], &[7], &[3, 4], &[2, 0, 3], &[2, 3, 4]] {
                        // One-byte items have no byte order.
                        let big_endian = big_endian && dtype.size_bytes() > 1;
                        let variable = any_array(
                            dtype,
                            shape,
                            Storage { fortran_order, big_endian, ..Storage::default() },
                        );
                        let back = read("data", &bytes_of(&variable)).unwrap();
                        assert_eq!(bytes_of(&back), bytes_of(&variable), "{dtype:?} {shape:?}");
                        assert_eq!((back.shape, back.storage), (variable.shape, variable.storage));
                        let (mut found, mut expected) = (Vec::new(), Vec::new());
                        back.values.append_bytes(&mut found, false);
                        variable.values.append_bytes(&mut expected, false);
                        assert_eq!(found, expected);
                    }
                }
            }
        }
    }

    #[test]
    fn the_header_is_the_one_of_numpy() {
        // np.save of np.zeros((2, 3), '>i2', order='F'), NumPy 2.3
        let variable = Variable {
            storage: Storage { fortran_order: true, big_endian: true, ..Storage::default() },
            ..Variable::new("data", vec![2, 3], Values::I16(vec![0; 6])).unwrap()
        };
        let text = "{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3), }";
        let mut expected = format!("{text}{}\n", " ".repeat(117 - text.len()));
        expected.insert_str(0, "v\0");
        let bytes = bytes_of(&variable);
        assert_eq!(bytes.len(), 128 + 12);
        assert_eq!(&bytes[8..128], expected.as_bytes());
    }

    #[test]
    fn fortran_order_and_big_endian_are_undone() {
        let bytes = with_header(
            "{\"shape\": (2L, 3L), 'fortran_order':True,'descr':'>i2'}\n",
            &[0, 1, 0, 4, 0, 2, 0, 5, 0, 3, 0, 6],
        );
        let variable = read("x", &bytes).unwrap();
        assert_eq!(variable.values, Values::I16(vec![1, 2, 3, 4, 5, 6]));
        assert_eq!(variable.storage, Storage { fortran_order: true, big_endian: true, ..Storage::default() });
    }

    #[test]
    fn unreadable_dtypes_say_what_to_do() {
        let header = |descr: &str| format!("{{'descr': {descr}, 'fortran_order': False, 'shape': (1,), }}");
        for (descr, told) in [
            ("'|O'", "runs code"),
            ("[('a', '<f4'), ('b', '<f4')]", "structured"),
            ("'<c16'", "real and the imaginary"),
            ("'<f16'", "'<f16' is not supported"),
            ("'|V8'", "'|V8' is not supported"),
            ("'<U2'", "text"),
        ] {
            let error = read("x", &with_header(&header(descr), &[0; 8])).unwrap_err();
            assert!(error.to_string().contains(told), "{error}");
        }
    }

    #[test]
    fn sizes_that_the_bytes_do_not_bear_out_are_refused() {
        for shape in [
            "(3,)",
            "(18446744073709551615,)",
            "(4294967296, 4294967296)",
            "(99999999999999999999,)",
            "(1",
            "(-1,)",
        ] {
            let text = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}");
            assert!(read("x", &with_header(&text, &[0; 16])).is_err(), "{shape}");
        }
        let error =
            read("x", &with_header("{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }", &[0; 16]));
        assert_eq!(
            error.unwrap_err().to_string(),
            "shape [3] of 8-byte items needs 24 bytes, found 16; the file is cut off or damaged"
        );
        let deep = format!("{{'shape': {}", "(".repeat(60_000));
        assert!(read("x", &with_header(&deep, &[])).is_err());
    }

    #[test]
    fn hostile_bytes_never_panic() {
        let bytes = bytes_of(&any_array(DType::F32, &[2, 3], Storage::default()));
        for end in 0..bytes.len() {
            assert!(read("x", &bytes[..end]).is_err(), "cut at {end}");
        }
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                let _ = read("x", &damaged);
            }
        }
    }

    #[test]
    fn names_come_back_with_their_width() {
        let mut bytes = Vec::new();
        write_text(&["pt", "η_rest"], 9, &mut bytes);
        let header = read_header(&bytes).unwrap();
        assert_eq!(header.item, Item::Text { n_chars: 9, unicode: true, big_endian: false });
        assert_eq!(read_text(&bytes, &header).unwrap(), ["pt", "η_rest"]);
        let bytes = with_header("{'descr': '|S3', 'fortran_order': False, 'shape': (2,), }", b"pt\0eta");
        assert_eq!(read_text(&bytes, &read_header(&bytes).unwrap()).unwrap(), ["pt", "eta"]);
    }
}
