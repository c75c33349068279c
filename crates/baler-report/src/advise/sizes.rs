//! Expected sizes of the whole data: of fields from boxes all over them ([`baler_codec::plan::estimate`]), of tables from runs of rows.
//! The long look compresses instead of expecting: all of small data, a large part of others.

use baler::{BoundSpec, Dataset, Method, Options, Result, Variable};
use baler_codec::plan::estimate::{Effort, Samples};
use baler_data::dataset::Layout;
use baler_data::source::{InMemory, excerpt};
use std::collections::BTreeMap;

/// Bytes that the long look compresses, at most.
const LONG_BYTES: usize = 32 << 20;
/// Bytes of tables that are compressed otherwise, at the bound that counts and at others; half of them too.
const TABLE_BYTES: usize = 1 << 17;
const FEW_TABLE_BYTES: usize = 1 << 15;

/// What data are expected to take.
pub struct Sizes<'a> {
    dataset: &'a Dataset,
    fields: Vec<Samples>,
    table: Dataset,
    /// (name, range) of the columns of tables, by all their rows.
    ranges: Vec<(String, f64)>,
    long: Option<Dataset>,
    total: f64,
}

impl Sizes<'_> {
    /// Looks at data.
    pub fn of(dataset: &Dataset, long: bool) -> Result<Sizes<'_>> {
        let source = InMemory::of(dataset);
        let options = Options::new(BoundSpec::Lossless);
        let total = dataset.size_bytes() as f64;
        let mut sizes = Sizes {
            dataset,
            fields: Vec::new(),
            table: Dataset { variables: Vec::new(), layout: dataset.layout, attachments: Vec::new() },
            ranges: Vec::new(),
            long: None,
            total,
        };
        if long {
            let all = (0..dataset.variables.len()).collect::<Vec<_>>();
            sizes.ranges = ranges_of(dataset, &all)?;
            sizes.long = Some(excerpt(&source, LONG_BYTES)?);
            return Ok(sizes);
        }
        let mut lengths: BTreeMap<usize, usize> = BTreeMap::new();
        for variable in dataset.variables.iter().filter(|v| is_list_of_numbers(v)) {
            *lengths.entry(variable.shape[0]).or_default() += 1;
        }
        let is_column = |variable: &Variable| is_list_of_numbers(variable) && lengths[&variable.shape[0]] > 1;
        let mut columns = Vec::new();
        for (idx, variable) in dataset.variables.iter().enumerate() {
            match is_column(variable) {
                true => columns.push(idx),
                false => sizes.fields.push(Samples::of(&source, idx, &options)?),
            }
        }
        sizes.ranges = ranges_of(dataset, &columns)?;
        sizes.table.variables = columns.iter().map(|&idx| dataset.variables[idx].clone()).collect();
        sizes.table.variables.iter_mut().for_each(|column| column.storage.lists = None);
        if !matches!(dataset.layout, Layout::Table { n_columns, .. } if n_columns == columns.len()) {
            sizes.table.layout = Layout::Arrays;
        }
        Ok(sizes)
    }

    /// Bytes of archives under a bound: nothing learned, and all that is tried by default.
    pub fn at(&self, bound: BoundSpec, effort: Effort) -> Result<[f64; 2]> {
        if let Some(part) = &self.long {
            return self.compressed(part, self.total, bound);
        }
        let source = InMemory::of(self.dataset);
        let mut sum = [0.0; 2];
        for field in &self.fields {
            let expected = field.expected(&source, bound, effort)?;
            sum = [sum[0] + expected.classical, sum[1] + expected.all];
        }
        if !self.table.variables.is_empty() {
            let n_bytes = if effort == Effort::Careful { TABLE_BYTES } else { FEW_TABLE_BYTES };
            let of_table = self.of_table(n_bytes, bound)?;
            sum = [sum[0] + of_table[0], sum[1] + of_table[1]];
        }
        Ok(sum)
    }

    /// Bytes of the table: what is learned once, and what the rows take, from a part and from half of it.
    fn of_table(&self, n_bytes: usize, bound: BoundSpec) -> Result<[f64; 2]> {
        let source = InMemory::of(&self.table);
        let total = self.table.size_bytes() as f64;
        let part = excerpt(&source, n_bytes)?;
        let size = part.size_bytes() as f64;
        let whole = self.compressed(&part, size, bound)?;
        let half = excerpt(&source, n_bytes / 2)?;
        let half_size = half.size_bytes() as f64;
        if size >= total || half_size >= size {
            return Ok(whole.map(|bytes| bytes * total / size.max(1.0)));
        }
        let half = self.compressed(&half, half_size, bound)?;
        let all = |way: usize| {
            let overall = whole[way] / size;
            let later = ((whole[way] - half[way]) / (size - half_size)).clamp(0.5 * overall, overall);
            whole[way] + later * (total - size)
        };
        Ok([all(0), all(1)])
    }

    /// Bytes of a part, in proportion to all.
    fn compressed(&self, part: &Dataset, n_bytes: f64, bound: BoundSpec) -> Result<[f64; 2]> {
        let scale = n_bytes / (part.size_bytes() as f64).max(1.0);
        let bytes = |method: Method| -> Result<f64> {
            let options =
                Options { method, ranges: self.ranges.clone(), recasts: false, ..Options::new(bound) };
            Ok(scale * baler::compress(part, &options)?.len() as f64)
        };
        Ok([bytes(Method::Classical)?, bytes(Method::Auto)?])
    }
}

fn is_list_of_numbers(variable: &Variable) -> bool {
    variable.shape.len() == 1 && !variable.storage.kind.is_opaque()
}

fn ranges_of(dataset: &Dataset, variables: &[usize]) -> Result<Vec<(String, f64)>> {
    let source = InMemory::of(dataset);
    let found = baler_codec::plan::grids::ranges(&source, variables, &Options::new(BoundSpec::Lossless))?;
    Ok(variables.iter().map(|&idx| dataset.variables[idx].name.clone()).zip(found).collect())
}
