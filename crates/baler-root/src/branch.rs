//! From the objects of a branch to its numbers: which leaf classes, members and vectors are numbers, and how an entry of
//! each stands in a basket.

use crate::blocks::Compression;
use crate::error::{Error, Result};
use crate::number::{Number, OnDisk};
use crate::object::Objects;
use crate::streamers::Streamers;
use crate::tree::{At, Branch, Draft, Found, ListPlace, Lists, Text};
use std::sync::Arc;

/// Values of an entry: its type, how it is stored, fixed extents, whether it is a list, bytes before the values.
struct Content {
    number: Number,
    stored: OnDisk,
    extents: Vec<usize>,
    is_list: bool,
    header: usize,
    text: Option<Text>,
}

/// Adds the branch `idx` and all below; `above` are the names of those it lies in, `master` counts its collection.
pub fn collect(
    objects: &Objects,
    streamers: &Streamers,
    idx: usize,
    above: &[String],
    master: Option<usize>,
    found: &mut Found,
) -> Result<()> {
    if !found.seen.insert(idx) {
        return Err(Error::damaged("a branch lies in itself, or twice in its tree"));
    }
    let name = objects.text(idx, "fName").trim_end_matches('.').to_string();
    let path = [above, std::slice::from_ref(&name)].concat();
    let children = objects.items(idx, "fBranches");
    let mut skip = |why: &str| found.skipped.push((path.join("/"), why.to_string()));
    let below = match objects.class(idx) {
        "TBranch" => {
            let leaves = objects.items(idx, "fLeaves").iter().flatten().copied().collect::<Vec<_>>();
            match leaf_drafts(objects, idx, &leaves, &path) {
                Ok(drafts) => found.drafts.extend(drafts),
                Err(why) => skip(&why),
            }
            None
        }
        "TBranchElement" => {
            let is_master = matches!(objects.int(idx, "fType"), 3 | 4);
            let content = match (children.is_empty(), is_master) {
                (true, false) => member(objects, streamers, idx),
                (true, true) => Err("a collection that is not split".to_string()),
                (false, true) => Ok(one(Number::I32, OnDisk::Plain)),
                (false, false) => Err(String::new()),
            };
            match content.and_then(|content| element_draft(objects, idx, content, &path, master)) {
                Ok(draft) => found.drafts.push(draft),
                Err(why) if why.is_empty() => {}
                Err(why) => skip(&why),
            }
            if is_master { Some(idx) } else { master }
        }
        class => {
            skip(&format!("branches of class {class} are not read"));
            None
        }
    };
    for child in children.iter().flatten() {
        collect(objects, streamers, *child, &path, below, found)?;
    }
    Ok(())
}

fn one(number: Number, stored: OnDisk) -> Content {
    Content { number, stored, extents: Vec::new(), is_list: false, header: 0, text: None }
}

/// Bytes with their number before them, which differ in length from entry to entry.
fn text(text: Text) -> Content {
    Content { is_list: true, text: Some(text), ..one(Number::U8, OnDisk::Plain) }
}

/// The numbers of a leaf.
fn leaf(objects: &Objects, leaf: usize) -> Result<Content, String> {
    let signed = |signed, unsigned| if objects.int(leaf, "fIsUnsigned") != 0 { unsigned } else { signed };
    let title = objects.text(leaf, "fTitle");
    let no_range = || format!("the range in '{title}' is not understood");
    let (number, stored) = match objects.class(leaf) {
        "TLeafO" => (Number::Bool, OnDisk::Plain),
        "TLeafB" => (signed(Number::I8, Number::U8), OnDisk::Plain),
        "TLeafS" => (signed(Number::I16, Number::U16), OnDisk::Plain),
        "TLeafI" => (signed(Number::I32, Number::U32), OnDisk::Plain),
        "TLeafL" | "TLeafG" => (signed(Number::I64, Number::U64), OnDisk::Plain),
        "TLeafF" => (Number::F32, OnDisk::Plain),
        "TLeafD" => (Number::F64, OnDisk::Plain),
        "TLeafF16" => (Number::F32, OnDisk::of_float16(title).ok_or_else(no_range)?),
        "TLeafD32" => (Number::F64, OnDisk::of_double32(title).ok_or_else(no_range)?),
        "TLeafC" => return Ok(text(Text::Leaf)),
        class => return Err(format!("leaves of class {class} are not numbers")),
    };
    let n_values = usize::try_from(objects.int(leaf, "fLen")).unwrap_or(0);
    let is_list = objects.child(leaf, "fLeafCount").is_some();
    let extents = extents(title, n_values)?;
    Ok(Content { extents, is_list, ..one(number, stored) })
}

/// The extents that a title says in brackets if they fit, else `n_values` as it is.
fn extents(title: &str, n_values: usize) -> Result<Vec<usize>, String> {
    let inside = title.split('[').skip(1).filter_map(|part| part.split_once(']'));
    let extents: Vec<usize> = inside.filter_map(|(extent, _)| extent.trim().parse().ok()).collect();
    let product = extents.iter().try_fold(1usize, |product, &extent| product.checked_mul(extent));
    match n_values {
        0 => Err("entries without values".into()),
        _ if n_values > 1 << 24 => Err(format!("{n_values} values an entry")),
        _ if product == Some(n_values) => Ok(extents),
        1 => Ok(Vec::new()),
        _ => Ok(vec![n_values]),
    }
}

/// The branches of the leaves of a plain branch.
fn leaf_drafts(
    objects: &Objects,
    idx: usize,
    leaves: &[usize],
    path: &[String],
) -> Result<Vec<Draft>, String> {
    let contents = leaves.iter().map(|&l| leaf(objects, l)).collect::<Result<Vec<_>, _>>()?;
    if contents.len() > 1 && contents.iter().any(|content| content.is_list) {
        return Err("lists beside other leaves".into());
    }
    let bytes = |c: &Content| c.extents.iter().product::<usize>() * c.stored.size(c.number);
    let stride: usize = contents.iter().map(bytes).sum();
    let mut offset = 0;
    let mut drafts = Vec::new();
    for (content, &leaf) in contents.into_iter().zip(leaves) {
        let n_bytes = bytes(&content);
        let mut path = path.to_vec();
        if leaves.len() > 1 {
            let branch = path.pop().unwrap_or_default();
            path.push(format!("{branch}.{}", objects.text(leaf, "fName")));
        }
        let counter = objects.child(leaf, "fLeafCount");
        let mut draft = draft(objects, idx, content, &path, counter)?;
        (draft.branch.stride, draft.branch.offset) = (stride, offset);
        draft.branch.is_part |= leaves.len() > 1;
        draft.objects = vec![leaf];
        draft.branch.leaf = objects.text(leaf, "fName").to_string();
        drafts.push(draft);
        offset += n_bytes;
    }
    Ok(drafts)
}

/// The numbers of a member, or of a whole object that is a vector.
fn member(objects: &Objects, streamers: &Streamers, idx: usize) -> Result<Content, String> {
    let class = objects.text(idx, "fClassName");
    let in_collection = matches!(objects.int(idx, "fType"), 31 | 41);
    let Ok(position) = usize::try_from(objects.int(idx, "fID")) else {
        if matches!(class, "string" | "TString") {
            return Ok(text(Text::String));
        }
        return vector(class, in_collection);
    };
    let version = objects.int(idx, "fClassVersion") as i16;
    let checksum = objects.int(idx, "fCheckSum") as u32;
    let elements = (streamers.class_with_checksum(class, checksum))
        .or_else(|| streamers.class(class, version))
        .or_else(|| streamers.any_version(class));
    let element = elements.as_ref().and_then(|elements| elements.get(position));
    let Some(element) = element else {
        return Err(format!("a member of {class}, which the file does not describe"));
    };
    let number = |kind| OnDisk::of_kind(kind, &element.title);
    if &*element.name == "fBits" && class == "TObject" {
        return Err("bits of TObject, which say nothing of the data".into());
    }
    match element.kind {
        kind @ 1..=19 => {
            let (number, stored) = number(kind).ok_or("a member that is no number")?;
            Ok(Content { is_list: in_collection, ..one(number, stored) })
        }
        kind @ 21..=39 => {
            let (number, stored) = number(kind - 20).ok_or("a member that is no number")?;
            let title =
                objects.items(idx, "fLeaves").iter().flatten().next().map(|&l| objects.text(l, "fTitle"));
            let extents = extents(title.unwrap_or_default(), element.array_length)?;
            Ok(Content { extents, is_list: in_collection, ..one(number, stored) })
        }
        65 if !in_collection => Ok(text(Text::String)),
        kind @ 41..=59 if !in_collection => {
            let (number, stored) = number(kind - 40).ok_or("a member that is no number")?;
            Ok(Content { is_list: true, header: 1, ..one(number, stored) })
        }
        _ => vector(&element.type_name, in_collection),
    }
}

/// The numbers of a collection with this type.
fn vector(type_name: &str, in_collection: bool) -> Result<Content, String> {
    let inside =
        type_name.trim_start_matches("std::").strip_suffix('>').and_then(|name| name.split_once('<'));
    let number = match inside {
        Some(("vector" | "list" | "deque" | "set" | "multiset" | "ROOT::VecOps::RVec", item)) => {
            Number::from_cpp(item.split_once(",allocator<").map_or(item, |(item, _)| item))
        }
        _ => None,
    };
    match number {
        Some(_) if in_collection => Err(format!("{type_name} inside a collection")),
        // Length, version and number of values stand before the values.
        Some(number) => Ok(Content { is_list: true, header: 10, ..one(number, OnDisk::Plain) }),
        None => Err(format!("'{type_name}' is not a list of numbers")),
    }
}

fn element_draft(
    objects: &Objects,
    idx: usize,
    content: Content,
    path: &[String],
    master: Option<usize>,
) -> Result<Draft, String> {
    let counter = match (content.is_list && content.text.is_none(), content.header) {
        (true, 0) => objects.child(idx, "fBranchCount").or(master),
        (true, 1) => objects.child(idx, "fBranchCount"),
        _ => None,
    };
    let mut draft = draft(objects, idx, content, path, counter)?;
    draft.objects = vec![idx];
    let leaf = objects.items(idx, "fLeaves").iter().flatten().next();
    draft.branch.leaf = leaf.map_or(String::new(), |&leaf| objects.text(leaf, "fName").to_string());
    Ok(draft)
}

fn draft(
    objects: &Objects,
    idx: usize,
    content: Content,
    path: &[String],
    counter: Option<usize>,
) -> Result<Draft, String> {
    let Content { number, stored, extents, is_list, header, text } = content;
    let (baskets, n_entries) = places(objects, idx)?;
    let stride = extents.iter().product::<usize>() * stored.size(number);
    let branch = Branch {
        name: path.last().cloned().unwrap_or_default(),
        number,
        extents,
        text,
        lists: if is_list { Lists::Vector } else { Lists::None },
        n_entries,
        is_part: path.len() > 1,
        leaf: String::new(),
        title: objects.text(idx, "fTitle").to_string(),
        compression: compression(objects, idx),
        stored,
        header,
        stride,
        offset: 0,
        baskets,
        columns: None,
    };
    Ok(Draft { path: path.to_vec(), branch, objects: Vec::new(), counter })
}

/// How a branch says that its baskets are packed; some writers say nothing, and pack as the file does.
fn compression(objects: &Objects, idx: usize) -> Option<Compression> {
    let compression = Compression::from_code(objects.int(idx, "fCompress") as i32);
    let is_packed = objects.int(idx, "fZipBytes") < objects.int(idx, "fTotBytes");
    (compression != Compression::None || !is_packed).then_some(compression)
}

/// The baskets of a branch in the order of their entries, and how many entries they hold.
fn places(objects: &Objects, idx: usize) -> Result<(Vec<ListPlace>, u64), String> {
    let wrong = || "its baskets do not follow each other".to_string();
    if !objects.text(idx, "fFileName").is_empty() {
        return Err("its baskets are in another file".into());
    }
    let (firsts, seeks, sizes) = (
        objects.ints(idx, "fBasketEntry"),
        objects.ints(idx, "fBasketSeek"),
        objects.ints(idx, "fBasketBytes"),
    );
    let embedded = objects.items(idx, "fBaskets");
    let n_written = usize::try_from(objects.int(idx, "fWriteBasket")).map_err(|_| wrong())?;
    let mut end = 0;
    let mut baskets = Vec::new();
    for i in 0..=n_written {
        let basket = embedded.get(i).copied().flatten().and_then(|basket| objects.basket(basket));
        let seek = seeks.get(i).copied().unwrap_or(0);
        let place = match basket {
            Some(basket) if basket.n_entries > 0 => {
                ListPlace { first: end, end: end + basket.n_entries as u64, at: At::Tree(Arc::clone(basket)) }
            }
            _ if i < n_written && seek > 0 => {
                let next = firsts.get(i + 1).ok_or_else(wrong)?;
                let next = u64::try_from(*next).ok().filter(|&next| next >= end).ok_or_else(wrong)?;
                let n_bytes = sizes.get(i).and_then(|&n| u64::try_from(n).ok()).ok_or_else(wrong)?;
                ListPlace { first: end, end: next, at: At::File { place: seek as u64, n_bytes } }
            }
            _ if i < n_written => return Err("one of its baskets was never written".into()),
            _ => continue,
        };
        if firsts.get(i).is_some_and(|&first| first != place.first as i64) {
            return Err(wrong());
        }
        end = place.end;
        if place.first < place.end {
            baskets.push(place);
        }
    }
    Ok((baskets, end))
}
