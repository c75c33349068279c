//! Between the members of an npz and a dataset's schema: recognizes Baler's layout (`data` beside `names`), keeps what is
//! no number as attachments. Refuses names that are repeated or do not fit the columns.

use crate::Warnings;
use crate::npy;
use crate::npy::{Header, Recipe};
use crate::store::Region;
use crate::stored::{Part, Place, Stored};
use baler_data::dataset::{Attachment, Layout, MAX_NAMES_WIDTH};
use baler_data::error::ErrorKind;
use baler_data::error::{Error, Result};
use baler_data::source::{Schema, VariableSchema};

/// One member of an npz.
pub struct Member {
    name: String,
    /// None where the dtype is one that is not read.
    header: Option<Header>,
    /// The complete npy file.
    file: Region,
}

impl Member {
    /// Parses the header of one member. What is of a dtype that is not read is told, and kept as the bytes that it is.
    pub fn parse(name: String, file: Region, warnings: &Warnings) -> Result<Member> {
        let header = match npy::read_header(&file) {
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                warnings.add(format!("'{name}' is kept byte for byte and not read: {error}"));
                None
            }
            header => Some(header.map_err(|e| e.in_variable(&name))?),
        };
        Ok(Member { name, header, file })
    }

    fn is_data_table(&self) -> bool {
        let is_number = self.header.as_ref().is_some_and(|h| h.item.number().is_some() && h.shape.len() == 2);
        is_number && self.name == "data"
    }

    /// Characters of its items, if they are texts.
    fn text_width(&self) -> Option<usize> {
        self.header.as_ref()?.item.text().map(|(n_chars, _)| n_chars)
    }

    fn is_names(&self) -> bool {
        let shape = self.header.as_ref().map_or(&[][..], |header| &header.shape);
        self.text_width().is_some() && self.name == "names" && shape.len() == 1 && shape[0] > 0
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
        let names_width = names.text_width().unwrap_or(1).min(MAX_NAMES_WIDTH);
        let n_columns = schema.variables.len();
        schema.layout = Layout::Table { n_columns, data_position, names_position, names_width };
    }
    let of_table = |position| table.is_some_and(|(data, names)| position == data || position == names);
    // Text beside `data` is Baler's own (`names`, `kinds`).
    let is_data = |member: &Member| {
        member.name == "data" && member.header.as_ref().is_some_and(|header| header.item.number().is_some())
    };
    let has_data = members.iter().any(is_data);
    let mut recipes: Vec<Recipe> = Vec::new();
    // Places count what the members become: a record is as many as it has fields.
    let mut n_slots = 0;
    for (position, member) in members.into_iter().enumerate() {
        if of_table(position) {
            if let (Layout::Table { data_position, names_position, .. }, Some((data, _))) =
                (&mut schema.layout, table)
            {
                *(if position == data { data_position } else { names_position }) = n_slots;
            }
            n_slots += 1;
            continue;
        }
        let has_values = member.header.as_ref().is_some_and(|header| !header.item.fields.is_empty());
        if !has_values || (has_data && member.text_width().is_some()) {
            let bytes = member.file.all()?;
            schema.attachments.push(Attachment { name: member.name, position: n_slots, bytes });
            n_slots += 1;
            continue;
        }
        let opened = npy::open(Some(&member.name), &member.file)?;
        n_slots += opened.variables.len();
        for (variable, part) in opened.variables {
            schema.variables.push(variable);
            parts.push(part);
        }
        recipes.extend(opened.recipe);
    }
    let n_members = schema.variables.len() + schema.attachments.len() + 2;
    schema.attachments.extend(Recipe::attachment(&recipes, n_members));
    check_names(&schema)?;
    Ok(Stored::new(schema, parts))
}

/// The columns of `data` (rows, columns), called by `names`.
fn columns(data: &Member, names: &Member) -> Result<Vec<(VariableSchema, Part)>> {
    let header = npy::read_header(&names.file)?;
    let texts = npy::read_text(&names.file.all()?, &header).map_err(|e| e.in_variable("names"))?;
    let opened = npy::open(Some(&data.name), &data.file)?;
    let (array, whole) = opened.variables.into_iter().next().expect("a number is one variable");
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
