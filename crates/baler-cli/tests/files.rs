//! Promise: a file comes back as the file it was: members, order, dtypes, byte order, Fortran order, text.

mod support;

use support::Folder;

/// An npy file with any header and data.
fn npy(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let fortran = if fortran { "True" } else { "False" };
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}");
    while !(10 + header.len() + 1).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    let length = (header.len() as u16).to_le_bytes();
    [&b"\x93NUMPY\x01\x00"[..], &length, header.as_bytes(), data].concat()
}

/// `text` as NumPy's `<U{width}`.
fn text(items: &[&str], width: usize) -> Vec<u8> {
    let padded = |item: &&str| item.chars().chain(std::iter::repeat('\0')).take(width).collect::<Vec<_>>();
    items.iter().flat_map(padded).flat_map(|c| (c as u32).to_le_bytes()).collect()
}

/// A stored (not deflated) zip.
fn zip(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let crc32 = |bytes: &[u8]| {
        !bytes.iter().fold(!0u32, |crc, byte| {
            (0..8).fold(crc ^ *byte as u32, |c, _| if c & 1 == 1 { c >> 1 ^ 0xedb8_8320 } else { c >> 1 })
        })
    };
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in members {
        let name = format!("{name}.npy");
        let offset = out.len() as u32;
        let mut fields = [20u16, 0, 0, 0, 33].map(u16::to_le_bytes).concat();
        fields.extend([crc32(bytes), bytes.len() as u32, bytes.len() as u32].map(u32::to_le_bytes).concat());
        fields.extend([name.len() as u16, 0].map(u16::to_le_bytes).concat());
        out.extend([b"PK\x03\x04", &fields[..], name.as_bytes(), bytes].concat());
        directory.extend([b"PK\x01\x02\x14\x00", &fields[..]].concat());
        directory.extend([&[0; 10][..], &offset.to_le_bytes(), name.as_bytes()].concat());
    }
    let n = members.len() as u16;
    let (at, size) = (out.len() as u32, directory.len() as u32);
    out.extend(directory);
    out.extend([b"PK\x05\x06\0\0\0\0", &n.to_le_bytes()[..], &n.to_le_bytes()].concat());
    out.extend([&size.to_le_bytes()[..], &at.to_le_bytes(), &[0, 0]].concat());
    out
}

/// Name and bytes of every member of a stored zip, in order.
fn unzip(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let u16_at = |at: usize| u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap()) as usize;
    let u32_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let end = (0..bytes.len() - 21).rev().find(|&at| bytes[at..].starts_with(b"PK\x05\x06")).unwrap();
    let mut at = u32_at(end + 16);
    (0..u16_at(end + 10))
        .map(|_| {
            assert_eq!(u16_at(at + 10), 0, "stored");
            let (size, name_len, local) = (u32_at(at + 24), u16_at(at + 28), u32_at(at + 42));
            let name = String::from_utf8(bytes[at + 46..at + 46 + name_len].to_vec()).unwrap();
            let data = local + 30 + u16_at(local + 26) + u16_at(local + 28);
            at += 46 + name_len + u16_at(at + 30) + u16_at(at + 32);
            (name, bytes[data..data + size].to_vec())
        })
        .collect()
}

/// Shape, descr and order from an npy header, and the data.
fn parsed(npy: &[u8]) -> (String, &[u8]) {
    let start = 10 + u16::from_le_bytes([npy[8], npy[9]]) as usize;
    let header: String = String::from_utf8_lossy(&npy[10..start]).split_whitespace().collect();
    (header, &npy[start..])
}

fn round_trip(members: &[(&str, Vec<u8>)]) {
    let folder = Folder::new();
    std::fs::write(folder.path("x.npz"), zip(members)).unwrap();
    folder.ok(&["compress", "x.npz", "-o", "x.bale", "--lossless", "-q"]);
    folder.ok(&["decompress", "x.bale", "-o", "back.npz", "-q"]);
    let back = unzip(&std::fs::read(folder.path("back.npz")).unwrap());
    let names: Vec<String> = members.iter().map(|(name, _)| format!("{name}.npy")).collect();
    assert_eq!(back.iter().map(|(name, _)| name).collect::<Vec<_>>(), names.iter().collect::<Vec<_>>());
    for ((name, before), (_, after)) in members.iter().zip(&back) {
        assert_eq!(parsed(before), parsed(after), "{name}");
    }
    folder.ok(&["verify", "x.bale", "--against", "x.npz", "-q"]);
}

fn table(descr: &str, fortran: bool) -> Vec<u8> {
    let values: Vec<u8> = (0..30 * 3)
        .flat_map(|i| {
            let x = (i as f64 * 0.7).sin();
            match descr {
                "<f4" => (x as f32).to_le_bytes().to_vec(),
                ">f4" => (x as f32).to_be_bytes().to_vec(),
                ">f8" => x.to_be_bytes().to_vec(),
                _ => x.to_le_bytes().to_vec(),
            }
        })
        .collect();
    npy(descr, fortran, "(30, 3)", &values)
}

#[test]
fn tables_with_names_and_kinds_come_back_in_every_order() {
    let names = npy("<U8", false, "(3,)", &text(&["pt", "η", "mass_jet"], 8));
    let kinds = npy("<U7", false, "(3,)", &text(&["float", "angle", "float"], 7));
    for descr in ["<f4", ">f4", "<f8", ">f8"] {
        for fortran in [false, true] {
            round_trip(&[
                ("data", table(descr, fortran)),
                ("names", names.clone()),
                ("kinds", kinds.clone()),
            ]);
            round_trip(&[
                ("kinds", kinds.clone()),
                ("names", names.clone()),
                ("weights", npy("<i2", false, "(4,)", &[1, 0, 2, 0, 3, 0, 255, 255])),
                ("data", table(descr, fortran)),
            ]);
        }
    }
}

#[test]
fn arrays_of_every_dtype_and_order_come_back() {
    let bytes: Vec<u8> = (0..192u32).map(|i| (i * 37 % 251) as u8).collect();
    let mut members = Vec::new();
    let dtypes = [
        "|b1", "|i1", "|u1", "<i2", ">i2", "<u2", ">u2", "<i4", ">i4", "<u4", ">u4", "<i8", ">i8", "<u8",
        ">u8", "<f2", ">f2", "<f4", ">f4", "<f8", ">f8",
    ];
    let names: Vec<String> = dtypes
        .iter()
        .map(|descr| format!("a{}{}", &descr[1..], (descr.as_bytes()[0] == b'>') as u8))
        .collect();
    for (i, (descr, name)) in dtypes.iter().zip(&names).enumerate() {
        let size: usize = descr[2..].parse().unwrap();
        let data: Vec<u8> =
            if *descr == "|b1" { bytes.iter().map(|x| x & 1).collect() } else { bytes.clone() };
        members.push((name.as_str(), npy(descr, i % 3 == 0, "(2, 3, 4)", &data[..24 * size])));
    }
    members.push(("scalar", npy("<f8", false, "()", &2.5f64.to_le_bytes())));
    members.push(("none", npy(">f4", false, "(3, 0, 2)", &[])));
    members.push(("words", npy("<U3", false, "(2,)", &text(&["ab", "xyz"], 3))));
    round_trip(&members);
}

#[test]
fn single_arrays_and_tables_of_numbers_come_back() {
    let folder = Folder::new();
    for (i, (descr, fortran)) in
        [("<f8", false), (">f8", true), (">f4", false), ("<f4", true)].into_iter().enumerate()
    {
        let original = table(descr, fortran);
        std::fs::write(folder.path("x.npy"), &original).unwrap();
        let (archive, back) = (format!("{i}.bale"), format!("{i}.npy"));
        folder.ok(&["compress", "x.npy", "-o", &archive, "--lossless", "-q"]);
        folder.ok(&["decompress", &archive, "-o", &back, "-q"]);
        assert_eq!(parsed(&std::fs::read(folder.path(&back)).unwrap()), parsed(&original));
    }
    let text = "x,n,flag\n1.5,3,0\n-2.25e-3,4,1\n7,-5,0\n";
    std::fs::write(folder.path("t.csv"), text).unwrap();
    folder.ok(&["compress", "t.csv", "-o", "t.bale", "--lossless", "-q"]);
    folder.ok(&["decompress", "t.bale", "-o", "back.csv", "-q"]);
    let back = std::fs::read_to_string(folder.path("back.csv")).unwrap();
    let numbers = |text: &str| -> Vec<f64> {
        text.lines()
            .skip(1)
            .flat_map(|l| l.split(',').map(|x| x.parse().unwrap()).collect::<Vec<f64>>())
            .collect()
    };
    assert_eq!((back.lines().next(), numbers(&back)), (text.lines().next(), numbers(text)));
}

#[test]
fn outputs_are_replaced_only_when_told_and_errors_leave_nothing() {
    let folder = Folder::new();
    std::fs::write(folder.path("x.npy"), table("<f8", false)).unwrap();
    std::fs::write(folder.path("y.npz"), b"theirs").unwrap();
    folder.ok(&["compress", "x.npy", "-o", "x.bale", "--rel", "1e-3", "-q"]);
    let line = folder.refused(&["decompress", "x.bale", "-o", "y.npz"]);
    assert!(line.contains("use -f"), "{line}");
    assert_eq!(std::fs::read(folder.path("y.npz")).unwrap(), b"theirs");
    folder.ok(&["decompress", "x.bale", "-o", "y.npz", "-f", "-q"]);
    for args in [
        &["decompress", "x.npy", "-o", "z.npy"][..],
        &["decompress", "x.bale", "-o", "z.parquet"],
        &["decompress", "x.bale", "-o", "z.npy", "--slice", "400"],
        &["decompress", "x.bale", "-o", "z.npy", "--variables", "nothing"],
        &["compress", "x.npy", "-o", "z.bale", "--abs", "1", "--missing", "dta=3"],
        &["compress", "x.npy:inner", "-o", "z.bale", "--abs", "1"],
        &["compress", "x.bale", "-o", "z.bale", "--abs", "1"],
        &["inspect", "y.txt"],
        &["verify", "x.npy"],
    ] {
        let line = folder.refused(args);
        assert!(line.len() < 400, "{line}");
    }
    assert_eq!(folder.names(), ["x.bale", "x.npy", "y.npz"]);
}

#[test]
fn json_of_every_command_is_one_object() {
    let folder = Folder::new();
    std::fs::write(folder.path("x.npy"), table("<f4", false)).unwrap();
    let object = folder.ok(&["compress", "x.npy", "-o", "x.bale", "--rel", "1e-2", "--json"]).json();
    let keys =
        ["input_bytes", "archive_bytes", "model_bytes", "payload_bytes", "ratio", "verified", "variables"];
    assert!(keys.iter().all(|key| !object[key].is_null()), "{object}");
    let variable = &object["variables"][0];
    for key in ["name", "dtype", "shape", "method", "bound", "max_error", "bytes"] {
        assert!(!variable[key].is_null(), "{key} in {variable}");
    }
    assert_eq!(variable["bound"], serde_json::json!({"kind": "rel", "value": 1e-2}));
    folder.ok(&["verify", "x.bale", "--against", "x.npy", "--json"]).json();
    folder.ok(&["inspect", "x.bale", "--json"]).json();
    folder.ok(&["inspect", "x.npy", "--json"]).json();
    folder.ok(&["decompress", "x.bale", "-o", "y.npy", "--json"]).json();
}
