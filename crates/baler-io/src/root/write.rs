//! A dataset as a ROOT file: one tree, or those that the source had with their titles; counters as branches, other lists
//! as `std::vector`s. Refuses branches of several lengths in one tree, scalars, and lists inside lists.

use super::notes::{BranchNotes, Entry, Notes, TreeNotes};
use super::{NAME, shared, told};
use baler_data::dataset::kind::Kind;
use baler_data::dataset::{DType, Dataset, ListKind, Lists, Values, Variable};
use baler_data::error::{Error, Result};
use baler_data::metadata::About;
use baler_data::source::Schema;
use baler_root::{Column, Compression, NewBranch, NewLists, Number, Text, Writer};
use std::collections::HashMap;
use std::io::Cursor;

/// The tree of data that come from elsewhere.
const DEFAULT_TREE: &str = "Events";

/// A tree to write, and the variables that are its branches.
struct NewTree<'a> {
    notes: TreeNotes,
    variables: Vec<(usize, &'a str)>,
}

/// The variables by the trees of the metadata, or all in one tree.
fn trees<'a>(dataset: &'a Dataset, notes: &Notes) -> Vec<NewTree<'a>> {
    let new = |notes: &TreeNotes| NewTree { notes: notes.clone(), variables: Vec::new() };
    let of_entry = |entry: &Entry| match entry {
        Entry::Tree(notes) => Some(new(notes)),
        Entry::Object(_) => None,
    };
    let mut trees: Vec<NewTree> = notes.entries.iter().filter_map(of_entry).collect();
    if trees.is_empty() {
        trees.push(new(&TreeNotes { path: DEFAULT_TREE.into(), ..TreeNotes::default() }));
    }
    for (idx, variable) in dataset.variables.iter().enumerate() {
        let inside = |tree: &NewTree| {
            variable
                .name
                .strip_prefix(tree.notes.path.as_str())
                .and_then(|rest| rest.strip_prefix('/'))
                .map(str::len)
        };
        let longest = (0..trees.len()).filter_map(|t| inside(&trees[t]).map(|rest| (rest, t))).min();
        let (tree, name) = match longest {
            Some((rest, tree)) => (tree, &variable.name[variable.name.len() - rest..]),
            None => (0, variable.name.as_str()),
        };
        trees[tree].variables.push((idx, name));
    }
    trees.retain(|tree| !tree.variables.is_empty());
    trees
}

/// The bytes of a file with the trees of a dataset, and the objects that its source had.
pub fn write(dataset: &Dataset) -> Result<Vec<u8>> {
    let notes = dataset.metadata(NAME).map(Notes::read).transpose()?;
    let compression = notes.as_ref().map_or(Compression::Zlib(1), Notes::compression);
    let is_root = notes.is_some();
    let notes = notes.unwrap_or_default();
    let mut writer = Writer::new(Cursor::new(Vec::new()), compression).map_err(told)?;
    let counting = Schema::of(dataset).counting();
    let trees = trees(dataset, &notes);
    let mut orders: Vec<Vec<(usize, &str)>> = Vec::new();
    for tree in &trees {
        // Counters stand before what they count; counts that were made are not written.
        let is_made = |idx: usize| {
            let by =
                dataset.variables.iter().filter_map(|v| v.storage.lists).filter(|lists| lists.counts == idx);
            counting[idx] && by.into_iter().all(|lists| lists.kind != ListKind::Counter)
        };
        let variables = tree.variables.iter().copied().filter(|(idx, _)| !is_made(*idx)).collect();
        orders.push(counters_first(dataset, variables));
        check_lengths(dataset, orders.last().map_or(&[][..], |order| order))?;
    }
    // Trees and objects stand in the order of the source.
    let mut places = vec![0; trees.len()];
    let mut listed = trees.iter().zip(&orders).zip(&mut places).peekable();
    let known = dataset.shared_metadata();
    let about = known.by_name();
    let add = |writer: &mut Writer<_>, tree: &NewTree, order: &[(usize, &str)]| {
        let branch = |&(idx, name): &(usize, &str)| {
            let about = about.get(dataset.variables[idx].name.as_str()).copied();
            new_branch(dataset, idx, name, order, &tree.notes, about)
                .map_err(|e| e.in_variable(&dataset.variables[idx].name))
        };
        let branches = order.iter().map(branch).collect::<Result<Vec<NewBranch>>>()?;
        let of_source = if is_root { None } else { shared::title_of(known.group("")) };
        let title = of_source.unwrap_or(&tree.notes.title);
        writer.tree(&tree.notes.path, title, branches).map_err(told)
    };
    for entry in &notes.entries {
        match entry {
            Entry::Object(object) => writer.object(object).map_err(told)?,
            Entry::Tree(notes) => {
                if let Some(((tree, order), place)) =
                    listed.next_if(|((tree, _), _)| tree.notes.path == notes.path)
                {
                    *place = add(&mut writer, tree, order)?;
                }
            }
        }
    }
    for ((tree, order), place) in listed {
        *place = add(&mut writer, tree, order)?;
    }
    if let Some(descriptions) = notes.descriptions {
        writer.describe(descriptions);
    }
    for (&tree, order) in places.iter().zip(&orders) {
        for (position, &(idx, _)) in order.iter().enumerate() {
            let column = column(dataset, &dataset.variables[idx])?;
            writer.append(tree, position, &column).map_err(told)?;
            writer.flush(tree, position).map_err(told)?;
        }
    }
    Ok(writer.finish().map_err(told)?.into_inner())
}

/// The order of the source, where a counter that stands behind what it counts moves before it.
fn counters_first<'a>(dataset: &Dataset, mut variables: Vec<(usize, &'a str)>) -> Vec<(usize, &'a str)> {
    let places: HashMap<usize, usize> =
        variables.iter().enumerate().map(|(place, (idx, _))| (*idx, place)).collect();
    let mut first: HashMap<usize, usize> = HashMap::new();
    for (place, (idx, _)) in variables.iter().enumerate() {
        if let Some(lists) = dataset.variables[*idx].storage.lists {
            first.entry(lists.counts).or_insert(place);
        }
    }
    let place = |idx: usize| places[&idx].min(first.get(&idx).copied().unwrap_or(usize::MAX));
    // Of two at one place the counter comes first.
    variables.sort_by_key(|(idx, _)| (place(*idx), !first.contains_key(idx)));
    variables
}

/// The branches of a tree have one number of entries.
fn check_lengths(dataset: &Dataset, order: &[(usize, &str)]) -> Result<()> {
    let n_entries = |variable: &Variable| {
        let counted = variable.storage.lists.and_then(|lists| dataset.variables.get(lists.counts));
        counted.unwrap_or(variable).shape.first().copied().unwrap_or(0)
    };
    let lengths = order.iter().map(|(idx, name)| (n_entries(&dataset.variables[*idx]), *name));
    let mut lengths = lengths.collect::<Vec<_>>().into_iter();
    let Some((n, first)) = lengths.next() else { return Ok(()) };
    match lengths.find(|(other, _)| *other != n) {
        Some((other, name)) => Err(Error::config(format!(
            "expected one number of rows for a tree, '{first}' has {n} and '{name}' has {other}; write an .npz or .h5"
        ))),
        None => Ok(()),
    }
}

fn new_branch(
    dataset: &Dataset,
    idx: usize,
    name: &str,
    order: &[(usize, &str)],
    notes: &TreeNotes,
    about: Option<&About>,
) -> Result<NewBranch> {
    let variable = &dataset.variables[idx];
    let Some((_, extents)) = variable.shape.split_first() else {
        return Err(Error::config("expected rows for a tree, found a single value; write an .npz or .h5"));
    };
    let is_text = is_text(variable);
    let lists = match variable.storage.lists {
        _ if is_text && variable.storage.lists.is_none() => NewLists::Vector,
        None => NewLists::None,
        Some(Lists { counts, .. })
            if dataset.variables.get(counts).is_none_or(|c| c.storage.lists.is_some()) =>
        {
            return Err(Error::config("lists inside lists have no branch in ROOT; write a .parquet"));
        }
        Some(Lists { counts, kind: ListKind::Counter }) => {
            let counter = order.iter().position(|(other, _)| *other == counts);
            NewLists::Counter(
                counter.ok_or_else(|| Error::config("expected a counter in the tree of its lists"))?,
            )
        }
        Some(_) => NewLists::Vector,
    };
    let notes = notes.branches.iter().find(|branch| branch.name == name);
    let known = |text: fn(&BranchNotes) -> &String| notes.map(text).filter(|text| !text.is_empty()).cloned();
    let is_string = notes.is_some_and(|notes| notes.is_string);
    let number = if is_text { Number::U8 } else { number(variable.values.dtype()) };
    Ok(NewBranch {
        extents: if is_text { Vec::new() } else { extents.to_vec() },
        lists,
        text: is_text.then_some(if is_string { Text::String } else { Text::Leaf }),
        leaf: known(|notes| &notes.leaf),
        title: known(|notes| &notes.title)
            .or_else(|| about.filter(|_| notes.is_none()).and_then(shared::title)),
        compression: notes
            .filter(|notes| notes.compression >= 0)
            .map(|n| Compression::from_code(n.compression)),
        ..NewBranch::new(name, number)
    })
}

/// True for texts that ROOT has a branch for: lists of characters, or rows of them.
fn is_text(variable: &Variable) -> bool {
    let n_axes = if variable.storage.lists.is_some() { 1 } else { 2 };
    variable.storage.kind == Kind::Text && variable.shape.len() == n_axes
}

/// The bytes of texts: code points become UTF-8, and what fills up rows is left out.
fn texts(values: &Values, counts: impl Iterator<Item = usize>, is_filled: bool) -> Result<Column> {
    let (mut bytes, mut lengths) = (Vec::new(), Vec::new());
    let mut at = 0;
    for count in counts {
        let (first, before) = (bytes.len(), at);
        at += count;
        match values {
            Values::U8(all) => bytes.extend_from_slice(&all[before..at]),
            Values::U32(all) => {
                let character = |&code: &u32| char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                let text: String = all[before..at].iter().map(character).collect();
                bytes.extend_from_slice(text.as_bytes());
            }
            _ => return Err(Error::corrupt("expected characters, found other values")),
        }
        while is_filled && bytes.len() > first && bytes.last() == Some(&0) {
            bytes.pop();
        }
        lengths.push(
            u32::try_from(bytes.len() - first)
                .map_err(|_| Error::limit("a text has more than 2^32 bytes"))?,
        );
    }
    Ok(Column { bytes, counts: Some(lengths) })
}

fn column(dataset: &Dataset, variable: &Variable) -> Result<Column> {
    if is_text(variable) {
        return match variable.storage.lists {
            Some(lists) => {
                let counts = dataset.variables[lists.counts].values.to_counts()?;
                texts(&variable.values, counts.into_iter(), false)
            }
            None => texts(&variable.values, std::iter::repeat_n(variable.shape[1], variable.shape[0]), true),
        };
    }
    let mut column = Column::default();
    match &variable.values {
        Values::F16(v) => {
            Values::F32(v.iter().map(|x| x.to_f32()).collect()).append_bytes(&mut column.bytes, true);
        }
        values => values.append_bytes(&mut column.bytes, true),
    }
    if let Some(lists) = variable.storage.lists {
        let counts = dataset.variables[lists.counts].values.to_counts()?;
        let counts: Option<Vec<u32>> = counts.into_iter().map(|n| u32::try_from(n).ok()).collect();
        column.counts = Some(counts.ok_or_else(|| Error::limit("a list has more than 2^32 items"))?);
    }
    Ok(column)
}

/// The type of a branch; ROOT has no float16.
fn number(dtype: DType) -> Number {
    match dtype {
        DType::Bool => Number::Bool,
        DType::I8 => Number::I8,
        DType::I16 => Number::I16,
        DType::I32 => Number::I32,
        DType::I64 => Number::I64,
        DType::U8 => Number::U8,
        DType::U16 => Number::U16,
        DType::U32 => Number::U32,
        DType::U64 => Number::U64,
        DType::F16 | DType::F32 => Number::F32,
        DType::F64 => Number::F64,
    }
}
