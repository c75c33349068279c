//! Small files that claim much, lead in circles, or point outside: each is read at once and with little memory, whether it
//! is an error or not.

use crate::{read_file, support::Random, watch};
use baler_io as io;
use baler_io::{Format, ReadOptions};
use std::io::Write;
use std::path::Path;

const HUGE: [&str; 6] = [
    "1099511627776",
    "4294967296",
    "9223372036854775807",
    "18446744073709551615",
    "99999999999999999999",
    "-1",
];

fn check(what: &str, bytes: &[u8], format: Format) {
    for round in 0..2 {
        let failed = watch::run(round, what, || read_file(bytes, format, &mut Random::new(round)));
        assert_eq!(failed, None, "{what}");
    }
}

fn npy(shape: &str, n_bytes: usize) -> Vec<u8> {
    let header = format!("{{'descr': '<f8', 'fortran_order': True, 'shape': ({shape}), }}\n");
    let mut bytes = b"\x93NUMPY\x02\x00".to_vec();
    bytes.extend((header.len() as u32).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.resize(bytes.len() + n_bytes, 0);
    bytes
}

#[test]
fn npy_npz_and_csv_that_claim_much() {
    for huge in HUGE {
        for shape in
            [format!("{huge},"), format!("{huge}, 0"), format!("0, {huge}, {huge}"), format!("2, {huge}, 2")]
        {
            check(&format!("npy of ({shape})"), &npy(&shape, 80), Format::Npy);
        }
    }
    let mut long = npy("3,", 24);
    long[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
    check("a header of 2^32 bytes", &long, Format::Npy);
    check("1000 brackets", &npy(&"(".repeat(1000), 8), Format::Npy);
    // 64 MB of zeros, packed to 64 kB, of which the header says otherwise.
    for n_values in ["3,", "8388608,", "1099511627776,"] {
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default().last_modified_time(zip::DateTime::default());
        zip.start_file("a.npy", options).unwrap();
        zip.write_all(&npy(n_values, 64 << 20)).unwrap();
        check("a packed npz", &zip.finish().unwrap().into_inner(), Format::Npz);
    }
    check("many empty columns", &b",".repeat(1 << 12), Format::Csv);
    check("a million short lines", &b"1\n".repeat(1 << 20), Format::Csv);
    check("a quote without an end", &[b"a,b\n\"".to_vec(), b"1,2\n".repeat(1 << 18)].concat(), Format::Csv);
    check("a number of a million digits", &[b"a\n".to_vec(), b"1".repeat(1 << 20)].concat(), Format::Csv);
}

/// A TIFF directory: entries of (tag, type, count, value), and where the next one is.
fn tiff(entries: &[(u16, u16, u32, u32)], next: u32) -> Vec<u8> {
    let mut bytes = b"II\x2a\x00\x08\x00\x00\x00".to_vec();
    bytes.extend((entries.len() as u16).to_le_bytes());
    for &(tag, kind, count, value) in entries {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(kind.to_le_bytes());
        bytes.extend(count.to_le_bytes());
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend(next.to_le_bytes());
    bytes.resize(bytes.len() + 64, 7);
    bytes
}

#[test]
fn tiff_that_claims_much_or_goes_in_circles() {
    let page = |width, height, more: &[(u16, u16, u32, u32)]| {
        let mut entries =
            vec![(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)];
        entries.extend_from_slice(more);
        entries
    };
    let strips = [(273, 4, 1, 100), (277, 3, 1, 1), (278, 4, 1, u32::MAX), (279, 4, 1, 64)];
    check("a page after itself", &tiff(&page(8, 8, &strips), 8), Format::Tiff);
    check("a page in itself", &tiff(&page(8, 8, &strips), 10), Format::Tiff);
    for (width, height) in [(u32::MAX, u32::MAX), (1 << 31, 1), (1, 1 << 31), (0, 5), (65536, 65536)] {
        check("a large page", &tiff(&page(width, height, &strips), 0), Format::Tiff);
        for side in [0, 1, 1 << 30, u32::MAX] {
            let tiles =
                [(322, 4, 1, side), (323, 4, 1, side), (324, 4, u32::MAX, 100), (325, 4, u32::MAX, 100)];
            check("large tiles", &tiff(&page(width, height, &tiles), 0), Format::Tiff);
        }
        for compression in [5, 8, 32773, 50000] {
            let mut entries = page(width, height, &strips);
            entries[3].3 = compression;
            check("a packed large page", &tiff(&entries, 0), Format::Tiff);
        }
    }
    check(
        "2^32 samples",
        &tiff(&page(8, 8, &[(277, 4, 1, u32::MAX), (273, 4, 1, 100), (279, 4, 1, 64)]), 0),
        Format::Tiff,
    );
}

fn fits(cards: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (key, value) in [("SIMPLE", "T"), ("BITPIX", "8")].iter().chain(cards).chain(&[("END", "")]) {
        let card = if *key == "END" { "END".to_string() } else { format!("{key:<8}= {value:>20}") };
        bytes.extend(format!("{card:<80}").as_bytes());
    }
    bytes.resize(bytes.len().next_multiple_of(2880), b' ');
    bytes.resize(bytes.len() + 2880, 0);
    bytes
}

#[test]
fn fits_that_claims_much() {
    for huge in HUGE {
        check("FITS", &fits(&[("NAXIS", huge)]), Format::Fits);
        check("FITS", &fits(&[("NAXIS", "2"), ("NAXIS1", huge), ("NAXIS2", "3")]), Format::Fits);
        check(
            "FITS",
            &fits(&[("NAXIS", "3"), ("NAXIS1", "0"), ("NAXIS2", huge), ("NAXIS3", huge)]),
            Format::Fits,
        );
        check(
            "FITS",
            &fits(&[("NAXIS", "1"), ("NAXIS1", "8"), ("PCOUNT", huge), ("GCOUNT", huge)]),
            Format::Fits,
        );
        let mut table = fits(&[("NAXIS", "0"), ("EXTEND", "T")]);
        table.truncate(2880);
        let extension = fits(&[
            ("NAXIS", "2"),
            ("NAXIS1", "8"),
            ("NAXIS2", "1"),
            ("PCOUNT", "0"),
            ("GCOUNT", "1"),
            ("TFIELDS", huge),
            ("TFORM1", &format!("'{huge}D'")),
        ]);
        let text = String::from_utf8_lossy(&extension).replacen(
            "SIMPLE  =                    T",
            "XTENSION= 'BINTABLE'          ",
            1,
        );
        table.extend(text.as_bytes());
        check("FITS table", &table, Format::Fits);
    }
}

#[test]
fn zarr_that_claims_much_or_leads_out() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("x.zarr");
    std::fs::create_dir(&store).unwrap();
    let read = |what: &str| {
        let failed = watch::run(0, what, || drop(io::read(&store, &ReadOptions::default())));
        assert_eq!(failed, None, "{what}");
    };
    let json = |shape: &str, chunk: &str, codecs: &str| {
        format!(
            r#"{{"zarr_format":3,"node_type":"array","shape":[{shape}],"data_type":"float64","chunk_grid":{{"name":"regular",
            "configuration":{{"chunk_shape":[{chunk}]}}}},"chunk_key_encoding":{{"name":"default"}},"fill_value":0,"codecs":[{codecs}]}}"#
        )
    };
    let little = r#"{"name":"bytes","configuration":{"endian":"little"}}"#;
    for huge in HUGE {
        let sharding = format!(
            r#"{{"name":"sharding_indexed","configuration":{{"chunk_shape":[{huge}],"codecs":[{little}],"index_codecs":[{little}]}}}}"#
        );
        for (shape, chunk) in [(huge, "10"), ("10", huge), (huge, huge)] {
            for codecs in [little, &sharding] {
                std::fs::write(store.join("zarr.json"), json(shape, chunk, codecs)).unwrap();
                std::fs::create_dir_all(store.join("c")).unwrap();
                for content in [&[][..], &[0; 80], &[255; 80]] {
                    std::fs::write(store.join("c/0"), content).unwrap();
                    read(&format!("shape {shape}, chunk {chunk}"));
                }
            }
        }
    }
    let deep = "[".repeat(100_000);
    std::fs::write(store.join("zarr.json"), deep).unwrap();
    read("100 000 brackets");
    links(&store, read);
}

/// Links to a parent, twice in each folder: 2^n ways.
#[cfg(unix)]
fn links(store: &Path, read: impl Fn(&str)) {
    std::fs::write(store.join("zarr.json"), r#"{"zarr_format":3,"node_type":"group","attributes":{}}"#)
        .unwrap();
    for name in ["a", "b"] {
        std::os::unix::fs::symlink(store, store.join(name)).unwrap();
    }
    read("two links to a parent");
}

#[cfg(not(unix))]
fn links(_: &Path, _: impl Fn(&str)) {}

/// Lengths and places of our own ROOT, HDF5 and Parquet files become huge, each in turn, where no checksum tells.
#[test]
fn each_integer_of_our_own_files_becomes_huge() {
    for seed in crate::seeds::all() {
        let crate::seeds::Kind::File(format @ (Format::Root | Format::Hdf5 | Format::Parquet)) = seed.kind
        else {
            continue;
        };
        if seed.size_bytes() > 8_000 {
            continue;
        }
        let whole = &seed.parts[0];
        for at in (0..whole.len().saturating_sub(8)).step_by(6) {
            let mut bytes = whole.clone();
            bytes[at..at + 4]
                .copy_from_slice(&[[0x7f, 0xff, 0xff, 0xff], [0xff, 0xff, 0xff, 0x7f]][at / 6 % 2]);
            check(&format!("{} at {at}", seed.name), &bytes, format);
        }
    }
}
