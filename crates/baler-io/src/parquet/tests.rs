//! Files of every nesting, with names and annotations of every kind, come back as they were.

use super::footer::{Element, Footer, set};
use super::guard::guarded;
use super::levels::Level;
use super::schema::{self, ColumnType};
use super::thrift::{Value, field};
use super::*;
use crate::{Format, ReadOptions, read_bytes};
use baler_data::dataset::{Dataset, Variable};
use baler_data::error::Result;
use baler_data::random::Rng;
use parquet::basic::{Compression, GzipLevel};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;

/// An element by its repetition (0 required, 1 optional, 2 repeated), name, and type or number of children.
fn element(repetition: i64, name: &str, physical: Option<i64>, n_children: usize) -> Element {
    let mut fields = vec![(3, Value::i32(repetition)), (4, Value::Binary(name.as_bytes().to_vec()))];
    match physical {
        Some(code) => set(&mut fields, 1, Value::i32(code)),
        None => set(&mut fields, 5, Value::i32(n_children as i64)),
    }
    Element(fields)
}

fn with(mut element: Element, number: i16, value: Value) -> Element {
    set(&mut element.0, number, value);
    element
}

fn root(n_children: usize) -> Element {
    let mut root = element(0, "schema", None, n_children);
    root.0.retain(|(number, _)| *number != 3);
    root
}

/// Levels and numbers of some records of a leaf with these repetitions above and of its own.
fn records(repetitions: &[i64], n_rows: usize, random: &mut Rng) -> (Vec<i16>, Vec<i16>, usize) {
    fn put(left: &[i64], at: [i16; 3], out: &mut (Vec<i16>, Vec<i16>, usize), random: &mut Rng) {
        let [defined, lists, repeated] = at;
        let mut end = |is_there: usize| {
            out.0.push(defined);
            out.1.push(repeated);
            out.2 += is_there;
        };
        match left.split_first() {
            None => end(1),
            Some((0, rest)) => put(rest, at, out, random),
            Some((_, _)) if random.below(3) == 0 => end(0),
            Some((1, rest)) => put(rest, [defined + 1, lists, repeated], out, random),
            Some((_, rest)) => {
                for item in 0..1 + random.below(3) {
                    let repeated = if item == 0 { repeated } else { lists + 1 };
                    put(rest, [defined + 1, lists + 1, repeated], out, random);
                }
            }
        }
    }
    let mut out = (Vec::new(), Vec::new(), 0);
    (0..n_rows).for_each(|_| put(repetitions, [0, 0, 0], &mut out, random));
    out
}

/// A file with these elements; each leaf has integers or words in random levels, in two row groups.
fn file(elements: &[Element], seed: u64) -> Vec<u8> {
    let mut random = Rng::new(seed, 0);
    let tree = schema::to_tree(&schema::bare(elements, false)).unwrap();
    let gzip = Compression::GZIP(GzipLevel::default());
    let properties = WriterProperties::builder().set_compression(gzip).set_dictionary_enabled(false).build();
    let mut file = SerializedFileWriter::new(Vec::new(), tree, Arc::new(properties)).unwrap();
    for n_rows in [5, 2] {
        let mut group = file.next_row_group().unwrap();
        for leaf in schema::leaves(elements).unwrap() {
            let repetitions: Vec<i64> =
                leaf.defined().iter().map(|level| if *level == Level::List { 2 } else { 1 }).collect();
            let (definition, repetition, n) = records(&repetitions, n_rows, &mut random);
            let definition = (!repetitions.is_empty()).then_some(&definition[..]);
            let repetition = repetitions.contains(&2).then_some(&repetition[..]);
            let mut writer = group.next_column().unwrap().unwrap();
            match writer.untyped() {
                ColumnWriter::Int32ColumnWriter(to) => {
                    let values: Vec<i32> = (0..n).map(|_| random.below(100) as i32).collect();
                    to.write_batch(&values, definition, repetition).unwrap();
                }
                ColumnWriter::ByteArrayColumnWriter(to) => {
                    let word =
                        |_| ByteArray::from(["", "a", "two words"][random.below(3)].as_bytes().to_vec());
                    let values: Vec<ByteArray> = (0..n).map(word).collect();
                    to.write_batch(&values, definition, repetition).unwrap();
                }
                _ => panic!("another type"),
            }
            writer.close().unwrap();
        }
        group.close().unwrap();
    }
    let note = |key: &str, value: &str| {
        Value::Struct(vec![(1, Value::Binary(key.into())), (2, Value::Binary(value.into()))])
    };
    let notes = [note("pandas", "{}"), note("made by", "hand; (of a kind)")];
    Footer::splice(file.into_inner().unwrap(), elements, &notes, None).unwrap()
}

fn read(bytes: &[u8]) -> Result<Dataset> {
    read_bytes(bytes, Format::Parquet, &ReadOptions::default())
}

fn footer(bytes: &[u8]) -> Footer {
    Footer::of_file(&Region::of_bytes(bytes.to_vec())).unwrap().0
}

/// The file that comes back of a file has the same schema, notes and values.
fn comes_back(bytes: &[u8]) -> Dataset {
    let dataset = read(bytes).unwrap();
    let back = write(&dataset).unwrap();
    assert_eq!(footer(&back).elements(), footer(bytes).elements());
    assert_eq!(footer(&back).notes(), footer(bytes).notes());
    assert!(read(&back).unwrap() == dataset);
    dataset
}

#[test]
fn every_nesting_to_depth_four_comes_back() {
    for depth in 1..=4u32 {
        for code in 0..3usize.pow(depth) {
            let repetitions: Vec<i64> = (0..depth).map(|k| (code / 3usize.pow(k) % 3) as i64).collect();
            let (own, above) = repetitions.split_last().unwrap();
            let mut elements = vec![root(1)];
            elements.extend(above.iter().map(|&repetition| element(repetition, "a (b)", None, 1)));
            // Two leaves below the innermost group, or below the root.
            let last = elements.len() - 1;
            set(&mut elements[last].0, 5, Value::i32(2));
            elements.push(element(*own, "x", Some(1), 0));
            elements.push(element(*own, "", Some(6), 0));
            comes_back(&file(&elements, code as u64));
        }
    }
}

#[test]
fn names_field_ids_and_annotations_come_back() {
    let names =
        ["a b", "a(b)", "a,b", "k=v", "{c}", "semi;colon", "", "x", "x", "required int32 y;", "x#counts"];
    let mut elements = vec![root(names.len())];
    for (i, name) in names.iter().enumerate() {
        let leaf =
            with(element(1, name, Some(if i % 2 == 0 { 6 } else { 1 }), 0), 9, Value::i32(i as i64 + 7));
        // VARIANT has no meaning on a leaf, 99 and field 40 none at all: kept all the same.
        let unknown = Value::Struct(vec![(if i == 3 { 16 } else { 99 }, Value::Struct(Vec::new()))]);
        elements.push(if i > 2 { with(with(leaf, 10, unknown), 40, Value::Bool(true)) } else { leaf });
    }
    let dataset = comes_back(&file(&elements, 3));
    for name in ["a(b)", "column7", "x", "x.2", "x#counts"] {
        assert!(dataset.variable(name).is_some(), "{name}");
    }
}

/// A map of texts to integers.
fn map() -> Vec<Element> {
    let annotated =
        |element, logical| with(element, 10, Value::Struct(vec![(logical, Value::Struct(Vec::new()))]));
    vec![
        root(1),
        annotated(with(element(1, "m", None, 1), 6, Value::i32(1)), 2),
        element(2, "key_value", None, 2),
        annotated(element(0, "key", Some(6), 0), 1),
        element(1, "value", Some(1), 0),
    ]
}

#[test]
fn a_map_comes_back_and_without_its_keys_is_a_list_of_groups() {
    let bytes = file(&map(), 5);
    let dataset = comes_back(&bytes);
    let key = dataset.variable("m.key_value.key").unwrap();
    assert_eq!(key.storage.kind, baler_data::dataset::kind::Kind::Text);
    let drop = ReadOptions { drop: vec!["m.key_value.key".into()], ..ReadOptions::default() };
    let back = write(&read_bytes(&bytes, Format::Parquet, &drop).unwrap()).unwrap();
    let elements = footer(&back).elements();
    assert_eq!(elements.len(), 4);
    assert!(elements.iter().all(|e| field(&e.0, 6).is_none() && field(&e.0, 10).is_none()), "{elements:?}");
    assert!(footer(&back).notes().is_empty(), "they speak of all columns");
}

#[test]
fn row_groups_and_codecs_come_back() {
    let bytes = file(&map(), 6);
    let back = Region::of_bytes(write(&read(&bytes).unwrap()).unwrap());
    let reader = Parquet::open(back).unwrap().reader;
    let groups = reader.metadata().row_groups();
    assert_eq!(groups.iter().map(|group| group.num_rows()).collect::<Vec<_>>(), [5, 2]);
    assert!(groups.iter().flat_map(|g| g.columns()).all(|c| matches!(c.compression(), Compression::GZIP(_))));
}

#[test]
fn dictionaries_at_zero_and_the_old_null_type_are_read() {
    let elements =
        vec![root(2), element(1, "x", Some(1), 0), with(element(1, "n", Some(1), 0), 6, Value::i32(24))];
    let bytes = file(&elements, 7);
    // As old writers have it: a dictionary that begins at byte 0 where there is none.
    let region = Region::of_bytes(bytes.clone());
    let (_, start) = Footer::of_file(&region).unwrap();
    let mut fields = thrift::read(&bytes[start as usize..]).unwrap();
    for group in fields.iter_mut().filter(|(number, _)| *number == 4) {
        let Value::List(_, _, groups) = &mut group.1 else { panic!() };
        for column in groups.iter_mut().flat_map(|group| match group {
            Value::Struct(fields) => fields.iter_mut().filter(|(number, _)| *number == 1),
            _ => panic!(),
        }) {
            let Value::List(_, _, columns) = &mut column.1 else { panic!() };
            for column in columns {
                let Value::Struct(fields) = column else { panic!() };
                let Some((_, Value::Struct(metadata))) = fields.iter_mut().find(|(number, _)| *number == 3)
                else {
                    panic!()
                };
                set(metadata, 11, Value::Int(6, 0));
            }
        }
    }
    let mut old = bytes[..start as usize].to_vec();
    let mut footer = Vec::new();
    thrift::write(&fields, &mut footer);
    old.extend_from_slice(&footer);
    old.extend_from_slice(&(footer.len() as u32).to_le_bytes());
    old.extend_from_slice(MAGIC);
    assert!(read(&old).unwrap() == read(&bytes).unwrap());
    comes_back(&bytes);
}

#[test]
fn text_bytes_and_times_of_other_formats_become_columns_of_their_types() {
    use baler_data::dataset::kind::{Kind, TimeUnit};
    let of = |name: &str, shape: &[usize], values, kind| {
        let mut variable = Variable::new(name, shape.to_vec(), values).unwrap();
        variable.storage.kind = kind;
        variable
    };
    let dataset = Dataset::from_arrays(vec![
        of("s", &[2, 3], Values::U8(b"ab\0xyz".to_vec()), Kind::Text),
        of("u", &[2, 2], Values::U32(vec!['é' as u32, 0, '€' as u32, 'x' as u32]), Kind::Text),
        of("b", &[2, 2], Values::U8(vec![0, 255, 7, 0]), Kind::Bytes),
        of("t", &[2], Values::I64(vec![1, -2]), Kind::Time(TimeUnit::Second)),
        of("d", &[2], Values::I64(vec![20_000, 0]), Kind::Time(TimeUnit::Day)),
    ]);
    let back = read(&write(&dataset).unwrap()).unwrap();
    let found = |name: &str| back.variable(name).map(|v| (v.values.clone(), v.storage.kind)).unwrap();
    assert_eq!(found("s"), (Values::U8(b"abxyz".to_vec()), Kind::Text));
    assert_eq!(found("s#counts").0, Values::U32(vec![2, 3]));
    assert_eq!(found("u"), (Values::U8("é€x".as_bytes().to_vec()), Kind::Text));
    assert_eq!(found("b"), (Values::U8(vec![0, 255, 7, 0]), Kind::Bytes));
    assert_eq!(found("t"), (Values::I64(vec![1000, -2000]), Kind::Time(TimeUnit::Millisecond)));
    assert_eq!(found("d"), (Values::I32(vec![20_000, 0]), Kind::Time(TimeUnit::Day)));
}

#[test]
fn forged_footers_are_refused() {
    let bytes = file(&map(), 8);
    let told = |bytes: &[u8]| read(bytes).unwrap_err().to_string();
    let n = bytes.len();
    assert!(told(&bytes[..n - 1]).contains("expected PAR1 at the end"));
    let long = [&bytes[..n - 8], &u32::MAX.to_le_bytes(), b"PAR1"].concat();
    assert!(told(&long).contains("expected a footer of 4294967295 bytes"));
    let sealed = [&bytes[..n - 4], b"PARE"].concat();
    assert!(told(&sealed).contains("write it without encryption"));
    let mut elements = map();
    set(&mut elements[1].0, 5, Value::Int(6, 1 << 40));
    let forged = Footer::splice(bytes.clone(), &elements, &[], None).unwrap();
    assert!(told(&forged).contains("counts other elements than it has"));
    let deep: Vec<Element> =
        std::iter::once(root(1)).chain((0..100_000).map(|_| element(1, "a", None, 1))).collect();
    let forged = Footer::splice(bytes, &deep, &[], None).unwrap();
    assert!(told(&forged).contains("at most 64 groups in each other"));
    assert!(guarded("x", || schema::leaves(&[])).is_err());
    let stored = ColumnType { dtype: DType::I32, width: None, kind: baler_data::dataset::kind::Kind::Number };
    assert_eq!(schema::field_of("x", stored, &[Level::Optional]).len(), 1);
}
