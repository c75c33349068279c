//! A part of a dataset: some variables and attachments out of all, in the places that they had in the source.

use crate::dataset::{Attachment, Dataset, Layout, Variable};
use std::collections::HashMap;

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
/// its order, metadata of formats stay, what counts kept lists stays too, and a table stays a table as long as it has a column.
pub fn select(dataset: Dataset, keep: impl Fn(&str) -> bool) -> Dataset {
    let kept = with_counts(&dataset, &keep);
    let variables: HashMap<String, bool> =
        dataset.variables.iter().zip(&kept).map(|(v, kept)| (v.name.clone(), *kept)).collect();
    let keep = |name: &str| variables.get(name).copied().unwrap_or_else(|| keep(name));
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
    let all = dataset.variables.into_iter().zip(&kept);
    let mut variables: Vec<Variable> = all.filter(|(_, kept)| **kept).map(|(v, _)| v).collect();
    for lists in variables.iter_mut().filter_map(|v| v.storage.lists.as_mut()) {
        lists.counts = kept.iter().take(lists.counts).filter(|kept| **kept).count();
    }
    Dataset { variables, layout, attachments }
}

/// Which variables are kept: those that `keep` names, and what counts the items of their lists.
fn with_counts(dataset: &Dataset, keep: impl Fn(&str) -> bool) -> Vec<bool> {
    let mut kept: Vec<bool> = dataset.variables.iter().map(|v| keep(&v.name)).collect();
    for idx in 0..kept.len() {
        let mut lists = dataset.variables[idx].storage.lists.filter(|_| kept[idx]);
        while let Some(counts) = lists.map(|lists| lists.counts).filter(|&at| kept.get(at) == Some(&false)) {
            kept[counts] = true;
            lists = dataset.variables[counts].storage.lists;
        }
    }
    kept
}
