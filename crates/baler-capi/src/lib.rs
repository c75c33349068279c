//! The C interface, as `include/baler.h` describes it: what C hands over is checked and copied here, and everything else is
//! [`baler_codec::array`]'s. No panic leaves a function, and no function keeps a pointer.

mod status;
mod told;

use baler_codec::array::{ArrayInfo, ArrayOptions, array_info, decode_values, encode_values};
use baler_codec::options::{BoundSpec, Level, Missing};
use baler_data::bytes::with_room;
use baler_data::dataset::{DType, MAX_AXES, Values, n_elements};
use baler_data::error::{Error, Result};
use baler_data::threads::run_on;
use status::guarded;
use std::ffi::{c_char, c_void};
use told::{given, given_slice, given_slice_mut};

const BIG_ENDIAN: bool = cfg!(target_endian = "big");

/// `baler_options`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    bound: f64,
    range: f64,
    missing: f64,
    kind: i32,
    has_missing: i32,
    level: i32,
    n_threads: i32,
}

impl Options {
    fn for_array(&self) -> Result<ArrayOptions<'static>> {
        let bound = match self.kind {
            0 => BoundSpec::Lossless,
            1 => BoundSpec::Abs(self.bound),
            2 => BoundSpec::Rel(self.bound),
            3 => BoundSpec::PwRel(self.bound),
            kind => {
                return Err(Error::config(format!("expected a kind of bound from 0 to 3, found {kind}")));
            }
        };
        if !self.range.is_finite() || self.range < 0.0 {
            return Err(Error::config(format!("expected a finite range >= 0, found {}", self.range)));
        }
        let missing = match self.has_missing {
            0 => Missing::Auto,
            1 => Missing::Value(self.missing),
            other => return Err(Error::config(format!("expected has_missing to be 0 or 1, found {other}"))),
        };
        let level = match self.level {
            0 => Level::default(),
            number => Level::new(u8::try_from(number).unwrap_or(u8::MAX))?,
        };
        let range = (self.range > 0.0).then_some(self.range);
        Ok(ArrayOptions { range, missing, level, ..ArrayOptions::new(bound.check()?) })
    }
}

/// `baler_info`.
#[repr(C)]
#[derive(Debug)]
pub struct Info {
    shape: [u64; MAX_AXES],
    size_bytes: u64,
    bound: f64,
    kind: i32,
    dtype: i32,
    n_axes: i32,
}

impl Info {
    fn of(info: &ArrayInfo) -> Result<Info> {
        let mut shape = [0; MAX_AXES];
        shape.iter_mut().zip(&info.shape).for_each(|(place, &extent)| *place = extent as u64);
        let kind = match info.bound {
            BoundSpec::Abs(_) => 1,
            BoundSpec::Rel(_) => 2,
            BoundSpec::PwRel(_) => 3,
            BoundSpec::Lossless => 0,
            BoundSpec::Noise(_) | BoundSpec::Unbounded => {
                return Err(Error::unsupported("expected a bound, found an array without"));
            }
        };
        // Booleans are bytes for C.
        let dtype = if info.dtype == DType::Bool { DType::U8 } else { info.dtype };
        Ok(Info {
            shape,
            size_bytes: (n_elements(&info.shape)? * info.dtype.size_bytes()) as u64,
            bound: info.bound.value(),
            kind,
            dtype: dtype as i32,
            n_axes: info.shape.len() as i32,
        })
    }
}

fn dtype_of(code: i32) -> Result<DType> {
    let found = usize::try_from(code).ok().filter(|&code| code > 0).and_then(|code| DType::ALL.get(code));
    found
        .copied()
        .ok_or_else(|| Error::config(format!("expected an element type from 1 to 11, found {code}")))
}

/// How many threads work: one where 0 is told.
fn threads_of(n_threads: i32) -> Result<usize> {
    let wrong = |_| Error::config(format!("expected a number of threads >= 0, found {n_threads}"));
    Ok(usize::try_from(n_threads).map_err(wrong)?.max(1))
}

/// An array of C's: its type and its extents.
///
/// # Safety
/// `shape` is NULL or points to `n_axes` extents.
unsafe fn array_of<'a>(dtype: i32, n_axes: i32, shape: *const usize) -> Result<(DType, &'a [usize], usize)> {
    let n_axes = usize::try_from(n_axes)
        .ok()
        .filter(|&n_axes| n_axes <= MAX_AXES)
        .ok_or_else(|| Error::limit(format!("expected from 0 to {MAX_AXES} axes, found {n_axes}")))?;
    let dtype = dtype_of(dtype)?;
    // SAFETY: as the caller promises.
    let shape = unsafe { given_slice(shape, n_axes, "the shape") }?;
    Ok((dtype, shape, n_elements(shape)? * dtype.size_bytes()))
}

/// More than an array of so many bytes takes: its numbers as they are, and every other value kept beside them with a word
/// that says so (docs/format.md, section 6).
fn max_bytes(dtype: DType, size_bytes: usize) -> usize {
    let n_values = size_bytes / dtype.size_bytes();
    size_bytes.saturating_mul(2).saturating_add(n_values.saturating_mul(4)).saturating_add(2048)
}

/// See `include/baler.h`.
///
/// # Safety
/// `shape` is NULL or points to `n_axes` extents.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn baler_max_bytes(dtype: i32, n_axes: i32, shape: *const usize) -> usize {
    let mut found = 0;
    guarded(|| {
        // SAFETY: as the caller promises.
        let (dtype, _, size_bytes) = unsafe { array_of(dtype, n_axes, shape) }?;
        found = max_bytes(dtype, size_bytes);
        Ok(())
    });
    found
}

/// See `include/baler.h`.
///
/// # Safety
/// Pointers are NULL or point to as much as the header says, which nobody else writes meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn baler_compress(
    values: *const c_void,
    dtype: i32,
    n_axes: i32,
    shape: *const usize,
    options: *const Options,
    out: *mut c_void,
    room: usize,
    n_bytes: *mut usize,
) -> i32 {
    guarded(|| {
        // SAFETY: as the caller promises, for all four.
        let (dtype, shape, size_bytes) = unsafe { array_of(dtype, n_axes, shape) }?;
        let values = unsafe { given_slice(values.cast::<u8>(), size_bytes, "the values") }?;
        let options = unsafe { given(options, "the options") }?;
        let n_bytes = unsafe { n_bytes.as_mut() }.ok_or_else(|| told::null("the number of bytes"))?;
        let values = Values::from_bytes(dtype, values, BIG_ENDIAN)?;
        let asked = options.for_array()?;
        let bytes = run_on(threads_of(options.n_threads)?, || encode_values(&values, shape, &asked))??;
        *n_bytes = bytes.len();
        if bytes.len() > room {
            return Err(Error::limit(format!(
                "expected room for {} bytes, found {room}; baler_max_bytes tells what is always enough",
                bytes.len()
            )));
        }
        // SAFETY: as the caller promises.
        unsafe { given_slice_mut(out.cast::<u8>(), bytes.len(), "the output") }?.copy_from_slice(&bytes);
        Ok(())
    })
}

/// See `include/baler.h`.
///
/// # Safety
/// As [`baler_compress`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn baler_read_info(bytes: *const c_void, n_bytes: usize, info: *mut Info) -> i32 {
    guarded(|| {
        // SAFETY: as the caller promises.
        let bytes = unsafe { given_slice(bytes.cast::<u8>(), n_bytes, "the bytes") }?;
        let found = Info::of(&array_info(bytes)?)?;
        if info.is_null() {
            return Err(told::null("the place of what is told"));
        }
        // SAFETY: as the caller promises; it may be uninitialized, so it is written without a look.
        unsafe { info.write(found) };
        Ok(())
    })
}

/// See `include/baler.h`.
///
/// # Safety
/// As [`baler_compress`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn baler_decompress(
    bytes: *const c_void,
    n_bytes: usize,
    out: *mut c_void,
    out_bytes: usize,
    n_threads: i32,
) -> i32 {
    guarded(|| {
        // SAFETY: as the caller promises.
        let bytes = unsafe { given_slice(bytes.cast::<u8>(), n_bytes, "the bytes") }?;
        let size_bytes = Info::of(&array_info(bytes)?)?.size_bytes;
        if size_bytes != out_bytes as u64 {
            return Err(Error::input(format!("expected room for {size_bytes} bytes, found {out_bytes}")));
        }
        let values = run_on(threads_of(n_threads)?, || decode_values(bytes, None))??;
        let mut decoded = with_room(out_bytes)?;
        values.append_bytes(&mut decoded, BIG_ENDIAN);
        // SAFETY: as the caller promises.
        unsafe { given_slice_mut(out.cast::<u8>(), out_bytes, "the output") }?.copy_from_slice(&decoded);
        Ok(())
    })
}

/// See `include/baler.h`.
#[unsafe(no_mangle)]
pub extern "C" fn baler_error() -> *const c_char {
    status::text()
}

/// See `include/baler.h`.
#[unsafe(no_mangle)]
pub extern "C" fn baler_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

#[cfg(test)]
mod tests;
