//! HDF5's datatype messages: which of them are numbers of ours, and where in others lie values of variable length and
//! references, which are addresses and must be made anew when they are written again. Refuses types inside types
//! without end.

use super::fields::{Fields, Sizes, damaged, unsupported};
use baler_data::dataset::DType;
use baler_data::error::Result;

/// Types inside each other.
const MAX_DEPTH: usize = 16;

/// A parsed datatype.
#[derive(Debug, Clone, PartialEq)]
pub enum Type {
    /// A number of ours.
    Number { dtype: DType, big_endian: bool },
    /// Characters, filled up to a width.
    Text { n_bytes: usize },
    /// Bytes that mean the same anywhere.
    Plain { n_bytes: usize },
    /// Two numbers, the real and the imaginary part.
    Complex { dtype: DType, big_endian: bool },
    /// Fields at their offsets; those that are [`Type::Plain`] or numbers need no care.
    Compound { n_bytes: usize, fields: Vec<(String, usize, Type)> },
    /// A fixed number of elements with extents of their own.
    Array { extents: Vec<usize>, element: Box<Type> },
    /// An address of an object.
    Reference { n_bytes: usize },
    /// Any number of elements, in a heap.
    Variable { element: Box<Type>, n_bytes: usize },
}

impl Type {
    /// Bytes of an element in a dataset.
    pub fn n_bytes(&self) -> usize {
        match self {
            Type::Number { dtype, .. } => dtype.size_bytes(),
            Type::Complex { dtype, .. } => 2 * dtype.size_bytes(),
            Type::Array { extents, element } => {
                extents.iter().fold(element.n_bytes(), |n, &extent| n.saturating_mul(extent))
            }
            Type::Plain { n_bytes }
            | Type::Text { n_bytes }
            | Type::Compound { n_bytes, .. }
            | Type::Reference { n_bytes }
            | Type::Variable { n_bytes, .. } => *n_bytes,
        }
    }

    /// The dtype, byte order and further axes of datasets that are arrays of numbers, or of texts of one width.
    pub fn numbers(&self) -> Option<(DType, bool, Vec<usize>)> {
        match self {
            Type::Number { dtype, big_endian } => Some((*dtype, *big_endian, Vec::new())),
            Type::Complex { dtype, big_endian } => Some((*dtype, *big_endian, vec![2])),
            // Of single characters the last axis of the dataset is the text, as NetCDF has it.
            Type::Text { n_bytes: 1 } => Some((DType::U8, false, Vec::new())),
            Type::Text { n_bytes } => Some((DType::U8, false, vec![*n_bytes])),
            Type::Array { extents, element } => {
                let (dtype, big_endian, inner) = element.numbers()?;
                Some((dtype, big_endian, extents.iter().copied().chain(inner).collect()))
            }
            _ => None,
        }
    }

    /// True if elements hold addresses.
    pub fn has_addresses(&self) -> bool {
        match self {
            Type::Reference { .. } | Type::Variable { .. } => true,
            Type::Array { element, .. } => element.has_addresses(),
            Type::Compound { fields, .. } => fields.iter().any(|(_, _, t)| t.has_addresses()),
            _ => false,
        }
    }
}

/// Parses a datatype; gives also how many of the bytes it takes.
pub fn parse(bytes: &[u8], sizes: Sizes) -> Result<(Type, usize)> {
    let mut f = Fields::new(bytes, sizes);
    let parsed = one(&mut f, sizes, 0)?;
    Ok((parsed, bytes.len() - f.remaining()))
}

fn one(f: &mut Fields, sizes: Sizes, depth: usize) -> Result<Type> {
    if depth > MAX_DEPTH {
        return Err(damaged("a datatype has types inside types without end"));
    }
    let class_and_version = f.u8()?;
    let (class, version) = (class_and_version & 15, class_and_version >> 4);
    let bits = f.uint(3)? as u32;
    let n_bytes = f.u32()? as usize;
    if n_bytes == 0 && class != 5 && class != 3 {
        return Err(damaged("a datatype takes no bytes"));
    }
    match class {
        0 => integer(f, bits, n_bytes),
        1 => float(f, bits, n_bytes),
        2 => f.skip(2).map(|()| Type::Plain { n_bytes }),
        3 if n_bytes == 0 => Ok(Type::Plain { n_bytes }),
        3 => Ok(Type::Text { n_bytes }),
        4 => f.skip(4).map(|()| Type::Plain { n_bytes }),
        5 => f.skip((bits & 255).next_multiple_of(8) as usize).map(|()| Type::Plain { n_bytes }),
        6 => compound(f, sizes, version, (bits & 0xffff) as usize, n_bytes, depth),
        7 if bits & 15 == 0 && version < 4 => Ok(Type::Reference { n_bytes }),
        7 => Err(unsupported("references to regions are not read")),
        8 => enumeration(f, sizes, version, (bits & 0xffff) as usize, depth),
        9 => {
            let element = Box::new(one(f, sizes, depth + 1)?);
            Ok(Type::Variable { element, n_bytes: n_bytes.max(8 + sizes.offset) })
        }
        10 => array(f, sizes, version, depth),
        class => Err(unsupported(format!("an HDF5 datatype of class {class} is not known"))),
    }
}

fn integer(f: &mut Fields, bits: u32, n_bytes: usize) -> Result<Type> {
    let (offset, precision) = (f.u16()?, usize::from(f.u16()?));
    let dtype = match (n_bytes, bits & 8 != 0) {
        (1, true) => DType::I8,
        (2, true) => DType::I16,
        (4, true) => DType::I32,
        (8, true) => DType::I64,
        (1, false) => DType::U8,
        (2, false) => DType::U16,
        (4, false) => DType::U32,
        (8, false) => DType::U64,
        _ => return Ok(Type::Plain { n_bytes }),
    };
    // Numbers that use only some of their bits come back as they are, but are not what they seem.
    match offset == 0 && precision == 8 * n_bytes {
        true => Ok(Type::Number { dtype, big_endian: bits & 1 != 0 }),
        false => Ok(Type::Plain { n_bytes }),
    }
}

fn float(f: &mut Fields, bits: u32, n_bytes: usize) -> Result<Type> {
    let (offset, precision) = (f.u16()?, f.u16()?);
    let layout = (f.u8()?, f.u8()?, f.u8()?, f.u8()?, f.u32()?);
    let dtype = match (n_bytes, precision, layout) {
        (2, 16, (10, 5, 0, 10, 15)) => DType::F16,
        (4, 32, (23, 8, 0, 23, 127)) => DType::F32,
        (8, 64, (52, 11, 0, 52, 1023)) => DType::F64,
        _ => return Ok(Type::Plain { n_bytes }),
    };
    match offset == 0 && bits & 0x40 == 0 {
        true => Ok(Type::Number { dtype, big_endian: bits & 1 != 0 }),
        false => Ok(Type::Plain { n_bytes }),
    }
}

fn compound(
    f: &mut Fields,
    sizes: Sizes,
    version: u8,
    n_fields: usize,
    n_bytes: usize,
    depth: usize,
) -> Result<Type> {
    let mut fields = Vec::new();
    for _ in 0..n_fields {
        let name = name(f, version)?;
        let at = f.uint(if version >= 3 { super::fields::bytes_for(n_bytes as u64) } else { 4 })? as usize;
        let mut extents = Vec::new();
        if version == 1 {
            let rank = usize::from(f.u8()?);
            f.skip(11)?;
            for axis in 0..4 {
                let extent = f.u32()? as usize;
                extents.extend((axis < rank).then_some(extent));
            }
        }
        let mut field = one(f, sizes, depth + 1)?;
        if !extents.is_empty() {
            field = Type::Array { extents, element: Box::new(field) };
        }
        if at.checked_add(field.n_bytes()).is_none_or(|end| end > n_bytes) {
            return Err(damaged("a field lies outside its compound"));
        }
        fields.push((name, at, field));
    }
    if let [(re, 0, Type::Number { dtype, big_endian }), (im, at, second)] = &fields[..]
        && (matches!((re.as_str(), im.as_str()), ("r", "i") | ("re", "im") | ("real", "imag")))
        && *second == (Type::Number { dtype: *dtype, big_endian: *big_endian })
        && *at == dtype.size_bytes()
        && n_bytes == 2 * at
        && dtype.is_float()
    {
        return Ok(Type::Complex { dtype: *dtype, big_endian: *big_endian });
    }
    Ok(Type::Compound { n_bytes, fields })
}

/// A name, padded to a multiple of eight bytes in old versions.
fn name(f: &mut Fields, version: u8) -> Result<String> {
    let name = f.until_zero()?;
    if version < 3 {
        f.skip((name.len() + 1).wrapping_neg() % 8)?;
    }
    Ok(String::from_utf8_lossy(name).into_owned())
}

/// An enumeration is its numbers; FALSE and TRUE in a byte are truth values.
fn enumeration(f: &mut Fields, sizes: Sizes, version: u8, n_members: usize, depth: usize) -> Result<Type> {
    let base = one(f, sizes, depth + 1)?;
    let mut names = Vec::new();
    for _ in 0..n_members {
        names.push(name(f, version)?);
    }
    let values = f.raw(n_members.saturating_mul(base.n_bytes()))?;
    let truth = base.n_bytes() == 1 && values == [0, 1] && names == ["FALSE", "TRUE"];
    Ok(if truth { Type::Number { dtype: DType::Bool, big_endian: false } } else { base })
}

fn array(f: &mut Fields, sizes: Sizes, version: u8, depth: usize) -> Result<Type> {
    let rank = usize::from(f.u8()?);
    if version < 3 {
        f.skip(3)?;
    }
    let extents = (0..rank).map(|_| Ok(f.u32()? as usize)).collect::<Result<Vec<usize>>>()?;
    if version < 3 {
        f.skip(4 * rank)?;
    }
    let element = Box::new(one(f, sizes, depth + 1)?);
    baler_data::dataset::n_elements(&extents)?;
    Ok(Type::Array { extents, element })
}

/// The datatype message of a dtype.
pub fn write(dtype: DType, big_endian: bool) -> Vec<u8> {
    let order = u8::from(big_endian);
    let size = dtype.size_bytes() as u8;
    let bits = 8 * size;
    let number = |class: u8, flags: [u8; 3], more: &[u8]| {
        [&[class, flags[0], flags[1], flags[2], size, 0, 0, 0, 0, 0, bits, 0], more].concat()
    };
    let float = |sign: u8, layout: [u8; 4], bias: u32| {
        number(0x11, [0x20 | order, sign, 0], &[layout.as_slice(), &bias.to_le_bytes()].concat())
    };
    match dtype {
        DType::F16 => float(15, [10, 5, 0, 10], 15),
        DType::F32 => float(31, [23, 8, 0, 23], 127),
        DType::F64 => float(63, [52, 11, 0, 52], 1023),
        DType::I8 | DType::I16 | DType::I32 | DType::I64 => number(0x10, [8 | order, 0, 0], &[]),
        DType::U8 | DType::U16 | DType::U32 | DType::U64 => number(0x10, [order, 0, 0], &[]),
        // As h5py: an enumeration of a signed byte.
        DType::Bool => {
            let base = write(DType::I8, false);
            let names = b"FALSE\0\0\0TRUE\0\0\0\0".as_slice();
            [&[0x18, 2, 0, 0, 1, 0, 0, 0], base.as_slice(), names, &[0, 1]].concat()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: Sizes = Sizes { offset: 8, length: 8 };

    #[test]
    fn every_dtype_is_read_as_written() {
        for dtype in DType::ALL {
            for big_endian in [false, true] {
                let big_endian = big_endian && dtype != DType::Bool;
                let bytes = write(dtype, big_endian);
                let (read, n_bytes) = parse(&bytes, SIZES).unwrap();
                assert_eq!((read, n_bytes), (Type::Number { dtype, big_endian }, bytes.len()));
            }
        }
    }

    #[test]
    fn every_cut_and_every_byte_is_an_error_or_a_type() {
        let bytes = write(DType::Bool, false);
        for cut in 0..bytes.len() {
            assert!(parse(&bytes[..cut], SIZES).is_err());
        }
        for at in 0..bytes.len() {
            for value in 0..=255 {
                let mut bytes = bytes.clone();
                bytes[at] = value;
                let _ = parse(&bytes, SIZES);
            }
        }
    }
}
