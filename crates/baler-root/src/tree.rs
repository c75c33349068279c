//! A tree, or an RNTuple, as a list of branches of numbers: what type, how many a entry, and where their baskets are. Branches that hold
//! anything else (strings, objects, nested vectors) are listed with the reason.

use crate::basket::Basket;
use crate::blocks::Compression;
use crate::branch;
use crate::error::{Error, Result};
use crate::ntuple;
use crate::number::{Number, OnDisk};
use crate::object::Objects;
use crate::streamers::Streamers;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

/// How many values an entry has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lists {
    /// Always as many as the extents say.
    None,
    /// That times the value of the branch with this index.
    Counter(usize),
    /// Any number: a `std::vector`, or an array whose counter is not in the tree.
    Vector,
}

/// What an entry is that is a text: bytes with their number before them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text {
    /// A leaf of characters (`char*`).
    Leaf,
    /// A `std::string`, or a `TString`.
    String,
}

/// A branch of numbers, or of texts.
#[derive(Debug, Clone)]
pub struct Branch {
    /// Unique in its tree.
    pub name: String,
    /// Type of the numbers that [`crate::File::read`] gives.
    pub number: Number,
    /// Fixed extents of an entry, or of an item of its list; empty for one value.
    pub extents: Vec<usize>,
    /// Whether entries have lists.
    pub lists: Lists,
    /// For texts what they are in the file; their bytes are lists of [`Number::U8`].
    pub text: Option<Text>,
    /// How many entries it has; that of the tree but for odd files.
    pub n_entries: u64,
    /// Name of its leaf.
    pub leaf: String,
    /// Its title; of a plain branch mostly its list of leaves.
    pub title: String,
    /// How its baskets are packed, if not as the file.
    pub compression: Option<Compression>,
    pub(crate) is_part: bool,
    pub(crate) stored: OnDisk,
    /// Bytes before the values of an entry.
    pub(crate) header: usize,
    /// Bytes of an entry without lists, and where in it the values start.
    pub(crate) stride: usize,
    pub(crate) offset: usize,
    pub(crate) baskets: Vec<ListPlace>,
    /// Where the values are if this is a field of an RNTuple.
    pub(crate) columns: Option<ntuple::Columns>,
}

impl Branch {
    /// Values of an entry, or of an item of its list.
    pub fn n_values(&self) -> usize {
        self.extents.iter().product()
    }

    /// True for `Double32_t` and `Float16_t`, which stand in the file with fewer bits than values have.
    pub fn is_shortened(&self) -> bool {
        self.stored != OnDisk::Plain
    }

    /// True if it is one leaf of several, or a member of an object, and no branch of its own in the file.
    pub fn is_part(&self) -> bool {
        self.is_part
    }

    /// How many baskets it has.
    pub fn n_baskets(&self) -> usize {
        self.baskets.len()
    }
}

/// Where a basket is, and which entries it holds.
#[derive(Debug, Clone)]
pub(crate) struct ListPlace {
    pub first: u64,
    pub end: u64,
    pub at: At,
}

#[derive(Debug, Clone)]
pub(crate) enum At {
    File { place: u64, n_bytes: u64 },
    Tree(Arc<Basket>),
}

/// A tree.
#[derive(Debug, Clone)]
pub struct Tree {
    /// Directories and name, with slashes between.
    pub path: String,
    /// Its title.
    pub title: String,
    /// How many entries it has.
    pub n_entries: u64,
    /// Branches of numbers, in the order of the file.
    pub branches: Vec<Branch>,
    /// Names of all other branches, and why they cannot be read.
    pub skipped: Vec<(String, String)>,
    /// The clusters of entries if this is an RNTuple.
    pub(crate) ntuple: Option<Arc<Vec<ntuple::Cluster>>>,
}

/// A branch before its name is unique and its counter has an index.
pub(crate) struct Draft {
    /// Names of the branches above, and its own.
    pub path: Vec<String>,
    pub branch: Branch,
    /// Objects that may be named as a counter by other branches: the branch and its leaf.
    pub objects: Vec<usize>,
    /// The object that counts it.
    pub counter: Option<usize>,
}

impl Tree {
    /// Of the content of a key; `file_len` limits what its baskets may claim.
    pub(crate) fn read(
        content: &[u8],
        n_header: usize,
        class: &str,
        path: &str,
        streamers: &Streamers,
        file_len: u64,
    ) -> Result<Tree> {
        let mut objects = Objects::new(content, n_header, streamers);
        let tree = objects.read_class(class)?;
        let n_entries = u64::try_from(objects.int(tree, "fEntries")).unwrap_or(0);
        let mut found = Found { seen: HashSet::new(), drafts: Vec::new(), skipped: Vec::new() };
        for item in objects.items(tree, "fBranches").iter().flatten() {
            branch::collect(&objects, streamers, *item, &[], None, &mut found)?;
        }
        let title = objects.text(tree, "fTitle").to_string();
        let branches = resolve(found.drafts);
        check_places(&branches, file_len)?;
        Ok(Tree { path: path.to_string(), title, n_entries, branches, skipped: found.skipped, ntuple: None })
    }

    /// True if it is an RNTuple, which follows trees in newer files.
    pub fn is_ntuple(&self) -> bool {
        self.ntuple.is_some()
    }

    /// The branch with this index, if it has these entries.
    pub(crate) fn branch(&self, idx: usize, entries: &Range<u64>) -> Result<&Branch> {
        let branch = self.branches.get(idx);
        let branch = branch.ok_or_else(|| Error::usage(format!("the tree has no branch {idx}")))?;
        match entries.start <= entries.end && entries.end <= branch.n_entries {
            true => Ok(branch),
            false => {
                let text = format!("expected entries within 0..{}, found {entries:?}", branch.n_entries);
                Err(Error::usage(text))
            }
        }
    }

    /// Index of the branch called `name`.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.branches.iter().position(|branch| branch.name == name)
    }
}

/// What [`branch::collect`] gathers.
pub(crate) struct Found {
    /// Objects that were met: a reference to a branch above would lead around for ever.
    pub seen: HashSet<usize>,
    pub drafts: Vec<Draft>,
    pub skipped: Vec<(String, String)>,
}

/// Unique names, and counters as indices.
fn resolve(drafts: Vec<Draft>) -> Vec<Branch> {
    let mut times: HashMap<String, usize> = HashMap::new();
    for draft in &drafts {
        *times.entry(draft.branch.name.clone()).or_default() += 1;
    }
    let counters: HashMap<usize, usize> = drafts
        .iter()
        .enumerate()
        .flat_map(|(i, d)| d.objects.iter().map(move |&object| (object, i)))
        .collect();
    let mut taken: HashMap<String, usize> = HashMap::new();
    let mut branches = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let mut branch = draft.branch;
        if times[&branch.name] > 1 {
            branch.name = draft.path.join("/");
        }
        let n_before = taken.entry(branch.name.clone()).or_default();
        *n_before += 1;
        if *n_before > 1 {
            branch.name = format!("{};{n_before}", branch.name);
        }
        if let Some(object) = draft.counter {
            branch.lists = counters.get(&object).map_or(Lists::Vector, |&idx| Lists::Counter(idx));
        }
        branches.push(branch);
    }
    // A counter is one whole number an entry.
    let is_counter = |branch: &Branch| {
        branch.lists == Lists::None
            && branch.extents.is_empty()
            && !matches!(branch.number, Number::F32 | Number::F64)
    };
    let fits: Vec<bool> = branches.iter().map(is_counter).collect();
    for branch in &mut branches {
        if matches!(branch.lists, Lists::Counter(idx) if !fits[idx]) {
            branch.lists = Lists::Vector;
        }
    }
    branches
}

/// Baskets that share bytes are how a small file unpacks into a huge one; leaves of one branch share theirs.
fn check_places(branches: &[Branch], file_len: u64) -> Result<()> {
    let mut places: HashMap<u64, (u64, usize)> = HashMap::new();
    let mut total = 0u64;
    for branch in branches {
        for basket in &branch.baskets {
            let At::File { place, n_bytes } = basket.at else { continue };
            let n_leaves = places.entry(place).or_insert((n_bytes, 0));
            n_leaves.1 += 1;
            if n_leaves.1 == 1 {
                total = total.saturating_add(n_bytes);
            }
            let n_values = branch.n_values().max(1) * branch.number.size();
            if n_leaves.1 > branch.stride / n_values.min(branch.stride).max(1) + 1 {
                return Err(Error::damaged("several branches claim the same baskets"));
            }
        }
    }
    if total > file_len {
        return Err(Error::damaged(format!("the baskets claim {total} bytes, the file has {file_len}")));
    }
    Ok(())
}
