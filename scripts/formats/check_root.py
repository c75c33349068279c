"""ROOT files made by uproot go through baler and back, and uproot finds the same values, or values within the bound.

Usage: python scripts/formats/check_root.py target/release/baler
Needs scripts/formats/requirements.txt. If ROOT itself is there (`pip install root`), it writes and reads too.
"""

import itertools
import sys

import awkward as ak
import cases
import numpy as np
import uproot
from cases import Checks, same, within

RNG = np.random.default_rng(7)
N = 3000
DTYPES = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64".split()


def flat(dtype, n=N):
    return cases.column(RNG, dtype, n)


def jets():
    """Lists of muons and jets with counters, as in NanoAOD, beside flat columns."""
    columns = {"run": np.full(N, 362_760, "u4"), "event": np.cumsum(RNG.integers(1, 9, N)).astype("u8"), "MET_pt": flat("float32")}
    for name, mean in (("Jet", 5), ("Muon", 1)):
        counts = RNG.poisson(mean, N)
        n = counts.sum()
        fields = {"pt": flat("float32", n), "eta": RNG.normal(size=n).astype("f4"), "nHits": flat("uint8", n), "isTight": flat("bool", n)}
        columns[name] = ak.zip({k: ak.unflatten(v, counts) for k, v in fields.items()})
    return columns


def write(path, trees, compression=uproot.ZLIB(1)):
    with uproot.recreate(path, compression=compression) as file:
        for name, columns in trees.items():
            file.mktree(name, {k: v.type if isinstance(v, ak.Array) else (v.dtype, v.shape[1:]) for k, v in columns.items()})
            for part in np.array_split(np.arange(N), 3):  # several baskets
                file[name].extend({k: v[part[0] : part[-1] + 1] for k, v in columns.items()})


def compare(back, source, rel=None):
    with uproot.open(source) as a, uproot.open(back) as b:
        trees = [k for k, c in a.classnames(cycle=False).items() if c in ("TTree", "TNtuple")]
        assert trees == [k for k, c in b.classnames(cycle=False).items() if c == "TTree"], "other trees"
        for tree in trees:
            names = [k for k in a[tree].keys() if a[tree][k].interpretation.__class__.__name__ in ("AsDtype", "AsJagged")]
            assert names == b[tree].keys(), f"{tree}: {names} became {b[tree].keys()}"
            assert a[tree].title == b[tree].title, "another title"
            for name in names:
                compare_branch(a[tree][name], b[tree][name], f"{tree}/{name}", rel)


def compare_branch(expected, found, name, rel):
    check = same if rel is None else lambda x, y, n: within(x, y, rel, n)
    if expected.interpretation.__class__.__name__ == "AsDtype":
        return check(found.array(library="np"), expected.array(library="np"), name)
    assert type(expected.interpretation) is type(found.interpretation), f"{name}: lists became something else"
    assert expected.interpretation.header_bytes == found.interpretation.header_bytes, f"{name}: a vector became a counted array"
    expected, found = expected.array(), found.array()
    same(ak.to_numpy(ak.num(found)), ak.to_numpy(ak.num(expected)), name)
    check(ak.to_numpy(ak.flatten(found)), ak.to_numpy(ak.flatten(expected)), name)


def compare_ntuple(expected, tree, rel):
    """Fields against branches; the fields of a collection's records are branches of their own."""
    check = same if rel is None else lambda x, y, n: within(x, y, rel, n)
    names = [f"{name}.{part}" if expected[name].fields else name for name in expected.fields for part in expected[name].fields or [""]]
    assert set(names) == set(tree.keys()), f"{set(names) ^ set(tree.keys())}"
    for name in names:
        values = expected
        for part in name.split("."):
            values = values[part]
        if values.ndim == 1 or name == "box":
            check(tree[name].array(library="np"), ak.to_numpy(values), name)
            continue
        found = tree[name].array()
        assert "vector" in tree[name].typename, tree[name].typename
        same(ak.to_numpy(ak.num(found)), ak.to_numpy(ak.num(values)), name)
        check(ak.to_numpy(ak.flatten(found)), ak.to_numpy(ak.flatten(values)), name)


def root_file(path, compression):
    """A file by ROOT itself: vectors, counted arrays, other floats, an n-tuple, directories; None without ROOT."""
    try:
        import ROOT
    except ImportError:
        return None
    if not hasattr(ROOT, "baler_check"):
        ROOT.gInterpreter.Declare(
            """
            void baler_check(const char* name, int compression) {
              TFile f(name, "RECREATE"); f.SetCompressionSettings(compression); f.mkdir("a/b"); f.cd("a/b");
              TTree t("t", "vectors"); std::vector<float> x; std::vector<double> y; std::vector<int> i; int n; float v[50]; double m[50][3];
              int box[2][3]; TRandom3 r(1);
              t.Branch("x", &x); t.Branch("y", &y); t.Branch("i", &i); t.Branch("n", &n, "n/I"); t.Branch("v", v, "v[n]/F");
              t.Branch("m", m, "m[n][3]/D"); t.Branch("box", box, "box[2][3]/I");
              for (int e = 0; e < 2000; e++) {
                x.clear(); y.clear(); i.clear(); n = r.Poisson(3);
                for (int k = 0; k < n; k++) { x.push_back(r.Gaus()); y.push_back(r.Exp(1)); v[k] = r.Gaus(); for (double& q : m[k]) q = r.Gaus(); }
                for (int k = 0; k < e % 3; k++) i.push_back(e * k);
                for (auto& row : box) for (int& q : row) q = r.Integer(100);
                t.Fill();
              }
              t.Write(); f.cd(); TNtuple nt("nt", "an n-tuple", "px:py"); for (int e = 0; e < 500; e++) nt.Fill(r.Gaus(), e); nt.Write();
            }"""
        )
    ROOT.baler_check(str(path), compression)
    return path


def root_reads(back, source, tree, names):
    import ROOT

    for name in names:
        values = []
        for path in (source, back):
            file = ROOT.TFile.Open(str(path))
            assert not file.TestBit(ROOT.TFile.kRecovered), "ROOT had to repair the file"
            t = file.Get(tree)
            t.SetEstimate(1_000_000)
            n = t.Draw(name, "", "goff")
            values.append(np.array([t.GetV1()[i] for i in range(n)]))
        same(values[1], values[0], name)


def main():
    checks = Checks(sys.argv[1])
    source = checks.folder / "source.root"

    def trip(trees, compression, *bound, rel=None, inner=""):
        write(source, trees, compression)
        back, said = checks.round_trip(source, ".root", *bound, inner=inner)
        assert said == "", f"unexpected warning: {said}"
        compare(back, source, rel)

    numbers = {d: flat(d) for d in DTYPES} | {"box": RNG.normal(size=(N, 2, 3)).astype("f4")}
    packings = {"none": None, "zlib": uproot.ZLIB(4), "lzma": uproot.LZMA(4), "lz4": uproot.LZ4(4), "zstd": uproot.ZSTD(4)}
    for (packing, compression), (bound, rel) in itertools.product(packings.items(), ((["--lossless"], None), (["--rel", "1e-3"], 1e-3))):
        checks.case(f"every dtype and an array, {packing}, {bound[0]}", lambda: trip({"t": numbers}, compression, *bound, rel=rel))
        checks.case(f"counted lists as in NanoAOD, {packing}, {bound[0]}", lambda: trip({"Events": jets()}, compression, *bound, rel=rel))
    directories = {"Events": jets(), "deep/down/Events": numbers}
    checks.case("trees in directories", lambda: trip(directories, uproot.ZLIB(1), "--lossless"))

    def one_tree():
        write(source, directories)
        back, _ = checks.round_trip(source, ".root", "--lossless", inner=":deep/down/Events")
        with uproot.open(back) as found:
            assert [k for k, c in found.classnames(cycle=False).items() if c == "TTree"] == ["deep/down/Events"]
            same(found["deep/down/Events/float32"].array(library="np"), numbers["float32"], "float32")

    checks.case("one tree of several", one_tree)

    def rows():
        write(source, {"Events": jets()})
        archive, back = checks.folder / "a.bale", checks.folder / "back.root"
        checks.run("compress", source, "-o", archive, "-f", "-q", "--lossless")
        checks.run("decompress", archive, "-o", back, "-f", "-q", "--rows", "1000:1100", "--variables", "Jet_pt,MET_pt")
        with uproot.open(source) as a, uproot.open(back) as b:
            assert set(b["Events"].keys()) == {"nJet", "Jet_pt", "MET_pt"}
            for name in ("nJet", "Jet_pt", "MET_pt"):
                assert ak.array_equal(a["Events"][name].array()[1000:1100], b["Events"][name].array()), name

    checks.case("rows of lists", rows)

    def ntuple(compression, *bound, rel=None):
        columns = {d: flat(d) for d in DTYPES} | jets() | {"box": ak.to_regular(ak.Array(numbers["box"]), axis=None)}
        with uproot.recreate(source, compression=compression) as file:
            file.mkrntuple("dir/nt", columns)
            file["dir/nt"].extend(columns)
        back, said = checks.round_trip(source, ".root", *bound)
        assert "dir/nt is an RNTuple" in said and said.count("\n") == 1, said
        with uproot.open(source) as a, uproot.open(back) as b:
            compare_ntuple(a["dir/nt"].arrays(), b["dir/nt"], rel)

    for packing, compression in packings.items():
        checks.case(f"an RNTuple, {packing}, lossless", lambda: ntuple(compression, "--lossless"))
    checks.case("an RNTuple, --rel", lambda: ntuple(uproot.ZSTD(4), "--rel", "1e-3", rel=1e-3))
    if root_file(checks.folder / "root.root", 0) is None:
        print("skipped  ROOT is not there: pip install root")
    else:

        def by_root(compression, *bound, rel=None):
            made = root_file(checks.folder / "root.root", compression)
            back, _ = checks.round_trip(made, ".root", *bound)
            compare(back, made, rel)
            if rel is None:
                root_reads(back, made, "a/b/t", ["x", "y", "i", "n", "v", "m", "box"])
                root_reads(back, made, "nt", ["px", "py"])

        for packing, compression in {"none": 0, "zlib": 101, "lzma": 204, "lz4": 404, "zstd": 505}.items():
            checks.case(f"vectors and an n-tuple by ROOT, {packing}, lossless, read by ROOT", lambda: by_root(compression, "--lossless"))
        checks.case("vectors and an n-tuple by ROOT, --rel", lambda: by_root(505, "--rel", "1e-3", rel=1e-3))
    checks.end()


if __name__ == "__main__":
    main()
