//! A slice of every variable of a source, as a source: of each the part that [`crate::source::slice`] says. Of the first axis only
//! what is asked for is read; of lists the items that belong to the rows of what counts them.

use crate::dataset::{Layout, Lists, Values};
use crate::error::Result;
use crate::metadata::{About, Attribute, Metadata, Role, Value};
use crate::source::slice::{Pick, Picked, Range1, Slice};
use crate::source::{Schema, Source, pieces};
use crate::with_values;
use std::collections::BTreeMap;
use std::ops::Range;

/// What of a variable is taken.
struct Cut {
    /// Where, in elements, what the single indices of the first axes pick begins.
    origin: usize,
    /// The extents of the axes behind those.
    extents: Vec<usize>,
    /// A range for each of them.
    ranges: Vec<Range<usize>>,
}

/// The same slice of every variable of a source, as far as it has such axes.
pub struct Sliced<S> {
    source: S,
    schema: Schema,
    cuts: Vec<Cut>,
}

impl<S: Source> Sliced<S> {
    /// The slice of a source.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Config`] where it fits nothing.
    pub fn new(source: S, slice: &Slice) -> Result<Sliced<S>> {
        let picked = Picked::new(source.schema(), slice)?;
        let mut schema = source.schema().clone();
        let mut cuts = Vec::with_capacity(schema.variables.len());
        let mut items = BTreeMap::new();
        let mut kept_axes = Vec::with_capacity(schema.variables.len());
        for (idx, variable) in schema.variables.iter_mut().enumerate() {
            let ranges = ranges_of(&source, idx, &picked.picks, &mut items)?;
            let is_single = |axis: usize| {
                variable.storage.lists.is_none()
                    && matches!(picked.picks[idx].get(axis), Some(Pick::Index(_)))
                    && !counts_lists(source.schema(), idx)
            };
            let kept: Vec<bool> = (0..ranges.len()).map(|axis| !is_single(axis)).collect();
            let n_single = kept.iter().take_while(|kept| !**kept).count();
            let row_len_from = |axis: usize| variable.shape[axis..].iter().product::<usize>();
            let origin = (0..n_single).map(|axis| ranges[axis].start * row_len_from(axis + 1)).sum();
            let extents = variable.shape[n_single..].to_vec();
            variable.shape =
                ranges.iter().zip(&kept).filter(|(_, kept)| **kept).map(|(range, _)| range.len()).collect();
            cuts.push(Cut { origin, extents, ranges: ranges[n_single..].to_vec() });
            kept_axes.push(kept);
        }
        if kept_axes.iter().flatten().any(|kept| !kept) {
            schema.layout = match schema.layout {
                Layout::Single => Layout::Single,
                _ => Layout::Arrays, // columns without rows are none
            };
            without_axes(&mut schema, &kept_axes)?;
        }
        Ok(Sliced { source, schema, cuts })
    }

    /// Some rows of the slice, counted along what its first axis was before single indices were taken.
    fn rows_of(&self, variable: usize, rows: Range<usize>) -> Result<Values> {
        let cut = &self.cuts[variable];
        let Some((first, inner)) = cut.ranges.split_first() else {
            return self.source.read(variable, cut.origin..cut.origin + 1);
        };
        let row_len: usize = cut.extents[1..].iter().product();
        let start = cut.origin + (first.start + rows.start) * row_len;
        let values = self.source.read(variable, start..start + rows.len() * row_len)?;
        Ok(within_rows(values, &cut.extents[1..], inner))
    }

    /// Values of a row of the slice, as [`Sliced::rows_of`] counts rows.
    fn row_len(&self, variable: usize) -> usize {
        self.cuts[variable].ranges.iter().skip(1).map(Range::len).product()
    }
}

/// Takes axes that are gone from what is known of variables.
fn without_axes(schema: &mut Schema, kept_axes: &[Vec<bool>]) -> Result<()> {
    fn keep<T>(list: &mut Vec<T>, kept: &[bool]) {
        let mut kept = kept.iter();
        list.retain(|_| kept.next().is_none_or(|kept| *kept));
    }
    let mut shared = Metadata::of(&schema.attachments)?;
    name_scalars(&mut shared, schema, kept_axes);
    for about in &mut shared.variables {
        let Some(idx) = schema.position(&about.name) else { continue };
        let kept = &kept_axes[idx];
        keep(&mut about.axes, kept);
        keep(&mut about.packing.chunk, kept);
        keep(&mut about.packing.shard, kept);
        if about.axes.is_empty() && about.role == Role::Coordinate {
            about.role = Role::Data; // the position of what was picked
        }
    }
    for attachment in &mut schema.attachments {
        if let Some(changed) = shared.attachment(0).filter(|changed| changed.name == attachment.name) {
            attachment.bytes = changed.bytes;
        }
    }
    Ok(())
}

/// Where a coordinate has a single value left, the variables that had its axis name it in `coordinates`, as the CF
/// conventions want it.
fn name_scalars(shared: &mut Metadata, schema: &Schema, kept_axes: &[Vec<bool>]) {
    let is_scalar = |about: &&About| {
        let kept = schema.position(&about.name).map(|idx| &kept_axes[idx][..]);
        about.role == Role::Coordinate && kept == Some(&[false])
    };
    let scalars: Vec<String> =
        shared.variables.iter().filter(is_scalar).map(|about| about.name.clone()).collect();
    for about in shared.variables.iter_mut().filter(|about| about.role == Role::Data) {
        let Some(idx) = schema.position(&about.name) else { continue };
        let gone = about
            .axes
            .iter()
            .zip(&kept_axes[idx])
            .filter(|(axis, kept)| !**kept && scalars.contains(&axis.name));
        let gone: Vec<&str> = gone.map(|(axis, _)| axis.short()).collect();
        if gone.is_empty() {
            continue;
        }
        let known = about.attribute("coordinates").and_then(Value::text).map(String::from);
        let all: Vec<&str> = known.iter().map(String::as_str).chain(gone).collect();
        let value = Value::Text(all.join(" "));
        about.attributes.retain(|attribute| attribute.name != "coordinates");
        about.attributes.push(Attribute { name: "coordinates".into(), value });
    }
}

/// Of whole rows what lies in these ranges of the further axes.
fn within_rows(values: Values, extents: &[usize], inner: &[Range<usize>]) -> Values {
    if inner.iter().zip(extents).all(|(range, &extent)| range.len() == extent) {
        return values;
    }
    let row_len: usize = extents.iter().product();
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
    cut.expect("the dtype of the values")
}

/// True if items of lists are counted by this variable.
fn counts_lists(schema: &Schema, idx: usize) -> bool {
    schema.variables.iter().any(|v| v.storage.lists.is_some_and(|lists| lists.counts == idx))
}

/// The ranges of a variable's axes. `items` holds, by what counts them, those of lists.
fn ranges_of(
    source: &dyn Source,
    idx: usize,
    picks: &[Vec<Pick>],
    items: &mut BTreeMap<usize, Range<usize>>,
) -> Result<Vec<Range<usize>>> {
    let variable = &source.schema().variables[idx];
    let whole = Pick::Range(Range1::default());
    let pick = |axis: usize| picks[idx].get(axis).copied().unwrap_or(whole);
    let mut ranges = Vec::with_capacity(variable.shape.len());
    for (axis, &extent) in variable.shape.iter().enumerate() {
        ranges.push(pick(axis).within(extent).map_err(|e| e.in_variable(&variable.name))?);
    }
    if let (Some(Lists { counts, .. }), Some(first)) = (variable.storage.lists, ranges.first_mut()) {
        *first = items_of(source, counts, picks, items)?;
        let n_rows = variable.n_rows();
        *first = first.start.min(n_rows)..first.end.min(n_rows);
    }
    Ok(ranges)
}

/// The items of the lists that the picked rows of `counts` count.
fn items_of(
    source: &dyn Source,
    counts: usize,
    picks: &[Vec<Pick>],
    items: &mut BTreeMap<usize, Range<usize>>,
) -> Result<Range<usize>> {
    if let Some(found) = items.get(&counts) {
        return Ok(found.clone());
    }
    let of_lists = &source.schema().variables[counts];
    let lists = ranges_of(source, counts, picks, items)?.into_iter().next().unwrap_or(0..1);
    let (mut start, mut end) = (0usize, 0usize);
    for elements in pieces(lists.end, of_lists.dtype.size_bytes()) {
        let values = source.read(counts, elements.clone())?;
        for (list, n_items) in elements.zip(values.to_counts().map_err(|e| e.in_variable(&of_lists.name))?) {
            start = if list < lists.start { start.saturating_add(n_items) } else { start };
            end = end.saturating_add(n_items);
        }
    }
    items.insert(counts, start..end);
    Ok(start..end)
}

impl<S: Source> Source for Sliced<S> {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn read(&self, variable: usize, elements: Range<usize>) -> Result<Values> {
        let row_len = self.row_len(variable).max(1);
        let rows = elements.start / row_len..elements.end.div_ceil(row_len);
        let first = rows.start * row_len;
        let values = self.rows_of(variable, rows)?;
        match elements.start == first && elements.len() == values.len() {
            true => Ok(values),
            false => Ok(values.slice(elements.start - first..elements.end - first)),
        }
    }

    fn read_rows(&self, variables: &[usize], rows: Range<usize>) -> Result<Vec<Values>> {
        let first = |idx: usize| self.cuts[idx].ranges.first().map_or(0, |range| range.start);
        let is_column = |idx: usize| {
            self.cuts[idx].ranges.len() == 1 && self.source.schema().variables[idx].shape.len() == 1
        };
        let start = variables.first().map_or(0, |&idx| first(idx));
        if variables.iter().all(|&idx| is_column(idx) && first(idx) == start) {
            return self.source.read_rows(variables, start + rows.start..start + rows.end);
        }
        let one = |&idx: &usize| self.read(idx, self.schema.variables[idx].elements_of(rows.clone()));
        variables.iter().map(one).collect()
    }

    fn rows_at_once(&self, variables: &[usize]) -> usize {
        match variables.iter().all(|&idx| {
            self.schema.variables[idx].shape.len() == self.source.schema().variables[idx].shape.len()
        }) {
            true => self.source.rows_at_once(variables),
            false => self.schema.rows_within(variables, 4 << 20),
        }
    }

    fn read_group(&self, variable: usize) -> usize {
        self.source.read_group(variable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Dataset, Variable};
    use crate::source::{InMemory, collect};
    use crate::threads::Threads;

    fn array(name: &str, shape: &[usize]) -> Variable {
        let n = shape.iter().product::<usize>() as i32;
        Variable::new(name, shape.to_vec(), Values::I32((0..n).collect())).unwrap()
    }

    fn cut(variables: Vec<Variable>, text: &str) -> Result<Vec<Variable>> {
        let dataset = Dataset::from_arrays(variables);
        let slice = Sliced::new(InMemory::of(&dataset), &Slice::parse(text)?)?;
        Ok(collect(&slice, &Threads::new(1)?, |_| ())?.variables)
    }

    fn cube(text: &str) -> Result<Variable> {
        Ok(cut(vec![array("x", &[5, 4, 3])], text)?.remove(0))
    }

    #[test]
    fn slices_are_those_of_numpy() {
        let all = |picked: &dyn Fn(i32, i32, i32) -> bool| {
            Values::I32((0..60).filter(|i| picked(i / 12, i / 3 % 4, i % 3)).collect())
        };
        for (text, shape, expected) in [
            ("1:3,:,-2:", vec![2, 4, 2], all(&|a, _, c| (1..3).contains(&a) && c >= 1)),
            (":,1:-1", vec![5, 2, 3], all(&|_, b, _| (1..3).contains(&b))),
            ("-1:", vec![1, 4, 3], all(&|a, _, _| a == 4)),
            ("3:9", vec![2, 4, 3], all(&|a, _, _| a >= 3)),
            ("2:2", vec![0, 4, 3], all(&|_, _, _| false)),
            ("7:9", vec![0, 4, 3], all(&|_, _, _| false)),
            ("2", vec![4, 3], all(&|a, _, _| a == 2)),
            ("-1,1", vec![3], all(&|a, b, _| a == 4 && b == 1)),
            ("1,2,0", vec![], all(&|a, b, c| (a, b, c) == (1, 2, 0))),
            (":,:,1", vec![5, 4], all(&|_, _, c| c == 1)),
            ("1:,2,1:", vec![4, 2], all(&|a, b, c| a >= 1 && b == 2 && c >= 1)),
        ] {
            let found = cube(text).unwrap();
            assert_eq!((found.shape, found.values), (shape, expected), "{text}");
        }
    }

    #[test]
    fn parts_of_a_slice_are_parts_of_its_values() {
        let dataset = Dataset::from_arrays(vec![array("x", &[5, 4, 3])]);
        for (text, n) in [("1:,:3,1:", 24), ("2,1:,:", 9), (":,1,:", 15), (":,:2,2", 10)] {
            let slice = Sliced::new(InMemory::of(&dataset), &Slice::parse(text).unwrap()).unwrap();
            let all = slice.read(0, 0..n).unwrap();
            for start in 0..n {
                for end in start..n {
                    assert_eq!(slice.read(0, start..end).unwrap(), all.slice(start..end), "{text}");
                }
            }
        }
    }

    #[test]
    fn variables_are_cut_along_the_axes_that_they_have() {
        let shapes = |variables: Vec<Variable>, text: &str| -> Vec<Vec<usize>> {
            cut(variables, text).unwrap().into_iter().map(|v| v.shape).collect()
        };
        let grid = || vec![array("t", &[5, 4, 3]), array("time", &[5]), array("lon", &[3]), array("k", &[])];
        assert_eq!(shapes(grid(), "1:3,:2"), [vec![2, 2, 3], vec![2], vec![3], vec![]]);
        assert_eq!(shapes(grid(), "0"), [vec![4, 3], vec![], vec![3], vec![]]);
        // Trees have rows of their own; one that has none of those asked for stays whole.
        let trees = || vec![array("Events/pt", &[100]), array("Events/eta", &[100]), array("Runs/run", &[2])];
        assert_eq!(shapes(trees(), "10:20"), [vec![10], vec![10], vec![2]]);
        assert_eq!(shapes(trees(), "0:1"), [vec![1], vec![1], vec![1]]);
        assert_eq!(shapes(trees(), "7"), [vec![], vec![], vec![2]]);
        assert_eq!(shapes(trees(), "3:3"), [vec![0], vec![0], vec![0]]);
    }

    #[test]
    fn what_is_not_there_is_told() {
        let text = |slice: &str| cube(slice).unwrap_err().to_string();
        assert!(text("5").starts_with("variable 'x': expected an index of an axis of 5, found 5"));
        assert!(text(":,:,:,:").contains("at most 3 ranges"));
        assert!(text("time=1").contains("these axes have no names"));
        let schema = Schema::of(&Dataset::from_arrays(vec![array("x", &[5, 4]), array("y", &[4])]));
        let picked = Picked::new(&schema, &Slice::parse("3:9").unwrap()).unwrap();
        assert_eq!(
            picked.warnings(),
            ["the axis ends there: 3:9 is cut to 0:5 of 'x'", "without these axes or rows, so whole: y"]
        );
    }

    #[test]
    fn single_values_of_coordinates_are_named_as_such() {
        use crate::metadata::Axis;
        let mut dataset =
            Dataset::from_arrays(vec![array("t", &[4, 3]), array("time", &[4]), array("n", &[3])]);
        let about = |name: &str, axes: &[&str], role| {
            let axis = |name: &&str| Axis { name: name.to_string(), grows: false };
            About { axes: axes.iter().map(axis).collect(), role, ..About::new(name) }
        };
        let known = Metadata {
            groups: Vec::new(),
            variables: vec![
                about("t", &["time", "n"], Role::Data),
                about("time", &["time"], Role::Coordinate),
                about("n", &["n"], Role::Axis),
            ],
        };
        dataset.attachments.extend(known.attachment(3));
        let cut = |text: &str| {
            let slice = Sliced::new(InMemory::of(&dataset), &Slice::parse(text).unwrap()).unwrap();
            slice.schema().metadata()
        };
        let part = cut("2");
        let coordinates = |known: &Metadata| known.about("t").unwrap().attribute("coordinates").cloned();
        assert_eq!(coordinates(&part), Some(Value::Text("time".into())));
        assert_eq!(part.about("t").unwrap().axes.len(), 1);
        assert_eq!(part.about("time").map_or(Role::Data, |about| about.role), Role::Data);
        // What is only an extent stays that, and is no coordinate.
        let part = cut(":,1");
        assert_eq!((coordinates(&part), part.about("n").unwrap().role), (None, Role::Axis));
    }
}
