//! Promises: what is written comes back, all of it or any entries; damaged files are errors, never a crash, and take no
//! more memory than they have earned; the same values give the same bytes.

use baler_root::{Column, Compression, File, Lists, NewBranch, NewLists, Number, Object, Text, Writer};
use std::io::Cursor;

fn noise(i: usize) -> u64 {
    let mut x = (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x ^= x >> 29;
    x.wrapping_mul(0xbf58_476d_1ce4_e5b9) ^ (x >> 32)
}

const NUMBERS: [Number; 11] = [
    Number::Bool,
    Number::I8,
    Number::I16,
    Number::I32,
    Number::I64,
    Number::U8,
    Number::U16,
    Number::U32,
    Number::U64,
    Number::F32,
    Number::F64,
];

fn values(n: usize, number: Number, seed: usize) -> Vec<u8> {
    let size = number.size();
    let one = |i: usize| match number {
        Number::Bool => vec![(noise(i) & 1) as u8],
        // Slowly rising, so that blocks are worth packing.
        _ => ((i as u64 / 3) << (8 * (8 - size)) | noise(i) >> 62).to_be_bytes()[..size].to_vec(),
    };
    (seed..seed + n).flat_map(one).collect()
}

fn new(name: &str, number: Number, extents: &[usize], lists: NewLists) -> NewBranch {
    NewBranch { extents: extents.into(), lists, ..NewBranch::new(name, number) }
}

/// Branches of every kind with all their entries.
fn branches(n_entries: usize) -> (Vec<NewBranch>, Vec<Column>) {
    let counts: Vec<u32> = (0..n_entries).map(|i| (noise(i) % 4) as u32).collect();
    let n_items = counts.iter().sum::<u32>() as usize;
    let flat = |bytes| Column { bytes, counts: None };
    let lists = |bytes| Column { bytes, counts: Some(counts.clone()) };
    let mut branches = vec![new("n", Number::I32, &[], NewLists::None)];
    let mut columns = vec![flat(counts.iter().flat_map(|n| n.to_be_bytes()).collect())];
    for (i, number) in NUMBERS.into_iter().enumerate() {
        branches.push(new(&format!("flat_{number:?}"), number, &[], NewLists::None));
        columns.push(flat(values(n_entries, number, i)));
        branches.push(new(&format!("list_{number:?}"), number, &[], NewLists::Counter(0)));
        columns.push(lists(values(n_items, number, i)));
        branches.push(new(&format!("vector_{number:?}"), number, &[], NewLists::Vector));
        columns.push(lists(values(n_items, number, i)));
    }
    for (i, text) in [Text::Leaf, Text::String].into_iter().enumerate() {
        branches.push(NewBranch {
            text: Some(text),
            ..new(&format!("text{i}"), Number::U8, &[], NewLists::Vector)
        });
        let counts: Vec<u32> =
            (0..n_entries).map(|i| if i == 100 { 1000 } else { (noise(i) % 9) as u32 }).collect();
        let bytes = values(counts.iter().sum::<u32>() as usize, Number::U8, i);
        columns.push(Column { bytes, counts: Some(counts) });
    }
    branches.push(new("fixed", Number::F32, &[2, 3], NewLists::None));
    columns.push(flat(values(6 * n_entries, Number::F32, 5)));
    branches.push(new("matrix", Number::F64, &[3], NewLists::Counter(0)));
    columns.push(lists(values(3 * n_items, Number::F64, 5)));
    (branches, columns)
}

fn file(paths: &[&str], n_entries: usize, compression: Compression) -> Vec<u8> {
    let mut writer = Writer::new(Cursor::new(Vec::new()), compression).unwrap();
    for path in paths {
        let (branches, columns) = branches(n_entries);
        let tree = writer.tree(path, "a title", branches).unwrap();
        for (idx, column) in columns.iter().enumerate() {
            writer.append(tree, idx, column).unwrap();
        }
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn every_kind_of_branch_comes_back() {
    for (n_entries, compression) in
        [(0, Compression::None), (1, Compression::Zlib(1)), (40_000, Compression::Zstd(3))]
    {
        let paths = ["Events", "deep/down/Events", "deep/other"];
        let bytes = file(&paths, n_entries, compression);
        assert_eq!(bytes, file(&paths, n_entries, compression));
        let mut file = File::open(Cursor::new(bytes)).unwrap();
        assert!(file.skipped.is_empty() && file.others.is_empty());
        let mut found: Vec<_> = file.trees.iter().map(|tree| tree.path.clone()).collect();
        found.sort();
        assert_eq!(found, ["Events", "deep/down/Events", "deep/other"]);
        let (branches, columns) = branches(n_entries);
        for (idx, tree) in file.trees.clone().iter().enumerate() {
            assert_eq!((tree.n_entries, tree.title.as_str()), (n_entries as u64, "a title"));
            assert!(tree.skipped.is_empty());
            for (new, column) in branches.iter().zip(&columns) {
                let branch = tree.find(&new.name).unwrap();
                let found = &tree.branches[branch];
                assert_eq!((found.number, &found.extents), (new.number, &new.extents), "{}", new.name);
                assert_eq!(found.text, new.text);
                let counter = tree.find("n").unwrap();
                let lists = match new.lists {
                    NewLists::None => Lists::None,
                    NewLists::Counter(_) => Lists::Counter(counter),
                    NewLists::Vector => Lists::Vector,
                };
                assert_eq!(found.lists, lists, "{}", new.name);
                assert_eq!(file.read(idx, branch, 0..tree.n_entries).unwrap(), *column, "{}", new.name);
            }
        }
    }
}

#[test]
fn any_entries_are_read_by_themselves() {
    let n_entries = 30_000;
    let mut file = File::open(Cursor::new(file(&["t"], n_entries, Compression::Zlib(1)))).unwrap();
    let (branches, columns) = branches(n_entries);
    for (new, all) in
        branches.iter().zip(&columns).filter(|(new, _)| new.number.size() == 8 || new.extents.len() > 1)
    {
        let branch = file.trees[0].find(&new.name).unwrap();
        let item = new.extents.iter().product::<usize>() * new.number.size();
        assert!(file.trees[0].branches[branch].n_baskets() > 1, "{}", new.name);
        for (from, to) in [(0, 0), (0, 1), (16_000, 16_800), (n_entries - 3, n_entries)] {
            let found = file.read(0, branch, from as u64..to as u64).unwrap();
            let items = |entries: std::ops::Range<usize>| match &all.counts {
                Some(counts) => counts[entries].iter().map(|&n| n as usize).sum(),
                None => entries.len(),
            };
            let start = items(0..from) * item;
            assert_eq!(found.bytes, all.bytes[start..start + items(from..to) * item], "{} {from}", new.name);
            assert_eq!(found.counts, all.counts.as_ref().map(|counts| counts[from..to].to_vec()));
        }
        assert!(file.read(0, branch, 5..n_entries as u64 + 1).is_err());
    }
}

#[test]
fn values_may_come_in_pieces() {
    let whole = file(&["t"], 5000, Compression::Zstd(1));
    let (branches, columns) = branches(5000);
    let mut writer = Writer::new(Cursor::new(Vec::new()), Compression::Zstd(1)).unwrap();
    let tree = writer.tree("t", "a title", branches.clone()).unwrap();
    for (idx, (new, column)) in branches.iter().zip(&columns).enumerate() {
        let item = new.extents.iter().product::<usize>() * new.number.size();
        let mut at = 0;
        for first in (0..5000).step_by(333) {
            let n = 333.min(5000 - first);
            let counts = column.counts.as_ref().map(|counts| counts[first..first + n].to_vec());
            let n_items = counts.as_ref().map_or(n, |counts| counts.iter().sum::<u32>() as usize);
            let bytes = column.bytes[at..at + n_items * item].to_vec();
            at += bytes.len();
            writer.append(tree, idx, &Column { bytes, counts }).unwrap();
        }
    }
    assert_eq!(writer.finish().unwrap().into_inner(), whole);
}

/// Reads all that a file has; nothing may panic.
fn read_all(bytes: &[u8]) -> bool {
    let Ok(mut file) = File::open(Cursor::new(bytes)) else { return false };
    let mut all = file.skipped.is_empty();
    for (idx, tree) in file.trees.clone().iter().enumerate() {
        all &= tree.skipped.is_empty();
        for (branch, found) in tree.branches.iter().enumerate() {
            all &= file.read(idx, branch, 0..found.n_entries).is_ok();
        }
    }
    all && !file.trees.is_empty()
}

#[test]
fn cut_files_are_told() {
    for compression in [Compression::None, Compression::Zlib(1)] {
        let bytes = file(&["a/t"], 20, compression);
        assert!(read_all(&bytes));
        for end in 0..bytes.len() {
            let whole = read_all(&bytes[..end]);
            // Nothing is needed of the list of free bytes at the very end.
            assert!(!whole || end + 80 > bytes.len(), "cut at {end} of {}", bytes.len());
        }
    }
}

#[test]
fn flipped_bits_never_panic() {
    let masks = [1, 0x10, 0x80, 0xff];
    for compression in [Compression::None, Compression::Zlib(1), Compression::Zstd(1)] {
        let bytes = file(&["a/t"], 12, compression);
        let turned = &|first: usize| {
            for at in (first..bytes.len()).step_by(masks.len()) {
                let mut damaged = bytes.clone();
                // Each mask meets every place of the four bytes of a number.
                damaged[at] ^= masks[(at + at / masks.len()) % masks.len()];
                read_all(&damaged);
            }
        };
        std::thread::scope(|scope| (0..masks.len()).for_each(|i| drop(scope.spawn(move || turned(i)))));
    }
}

#[test]
fn what_cannot_be_written_is_told() {
    let mut writer = Writer::new(Cursor::new(Vec::new()), Compression::None).unwrap();
    let error = |result: baler_root::Result<usize>| result.unwrap_err().to_string();
    let twice = vec![new("x", Number::I8, &[], NewLists::None), new("x", Number::I8, &[], NewLists::None)];
    assert_eq!(error(writer.tree("t", "", twice)), "the branch 'x' has the name of another branch");
    let late =
        vec![new("x", Number::I8, &[], NewLists::Counter(1)), new("n", Number::I32, &[], NewLists::None)];
    assert_eq!(error(writer.tree("t", "", late)), "the branch 'x' stands before its counter");
    assert_eq!(error(writer.tree("/", "", vec![])), "a tree needs a name");
    let tree = writer.tree("t", "", vec![new("x", Number::I16, &[], NewLists::None)]).unwrap();
    assert_eq!(error(writer.tree("t", "", vec![])), "expected one tree 't', found two");
    let odd = Column { bytes: vec![1], counts: None };
    assert_eq!(
        writer.append(tree, 0, &odd).unwrap_err().to_string(),
        "the values of 'x' do not fit their counts"
    );
    let lists = Column { bytes: vec![1, 2], counts: Some(vec![1]) };
    assert!(writer.append(tree, 0, &lists).is_err() && writer.append(tree, 1, &odd).is_err());
}

#[test]
fn leaves_titles_compression_and_unsigned_counters_are_those_that_were_given() {
    let mut writer = Writer::new(Cursor::new(Vec::new()), Compression::Zlib(1)).unwrap();
    let branches = vec![
        NewBranch {
            title: Some("how many".into()),
            leaf: Some("n_".into()),
            ..NewBranch::new("n", Number::U32)
        },
        new("arr[10]", Number::I32, &[10], NewLists::None),
        NewBranch {
            compression: Some(Compression::Lz4(4)),
            ..new("lists", Number::U16, &[], NewLists::Counter(0))
        },
    ];
    let tree = writer.tree("t", "", branches).unwrap();
    let counts = vec![3_000u32, 0];
    let flat = |bytes: Vec<u8>| Column { bytes, counts: None };
    writer.append(tree, 0, &flat(counts.iter().flat_map(|n| n.to_be_bytes()).collect())).unwrap();
    writer.flush(tree, 0).unwrap();
    writer.append(tree, 1, &flat((0..20u32).flat_map(u32::to_be_bytes).collect())).unwrap();
    let lists = Column { bytes: vec![7; 6000], counts: Some(counts) };
    writer.append(tree, 2, &lists).unwrap();
    let mut file = File::open(Cursor::new(writer.finish().unwrap().into_inner())).unwrap();
    let found = file.trees[0].branches.clone();
    let told = |i: usize| (found[i].name.as_str(), found[i].leaf.as_str(), found[i].title.as_str());
    assert_eq!(told(0), ("n", "n_", "how many"));
    assert_eq!(told(1), ("arr[10]", "arr", "arr[10]/I"));
    assert_eq!(told(2), ("lists", "lists", "lists[n_]/s"));
    assert_eq!((found[0].number, found[2].lists), (Number::U32, Lists::Counter(0)));
    assert_eq!(
        (found[0].compression, found[2].compression),
        (Some(Compression::Zlib(1)), Some(Compression::Lz4(4)))
    );
    assert_eq!(file.read(0, 2, 0..2).unwrap(), lists);
}

#[test]
fn objects_go_from_file_to_file_as_they_are() {
    let object = |path: &str, is_large| Object {
        path: path.into(),
        class: "TNamed".into(),
        title: "of any class".into(),
        is_large,
        content: (0..200).collect(),
    };
    let objects = [object("a", false), object("deep/down/b", true)];
    let mut writer = Writer::new(Cursor::new(Vec::new()), Compression::Zlib(1)).unwrap();
    writer.object(&objects[0]).unwrap();
    writer.tree("t", "", vec![NewBranch::new("x", Number::I8)]).unwrap();
    writer.object(&objects[1]).unwrap();
    let mut file = File::open(Cursor::new(writer.finish().unwrap().into_inner())).unwrap();
    assert_eq!(file.order, ["a", "t", "deep/down/b"]);
    assert_eq!([file.object(0).unwrap(), file.object(1).unwrap()], objects);
    assert!(file.object(2).is_err());
    // Descriptions of another file come before ours, which are not written twice.
    let descriptions = file.descriptions().unwrap();
    let mut writer = Writer::new(Cursor::new(Vec::new()), Compression::None).unwrap();
    writer.describe(descriptions.clone());
    writer.tree("t", "", vec![NewBranch::new("x", Number::I8)]).unwrap();
    let mut file = File::open(Cursor::new(writer.finish().unwrap().into_inner())).unwrap();
    assert_eq!(file.descriptions().unwrap().content, descriptions.content);
}
