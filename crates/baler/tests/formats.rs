//! Promise: the formats that hold many arrays give back what was put in, rows are those of the whole, and bytes from
//! outside, cut anywhere and with any bit turned, never panic and never take memory without measure. The files in
//! assets/formats are made by scripts/formats/make_assets.py.

mod support;

use baler::{DType, Dataset, Values, Variable};
use baler_data::dataset::Storage;
use baler_data::dataset::{Layout, ListKind, Lists};
use baler_data::source::Schema;
use baler_io as io;
use baler_io::{Format, ReadOptions};
use std::alloc::{GlobalAlloc, System};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use support::Random;

/// The largest piece of memory that anyone may ask for: what an empty array of a small file may claim, and as much
/// again.
const LARGEST: usize = 256 << 20;
static LARGEST_ASKED: AtomicUsize = AtomicUsize::new(0);

struct Watched;

// SAFETY: hands every call on to the system's allocator.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: std::alloc::Layout) -> *mut u8 {
        LARGEST_ASKED.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: std::alloc::Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Watched = Watched;

fn values(dtype: DType, n_values: usize, seed: u64) -> Values {
    let mut random = Random::new(seed);
    let bytes: Vec<u8> = (0..n_values * dtype.size_bytes()).map(|_| random.bits() as u8).collect();
    match dtype {
        DType::Bool => Values::Bool(bytes.iter().map(|byte| byte & 1).collect()),
        dtype => Values::from_bytes(dtype, &bytes, false).unwrap(),
    }
}

fn array(name: &str, dtype: DType, shape: &[usize]) -> Variable {
    let values = values(dtype, shape.iter().product(), name.len() as u64);
    Variable::new(name, shape.to_vec(), values).unwrap()
}

fn bits(values: &Values) -> Vec<u8> {
    let mut bytes = Vec::new();
    values.append_bytes(&mut bytes, false);
    bytes
}

fn read(bytes: &[u8], format: Format) -> baler::Result<Dataset> {
    io::read_bytes(bytes, format, &ReadOptions::default())
}

/// Name, shape and bits of every variable.
fn told(dataset: &Dataset) -> Vec<(String, Vec<usize>, DType, Vec<u8>)> {
    let one = |v: &Variable| (v.name.clone(), v.shape.clone(), v.values.dtype(), bits(&v.values));
    dataset.variables.iter().map(one).collect()
}

/// Writes a store into `folder`.
fn write_store(dataset: &Dataset, folder: &Path) {
    for (name, bytes) in io::write_zarr(dataset).unwrap() {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

/// A folder in memory where the system has one: disks take long to replace a file some thousand times.
fn folder_in_memory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Reads every array by rows and compares with the whole.
fn check_rows(path: &Path, format: Format) {
    let whole = io::read(path, &ReadOptions { format: Some(format), ..ReadOptions::default() }).unwrap();
    let opened = io::open_arrays(path, format).unwrap();
    assert_eq!(opened.arrays().len(), whole.variables.len());
    for (idx, (info, variable)) in opened.arrays().iter().zip(&whole.variables).enumerate() {
        assert_eq!((&info.name, &info.shape), (&variable.name, &variable.shape));
        let mut joined = Vec::new();
        for start in (0..info.n_rows()).step_by(3) {
            joined.extend(bits(&opened.rows(idx, start..(start + 3).min(info.n_rows())).unwrap()));
        }
        assert_eq!(joined, bits(&variable.values), "{}", info.name);
    }
}

#[test]
fn every_dtype_and_shape_comes_back_from_hdf5() {
    let mut variables: Vec<Variable> =
        DType::ALL.into_iter().map(|dtype| array(&format!("a/{}", dtype.name()), dtype, &[7, 5])).collect();
    for (i, shape) in [&[][..], &[0], &[0, 3], &[1], &[2, 1, 3, 1, 2]].into_iter().enumerate() {
        variables.push(array(&format!("shapes/inside/{i}"), DType::F64, shape));
    }
    variables[3].storage = Storage { big_endian: true, ..Storage::default() };
    let dataset = Dataset::from_arrays(variables);
    let bytes = io::write(&dataset, Format::Hdf5).unwrap();
    assert_eq!(Format::from_magic(&bytes), Some(Format::Hdf5));
    let back = read(&bytes, Format::Hdf5).unwrap();
    assert_eq!(told(&back), told(&dataset));
    assert!(back.variables[3].storage.big_endian && back.attachments.is_empty());
    assert_eq!(io::write(&back, Format::Hdf5).unwrap(), bytes);
    let options = ReadOptions { inner: Some("/shapes/inside".into()), ..ReadOptions::default() };
    assert_eq!(io::read_bytes(&bytes, Format::Hdf5, &options).unwrap().variables.len(), 5);
    let wrong = ReadOptions { inner: Some("/shape".into()), ..ReadOptions::default() };
    let error = io::read_bytes(&bytes, Format::Hdf5, &wrong).unwrap_err().to_string();
    assert!(error.contains("found 'shape'; it has a/bool"), "{error}");
}

#[test]
fn names_that_cannot_be_are_refused() {
    let both = Dataset::from_arrays(vec![array("a", DType::F32, &[2]), array("a/b", DType::F32, &[2])]);
    for error in [io::write(&both, Format::Hdf5).unwrap_err(), io::write_zarr(&both).unwrap_err()] {
        assert!(error.to_string().contains("both a group and an array"), "{error}");
    }
    let out = Dataset::from_arrays(vec![array("../../x", DType::F32, &[2])]);
    assert!(io::write_zarr(&out).unwrap_err().to_string().contains("cannot be a name"));
    let half = Dataset::from_arrays(vec![array("h", DType::F16, &[2])]);
    assert!(io::write(&half, Format::Fits).unwrap_err().to_string().contains("float16"));
    let line = Dataset::from_arrays(vec![array("h", DType::F32, &[2])]);
    assert!(io::write(&line, Format::Tiff).unwrap_err().to_string().contains("(y, x)"));
}

/// `a//b`, `/a/b` and `a/b` are one path where names are paths.
#[test]
fn names_that_would_be_one_are_refused_and_names_that_change_are_told() {
    for other in ["a//b", "/a/b", "a/b/"] {
        let both = [array("a/b", DType::F32, &[2]), array(other, DType::I16, &[3])];
        let both = Dataset::from_arrays(both.to_vec());
        for error in [io::write(&both, Format::Hdf5).unwrap_err(), io::write_zarr(&both).unwrap_err()] {
            assert!(error.to_string().contains("two variables would both be 'a/b'"), "{error}");
        }
        assert_eq!(told(&read(&io::write(&both, Format::Npz).unwrap(), Format::Npz).unwrap()), told(&both));
        let one = Dataset::from_arrays(vec![both.variables[1].clone()]);
        for format in [Format::Hdf5, Format::NetCdf, Format::Zarr] {
            let lost = io::lost(&Schema::of(&one), format).unwrap();
            assert!(lost.contains(&format!("the name '{other}' becomes 'a/b'")), "{lost}");
        }
        assert_eq!(io::lost(&Schema::of(&one), Format::Npz), None);
    }
}

/// Every format gives back nasty names, or says why not; it never loses one.
#[test]
fn names_come_back_or_are_told() {
    let names = [
        "A",
        "a",
        "a.b",
        "a/b",
        "a//b",
        "",
        "a b",
        "ä",
        "a'b",
        "a\"b",
        "a,b",
        "a;b",
        "a[1]",
        "a(b)",
        "a=b",
        "data",
        "names",
        "a#b",
        "a\nb",
        "x/",
        "very long name that has more than sixty-eight characters in it, as few have",
    ];
    for format in [Format::Npz, Format::Csv, Format::Hdf5, Format::Fits, Format::Root, Format::Parquet] {
        for first in names {
            for second in names.into_iter().filter(|second| *second != first) {
                let variables = vec![array(first, DType::I64, &[4]), array(second, DType::F64, &[4])];
                let dataset = Dataset::from_arrays(variables);
                let Ok(bytes) = io::write(&dataset, format) else { continue };
                let back =
                    read(&bytes, format).unwrap_or_else(|e| panic!("{format:?} {first:?} {second:?}: {e}"));
                let values = |dataset: &Dataset| -> Vec<Vec<u8>> {
                    let mut all: Vec<_> = dataset.variables.iter().map(|v| bits(&v.values)).collect();
                    all.sort();
                    all
                };
                assert_eq!(values(&back), values(&dataset), "{format:?} {first:?} {second:?}");
                let mut found: Vec<&str> =
                    back.variables.iter().map(|v| v.name.rsplit("HDU1/").next().unwrap()).collect();
                let mut expected = [first, second];
                found.sort();
                expected.sort();
                // By the writer, or by the reader where another format is written. Columns without a name get one.
                let told = |dataset: &Dataset, format| {
                    io::lost(&Schema::of(dataset), format).is_some_and(|lost| lost.contains("becomes"))
                };
                let is_told = told(&dataset, format) || told(&back, Format::Npz) || expected[0].is_empty();
                assert!(found == expected || is_told, "{format:?} {first:?} {second:?}: {found:?}");
            }
        }
    }
}

/// Lists that count what is not there: 2^40 items of nothing.
#[test]
fn lists_are_written_only_as_far_as_there_are_items() {
    for claimed in [1u64 << 40, u64::MAX, 0, 2, 4] {
        let mut items = array("items", DType::F64, &[3]);
        items.storage.lists = Some(Lists { counts: 1, kind: ListKind::Counter });
        let counts = Variable::new("n", vec![1], Values::U64(vec![claimed])).unwrap();
        let dataset = Dataset::from_arrays(vec![items, counts]);
        for format in [Format::Parquet, Format::Root, Format::Hdf5, Format::Fits] {
            let error = survives(|| io::write(&dataset, format), "lists");
            assert!(error.is_none(), "{format:?}");
            let error = io::write(&dataset, format).unwrap_err().to_string();
            assert!(
                error.contains(&format!("expected {claimed} items as its lists count, found 3")),
                "{error}"
            );
        }
        assert!(io::write_zarr(&dataset).is_err());
    }
}

#[test]
fn more_than_64_axes_are_refused() {
    let values = || Values::U8(vec![1]);
    assert!(Variable::new("x", vec![1; 64], values()).is_ok());
    let error = Variable::new("x", vec![1; 65], values()).unwrap_err().to_string();
    assert!(error.contains("expected at most 64 axes, found 65"), "{error}");
    // As a file says it.
    let npy = |n_axes: usize| {
        let shape = "1,".repeat(n_axes);
        let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({shape}), }}");
        let mut bytes = b"\x93NUMPY\x02\x00".to_vec();
        bytes.extend((header.len() as u32).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.push(7);
        bytes
    };
    assert_eq!(read(&npy(64), Format::Npy).unwrap().variables[0].shape, [1; 64]);
    for n_axes in [65, 20_000] {
        let error = survives(|| read(&npy(n_axes), Format::Npy), "axes");
        assert!(error.is_none());
    }
    // Formats with fewer say so.
    let most = Dataset::from_arrays(vec![Variable::new("x", vec![1; 64], values()).unwrap()]);
    let error = io::write(&most, Format::Hdf5).unwrap_err().to_string();
    assert!(error.contains("expected at most 32 axes in HDF5, found 64"), "{error}");
    assert_eq!(told(&read(&io::write(&most, Format::Npz).unwrap(), Format::Npz).unwrap()), told(&most));
}

#[test]
fn images_of_every_dtype_come_back_from_tiff() {
    for dtype in DType::ALL.into_iter().filter(|dtype| *dtype != DType::Bool) {
        for (shape, big_endian) in
            [(&[4, 3, 5][..], false), (&[4, 3, 5], true), (&[3, 5], true), (&[2, 3, 5, 4], false)]
        {
            let mut image = array("data", dtype, shape);
            image.storage.big_endian = big_endian && dtype.size_bytes() > 1;
            let variables = vec![image];
            let dataset = Dataset { variables, layout: Layout::Single, attachments: Vec::new() };
            let bytes = io::write(&dataset, Format::Tiff).unwrap();
            assert_eq!(Format::from_magic(&bytes), Some(Format::Tiff));
            let back = read(&bytes, Format::Tiff).unwrap();
            assert_eq!(told(&back), told(&dataset));
            assert_eq!(back.layout, Layout::Single);
            assert_eq!(io::write(&back, Format::Tiff).unwrap(), bytes);
        }
    }
}

#[test]
fn images_and_columns_of_every_dtype_come_back_from_fits() {
    let kinds = || DType::ALL.into_iter().filter(|dtype| *dtype != DType::F16);
    let images: Vec<Variable> = kinds().map(|dtype| array(dtype.name(), dtype, &[3, 4, 2])).collect();
    let bytes = io::write(&Dataset::from_arrays(images.clone()), Format::Fits).unwrap();
    assert_eq!((Format::from_magic(&bytes), bytes.len() % 2880), (Some(Format::Fits), 0));
    let back = read(&bytes, Format::Fits).unwrap();
    for (image, back) in images.iter().zip(&back.variables) {
        assert_eq!(
            (&image.name, &image.shape, bits(&image.values)),
            (&back.name, &back.shape, bits(&back.values))
        );
    }
    assert_eq!(io::write(&back, Format::Fits).unwrap(), bytes);
    let columns: Vec<Variable> = kinds().map(|dtype| array(dtype.name(), dtype, &[50])).collect();
    let table = Dataset { variables: columns.clone(), layout: Layout::Columns, attachments: Vec::new() };
    let bytes = io::write(&table, Format::Fits).unwrap();
    let back = read(&bytes, Format::Fits).unwrap();
    for (column, back) in columns.iter().zip(&back.variables) {
        assert_eq!((format!("HDU1/{}", column.name), &column.values), (back.name.clone(), &back.values));
    }
    assert_eq!(io::write(&back, Format::Fits).unwrap(), bytes);
}

#[test]
fn every_dtype_and_shape_comes_back_from_zarr_and_damage_is_told() {
    let mut variables: Vec<Variable> =
        DType::ALL.into_iter().map(|dtype| array(&format!("a/{}", dtype.name()), dtype, &[7, 5])).collect();
    variables.push(array("scalar", DType::F64, &[]));
    variables.push(array("empty", DType::I32, &[0, 3]));
    let dataset = Dataset::from_arrays(variables);
    let folder = folder_in_memory();
    let store = folder.path().join("x.zarr");
    write_store(&dataset, &store);
    let back = io::read(&store, &ReadOptions::default()).unwrap();
    let mut expected = told(&dataset);
    expected.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(told(&back), expected);
    check_rows(&store, Format::Zarr);
    for file in ["a/float32/zarr.json", "a/float32/c/0/0", "zarr.json"] {
        let path = store.join(file);
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            std::fs::write(&path, &whole[..at]).unwrap();
            survives(|| io::read(&store, &ReadOptions::default()), &format!("{file} cut at {at}"));
            let mut turned = whole.clone();
            turned[at] ^= 1 << (at % 8);
            std::fs::write(&path, &turned).unwrap();
            survives(|| io::read(&store, &ReadOptions::default()), &format!("{file} turned at {at}"));
        }
        std::fs::write(&path, &whole).unwrap();
    }
}

fn assets() -> Vec<(PathBuf, Format)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/assets/formats");
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    assert!(found.len() >= 8, "{found:?}");
    found.into_iter().map(|path| (path.clone(), Format::from_path(&path).unwrap())).collect()
}

#[test]
fn files_of_real_tools_hold_what_was_put_in() {
    for (path, format) in assets() {
        let dataset = io::read(&path, &ReadOptions::default()).unwrap();
        check_rows(&path, format);
        for variable in dataset.variables.iter().filter(|v| v.shape.iter().product::<usize>() > 2) {
            // The units of FITS are of every kind, and have values of their own.
            if variable.values.dtype() == DType::Bool || path.ends_with("units.fits") {
                continue;
            }
            use baler_data::element::Element;
            let found: Vec<f64> =
                baler_data::with_values!(&variable.values, v => v.iter().map(|x| x.to_f64()).collect());
            let expected: Vec<f64> = (0..found.len()).map(|i| (i % 100) as f64).collect();
            assert_eq!(found, expected, "{} of {}", variable.name, path.display());
        }
        let again = read(&io::write(&dataset, format).unwrap(), format).unwrap();
        assert_eq!(told(&again), told(&dataset), "{}", path.display());
        // Branches of uproot do not tell how they are packed; those that come back do, from then on.
        let (found, expected) = match format {
            Format::Root => (read(&io::write(&again, format).unwrap(), format).unwrap(), again),
            _ => (again, dataset),
        };
        if format != Format::Tiff {
            assert_eq!(found.attachments, expected.attachments, "{}", path.display());
        }
    }
}

#[test]
fn attributes_mark_what_is_missing_and_are_named_when_lost() {
    let (path, _) = assets().into_iter().find(|(path, _)| path.ends_with("ordered.h5")).unwrap();
    let dataset = io::read(&path, &ReadOptions::default()).unwrap();
    assert_eq!(io::missing_values(&dataset.attachments), [("group/packed".to_string(), 99.0)]);
    let lost = io::lost(&Schema::of(&dataset), Format::Npz).unwrap();
    assert!(lost.contains("HDF5") && lost.contains("number 0 of group"), "{lost}");
    assert_eq!(io::lost(&Schema::of(&dataset), Format::Hdf5), None);
    let npz = io::write(&dataset, Format::Npz).unwrap();
    assert_eq!(told(&read(&npz, Format::Npz).unwrap()), told(&dataset));
}

/// Runs what reads damaged bytes; gives what was read, if it was not an error.
fn survives<T>(work: impl FnOnce() -> baler::Result<T>, context: &str) -> Option<T> {
    let done = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| panic!("{context}: a panic"));
    let asked = LARGEST_ASKED.load(Ordering::Relaxed);
    // Never set back: tests run side by side, and none may hide what another asked for.
    assert!(asked <= LARGEST, "{asked} bytes of memory, here or in a test beside: {context}");
    done.ok()
}

#[test]
fn damaged_files_never_panic_and_never_take_memory_without_measure() {
    for (path, format) in assets() {
        let whole = std::fs::read(&path).unwrap();
        let context = |what: &str, at: usize| format!("{} {what} {at}", path.display());
        for cut in (0..whole.len()).step_by(13) {
            survives(|| read(&whole[..cut], format), &context("cut at", cut));
        }
        let mut random = Random::new(5);
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << random.below(8);
            if at % 3 == 0 {
                bytes[at] = random.pick(&[0, 255, 128, 1]);
            }
            let dataset = survives(|| read(&bytes, format), &context("turned at", at));
            if let (Some(dataset), 0) = (dataset, at % 7) {
                survives(|| io::write(&dataset, format), &context("written after", at));
            }
        }
    }
}

#[test]
fn damaged_metadata_of_an_archive_never_panic() {
    for (path, format) in assets() {
        let dataset = io::read(&path, &ReadOptions::default()).unwrap();
        let Some(whole) = dataset.attachments.first().map(|a| a.bytes.clone()) else { continue };
        let mut random = Random::new(6);
        for at in 0..whole.len() {
            let mut damaged = dataset.clone();
            damaged.attachments[0].bytes[at] = random.bits() as u8;
            survives(|| io::write(&damaged, format), &format!("{} metadata at {at}", path.display()));
            damaged.attachments[0].bytes.truncate(at);
            survives(|| io::write(&damaged, format), &format!("{} metadata cut at {at}", path.display()));
            let _ = (io::lost(&Schema::of(&damaged), Format::Npy), io::missing_values(&damaged.attachments));
        }
    }
}

/// A store with one array, described so.
fn store_of(folder: &Path, description: &str) -> PathBuf {
    let store = folder.join("x.zarr");
    std::fs::create_dir_all(store.join("c/0")).unwrap();
    std::fs::write(store.join("zarr.json"), description).unwrap();
    store
}

fn described(shape: &str, chunk: &str, codecs: &str) -> String {
    format!(
        r#"{{"zarr_format": 3, "node_type": "array", "shape": {shape}, "data_type": "float64", "fill_value": 7.0,
        "chunk_grid": {{"name": "regular", "configuration": {{"chunk_shape": {chunk}}}}},
        "chunk_key_encoding": {{"name": "default"}}, "codecs": {codecs}, "attributes": {{"bad": NaN}}}}"#
    )
}

#[test]
fn chunks_that_nothing_has_earned_are_never_made() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = r#"[{"name": "bytes", "configuration": {"endian": "little"}}]"#;
    let shards = format!(
        r#"[{{"name": "sharding_indexed", "configuration": {{"chunk_shape": [1099511627776], "codecs": {bytes},
        "index_codecs": {bytes}}}}}]"#
    );
    for codecs in [shards.as_str(), bytes] {
        let description = described("[1099511627776]", "[1099511627776]", codecs);
        let store = store_of(&folder.path().join(codecs.len().to_string()), &description);
        std::fs::remove_dir(store.join("c/0")).unwrap();
        std::fs::write(store.join("c/0"), [0u8; 500]).unwrap();
        survives(|| io::read(&store, &ReadOptions::default()), "a chunk of 2^40");
        let source = io::open(&store, &ReadOptions::default()).unwrap();
        assert!(source.read(0, 0..1000).is_err());
    }
}

#[test]
fn arrays_that_were_never_written_are_read_in_pieces() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = r#"[{"name": "bytes", "configuration": {"endian": "little"}}]"#;
    let store = store_of(folder.path(), &described("[1048576, 1024]", "[1, 1]", bytes));
    std::fs::write(store.join("c/0/3"), 5f64.to_le_bytes()).unwrap();
    let source = io::open(&store, &ReadOptions::default()).unwrap();
    assert_eq!(source.read(0, 2..5).unwrap(), Values::F64(vec![7.0, 5.0, 7.0]));
    let error = io::read(&store, &ReadOptions::default()).unwrap_err().to_string();
    assert!(error.contains("4096 times"), "{error}");
}

#[cfg(unix)]
#[test]
fn links_in_a_store_lead_nowhere_else_and_pipes_are_no_chunks() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let (store, outside) = (folder.path().join("s.zarr"), folder.path().join("outside"));
    let group = r#"{"zarr_format": 3, "node_type": "group"}"#;
    for path in [&store, &store.join("a"), &outside] {
        std::fs::create_dir_all(path).unwrap();
        std::fs::write(path.join("zarr.json"), group).unwrap();
    }
    let bytes = r#"[{"name": "bytes", "configuration": {"endian": "little"}}]"#;
    store_of(&store.join("a"), &described("[2]", "[1]", bytes));
    let chunks = store.join("a/x.zarr/c");
    std::fs::remove_dir_all(chunks.join("0")).unwrap();
    std::process::Command::new("mkfifo").arg(chunks.join("0")).status().unwrap();
    symlink(outside.join("zarr.json"), chunks.join("1")).unwrap();
    for name in ["up", "again"] {
        symlink("..", store.join("a").join(name)).unwrap();
    }
    symlink(&outside, store.join("out")).unwrap();
    let options = ReadOptions::default();
    let dataset = io::read(&store, &options).unwrap();
    assert_eq!(dataset.variables[0].values, Values::F64(vec![7.0, 7.0]));
    let warnings = options.warnings.take().join("\n");
    assert!(warnings.contains("'out' is left out: it is a link out of the store"), "{warnings}");
    assert!(warnings.contains("'a/up' is left out: it is a link to what is there already"), "{warnings}");
}

#[test]
fn a_file_comes_back_packed_as_it_was() {
    use baler_data::metadata::{About, Attribute, Axis, Codec, Metadata, Packing, Value};
    let mut about = About::new("g/t");
    about.axes = vec![Axis { name: "time".into(), grows: true }, Axis { name: "x".into(), grows: false }];
    about.attributes = vec![Attribute { name: "units".into(), value: Value::Text("K".into()) }];
    let chunk = vec![2, 3];
    about.packing = Packing {
        codec: Codec::Deflate,
        level: Some(7),
        shuffle: true,
        checksum: true,
        chunk,
        ..Packing::default()
    };
    let variables = vec![array("g/t", DType::F32, &[7, 5]), array("x", DType::F64, &[5])];
    let metadata = Metadata { groups: Vec::new(), variables: vec![about.clone()] };
    let attachments = metadata.attachment(2).into_iter().collect();
    let dataset = Dataset { attachments, ..Dataset::from_arrays(variables) };
    let hdf5 = read(&io::write(&dataset, Format::Hdf5).unwrap(), Format::Hdf5).unwrap();
    assert_eq!(bits(&hdf5.variable("g/t").unwrap().values), bits(&dataset.variables[0].values));
    let found = hdf5.shared_metadata();
    assert_eq!(found.about("g/t"), Some(&about));
    let scale = hdf5.shared_metadata();
    assert_eq!(scale.about("x").unwrap().axes[0].name, "x");
    assert_eq!(scale.about("time").unwrap().role, baler_data::metadata::Role::Axis);
    let zarr = |dataset: &Dataset| io::write_zarr(dataset).unwrap();
    let files = zarr(&hdf5);
    assert!(files.iter().all(|(path, _)| !path.starts_with("time")), "an axis without values");
    let text = files.iter().find(|(path, _)| path == "g/t/zarr.json").unwrap();
    let text = String::from_utf8(text.1.clone()).unwrap();
    assert!(text.contains("\"dimension_names\"") && text.contains("\"units\": \"K\""), "{text}");
    assert!(text.contains("\"clevel\": 7") && text.contains("crc32c"), "{text}");
}

#[test]
fn made_up_descriptions_of_a_store_make_no_large_chunks() {
    let bytes = r#"[{"name": "bytes", "configuration": {"endian": "little"}}]"#;
    let array = described("[2]", "[134217728]", bytes);
    for (attributes, array) in [("\"no\"", array.as_str()), ("{}", "7"), ("3", array.as_str())] {
        let nodes = format!(r#"[{{"path": "x", "attributes": {attributes}, "array": {array}}}]"#);
        let nodes = nodes.replace("NaN", "0");
        let metadata = baler_data::dataset::Attachment::metadata("zarr", 1, nodes.into_bytes());
        let variables = vec![self::array("x", DType::F64, &[2])];
        let dataset = Dataset { attachments: vec![metadata], ..Dataset::from_arrays(variables) };
        let files = survives(|| io::write_zarr(&dataset), "a description that is made up").unwrap();
        assert!(files.iter().any(|(path, _)| path == "x/c/0"), "{attributes}");
    }
}
