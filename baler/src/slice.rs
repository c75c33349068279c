//! Slices as NumPy writes them, `10:20,:,-64:`: one range an axis, open ends, negative ones counted from the end. Of
//! the first axis only what is asked for is read. Refuses steps, single indices, and ranges that hold nothing.

use crate::dataset::{Lists, Values};
use crate::error::{Error, Result};
use crate::source::{Schema, Source, VariableSchema, pieces};
use crate::with_values;
use std::collections::BTreeMap;
use std::ops::Range;

/// A range of one axis before its extent is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Range1 {
    /// First index; negative from the end, 0 where there is none.
    pub start: Option<isize>,
    /// One past the last; negative from the end, the extent where there is none.
    pub end: Option<isize>,
}

impl From<Range<usize>> for Range1 {
    fn from(range: Range<usize>) -> Range1 {
        let index = |at: usize| Some(isize::try_from(at).unwrap_or(isize::MAX));
        Range1 { start: index(range.start), end: index(range.end) }
    }
}

impl Range1 {
    /// The ranges of `10:20,:,0:64`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Config`] for anything else.
    pub fn parse_all(text: &str) -> Result<Vec<Range1>> {
        text.split(',').map(Range1::parse).collect()
    }

    fn parse(text: &str) -> Result<Range1> {
        let wrong = || {
            Error::config(format!(
                "expected a range A:B for each axis such as '10:20,:,0:64', found '{text}'"
            ))
        };
        let (start, end) = text.split_once(':').ok_or_else(wrong)?;
        let index = |text: &str| match text.trim() {
            "" => Ok(None),
            number => number.parse().map(Some).map_err(|_| wrong()),
        };
        Ok(Range1 { start: index(start)?, end: index(end)? })
    }

    /// The indices of an axis of `extent`. Unlike NumPy, ends beyond the axis are an error: nothing is left out
    /// silently.
    fn resolve(self, extent: usize, axis: usize) -> Result<Range<usize>> {
        let index = |given: Option<isize>, open: usize| match given {
            None => Some(open),
            Some(at) if at < 0 => extent.checked_sub(at.unsigned_abs()),
            Some(at) => Some(at as usize).filter(|&at| at <= extent),
        };
        match (index(self.start, 0), index(self.end, extent)) {
            (Some(start), Some(end)) if start < end || (start == end && extent == 0) => Ok(start..end),
            _ => {
                let shown = |at: Option<isize>| at.map_or(String::new(), |at| at.to_string());
                Err(Error::config(format!(
                    "expected a range within 0:{extent} for axis {axis}, found {}:{}",
                    shown(self.start),
                    shown(self.end)
                )))
            }
        }
    }
}

/// The same slice of every variable of a source.
pub struct Sliced<S> {
    source: S,
    schema: Schema,
    /// A range for each axis of each variable.
    ranges: Vec<Vec<Range<usize>>>,
}

impl<S: Source> Sliced<S> {
    /// `ranges` are those of the first axes; further axes are whole.
    pub fn new(source: S, ranges: &[Range1]) -> Result<Sliced<S>> {
        let mut schema = source.schema().clone();
        let mut resolved = Vec::with_capacity(schema.variables.len());
        for variable in &mut schema.variables {
            if variable.storage.lists.is_some() {
                let message = "expected arrays to slice, found lists; pick rows of lists with --rows";
                return Err(Error::config(message).in_variable(&variable.name));
            }
            if ranges.len() > variable.shape.len() {
                return Err(Error::config(format!(
                    "expected at most {} ranges for shape {:?}, found {}; pick variables with --variables",
                    variable.shape.len(),
                    variable.shape,
                    ranges.len()
                ))
                .in_variable(&variable.name));
            }
            let of_axis = |(axis, &extent): (usize, &usize)| {
                ranges.get(axis).copied().unwrap_or_default().resolve(extent, axis)
            };
            let of_variable: Vec<Range<usize>> =
                (variable.shape.iter().enumerate().map(of_axis).collect::<Result<_>>())
                    .map_err(|e: Error| e.in_variable(&variable.name))?;
            variable.shape = of_variable.iter().map(Range::len).collect();
            resolved.push(of_variable);
        }
        Ok(Sliced { source, schema, ranges: resolved })
    }

    /// The same rows (first axis) of every variable, as far as it has them; of lists the items of those lists.
    pub fn of_rows(source: S, rows: Range<usize>) -> Result<Sliced<S>> {
        let mut schema = source.schema().clone();
        let mut ranges = Vec::with_capacity(schema.variables.len());
        let mut items = BTreeMap::new();
        for (idx, variable) in schema.variables.iter_mut().enumerate() {
            let mut of_variable: Vec<Range<usize>> = variable.shape.iter().map(|&extent| 0..extent).collect();
            if let (Some(first), Some(extent)) = (of_variable.first_mut(), variable.shape.first_mut()) {
                *first = rows_of(&source, idx, &rows, &mut items)?;
                *extent = first.len();
            }
            ranges.push(of_variable);
        }
        Ok(Sliced { source, schema, ranges })
    }

    /// Some rows of the slice.
    fn rows_of(&self, variable: usize, rows: Range<usize>) -> Result<Values> {
        let Some((first, inner)) = self.ranges[variable].split_first() else {
            return self.source.read(variable, 0..1);
        };
        let whole = &self.source.schema().variables[variable];
        let rows = first.start + rows.start..first.start + rows.end;
        cut(self.source.read(variable, whole.elements_of(rows))?, whole, inner)
    }
}

/// Of whole rows of a variable what lies in these ranges of its further axes.
fn cut(values: Values, whole: &VariableSchema, inner: &[Range<usize>]) -> Result<Values> {
    let (extents, row_len) = (&whole.shape[1..], whole.row_len());
    if inner.iter().zip(extents).all(|(range, &extent)| range.len() == extent) {
        return Ok(values);
    }
    let mut positions = vec![0];
    for (range, &extent) in inner.iter().zip(extents) {
        positions = positions.iter().flat_map(|&at| range.clone().map(move |i| at * extent + i)).collect();
    }
    let dtype = values.dtype();
    let cut = with_values!(values, v => {
        let mut out = Vec::with_capacity(v.len() / row_len.max(1) * positions.len());
        for row in v.chunks_exact(row_len.max(1)) {
            out.extend(positions.iter().map(|&at| row[at]));
        }
        Values::from_vec(dtype, out)
    });
    Ok(cut.expect("the dtype of the values"))
}

/// The rows of a variable that `rows` of the source mean. `items` holds, by what counts them, those of lists.
fn rows_of(
    source: &dyn Source,
    idx: usize,
    rows: &Range<usize>,
    items: &mut BTreeMap<usize, Range<usize>>,
) -> Result<Range<usize>> {
    let variable = &source.schema().variables[idx];
    let n_rows = variable.n_rows();
    let Some(Lists { counts, .. }) = variable.storage.lists else {
        return Ok(rows.start.min(n_rows)..rows.end.clamp(rows.start.min(n_rows), n_rows));
    };
    if let Some(found) = items.get(&counts) {
        return Ok(found.clone());
    }
    let lists = rows_of(source, counts, rows, items)?;
    let of_lists = &source.schema().variables[counts];
    let (mut start, mut end) = (0usize, 0usize);
    for elements in pieces(lists.end, of_lists.dtype.size_bytes()) {
        let values = source.read(counts, elements.clone())?;
        for (list, n_items) in elements.zip(values.to_counts().map_err(|e| e.in_variable(&of_lists.name))?) {
            start = if list < lists.start { start.saturating_add(n_items) } else { start };
            end = end.saturating_add(n_items);
        }
    }
    let found = start.min(n_rows)..end.min(n_rows);
    items.insert(counts, found.clone());
    Ok(found)
}

impl<S: Source> Source for Sliced<S> {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn read(&self, variable: usize, elements: Range<usize>) -> Result<Values> {
        self.schema.variables[variable].cut_from_rows(elements, |rows| self.rows_of(variable, rows))
    }

    fn read_rows(&self, variables: &[usize], rows: Range<usize>) -> Result<Vec<Values>> {
        let first = |idx: usize| self.ranges[idx].first().map_or(0, |range| range.start);
        let is_column = |idx: usize| self.ranges[idx].len() == 1;
        let start = variables.first().map_or(0, |&idx| first(idx));
        if variables.iter().all(|&idx| is_column(idx) && first(idx) == start) {
            return self.source.read_rows(variables, start + rows.start..start + rows.end);
        }
        variables.iter().map(|&idx| self.rows_of(idx, rows.clone())).collect()
    }

    fn rows_at_once(&self, variables: &[usize]) -> usize {
        self.source.rows_at_once(variables)
    }

    fn company(&self, variable: usize) -> usize {
        self.source.company(variable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Dataset, Variable};
    use crate::source::{InMemory, collect};
    use crate::threads::Threads;

    fn cube() -> Dataset {
        let values = Values::I32((0..5 * 4 * 3).collect());
        Dataset::from_arrays(vec![Variable::new("x", vec![5, 4, 3], values).unwrap()])
    }

    fn sliced(text: &str) -> Result<Variable> {
        let dataset = cube();
        let slice = Sliced::new(InMemory::of(&dataset), &Range1::parse_all(text)?)?;
        Ok(collect(&slice, &Threads::new(1)?, |_| ())?.variables.remove(0))
    }

    #[test]
    fn slices_are_those_of_numpy() {
        let expected = |picked: &dyn Fn(i32, i32, i32) -> bool| {
            let all = (0..60).filter(|i| picked(i / 12, i / 3 % 4, i % 3));
            Values::I32(all.collect())
        };
        let found = sliced("1:3,:,-2:").unwrap();
        assert_eq!(found.shape, [2, 4, 2]);
        assert_eq!(found.values, expected(&|a, _, c| (1..3).contains(&a) && c >= 1));
        let found = sliced(":,1:-1").unwrap();
        assert_eq!(found.shape, [5, 2, 3]);
        assert_eq!(found.values, expected(&|_, b, _| (1..3).contains(&b)));
        assert_eq!(sliced("-1:").unwrap().values, expected(&|a, _, _| a == 4));
    }

    #[test]
    fn parts_of_a_slice_are_parts_of_its_values() {
        let dataset = cube();
        let slice = Sliced::new(InMemory::of(&dataset), &Range1::parse_all("1:,:3,1:").unwrap()).unwrap();
        let all = slice.read(0, 0..24).unwrap();
        for start in 0..24 {
            for end in start..24 {
                assert_eq!(slice.read(0, start..end).unwrap(), all.slice(start..end), "{start}..{end}");
            }
        }
    }

    #[test]
    fn what_is_not_there_is_told() {
        let text = |slice: &str| sliced(slice).unwrap_err().to_string();
        assert_eq!(text("3:9"), "variable 'x': expected a range within 0:5 for axis 0, found 3:9");
        assert_eq!(text(":,-5:"), "variable 'x': expected a range within 0:4 for axis 1, found -5:");
        assert!(text("2:2").contains("found 2:2"));
        assert!(text("1").contains("'10:20,:,0:64', found '1'"));
        assert!(text("0:4:2").contains("found '0:4:2'"));
        assert!(text(":,:,:,:").contains("at most 3 ranges"));
    }
}
