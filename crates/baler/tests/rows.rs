//! Promise: rows of an archive are those of the whole, of lists the items of these lists; wherever the rows begin and end,
//! in memory, from a reader and in a file.

mod support;

use baler::Threads;
use baler::internal::Decompressed;
use baler::{
    BoundSpec, Dataset, DecompressOptions, Method, NoProgress, Options, Reader, Values, compress_with,
    decompress, decompress_with,
};
use baler_data::dataset::Storage;
use baler_data::dataset::{ListKind, Lists};
use baler_io as io;
use baler_io::{Format, ReadOptions};
use std::io::Cursor;
use std::ops::Range;
use support::*;

/// More values than stay in one chunk.
const MANY: usize = (1 << 21) + 1000;
/// Lists that are all empty.
const EMPTY: Range<usize> = 300..420;

/// A column, lists with 0 to 3 items, and lists of lists: their counts, and the items of each.
fn dataset(n_lists: usize) -> Dataset {
    let mut random = Random::new(5);
    let mut lists = |n: usize, empty: Range<usize>| -> Vec<u8> {
        let length = |random: &mut Random| [0, 0, 1, 1, 2, 3][random.below(6)];
        (0..n).map(|i| length(&mut random) * u8::from(!empty.contains(&i))).collect()
    };
    let total = |counts: &[u8]| counts.iter().map(|&n| n as usize).sum::<usize>();
    let counts = lists(n_lists, EMPTY);
    let inner = lists(total(&counts), 0..0);
    let (n_items, n_inner) = (total(&counts), total(&inner));
    let of = |counts: usize| Storage {
        lists: Some(Lists { counts, kind: ListKind::Vector }),
        ..Storage::default()
    };
    let column = |name: &str, values: Values, storage: Storage| baler::Variable {
        storage,
        ..variable(name, &[values.len()], values)
    };
    let i16s = |n: usize| Values::I16((0..n).map(|i| (i * 7 % 1001) as i16).collect());
    Dataset::from_arrays(vec![
        column("event", Values::I32((0..n_lists as i32).collect()), Storage::default()),
        column("n", Values::U8(counts), Storage::default()),
        column("x", Values::F32((0..n_items).map(|i| (i as f32 * 0.01).sin()).collect()), of(1)),
        column("n_inner", Values::U8(inner), of(1)),
        column("y", i16s(n_inner), of(3)),
    ])
}

fn options(method: Method) -> Options {
    Options { method, threads: Threads::new(2).unwrap(), ..Options::new(BoundSpec::Rel(1e-3)) }
}

/// Items of lists before each list, and of all.
fn starts(counts: &Values) -> Vec<usize> {
    let add = |sum: &mut usize, n: usize| Some(std::mem::replace(sum, *sum + n));
    counts.to_counts().unwrap().into_iter().chain([0]).scan(0, add).collect()
}

/// What rows of the whole are, variable by variable.
fn expected(whole: &Dataset, rows: &Range<usize>) -> Vec<Values> {
    let ([_, n, x, n_inner, y], event) = (whole.variables.first_chunk().unwrap(), &whole.variables[0]);
    let within = |counts: &baler::Variable, rows: &Range<usize>| {
        let starts = starts(&counts.values);
        starts[rows.start]..starts[rows.end]
    };
    let items = within(n, rows);
    let inner = within(n_inner, &items);
    let parts = [(event, rows), (n, rows), (x, &items), (n_inner, &items), (y, &inner)];
    parts.map(|(variable, part)| variable.values.slice(part.clone())).into()
}

fn values(dataset: Dataset) -> Vec<Values> {
    dataset.variables.into_iter().map(|variable| variable.values).collect()
}

/// Rows that end in the middle, at the ends, at the borders of chunks and in empty lists.
fn ranges(bytes: &[u8], whole: &Dataset) -> Vec<Range<usize>> {
    let reader = Reader::open(Cursor::new(bytes)).unwrap();
    let n_rows = whole.variables[0].values.len();
    let mut ranges = vec![0..0, 0..1, 7..7, 5..60, n_rows - 1..n_rows, n_rows..n_rows, 0..n_rows];
    ranges.extend([EMPTY, EMPTY.start - 1..EMPTY.start + 1, EMPTY.end - 1..EMPTY.end + 1]);
    let starts = starts(&whole.variables[1].values);
    for group in &reader.index().plan.groups {
        let border = group.rows_per_chunk;
        // Chunks of rows, and the list whose items go over a border of theirs.
        for at in [border, starts.partition_point(|&start| start < border)] {
            if (1..n_rows).contains(&at) {
                ranges.extend([at - 1..at + 1, at..at, at..at + 1]);
            }
        }
    }
    ranges
}

fn check(dataset: &Dataset, method: Method, n_borders: usize) {
    let bytes = compress_with(dataset, &options(method), None, &mut NoProgress).unwrap().bytes;
    let whole = decompress(&bytes).unwrap();
    let reader = Reader::open_with(Cursor::new(&bytes[..]), None, &Threads::new(2).unwrap()).unwrap();
    let ranges = ranges(&bytes, &whole);
    assert!(ranges.len() >= 10 + 3 * n_borders, "{ranges:?}");
    for rows in ranges {
        let expected = expected(&whole, &rows);
        let some = DecompressOptions { rows: Some(rows.clone()), ..DecompressOptions::default() };
        let found = decompress_with(&bytes, &some, &mut NoProgress).unwrap();
        assert!(values(found) == expected, "{method:?} {rows:?}");
        let mut file = Cursor::new(Vec::new());
        let parts = Decompressed::new(&reader, &some).unwrap();
        parts.write(Format::Npz, &mut file, &mut NoProgress).unwrap();
        let found = io::read_bytes(file.get_ref(), Format::Npz, &ReadOptions::default()).unwrap();
        assert!(values(found) == expected, "{method:?} {rows:?} in a file");
        // The lists alone: what counts them comes along.
        let some = DecompressOptions { variables: Some(vec!["y".into()]), ..some };
        let found = decompress_with(&bytes, &some, &mut NoProgress).unwrap();
        assert_eq!(found.variables.iter().map(|v| &v.name[..]).collect::<Vec<_>>(), ["n", "n_inner", "y"]);
        let [n, n_inner, y] = [1, 3, 4].map(|idx| expected[idx].clone());
        assert!(values(found) == [n, n_inner, y], "{method:?} {rows:?} of lists alone");
        if !rows.is_empty() {
            assert!(reader.rows("n", rows.clone()).unwrap().values == expected[1], "{method:?} {rows:?}");
        }
    }
    let items = expected(&whole, &(0..3)).swap_remove(2);
    assert!(reader.rows("x", 0..3).unwrap().values == items, "rows of lists are those of the lists");
}

#[test]
fn rows_of_lists_are_those_of_the_whole() {
    for method in [Method::Auto, Method::Classical] {
        check(&dataset(2000), method, 0);
    }
}

#[test]
fn rows_of_lists_over_the_borders_of_chunks_are_those_of_the_whole() {
    // Rows and items have borders of their own.
    check(&dataset(MANY), Method::Classical, 3);
}
