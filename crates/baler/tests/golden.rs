//! The format: stored files are decoded for ever, and the bytes that are written today are pinned.

mod golden_cases;

use baler::{
    DecompressOptions, Model, NoProgress, Reader, Source, Values, compress_with, decompress_with, inspect,
};
use baler_codec::decode::apart::{Head, groups};
use golden_cases::manifest::{asset, entries, values_hash};
use std::fs;
use std::io::Cursor;

fn stored(name: &str) -> Vec<u8> {
    fs::read(asset(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn every_golden_file_decodes_to_the_values_of_old() {
    let cases = golden_cases::cases();
    let entries = entries();
    let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, cases.iter().map(|case| case.name).collect::<Vec<_>>(), "golden.txt lacks a case");
    for (entry, case) in entries.iter().zip(&cases) {
        let model = case.model.as_ref().filter(|_| case.options.model_by_reference);
        let model = model.map(|(name, _)| Model::from_bytes(&stored(&format!("{name}.balm"))).unwrap());
        let options = DecompressOptions { model: model.as_ref(), ..DecompressOptions::default() };
        let bytes = stored(&format!("{}.bale", entry.name));
        let decoded = decompress_with(&bytes, &options, &mut NoProgress).unwrap();
        assert_eq!(values_hash(&decoded), entry.values, "{}", entry.name);
        assert_eq!(decoded.layout, case.dataset.layout, "{}", entry.name);
        assert_eq!(decoded.attachments, case.dataset.attachments, "{}", entry.name);
        for (decoded, original) in decoded.variables.iter().zip(&case.dataset.variables) {
            assert_eq!(decoded.storage, original.storage, "{} {}", entry.name, original.name);
        }
    }
}

#[test]
fn compressing_again_gives_the_pinned_bytes_for_any_number_of_threads() {
    for (entry, mut case) in entries().iter().zip(golden_cases::cases()) {
        let model = case.model.as_ref().map(|(_, model)| model);
        for n_threads in [1, 2] {
            case.options.threads = baler::Threads::new(n_threads).unwrap();
            let written = compress_with(&case.dataset, &case.options, model, &mut NoProgress).unwrap();
            let hash = blake3::hash(&written.bytes).to_hex().to_string();
            assert_eq!(hash, entry.archive, "{} with {n_threads} threads", case.name);
        }
    }
}

#[test]
fn a_model_file_keeps_its_hash() {
    for (name, model) in golden_cases::cases().into_iter().filter_map(|case| case.model) {
        let bytes = stored(&format!("{name}.balm"));
        let read = Model::from_bytes(&bytes).unwrap();
        assert_eq!(read, model, "{name}");
        assert_eq!(read.hash(), *blake3::hash(&bytes).as_bytes(), "{name}");
    }
}

#[test]
fn the_golden_live_stream_decodes_to_the_records_of_old_and_is_written_again() {
    use golden_cases::live::{FILES, hashes, stream};
    let pinned = String::from_utf8(stored(FILES[1])).unwrap();
    assert_eq!(hashes(&stored(FILES[0]), &stream()), pinned);
}

#[test]
fn the_golden_merged_archive_decodes_to_the_values_of_old_and_is_written_again() {
    use golden_cases::merged::{FILES, archive, hashes};
    let pinned = String::from_utf8(stored(FILES[1])).unwrap();
    assert_eq!(hashes(&stored(FILES[0]), &archive()), pinned);
}

#[test]
fn golden_arrays_decode_to_the_values_of_old_and_are_written_as_pinned() {
    use golden_cases::arrays::{cases, line};
    let cases = cases();
    let found: String = cases.iter().map(line).collect();
    assert_eq!(found, String::from_utf8(stored("arrays.txt")).unwrap());
    let shared = cases.iter().find(|case| case.model.is_some()).expect("one with a model");
    let error = baler::decode_array::<f32>(&shared.bytes, None).unwrap_err().to_string();
    assert!(error.starts_with("expected the model whose hash begins with"), "{error}");
}

#[test]
fn the_golden_files_show_every_grid_and_coder() {
    let mut words = std::collections::BTreeSet::new();
    for entry in entries() {
        for variable in inspect(&stored(&format!("{}.bale", entry.name))).unwrap().variables {
            words.extend(variable.codec.split(' ').map(str::to_string));
        }
    }
    let grids = ["exact", "exact-f32", "integer", "integer-step", "uniform", "decimal", "log"];
    let coders = ["constant", "pco", "zstd", "ranks", "lorenzo", "predictive", "centred", "latents"];
    for word in grids.iter().chain(&coders) {
        assert!(words.contains(*word), "no golden file with {word}: {words:?}");
    }
    let explained = include_str!("../../../docs/words.md");
    for word in grids.iter().chain(&coders) {
        assert!(explained.contains(&format!("`{word}`")), "docs/words.md does not explain {word}");
    }
}

fn bytes_of(values: &Values) -> Vec<u8> {
    let mut bytes = Vec::new();
    values.append_bytes(&mut bytes, false);
    bytes
}

/// How many chunks an archive has, each of whose variables decodes apart from it as within.
fn n_chunks_apart(name: &str, archive: &[u8]) -> usize {
    let reader = Reader::open(Cursor::new(archive)).unwrap();
    let mut n_chunks = 0;
    for group in groups(reader.index()).unwrap() {
        let head = Head::read(&group.head).unwrap();
        let mut row = 0;
        for (place, &n_rows) in group.chunks.iter().zip(&group.rows) {
            let chunk = &archive[place.start as usize..place.end as usize];
            for (position, &idx) in group.variables.iter().enumerate() {
                let elements = reader.schema().variables[idx].elements_of(row..row + n_rows);
                let expected = reader.read(idx, elements).unwrap();
                let found = head.decode(chunk, position).unwrap();
                assert_eq!(bytes_of(&found), bytes_of(&expected), "{name}: variable {idx} from row {row}");
            }
            assert!(head.decode(chunk, group.variables.len()).is_err(), "{name}: no such variable");
            (row, n_chunks) = (row + n_rows, n_chunks + 1);
        }
    }
    n_chunks
}

#[test]
fn chunks_of_every_golden_archive_decode_apart_from_it() {
    let mut total = n_chunks_apart("merged", &stored("merged.bale"));
    // Archives that only name their model are left to crates/baler-python/tests: whoever knows a model knows it for the whole process.
    let cases = golden_cases::cases();
    // Rows in full are in no chunk (tests/outliers.rs sees that they are refused).
    let in_chunks = cases.iter().filter(|case| case.options.outliers.is_none());
    for case in in_chunks.filter(|case| !case.options.model_by_reference) {
        total += n_chunks_apart(case.name, &stored(&format!("{}.bale", case.name)));
    }
    assert!(total > 60, "{total}");
}
