//! Files of units of every kind come back byte for byte.

use super::header::{card, quoted};
use super::*;
use crate::{Format, ReadOptions, read_bytes};
use baler_data::dataset::{Dataset, Variable};

/// A header of cards as (keyword, value), where texts stand in quotes.
fn header(cards: &[(&str, &str)]) -> Header {
    let of = |&(keyword, value): &(&str, &str)| match value.strip_prefix('\'') {
        Some(text) => card(keyword, &quoted(text.trim_end_matches('\''))),
        None => card(keyword, &format!("{value:>20} / a comment")),
    };
    Header { cards: cards.iter().map(of).collect() }
}

fn unit(cards: &[(&str, &str)], data: &[u8], out: &mut Vec<u8>) {
    let fill = if cards[0].1 == "'TABLE'" { b' ' } else { 0 };
    let mut data = data.to_vec();
    data.resize(data.len().next_multiple_of(BLOCK), fill);
    let mut header = header(cards);
    checksum::update(&mut header, &data);
    header.append(out);
    out.extend_from_slice(&data);
}

fn table<'a>(
    row_bytes: &'a str,
    n_rows: &'a str,
    heap: &'a str,
    forms: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let start = [
        ("XTENSION", "'BINTABLE'"),
        ("BITPIX", "8"),
        ("NAXIS", "2"),
        ("NAXIS1", row_bytes),
        ("NAXIS2", n_rows),
        ("PCOUNT", heap),
        ("GCOUNT", "1"),
    ];
    [&start, forms].concat()
}

/// Random groups, text alone, lists, bits and complex numbers, packed images, tables of text, unknown units, nothing.
fn everything() -> Vec<u8> {
    let mut out = Vec::new();
    let groups = [("SIMPLE", "T"), ("BITPIX", "16"), ("NAXIS", "2"), ("NAXIS1", "0"), ("NAXIS2", "3")];
    let more = [("GROUPS", "T"), ("PCOUNT", "2"), ("GCOUNT", "2"), ("CHECKSUM", "'0'"), ("DATASUM", "'0'")];
    unit(&[groups, more].concat(), &(0..20).collect::<Vec<u8>>(), &mut out);
    let text = [("TFIELDS", "1"), ("TTYPE1", "'NAME'"), ("TFORM1", "'4A'"), ("EXTNAME", "'TEXT'")];
    unit(&table("4", "2", "0", &text), b"starpla\0", &mut out);
    unit(&table("0", "3", "0", &[("TFIELDS", "0")]), b"", &mut out);
    let forms = [
        ("TFIELDS", "6"),
        ("TTYPE1", "'LIST'"),
        ("TFORM1", "'1PI(2)'"),
        ("TTYPE2", "'BITS'"),
        ("TFORM2", "'11X'"),
        ("TTYPE3", "'LIST'"),
        ("TFORM3", "'C'"),
        ("TFORM4", "'0J'"),
        ("TTYPE5", "'WIDE'"),
        ("TFORM5", "'QA(3)'"),
        ("TFORM6", "'J'"),
        ("TNULL6", "-1"),
        ("EXTNAME", "'TEXT'"),
        ("CHECKSUM", "'0'"),
    ];
    let mut rows = Vec::new();
    for (n, at, n_wide, at_wide) in [(2i32, 0i32, 1i64, 6i64), (1, 4, 3, 7)] {
        [n, at].iter().for_each(|x| rows.extend_from_slice(&x.to_be_bytes()));
        rows.extend_from_slice(&[0xab, 0xe0, 0x3f, 0x80, 0, 0, 0x40, 0, 0, 0]);
        [n_wide, at_wide].iter().for_each(|x| rows.extend_from_slice(&x.to_be_bytes()));
        rows.extend_from_slice(&(-1i32).to_be_bytes());
    }
    rows.extend_from_slice(&[0, 1, 0, 2, 0, 3]);
    rows.extend_from_slice(b"abcd");
    unit(&table("38", "2", "10", &forms), &rows, &mut out);
    let packed = [
        ("TFIELDS", "2"),
        ("TTYPE1", "'COMPRESSED_DATA'"),
        ("TFORM1", "'1PB(3)'"),
        ("TTYPE2", "'ZSCALE'"),
        ("TFORM2", "'1D'"),
        ("ZIMAGE", "T"),
        ("ZBITPIX", "16"),
    ];
    unit(
        &table("16", "1", "3", &packed),
        &[0, 0, 0, 3, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 7, 8, 9],
        &mut out,
    );
    // Both descriptors point to the same items, and there is a gap before them.
    let shared = [("TFIELDS", "1"), ("TFORM1", "'1PB(2)'"), ("THEAP", "17")];
    let descriptors = [[0, 0, 0, 2, 0, 0, 0, 0]; 2].concat();
    unit(&table("8", "2", "3", &shared), &[&descriptors[..], &[0, 5, 6]].concat(), &mut out);
    // A descriptor that points nowhere: as it is.
    let wrong = [("TFIELDS", "1"), ("TFORM1", "'1PE(2)'"), ("EXTNAME", "'WRONG'")];
    unit(&table("8", "1", "2", &wrong), &[0, 0, 0, 9, 0, 0, 0, 9, 1, 2], &mut out);
    let lines = [("XTENSION", "'TABLE'"), ("BITPIX", "8"), ("NAXIS", "2"), ("NAXIS1", "5"), ("NAXIS2", "2")];
    let lines_more = [
        ("PCOUNT", "0"),
        ("GCOUNT", "1"),
        ("TFIELDS", "1"),
        ("TFORM1", "'I5'"),
        ("TBCOL1", "1"),
        ("DATASUM", "'0'"),
    ];
    unit(&[&lines[..], &lines_more].concat(), b"   12-9999", &mut out);
    let other = [
        ("XTENSION", "'FOREIGN'"),
        ("BITPIX", "8"),
        ("NAXIS", "1"),
        ("NAXIS1", "7"),
        ("PCOUNT", "0"),
        ("GCOUNT", "1"),
    ];
    unit(&other, &[1, 2, 3, 4, 5, 6, 255], &mut out);
    let empty = [
        ("XTENSION", "'IMAGE'"),
        ("BITPIX", "16"),
        ("NAXIS", "2"),
        ("NAXIS1", "0"),
        ("NAXIS2", "3"),
        ("PCOUNT", "0"),
        ("GCOUNT", "1"),
    ];
    unit(&empty, b"", &mut out);
    out
}

fn read(bytes: &[u8], options: &ReadOptions) -> Dataset {
    read_bytes(bytes, Format::Fits, options).unwrap()
}

#[test]
fn units_of_every_kind_come_back() {
    let options = ReadOptions::default();
    let mut bytes = everything();
    let dataset = read(&bytes, &options);
    let told = options.warnings.take();
    assert!(told.len() == 1 && told[0].contains("is a compressed image"), "{told:?}");
    let of = |name: &str| dataset.variable(name).unwrap_or_else(|| panic!("{name}"));
    assert_eq!(
        (of("PRIMARY/parameters").shape.clone(), of("PRIMARY/data").shape.clone()),
        (vec![2, 2], vec![2, 3])
    );
    assert_eq!(of("PRIMARY/data").values, Values::I16(vec![1029, 1543, 2057, 3599, 4113, 4627]));
    assert_eq!((of("TEXT/NAME").storage.kind, &of("TEXT/NAME").shape[..]), (Kind::Text, &[2, 4][..]));
    assert_eq!(of("TEXT.2/LIST").values, Values::I16(vec![1, 2, 3]));
    assert_eq!(of("TEXT.2/LIST#counts").values, Values::I32(vec![2, 1]));
    assert_eq!(
        (of("TEXT.2/LIST.2").storage.kind, &of("TEXT.2/LIST.2").shape[..]),
        (Kind::Complex, &[2, 2][..])
    );
    assert_eq!(
        (of("TEXT.2/WIDE").values.clone(), of("TEXT.2/WIDE").storage.kind),
        (Values::U8(b"abcd".to_vec()), Kind::Text)
    );
    assert!(
        dataset
            .variables
            .iter()
            .filter(|v| v.name.starts_with("HDU4/C"))
            .all(|v| v.name.ends_with("#counts") || v.storage.kind == Kind::Bytes)
    );
    assert_eq!(dataset.shared_metadata().missing(), [("TEXT.2/column6".to_string(), -1.0)]);
    let back = write(&dataset).unwrap();
    // The items that two descriptors share are written twice, behind no gap: another heap, the same lists.
    assert!(read(&back, &options).variables == dataset.variables);
    let shared = bytes.windows(5).position(|w| w == [0, 0, 5, 6, 0]).unwrap();
    bytes.drain(shared..);
    assert!(back[..bytes.len() - 4 * BLOCK] == bytes[..bytes.len() - 4 * BLOCK]);
    let again = write(&read(&back, &options)).unwrap();
    assert!(again == back);
}

#[test]
fn gzip_is_undone_and_done() {
    // As it was written: items that were shared are there twice, so that units of lists have other sizes.
    let written = write(&read(&everything(), &ReadOptions::default())).unwrap();
    let dataset = read(&written, &ReadOptions::default());
    let packed = write_gzip(&dataset).unwrap();
    assert_eq!(Format::from_magic(&packed), Some(Format::FitsGz));
    assert!(read_bytes(&packed, Format::FitsGz, &ReadOptions::default()).unwrap() == dataset);
    let of_name = |name: &str| Format::from_path(std::path::Path::new(name)).ok();
    assert_eq!(
        (of_name("a.fits.gz"), of_name("a.FIT.GZ"), of_name("a.b.gz")),
        (Some(Format::FitsGz), Some(Format::FitsGz), None)
    );
    let other = [&GZIP[..], b"no FITS"].concat();
    let told = read_bytes(&other, Format::FitsGz, &ReadOptions::default()).unwrap_err();
    assert_eq!(told.to_string(), "expected a FITS file in gzip, found other bytes");
}

#[test]
fn units_of_one_variable_go_with_it() {
    let bytes = everything();
    let inner = ReadOptions { inner: Some("TEXT/NAME".into()), ..ReadOptions::default() };
    let back = write(&read(&bytes, &inner)).unwrap();
    let names: Vec<String> =
        read(&back, &ReadOptions::default()).variables.into_iter().map(|v| v.name).collect();
    assert_eq!(names, ["TEXT/NAME"]);
    let few = ReadOptions { drop: vec!["TEXT.2/LIST".into()], ..ReadOptions::default() };
    let back = read(&write(&read(&bytes, &few)).unwrap(), &ReadOptions::default());
    assert!(back.variable("TEXT.2/WIDE").is_some() && back.variable("TEXT.2/LIST#counts").is_none());
}

#[test]
fn what_is_behind_the_last_unit_is_told() {
    let options = ReadOptions::default();
    let mut bytes = everything();
    bytes.extend_from_slice(&[0; 999]);
    read(&bytes, &options);
    assert_eq!(options.warnings.take().len(), 1);
    bytes.extend_from_slice(b"more");
    read(&bytes, &options);
    assert_eq!(options.warnings.take()[1], "1003 bytes behind the last unit are not kept");
}

#[test]
fn units_and_attributes_become_cards() {
    use baler_data::metadata::{About, Attribute, Metadata, Value};
    let text = |name: &str, text: &str| Attribute { name: name.into(), value: Value::Text(text.into()) };
    let number = Attribute { name: "exptime".into(), value: Value::number(Values::F64(vec![1.5])) };
    let about = About { attributes: vec![text("units", "m / s"), number], ..About::new("u") };
    let known = Metadata { variables: vec![about], ..Metadata::default() };
    let variable = Variable::new("u", vec![2], Values::F32(vec![1.0, 2.0])).unwrap();
    let mut dataset = Dataset::from_arrays(vec![variable]);
    dataset.attachments.extend(known.attachment(1));
    let back = read(&write(&dataset).unwrap(), &ReadOptions::default()).shared_metadata();
    let about = back.about("u").unwrap();
    assert_eq!(about.units(), Some("m / s"));
    assert_eq!(about.attribute("EXPTIME").and_then(Value::first), Some(1.5));
}

#[test]
fn lists_beside_descriptors_that_point_nowhere_come_back() {
    let mut bytes = Vec::new();
    unit(&[("SIMPLE", "T"), ("BITPIX", "8"), ("NAXIS", "0")], b"", &mut bytes);
    let forms = [("TFIELDS", "2"), ("TFORM1", "'1PB(2)'"), ("TFORM2", "'1PE(9)'"), ("THEAP", "19")];
    let rows = [0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 9];
    unit(&table("16", "1", "5", &forms), &[&rows[..], &[0, 0, 0, 7, 8]].concat(), &mut bytes);
    let dataset = read(&bytes, &ReadOptions::default());
    assert_eq!(dataset.variable("HDU1/column1").unwrap().values, Values::U8(vec![7, 8]));
    assert_eq!(dataset.variable("HDU1/column2").unwrap().values, Values::U8(rows[8..].to_vec()));
    let back = read(&write(&dataset).unwrap(), &ReadOptions::default());
    assert!(back.variables == dataset.variables);
}
