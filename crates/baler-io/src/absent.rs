//! Formats that this build leaves out: they are known by name, and refused in a line that says which feature has them.

use crate::arrays::Arrays;
use crate::store::Region;
use baler_data::dataset::Dataset;
use baler_data::error::{Error, Result};
use baler_data::metadata::{About, Attribute};
use std::path::Path;

fn absent<T>(format: &str, feature: &str) -> Result<T> {
    Err(Error::unsupported(format!(
        "expected a format of this build, found {format}; build baler with the feature '{feature}'"
    )))
}

/// Instead of Parquet.
#[cfg(not(feature = "parquet"))]
pub mod parquet {
    use super::*;

    pub const NAME: &str = "parquet";
    pub const MAGIC: &[u8] = b"PAR1";

    pub fn open(_: Region) -> Result<Box<dyn Arrays>> {
        absent("Parquet", NAME)
    }

    pub fn write(_: &Dataset) -> Result<Vec<u8>> {
        absent("Parquet", NAME)
    }
}

/// Instead of ROOT.
#[cfg(not(feature = "root"))]
pub mod root {
    use super::*;

    pub const NAME: &str = "root";

    pub fn open(_: Region, _: Option<&str>) -> Result<Box<dyn Arrays>> {
        absent("ROOT", NAME)
    }

    pub fn write(_: &Dataset) -> Result<Vec<u8>> {
        absent("ROOT", NAME)
    }

    pub fn names(_: &[u8]) -> Vec<String> {
        Vec::new()
    }

    pub fn carries(_: Option<&About>, _: &Attribute) -> bool {
        false
    }
}

/// Instead of Zarr.
#[cfg(not(feature = "zarr"))]
pub mod zarr {
    use super::*;

    pub const NAME: &str = "zarr";

    pub fn is_store(path: &Path) -> bool {
        path.is_dir() && ["zarr.json", ".zgroup", ".zarray"].iter().any(|name| path.join(name).is_file())
    }

    pub fn open(_: &Path) -> Result<Box<dyn Arrays>> {
        absent("Zarr", NAME)
    }

    pub fn write(_: &Dataset) -> Result<Vec<(String, Vec<u8>)>> {
        absent("Zarr", NAME)
    }

    pub fn names(_: &[u8]) -> Vec<String> {
        Vec::new()
    }
}
