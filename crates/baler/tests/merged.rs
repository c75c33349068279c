//! Promise: archives of parts that one plan has made become one archive, in which every value is that of the parts, chunks are
//! copied, and bounds relative to the range mean the range of all; what does not belong together is refused.

mod support;

use baler::{
    BoundSpec, Dataset, NoProgress, Options, Reader, SharedPlan, Values, Variable, compress, compress_part,
    decompress, merge, shared_plan,
};
use baler_data::source::joined::Joined;
use baler_data::source::{InMemory, collect};
use baler_data::threads::Threads;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use support::*;

/// A part of some data: a field with fill values, a coordinate that all parts share, columns, lists and a single value.
fn part(first: usize, n_rows: usize) -> Dataset {
    let field = (0..n_rows * 200)
        .map(|i| match (first * 200 + i) % 97 {
            0 => -999.0,
            at => (0.01 * (first * 200 + i) as f32).sin() * (1.0 + first as f32) + at as f32 * 1e-4,
        })
        .collect();
    let counts: Vec<u8> = (first..first + n_rows).map(|row| (row * 7 % 5) as u8).collect();
    let n_items: usize = counts.iter().map(|&n| n as usize).sum();
    let lists = baler_data::dataset::Lists { counts: 3, kind: baler_data::dataset::ListKind::Counter };
    let storage = baler_data::dataset::Storage { lists: Some(lists), ..Default::default() };
    let items = Values::F64((0..n_items).map(|i| (first + i) as f64 * 0.1).collect());
    Dataset::from_arrays(vec![
        variable("field", &[n_rows, 10, 20], Values::F32(field)),
        variable("latitude", &[10], Values::F64((0..10).map(|i| i as f64 * 18.0 - 90.0).collect())),
        variable("time", &[n_rows], Values::I64((first..first + n_rows).map(|i| i as i64 * 3600).collect())),
        variable("n", &[n_rows], Values::U8(counts)),
        Variable { storage, ..variable("items", &[n_items], items) },
        variable("version", &[], Values::I32(vec![7])),
    ])
}

fn parts(rows: &[usize]) -> Vec<Dataset> {
    let starts = rows.iter().scan(0, |sum, &n| Some(std::mem::replace(sum, *sum + n)));
    starts.zip(rows).map(|(start, &n)| part(start, n)).collect()
}

fn joined(parts: &[Dataset]) -> Joined<InMemory<'_>> {
    let named = parts.iter().enumerate().map(|(idx, part)| (idx.to_string(), InMemory::of(part)));
    Joined::new(named.collect()).unwrap()
}

fn plan_of(parts: &[Dataset]) -> SharedPlan {
    let options =
        Options { rules: vec![("items".into(), BoundSpec::Abs(0.01))], ..Options::new(BoundSpec::Rel(1e-3)) };
    shared_plan(&joined(parts), &options, None, None, &mut NoProgress).unwrap()
}

/// Archives in a folder.
struct Store(#[allow(dead_code)] tempfile::TempDir, Vec<PathBuf>); // The folder lasts as long as this.

impl Store {
    fn of(archives: Vec<Vec<u8>>) -> Store {
        let folder = tempfile::tempdir().unwrap();
        let path = |(idx, bytes)| {
            let path = folder.path().join(format!("{idx}.bale"));
            std::fs::write(&path, bytes).unwrap();
            path
        };
        let paths = archives.into_iter().enumerate().map(path).collect();
        Store(folder, paths)
    }

    fn merged(&self) -> baler::Result<Vec<u8>> {
        let mut whole: Vec<u8> = Vec::new();
        let n_bytes = merge(&self.1, &mut whole)?;
        assert_eq!(n_bytes, whole.len() as u64);
        Ok(whole)
    }
}

fn archive(part: &Dataset, plan: &SharedPlan) -> Vec<u8> {
    let mut bytes: Vec<u8> = Vec::new();
    let options = Options::new(BoundSpec::Lossless);
    compress_part(&InMemory::of(part), plan, &options, &mut bytes, &mut NoProgress).unwrap();
    bytes
}

fn store(parts: &[Dataset], plan: &SharedPlan) -> Store {
    Store::of(parts.iter().map(|part| archive(part, plan)).collect())
}

#[test]
fn a_merged_archive_holds_the_rows_of_its_parts() {
    for rows in [&[7, 7, 7][..], &[5, 1, 9, 2], &[4], &[0, 3, 0, 6]] {
        let parts = parts(rows);
        let plan = plan_of(&parts);
        let store = store(&parts, &plan);
        let whole = store.merged().unwrap();
        let expected: Vec<Dataset> =
            store.1.iter().map(|path| decompress(&std::fs::read(path).unwrap()).unwrap()).collect();
        let expected = collect(&joined(&expected), &Threads::new(1).unwrap(), |_| ()).unwrap();
        let found = decompress(&whole).unwrap();
        assert_eq!(found.variables, expected.variables, "{rows:?}");
        let original = collect(&joined(&parts), &Threads::new(1).unwrap(), |_| ()).unwrap();
        assert!(baler::verify(&whole, None, Some(&original)).unwrap().holds(), "{rows:?}");
        let report = baler::inspect(&whole).unwrap();
        assert_eq!(report.archive_bytes, whole.len() as u64);
        // A merged archive is one as any other: it can be merged again.
        let again = Store::of(vec![whole.clone()]).merged().unwrap();
        assert_eq!(again, whole);
    }
}

#[test]
fn a_relative_bound_is_one_for_the_range_of_all_parts() {
    let parts = parts(&[5, 5, 5, 5]);
    let plan = plan_of(&parts);
    let limits: Vec<f64> = plan.plan.variables.iter().map(|variable| variable.bound.limit).collect();
    for (idx, part) in parts.iter().enumerate() {
        let bytes = archive(part, &plan);
        let error = baler::inspect(&bytes).unwrap().variables[0].max_error;
        assert!(error <= limits[0]);
        let alone = compress(part, &Options::new(BoundSpec::Rel(1e-3))).unwrap();
        let found = Reader::open(std::io::Cursor::new(alone)).unwrap();
        let limit = found.index().plan.variables[0].bound.limit;
        assert!(if idx < 3 { limit < 0.9 * limits[0] } else { limit <= limits[0] }, "{idx}: {limit}");
    }
}

#[test]
fn the_order_in_which_parts_are_made_changes_nothing() {
    let parts = parts(&[6, 3, 8]);
    let plan = plan_of(&parts);
    let mut backwards: Vec<Vec<u8>> = parts.iter().rev().map(|part| archive(part, &plan)).collect();
    backwards.reverse();
    assert_eq!(Store::of(backwards).merged().unwrap(), store(&parts, &plan).merged().unwrap());
}

#[test]
fn a_sample_is_enough_where_the_ends_of_all_are_told() {
    let parts = parts(&[6, 3, 8]);
    let exact = plan_of(&parts);
    let ends = |(variable, from): (&Variable, &baler_codec::variable::VariablePlan)| {
        let limits = from.limits.as_ref()?;
        let bits = baler_data::with_dtype!(variable.values.dtype(), T => {
            limits.ends::<T>().map(baler_data::element::Element::to_bits64)
        });
        Some((variable.name.clone(), bits))
    };
    let ends = parts[0].variables.iter().zip(&exact.plan.variables).filter_map(ends).collect();
    let options = Options {
        rules: vec![("items".into(), BoundSpec::Abs(0.01))],
        missing: vec![("field".into(), baler::Missing::Value(-999.0))],
        ends,
        ..Options::new(BoundSpec::Rel(1e-3))
    };
    let rows: Vec<usize> = exact.plan.variables.iter().map(|variable| variable.n_rows()).collect();
    let plan = shared_plan(&joined(&parts[..2]), &options, None, Some(&rows), &mut NoProgress).unwrap();
    assert_eq!(plan.plan.variables[0].bound, exact.plan.variables[0].bound);
    assert_eq!(plan.plan.variables[0].limits, exact.plan.variables[0].limits);
    let whole = store(&parts, &plan).merged().unwrap();
    let original = collect(&joined(&parts), &Threads::new(1).unwrap(), |_| ()).unwrap();
    assert!(baler::verify(&whole, None, Some(&original)).unwrap().holds());
}

/// Counts the bytes that are read.
struct Counting(std::io::Cursor<Vec<u8>>, Arc<AtomicU64>);

impl Read for Counting {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n_bytes = self.0.read(buffer)?;
        self.1.fetch_add(n_bytes as u64, Ordering::Relaxed);
        Ok(n_bytes)
    }
}

impl Seek for Counting {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.0.seek(to)
    }
}

#[test]
fn a_slice_of_many_merged_parts_reads_only_their_chunks() {
    let parts = parts(&[3; 100]);
    let store = store(&parts, &plan_of(&parts));
    let started = std::time::Instant::now();
    let whole = store.merged().unwrap();
    assert!(started.elapsed().as_secs_f64() < 2.0, "{:?}", started.elapsed());
    let n_read = Arc::new(AtomicU64::new(0));
    let reader = Reader::open(Counting(std::io::Cursor::new(whole.clone()), n_read.clone())).unwrap();
    let n_head = n_read.swap(0, Ordering::Relaxed);
    let slice = reader.rows("field", 148..152).unwrap();
    let n_slice = n_read.load(Ordering::Relaxed);
    assert_eq!(slice.values, decompress(&whole).unwrap().variables[0].values.slice(148 * 200..152 * 200));
    // Two or three of a hundred parts.
    assert!(n_slice * 20 < whole.len() as u64 - n_head, "{n_slice} of {}", whole.len());
}

fn refused(archives: Vec<Vec<u8>>) -> String {
    Store::of(archives).merged().unwrap_err().to_string()
}

#[test]
fn what_no_plan_has_made_alike_is_refused() {
    let parts = parts(&[5, 5]);
    let plan = plan_of(&parts);
    let own = |part: &Dataset| compress(part, &Options::new(BoundSpec::Rel(1e-3))).unwrap();
    let text = refused(parts.iter().map(own).collect());
    assert!(text.contains("another promise, range or grid of 'field'") && text.contains("--plan"), "{text}");
    let fewer = Dataset { variables: parts[1].variables[..3].to_vec(), ..parts[1].clone() };
    let text = refused(vec![archive(&parts[0], &plan), own(&fewer)]);
    assert!(text.contains("other variables"), "{text}");
    let mut other = parts[1].clone();
    other.variables[5] = variable("version", &[], Values::I32(vec![8]));
    let text = refused(vec![archive(&parts[0], &plan), archive(&other, &plan)]);
    assert!(text.contains("a single value that is the same in all parts"), "{text}");
    assert!(refused(Vec::new()).contains("found nothing") || refused(Vec::new()).contains("found none"));
    let mut damaged = archive(&parts[1], &plan);
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    assert!(Store::of(vec![archive(&parts[0], &plan), damaged]).merged().is_err());
}

#[test]
fn parts_with_other_variables_than_the_plan_are_refused() {
    let parts = parts(&[5, 5]);
    let plan = plan_of(&parts);
    let refused = |part: &Dataset| {
        let mut bytes: Vec<u8> = Vec::new();
        let options = Options::new(BoundSpec::Lossless);
        compress_part(&InMemory::of(part), &plan, &options, &mut bytes, &mut NoProgress)
            .unwrap_err()
            .to_string()
    };
    let fewer = Dataset { variables: parts[1].variables[..5].to_vec(), ..parts[1].clone() };
    assert!(refused(&fewer).contains("found no 'version'"));
    let mut other = parts[1].clone();
    other.variables[0] = variable("field", &[5, 10, 19], Values::F32(vec![0.0; 950]));
    assert!(refused(&other).contains("float32 [10, 20] as in the plan, found float32 [10, 19]"));
    other.variables[0] = variable("temperature", &[5, 10, 20], Values::F32(vec![0.0; 1000]));
    assert!(refused(&other).contains("'temperature', which it does not have"));
    let size = Options { size: Some(baler::Size::Ratio(9.0)), ..Options::new(BoundSpec::Unbounded) };
    let error =
        shared_plan(&InMemory::of(&parts[0]), &size, None, None, &mut NoProgress).map(drop).unwrap_err();
    assert!(error.to_string().contains("expected a bound for data in parts"));
}

#[test]
fn single_values_that_differ_become_rows() {
    let mut parts = parts(&[3, 4]);
    parts[1].variables[5] = variable("version", &[], Values::I32(vec![8]));
    let plan = plan_of(&parts);
    let found = decompress(&store(&parts, &plan).merged().unwrap()).unwrap();
    assert_eq!(
        (&found.variables[5].shape[..], &found.variables[5].values),
        (&[2][..], &Values::I32(vec![7, 8]))
    );
}

#[test]
fn changed_bytes_of_cuts_are_errors_and_no_crashes() {
    let parts = parts(&[5, 1, 9, 2]);
    let whole = store(&parts, &plan_of(&parts)).merged().unwrap();
    let original = decompress(&whole).unwrap();
    let plan = Reader::open(std::io::Cursor::new(whole.clone())).unwrap().index().plan.clone();
    assert!(!plan.groups[0].cuts.is_empty());
    for cuts in [vec![], vec![5], vec![5, 6, 15, 16], vec![1, 2, 3], vec![16], (1..17).collect()] {
        let mut other = plan.clone();
        other.groups[0].cuts = cuts.clone();
        let models: &[baler_codec::container::ModelEntry] = &[];
        let header = baler_codec::container::archive_header(&other, models);
        let mut footer = baler_codec::container::Footer::new(&header);
        let mut bytes = header;
        let reader = Reader::open(std::io::Cursor::new(whole.clone())).unwrap();
        for idx in 0..reader.index().n_chunks() {
            let chunk = reader.index().chunk(idx).unwrap();
            let frame = baler_codec::container::chunk_frame(chunk.group, chunk.first_row, &chunk.payload);
            footer.see(&frame);
            bytes.extend_from_slice(&frame);
        }
        bytes.extend_from_slice(&footer.finish().unwrap());
        if let Ok(found) = decompress(&bytes) {
            assert_eq!(found.variables, original.variables, "{cuts:?}");
        }
    }
    // Ways to write cuts that do not ascend or lie beyond the rows.
    let written = plan.write();
    assert!(baler_codec::container::Plan::read(&written).is_ok());
    for cuts in [vec![17], vec![5, 40]] {
        let mut other = plan.clone();
        other.groups[0].cuts = cuts;
        assert!(baler_codec::container::Plan::read(&other.write()).unwrap_err().to_string().contains("cuts"));
    }
}
