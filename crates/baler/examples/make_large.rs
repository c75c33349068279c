//! Writes data of any size, piece by piece: `make_large field MEGABYTES OUT.npy` (float32, planes of 512 x 512) or
//! `make_large table MEGABYTES OUT.npz` (float32, the 24 columns of `generate::jets`).

use baler::{DType, Error, Result, Values};
use baler_data::dataset::Layout;
use baler_data::source::{Schema, Source, VariableSchema};
use baler_data::threads::Threads;
use baler_generate::{JET_COLUMNS, Turbulence, jets};
use baler_io::{Format, write_source};
use std::ops::Range;
use std::sync::Mutex;

const SEED: u64 = 1;
const SIDE: usize = 512;
/// Rows of the table that come from one seed.
const ROWS_A_SEED: usize = 1 << 15;

fn variable(name: &str, shape: Vec<usize>) -> VariableSchema {
    VariableSchema { name: name.to_string(), dtype: DType::F32, shape, storage: Default::default() }
}

struct Field {
    schema: Schema,
    planes: Turbulence,
}

impl Source for Field {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn read(&self, _: usize, elements: Range<usize>) -> Result<Values> {
        let plane_len = SIDE * SIDE;
        let planes: Vec<f32> = (elements.start / plane_len..elements.end.div_ceil(plane_len))
            .flat_map(|z| self.planes.plane(z))
            .collect();
        let first = elements.start % plane_len;
        Ok(Values::F32(planes[first..first + elements.len()].to_vec()))
    }
}

struct Table {
    schema: Schema,
    /// The seed that was last made, and its columns.
    last: Mutex<(usize, Vec<Vec<f32>>)>,
}

impl Source for Table {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn read(&self, variable: usize, rows: Range<usize>) -> Result<Values> {
        Ok(self.read_rows(&[variable], rows)?.remove(0))
    }

    fn read_rows(&self, variables: &[usize], rows: Range<usize>) -> Result<Vec<Values>> {
        let mut found = vec![Vec::with_capacity(rows.len()); variables.len()];
        let mut last = self.last.lock().map_err(|_| Error::input("another thread failed"))?;
        let mut at = rows.start;
        while at < rows.end {
            let piece = at / ROWS_A_SEED;
            if last.0 != piece || last.1.is_empty() {
                let narrow = |values: Values| match values {
                    Values::F64(values) => values.into_iter().map(|x| x as f32).collect(),
                    _ => Vec::new(),
                };
                let made = jets(ROWS_A_SEED, SEED + piece as u64);
                *last = (piece, made.variables.into_iter().map(|v| narrow(v.values)).collect());
            }
            let from = at - piece * ROWS_A_SEED;
            let to = (rows.end - piece * ROWS_A_SEED).min(ROWS_A_SEED);
            for (column, &idx) in found.iter_mut().zip(variables) {
                column.extend_from_slice(&last.1[idx][from..to]);
            }
            at = piece * ROWS_A_SEED + to;
        }
        Ok(found.into_iter().map(Values::F32).collect())
    }
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [kind, megabytes, path] = words.as_slice() else {
        return Err("expected: make_large field|table MEGABYTES OUT".into());
    };
    let n_values = megabytes.parse::<usize>()? * 1_000_000 / 4;
    let mut out = std::fs::File::create(path)?;
    let threads = Threads::new(0)?;
    if kind == "field" {
        let shape = vec![n_values / (SIDE * SIDE), SIDE, SIDE];
        let schema = Schema {
            variables: vec![variable("data", shape)],
            layout: Layout::Single,
            attachments: Vec::new(),
        };
        let planes = Turbulence { height: SIDE, width: SIDE, seed: SEED };
        write_source(&Field { schema, planes }, &threads, Format::Npy, &mut out)?;
    } else {
        let n_columns = JET_COLUMNS.len();
        let names_width = JET_COLUMNS.iter().map(|name| name.len()).max().unwrap_or(1);
        let layout = Layout::Table { n_columns, data_position: 0, names_position: 1, names_width };
        let variables = JET_COLUMNS.iter().map(|name| variable(name, vec![n_values / n_columns])).collect();
        let schema = Schema { variables, layout, attachments: Vec::new() };
        write_source(&Table { schema, last: Mutex::new((0, Vec::new())) }, &threads, Format::Npz, &mut out)?;
    }
    Ok(())
}
