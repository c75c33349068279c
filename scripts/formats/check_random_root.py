"""ROOT files of random structure, written by uproot (and by ROOT itself, if it is there), go through baler and back without
loss; uproot finds the same trees, branches, types, titles, values, texts and other objects, packed as they were and in
about as many bytes, or a warning names what is not kept.

    python scripts/formats/check_random_root.py target/release/baler [NUMBER OF FILES] [SEED] [FOLDER WITH FILES OF OTHERS]
"""

import pathlib
import sys

import awkward as ak
import cases
import numpy as np
import uproot
from cases import Checks

DTYPES = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64".split()
NAMES = ["pt", "Jet", "HLT_mu", "a b", "x.y", "n", "é", "long_" * 20, "a-b", "_x", "E"]
PACKINGS = [None, *(pack(level) for pack in (uproot.ZLIB, uproot.LZMA, uproot.LZ4, uproot.ZSTD) for level in (1, 4, 9))]
# uproot's LZ4 packs harder than any level that is written.
OVERHEAD = 1.3


def columns(rng, n_entries):
    """Branches of random kinds under random names."""
    found = {}
    names = [str(name) for name in rng.permutation(NAMES)[: rng.integers(1, 7)]]
    for name in names:
        dtype = str(rng.choice(DTYPES))
        kind = str(rng.choice(["flat", "flat", "array", "lists", "records", "texts"]))
        if kind == "flat":
            found[name] = cases.column(rng, dtype, n_entries)
        elif kind == "array":
            extents = tuple(int(n) for n in rng.integers(1, 4, rng.integers(1, 3)))
            found[name] = cases.column(rng, dtype, n_entries * int(np.prod(extents))).reshape(n_entries, *extents)
        elif kind == "texts":
            found[name] = ak.Array(["".join(rng.choice(list("abc dé"), int(rng.choice([0, 1, 7, 300])))) + "." for _ in range(n_entries)])
        else:
            counts = rng.poisson(float(rng.choice([0.1, 3])), n_entries)
            items = {k: cases.column(rng, str(rng.choice(DTYPES)), counts.sum()) for k in ("pt", "eta", "q")}
            lists = {k: ak.unflatten(v, counts) for k, v in items.items()}
            found["".join(c for c in name if c.isalnum()) or "list"] = ak.zip(lists) if kind == "records" else lists["pt"]
    return found


def write(rng, path):
    """Writes a file; returns what is in it, and words that warnings must hold."""
    packing = PACKINGS[int(rng.integers(len(PACKINGS)))]
    must, told = [], []
    with uproot.recreate(path, compression=packing) as file:
        for name in ["Events", "deep/down/Events", "Runs", "a b/t"][: rng.integers(1, 5)]:
            n_entries = int(rng.choice([0, 1, 50, 3000]))
            data = columns(rng, n_entries)
            told.append(f"{name} x {n_entries}: {({k: str(v.type) if isinstance(v, ak.Array) else (v.dtype.name, v.shape[1:]) for k, v in data.items()})}")
            if rng.random() < 0.2:
                flat = {k: v for k, v in data.items() if not (isinstance(v, ak.Array) and v.layout.purelist_isregular)}
                flat = {k: ak.to_regular(ak.Array(v), axis=None) if isinstance(v, np.ndarray) and v.ndim > 1 else v for k, v in flat.items()}
                if flat and n_entries:
                    file.mkrntuple(name, flat)
                    file[name].extend(flat)
                    must.append("RNTuple")
                    continue
            types = {k: v.type if isinstance(v, ak.Array) and "string" not in str(v.type) else ("str" if isinstance(v, ak.Array) else (v.dtype, v.shape[1:])) for k, v in data.items()}
            file.mktree(name, types, title=str(rng.choice(["", "a title", "é"])))
            for part in np.array_split(np.arange(n_entries), int(rng.integers(1, 4))):
                if len(part):
                    file[name].extend({k: v[part[0] : part[-1] + 1] for k, v in data.items()})
        if rng.random() < 0.4:
            file["histograms/h"] = np.histogram(rng.normal(size=100), bins=20)
            file["h2"] = np.histogram2d(rng.normal(size=50), rng.normal(size=50), bins=(4, 5))
        if rng.random() < 0.4:
            file["tag"] = "a text of ours"
    return f"{packing} {'; '.join(told)}"[:300], must


def interpretation(branch):
    return type(branch.interpretation).__name__, getattr(branch.interpretation, "header_bytes", 0)


def compare_trees(a, b, where):
    assert a.title == b.title and a.num_entries == b.num_entries, f"{where}: another title or length"
    names = [k for k in a.keys(recursive=False)]
    assert sorted(names) == sorted(b.keys(recursive=False)), f"{where}: {b.keys(recursive=False)} instead of {names}"
    found = {branch.name: branch for branch in b.branches}
    for x in a.branches:
        y = found[x.name]
        assert x.title == y.title, f"{where}/{x.name}: title {y.title} instead of {x.title}"
        assert interpretation(x) == interpretation(y) and x.typename == y.typename, f"{where}/{x.name}: {y.typename} instead of {x.typename}"
        leaves = [(leaf.classname, leaf.member("fName"), leaf.member("fTitle"), leaf.member("fIsUnsigned")) for branch in (x, y) for leaf in branch.member("fLeaves")]
        assert leaves[0] == leaves[1], f"{where}/{x.name}: leaf {leaves[1]} instead of {leaves[0]}"
        # uproot packs as the file and tells nothing in its branches.
        assert x.compression in (None, y.compression), f"{where}/{x.name}: {y.compression} instead of {x.compression}"
        same_arrays(x.array(), y.array(), f"{where}/{x.name}")


def same_arrays(x, y, where):
    x, y = ak.to_packed(x), ak.to_packed(y)
    assert str(x.type) == str(y.type), f"{where}: {y.type} instead of {x.type}"
    for (name, p), (_, q) in zip(ak.to_buffers(x)[2].items(), ak.to_buffers(y)[2].items()):
        assert np.asarray(p).tobytes() == np.asarray(q).tobytes(), f"{where}: other values ({name})"


def compare_ntuple(a, b, where):
    expected, found = a.arrays(), b.arrays()
    assert len(expected) == len(found), f"{where}: another length"
    for name in expected.fields:
        for part in expected[name].fields or [None]:
            values = expected[name][part] if part else expected[name]
            branch = f"{name}.{part}" if part else name
            assert ak.array_equal(values, b[branch].array(), equal_nan=True, dtype_exact=True), f"{where}/{branch}: other values"


def compare(source, back):
    with uproot.open(source) as a, uproot.open(back) as b:
        # Trees without branches that are read, and RNTuples, come back as something else.
        classes = [{k: c for k, c in f.classnames(cycle=False).items()} for f in (a, b)]
        for name, kind in classes[0].items():
            if kind.startswith("TDirectory"):
                continue
            assert name in classes[1], f"{name} is not there"
            if kind in ("ROOT::RNTuple", "ROOT::Experimental::RNTuple"):
                compare_ntuple(a[name], b[name], name)
                continue
            assert classes[1][name] == kind, f"{name}: {classes[1][name]} instead of {kind}"
            if kind == "TTree":
                compare_trees(a[name], b[name], name)
            elif kind.startswith("TH"):
                assert a[name].all_members.keys() == b[name].all_members.keys(), name
                for x, y in zip(a[name].to_numpy(), b[name].to_numpy()):
                    assert np.array_equal(x, y), f"{name}: other bins"
            else:
                assert str(a[name]) == str(b[name]), f"{name}: {b[name]} instead of {a[name]}"


def main():
    checks = Checks(sys.argv[1])
    n_files = int(sys.argv[2]) if len(sys.argv) > 2 else 12
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    others = pathlib.Path(sys.argv[4]) if len(sys.argv) > 4 else None
    n_bytes = np.zeros(2, int)

    def trip(source, must):
        back, said = checks.round_trip(source, ".root", "--lossless")
        assert all(word in said for word in must) and (must or said == ""), f"said: {said}"
        sizes = source.stat().st_size, back.stat().st_size
        n_bytes[:] += sizes
        # An RNTuple splits and shares what a tree does not.
        assert sizes[1] <= OVERHEAD * sizes[0] + 20_000 or "RNTuple" in must, f"{sizes[0]} bytes became {sizes[1]}"
        compare(source, back)

    for i in range(n_files):
        rng = np.random.default_rng([seed, i])
        source = checks.folder / f"{i}.root"
        try:
            what, must = write(rng, source)
        except (TypeError, ValueError, NotImplementedError, AttributeError, KeyError) as error:
            print(f"skipped  {i}: uproot does not write it: {str(error)[:100]}")
            continue
        checks.case(f"{i}: {what}", lambda: trip(source, must))
        source.unlink()
    for path in sorted(others.glob("*.root")) if others else []:
        checks.case(path.name, lambda: compare_split(checks, path))
    print(f"{n_bytes[0]} bytes became {n_bytes[1]}")
    checks.end()


def compare_split(checks, path):
    """Members of split objects come back as branches with the same leaves."""
    back, said = checks.round_trip(path, ".root", "--lossless")
    assert "branches of their own" in said, said
    with uproot.open(path) as a, uproot.open(back) as b:
        for name in a.keys(cycle=False, filter_classname="TTree"):
            found = {branch.name: branch for branch in b[name].branches}
            for x in a[name].itervalues(recursive=True):
                if x.name not in found:
                    continue
                y = found[x.name]
                same_arrays(x.array(), y.array(), x.name)
                leaves = [[(leaf.member("fName"), leaf.member("fTitle")) for leaf in branch.member("fLeaves")] for branch in (x, y)]
                assert leaves[0] == leaves[1], f"{x.name}: leaf {leaves[1]} instead of {leaves[0]}"


if __name__ == "__main__":
    main()
