//! Promises: values are those that the tags say, and what is written is stored as the source was.

use super::directory::tag;
use crate::{Format, ReadOptions, read_bytes, write};
use baler_data::dataset::{DType, Dataset, Values};

/// A little-endian TIFF of one page: the pixels at byte 8, then a directory of (tag, values), sorted by tag.
fn file(pixels: &[u8], tags: &[(u16, &[u32])], description: &str) -> Vec<u8> {
    let mut out = b"II\x2a\0\0\0\0\0".to_vec();
    out.extend_from_slice(pixels);
    let mut entries: Vec<(u16, u16, usize, Vec<u8>)> = tags
        .iter()
        .map(|(tag, values)| (*tag, 4, values.len(), values.iter().flat_map(|v| v.to_le_bytes()).collect()))
        .collect();
    entries.push((tag::DESCRIPTION, 2, description.len() + 1, [description.as_bytes(), b"\0"].concat()));
    entries.sort();
    for (_, _, _, bytes) in &mut entries {
        if bytes.len() > 4 {
            let place = out.len() as u32;
            out.extend_from_slice(bytes);
            *bytes = place.to_le_bytes().to_vec();
        }
        bytes.resize(4, 0);
    }
    let place = (out.len() as u32).to_le_bytes();
    out[4..8].copy_from_slice(&place);
    out.extend_from_slice(&(entries.len() as u16).to_le_bytes());
    for (tag, kind, count, bytes) in entries {
        out.extend_from_slice(&tag.to_le_bytes());
        out.extend_from_slice(&u16::to_le_bytes(kind));
        out.extend_from_slice(&(count as u32).to_le_bytes());
        out.extend(bytes);
    }
    out.extend_from_slice(&[0; 4]);
    out
}

fn read(bytes: &[u8]) -> Dataset {
    read_bytes(bytes, Format::Tiff, &ReadOptions::default()).unwrap()
}

/// Reads, writes and reads again: the same values, and a file that is written the same once more. Returns both.
fn there_and_back(bytes: &[u8]) -> (Dataset, Vec<u8>) {
    let dataset = read(bytes);
    let back = write(&dataset, Format::Tiff).unwrap();
    assert_eq!(read(&back).variables, dataset.variables);
    assert_eq!(write(&read(&back), Format::Tiff).unwrap(), back);
    (dataset, back)
}

#[test]
fn bits_the_other_way_around_are_turned_and_written_so() {
    let pixels: Vec<u8> = [37u16, 256, 5, 65535].iter().flat_map(|v| v.to_le_bytes()).collect();
    let turned: Vec<u8> = pixels.iter().map(|byte| byte.reverse_bits()).collect();
    let tags: &[(u16, &[u32])] =
        &[(256, &[2]), (257, &[2]), (258, &[16]), (266, &[2]), (273, &[8]), (278, &[2]), (279, &[8])];
    let (dataset, back) = there_and_back(&file(&turned, tags, ""));
    assert_eq!(dataset.variables[0].values, Values::U16(vec![37, 256, 5, 65535]));
    assert!(back.windows(8).any(|bytes| bytes == turned) && !back.windows(8).any(|bytes| bytes == pixels));
}

#[test]
fn the_order_of_bytes_is_that_of_the_file() {
    let page =
        baler_data::dataset::Variable::new("data", vec![2, 3], Values::U16(vec![1, 2, 3, 4, 5, 6])).unwrap();
    let mut big = Dataset::from_arrays(vec![page]);
    big.variables[0].storage.big_endian = true;
    let bytes = write(&big, Format::Tiff).unwrap();
    assert_eq!(&bytes[..4], b"MM\0\x2a");
    // As a source of bytes, which have no order of their own.
    let mut dataset = read(&bytes);
    dataset.variables[0].values = Values::U8(vec![1, 2, 3, 4, 5, 6]);
    dataset.variables[0].storage.big_endian = false;
    let bytes = write(&dataset, Format::Tiff).unwrap();
    assert_eq!(&bytes[..4], b"MM\0\x2a");
    assert_eq!(there_and_back(&bytes).1, bytes);
}

#[test]
fn pages_without_directories_are_read_and_written_in_one_piece() {
    let pixels: Vec<u8> = (0..36).collect();
    let tags: &[(u16, &[u32])] =
        &[(256, &[4]), (257, &[3]), (258, &[8]), (273, &[8]), (278, &[3]), (279, &[12])];
    for (notes, promise) in [
        ("ImageJ=1.11a\nimages=3\nslices=3\n", "=3"),
        ("{\"shape\": [3, 3, 4], \"truncated\": true}", "shape"),
    ] {
        let (dataset, back) = there_and_back(&file(&pixels, tags, notes));
        assert_eq!((dataset.variables[0].shape.as_slice(), dataset.variables.len()), (&[3, 3, 4][..], 1));
        assert!(back.windows(36).any(|bytes| bytes == pixels));
        assert!(back.len() < 36 + 400, "one directory");
        // Fewer pages break the promise of the notes, which then goes.
        let mut fewer = dataset.clone();
        fewer.variables[0].shape[0] = 2;
        fewer.variables[0].values = Values::U8(pixels[..24].to_vec());
        let fewer = write(&fewer, Format::Tiff).unwrap();
        assert_eq!(read(&fewer).variables[0].shape, [2, 3, 4]);
        assert!(!fewer.windows(promise.len()).any(|bytes| bytes == promise.as_bytes()));
    }
    let damaged = file(&pixels[..30], tags, "ImageJ=1.11a\nimages=300\n");
    assert_eq!(read(&damaged).variables[0].shape, [3, 4]);
}

#[test]
fn the_pixels_of_all_pages_stand_together_before_the_directories() {
    let values = Values::U16((0..90).collect());
    let variable = baler_data::dataset::Variable::new("data", vec![3, 3, 10], values).unwrap();
    let bytes = write(&Dataset::from_arrays(vec![variable]), Format::Tiff).unwrap();
    let pixels: Vec<u8> = (0..90u16).flat_map(u16::to_le_bytes).collect();
    assert_eq!(&bytes[16..16 + 180], pixels);
}

#[test]
fn tiles_told_in_the_tags_of_strips_are_read() {
    // Two tiles of 16 x 16 for a page of 20 x 16.
    let pixels: Vec<u8> = (0..512).map(|i| (i / 256 * 100 + i % 16) as u8).collect();
    let tags: &[(u16, &[u32])] = &[
        (256, &[20]),
        (257, &[16]),
        (258, &[8]),
        (273, &[8, 264]),
        (279, &[256, 256]),
        (322, &[16]),
        (323, &[16]),
    ];
    let (dataset, _) = there_and_back(&file(&pixels, tags, ""));
    let Values::U8(values) = &dataset.variables[0].values else { panic!() };
    assert_eq!(&values[14..20], [14, 15, 100, 101, 102, 103]);
}

#[test]
fn few_bits_and_complex_numbers_keep_their_type() {
    let tags = |bits: u32, format: u32| {
        [
            (256, vec![5]),
            (257, vec![2]),
            (258, vec![bits]),
            (273, vec![8]),
            (278, vec![2]),
            (279, vec![80]),
            (339, vec![format]),
        ]
    };
    let read_with = |pixels: &[u8], bits, format| {
        let tags = tags(bits, format);
        let tags: Vec<(u16, &[u32])> = tags.iter().map(|(tag, values)| (*tag, values.as_slice())).collect();
        there_and_back(&file(pixels, &tags, ""))
    };
    let pixels: Vec<u8> = (0..80).collect();
    let (dataset, _) = read_with(&[&[0b1010_0000, 0b0111_1000][..], &pixels].concat(), 1, 1);
    assert_eq!(dataset.variables[0].values, Values::Bool(vec![1, 0, 1, 0, 0, 0, 1, 1, 1, 1]));
    let (dataset, back) = read_with(&pixels, 12, 1);
    assert_eq!(dataset.variables[0].values.dtype(), DType::U16);
    assert!(
        back.windows(8).any(|bytes| bytes == [0, 1, 2, 3, 4, 5, 6, 0]),
        "a row ends within its last byte"
    );
    let (dataset, _) = read_with(&pixels, 64, 6);
    assert_eq!(
        (dataset.variables[0].shape.as_slice(), dataset.variables[0].values.dtype()),
        (&[2, 5, 2][..], DType::F32)
    );
    // Values that need more bits than the source had get whole bytes.
    let (mut dataset, _) = read_with(&pixels, 4, 1);
    dataset.variables[0].values = Values::U8(vec![200; 10]);
    let back = read(&write(&dataset, Format::Tiff).unwrap());
    assert_eq!(back.variables[0].values, Values::U8(vec![200; 10]));
}

#[test]
fn compression_prediction_strips_and_tiles_are_those_of_the_source() {
    let values: Vec<u16> = (0..40 * 30 * 3).map(|i| (i % 90 * 7 + i / 90) as u16).collect();
    let variable = baler_data::dataset::Variable::new("data", vec![40, 30, 3], Values::U16(values)).unwrap();
    let plain = Dataset::from_arrays(vec![variable]);
    let tags = |tags: &[(u16, u32)]| {
        let mut all = vec![(256, 30), (257, 40), (258, 16), (277, 3), (279, 7200)];
        all.extend_from_slice(tags);
        all
    };
    for (compression, predictor, tiled, planar) in [
        (5u32, 2u32, false, 1u32),
        (8, 2, true, 1),
        (32773, 1, false, 2),
        (50000, 1, true, 2),
        (8, 1, false, 1),
    ] {
        let mut told = tags(&[(317, predictor), (284, planar)]);
        told.extend(if tiled { [(322, 16), (323, 16)] } else { [(278, 7), (278, 7)] });
        told.dedup();
        // A page without pixels tells how it is stored; the values come after.
        told.push((259, compression));
        let n_blocks = 6 * if planar == 2 { 3 } else { 1 };
        let none = vec![0u32; n_blocks];
        let mut entries: Vec<(u16, &[u32])> = told
            .iter()
            .filter(|t| t.0 != 279)
            .map(|(tag, value)| (*tag, std::slice::from_ref(value)))
            .collect();
        entries.extend([(273, &none[..]), (279, &none[..])]);
        let mut dataset = read(&file(&[], &entries, "kept"));
        assert_eq!(dataset.variables[0].values.len(), 3600);
        dataset.variables[0].values = plain.variables[0].values.clone();
        let (back, bytes) = there_and_back(&write(&dataset, Format::Tiff).unwrap());
        assert_eq!(back.variables[0].values, plain.variables[0].values);
        assert!(bytes.len() < 7000 || compression == 32773, "{compression} {}", bytes.len());
        let opened = super::Tiff::open(crate::store::Region::of_bytes(bytes)).unwrap();
        let stored = opened.pages[0].stored;
        assert_eq!((u32::from(stored.compression), u32::from(stored.predictor)), (compression, predictor));
        assert_eq!(stored.block, if tiled { (16, 16) } else { (30, 7) });
    }
}

#[test]
fn notes_name_axes_and_what_is_left_of_them_is_told() {
    use crate::{Format, ReadOptions, lost, read_bytes, write};
    use baler_data::dataset::Variable;
    use baler_data::metadata::{About, Attribute, Metadata, Value};
    use baler_data::source::Schema;
    let values = Values::U16((0..4 * 6).collect());
    let mut stack = Dataset::from_arrays(vec![Variable::new("data", vec![4, 2, 3], values).unwrap()]);
    let text = |name: &str, text: &str| Attribute { name: name.into(), value: Value::Text(text.into()) };
    let size = Value::Numbers { shape: vec![2], values: Values::F64(vec![0.5, 0.25]) };
    let attributes = vec![
        text("description", "ImageJ=1.53\nimages=4\nslices=4\nunit=cm\nspacing=2.0\n"),
        Attribute { name: "pixel_size".into(), value: size.clone() },
        text("pixel_size_unit", "cm"),
        Attribute { name: "_FillValue".into(), value: Value::number(Values::U16(vec![7])) },
    ];
    let about = About { attributes, ..About::new("data") };
    let known = Metadata { groups: Vec::new(), variables: vec![about] };
    stack.attachments.extend(known.attachment(1));
    assert_eq!(lost(&Schema::of(&stack), Format::Tiff), None);
    let read = |dataset: &Dataset| {
        read_bytes(&write(dataset, Format::Tiff).unwrap(), Format::Tiff, &ReadOptions::default()).unwrap()
    };
    let mut back = read(&stack);
    let known = back.shared_metadata();
    let about = known.about("data").unwrap();
    let axes: Vec<&str> = about.axes.iter().map(|axis| axis.name.as_str()).collect();
    assert_eq!(axes, ["z", "y", "x"]);
    assert_eq!(about.attribute("pixel_size"), Some(&size));
    assert_eq!((about.missing(), about.attribute("page_spacing").unwrap().first()), (Some(7.0), Some(2.0)));
    assert_eq!(lost(&Schema::of(&back), Format::Tiff), None);
    // Two of the pages.
    back.variables[0] = Variable::new("data", vec![2, 2, 3], Values::U16((0..12).collect())).unwrap();
    let told = lost(&Schema::of(&back), Format::Tiff).unwrap();
    assert!(told.contains("not written: which pages are channels, slices and frames (ImageJ)"), "{told}");
    let part = read(&back);
    assert_eq!(part.variables[0].shape, [2, 2, 3]);
    let bytes = write(&part, Format::Tiff).unwrap();
    let notes = b"ImageJ=1.53\nimages=2\nunit=cm\nspacing=2.0\n\0";
    assert!(bytes.windows(notes.len()).any(|w| w == notes));
}
