//! HDF5's binary interface of filters (`H5Zpublic.h`, `H5PLextern.h`), as much as is used here. Identifiers have 64 bits: of
//! HDF5 1.10 and newer.

use std::ffi::{c_char, c_int, c_uint, c_void};

/// An identifier of HDF5's.
pub type Hid = i64;

/// The version of [`FilterClass`].
pub const CLASS_VERSION: c_int = 1;
/// A plugin that is a filter.
pub const PLUGIN_IS_FILTER: c_int = 0;
/// Set when a chunk is read.
pub const REVERSE: c_uint = 0x0100;
/// No dataset is written where the filter fails.
pub const MANDATORY: c_uint = 0;

/// `H5T_class_t`.
pub const INTEGER: c_int = 0;
/// `H5T_class_t`.
pub const FLOAT: c_int = 1;
/// `H5T_class_t`.
pub const ENUM: c_int = 8;
/// `H5T_order_t`.
pub const LITTLE: c_int = 0;
/// `H5T_order_t`.
pub const BIG: c_int = 1;
/// `H5D_fill_value_t`.
pub const FILL_OF_USER: c_int = 2;

/// `can_apply` and `set_local`: a list of creation properties, a datatype, a dataspace.
pub type Prelude = extern "C" fn(Hid, Hid, Hid) -> c_int;
/// `filter`: flags, words, bytes, and a buffer of the C library's that may be replaced; the bytes of the result, 0 for an error.
pub type Filter =
    unsafe extern "C" fn(c_uint, usize, *const c_uint, usize, *mut usize, *mut *mut c_void) -> usize;

/// `H5Z_class2_t`.
#[repr(C)]
pub struct FilterClass {
    /// [`CLASS_VERSION`].
    pub version: c_int,
    /// The filter's number.
    pub id: c_int,
    /// 1 if it writes.
    pub encoder_present: c_uint,
    /// 1 if it reads.
    pub decoder_present: c_uint,
    /// Its name.
    pub name: *const c_char,
    /// Whether a dataset can have it.
    pub can_apply: Option<Prelude>,
    /// What it adds to a dataset's words.
    pub set_local: Option<Prelude>,
    /// The work.
    pub filter: Option<Filter>,
}

// SAFETY: the name is a literal, and everything else is plain.
unsafe impl Sync for FilterClass {}
