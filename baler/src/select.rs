//! A part of a dataset: some variables and attachments out of all, in the places that they had in the source.

use crate::dataset::{Attachment, Dataset, Layout};

/// What stands at one place of the file; indices are those of the dataset.
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
pub fn slots(dataset: &Dataset) -> Vec<Slot> {
    let mut placed: Vec<(usize, Slot)> =
        dataset.attachments.iter().enumerate().map(|(i, a)| (a.position, Slot::Text(i))).collect();
    let mut first_array = 0;
    if let Layout::Table { n_columns, data_position, names_position, .. } = dataset.layout {
        placed.extend([(data_position, Slot::Data), (names_position, Slot::Names)]);
        first_array = n_columns;
    }
    placed.sort_by_key(|(position, _)| *position);
    let mut slots = Vec::new();
    let mut arrays = first_array..dataset.variables.len();
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

/// The dataset with only those variables and attachments whose name `keep` accepts; everything else keeps
/// its order, metadata of formats stay, and a table stays a table as long as it has a column.
pub fn select(dataset: Dataset, keep: impl Fn(&str) -> bool) -> Dataset {
    let kept_columns = match dataset.layout {
        Layout::Table { n_columns, .. } => {
            dataset.variables.iter().take(n_columns).filter(|v| keep(&v.name)).count()
        }
        _ => 0,
    };
    let kept_slots: Vec<Slot> = slots(&dataset)
        .into_iter()
        .filter(|slot| match *slot {
            Slot::Data | Slot::Names => kept_columns > 0,
            Slot::Array(i) => keep(&dataset.variables[i].name),
            Slot::Text(i) => {
                let attachment = &dataset.attachments[i];
                attachment.metadata_format().is_some() || keep(&attachment.name)
            }
        })
        .collect();
    let position_of = |slot| kept_slots.iter().position(|s| *s == slot);
    let layout = match dataset.layout {
        Layout::Table { names_width, .. } => match (position_of(Slot::Data), position_of(Slot::Names)) {
            (Some(data_position), Some(names_position)) => {
                Layout::Table { n_columns: kept_columns, data_position, names_position, names_width }
            }
            _ => Layout::Arrays,
        },
        layout => layout,
    };
    let attachments = (dataset.attachments.into_iter().enumerate())
        .filter_map(|(i, a)| position_of(Slot::Text(i)).map(|position| Attachment { position, ..a }))
        .collect();
    let variables = dataset.variables.into_iter().filter(|v| keep(&v.name)).collect();
    Dataset { variables, layout, attachments }
}
