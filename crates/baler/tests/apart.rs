//! Chunks of archives decode apart from them, given what section 23 of docs/format.md keeps beside them, to the same values.

mod golden_cases;

use baler::{Model, Reader, Source, Values};
use baler_codec::decode::apart::{Head, groups};
use baler_codec::model::shelf;
use golden_cases::manifest::asset;
use std::io::Cursor;
use std::sync::Arc;

fn stored(name: &str) -> Vec<u8> {
    std::fs::read(asset(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn bytes_of(values: &Values) -> Vec<u8> {
    let mut bytes = Vec::new();
    values.append_bytes(&mut bytes, false);
    bytes
}

/// How many chunks an archive has; each of their variables decodes apart from it as within.
fn n_chunks(name: &str, archive: &[u8]) -> usize {
    let reader = Reader::open(Cursor::new(archive)).unwrap();
    let mut n_chunks = 0;
    for group in groups(reader.index()) {
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
fn chunks_of_every_golden_archive() {
    let mut total = 0;
    for case in golden_cases::cases() {
        // Those that only name their model find it, and so do their chunks.
        if let Some((name, _)) = &case.model {
            shelf::remember(Arc::new(Model::from_bytes(&stored(&format!("{name}.balm"))).unwrap()));
        }
        total += n_chunks(case.name, &stored(&format!("{}.bale", case.name)));
    }
    total += n_chunks("merged", &stored("merged.bale"));
    assert!(total > 60, "{total}");
}
