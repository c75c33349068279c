//! Values that stand in the output with the same bits but without what they stand for, in words: times as counts, complex
//! numbers as a last axis of two, texts as their characters. What comes back in its own format is what it was.

use super::{Format, fits, hdf5, is_from, netcdf, parquet, root, zarr};
use baler_data::dataset::kind::Kind;
use baler_data::source::{Schema, VariableSchema};

/// Names that are told at a time.
const MAX_NAMES: usize = 4;

/// What variables become that the format has no kind for; none if it has all.
pub fn changed_kinds(schema: &Schema, format: Format) -> Option<String> {
    let own: &[&str] = match format {
        Format::Hdf5 | Format::NetCdf => &[hdf5::NAME, netcdf::NAME],
        Format::Zarr => &[zarr::NAME],
        Format::Fits | Format::FitsGz => &[fits::NAME],
        Format::Root => &[root::NAME],
        Format::Parquet => &[parquet::NAME],
        Format::Npy | Format::Npz | Format::Csv | Format::Raw | Format::Tiff => &[],
    };
    if own.iter().any(|name| is_from(schema, name)) {
        return None;
    }
    let mut changes: Vec<(String, Vec<&str>)> = Vec::new();
    for variable in &schema.variables {
        let Some(becomes) = becomes(variable, format) else { continue };
        match changes.iter_mut().find(|(other, _)| *other == becomes) {
            Some((_, names)) => names.push(&variable.name),
            None => changes.push((becomes, vec![&variable.name])),
        }
    }
    let told = |(becomes, names): &(String, Vec<&str>)| {
        let more = match names.len().saturating_sub(MAX_NAMES) {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        format!("{becomes}: {}{more}", names[..names.len().min(MAX_NAMES)].join(", "))
    };
    (!changes.is_empty()).then(|| changes.iter().map(told).collect::<Vec<_>>().join("; "))
}

fn becomes(variable: &VariableSchema, format: Format) -> Option<String> {
    let is_plain = matches!(format, Format::Hdf5 | Format::NetCdf | Format::Zarr);
    let is_numpy = matches!(format, Format::Npy | Format::Npz);
    let has_lists = variable.storage.lists.is_some();
    match variable.storage.kind {
        Kind::Complex if is_plain || format == Format::Root => {
            Some("complex numbers become a last axis of two".into())
        }
        Kind::Time(unit) if is_plain || matches!(format, Format::Fits | Format::FitsGz | Format::Root) => {
            Some(format!("times become whole numbers, which count {} from the start of 1970", unit.symbol()))
        }
        Kind::Duration(unit) if !is_numpy => {
            Some(format!("spans of time become whole numbers, which count {}", unit.symbol()))
        }
        Kind::Text if has_lists && (is_plain || is_numpy) => {
            Some("texts become their bytes, one after the other, and counts of them".into())
        }
        Kind::Text if is_plain => Some("texts become rows of characters".into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ReadOptions, lost, read_bytes, write};
    use baler_data::dataset::kind::TimeUnit;
    use baler_data::dataset::{DType, Dataset, Layout, Storage, Values};

    #[test]
    fn what_loses_its_meaning_is_told() {
        let variable = |name: &str, dtype, shape: &[usize], kind| VariableSchema {
            name: name.into(),
            dtype,
            shape: shape.to_vec(),
            storage: Storage { kind, ..Storage::default() },
        };
        let mut variables = vec![
            variable("at", DType::I64, &[3], Kind::Time(TimeUnit::Millisecond)),
            variable("for", DType::I64, &[3], Kind::Duration(TimeUnit::Second)),
            variable("z", DType::F64, &[3, 2], Kind::Complex),
            variable("word", DType::U8, &[3, 5], Kind::Text),
        ];
        variables
            .extend((0..6).map(|i| variable(&format!("t{i}"), DType::I64, &[3], Kind::Time(TimeUnit::Day))));
        let schema = Schema { variables, layout: Layout::Arrays, attachments: Vec::new() };
        let told = changed_kinds(&schema, Format::Hdf5).unwrap();
        for expected in [
            "times become whole numbers, which count ms from the start of 1970: at;",
            "spans of time become whole numbers, which count s: for;",
            "complex numbers become a last axis of two: z;",
            "texts become rows of characters: word;",
            "which count D from the start of 1970: t0, t1, t2, t3 and 2 more",
        ] {
            assert!(told.contains(expected), "{expected}: {told}");
        }
        assert_eq!(changed_kinds(&schema, Format::Npz), None);
        let csv = changed_kinds(&schema, Format::Csv).unwrap();
        assert_eq!(csv, "spans of time become whole numbers, which count s: for");
    }

    #[test]
    fn texts_of_a_csv_are_texts_where_a_format_has_them() {
        let csv = read_bytes(b"name,n\nab,1\nc,2\n", Format::Csv, &ReadOptions::default()).unwrap();
        let told = |dataset: &Dataset, format| lost(&Schema::of(dataset), format).unwrap_or_default();
        assert!(told(&csv, Format::Npz).contains("texts become their bytes, one after the other"));
        assert_eq!(told(&csv, Format::Parquet), "");
        let parquet = write(&csv, Format::Parquet).unwrap();
        let back = read_bytes(&parquet, Format::Parquet, &ReadOptions::default()).unwrap();
        assert_eq!(told(&back, Format::Csv), "");
        assert!(matches!(back.variable("n").unwrap().values, Values::I64(_)));
    }
}
