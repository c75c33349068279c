//! Promise: rows of a table that are stored in full come back bit for bit, listed with their numbers and scores; everything else is
//! as if they were not there: ranges, models, chunks. What is no table is refused, and so are archives whose rows do not fit.

mod support;

use baler::*;
use baler_codec::container::{Archive, Footer, StoredOutliers, archive_header_with, chunk_frame};
use baler_codec::decode::apart;
use baler_data::dataset::kind::Kind;
use baler_data::dataset::{ListKind, Lists};
use baler_data::source::picks::{Others, Picks};
use baler_data::source::{InMemory, collect};
use std::io::Cursor;
use support::*;

const N_ROWS: usize = 400;

/// Columns of several dtypes, an array of pairs, text, and values that may be missing; `odd` rows have extreme values.
fn table(odd: &[usize]) -> Dataset {
    let mut random = Random::new(20);
    let n = N_ROWS;
    let mut x: Vec<f64> = (0..n).map(|_| random.unit() * 3.0).collect();
    let mut y: Vec<f32> = x.iter().map(|x| (2.0 * x) as f32 + random.unit() as f32 * 0.1).collect();
    let mut count: Vec<i32> = (0..n).map(|_| random.below(1000) as i32).collect();
    for &row in odd {
        x[row] =
            if row % 2 == 0 { 1e9 + row as f64 } else { f64::from_bits(0x7ff4_0000_0000_0000 | row as u64) };
        y[row] = -7e5 - row as f32 * 0.1;
        count[row] = 1 << 28;
    }
    let pairs = (0..2 * n).map(|i| half::f16::from_f64((i as f64 * 0.1).sin())).collect();
    let lengths: Vec<u32> = (0..n).map(|row| row as u32 % 4).collect();
    let text: Vec<u8> = lengths.iter().flat_map(|&n| (0..n).map(move |i| b'a' + (n * 3 + i) as u8)).collect();
    let there: Vec<u8> = (0..n).map(|row| !row.is_multiple_of(3) as u8).collect();
    let n_there = there.iter().filter(|&&there| there == 1).count();
    let given = (0..n_there).map(|i| (i as f32 * 0.3).cos()).collect();
    let mut variables = vec![
        variable("score", &[n], Values::F64(x)),
        variable("y", &[n], Values::F32(y)),
        variable("count", &[n], Values::I32(count)),
        variable("pair", &[n, 2], Values::F16(pairs)),
        variable("word#counts", &[n], Values::U32(lengths)),
        variable("word", &[text.len()], Values::U8(text)),
        variable("z#present", &[n], Values::Bool(there)),
        variable("z", &[n_there], Values::F32(given)),
    ];
    variables[5].storage.kind = Kind::Text;
    variables[5].storage.lists = Some(Lists { counts: 4, kind: ListKind::Vector });
    variables[7].storage.lists = Some(Lists { counts: 6, kind: ListKind::Optional });
    Dataset::from_arrays(variables)
}

fn with(rows: &[usize], bound: BoundSpec) -> Options {
    let scores = rows.iter().map(|&row| 10.0 + row as f64).collect();
    let outliers = OutlierRows { rows: rows.to_vec(), scores, by: "forest".into() };
    Options { outliers: Some(outliers), ..Options::new(bound) }
}

fn compressed(dataset: &Dataset, options: &Options) -> Compressed {
    compress_with(dataset, options, None, &mut NoProgress).unwrap()
}

/// Values of some rows of a column, as bits.
fn bits(values: &Values, rows: impl IntoIterator<Item = usize>) -> Vec<u8> {
    let mut bytes = Vec::new();
    rows.into_iter().for_each(|row| values.slice(row..row + 1).append_bytes(&mut bytes, false));
    bytes
}

/// Sets of rows: at the ends, beside each other, and many.
fn sets() -> [Vec<usize>; 4] {
    [vec![0], vec![N_ROWS - 1], vec![0, 1, 2, 77, 78, 399], (0..N_ROWS).filter(|row| row % 3 != 1).collect()]
}

#[test]
fn rows_come_back_bit_for_bit_and_do_not_widen_the_range() {
    for rows in sets() {
        let dataset = table(&rows);
        let packed = compressed(&dataset, &with(&rows, BoundSpec::Rel(1e-3)));
        let back = decompress(&packed.bytes).unwrap();
        let source = InMemory::of(&dataset);
        let others = Others::new(&source, Picks::of(&source, &rows).unwrap());
        let others = collect(&others, &Threads::of_caller(), |_| ()).unwrap();
        let alone = compressed(&others, &Options::new(BoundSpec::Rel(1e-3)));
        for (idx, (original, decoded)) in dataset.variables.iter().zip(&back.variables).enumerate() {
            let context = format!("{} with {} rows in full", original.name, rows.len());
            assert_eq!((&original.name, &original.shape), (&decoded.name, &decoded.shape), "{context}");
            assert_eq!(original.storage, decoded.storage, "{context}");
            let (report, without) = (&packed.report.variables[idx], &alone.report.variables[idx]);
            assert_eq!(report.shape, original.shape, "{context}");
            assert_eq!(
                (report.limit, report.max_error, report.bytes, &report.codec),
                (without.limit, without.max_error, without.bytes, &without.codec),
                "{context}"
            );
            if original.shape == [N_ROWS] {
                assert_eq!(
                    bits(&decoded.values, rows.iter().copied()),
                    bits(&original.values, rows.iter().copied()),
                    "{context}"
                );
            }
        }
        // The others are what they are without these rows.
        let source = InMemory::of(&back);
        let left = Others::new(&source, Picks::of(&source, &rows).unwrap());
        let left = collect(&left, &Threads::of_caller(), |_| ()).unwrap();
        assert_eq!(values_bytes(&left), values_bytes(&decompress(&alone.bytes).unwrap()));
        for (idx, of) in others.variables.iter().enumerate().filter(|(_, of)| of.storage.lists.is_none()) {
            let spec = packed.report.variables[idx].bound;
            let context = format!("{} of {} others", of.name, others.variables[0].shape[0]);
            check_values(
                &context,
                &of.values,
                &left.variables[idx].values,
                promise_of(&of.values, spec, &[]),
                &[],
            );
        }
        let n_values: usize = dataset.variables.iter().map(|variable| variable.values.len()).sum();
        assert_eq!(packed.report.n_values, n_values as u64);
        assert_eq!(packed.report.input_bytes, dataset.size_bytes() as u64);
    }
}

#[test]
fn they_are_listed_with_numbers_and_scores_and_read_alone() {
    let rows = [3, 4, 250];
    let dataset = table(&rows);
    let packed = compressed(&dataset, &with(&rows, BoundSpec::Abs(0.01)));
    let reader = Reader::open(Cursor::new(packed.bytes.clone())).unwrap();
    let outliers = reader.outliers().expect("rows in full");
    let listed = collect(&outliers.rows, &Threads::of_caller(), |_| ()).unwrap();
    let names: Vec<&str> = listed.variables.iter().map(|variable| variable.name.as_str()).collect();
    // The table has a column called score.
    assert_eq!(names[..3], ["row", "score_", "score"]);
    assert_eq!(listed.variables[0].values, Values::U64(vec![3, 4, 250]));
    let Values::F64(scores) = &listed.variables[1].values else { panic!("dtype") };
    assert!(scores.iter().zip(rows).all(|(found, row)| (found / (10.0 + row as f64) - 1.0).abs() <= 1e-3));
    assert_eq!(bits(&listed.variables[2].values, 0..3), bits(&dataset.variables[0].values, rows));
    assert_eq!(listed.variables[7].values, Values::U8(b"jklgh".to_vec()));
    for report in [packed.report, inspect(&packed.bytes).unwrap()] {
        let told = report.outliers.expect("rows in full");
        assert_eq!((told.n_rows, told.by.as_str()), (3, "forest"));
        let [least, most] = told.scores.expect("scores");
        assert!((least - 13.0).abs() < 0.02 && (most - 260.0).abs() < 0.3, "{least} {most}");
    }
}

#[test]
fn any_rows_are_read_as_from_the_whole() {
    for rows in sets() {
        let dataset = table(&rows);
        let packed = compressed(&dataset, &with(&rows, BoundSpec::Rel(1e-2)));
        let whole = decompress(&packed.bytes).unwrap();
        let reader = Reader::open(Cursor::new(packed.bytes.clone())).unwrap();
        let mut random = Random::new(7);
        for _ in 0..60 {
            let end = random.below(N_ROWS + 1);
            let some = random.below(end + 1)..end;
            for name in ["score", "pair", "z#present"] {
                let found = reader.rows(name, some.clone()).unwrap();
                let all = whole.variable(name).unwrap();
                let row_len = all.shape.get(1).copied().unwrap_or(1);
                let expected = all.values.slice(some.start * row_len..some.end * row_len);
                assert_eq!(
                    bits(&found.values, 0..found.values.len()),
                    bits(&expected, 0..expected.len()),
                    "{name} {some:?}"
                );
            }
            let options = DecompressOptions { rows: Some(some.clone()), ..DecompressOptions::default() };
            let part = decompress_with(&packed.bytes, &options, &mut NoProgress).unwrap();
            let lengths = part.variable("word#counts").unwrap().values.to_counts().unwrap();
            let n_before: usize = (0..some.start).map(|row| row % 4).sum();
            let n_letters: usize = lengths.iter().sum();
            let Values::U8(text) = &whole.variable("word").unwrap().values else { panic!("dtype") };
            let expected = Values::U8(text[n_before..n_before + n_letters].to_vec());
            assert_eq!(part.variable("word").unwrap().values, expected, "{some:?}");
        }
    }
}

#[test]
fn chunks_begin_and_end_between_rows_in_full() {
    let n = (1 << 21) + 50;
    let values = (0..n).map(|i| (i * 7 % 251) as u8).collect();
    let dataset = Dataset::from_arrays(vec![variable("x", &[n], Values::U8(values))]);
    let rows = [0, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, (1 << 20) + 3, n - 1];
    let options = Options { method: Method::Classical, ..with(&rows, BoundSpec::Lossless) };
    let packed = compressed(&dataset, &options);
    let reader = Reader::open(Cursor::new(packed.bytes.clone())).unwrap();
    let chunks = reader.chunk_rows(0).unwrap();
    assert!(chunks.len() > 1, "{chunks:?}");
    assert_eq!(chunks.iter().sum::<usize>(), n);
    assert_eq!(decompress(&packed.bytes).unwrap().variables[0].values, dataset.variables[0].values);
    let Values::U8(values) = &dataset.variables[0].values else { panic!("dtype") };
    for start in [0, (1 << 20) - 5, n - 9] {
        let found = reader.rows("x", start..start + 9).unwrap();
        assert_eq!(found.values, Values::U8(values[start..start + 9].to_vec()));
    }
}

#[test]
fn verify_compares_every_bit_of_them() {
    let rows = [5, 90, 91];
    let dataset = table(&rows);
    let archive = compress(&dataset, &with(&rows, BoundSpec::Rel(0.1))).unwrap();
    let found = verify(&archive, None, Some(&dataset)).unwrap();
    assert!(found.holds());
    assert_eq!(found.n_outliers, 3);
    let n_values: usize = dataset.variables.iter().map(|variable| variable.values.len()).sum();
    assert_eq!(found.variables.iter().map(|variable| variable.n_values).sum::<u64>(), n_values as u64);
    assert_eq!(verify(&archive, None, None).unwrap().n_outliers, 3);
    // A change that the bound of the others would let pass.
    let mut other = dataset.clone();
    let Values::F32(y) = &mut other.variables[1].values else { panic!("dtype") };
    y[90] += 0.1;
    let found = verify(&archive, None, Some(&other)).unwrap();
    assert_eq!(found.variables.iter().map(|variable| variable.n_violations).sum::<u64>(), 1);
    y_of(&mut other)[90] = y_of(&mut dataset.clone())[90];
    y_of(&mut other)[89] += 1e-4;
    assert!(verify(&archive, None, Some(&other)).unwrap().holds());
}

fn y_of(dataset: &mut Dataset) -> &mut Vec<f32> {
    let Values::F32(y) = &mut dataset.variables[1].values else { panic!("dtype") };
    y
}

#[test]
fn many_rows_are_coded_by_what_the_others_teach() {
    let mut random = Random::new(4);
    let n = 3000;
    let mut column = || (0..n).map(|_| random.unit() as f32 * 50.0).collect::<Vec<f32>>();
    let (a, b, other) = (column(), column(), column());
    let rows: Vec<usize> = (0..n).step_by(6).collect();
    let mut sum: Vec<f32> = a.iter().zip(&b).map(|(a, b)| a + b).collect();
    // A quarter of the rows in full break the relation of all others, which they alone would not show.
    rows.iter().step_by(4).for_each(|&row| sum[row] = other[row]);
    let named = [("a", a), ("b", b), ("sum", sum)];
    let dataset = Dataset::from_table(named.map(|(name, x)| variable(name, &[n], Values::F32(x))).into());
    let packed = compressed(&dataset, &with(&rows, BoundSpec::Rel(1e-3)));
    let back = decompress(&packed.bytes).unwrap();
    for (original, decoded) in dataset.variables.iter().zip(&back.variables) {
        assert_eq!(bits(&decoded.values, rows.iter().copied()), bits(&original.values, rows.iter().copied()));
    }
    let reader = Reader::open(Cursor::new(packed.bytes)).unwrap();
    let rows = &reader.outliers().expect("rows in full").rows;
    let codecs = |report: Report| report.variables.into_iter().map(|of| of.codec).collect::<Vec<String>>();
    let taught = codecs(rows.report().unwrap());
    assert!(taught.iter().any(|codec| codec.contains("a + b")), "{taught:?}");
    let listed = collect(rows, &Threads::of_caller(), |_| ()).unwrap();
    let alone = compressed(&listed, &Options::new(BoundSpec::Lossless));
    assert!(rows.index().size_bytes < alone.bytes.len() as u64, "{:?}", codecs(alone.report));
}

#[test]
fn what_is_no_table_or_no_rows_is_refused() {
    let told = |dataset: &Dataset, options: &Options| {
        compress_with(dataset, options, None, &mut NoProgress).unwrap_err().to_string()
    };
    let rel = |rows: &[usize]| with(rows, BoundSpec::Rel(1e-3));
    let whole = table(&[]);
    assert!(told(&whole, &rel(&[2, 1])).contains("ascending numbers of 400 rows"));
    assert!(told(&whole, &rel(&[400])).contains("ascending numbers of 400 rows"));
    let all: Vec<usize> = (0..N_ROWS).collect();
    assert!(told(&whole, &rel(&all)).contains("expected fewer than 400 rows in full"));
    let mut fields = whole.clone();
    fields.variables.push(variable("t", &[3], Values::F32(vec![0.0; 3])));
    let text = told(&fields, &rel(&[1]));
    assert!(text.contains("whose columns have one length") && text.contains("'t' with 3"), "{text}");
    // What is left out does not count.
    let options = Options { drop: vec!["t".into()], ..rel(&[1]) };
    assert_eq!(decompress(&compress(&fields, &options).unwrap()).unwrap().variables.len(), 8);
    let sized = Options { size: Some(Size::Ratio(3.0)), ..with(&[1], BoundSpec::Unbounded) };
    assert!(told(&whole, &sized).contains("give a bound"));
    let source = InMemory::of(&whole);
    let error = shared_plan(&source, &rel(&[1]), None, None, &mut NoProgress).unwrap_err().to_string();
    assert!(error.contains("not of data in parts"), "{error}");
}

#[test]
fn what_reads_chunks_alone_refuses_rows_that_are_in_none() {
    let archive = compress(&table(&[]), &with(&[1], BoundSpec::Rel(1e-3))).unwrap();
    let reader = Reader::open(Cursor::new(archive.clone())).unwrap();
    let error = apart::groups(reader.index()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.bale");
    std::fs::write(&path, archive).unwrap();
    let error = merge(&[path.clone(), path], &mut Vec::new()).unwrap_err().to_string();
    assert!(error.contains("a.bale with rows in full; compress the parts without --outliers"), "{error}");
}

/// The archive with other rows in full.
fn holding(archive: &[u8], inner: Vec<u8>) -> Vec<u8> {
    let Archive { plan, models, chunks } = Archive::parse(archive).unwrap();
    let stored = StoredOutliers { by: "hand".into(), archive: inner };
    let mut bytes = archive_header_with(&plan, &models, Some(&stored));
    let mut footer = Footer::new(&bytes);
    for chunk in chunks {
        let frame = chunk_frame(chunk.group, chunk.first_row, &chunk.payload);
        footer.see(&frame);
        bytes.extend(frame);
    }
    bytes.extend(footer.finish().unwrap());
    bytes
}

#[test]
fn rows_that_do_not_fit_the_others_are_refused() {
    let rows = [4, 9];
    let archive = compress(&table(&rows), &with(&rows, BoundSpec::Rel(1e-3))).unwrap();
    let reader = Reader::open(Cursor::new(archive.clone())).unwrap();
    let right = collect(&reader.outliers().unwrap().rows, &Threads::of_caller(), |_| ()).unwrap();
    let lossless = |dataset: &Dataset| compress(dataset, &Options::new(BoundSpec::Lossless)).unwrap();
    let again = decompress(&holding(&archive, lossless(&right))).unwrap();
    assert_eq!(values_bytes(&again), values_bytes(&decompress(&archive).unwrap()));
    let numbers = |rows: [u64; 2]| variable("row", &[2], Values::U64(rows.to_vec()));
    type Change = fn(&mut Dataset);
    let changes: [(&str, Change); 9] = [
        ("other variables", |dataset| drop(dataset.variables.pop())),
        ("another name", |dataset| dataset.variables[2].name = "x".into()),
        ("another dtype", |dataset| dataset.variables[4].values = Values::U32(vec![1, 2])),
        ("another shape", |dataset| {
            dataset.variables[5] = variable("pair", &[2, 1], Values::F16(vec![half::f16::ZERO; 2]));
        }),
        ("scores of another dtype", |dataset| dataset.variables[1].values = Values::U64(vec![1, 2])),
        ("signed numbers", |dataset| dataset.variables[0].values = Values::I64(vec![4, 9])),
        ("no lists", |dataset| dataset.variables[7].storage.lists = None),
        ("other counts", |dataset| dataset.variables[6].values = Values::U32(vec![0, 2])),
        ("another column shorter", |dataset| {
            dataset.variables[2] = variable("score", &[1], Values::F64(vec![0.5]));
        }),
    ];
    let refused = |what: &str, inner: Vec<u8>| {
        let bytes = holding(&archive, inner);
        let error = decompress(&bytes).expect_err(what);
        assert!(matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Limit), "{what}: {error}");
        assert!(verify(&bytes, None, None).is_err(), "{what}");
        let _ = inspect(&bytes);
    };
    for (what, change) in changes {
        let mut wrong = right.clone();
        change(&mut wrong);
        refused(what, lossless(&wrong));
    }
    for rows in [[9, 4], [4, 4], [4, N_ROWS as u64], [u64::MAX - 1, u64::MAX]] {
        let mut wrong = right.clone();
        wrong.variables[0] = numbers(rows);
        refused(&format!("{rows:?}"), lossless(&wrong));
    }
    refused("no archive", b"no archive".to_vec());
    refused("rows in full within others", archive.clone());
    refused("fewer variables than are listed", lossless(&single(&[2], Values::U64(vec![4, 9]))));
}
