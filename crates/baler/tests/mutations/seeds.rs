//! What is changed: the golden archives, models and streams, the files of real tools, one of every format of our own, and
//! those of a folder that BALER_SEEDS names.

use crate::support::frames::*;
use crate::support::{single, smooth_field, variable};
use baler::{Dataset, Values, decompress};
use baler_io as io;
use baler_io::{Format, ReadOptions};
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};

/// Larger files are left out: they would take the time of many small ones.
const MAX_BYTES: usize = 40_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Archive,
    Model,
    Live,
    File(Format),
    /// A store: each part is the content of a file.
    Store,
}

/// A file in parts that can be changed one by one.
pub struct Seed {
    pub name: String,
    pub kind: Kind,
    pub parts: Vec<Vec<u8>>,
    /// Names of the parts of an npz or a store.
    pub names: Vec<String>,
}

impl Seed {
    fn new(name: &str, kind: Kind, bytes: &[u8]) -> Seed {
        let (parts, names) = match kind {
            Kind::Archive => (sections(bytes), Vec::new()),
            Kind::Model => (vec![model_body(bytes)], Vec::new()),
            Kind::Live => (live_frames(bytes), Vec::new()),
            Kind::File(Format::Npz) => members(bytes),
            _ => (vec![bytes.to_vec()], Vec::new()),
        };
        Seed { name: name.to_string(), kind, parts, names }
    }

    pub fn size_bytes(&self) -> usize {
        self.parts.iter().map(Vec::len).sum()
    }

    /// The file of changed parts, every checksum right.
    pub fn join(&self, parts: &[Vec<u8>]) -> Vec<u8> {
        match self.kind {
            Kind::Archive => reframe(parts),
            Kind::Model => reframe_model(&parts[0]),
            Kind::Live => reframe_live(parts),
            Kind::File(Format::Npz) => zip_of(&self.names, parts),
            Kind::File(_) => parts[0].clone(),
            Kind::Store => Vec::new(),
        }
    }
}

fn members(bytes: &[u8]) -> (Vec<Vec<u8>>, Vec<String>) {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let member = |idx| {
        let mut file = archive.by_index(idx).unwrap();
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        (content, file.name().unwrap().to_string())
    };
    (0..zip::ZipArchive::new(Cursor::new(bytes)).unwrap().len()).map(member).unzip()
}

fn zip_of(names: &[String], parts: &[Vec<u8>]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Stored)
        .last_modified_time(zip::DateTime::default());
    for (name, part) in names.iter().zip(parts) {
        zip.start_file(name.as_str(), options).unwrap();
        zip.write_all(part).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Numbers of some dtypes and shapes.
fn arrays() -> Dataset {
    let counts = Values::U16((0..40).map(|i| i * i).collect());
    Dataset::from_arrays(vec![
        variable("field", &[6, 9], Values::F32(smooth_field(6, 9).iter().map(|&x| x as f32).collect())),
        variable("group/counts", &[5, 8], counts),
        variable("scalar", &[], Values::I64(vec![-7])),
        variable("mask", &[2, 3], Values::Bool(vec![0, 1, 1, 0, 0, 1])),
    ])
}

fn columns() -> Dataset {
    let x = (0..30).map(|i| f64::from(i) * 0.25).collect();
    let n = (0..30).map(|i| i % 4).collect();
    Dataset::from_table(vec![variable("x", &[30], Values::F64(x)), variable("n", &[30], Values::I32(n))])
}

/// Six floats along `x` and two records of three integers, with an attribute.
fn classic_netcdf(version: u8) -> Vec<u8> {
    let wide = version == 5;
    let number = |n: u64| if wide { n.to_be_bytes().to_vec() } else { (n as u32).to_be_bytes().to_vec() };
    let place =
        |n: u64| if version == 1 { (n as u32).to_be_bytes().to_vec() } else { n.to_be_bytes().to_vec() };
    let tag = |n: u32| n.to_be_bytes().to_vec();
    let name = |text: &str| {
        let padded = format!("{text:\0<width$}", width = text.len().next_multiple_of(4));
        [number(text.len() as u64), padded.into_bytes()].concat()
    };
    let make = |begins: [u64; 2]| {
        let dimensions =
            [tag(10), number(3), name("x"), number(6), name("time"), number(0), name("y"), number(3)];
        let units = [tag(12), number(1), name("units"), tag(2), number(1), b"m\0\0\0".to_vec()].concat();
        let absent = [tag(0), number(0)].concat();
        let variable = |title: &str, axes: &[u64], attributes: &[u8], kind: u32, size: u64, begin: u64| {
            let axes: Vec<u8> = [axes.len() as u64].iter().chain(axes).flat_map(|&n| number(n)).collect();
            [name(title), axes, attributes.to_vec(), tag(kind), number(size), place(begin)].concat()
        };
        let variables = [
            tag(11),
            number(2),
            variable("depth", &[0], &units, 5, 24, begins[0]),
            variable("counts", &[1, 2], &absent, 4, 12, begins[1]),
        ];
        [&[b'C', b'D', b'F', version][..], &number(2), &dimensions.concat(), &absent, &variables.concat()]
            .concat()
    };
    let begin = make([0, 0]).len() as u64;
    let mut bytes = make([begin, begin + 24]);
    (0..6).for_each(|i| bytes.extend((i as f32 * 0.5).to_be_bytes()));
    (0..6).for_each(|i: i32| bytes.extend((i * 1000).to_be_bytes()));
    let read = io::read_bytes(&bytes, Format::NetCdf, &ReadOptions::default()).unwrap();
    assert_eq!(read.variables.len(), 2);
    bytes
}

fn own_files(seeds: &mut Vec<Seed>) {
    let image = single(&[7, 11], Values::U16((0..77).map(|i| i * 13 % 97).collect()));
    let lists = io::read(&assets().join("formats/lists.parquet"), &ReadOptions::default()).unwrap();
    let kinds = decompress(&std::fs::read(assets().join("kinds.bale")).unwrap()).unwrap();
    let all =
        [("arrays", arrays()), ("columns", columns()), ("image", image), ("lists", lists), ("kinds", kinds)];
    use Format::*;
    for format in [Npy, Npz, Csv, Hdf5, NetCdf, Tiff, Fits, Root, Parquet] {
        for (name, dataset) in &all {
            // Not every format holds every dataset.
            if let Ok(bytes) = io::write(dataset, format) {
                seeds.push(Seed::new(&format!("{name} as {format:?}"), Kind::File(format), &bytes));
            }
        }
    }
    for version in [1, 2, 5] {
        let name = format!("classic NetCDF, version {version}");
        seeds.push(Seed::new(&name, Kind::File(NetCdf), &classic_netcdf(version)));
    }
    for (name, dataset) in &all[..2] {
        let (names, parts) = io::write_zarr(dataset).unwrap().into_iter().unzip();
        seeds.push(Seed { name: format!("{name} as Zarr"), kind: Kind::Store, parts, names });
    }
}

fn assets() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/assets")
}

pub fn kind_of(path: &Path) -> Option<Kind> {
    match path.extension()?.to_str()? {
        "bale" => Some(Kind::Archive),
        "balm" => Some(Kind::Model),
        "bals" => Some(Kind::Live),
        "zarr" | "txt" | "md" => None,
        _ => Format::from_path(path).ok().map(Kind::File),
    }
}

fn files_of(folder: &Path, seeds: &mut Vec<Seed>) {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths.iter().filter(|path| path.is_file()) {
        let Some(kind) = kind_of(path) else { continue };
        let bytes = std::fs::read(path).unwrap();
        if bytes.len() <= MAX_BYTES {
            seeds.push(Seed::new(&path.file_name().unwrap().to_string_lossy(), kind, &bytes));
        }
    }
}

pub fn all() -> Vec<Seed> {
    let mut seeds = Vec::new();
    files_of(&assets(), &mut seeds);
    files_of(&assets().join("formats"), &mut seeds);
    own_files(&mut seeds);
    if let Some(folder) = std::env::var_os("BALER_SEEDS") {
        files_of(Path::new(&folder), &mut seeds);
    }
    seeds
}
