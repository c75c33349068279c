//! NumPy's npy: bytes in, arrays out (one, or one for each field of a record), and back with the header bytes that NumPy
//! writes. Refuses object arrays (they would have to be unpickled, which runs code), and bytes that do not fill the
//! shape exactly. `descr` reads and makes the dtypes of headers, `record` puts the fields of records together again.

mod descr;
mod record;

pub use descr::{Item, told};
pub use record::{Member, Recipe, members};

use crate::store::Region;
use crate::stored::{Part, Place};
use baler_data::dataset::kind::Kind;
use baler_data::dataset::{DType, Storage, n_elements};
use baler_data::error::{Error, Result};
use baler_data::source::VariableSchema;

const MAGIC: &[u8] = b"\x93NUMPY";

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
            baler_data::error::ErrorKind::Unsupported,
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
    // Latin-1 up to version 2.
    let text = match file.read_at(6, 1)?.first() {
        Some(3) => String::from_utf8(text).map_err(|_| Error::input("the npy header is not text"))?,
        _ => text.iter().map(|&byte| char::from(byte)).collect(),
    };
    let descr::Parsed { item, fortran_order, shape } = descr::parse(&text)?;
    let header = Header { item, fortran_order, shape, data_start: text_start + text_len };
    header.check_size(file.len() - header.data_start as u64)?;
    Ok(header)
}

impl Header {
    fn check_size(&self, found: u64) -> Result<()> {
        let item_bytes = self.item.n_bytes;
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

/// The arrays of an npy file, where their values are, and how they are put together again if their dtypes do not say it.
pub struct Opened {
    /// A variable for each field.
    pub variables: Vec<(VariableSchema, Part)>,
    /// How the fields make an item.
    pub recipe: Option<Recipe>,
}

/// The arrays of an npy file: one called `name`, or one a field, `name.field`, or `field` where the file has no name.
pub fn open(name: Option<&str>, file: &Region) -> Result<Opened> {
    let header = read_header(file)?;
    let start = header.data_start as u64;
    let region = file.part(start, file.len() - start)?;
    let mut recipe = Recipe {
        member: name.unwrap_or("data").to_string(),
        descr: header.item.descr.clone(),
        fortran_order: header.fortran_order,
        n_axes: header.shape.len(),
        n_bytes: header.item.n_bytes,
        fields: Vec::new(),
    };
    let mut taken = std::collections::HashSet::new();
    let mut variables = Vec::with_capacity(header.item.fields.len());
    for field in &header.item.fields {
        let base = match (name, field.path.as_str()) {
            (_, "") => recipe.member.clone(),
            (Some(name), path) => format!("{name}.{path}"),
            (None, path) => path.to_string(),
        };
        let unique = (1..).map(|n| format!("{base}.{n}"));
        let unique = std::iter::once(base.clone()).chain(unique).find(|name| !taken.contains(name));
        let name = unique.unwrap_or(base);
        taken.insert(name.clone());
        recipe.fields.push((name.clone(), field.offset, field.n_bytes));
        let reordered = header.fortran_order && header.shape.len() > 1;
        let place = match (reordered, field.n_bytes == header.item.n_bytes) {
            (false, true) => Place::Whole,
            (true, true) if field.inner.is_empty() => Place::Fortran(Default::default()),
            _ => Place::Field {
                offset: field.offset,
                n_bytes: field.n_bytes,
                item_bytes: header.item.n_bytes,
                fortran: reordered.then(|| (header.shape.len(), Default::default())),
            },
        };
        let storage = Storage {
            fortran_order: header.fortran_order,
            big_endian: field.big_endian,
            kind: field.kind,
            lists: None,
        };
        let shape = [&header.shape[..], &field.inner].concat();
        // A kind that the extents do not bear out (no characters, a scalar) is no matter of the values.
        let kind = if field.kind.fits(field.dtype, &shape, false) { field.kind } else { Kind::Number };
        let schema = VariableSchema { name, dtype: field.dtype, shape, storage: Storage { kind, ..storage } };
        variables.push((schema, Part { region: region.clone(), big_endian: field.big_endian, place }));
    }
    let recipe = (!header.item.is_told()).then_some(recipe);
    Ok(Opened { variables, recipe })
}

/// The bytes of the header of an array that is stored in the order of axes and bytes of its source.
pub fn header(dtype: DType, shape: &[usize], storage: Storage) -> Vec<u8> {
    let (descr, n_inner) = told(dtype, shape, storage);
    let mut bytes = Vec::new();
    let outer = &shape[..shape.len() - n_inner];
    append_header(&format!("'{descr}'"), storage.fortran_order, outer, &mut bytes);
    bytes
}

/// How many of the last axes of an array belong to its items.
pub fn n_inner_axes(dtype: DType, shape: &[usize], storage: Storage) -> usize {
    told(dtype, shape, storage).1
}

/// The strings of a 1-D string array; trailing NULs are padding. `bytes` are those of the whole file.
pub fn read_text(bytes: &[u8], header: &Header) -> Result<Vec<String>> {
    let Some((n_chars, unicode)) = header.item.text() else {
        return Err(Error::input("expected an array of strings, found numbers"));
    };
    let big_endian = header.item.fields[0].big_endian;
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
    append_header(&format!("'<U{width}'"), false, &[texts.len()], out);
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
    let mut text = format!("{{'descr': {descr}, 'fortran_order': {truth_value}, 'shape': ({extents}), }}");
    let growing = if fortran_order { shape.last() } else { shape.first() };
    let n_digits = growing.map_or(21, |n| n.to_string().len());
    text.extend(std::iter::repeat_n(' ', 21 - n_digits));
    // As NumPy: version 1 has room for 65535 bytes of Latin-1, version 2 for more, version 3 for other characters.
    let latin = text.chars().all(|c| u32::from(c) < 256);
    let mut encoded: Vec<u8> = match latin {
        true => text.chars().map(|c| c as u8).collect(),
        false => text.into_bytes(),
    };
    let fits = latin && encoded.len() + 1 + 64 < 65_536;
    let start = if fits { 10 } else { 12 };
    // A newline after the text; NumPy adds 64 spaces where none are needed.
    encoded.resize(encoded.len() + 64 - (encoded.len() + start + 1) % 64, b' ');
    encoded.push(b'\n');
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&[
        if !latin {
            3
        } else if fits {
            1
        } else {
            2
        },
        0,
    ]);
    match fits {
        true => out.extend_from_slice(&(encoded.len() as u16).to_le_bytes()),
        false => out.extend_from_slice(&(encoded.len() as u32).to_le_bytes()),
    }
    out.extend_from_slice(&encoded);
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate as io;
    use crate::stored::Stored;
    use baler_data::dataset::{Dataset, Values, Variable};
    use baler_data::source::{Schema, collect};
    use baler_data::threads::Threads;

    /// An array with every byte value, of any dtype.
    pub(crate) fn any_array(dtype: DType, shape: &[usize], storage: Storage) -> Variable {
        let n_bytes = shape.iter().product::<usize>() * dtype.size_bytes();
        let bytes: Vec<u8> = (0..n_bytes).map(|i| (i * 37 % 256) as u8).collect();
        let values = Values::from_bytes(dtype, &bytes, false).unwrap();
        Variable { storage, ..Variable::new("data", shape.to_vec(), values).unwrap() }
    }

    /// Appends a header.
    pub(crate) fn header_of(descr: &str, shape: &[usize], out: &mut Vec<u8>) {
        append_header(descr, false, shape, out);
    }

    /// The npy file of an array.
    pub(crate) fn bytes_of(variable: &Variable) -> Vec<u8> {
        let dataset = Dataset {
            variables: vec![variable.clone()],
            layout: baler_data::dataset::Layout::Single,
            attachments: Vec::new(),
        };
        io::write(&dataset, io::Format::Npy).unwrap()
    }

    fn read(name: &str, bytes: &[u8]) -> Result<Variable> {
        let (variable, part) = open(Some(name), &Region::of_bytes(bytes.to_vec()))?.variables.remove(0);
        let schema = Schema {
            variables: vec![variable],
            layout: baler_data::dataset::Layout::Single,
            attachments: Vec::new(),
        };
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
            ("[('a', '<f4'), ('b', '|O')]", "runs code"),
            ("'<f3'", "'<f3' is not supported"),
            ("'<M4[s]'", "'<M4[s]' is not supported"),
            ("[('a', '<f4'", "expected an extent"),
        ] {
            let error = read("x", &with_header(&header(descr), &[0; 8])).unwrap_err();
            assert!(error.to_string().contains(told), "{error}");
        }
        let deep = format!("{}'<f4'{}", "[('a', ".repeat(40), ")]".repeat(40));
        assert!(
            read("x", &with_header(&header(&deep), &[0; 4])).unwrap_err().to_string().contains("too large")
        );
    }

    /// Names, dtypes and shapes of the variables of an npy, which must come back as it was, also in an npz.
    fn variables_of(descr: &str, fortran_order: bool, shape: &[usize], item_bytes: usize) -> Vec<String> {
        let mut bytes = Vec::new();
        append_header(descr, fortran_order, shape, &mut bytes);
        bytes.extend((0..shape.iter().product::<usize>() * item_bytes).map(|i| (i * 37 % 251) as u8));
        let dataset = io::read_bytes(&bytes, io::Format::Npy, &io::ReadOptions::default()).unwrap();
        assert!(io::write(&dataset, io::Format::Npy).unwrap() == bytes, "{descr} {shape:?}");
        let npz = io::write(&dataset, io::Format::Npz).unwrap();
        let again = io::read_bytes(&npz, io::Format::Npz, &io::ReadOptions::default()).unwrap();
        assert!(io::write(&again, io::Format::Npz).unwrap() == npz, "{descr} {shape:?}");
        let bits = |dataset: &Dataset| -> Vec<Vec<u8>> {
            let of = |v: &Variable| {
                let mut bytes = Vec::new();
                v.values.append_bytes(&mut bytes, false);
                bytes
            };
            dataset.variables.iter().map(of).collect()
        };
        assert_eq!(bits(&again), bits(&dataset));
        let show =
            |v: &Variable| format!("{} {} {:?}", v.name, v.storage.kind.shown(v.values.dtype()), v.shape);
        dataset.variables.iter().map(show).collect()
    }

    #[test]
    fn every_other_dtype_of_numpy_comes_back() {
        for (descr, item_bytes, shown) in [
            ("'<c8'", 8, "complex64"),
            ("'>c16'", 16, "complex128"),
            ("'<f16'", 16, "bytes"),
            ("'<c32'", 32, "bytes"),
            ("'<U3'", 12, "text"),
            ("'>U3'", 12, "text"),
            ("'|S5'", 5, "text"),
            ("'|V3'", 3, "bytes"),
            ("'<M8[ns]'", 8, "time[ns]"),
            ("'>M8[D]'", 8, "time[D]"),
            ("'<m8[s]'", 8, "duration[s]"),
            ("'<M8[25s]'", 8, "int64"),
            ("'<M8'", 8, "int64"),
        ] {
            for shape in [&[][..], &[0], &[4], &[3, 2], &[5, 0], &[0, 5], &[2, 3, 2]] {
                for fortran_order in [false, true] {
                    let found = variables_of(descr, fortran_order, shape, item_bytes);
                    assert_eq!(found.len(), 1);
                    assert!(found[0].starts_with(&format!("data {shown} ")), "{descr}: {found:?}");
                }
            }
        }
        assert_eq!(variables_of("'<c8'", true, &[3, 2], 8), ["data complex64 [3, 2, 2]"]);
        for descr in ["'<U0'", "'|S0'", "'|V0'"] {
            variables_of(descr, false, &[3], 0);
        }
    }

    #[test]
    fn fields_of_records_are_variables_and_come_back_as_records() {
        let plain = "[('t', '<i8'), ('e', '>f4'), ('name', '|S3'), ('z', '<c8')]";
        let nested = "[('p', [('x', '<f8'), ('y', '<f8', (2, 2))]), ('', '|V3'), ('ok', '|b1'), ('hits', [('c', '<u2')], (3,))]";
        for shape in [&[][..], &[0], &[4], &[3, 2], &[5, 0]] {
            for fortran_order in [false, true] {
                assert_eq!(variables_of(plain, fortran_order, shape, 23).len(), 4);
                assert_eq!(variables_of(nested, fortran_order, shape, 50).len(), 5);
            }
        }
        assert_eq!(
            variables_of(plain, false, &[2], 23),
            ["t int64 [2]", "e float32 [2]", "name text [2, 3]", "z complex64 [2, 2]"]
        );
        assert_eq!(
            variables_of(nested, true, &[2, 3], 50),
            [
                "p.x float64 [2, 3]",
                "p.y float64 [2, 3, 2, 2]",
                "#40 bytes [2, 3, 3]",
                "ok bool [2, 3]",
                "hits bytes [2, 3, 6]"
            ]
        );
        variables_of("[('it\\'s', '<f4'), (\"a'b\", '<f4'), ('\\\\', '<f4')]", false, &[2], 12);
        variables_of("[('\u{b5}', '<f4'), ('\u{3b7}', '<f4')]", false, &[2], 8);
        variables_of("[('\u{b5}', '<f4')]", false, &[2], 4);
        variables_of("[(('a title', 'a'), '<f4')]", false, &[2], 4);
        let many: Vec<String> = (0..4000).map(|i| format!("('field_{i:05}', '<f4')")).collect();
        variables_of(&format!("[{}]", many.join(", ")), false, &[2], 16_000);
    }

    #[test]
    fn a_field_without_the_others_is_an_array() {
        let mut bytes = Vec::new();
        append_header("[('a', '<f4'), ('b', '<i2')]", false, &[2], &mut bytes);
        bytes.extend_from_slice(&[0; 12]);
        let options = io::ReadOptions { drop: vec!["a".into()], ..io::ReadOptions::default() };
        let dataset = io::read_bytes(&bytes, io::Format::Npy, &options).unwrap();
        let npy = io::write(&dataset, io::Format::Npy).unwrap();
        assert_eq!(read("b", &npy).unwrap().values, Values::I16(vec![0, 0]));
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
        assert_eq!(header.item.text(), Some((9, true)));
        assert_eq!(read_text(&bytes, &header).unwrap(), ["pt", "η_rest"]);
        let bytes = with_header("{'descr': '|S3', 'fortran_order': False, 'shape': (2,), }", b"pt\0eta");
        assert_eq!(read_text(&bytes, &read_header(&bytes).unwrap()).unwrap(), ["pt", "eta"]);
    }
}
