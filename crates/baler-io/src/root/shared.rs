//! Titles of trees and branches in what formats have in common: long names of variables, and of the file or a group; and
//! back into titles, with the units behind them as ROOT writes them on axes.

use super::notes::BranchNotes;
use baler_data::metadata::{About, Attribute, Group, Metadata, Value};
use baler_root::Tree;

/// What a tree and its branches are called: `names` are those of the variables, with the places of their branches.
pub fn of_tree(tree: &Tree, path: &str, names: &[(&str, usize)], shared: &mut Metadata) {
    let text =
        |name: &str, text: &str| Attribute { name: name.to_string(), value: Value::Text(text.to_string()) };
    let last = tree.path.rsplit('/').next().unwrap_or_default();
    if !tree.title.is_empty() && tree.title != last {
        let attributes = vec![text("title", &tree.title)];
        shared.groups.push(Group { path: path.to_string(), attributes });
    }
    for (name, branch) in names {
        let notes = tree.branches.get(*branch).map(BranchNotes::of).unwrap_or_default();
        if !notes.title.is_empty() {
            let attributes = vec![text("long_name", &notes.title)];
            shared.variables.push(About { attributes, ..About::new(*name) });
        }
    }
}

/// The title of a branch whose variable comes from another format.
pub fn title(about: &About) -> Option<String> {
    let text = |name: &str| about.attribute(name)?.text().filter(|text| is_title(text));
    match (text("long_name"), text("units")) {
        (Some(long), None) => Some(long.to_string()),
        (long, Some(units)) => {
            let name = about.name.rsplit('/').next().unwrap_or_default();
            Some(format!("{} [{units}]", long.unwrap_or(name)))
        }
        (None, None) => None,
    }
}

/// The title of a tree that comes from another format.
pub fn title_of(group: &[Attribute]) -> Option<&str> {
    group.iter().find(|attribute| attribute.name == "title")?.value.text().filter(|text| is_title(text))
}

fn is_title(text: &str) -> bool {
    !text.is_empty() && text.len() < 1 << 16
}

/// True for attributes that titles say.
pub fn carries(about: Option<&About>, attribute: &Attribute) -> bool {
    let names: &[&str] = if about.is_some() { &["long_name", "units"] } else { &["title"] };
    names.contains(&attribute.name.as_str()) && attribute.value.text().is_some_and(is_title)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Format, ReadOptions, lost, read_bytes, write};
    use baler_data::dataset::{Dataset, Values, Variable};
    use baler_data::source::Schema;

    #[test]
    fn titles_are_long_names() {
        let column = |name: &str| Variable::new(name, vec![3], Values::F32(vec![1.0, 2.0, 4.0])).unwrap();
        let mut dataset = Dataset::from_arrays(vec![column("pt"), column("eta"), column("phi")]);
        let text = |name: &str, text: &str| Attribute { name: name.into(), value: Value::Text(text.into()) };
        let known = Metadata {
            groups: vec![Group { path: String::new(), attributes: vec![text("title", "of the run")] }],
            variables: vec![
                About {
                    attributes: vec![text("long_name", "momentum"), text("units", "GeV")],
                    ..About::new("pt")
                },
                About { attributes: vec![text("long_name", "pseudorapidity")], ..About::new("eta") },
            ],
        };
        dataset.attachments.extend(known.attachment(3));
        assert_eq!(lost(&Schema::of(&dataset), Format::Root), None);
        let bytes = write(&dataset, Format::Root).unwrap();
        let back = read_bytes(&bytes, Format::Root, &ReadOptions::default()).unwrap();
        let known = back.shared_metadata();
        let name = |of: &str| known.about(of).and_then(|about| about.attribute("long_name")?.text());
        assert_eq!(
            (name("pt"), name("eta"), name("phi")),
            (Some("momentum [GeV]"), Some("pseudorapidity"), None)
        );
        assert_eq!(title_of(known.group("")), Some("of the run"));
        assert_eq!(write(&back, Format::Root).unwrap().len(), bytes.len());
        assert!(lost(&Schema::of(&back), Format::Npz).unwrap().contains("long_name of pt"));
    }
}
