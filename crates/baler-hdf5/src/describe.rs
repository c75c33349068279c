//! What HDF5 knows of a dataset -> the words that its filter needs; or why the filter cannot serve it.

use crate::FILTER_ID;
use crate::abi::{BIG, ENUM, FILL_OF_USER, FLOAT, Hid, INTEGER, LITTLE, MANDATORY};
use crate::host::Host;
use crate::settings::{Asked, Chunk, MAX_RANK, MAX_WORDS, Settings};
use baler_codec::model::shelf;
use baler_codec::options::BoundSpec;
use baler_data::dataset::DType;
use baler_data::error::{Error, Result};
use std::ffi::c_int;
use std::ptr::null_mut;

/// Checks a dataset that is about to be made, and writes what the filter needs into its creation properties. The filter is
/// mandatory from then on.
pub fn describe(properties: Hid, datatype: Hid) -> Result<()> {
    let host = Host::find()?;
    let asked = asked(&host, properties)?;
    asked.model.map(|hash| shelf::named(None, &hash)).transpose()?;
    let (dtype, big_endian) = dtype(&host, datatype, asked.bound)?;
    let shape = chunk_shape(&host, properties)?;
    let (fill, fill_is_missing) = fill(&host, properties, datatype, big_endian)?;
    let words =
        Settings { asked, chunk: Chunk { dtype, big_endian, fill, fill_is_missing, shape } }.words()?;
    Settings::read(&words)?;
    // SAFETY: HDF5 has handed the identifier over, and copies the words.
    let status =
        unsafe { (host.H5Pmodify_filter)(properties, FILTER_ID, MANDATORY, words.len(), words.as_ptr()) };
    done(status, "H5Pmodify_filter")
}

fn done(status: c_int, function: &str) -> Result<()> {
    match status {
        0.. => Ok(()),
        _ => Err(Error::input(format!("expected HDF5's {function} to work, found the status {status}"))),
    }
}

/// What the user asks for; the filter has to be the first of the dataset.
fn asked(host: &Host, properties: Hid) -> Result<Asked> {
    let mut words = [0; MAX_WORDS];
    let (mut flags, mut n_words, mut config) = (0, words.len(), 0);
    // SAFETY: HDF5 writes at most so many words, and no name into no room.
    let first = unsafe {
        (host.H5Pget_filter2)(
            properties,
            0,
            &mut flags,
            &mut n_words,
            words.as_mut_ptr(),
            0,
            null_mut(),
            &mut config,
        )
    };
    if first != FILTER_ID {
        return Err(Error::config(format!(
            "expected baler as the first filter of the dataset, found filter {first} before it; leave that out: \
             shuffled or packed bytes have no values that a bound could be kept for"
        )));
    }
    Asked::read(&words[..n_words.min(words.len())])
}

/// Names of `H5T_class_t`.
const CLASSES: [&str; 12] = [
    "integers",
    "floats",
    "times",
    "text",
    "bit fields",
    "opaque values",
    "compounds",
    "references",
    "enumerated values",
    "lists of any length",
    "arrays",
    "complex numbers",
];

/// The dtype and the byte order of a datatype.
fn dtype(host: &Host, datatype: Hid, bound: BoundSpec) -> Result<(DType, bool)> {
    let refused = |what: String| {
        Err(Error::config(format!(
            "expected integers or floats of 8 to 64 bits, found {what}; leave the filter out for this dataset"
        )))
    };
    // SAFETY: HDF5 has handed the identifier over, here and below.
    let class = unsafe { (host.H5Tget_class)(datatype) };
    let name =
        usize::try_from(class).ok().and_then(|at| CLASSES.get(at)).unwrap_or(&"values of another class");
    if !matches!(class, INTEGER | FLOAT | ENUM) {
        return refused(name.to_string());
    }
    if class == ENUM && bound != BoundSpec::Lossless {
        return refused(format!("{name} (booleans are), which an error would make others; ask for lossless"));
    }
    let (size, precision, order) = unsafe {
        ((host.H5Tget_size)(datatype), (host.H5Tget_precision)(datatype), (host.H5Tget_order)(datatype))
    };
    let is_signed = class != FLOAT && unsafe { (host.H5Tget_sign)(datatype) } != 0;
    let dtype = match (class, size, is_signed) {
        (FLOAT, 2, _) => DType::F16,
        (FLOAT, 4, _) => DType::F32,
        (FLOAT, 8, _) => DType::F64,
        (INTEGER | ENUM, 1, false) => DType::U8,
        (INTEGER | ENUM, 2, false) => DType::U16,
        (INTEGER | ENUM, 4, false) => DType::U32,
        (INTEGER | ENUM, 8, false) => DType::U64,
        (INTEGER | ENUM, 1, true) => DType::I8,
        (INTEGER | ENUM, 2, true) => DType::I16,
        (INTEGER | ENUM, 4, true) => DType::I32,
        (INTEGER | ENUM, 8, true) => DType::I64,
        _ => return refused(format!("{name} of {size} bytes")),
    };
    if precision != 8 * size || dtype.is_float() && !is_ieee(host, datatype, dtype)? {
        return refused(format!("{name} that use their {} bits in a way of their own", 8 * size));
    }
    match order {
        LITTLE => Ok((dtype, false)),
        BIG => Ok((dtype, true)),
        _ if size == 1 => Ok((dtype, false)),
        _ => refused(format!("{name} in the byte order {order} of HDF5")),
    }
}

/// True for sign, exponent and mantissa as IEEE 754 has them.
fn is_ieee(host: &Host, datatype: Hid, dtype: DType) -> Result<bool> {
    let [mut sign, mut exponent, mut n_exponent, mut mantissa, mut n_mantissa] = [0; 5];
    // SAFETY: HDF5 writes the five numbers.
    let status = unsafe {
        (host.H5Tget_fields)(
            datatype,
            &mut sign,
            &mut exponent,
            &mut n_exponent,
            &mut mantissa,
            &mut n_mantissa,
        )
    };
    done(status, "H5Tget_fields")?;
    let found = [sign, exponent, n_exponent, mantissa, n_mantissa];
    Ok(found
        == match dtype {
            DType::F16 => [15, 10, 5, 0, 10],
            DType::F32 => [31, 23, 8, 0, 23],
            _ => [63, 52, 11, 0, 52],
        })
}

fn chunk_shape(host: &Host, properties: Hid) -> Result<Vec<usize>> {
    let mut extents = [0u64; MAX_RANK];
    // SAFETY: HDF5 writes at most so many extents.
    let rank = unsafe { (host.H5Pget_chunk)(properties, MAX_RANK as c_int, extents.as_mut_ptr()) };
    let rank = usize::try_from(rank).ok().filter(|&rank| rank <= MAX_RANK);
    let rank = rank.ok_or_else(|| Error::config("expected a dataset in chunks, found another"))?;
    Ok(extents[..rank].iter().map(|&extent| extent as usize).collect())
}

/// Bits of the fill value in the file, and whether the user has chosen it.
fn fill(host: &Host, properties: Hid, datatype: Hid, big_endian: bool) -> Result<(u64, bool)> {
    let mut status = 0;
    // SAFETY: HDF5 writes the status.
    done(unsafe { (host.H5Pfill_value_defined)(properties, &mut status) }, "H5Pfill_value_defined")?;
    if status != FILL_OF_USER {
        return Ok((0, false));
    }
    // SAFETY: a value of the datatype, which `dtype` has found to have at most 8 bytes.
    let (size, mut bytes) = (unsafe { (host.H5Tget_size)(datatype) }.min(8), [0u8; 8]);
    let got = unsafe { (host.H5Pget_fill_value)(properties, datatype, bytes.as_mut_ptr().cast()) };
    done(got, "H5Pget_fill_value")?;
    if big_endian {
        bytes[..size].reverse();
    }
    Ok((u64::from_le_bytes(bytes), true))
}
