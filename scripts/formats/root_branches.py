"""Compares the ROOT reader branch by branch with uproot.

Usage: python scripts/formats/root_branches.py BRANCHES FILE.root ...
where BRANCHES is the program made by `cargo build --release -p baler-root --example branches`.
Prints one line for every difference and then the sums; exit code 1 if any value is wrong.
"""

import collections
import subprocess
import sys
import zlib

import awkward as ak
import numpy as np
import uproot


def numbers(array):
    """Values (big-endian bytes), counts (None for flat) of an array of at most one list level, or None."""
    counts = None
    layout = ak.to_layout(array)
    if isinstance(array, np.ndarray):
        flat = array
    elif isinstance(layout, ak.contents.NumpyArray):
        flat = np.asarray(layout.data)
    elif isinstance(layout, (ak.contents.ListOffsetArray, ak.contents.ListArray)):
        counts = ak.to_numpy(ak.num(array, axis=1)).astype("<u4")
        content = ak.to_layout(ak.flatten(array, axis=1))
        if isinstance(content, ak.contents.RegularArray):
            content = content.to_RegularArray() if False else content
            flat = ak.to_numpy(ak.Array(content))
        elif isinstance(content, ak.contents.NumpyArray):
            flat = np.asarray(content.data)
        else:
            return None
    elif isinstance(layout, ak.contents.RegularArray):
        flat = ak.to_numpy(array)
    else:
        return None
    if flat.dtype.kind not in "biuf":
        return None
    return np.ascontiguousarray(flat).astype(flat.dtype.newbyteorder(">")), counts


def expected(branch, field):
    array = branch.array(library="np") if branch.interpretation.__class__.__name__ == "AsDtype" else branch.array()
    if field is not None:
        array = array[field]
    return numbers(array)


def branches_of(tree):
    """(path, name) -> (branch, field)."""
    found = collections.OrderedDict()
    for path, branch in tree.iteritems(recursive=True, full_paths=True):
        path = "/".join(part.rstrip(".") for part in path.split("/"))
        names = {branch.name.rstrip("."), path}
        fields = [None]
        if len(branch.member("fLeaves")) > 1:
            fields = [leaf.member("fName") for leaf in branch.member("fLeaves")]
        for field in fields:
            suffix = "" if field is None else f".{field}"
            for name in names:
                found.setdefault(name + suffix, (branch, field))
    return found


def main():
    program, files = sys.argv[1], sys.argv[2:]
    out = subprocess.run([program, *files], capture_output=True, text=True)
    if out.returncode != 0:
        sys.exit(f"the reader stopped with {out.returncode}: {out.stderr[-400:]}")
    sums = collections.Counter()
    trees, opened = {}, {}
    for line in out.stdout.splitlines():
        path, tree, branch, state, *rest = line.split("\t")
        where = f"{path.rsplit('/', 1)[-1]} {tree} {branch}"
        if state != "read":
            sums["branches " + state] += 1
            print(f"{state}: {where}: {rest[0]}")
            continue
        if path not in opened:
            opened[path] = uproot.open(path)
        if (path, tree) not in trees:
            trees[path, tree] = branches_of(opened[path][tree])
        if branch not in trees[path, tree]:
            sums["unknown to uproot"] += 1
            print(f"unknown to uproot: {where}")
            continue
        number, extents, n_entries, n_values, crc, crc_counts = rest
        uproot_branch, field = trees[path, tree][branch]
        try:
            found = expected(uproot_branch, field)
        except Exception as error:  # whatever uproot cannot read is not compared
            found, why = None, type(error).__name__
        else:
            why = "no list of numbers there"
        if found is None:
            sums["not read by uproot"] += 1
            print(f"not read by uproot: {where}: {why}")
            continue
        values, counts = found
        right = int(n_values) == values.size and int(crc) == zlib.crc32(values.tobytes())
        right &= (crc_counts == "-") == (counts is None)
        right = right and (counts is None or int(crc_counts) == zlib.crc32(counts.tobytes()))
        sums["right" if right else "WRONG"] += 1
        if not right:
            print(f"WRONG: {where}: {rest}, uproot {values.dtype} {values.shape} lists={counts is not None}")
    print(f"{len(files)} files, {len(trees)} trees: " + ", ".join(f"{n} {what}" for what, n in sorted(sums.items())))
    sys.exit(1 if sums["WRONG"] else 0)


if __name__ == "__main__":
    main()
