//! Text columns with a header line: bytes in, one variable a column out, and back. A column of whole numbers
//! is int64 (uint64 if it must be), of true and false bool, of other numbers float64; an empty field, `nan`
//! and `NA` are NaN. Refuses a column with text: it names the column, the row and the value.
//!
//! The text is read twice, once to type the columns and once for the values, which go to memory or a temporary file.

use crate::dataset::{DType, Layout, Storage, Values};
use crate::error::{Error, Result};
use crate::io::store::{Region, Spill};
use crate::io::stored::{Part, Place, Stored};
use crate::io::{ReadOptions, table};
use crate::source::{Schema, Source, VariableSchema};
use crate::threads::Threads;
use crate::with_values;
use csv::{ByteRecord, ReaderBuilder, Trim};
use std::fmt::Write as _;
use std::io::{Seek, SeekFrom, Write};

/// Rows whose values wait to be written together.
const ROWS_AT_ONCE: usize = 1 << 13;

/// What is known of a column after some of its fields.
#[derive(Debug, Clone)]
struct Column {
    name: String,
    position: usize,
    all_i64: bool,
    all_u64: bool,
    all_numbers: bool,
    all_bool: bool,
    /// (line, value) of the first field that is no number, and of the first that is no truth value.
    no_number: Option<(u64, String)>,
    no_bool: Option<(u64, String)>,
}

impl Column {
    fn new(position: usize, name: String) -> Column {
        Column {
            name,
            position,
            all_i64: true,
            all_u64: true,
            all_numbers: true,
            all_bool: true,
            no_number: None,
            no_bool: None,
        }
    }

    fn look_at(&mut self, field: &str, line: u64) {
        self.all_i64 = self.all_i64 && field.parse::<i64>().is_ok();
        self.all_u64 = self.all_u64 && field.parse::<u64>().is_ok();
        if self.all_numbers && parse_number(field).is_none() {
            self.all_numbers = false;
            self.no_number = Some((line, field.to_string()));
        }
        if self.all_bool && parse_bool(field).is_none() {
            self.all_bool = false;
            self.no_bool = Some((line, field.to_string()));
        }
    }

    fn dtype(&self, n_rows: usize) -> Result<DType> {
        if n_rows == 0 {
            return Ok(DType::F64);
        }
        match self {
            Column { all_i64: true, .. } => Ok(DType::I64),
            Column { all_u64: true, .. } => Ok(DType::U64),
            Column { all_bool: true, .. } => Ok(DType::Bool),
            Column { all_numbers: true, .. } => Ok(DType::F64),
            Column { name, no_number, no_bool, .. } => {
                // A column that starts with true or false is told where that stops.
                let starts_bool = no_bool.as_ref().map(|b| b.0) > no_number.as_ref().map(|n| n.0);
                let (line, value) = if starts_bool { no_bool } else { no_number }.clone().unwrap_or_default();
                let expected = if starts_bool { "true or false" } else { "a number" };
                Err(Error::input(format!(
                    "expected {expected} in column '{name}', found '{value}' in line {line}; leave the column out with --drop {name}"
                )))
            }
        }
    }
}

fn parse_number(field: &str) -> Option<f64> {
    if matches!(field, "" | "NA" | "nan" | "NaN") { Some(f64::NAN) } else { field.parse().ok() }
}

fn parse_bool(field: &str) -> Option<u8> {
    match field {
        "true" | "True" | "TRUE" => Some(1),
        "false" | "False" | "FALSE" => Some(0),
        _ => None,
    }
}

/// Calls `row` with every record and its line; all must have as many fields as the first.
fn each_record(file: &Region, mut row: impl FnMut(&ByteRecord, u64) -> Result<()>) -> Result<()> {
    let mut text = file.reader();
    if file.read_at(0, 3)? == b"\xef\xbb\xbf" {
        text.seek(SeekFrom::Start(3)).map_err(|e| Error::io("reading the csv", e))?;
    }
    let mut reader = ReaderBuilder::new().has_headers(false).trim(Trim::All).from_reader(text);
    let mut record = ByteRecord::new();
    while reader.read_byte_record(&mut record).map_err(malformed)? {
        row(&record, record.position().map_or(0, csv::Position::line))?;
    }
    Ok(())
}

fn malformed(error: csv::Error) -> Error {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => Error::input(format!(
            "expected {expected_len} fields in line {}, found {len}",
            pos.as_ref().map_or(0, csv::Position::line)
        )),
        _ => Error::input(format!("the csv cannot be read ({error})")),
    }
}

fn text(field: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(field)
}

/// One variable a column; without a header line they are called c0, c1, ...
pub fn open(file: &Region, options: &ReadOptions) -> Result<Stored> {
    let mut columns: Vec<Column> = Vec::new();
    let mut n_rows = 0;
    let mut first = None;
    each_record(file, |record, line| {
        if first.is_none() {
            let is_header = !is_row_of_numbers(record);
            first = Some(is_header);
            let name = |(j, field)| if is_header { text(field).into_owned() } else { format!("c{j}") };
            columns = record.iter().enumerate().map(|(j, field)| Column::new(j, name((j, field)))).collect();
            options.check_drop(&columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>())?;
            columns.retain(|c| !options.drops(&c.name));
            if is_header {
                return Ok(());
            }
        }
        n_rows += 1;
        for column in &mut columns {
            column.look_at(&text(&record[column.position]), line);
        }
        Ok(())
    })?;
    let variable = |column: &Column| {
        let (name, storage) = (column.name.clone(), Storage::default());
        Ok(VariableSchema { name, dtype: column.dtype(n_rows)?, shape: vec![n_rows], storage })
    };
    let variables = columns.iter().map(variable).collect::<Result<Vec<_>>>()?;
    let schema = Schema { variables, layout: Layout::Columns, attachments: Vec::new() };
    table::check_names(&schema)?;
    let parts = fill(file, first == Some(true), &columns, &schema)?;
    Ok(Stored::new(schema, parts))
}

fn is_row_of_numbers(record: &ByteRecord) -> bool {
    record.iter().all(|f| parse_number(&text(f)).is_some())
        && record.iter().any(|f| text(f).parse::<f64>().is_ok_and(f64::is_finite))
}

/// The second reading: every field has been seen to parse as its column's dtype. Columns are written one behind the
/// other, some rows at a time.
fn fill(file: &Region, has_header: bool, columns: &[Column], schema: &Schema) -> Result<Vec<Part>> {
    let mut spill = Spill::new(schema.size_bytes() as u64)?;
    let mut buffers: Vec<Values> =
        schema.variables.iter().map(|variable| Values::empty(variable.dtype)).collect();
    let mut starts = Vec::with_capacity(columns.len());
    let mut end = 0;
    for variable in &schema.variables {
        starts.push(end);
        end += variable.size_bytes() as u64;
    }
    let mut places = starts.clone();
    let mut flush = |buffers: &mut Vec<Values>| -> Result<()> {
        for (values, at) in buffers.iter_mut().zip(&mut places) {
            let mut bytes = Vec::new();
            values.append_bytes(&mut bytes, false);
            spill.write_at(*at, &bytes)?;
            *at += bytes.len() as u64;
            *values = Values::empty(values.dtype());
        }
        Ok(())
    };
    let mut is_header = has_header;
    let mut n_waiting = 0;
    each_record(file, |record, line| {
        if std::mem::take(&mut is_header) {
            return Ok(());
        }
        for (column, values) in columns.iter().zip(&mut buffers) {
            let field = text(&record[column.position]);
            let pushed = match values {
                Values::I64(v) => field.parse().map(|x| v.push(x)).is_ok(),
                Values::U64(v) => field.parse().map(|x| v.push(x)).is_ok(),
                Values::Bool(v) => parse_bool(&field).map(|x| v.push(x)).is_some(),
                Values::F64(v) => parse_number(&field).map(|x| v.push(x)).is_some(),
                _ => false,
            };
            if !pushed {
                return Err(Error::input(format!("the csv changed while it was read (line {line})")));
            }
        }
        n_waiting += 1;
        if n_waiting == ROWS_AT_ONCE {
            n_waiting = 0;
            flush(&mut buffers)?;
        }
        Ok(())
    })?;
    flush(&mut buffers)?;
    let all = spill.finish()?;
    let part = |(variable, start): (&VariableSchema, u64)| {
        let region = all.part(start, variable.size_bytes() as u64)?;
        Ok(Part { region, big_endian: false, place: Place::Whole })
    };
    schema.variables.iter().zip(starts).map(part).collect()
}

/// Writes the columns as text with a header line; floats in the fewest digits that give them back.
pub fn write(source: &dyn Source, threads: &Threads, out: &mut dyn Write) -> Result<()> {
    let variables = &source.schema().variables;
    let n_rows = variables.first().map_or(0, VariableSchema::n_values);
    if let Some(other) = variables.iter().find(|v| v.shape != [n_rows]) {
        return Err(Error::config(format!(
            "expected columns of one length for csv, found shape {:?}; write an .npz",
            other.shape
        ))
        .in_variable(&other.name));
    }
    let failed = |e: csv::Error| match e.into_kind() {
        csv::ErrorKind::Io(e) => Error::io("writing the csv", e),
        kind => Error::input(format!("the csv cannot be written ({kind:?})")),
    };
    let mut out = csv::WriterBuilder::new().from_writer(out);
    out.write_record(variables.iter().map(|v| &v.name)).map_err(failed)?;
    let mut field = String::new();
    let all: Vec<usize> = (0..variables.len()).collect();
    let at_once = source.rows_at_once(&all);
    let rows = (0..n_rows).step_by(at_once).map(|at| at..at.saturating_add(at_once).min(n_rows));
    let read = |rows| source.read_rows(&all, rows);
    threads.ahead(rows, read, |columns| {
        for row in 0..columns.first().map_or(0, Values::len) {
            for values in &columns {
                field.clear();
                write_field(values, row, &mut field);
                out.write_field(&field).map_err(failed)?;
            }
            out.write_record(None::<&[u8]>).map_err(failed)?;
        }
        Ok(())
    })?;
    out.flush().map_err(|e| Error::io("writing the csv", e))
}

fn write_field(values: &Values, row: usize, field: &mut String) {
    let written = match values {
        Values::Bool(v) => write!(field, "{}", v[row] != 0),
        Values::F32(v) if v[row].is_nan() => write!(field, "nan"),
        Values::F64(v) if v[row].is_nan() => write!(field, "nan"),
        Values::F16(v) if v[row].is_nan() => write!(field, "nan"),
        // `Debug` writes 1.0 and 1e300 where `Display` writes 1 and 300 zeros.
        _ => with_values!(values, v => write!(field, "{:?}", v[row])),
    };
    written.expect("writing to a String cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Dataset, Variable};
    use crate::io;

    fn read(bytes: &[u8], options: &ReadOptions) -> Result<Dataset> {
        io::read_bytes(bytes, io::Format::Csv, options)
    }

    fn write(dataset: &Dataset) -> Result<Vec<u8>> {
        io::write(dataset, io::Format::Csv)
    }

    fn read_text(text: &str) -> Result<Dataset> {
        read(text.as_bytes(), &ReadOptions::default())
    }

    #[test]
    fn columns_get_the_narrowest_kind_that_holds_them() {
        let dataset = read_text(
            "\u{feff}i, u ,b,f,m\n-1,18446744073709551615,true,1,\n2,0,False,2.5e3,nan\n3,1,TRUE,-inf,NA\n",
        )
        .unwrap();
        assert_eq!(dataset.variables[0].values, Values::I64(vec![-1, 2, 3]));
        assert_eq!(dataset.variables[1].values, Values::U64(vec![u64::MAX, 0, 1]));
        assert_eq!(dataset.variables[1].name, "u");
        assert_eq!(dataset.variables[2].values, Values::Bool(vec![1, 0, 1]));
        assert_eq!(dataset.variables[3].values, Values::F64(vec![1.0, 2500.0, f64::NEG_INFINITY]));
        let Values::F64(missing) = &dataset.variables[4].values else { panic!() };
        assert!(missing.iter().all(|x| x.is_nan()));
    }

    #[test]
    fn values_come_back_bit_for_bit() {
        let floats = vec![0.1, -0.0, 1e300, 5e-324, f64::MAX, f64::INFINITY, 1.0, 0.30000000000000004];
        let n = floats.len();
        let variables = vec![
            Variable::new("a,\"b\"", vec![n], Values::F64(floats.clone())).unwrap(),
            Variable::new("n", vec![n], Values::I64((0..n as i64).map(|i| i - (i64::MAX - 7)).collect()))
                .unwrap(),
        ];
        let dataset = Dataset { variables, layout: Layout::Columns, attachments: Vec::new() };
        let bytes = write(&dataset).unwrap();
        let back = read(&bytes, &ReadOptions::default()).unwrap();
        assert_eq!(back, dataset);
        let Values::F64(found) = &back.variables[0].values else { panic!() };
        assert!(found.iter().zip(&floats).all(|(a, b)| a.to_bits() == b.to_bits()));
        assert_eq!(write(&back).unwrap(), bytes);
    }

    #[test]
    fn text_is_told_with_its_place_and_can_be_dropped() {
        let text = "x,run,ok\n1,a7,true\n2,b8,maybe\n";
        let error = read_text(text).unwrap_err().to_string();
        assert_eq!(
            error,
            "expected a number in column 'run', found 'a7' in line 2; leave the column out with --drop run"
        );
        let drop = |names: &[&str]| ReadOptions {
            drop: names.iter().map(|n| n.to_string()).collect(),
            ..Default::default()
        };
        let error = read(text.as_bytes(), &drop(&["run"])).unwrap_err().to_string();
        assert!(
            error.starts_with("expected true or false in column 'ok', found 'maybe' in line 3"),
            "{error}"
        );
        assert_eq!(read(text.as_bytes(), &drop(&["run", "o*"])).unwrap().variables.len(), 1);
    }

    #[test]
    fn a_file_without_header_and_one_without_rows_are_read() {
        let dataset = read_text("1,2.5\n3,4\n").unwrap();
        assert_eq!(dataset.variables[0].name, "c0");
        assert_eq!(dataset.variables[1].values, Values::F64(vec![2.5, 4.0]));
        assert_eq!(read_text("a,b\n").unwrap().variables[0].values, Values::F64(vec![]));
    }

    #[test]
    fn malformed_text_is_told() {
        assert_eq!(
            read_text("a,b\n1,2\n1\n").unwrap_err().to_string(),
            "expected 2 fields in line 3, found 1"
        );
        assert!(read_text("a,a\n1,2\n").unwrap_err().to_string().contains("'a' twice"));
    }
}
