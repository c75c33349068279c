//! What a format cannot hold of some data, in words, before it is written.

use crate::{Format, fits, hdf5, is_from, kinds, netcdf, parquet, renamed, root, tiff, zarr};
use baler_data::dataset::{DType, Layout};
use baler_data::metadata::{self};
use baler_data::source::Schema;

/// What `format` cannot keep, in words: dtypes, and metadata of the format that the data were read from; none if
/// nothing is lost.
pub fn lost(schema: &Schema, format: Format) -> Option<String> {
    let texts = [
        changed_dtypes(schema, format),
        kinds::changed_kinds(schema, format),
        renamed::changed_names(schema, format),
        lost_metadata(schema, format),
        renamed::untrue_metadata(schema, format),
    ];
    Some(texts.into_iter().flatten().collect::<Vec<_>>().join("; ")).filter(|text| !text.is_empty())
}

/// Dtypes that become others, with the same values.
fn changed_dtypes(schema: &Schema, format: Format) -> Option<String> {
    let has = |dtype| schema.variables.iter().any(|v| v.dtype == dtype);
    match format {
        Format::Root if has(DType::F16) => Some("float16 becomes float32 in ROOT".into()),
        Format::Fits | Format::FitsGz
            if has(DType::Bool)
                && schema.layout == Layout::Arrays
                && ![fits::NAME, parquet::NAME].iter().any(|of| is_from(schema, of)) =>
        {
            Some("bool becomes uint8 in images of FITS".into())
        }
        _ => None,
    }
}

/// The names of what the source had beside its arrays and the format has not. Where it has what formats have in common,
/// only the rest of it is lost.
fn lost_metadata(schema: &Schema, format: Format) -> Option<String> {
    let has_common = matches!(format, Format::Hdf5 | Format::NetCdf | Format::Zarr);
    let shared = schema.metadata();
    // What no attachment of the source's own names again.
    let common = shared.names(&|_, _| false);
    let left = shared.names(&|about, attribute| match format {
        Format::Root => root::carries(about, attribute),
        Format::Tiff => tiff::carries(about, attribute),
        Format::Fits | Format::FitsGz => fits::carries(attribute),
        _ => false,
    });
    let mut names = Vec::new();
    let mut what = "source".to_string();
    for attachment in &schema.attachments {
        let Some(source) = attachment.metadata_format().filter(|&source| source != metadata::NAME) else {
            continue;
        };
        let is_kept = match format {
            Format::Hdf5 => source == hdf5::NAME,
            Format::NetCdf => source == hdf5::NAME || source == netcdf::NAME,
            Format::Tiff => source == tiff::NAME,
            Format::Fits | Format::FitsGz => source == fits::NAME,
            Format::Zarr => source == zarr::NAME,
            Format::Root => source == root::NAME,
            Format::Parquet => source == parquet::NAME,
            Format::Npy | Format::Npz | Format::Csv | Format::Raw => false,
        };
        if is_kept {
            return None;
        }
        what = format!("{} source", source.to_ascii_uppercase());
        names.extend(match source {
            hdf5::NAME => hdf5::names(&attachment.bytes),
            tiff::NAME => tiff::names(&attachment.bytes, !common.is_empty()),
            root::NAME => root::names(&attachment.bytes),
            fits::NAME => fits::names(&attachment.bytes),
            zarr::NAME if !has_common => zarr::names(&attachment.bytes),
            _ => Vec::new(),
        });
    }
    match has_common {
        true => names.retain(|name| !common.contains(name)),
        false => {
            let known = std::collections::HashSet::<String>::from_iter(names.iter().cloned());
            names.extend(left.into_iter().filter(|name| !known.contains(name)));
        }
    }
    let more = if names.len() > 12 { format!(" and {} more", names.len() - 12) } else { String::new() };
    let shown = names[..names.len().min(12)].join(", ");
    (!names.is_empty())
        .then(|| format!("the output's format does not keep what the {what} had: {shown}{more}"))
}
