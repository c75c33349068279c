//! Between the members of an npz and a [`Dataset`]: recognizes Baler's layout (`data` beside `names`), keeps
//! what is no number as attachments, and gives the members back in their order. Refuses names that are
//! repeated or do not fit the columns.

use crate::dataset::{Attachment, Dataset, Layout, MAX_NAMES_WIDTH, Storage, Values, Variable};
use crate::error::{Error, Result};
use crate::io::npy::{self, Header, Item};
use crate::io::order;
use crate::select::{Slot, slots};

/// One parsed member of an npz.
pub enum Member {
    /// Values in the order of the file; the header says which that is.
    Numbers { name: String, header: Header, values: Values },
    /// The complete npy bytes.
    Text { name: String, header: Header, bytes: Vec<u8> },
}

impl Member {
    /// Parses the npy bytes of one member.
    pub fn parse(name: String, bytes: Vec<u8>) -> Result<Member> {
        let header = npy::read_header(&bytes).map_err(|e| e.in_variable(&name))?;
        Ok(match header.item {
            Item::Number { .. } => {
                Member::Numbers { values: npy::read_values(&bytes, &header)?, name, header }
            }
            Item::Text { .. } | Item::Time => Member::Text { name, header, bytes },
        })
    }

    fn is_data_table(&self) -> bool {
        matches!(self, Member::Numbers { name, header, .. } if name == "data" && header.shape.len() == 2)
    }

    fn is_names(&self) -> bool {
        matches!(self, Member::Text { name, header: Header { item: Item::Text { .. }, shape, .. }, .. }
            if name == "names" && shape.len() == 1 && shape[0] > 0)
    }
}

/// The dataset of the members in their order.
pub fn assemble(members: Vec<Member>) -> Result<Dataset> {
    let data_position = members.iter().position(Member::is_data_table);
    let names_position = members.iter().position(Member::is_names);
    let Some((data_position, names_position)) = data_position.zip(names_position) else {
        return without_table(members, &[]).and_then(|(variables, attachments)| {
            check_names(&variables)?;
            Ok(Dataset { variables, layout: Layout::Arrays, attachments })
        });
    };
    let (Member::Numbers { header, values, .. }, Member::Text { header: names_header, bytes, .. }) =
        (&members[data_position], &members[names_position])
    else {
        unreachable!("positions of numbers and of text");
    };
    let names_width = match names_header.item {
        Item::Text { n_chars, .. } => n_chars.min(MAX_NAMES_WIDTH),
        _ => unreachable!("names are text"),
    };
    let names = npy::read_text(bytes, names_header).map_err(|e| e.in_variable("names"))?;
    let mut variables = columns(header, values, names)?;
    let layout = Layout::Table { n_columns: variables.len(), data_position, names_position, names_width };
    let (others, attachments) = without_table(members, &[data_position, names_position])?;
    variables.extend(others);
    check_names(&variables)?;
    Ok(Dataset { variables, layout, attachments })
}

/// The columns of `data` (rows, columns), called by `names`.
fn columns(header: &Header, values: &Values, names: Vec<String>) -> Result<Vec<Variable>> {
    let (n_rows, n_columns) = (header.shape[0], header.shape[1]);
    if names.len() != n_columns {
        return Err(Error::input(format!(
            "expected a name for each of the {n_columns} columns of 'data', found {} in 'names'",
            names.len()
        )));
    }
    let storage = npy::storage(header);
    order::split_columns(values, n_columns, header.fortran_order)
        .into_iter()
        .zip(names)
        .map(|(values, name)| Ok(Variable { storage, ..Variable::new(name, vec![n_rows], values)? }))
        .collect()
}

/// All members but those at the positions of the table, as arrays of their own and attachments.
fn without_table(members: Vec<Member>, table: &[usize]) -> Result<(Vec<Variable>, Vec<Attachment>)> {
    let (mut variables, mut attachments) = (Vec::new(), Vec::new());
    for (position, member) in members.into_iter().enumerate().filter(|(i, _)| !table.contains(i)) {
        match member {
            Member::Numbers { name, header, mut values } => {
                if header.fortran_order {
                    values = order::fortran_to_c(&values, &header.shape);
                }
                let storage = npy::storage(&header);
                variables.push(Variable { storage, ..Variable::new(name, header.shape, values)? });
            }
            Member::Text { name, bytes, .. } => attachments.push(Attachment { name, position, bytes }),
        }
    }
    Ok((variables, attachments))
}

/// Names must be unique.
pub fn check_names(variables: &[Variable]) -> Result<()> {
    let mut names: Vec<&str> = variables.iter().map(|v| v.name.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => {
            Err(Error::input(format!("expected unique names, found '{}' twice; rename one", pair[0])))
        }
        None => Ok(()),
    }
}

/// The 2-D array of a table's columns in the order of their storage, with its shape; an error if they differ
/// in dtype or length.
pub fn join(columns: &[Variable]) -> Result<(Values, [usize; 2], Storage)> {
    let storage = columns.first().map(|c| c.storage).unwrap_or_default();
    let n_rows = columns.first().map_or(0, |c| c.values.len());
    let values: Vec<&Values> = columns.iter().map(|c| &c.values).collect();
    if !columns.iter().all(|c| c.shape == [n_rows]) || !order::all_of_length(&values, n_rows) {
        return Err(Error::input(
            "expected columns of one length, found others; write an .npz of named arrays",
        ));
    }
    let joined = order::join_columns(&values, storage.fortran_order).ok_or_else(|| {
        Error::input("expected columns of one dtype for a single array, found several; write an .npz")
    })?;
    Ok((joined, [n_rows, columns.len()], storage))
}

/// The npy members of a dataset, in the order of its source: (name, complete npy bytes).
pub fn members(dataset: &Dataset) -> Result<Vec<(String, Vec<u8>)>> {
    let (columns, names_width) = match dataset.layout {
        Layout::Table { n_columns, names_width, .. } => (dataset.variables.get(..n_columns), names_width),
        _ => (Some(&[][..]), 1),
    };
    let columns = columns.ok_or_else(|| Error::input("the table has fewer variables than columns"))?;
    let is_member = |slot: &Slot| match *slot {
        Slot::Text(i) => dataset.attachments[i].metadata_format().is_none(),
        _ => true,
    };
    slots(dataset)
        .into_iter()
        .filter(is_member)
        .map(|slot| {
            let mut bytes = Vec::new();
            let name = match slot {
                Slot::Data => {
                    let (values, shape, storage) = join(columns)?;
                    npy::write_stored(&values, shape, storage, &mut bytes);
                    "data".to_string()
                }
                Slot::Names => {
                    let names: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
                    npy::write_text(&names, names_width, &mut bytes);
                    "names".to_string()
                }
                Slot::Array(i) => {
                    npy::write(&dataset.variables[i], &mut bytes);
                    dataset.variables[i].name.clone()
                }
                Slot::Text(i) => {
                    bytes.extend_from_slice(&dataset.attachments[i].bytes);
                    dataset.attachments[i].name.clone()
                }
            };
            Ok((name, bytes))
        })
        .collect()
}
