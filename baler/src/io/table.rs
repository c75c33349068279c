//! Between the members of an npz and a dataset's schema: recognizes Baler's layout (`data` beside `names`), keeps what is
//! no number as attachments. Refuses names that are repeated or do not fit the columns.

use crate::dataset::{Attachment, Layout, MAX_NAMES_WIDTH};
use crate::error::{Error, Result};
use crate::io::npy::{self, Header, Item};
use crate::io::store::Region;
use crate::io::stored::{Part, Place, Stored};
use crate::source::{Schema, VariableSchema};

/// One member of an npz.
pub struct Member {
    name: String,
    header: Header,
    /// The complete npy file.
    file: Region,
}

impl Member {
    /// Parses the header of one member.
    pub fn parse(name: String, file: Region) -> Result<Member> {
        let header = npy::read_header(&file).map_err(|e| e.in_variable(&name))?;
        Ok(Member { name, header, file })
    }

    fn is_data_table(&self) -> bool {
        let is_number = matches!(self.header.item, Item::Number { .. });
        is_number && self.name == "data" && self.header.shape.len() == 2
    }

    fn is_names(&self) -> bool {
        let is_text = matches!(self.header.item, Item::Text { .. });
        is_text && self.name == "names" && self.header.shape.len() == 1 && self.header.shape[0] > 0
    }
}

/// The variables of the members in their order.
pub fn assemble(members: Vec<Member>) -> Result<Stored> {
    let data_position = members.iter().position(Member::is_data_table);
    let names_position = members.iter().position(Member::is_names);
    let (mut schema, mut parts) =
        (Schema { variables: Vec::new(), layout: Layout::Arrays, attachments: Vec::new() }, Vec::new());
    let table = data_position.zip(names_position);
    if let Some((data_position, names_position)) = table {
        let (data, names) = (&members[data_position], &members[names_position]);
        for (variable, part) in columns(data, names)? {
            schema.variables.push(variable);
            parts.push(part);
        }
        let names_width = match names.header.item {
            Item::Text { n_chars, .. } => n_chars.min(MAX_NAMES_WIDTH),
            _ => unreachable!("names are text"),
        };
        let n_columns = schema.variables.len();
        schema.layout = Layout::Table { n_columns, data_position, names_position, names_width };
    }
    let of_table = |position| table.is_some_and(|(data, names)| position == data || position == names);
    for (position, member) in members.into_iter().enumerate().filter(|(i, _)| !of_table(*i)) {
        if matches!(member.header.item, Item::Number { .. }) {
            let (variable, part) = npy::open(&member.name, &member.file)?;
            schema.variables.push(variable);
            parts.push(part);
        } else {
            let bytes = member.file.all()?;
            schema.attachments.push(Attachment { name: member.name, position, bytes });
        }
    }
    check_names(&schema)?;
    Ok(Stored::new(schema, parts))
}

/// The columns of `data` (rows, columns), called by `names`.
fn columns(data: &Member, names: &Member) -> Result<Vec<(VariableSchema, Part)>> {
    let texts = npy::read_text(&names.file.all()?, &names.header).map_err(|e| e.in_variable("names"))?;
    let (array, whole) = npy::open(&data.name, &data.file)?;
    let (n_rows, n_columns) = (array.shape[0], array.shape[1]);
    if texts.len() != n_columns {
        return Err(Error::input(format!(
            "expected a name for each of the {n_columns} columns of 'data', found {} in 'names'",
            texts.len()
        )));
    }
    let column_bytes = (n_rows * array.dtype.size_bytes()) as u64;
    let part = |column: usize| {
        Ok(match array.storage.fortran_order {
            true => Part {
                region: whole.region.part(column as u64 * column_bytes, column_bytes)?,
                place: Place::Whole,
                ..whole
            },
            false => Part { place: Place::Column { column, n_columns }, ..whole.clone() },
        })
    };
    let named =
        |(column, name)| Ok((VariableSchema { name, shape: vec![n_rows], ..array.clone() }, part(column)?));
    texts.into_iter().enumerate().map(named).collect()
}

/// Names must be unique.
pub fn check_names(schema: &Schema) -> Result<()> {
    let mut names: Vec<&str> = schema.names().collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => {
            Err(Error::input(format!("expected unique names, found '{}' twice; rename one", pair[0])))
        }
        None => Ok(()),
    }
}
