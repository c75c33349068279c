//! Some rows of a table apart from the others: two sources of one, [`Others`] and [`Picked`], and the way back,
//! [`Picks::weave`]. A table is any source whose variables have rows of one number; lists go with the rows that count
//! their items. Refuses single values, and variables of other lengths.

use crate::bytes::with_room;
use crate::dataset::Values;
use crate::error::{Error, Result};
use crate::source::{Schema, Source, VariableSchema, pieces};
use std::ops::Range;
use std::sync::Arc;

/// Rows of a source that are read in one go where few of them are wanted.
const ROWS_AT_ONCE: usize = 1 << 16;

/// The rows of the table that a schema is; lists are no rows of it.
///
/// # Errors
/// [`crate::ErrorKind::Input`] for what is no table.
pub fn table_rows(schema: &Schema) -> Result<usize> {
    let mut rows: Option<(&str, usize)> = None;
    for variable in schema.variables.iter().filter(|variable| variable.storage.lists.is_none()) {
        let found = *variable.shape.first().ok_or_else(|| {
            Error::input("expected a table, found a single value").in_variable(&variable.name)
        })?;
        match rows {
            Some((first, n_rows)) if n_rows != found => {
                return Err(Error::input(format!(
                    "expected a table, whose columns have one length, found '{first}' with {n_rows} rows and '{}' with {found}",
                    variable.name
                )));
            }
            _ => rows = rows.or(Some((&variable.name, found))),
        }
    }
    rows.map(|(_, n_rows)| n_rows).ok_or_else(|| Error::input("expected a table, found no columns"))
}

/// Which rows of each variable of a table are picked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picks {
    variables: Vec<Arc<Ranges>>,
}

/// Rows that are picked, counted among all: ascending ranges.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Ranges {
    /// None is empty.
    ranges: Vec<Range<usize>>,
    /// How many rows are picked before each of them.
    before: Vec<usize>,
    /// How many are not.
    others: Vec<usize>,
}

impl Ranges {
    /// Of at most `most` ranges; an error where memory does not hold them.
    fn of(most: usize, all: impl IntoIterator<Item = Range<usize>>) -> Result<Arc<Ranges>> {
        let mut ranges: Vec<Range<usize>> = with_room(most)?;
        for range in all.into_iter().filter(|range| !range.is_empty()) {
            match ranges.last_mut() {
                Some(last) if last.end == range.start => last.end = range.end,
                _ => ranges.push(range),
            }
        }
        let n_ranges = ranges.len();
        let mut found =
            Ranges { ranges: Vec::new(), before: with_room(n_ranges)?, others: with_room(n_ranges)? };
        let mut n_before = 0;
        for range in &ranges {
            found.before.push(n_before);
            found.others.push(range.start - n_before);
            n_before += range.len();
        }
        Ok(Arc::new(Ranges { ranges, ..found }))
    }

    /// How many rows are picked before `row`.
    fn n_before(&self, row: usize) -> usize {
        match self.ranges.partition_point(|range| range.start < row).checked_sub(1) {
            Some(at) => self.before[at] + row.min(self.ranges[at].end) - self.ranges[at].start,
            None => 0,
        }
    }

    fn n_picked(&self) -> usize {
        self.ranges.iter().map(Range::len).sum()
    }

    /// The place among all rows of one that is not picked, counted among these.
    fn place_of_other(&self, other: usize) -> usize {
        let at = self.others.partition_point(|&n_others| n_others <= other);
        other + self.before.get(at).copied().unwrap_or_else(|| self.n_picked())
    }

    /// The ranges that have rows of `rows`, and what they have of them.
    fn within(&self, rows: Range<usize>) -> impl Iterator<Item = Range<usize>> {
        let first = self.ranges.partition_point(|range| range.end <= rows.start);
        let overlapping = self.ranges[first..].iter().take_while(move |range| range.start < rows.end);
        overlapping.map(move |range| range.start.max(rows.start)..range.end.min(rows.end))
    }
}

/// Where the items of each list begin, and the end.
fn starts_of(counts: &[usize], n_items: usize) -> Result<Vec<usize>> {
    let mut starts = with_room(counts.len() + 1)?;
    let mut at = 0usize;
    starts.push(at);
    for &n in counts {
        at = at.checked_add(n).filter(|&at| at <= n_items).ok_or_else(|| wrong_lists(n_items))?;
        starts.push(at);
    }
    if at == n_items { Ok(starts) } else { Err(wrong_lists(n_items)) }
}

fn wrong_lists(n_items: usize) -> Error {
    Error::corrupt(format!("expected lists of {n_items} items together, found others; the file is damaged"))
}

/// The lengths of all lists that a variable counts.
fn counts_of(source: &dyn Source, variable: usize) -> Result<Vec<usize>> {
    let schema = &source.schema().variables[variable];
    let mut counts = with_room(schema.n_values())?;
    for piece in pieces(schema.n_values(), schema.dtype.size_bytes()) {
        counts.extend(source.read(variable, piece)?.to_counts()?);
    }
    Ok(counts)
}

/// The ranges of each variable: those of `rows`, and of what they count.
fn of_variables(
    schema: &Schema,
    rows: &Arc<Ranges>,
    mut of_lists: impl FnMut(usize, usize, &Ranges) -> Result<Arc<Ranges>>,
) -> Result<Picks> {
    let mut found: Vec<Option<Arc<Ranges>>> = schema.variables.iter().map(|_| None).collect();
    // Each round finds those whose counts are found, so that none needs more than there are variables.
    while let Some(left) = found.iter().position(Option::is_none) {
        let mut is_stuck = true;
        for idx in left..found.len() {
            let ranges = match (&found[idx], schema.variables[idx].storage.lists) {
                (Some(_), _) => continue,
                (None, None) => rows.clone(),
                (None, Some(lists)) => match found.get(lists.counts) {
                    Some(Some(ranges)) => of_lists(idx, lists.counts, &ranges.clone())?,
                    _ => continue,
                },
            };
            (found[idx], is_stuck) = (Some(ranges), false);
        }
        if is_stuck {
            return Err(Error::corrupt("expected lists that are counted, found others"));
        }
    }
    Ok(Picks { variables: found.into_iter().flatten().collect() })
}

impl Picks {
    /// These rows of a table, ascending and each once.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Input`] for what is no table, [`crate::ErrorKind::Config`] for rows that are not there or not in order.
    pub fn of(source: &dyn Source, rows: &[usize]) -> Result<Picks> {
        let schema = source.schema();
        let n_rows = table_rows(schema)?;
        let ascending = rows.windows(2).all(|pair| pair[0] < pair[1]);
        if !ascending || rows.last().is_some_and(|&last| last >= n_rows) {
            return Err(Error::config(format!("expected ascending numbers of {n_rows} rows, found others")));
        }
        let ranges = Ranges::of(rows.len(), rows.iter().map(|&row| row..row + 1))?;
        of_variables(schema, &ranges, |idx, counts, ranges| {
            let starts = starts_of(&counts_of(source, counts)?, schema.variables[idx].n_rows())?;
            let items = ranges.ranges.iter().map(|range| starts[range.start]..starts[range.end]);
            Ranges::of(ranges.ranges.len(), items)
        })
    }

    /// The rows that are picked of a table of which `picked` (from its variable `first` on) and `others` hold one part each.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Corrupt`] where they do not fit each other.
    pub fn between(others: &dyn Source, picked: &dyn Source, first: usize, rows: &[usize]) -> Result<Picks> {
        let schema = others.schema();
        let ranges = Ranges::of(rows.len(), rows.iter().map(|&row| row..row + 1))?;
        of_variables(schema, &ranges, |idx, counts, ranges| {
            let n_items = |source: &dyn Source, idx: usize| source.schema().variables[idx].n_rows();
            let of_others = starts_of(&counts_of(others, counts)?, n_items(others, idx))?;
            let of_picked = starts_of(&counts_of(picked, first + counts)?, n_items(picked, first + idx))?;
            let items = |(range, &before): (&Range<usize>, &usize)| {
                let start = of_others[range.start - before] + of_picked[before];
                start..start + of_picked[before + range.len()] - of_picked[before]
            };
            Ranges::of(ranges.ranges.len(), ranges.ranges.iter().zip(&ranges.before).map(items))
        })
    }

    /// Of some rows of all: those that are not picked, and those that are, each counted among their own.
    pub fn parts(&self, variable: usize, rows: &Range<usize>) -> (Range<usize>, Range<usize>) {
        let of = &self.variables[variable];
        let picked = of.n_before(rows.start)..of.n_before(rows.end);
        (rows.start - picked.start..rows.end - picked.end, picked)
    }

    /// Some rows of all, from the values of their [`Picks::parts`].
    pub fn weave(
        &self,
        variable: &VariableSchema,
        idx: usize,
        rows: Range<usize>,
        (others, picked): (&Values, &Values),
    ) -> Result<Values> {
        let mut all = Values::empty(variable.dtype);
        let (mut row, mut n_others, mut n_picked) = (rows.start, 0, 0);
        let take = |all: &mut Values, from: &Values, taken: &mut usize, n_rows: usize| -> Result<()> {
            let elements = variable.elements_of(*taken..*taken + n_rows);
            *taken += n_rows;
            all.append(&from.slice(elements))
        };
        for range in self.variables[idx].within(rows.clone()) {
            take(&mut all, others, &mut n_others, range.start - row)?;
            take(&mut all, picked, &mut n_picked, range.len())?;
            row = range.end;
        }
        take(&mut all, others, &mut n_others, rows.end - row)?;
        Ok(all)
    }

    /// Of rows that are not picked, counted among these: where they are among all, from the first to the last.
    pub fn among_all(&self, variable: usize, rows: &Range<usize>) -> Range<usize> {
        let place = |row| self.variables[variable].place_of_other(row);
        if rows.is_empty() { 0..0 } else { place(rows.start)..place(rows.end - 1) + 1 }
    }

    /// Rows of all, of which those of `range` hold `values`, less the picked ones.
    fn without(
        &self,
        variable: &VariableSchema,
        idx: usize,
        range: Range<usize>,
        values: &Values,
    ) -> Result<Values> {
        let mut left = Values::empty(variable.dtype);
        let mut row = range.start;
        for picked in self.variables[idx].within(range.clone()).chain(std::iter::once(range.end..range.end)) {
            let elements = variable.elements_of(row - range.start..picked.start - range.start);
            left.append(&values.slice(elements))?;
            row = picked.end;
        }
        Ok(left)
    }

    /// Some of the rows that are not picked, counted among these, of variables of a source of all rows: the place of each there, and
    /// here.
    ///
    /// # Errors
    /// Those of reading the source.
    pub fn read_others(
        &self,
        source: &dyn Source,
        places: &[(usize, usize)],
        rows: Range<usize>,
    ) -> Result<Vec<Values>> {
        let ranges: Vec<Range<usize>> = places.iter().map(|&(_, idx)| self.among_all(idx, &rows)).collect();
        let schema = source.schema();
        let values = match ranges.first() {
            Some(first) if ranges.iter().all(|range| range == first) => {
                let from: Vec<usize> = places.iter().map(|&(from, _)| from).collect();
                source.read_rows(&from, first.clone())?
            }
            _ => {
                let one = |(&(from, _), range): (&(usize, usize), &Range<usize>)| {
                    source.read(from, schema.variables[from].elements_of(range.clone()))
                };
                places.iter().zip(&ranges).map(one).collect::<Result<_>>()?
            }
        };
        let of_each = places.iter().zip(ranges).zip(values);
        let without =
            |((&(from, idx), range), values)| self.without(&schema.variables[from], idx, range, &values);
        of_each.map(without).collect()
    }

    /// Some of the rows that are picked, counted among these, of the variable `from` of a source of all rows; `idx` is its place
    /// here.
    ///
    /// # Errors
    /// Those of reading the source.
    pub fn read(&self, source: &dyn Source, from: usize, idx: usize, rows: Range<usize>) -> Result<Values> {
        let of = &source.schema().variables[from];
        let Ranges { ranges, before, .. } = &*self.variables[idx];
        let first = before.partition_point(|&before| before <= rows.start).saturating_sub(1);
        let wanted = ranges.iter().zip(before).skip(first).take_while(|(_, before)| **before < rows.end);
        let mut all = Values::empty(of.dtype);
        let mut block: (Range<usize>, Values) = (0..0, Values::empty(of.dtype));
        for (range, &before) in wanted {
            let start = range.start + rows.start.saturating_sub(before);
            let end = range.end.min(range.start + (rows.end - before));
            if block.0.end < end {
                let rows = start..end.max(start.saturating_add(ROWS_AT_ONCE).min(of.n_rows()));
                block = (rows.clone(), source.read(from, of.elements_of(rows))?);
            }
            let at = block.0.start;
            all.append(&block.1.slice(of.elements_of(start - at..end - at)))?;
        }
        Ok(all)
    }

    /// How many rows of a variable are picked.
    pub fn n_picked(&self, variable: usize) -> usize {
        self.variables[variable].n_picked()
    }
}

/// A table less the rows that are picked.
pub struct Others<S> {
    source: S,
    schema: Schema,
    picks: Picks,
}

impl<S: Source> Others<S> {
    /// Of a table and what was picked of it.
    pub fn new(source: S, picks: Picks) -> Others<S> {
        let mut schema = source.schema().clone();
        for (variable, ranges) in schema.variables.iter_mut().zip(&picks.variables) {
            variable.shape[0] -= ranges.n_picked();
        }
        Others { source, schema, picks }
    }
}

impl<S: Source> Source for Others<S> {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn read(&self, variable: usize, elements: Range<usize>) -> Result<Values> {
        self.schema.variables[variable].cut_from_rows(elements, |rows| {
            Ok(self.read_rows(&[variable], rows)?.pop().expect("one for each variable"))
        })
    }

    fn read_rows(&self, variables: &[usize], rows: Range<usize>) -> Result<Vec<Values>> {
        let places: Vec<(usize, usize)> = variables.iter().map(|&idx| (idx, idx)).collect();
        self.picks.read_others(&self.source, &places, rows)
    }

    fn rows_at_once(&self, variables: &[usize]) -> usize {
        self.source.rows_at_once(variables)
    }
}

/// The rows of a table that are picked.
pub struct Picked<S> {
    source: S,
    schema: Schema,
    picks: Picks,
}

impl<S: Source> Picked<S> {
    /// Of a table and what is picked of it.
    pub fn new(source: S, picks: Picks) -> Picked<S> {
        let mut schema = source.schema().clone();
        for (variable, ranges) in schema.variables.iter_mut().zip(&picks.variables) {
            variable.shape[0] = ranges.n_picked();
        }
        Picked { source, schema, picks }
    }
}

impl<S: Source> Source for Picked<S> {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn read(&self, variable: usize, elements: Range<usize>) -> Result<Values> {
        self.schema.variables[variable]
            .cut_from_rows(elements, |rows| self.picks.read(&self.source, variable, variable, rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Dataset, ListKind, Lists, Variable};
    use crate::source::{InMemory, collect};
    use crate::threads::Threads;

    /// Ten rows: a column, an array of two columns, and lists of 0, 1, 2, 0, 1, ... items.
    fn table() -> Dataset {
        let counts: Vec<u8> = (0..10).map(|row| row % 3).collect();
        let n_items: u8 = counts.iter().sum();
        let variable = |name: &str, shape: &[usize], values: Vec<u8>| {
            Variable::new(name, shape.to_vec(), Values::U8(values)).unwrap()
        };
        let mut items = variable("items", &[n_items as usize], (0..n_items).map(|i| 100 + i).collect());
        items.storage.lists = Some(Lists { counts: 3, kind: ListKind::Vector });
        Dataset::from_arrays(vec![
            variable("x", &[10], (0..10).collect()),
            items,
            variable("pair", &[10, 2], (0..20).collect()),
            variable("n", &[10], counts),
        ])
    }

    #[test]
    fn rows_go_apart_and_come_together_again() {
        let dataset = table();
        let source = InMemory::of(&dataset);
        for rows in [&[][..], &[0], &[9], &[1, 2, 5], &[0, 3, 4, 8, 9], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]] {
            let picks = Picks::of(&source, rows).unwrap();
            let (others, picked) = (Others::new(&source, picks.clone()), Picked::new(&source, picks.clone()));
            assert_eq!(picked.schema().variables[2].shape, [rows.len(), 2]);
            let of = |source: &dyn Source| collect(source, &Threads::of_caller(), |_| ()).unwrap();
            let expected: Vec<u8> = rows.iter().map(|&row| row as u8).collect();
            assert_eq!(of(&picked).variables[0].values, Values::U8(expected));
            let again = Picks::between(&others, &picked, 0, rows).unwrap();
            assert_eq!(again, picks);
            for (idx, variable) in source.schema().variables.iter().enumerate() {
                let n_rows = variable.n_rows();
                for (start, end) in (0..=n_rows).flat_map(|end| (0..=end).map(move |start| (start, end))) {
                    let (of_others, of_picked) = picks.parts(idx, &(start..end));
                    let read =
                        |source: &dyn Source, rows| source.read(idx, variable.elements_of(rows)).unwrap();
                    let parts = (&read(&others, of_others), &read(&picked, of_picked));
                    let all = picks.weave(variable, idx, start..end, parts).unwrap();
                    assert_eq!(all, read(&source, start..end), "{} {start}..{end}", variable.name);
                }
            }
        }
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let mut dataset = table();
        let text = |dataset: &Dataset, rows: &[usize]| {
            Picks::of(&InMemory::of(dataset), rows).unwrap_err().to_string()
        };
        for rows in [&[10][..], &[3, 3], &[4, 2]] {
            assert!(text(&dataset, rows).contains("ascending numbers of 10 rows"));
        }
        dataset.variables.push(Variable::new("long", vec![11], Values::U8(vec![0; 11])).unwrap());
        assert!(text(&dataset, &[1]).contains("'x' with 10 rows and 'long' with 11"));
        dataset.variables[4] = Variable::new("one", vec![], Values::U8(vec![0])).unwrap();
        assert!(text(&dataset, &[1]).contains("a single value"));
    }

    #[test]
    fn lists_that_do_not_fit_their_counts_are_refused() {
        let mut dataset = table();
        dataset.variables[3].values = Values::U8(vec![200; 10]);
        assert!(Picks::of(&InMemory::of(&dataset), &[1]).is_err());
        dataset.variables[1].storage.lists = Some(Lists { counts: 1, kind: ListKind::Vector });
        assert!(Picks::of(&InMemory::of(&dataset), &[1]).is_err());
    }
}
