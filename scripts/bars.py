"""Sizes against the classical recipes and the best peers, on the open datasets.

    python scripts/bars.py BINARY DATA_FOLDER [--bar BAR_CSV] [--bounds 1e-3,1e-2] [--method classical]

For each array (each table as a whole) and each relative bound: the bytes of our archive, everything counted; the bytes
of quantize + pco and quantize + Lorenzo + pco (level 12, payload only, made here with the PyPI package pcodec, columns
coded apart, whole numbers under a bound below 1 exact, missing values left out); and, with --bar, the best peer that
the file lists. Needs numpy and pcodec.
"""
import argparse, csv, json, os, subprocess, sys, tempfile
import numpy as np
from pcodec import ChunkConfig, standalone


def pco(values):
    if values.size == 0:
        return 0
    return len(standalone.simple_compress(np.ascontiguousarray(values).ravel(), ChunkConfig(compression_level=12)))


def quantized(values, rel):
    """Integers on a lattice of twice the bound, holes filled with 0."""
    finite = np.isfinite(values) & (np.abs(values.astype(float)) < 1e15) if values.dtype.kind == "f" else np.ones(values.shape, bool)
    kept = values[finite].astype(float)
    if kept.size == 0 or np.ptp(kept) == 0:
        return None
    limit = rel * np.ptp(kept)
    x = np.where(finite, values, kept[0]).astype(float)
    if np.all(kept == np.round(kept)):
        return np.round(x / (2 * np.floor(limit) + 1)).astype(np.int64), finite
    return np.round(x / (2 * limit)).astype(np.int64), finite


def recipe(values, rel, lorenzo):
    made = quantized(values, rel)
    if made is None:
        return 16
    q, finite = made
    if lorenzo:
        for axis in range(q.ndim):
            q = np.diff(q, axis=axis, prepend=0)
    q = q[finite] if not finite.all() else q
    return pco(q.astype(np.int32))


def arrays(path):
    """(name in the bar, file to compress, list of arrays coded apart by the recipes)."""
    base = os.path.basename(path)[:-4]
    with np.load(path) as z:
        loaded = {k: z[k] for k in z.files}
    if "names" in loaded and loaded["data"].ndim == 2:
        yield base, path, list(loaded["data"].T)
        return
    for key, values in loaded.items():
        if values.dtype.kind in "US" or values.size < 100:
            continue
        name = {"cfd_baler_animation/data": "CFD_animation", "cfd_baler_animation/still": "CFD_still"}.get(
            f"{base}/{key}", base if key == "data" else f"{base}/{key}")
        yield name, f"{path}:{key}", [values]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("data")
    parser.add_argument("--bar")
    parser.add_argument("--bounds", default="1e-3")
    parser.add_argument("--method", default="auto")
    args = parser.parse_args()
    if not os.path.isdir(args.data):
        sys.exit(f"{args.data} is not there: nothing was measured")
    bar = {}
    if args.bar:
        with open(args.bar) as f:
            for row in csv.DictReader(f):
                kind, value = (row["bound"].split(":") + ["0"])[:2]
                if kind == "abs":
                    bar[row["dataset"], float(value)] = int(row["bar_bytes"]), row["bar_codec"]
    print("| data | rel | bytes | quant+pco | quant+lorenzo+pco | of the smaller | best peer | of it |")
    print("|---|---|---|---|---|---|---|---|")
    worst = 0.0
    for rel in (float(b) for b in args.bounds.split(",")):
        ratios = []
        for path in sorted(os.listdir(args.data)):
            if not path.endswith(".npz"):
                continue
            for name, file, parts in arrays(os.path.join(args.data, path)):
                with tempfile.TemporaryDirectory() as folder:
                    out = os.path.join(folder, "x.bale")
                    done = subprocess.run([args.binary, "compress", file, "-o", out, "--rel", str(rel), "--method",
                                           args.method, "--json", "-q"], capture_output=True, text=True)
                    if done.returncode != 0:
                        sys.exit(done.stderr)
                    ours = json.loads(done.stdout)["archive_bytes"]
                plain = sum(recipe(part, rel, False) for part in parts)
                lorenzo = sum(recipe(part, rel, True) for part in parts)
                least = min(plain, lorenzo)
                peer = bar.get((name, rel))
                if peer:
                    ratios.append(ours / peer[0])
                worst = max(worst, ours / least)
                beside = f"{peer[0]} {peer[1]} | {ours / peer[0]:.3f}" if peer else "- | -"
                print(f"| {name} | {rel:g} | {ours} | {plain} | {lorenzo} | {ours / least:.3f} | {beside} |", flush=True)
        if ratios:
            print(f"| geometric mean | {rel:g} | | | | | | {np.exp(np.mean(np.log(ratios))):.3f} |")
    print(f"\nlargest ratio to the smaller recipe: {worst:.3f}")


main()
