//! A part of a dataset: some variables and attachments out of all, in the places that they had in the source.

use crate::dataset::{Attachment, Dataset, Layout, ListKind, Values, Variable};
use crate::source::schema::{Schema, VariableSchema};

/// What stands at one place of the file; indices are those of the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// The 2-D array of a table.
    Data,
    /// The names of its columns.
    Names,
    /// A variable.
    Array(usize),
    /// An attachment.
    Text(usize),
}

/// The members of the file in their order: what has a position takes it, arrays fill the places between.
pub fn slots(schema: &Schema) -> Vec<Slot> {
    let mut placed: Vec<(usize, Slot)> =
        schema.attachments.iter().enumerate().map(|(i, a)| (a.position, Slot::Text(i))).collect();
    let mut first_array = 0;
    if let Layout::Table { n_columns, data_position, names_position, .. } = schema.layout {
        placed.extend([(data_position, Slot::Data), (names_position, Slot::Names)]);
        first_array = n_columns;
    }
    placed.sort_by_key(|(position, _)| *position);
    let mut slots = Vec::new();
    let mut arrays = first_array..schema.variables.len();
    for (position, slot) in placed {
        while slots.len() < position {
            let Some(i) = arrays.next() else { break };
            slots.push(Slot::Array(i));
        }
        slots.push(slot);
    }
    slots.extend(arrays.map(Slot::Array));
    slots
}

/// The schema with only those variables and attachments whose name `keep` accepts, and which variables these are;
/// everything else keeps its order, metadata of formats stay, what counts kept lists stays too, and a table stays a table
/// as long as it has a column.
pub fn select_schema(schema: &Schema, keep: impl Fn(&str) -> bool) -> (Schema, Vec<usize>) {
    let kept = with_counts(schema, &keep);
    let kept_columns = match schema.layout {
        Layout::Table { n_columns, .. } => kept.iter().take(n_columns).filter(|kept| **kept).count(),
        _ => 0,
    };
    let kept_slots: Vec<Slot> = slots(schema)
        .into_iter()
        .filter(|slot| match *slot {
            Slot::Data | Slot::Names => kept_columns > 0,
            Slot::Array(i) => kept[i],
            Slot::Text(i) => {
                let attachment = &schema.attachments[i];
                attachment.metadata_format().is_some() || keep(&attachment.name)
            }
        })
        .collect();
    let position_of = |slot| kept_slots.iter().position(|s| *s == slot);
    let layout = match schema.layout {
        Layout::Table { names_width, .. } => match (position_of(Slot::Data), position_of(Slot::Names)) {
            (Some(data_position), Some(names_position)) => {
                Layout::Table { n_columns: kept_columns, data_position, names_position, names_width }
            }
            _ => Layout::Arrays,
        },
        layout => layout,
    };
    let attachments = (schema.attachments.iter().enumerate())
        .filter_map(|(i, a)| position_of(Slot::Text(i)).map(|position| Attachment { position, ..a.clone() }))
        .collect();
    let indices: Vec<usize> = (0..kept.len()).filter(|&idx| kept[idx]).collect();
    let mut variables: Vec<VariableSchema> =
        indices.iter().map(|&idx| schema.variables[idx].clone()).collect();
    for lists in variables.iter_mut().filter_map(|variable| variable.storage.lists.as_mut()) {
        lists.counts = kept.iter().take(lists.counts).filter(|kept| **kept).count();
    }
    (Schema { variables, layout, attachments }, indices)
}

/// Which variables are kept: those that `keep` names, and what counts the items of their lists. Counts that were made
/// for lists which are left out go with them, but where nothing else is asked for.
fn with_counts(schema: &Schema, keep: impl Fn(&str) -> bool) -> Vec<bool> {
    let named: Vec<bool> = schema.names().map(keep).collect();
    let mut is_made = schema.counting();
    for lists in schema.variables.iter().filter_map(|variable| variable.storage.lists) {
        if lists.kind == ListKind::Counter
            && let Some(is_made) = is_made.get_mut(lists.counts)
        {
            *is_made = false;
        }
    }
    let without: Vec<bool> = named.iter().zip(&is_made).map(|(named, is_made)| *named && !is_made).collect();
    let mut kept = if without.contains(&true) { without } else { named };
    for idx in 0..kept.len() {
        let mut lists = schema.variables[idx].storage.lists.filter(|_| kept[idx]);
        while let Some(counts) = lists.map(|lists| lists.counts).filter(|&at| kept.get(at) == Some(&false)) {
            kept[counts] = true;
            lists = schema.variables[counts].storage.lists;
        }
    }
    kept
}

impl Dataset {
    /// The dataset less the variables that are no numbers (text, bytes), for what computes with values.
    pub fn numbers(self) -> Dataset {
        let is_number = |name: &str| self.variable(name).is_some_and(|v| !v.storage.kind.is_opaque());
        if self.variables.iter().all(|v| !v.storage.kind.is_opaque()) {
            return self;
        }
        let (schema, indices) = select_schema(&Schema::of(&self), is_number);
        let mut values: Vec<Option<Values>> = self.variables.into_iter().map(|v| Some(v.values)).collect();
        let variables = schema.variables.into_iter().zip(indices).map(|(variable, idx)| Variable {
            name: variable.name,
            shape: variable.shape,
            values: values[idx].take().expect("each index once"),
            storage: variable.storage,
        });
        let variables = variables.collect();
        Dataset { variables, layout: schema.layout, attachments: schema.attachments }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Dataset, Lists, Values, Variable};

    #[test]
    fn made_counts_go_with_their_lists() {
        let of = |name: &str, counts: Option<(usize, ListKind)>| {
            let mut variable = Variable::new(name, vec![1], Values::U8(vec![1])).unwrap();
            variable.storage.lists = counts.map(|(counts, kind)| Lists { counts, kind });
            variable
        };
        let variables = vec![
            of("n", None),
            of("a", Some((0, ListKind::Counter))),
            of("b#present", None),
            of("b#counts", Some((2, ListKind::Optional))),
            of("b", Some((3, ListKind::Vector))),
        ];
        let schema = Schema::of(&Dataset::from_arrays(variables));
        let kept = |keep: &dyn Fn(&str) -> bool| {
            let (schema, _) = select_schema(&schema, keep);
            schema.names().map(String::from).collect::<Vec<_>>()
        };
        assert_eq!(kept(&|name| name != "b"), ["n", "a"]);
        assert_eq!(kept(&|name| name != "a"), ["n", "b#present", "b#counts", "b"]);
        assert_eq!(kept(&|name| name == "b"), ["b#present", "b#counts", "b"]);
        assert_eq!(kept(&|name| name == "b#counts"), ["b#present", "b#counts"]);
    }
}
