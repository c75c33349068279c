//! Files of every dialect come back byte for byte; columns become what they are; nothing panics.

use crate as io;
use crate::{Delimiter, Format, ReadOptions};
use baler_data::dataset::{Dataset, Layout, Values, Variable};
use baler_data::error::Result;

fn read(bytes: &[u8], options: &ReadOptions) -> Result<Dataset> {
    io::read_bytes(bytes, Format::Csv, options)
}

fn write(dataset: &Dataset) -> Vec<u8> {
    io::write(dataset, Format::Csv).unwrap()
}

fn read_text(text: &str) -> Dataset {
    read(text.as_bytes(), &ReadOptions::default()).unwrap()
}

/// Names and dtypes of the columns, text as `text`.
fn columns(dataset: &Dataset) -> Columns {
    let counts: Vec<usize> = dataset.variables.iter().filter_map(|v| Some(v.storage.lists?.counts)).collect();
    let of = |(idx, v): (usize, &Variable)| {
        let dtype = if v.storage.lists.is_some() { "text" } else { v.values.dtype().name() };
        (!counts.contains(&idx)).then(|| (v.name.clone(), dtype))
    };
    dataset.variables.iter().enumerate().filter_map(of).collect()
}

/// Names of columns and what they are read as.
type Columns = Vec<(String, &'static str)>;

/// What comes back of a file, and its columns.
fn round_trip(bytes: &[u8]) -> Result<(Vec<u8>, Columns)> {
    let dataset = read(bytes, &ReadOptions::default())?;
    Ok((write(&dataset), columns(&dataset)))
}

#[test]
fn columns_get_the_narrowest_kind_that_holds_them() {
    let text =
        "\u{feff}i, u ,b,f,m\n-1,18446744073709551615,true,1,\n2,0,False,2.5e3,nan\n3,1,TRUE,-inf,NA\n";
    let dataset = read_text(text);
    assert_eq!(dataset.variables[0].values, Values::I64(vec![-1, 2, 3]));
    assert_eq!(dataset.variables[1].values, Values::U64(vec![u64::MAX, 0, 1]));
    assert_eq!(dataset.variables[1].name, "u");
    assert_eq!(dataset.variables[2].values, Values::Bool(vec![1, 0, 1]));
    assert_eq!(dataset.variables[3].values, Values::F64(vec![1.0, 2500.0, f64::NEG_INFINITY]));
    let Values::F64(missing) = &dataset.variables[4].values else { panic!() };
    assert!(missing.iter().all(|x| x.is_nan()));
    assert_eq!(write(&dataset), text.as_bytes());
}

#[test]
fn values_come_back_bit_for_bit() {
    let floats = vec![0.1, -0.0, 1e300, 5e-324, f64::MAX, f64::INFINITY, 1.0, 0.30000000000000004];
    let n = floats.len();
    let variables = vec![
        Variable::new("a,\"b\"", vec![n], Values::F64(floats.clone())).unwrap(),
        Variable::new("n", vec![n], Values::I64((0..n as i64).map(|i| i - (i64::MAX - 7)).collect()))
            .unwrap(),
        Variable::new("t", vec![n], Values::Bool((0..n).map(|i| (i % 2) as u8).collect())).unwrap(),
        Variable::new("s", vec![n], Values::F32(floats.iter().map(|&x| x as f32).collect())).unwrap(),
    ];
    let dataset = Dataset { variables, layout: Layout::Columns, attachments: Vec::new() };
    let bytes = write(&dataset);
    let back = read(&bytes, &ReadOptions::default()).unwrap();
    assert_eq!(back.variables[1].values, dataset.variables[1].values);
    let Values::F64(found) = &back.variables[0].values else { panic!() };
    assert!(found.iter().zip(&floats).all(|(a, b)| a.to_bits() == b.to_bits()));
    assert!(bytes.starts_with(b"\"a,\"\"b\"\"\",n,t,s\n0.1,-9223372036854775800,false,0.1\n-0.0,"));
    assert_eq!(back.variables[2].values, dataset.variables[2].values);
    assert_eq!(write(&back), bytes);
}

/// Files that numbers alone would change, and what their columns are.
#[test]
fn files_that_numbers_would_change_come_back_byte_for_byte() {
    let cases: &[(&str, &[(&str, &str)])] = &[
        ("a,b\n1e999,1\n-1e999,2\n", &[("a", "text"), ("b", "int64")]),
        ("x\n1\n1e400\n", &[("x", "text")]),
        ("x,y\n1e-999,1\n2,3\n", &[("x", "text"), ("y", "int64")]),
        ("n,x\n9007199254740993,1\n,2\n", &[("n", "text"), ("x", "int64")]),
        ("n,x\n9007199254740992,1\n,2\n", &[("n", "float64"), ("x", "int64")]),
        ("n\n9007199254740993\n\n2\n", &[("n", "int64")]),
        ("n\n18446744073709551616\n1\n", &[("n", "float64")]),
        ("n\n18446744073709551616\n18446744073709551615\n", &[("n", "text")]),
        ("n\n18446744073709551615\n1\n", &[("n", "uint64")]),
        ("a,b\n9007199254740993,0.5\n9007199254740993.0,1\n1,2.25\n", &[("a", "text"), ("b", "float64")]),
        ("x\n0.12345678901234567890123\n", &[("x", "text")]),
        ("a\n1.10\n1.50\n", &[("a", "float64")]),
        ("zip,n\n02139,1\n10001,2\n", &[("zip", "text"), ("n", "int64")]),
        ("# made by x\na,b\n1,2\n", &[("a", "int64"), ("b", "int64")]),
        ("a,b\n1,2\n# a note\n\n3,4\n", &[("a", "int64"), ("b", "int64")]),
        ("date,v\n2024-01-01,1\n2024-01-02,2\n", &[("date", "text"), ("v", "int64")]),
        ("x,x\n1,2\n", &[("x", "int64"), ("x.1", "int64")]),
        (",x,\n0,1,2\n", &[("c0", "int64"), ("x", "int64"), ("c2", "int64")]),
        ("a,b\n1,\n,4\n", &[("a", "float64"), ("b", "float64")]),
        ("1,2\n3,4\n", &[("c0", "int64"), ("c1", "int64")]),
        ("5.1,3.5,setosa\n4.9,3.0,setosa\n", &[("c0", "float64"), ("c1", "float64"), ("c2", "text")]),
        ("country,2019,2020\nA,1,2\nB,3,4\n", &[("country", "text"), ("2019", "int64"), ("2020", "int64")]),
        ("district,2021\nAK-1,-14.62\nAL-1,-31.93\n", &[("district", "text"), ("2021", "float64")]),
        ("a;b\n1.5;2\n2.5;3\n", &[("a", "float64"), ("b", "int64")]),
        ("a;b\n1,5;2\n2,5;x\n", &[("a", "float64"), ("b", "text")]),
        ("a\tb\n1.5\t2\n", &[("a", "float64"), ("b", "int64")]),
        ("a\tb\n\t\n1.5\t2\n", &[("a", "float64"), ("b", "float64")]),
        ("a|b\n1.5|x\n", &[("a", "float64"), ("b", "text")]),
        ("1.0e+00 2.5e-01\n3.0e+00 1.0e+10\n", &[("c0", "float64"), ("c1", "float64")]),
        ("  x    y\n 1.5  10\n22.5   7  \n", &[("x", "float64"), ("y", "int64")]),
        ("x,y\n1,2,\n3,4,\n", &[("x", "int64"), ("y", "int64"), ("c2", "float64")]),
        ("x y\na 1 2\nb 3 4\n", &[("c0", "text"), ("x", "int64"), ("y", "int64")]),
        ("a,b\r\n1,x\r\n2,y", &[("a", "int64"), ("b", "text")]),
        ("a,b\r1,x\r2,y\r", &[("a", "int64"), ("b", "text")]),
        ("a,b\n1,2\r\n3,4\n", &[("a", "int64"), ("b", "int64")]),
        ("a,b\n1,2\n3\n4,5,6\n", &[("a", "int64"), ("b", "float64"), ("c2", "float64")]),
        ("\"a\",\"b\"\n\"1\",\"x \"\"y\"\"\"\n\"2\",NA\n", &[("a", "int64"), ("b", "text")]),
        ("a,b\n1,\"x\ny\"\n2,\" z\"\n", &[("a", "int64"), ("b", "text")]),
        ("a,b\n1, x\n2, \"y, z\"\n", &[("a", "int64"), ("b", "text")]),
        ("a,b\n1,5'10\"\n2,\"6 feet\n3,y\n", &[("a", "int64"), ("b", "text")]),
        ("a, b\n1, 2.50\n10, 3.25\n", &[("a", "int64"), ("b", "float64")]),
        ("t,f\nTrue,False\nTrue,True\n", &[("t", "bool"), ("f", "bool")]),
        ("x\n0.10000000000000001\n2.5\n", &[("x", "float64")]),
        ("x\n1.5\n1.50\n2\n+3\n4.\n.5\n1e5\n1E+05\n", &[("x", "float64")]),
        ("x,y\nNA,1\n,2\nnull,3\n1.5,4\n", &[("x", "float64"), ("y", "int64")]),
        ("a,b\n", &[("a", "float64"), ("b", "float64")]),
        ("a,b", &[("a", "float64"), ("b", "float64")]),
        ("name,x\nSmith, John,1\nDoe,2\n\"A, B\",3\n", &[("name", "text"), ("x", "text"), ("c2", "float64")]),
        ("x\n1\n  \n2\n", &[("x", "int64")]),
        ("Title of it all\n\na,b\n1,2\n3,4\n", &[("a", "int64"), ("b", "int64")]),
    ];
    for (text, expected) in cases {
        let (back, found) = round_trip(text.as_bytes()).unwrap_or_else(|e| panic!("{text:?}: {e}"));
        let found: Vec<(&str, &str)> = found.iter().map(|(name, dtype)| (name.as_str(), *dtype)).collect();
        assert_eq!(found, *expected, "{text:?}");
        assert_eq!(String::from_utf8_lossy(&back), *text);
    }
    let latin = b"name,x\nM\xfcller,1\nab\xff,2\n";
    assert_eq!(round_trip(latin).unwrap().0, latin);
}

#[test]
fn a_column_that_is_kept_as_text_is_told() {
    let options = ReadOptions::default();
    read(b"n,x\n9007199254740993,1\n,2\n", &options).unwrap();
    assert_eq!(
        options.warnings.take(),
        ["column 'n' is kept as text: a number would not keep '9007199254740993' in line 2"]
    );
    read(b"a,b\n1,2\n3\n", &options).unwrap();
    assert_eq!(
        options.warnings.take(),
        ["line 3 has 1 cells where most lines have 2; cells that are not there count as empty"]
    );
}

#[test]
fn a_delimiter_can_be_told_and_must_be_where_two_fit() {
    let text = b"a,b;c\nx,y;z\nu,v;w\n";
    let error = read(text, &ReadOptions::default()).unwrap_err().to_string();
    assert_eq!(
        error,
        "the delimiter is not clear: comma makes 2 columns, semicolon makes 2; say which with --delimiter comma"
    );
    let options = |word: &str| ReadOptions {
        delimiter: Some(Delimiter::from_word(word).unwrap()),
        ..ReadOptions::default()
    };
    for (word, name) in [("comma", "a"), (";", "a,b"), ("tab", "a,b;c")] {
        let dataset = read(text, &options(word)).unwrap();
        assert_eq!((dataset.variables[0].name.as_str(), write(&dataset)), (name, text.to_vec()));
    }
    let error = Delimiter::from_word("x").unwrap_err().to_string();
    assert!(error.starts_with("expected a delimiter of one character, or comma, tab"), "{error}");
    let error = read(b"\xff\xfea\0,\0", &ReadOptions::default()).unwrap_err().to_string();
    assert!(error.contains("iconv -f UTF-16"), "{error}");
}

#[test]
fn columns_can_be_dropped_and_rows_cut() {
    let text = "x,run,\"ok\"\n1.50,a7,T\n\n2.25,b8,F\n";
    let drop = ReadOptions { drop: vec!["run".into()], ..ReadOptions::default() };
    let dataset = read(text.as_bytes(), &drop).unwrap();
    assert_eq!(String::from_utf8(write(&dataset)).unwrap(), "x,\"ok\"\n1.50,T\n2.25,F\n");
    let mut dataset = read_text("a,b\n1.10,\"x\"\n# no\n2.20,y\n");
    dataset.variables.truncate(1);
    dataset.variables[0].values = Values::F64(vec![2.2]);
    dataset.variables[0].shape = vec![1];
    assert_eq!(write(&dataset), b"a\n2.20\n");
}

#[test]
fn numbers_within_a_bound_keep_the_style_and_have_digits_enough() {
    let mut dataset = read_text("a;b\n1,10;+1.5e+03\n2,25;-2.5e-07\n");
    dataset.variables[0].values = Values::F64(vec![1.1, 1.0 / 3.0]);
    dataset.variables[1].values = Values::F64(vec![1250.0, 0.1 + 0.2]);
    assert_eq!(
        String::from_utf8(write(&dataset)).unwrap(),
        "a;b\n1,10;+1.25e+03\n0,3333333333333333;+3.0000000000000004e-01\n"
    );
}

/// Numbers that are evenly spread (Marsaglia's xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % n
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

/// A cell of a column of some kind.
fn random_cell(kind: usize, random: &mut Random) -> String {
    let x = random.below(2_000_000) as f64 / 1000.0 - 1000.0;
    match kind {
        0 => format!("{}", random.below(1000)),
        1 => format!("{x:.2}"),
        2 => format!("{x:?}"),
        3 => format!("{:.18e}", x / 3.0),
        4 => random.one(&["", "1.5", "2", "NA", "1e-5", "007", "nan", "-inf"]).into(),
        5 => random.one(&["True", "False"]).into(),
        6 => random.one(&["red", "green", "dark blue", "", "NA"]).into(),
        7 => format!("2024-{:02}-{:02}", 1 + random.below(12), 1 + random.below(28)),
        8 => format!("{:05}", random.below(100_000)),
        9 => format!("{}", u64::MAX - random.below(1 << 40) as u64),
        10 => random
            .one(&["a,b", "say \"no\"", "two\nlines", " blank ", "caf\u{e9}", "x;y", "t\tab", "#1"])
            .into(),
        11 => format!("{:e}", x * 1e30),
        _ => format!("{:.*}", random.below(5), x),
    }
}

#[test]
fn random_files_of_every_dialect_come_back_byte_for_byte() {
    let mut random = Random(88172645463325252);
    for case in 0..300 {
        let (delimiter, end) = (random.one(&[",", ",", "\t", ";", "|"]), random.one(&["\n", "\n", "\r\n"]));
        let quotes = random.below(4);
        let kinds: Vec<usize> = (0..1 + random.below(8)).map(|_| random.below(13)).collect();
        let quote = |cell: &str, is_header: bool| {
            let needed = cell.contains([',', ';', '|', '\t', '"', '\n', '\r']);
            let wanted = match quotes {
                0 => false,
                1 => true,
                2 => cell.parse::<f64>().is_err(),
                _ => is_header,
            };
            if needed || wanted { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_string() }
        };
        let mut text =
            String::from(random.one(&["", "", "\u{feff}", "# a comment, with more, in it, and more, yes\n"]));
        if random.below(5) > 0 {
            let names = (0..kinds.len()).map(|j| quote(&format!("v{j}"), true)).collect::<Vec<_>>();
            text += &(names.join(delimiter) + end);
        }
        for _ in 0..random.below(60) {
            let cells: Vec<String> =
                kinds.iter().map(|&kind| quote(&random_cell(kind, &mut random), false)).collect();
            text += &(cells.join(delimiter) + if random.below(40) == 0 { "\n" } else { end });
            if random.below(30) == 0 {
                text += end;
            }
        }
        if random.below(4) == 0 {
            text.truncate(text.trim_end_matches(['\n', '\r']).len());
        }
        let told = [delimiter; 1].map(|d| Delimiter::from_word(d).unwrap())[0];
        let options = ReadOptions {
            delimiter: (kinds.len() == 1 || random.below(2) == 0).then_some(told),
            ..ReadOptions::default()
        };
        let back = match read(text.as_bytes(), &options) {
            Ok(dataset) => write(&dataset),
            // Some of them fit two delimiters as well.
            Err(error) if error.to_string().contains("--delimiter") || text.trim().is_empty() => continue,
            Err(error) => panic!("case {case}: {error}\n{text}"),
        };
        assert_eq!(String::from_utf8_lossy(&back), text, "case {case}");
    }
}

#[test]
fn bytes_of_any_kind_never_panic() {
    let mut random = Random(1234567890123457);
    let alphabet = b",;\t| \"\"\r\n\n\n#01.eE+-naN\xff\xc3\xa9\0";
    for _ in 0..2000 {
        let bytes: Vec<u8> = (0..random.below(120)).map(|_| alphabet[random.below(alphabet.len())]).collect();
        if let Ok((back, _)) = round_trip(&bytes) {
            assert_eq!(String::from_utf8_lossy(&back), String::from_utf8_lossy(&bytes));
        }
    }
}

#[test]
fn a_damaged_recipe_never_panics() {
    let dataset = read_text("# n\na,b\n1.10,\"x\"\n\n2.5,y\r\n3\n");
    let recipe = dataset.attachments[0].bytes.clone();
    for at in 0..recipe.len() {
        for bit in [0, 3, 7] {
            let mut damaged = dataset.clone();
            damaged.attachments[0].bytes[at] ^= 1 << bit;
            let _ = io::write(&damaged, Format::Csv);
            damaged.attachments[0].bytes.truncate(at);
            let _ = io::write(&damaged, Format::Csv);
        }
    }
}

#[test]
fn lines_that_are_longer_than_the_sample_are_recognized() {
    let header: Vec<String> = (0..50_000).map(|i| format!("column{i}")).collect();
    let text = format!("{}\n{}\n", header.join(";"), vec!["1"; 50_000].join(";"));
    let options = ReadOptions::default();
    let dataset = read(text.as_bytes(), &options).unwrap();
    assert_eq!((dataset.variables.len(), dataset.variables[49_999].name.as_str()), (50_000, "column49999"));
    assert_eq!(options.warnings.take(), Vec::<String>::new());
}
