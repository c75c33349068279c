//! Slices as NumPy and xarray write them: `10:20,:,-64:` picks ranges of the axes in their order, `3` or `time=3` a single
//! index, whose axis is dropped, `lat=10:20` a range of the axis of that name. Ends beyond an axis mean its end, ranges may
//! hold nothing. Variables are cut along the axes that they have: those of a group (what stands before the last `/` of
//! a name, a tree for example) that share first axes with its field of most axes, and lists by the rows that count
//! their items; others stay whole. Refuses steps, and single indices that are not there.

use crate::dataset::kind::Kind;
use crate::error::{Error, Result};
use crate::metadata::Metadata;
use crate::source::{Schema, VariableSchema};
use std::collections::HashMap;
use std::ops::Range;

/// The names of the axes of each variable whose source names them.
type AxisNames = HashMap<String, Vec<String>>;

/// A range of one axis before its extent is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Range1 {
    /// First index; negative from the end, 0 where there is none.
    pub start: Option<isize>,
    /// One past the last; negative from the end, the extent where there is none.
    pub end: Option<isize>,
}

impl From<Range<usize>> for Range1 {
    fn from(range: Range<usize>) -> Range1 {
        let index = |at: usize| Some(isize::try_from(at).unwrap_or(isize::MAX));
        Range1 { start: index(range.start), end: index(range.end) }
    }
}

impl Range1 {
    /// The range of `A:B`, each end optional; none for other words.
    pub fn parse(text: &str) -> Option<Range1> {
        let (start, end) = text.split_once(':')?;
        let index = |text: &str| match text.trim() {
            "" => Some(None),
            number => number.parse().ok().map(Some),
        };
        Some(Range1 { start: index(start)?, end: index(end)? })
    }

    /// The indices of an axis of `extent`, as in NumPy.
    fn within(self, extent: usize) -> Range<usize> {
        let index = |at: isize| match at {
            ..0 => extent.saturating_sub(at.unsigned_abs()),
            at => extent.min(at as usize),
        };
        let start = self.start.map_or(0, index);
        start..self.end.map_or(extent, index).max(start)
    }

    /// True if an end lies beyond an axis of `extent`, so that less comes back than was written.
    fn is_cut_short(self, extent: usize) -> bool {
        let beyond = |at: isize| if at < 0 { at.unsigned_abs() > extent } else { at as usize > extent };
        self.start.is_some_and(beyond) || self.end.is_some_and(|at| at != isize::MAX && beyond(at))
    }
}

/// What is picked of one axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// A range, of which the axis keeps what there is.
    Range(Range1),
    /// One index, without its axis; negative from the end.
    Index(isize),
}

impl Pick {
    fn parse(text: &str) -> Option<Pick> {
        Range1::parse(text).map(Pick::Range).or_else(|| text.trim().parse().ok().map(Pick::Index))
    }

    /// True if nothing is left out.
    fn is_whole(self) -> bool {
        matches!(self, Pick::Range(Range1 { start: None | Some(0), end: None }))
    }

    /// The indices of an axis of `extent`.
    pub fn within(self, extent: usize) -> Result<Range<usize>> {
        match self {
            Pick::Range(range) => Ok(range.within(extent)),
            Pick::Index(at) => {
                let found = if at < 0 { extent.checked_sub(at.unsigned_abs()) } else { Some(at as usize) };
                let found = found.filter(|&at| at < extent).ok_or_else(|| {
                    let text = format!("expected an index of an axis of {extent}, found {at}");
                    Error::config(format!("{text}; a range such as 0:1 keeps what there is"))
                })?;
                Ok(found..found + 1)
            }
        }
    }
}

/// What is picked of variables: of their axes in order, or of axes by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Slice {
    /// Of the first axes.
    pub first: Vec<Pick>,
    /// Of the axes of these names.
    pub named: Vec<(String, Pick)>,
}

impl From<Range1> for Slice {
    fn from(rows: Range1) -> Slice {
        Slice { first: vec![Pick::Range(rows)], named: Vec::new() }
    }
}

impl From<Range<usize>> for Slice {
    fn from(rows: Range<usize>) -> Slice {
        Slice::from(Range1::from(rows))
    }
}

impl Slice {
    /// One range an axis.
    pub fn of_ranges(ranges: &[Range1]) -> Slice {
        Slice { first: ranges.iter().map(|&range| Pick::Range(range)).collect(), named: Vec::new() }
    }

    /// The slice of `10:20,:,3` or `time=3,lat=10:20`.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Config`] for anything else.
    pub fn parse(text: &str) -> Result<Slice> {
        let mut slice = Slice::default();
        for word in text.trim().trim_start_matches('[').trim_end_matches(']').split(',') {
            let (name, picked) = match word.rsplit_once('=') {
                Some((name, picked)) => (Some(name.trim()), picked),
                None => (None, word),
            };
            let pick = Pick::parse(picked).ok_or_else(|| {
                Error::config(format!(
                    "expected a range A:B or an index for each axis such as '10:20,:,3', or axes by name such as \
                     'time=3,lat=10:20', found '{word}'"
                ))
            })?;
            match name {
                Some(name) => slice.named.push((name.to_string(), pick)),
                None => slice.first.push(pick),
            }
        }
        if !slice.named.is_empty() && !slice.first.is_empty() {
            let text = format!("expected all axes in order or all by name, found both in '{text}'");
            return Err(Error::config(text));
        }
        Ok(slice)
    }

    fn picks(&self) -> impl Iterator<Item = Pick> + '_ {
        self.first.iter().copied().chain(self.named.iter().map(|(_, pick)| *pick))
    }
}

/// What is picked of each variable, in the order of a schema: of each of its first axes.
pub struct Picked {
    /// For each variable; nothing where it stays whole.
    pub picks: Vec<Vec<Pick>>,
    /// Variables that stay whole, though they have rows.
    pub whole: Vec<String>,
    /// Ranges that lie beyond an axis, in words.
    pub short: Vec<String>,
}

impl Picked {
    /// What `slice` means for each variable of `schema`. Lists are left to who knows their counts.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Config`] if no variable has those axes, or no axis that index.
    pub fn new(schema: &Schema, slice: &Slice) -> Result<Picked> {
        let shared = Metadata::of(&schema.attachments)?;
        let named =
            shared.variables.into_iter().filter(|about| about.axes.iter().any(|a| !a.name.is_empty()));
        let names: AxisNames =
            named.map(|about| (about.name, about.axes.into_iter().map(|axis| axis.name).collect())).collect();
        let mut groups: Vec<(&str, Vec<usize>)> = Vec::new();
        for (idx, variable) in schema.variables.iter().enumerate() {
            if variable.storage.lists.is_some() {
                continue;
            }
            match groups.iter_mut().find(|(name, _)| *name == group_of(&variable.name)) {
                Some((_, members)) => members.push(idx),
                None => groups.push((group_of(&variable.name), vec![idx])),
            }
        }
        let mut picked =
            Picked { picks: vec![Vec::new(); schema.variables.len()], whole: Vec::new(), short: Vec::new() };
        let (mut any, mut first_error, mut empty) = (false, None, Vec::new());
        for (_, members) in &groups {
            match of_group(schema, &names, members, slice) {
                Ok(None) => {}
                Ok(Some(of_group)) if of_group.is_empty => empty.push(of_group),
                Ok(Some(of_group)) => {
                    any = true;
                    picked.put(schema, of_group);
                }
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        match first_error {
            Some(error) if !any => return Err(error),
            // Nothing is picked of any: as asked. Else groups without such rows stay whole.
            _ if !any && !empty.is_empty() => empty.into_iter().for_each(|group| picked.put(schema, group)),
            _ if !any => return Err(no_such_axes(schema, &names, slice)),
            _ => {}
        }
        let is_whole = |idx: &usize| {
            let variable = &schema.variables[*idx];
            picked.picks[*idx].is_empty() && !variable.shape.is_empty() && variable.storage.lists.is_none()
        };
        if slice.picks().any(|pick| !pick.is_whole()) {
            let whole = (0..schema.variables.len()).filter(is_whole);
            picked.whole = whole.map(|idx| schema.variables[idx].name.clone()).collect();
        }
        Ok(picked)
    }

    fn put(&mut self, schema: &Schema, group: OfGroup) {
        for (idx, picks) in group.picks {
            for (pick, &extent) in picks.iter().zip(&schema.variables[idx].shape) {
                if let Pick::Range(range) = pick
                    && range.is_cut_short(extent)
                {
                    let end = |at: Option<isize>| at.map_or(String::new(), |at| at.to_string());
                    let text = format!(
                        "{}:{} is cut to 0:{extent} of '{}'",
                        end(range.start),
                        end(range.end),
                        schema.variables[idx].name
                    );
                    self.short.push(text);
                }
            }
            self.picks[idx] = picks;
        }
    }

    /// What is worth a word, or nothing.
    pub fn warnings(&self) -> Vec<String> {
        let listed = |list: &[String]| match list {
            [one] => one.clone(),
            [first, ..] => format!("{first}, and so on for {} in all", list.len()),
            [] => String::new(),
        };
        let mut warnings = Vec::new();
        if !self.short.is_empty() {
            warnings.push(format!("the axis ends there: {}", listed(&self.short)));
        }
        if !self.whole.is_empty() {
            let shown: Vec<&str> = self.whole.iter().take(8).map(String::as_str).collect();
            let more = if self.whole.len() > shown.len() { ", ..." } else { "" };
            warnings.push(format!("without these axes or rows, so whole: {}{more}", shown.join(", ")));
        }
        warnings
    }
}

/// What stands before the last `/` of a name.
pub fn group_of(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(group, _)| group)
}

/// The picks of a group's variables.
struct OfGroup {
    picks: Vec<(usize, Vec<Pick>)>,
    /// Nothing is left of some axis, though something was asked for.
    is_empty: bool,
}

/// None if no member has such axes.
fn of_group(schema: &Schema, names: &AxisNames, members: &[usize], slice: &Slice) -> Result<Option<OfGroup>> {
    let size = |idx: &&usize| (axes(&schema.variables[**idx]).len(), schema.variables[**idx].n_values());
    // Of equals the first.
    let Some(&main) = members.iter().rev().max_by_key(size) else { return Ok(None) };
    let main = &schema.variables[main];
    let mut group = OfGroup { picks: Vec::new(), is_empty: false };
    for &idx in members {
        let variable = &schema.variables[idx];
        let picks = match slice.named.is_empty() {
            true => picks_in_order(variable, main, &slice.first, names),
            false => names.get(&variable.name).and_then(|names| by_name(names, &slice.named)),
        };
        let picks = picks.map(|mut picks| {
            picks.truncate(axes(variable).len());
            picks
        });
        let Some(picks) = picks else { continue };
        let is_shorter = axes(variable).len() == 1 && variable.shape != main.shape;
        let found = is_empty(&picks, variable);
        if is_shorter && *found.as_ref().unwrap_or(&true) {
            continue; // it has none of these rows
        }
        group.is_empty |= found?;
        group.picks.push((idx, picks));
    }
    Ok(Some(group).filter(|group| !group.picks.is_empty()))
}

/// True if nothing is left of some axis though something was asked for.
fn is_empty(picks: &[Pick], variable: &VariableSchema) -> Result<bool> {
    let mut is_empty = false;
    for (pick, &extent) in picks.iter().zip(&variable.shape) {
        let range = pick.within(extent).map_err(|e| e.in_variable(&variable.name))?;
        let is_asked = matches!(pick, Pick::Range(Range1 { start, end })
            if extent > 0 && (start.is_none() || end.is_none() || start < end));
        is_empty |= is_asked && range.is_empty();
    }
    Ok(is_empty)
}

/// The extents of the axes that can be cut.
fn axes(variable: &VariableSchema) -> &[usize] {
    let is_inside_a_value = match variable.storage.kind {
        Kind::Text | Kind::Bytes => variable.storage.lists.is_none(), // the characters of a text
        Kind::Complex => true,                                        // real and imaginary part
        _ => false,
    };
    &variable.shape[..variable.shape.len() - usize::from(is_inside_a_value && !variable.shape.is_empty())]
}

/// The picks of a variable beside the group's main one: of its own axes where it has as many, by the names of axes where
/// both have them, else of first axes that are alike.
fn picks_in_order(
    variable: &VariableSchema,
    main: &VariableSchema,
    picks: &[Pick],
    names: &AxisNames,
) -> Option<Vec<Pick>> {
    if axes(main).len() < picks.len() {
        return None;
    }
    let names = names.get(&variable.name).zip(names.get(&main.name));
    let as_many = axes(variable).len() == axes(main).len();
    match names {
        _ if as_many && axes(main).len() > 1 => return Some(picks.to_vec()),
        None if as_many => return Some(picks.to_vec()),
        Some((names, of_main)) => {
            let named: Vec<(String, Pick)> = of_main.iter().cloned().zip(picks.iter().copied()).collect();
            return by_name(names, &named);
        }
        None => {}
    }
    let alike = axes(variable).iter().zip(axes(main)).take(picks.len());
    let is_alike = !axes(variable).is_empty() && alike.clone().all(|(a, b)| a == b);
    is_alike.then(|| picks[..alike.len()].to_vec())
}

/// The picks of axes with these names; none if no axis is named.
fn by_name(names: &[String], named: &[(String, Pick)]) -> Option<Vec<Pick>> {
    let whole = Pick::Range(Range1::default());
    let is_called = |name: &str, asked: &str| {
        !name.is_empty() && (name == asked || name.rsplit('/').next() == Some(asked))
    };
    let of_axis =
        |name: &String| named.iter().find(|(asked, _)| is_called(name, asked)).map(|(_, pick)| *pick);
    let picks: Vec<Option<Pick>> = names.iter().map(of_axis).collect();
    let n_picks = picks.iter().rposition(Option::is_some)? + 1;
    Some(picks[..n_picks].iter().map(|pick| pick.unwrap_or(whole)).collect())
}

/// Why a slice fits nowhere.
fn no_such_axes(schema: &Schema, names: &AxisNames, slice: &Slice) -> Error {
    if slice.named.is_empty() {
        let most = schema.variables.iter().max_by_key(|variable| variable.shape.len());
        let (name, shape) = most.map_or(("", &[][..]), |variable| (&variable.name, &variable.shape[..]));
        let text = format!(
            "expected at most {} ranges for shape {shape:?} of '{name}', found {}",
            shape.len(),
            slice.first.len()
        );
        return Error::config(text);
    }
    let mut known: Vec<&str> = names.values().flatten().map(String::as_str).collect();
    known.sort_unstable();
    known.dedup();
    let asked: Vec<&str> = slice.named.iter().map(|(name, _)| name.as_str()).collect();
    match known.is_empty() {
        true => Error::config(format!(
            "expected ranges of axes in their order such as '10:20,:,3', found the name '{}'; these axes have no names",
            asked.join("', '")
        )),
        false => crate::names::unknown("the name of an axis", asked[0], known.iter().copied()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_clamped_as_in_numpy() {
        let within = |text: &str| Range1::parse(text).unwrap().within(5);
        for (text, expected) in [
            ("1:3", 1..3),
            (":", 0..5),
            ("-2:", 3..5),
            (":-1", 0..4),
            ("3:9", 3..5),
            ("-9:2", 0..2),
            ("7:9", 5..5),
            ("3:3", 3..3),
            ("4:2", 4..4),
        ] {
            assert_eq!(within(text), expected, "{text}");
        }
        assert_eq!(Pick::Index(-1).within(5).unwrap(), 4..5);
        assert!(Pick::Index(5).within(5).is_err() && Pick::Index(-6).within(5).is_err());
    }

    #[test]
    fn words_are_ranges_indices_and_names() {
        let slice = Slice::parse("10:20, :,-3").unwrap();
        let range = |start, end| Pick::Range(Range1 { start, end });
        assert_eq!(slice.first, [range(Some(10), Some(20)), range(None, None), Pick::Index(-3)]);
        let slice = Slice::parse("time=0,lat=2:").unwrap();
        assert_eq!(
            slice.named,
            [("time".to_string(), Pick::Index(0)), ("lat".to_string(), range(Some(2), None))]
        );
        for (wrong, expected) in [
            ("0:4:2", "found '0:4:2'"),
            ("a", "found 'a'"),
            ("", "found ''"),
            ("0,lat=1", "found both in '0,lat=1'"),
        ] {
            let error = Slice::parse(wrong).unwrap_err().to_string();
            assert!(error.contains(expected), "{wrong}: {error}");
        }
    }
}
