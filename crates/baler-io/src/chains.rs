//! The variables of a dataset as columns: those that count nothing, or are columns of their source, each with the lists
//! that its rows are items of.

use baler_data::dataset::{Dataset, ListKind, Lists, Variable};
use baler_data::source::Schema;

/// Lists in each other, at most.
const MAX_LISTS: usize = 16;

/// A variable and its chain of lists, outermost first.
pub type Chained<'a> = (&'a Variable, Vec<Lists>);

/// All variables but those that were made to count others.
pub fn columns(dataset: &Dataset) -> Vec<Chained<'_>> {
    let counting = Schema::of(dataset).counting();
    let mut is_made = counting;
    for lists in dataset.variables.iter().filter_map(|variable| variable.storage.lists) {
        if lists.kind == ListKind::Counter
            && let Some(is_made) = is_made.get_mut(lists.counts)
        {
            *is_made = false;
        }
    }
    let chain = |variable: &Variable| {
        let mut chain = Vec::new();
        let mut lists = variable.storage.lists;
        while let Some(found) = lists.filter(|_| chain.len() < MAX_LISTS) {
            chain.insert(0, found);
            lists = dataset.variables.get(found.counts).and_then(|counts| counts.storage.lists);
        }
        chain
    };
    let written = dataset.variables.iter().enumerate().filter(|(idx, _)| !is_made[*idx]);
    written.map(|(_, variable)| (variable, chain(variable))).collect()
}
