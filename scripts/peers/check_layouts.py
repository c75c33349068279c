"""Does every layout and type of the peers give its array back, and does the search keep the smallest?

    python3 scripts/peers/check_layouts.py

Needs NumPy alone (what other libraries are there is tried too); made-up arrays, seconds.
"""
import json, os, subprocess, sys, tempfile
import numpy as np

import peers
from compressors import lorenzo, shuffled, xz
from layouts import bounded_types, exact_types, fields, holes, images, lattice_types, streams


def arrays():
    rng = np.random.default_rng(0)
    waves = np.sin(np.arange(2400) / 40).reshape(2, 5, 12, 20)
    holed = waves.astype(np.float32).copy()
    holed[0, :, 3:5] = np.nan
    holed[1, 2, 4, 4:9] = 1e20
    counts = rng.poisson(40, (4, 16, 24))
    yield "field", waves
    yield "holes", holed
    yield "holes first", np.where(np.arange(50) < 9, np.nan, np.arange(50.0))
    yield "counts in floats", counts.astype(np.float32)
    yield "detector", counts.astype(np.uint16)
    yield "negative", (counts - 45).astype(np.int32)
    yield "large", counts.astype(np.int64) << 40
    yield "RGB", rng.integers(0, 9, (10, 12, 3)).astype(np.uint8)
    yield "columns", np.stack([np.arange(300) // 7 * 1.5, rng.normal(size=300), np.zeros(300)], axis=1)
    yield "series", np.cumsum(rng.integers(-3, 4, 500)).astype(float)


def same(x, y):
    return x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes()


def check_ways_back():
    n = 0
    for name, x in arrays():
        for layouts in (fields, streams, images):
            for layout, parts, join in layouts(x):
                assert same(x, join(parts)), (name, layouts.__name__, layout)
                n += 1
        for limit in (0.3, 0.5, 1.7, 4.0):
            for types in (bounded_types, lattice_types):
                for kind, sent, beside, back, asked in types(x, limit):
                    y = back(sent)
                    kept, _, _ = holes(x)
                    assert y.dtype.kind == x.dtype.kind or types is bounded_types, (name, kind)
                    assert np.abs(y.astype(float) - x)[kept].max() <= limit, (name, types.__name__, kind, limit)
                    assert np.array_equal(x[~kept], y[~kept], equal_nan=True) and beside >= 0 and asked <= max(limit, 0.5)
                    n += 1
        for kind, sent, _, back, _ in exact_types(x, 0):
            assert same(x, back(sent)), (name, kind)
            n += 1
        for run in (lorenzo(xz()), shuffled(xz())):
            if x.dtype.kind in "iu" and x.dtype.itemsize > 1:
                assert same(x, run(x)[3]), name
    return n


def check_bins():
    """Two counts a bin of floats at a bound of 0.96, three of integers at 1.9, each number at 0.9."""
    counts = np.arange(12).reshape(3, 4)
    n_bins = lambda x, limit: min(len(np.unique(sent)) for _, sent, *_ in lattice_types(x, limit))
    assert n_bins(counts.astype(np.float32), 0.96) == 6
    assert n_bins(counts.astype(np.int32), 1.9) == 4
    assert n_bins(counts.astype(np.int32), 0.9) == 12


def check_search():
    """Columns that each repeat are smallest apart from each other, and the row says so; whole numbers go as such."""
    steps = np.repeat(np.arange(100), 100)
    x = np.stack([steps * 0.37, np.roll(steps, 50) * 0.11, steps % 7 * 1.5], axis=1)
    best, layouts = peers.one_array(peers.PEERS["xz -9e"], "x", x, 0)
    assert best["how"].startswith("columns last") and best["bytes"] < layouts[""], (best, layouts)
    whole = np.cumsum(np.random.default_rng(1).integers(-9, 10, 4000)).astype(float)
    best, _ = peers.one_array(peers.PEERS["xz -9e"], "x", whole, 0)
    assert "int16" in best["how"], best
    best, _ = peers.one_array(peers.PEERS["quantize + xz -9e"], "x", whole, 2.0)
    assert best["worst"] == 1.0, best
    for kind in ("f", "i"):
        try:
            peers.one_array(peers.PEERS["quantize + xz -9e"], "x", np.arange(9).astype(kind), 0)
        except RuntimeError as error:
            assert "no lossless mode" in str(error)
        else:
            raise AssertionError("a bound of nothing was taken")


def check_answer():
    """A file and a request as `baler compare --peers` writes them; what is not installed is named."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers.py")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "x.npz")
        np.savez(path, x=np.random.default_rng(2).poisson(9, (3, 20, 30)).astype(np.uint16))
        done = subprocess.run([sys.executable, script, path], input=json.dumps({"limits": {"x": 1.2}}), capture_output=True,
                              text=True, env={**os.environ, "PATH": folder})
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    told = {peer["name"] for peer in answer["peers"]} | {peer["name"] for peer in answer["missing"]}
    assert told >= set(peers.PEERS) | set(peers.ELSEWHERE), set(peers.PEERS) - told
    why = {peer["name"]: peer["why"] for peer in answer["missing"]}
    assert why["zpaq -m5"] == why["quantize + zpaq -m5"] == "zpaq is not on PATH", why
    assert all(peer["worst"] <= 1.0 and peer["bytes"] > 0 for peer in answer["peers"])
    return len(answer["peers"]), why


def main():
    n = check_ways_back()
    check_bins()
    check_search()
    n_run, why = check_answer()
    for name in sorted(why):
        print(f"not run: {name}: {why[name]}")
    print(f"{n} ways back give the array; {n_run} peers were run")


main()
