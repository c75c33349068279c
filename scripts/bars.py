"""Sizes against the best peers and the classical recipes, on the open datasets.

    python scripts/bars.py BINARY DATA_FOLDER [--bar BAR_CSV] [--bounds rel:1e-2,rel:1e-3,lossless] [--method auto]
                           [--only 'wx_*,hep_*'] [--recipes]

For each array (each table as a whole) and each bound (rel:E, pw-rel:E or lossless): the bytes of our archive, everything
counted; with --bar, over the best peer that the file lists; with --recipes, the bytes of quantize + pco and quantize +
Lorenzo + pco (payload only, made here with the PyPI package pcodec at level 12, columns coded apart, whole numbers under a
bound below 1 exact, missing values left out). Arrays and tables have a geometric mean each. Needs numpy, and pcodec for the
recipes.
"""
import argparse, csv, fnmatch, json, os, subprocess, sys, tempfile
import numpy as np

KINDS = {"abs": "rel", "pwr": "pw-rel", "lossless": "lossless"}  # the bar's words: its abs is of the range


def pco(values):
    from pcodec import ChunkConfig, standalone
    if values.size == 0:
        return 0
    return len(standalone.simple_compress(np.ascontiguousarray(values).ravel(), ChunkConfig(compression_level=12)))


def quantized(values, rel):
    """Integers on a lattice of twice the bound, and which values are no holes."""
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


def arrays(folder):
    """(name in the bar, file to compress, whether it is a table, list of arrays coded apart by the recipes)."""
    for file in sorted(os.listdir(folder)):
        if not file.endswith(".npz"):
            continue
        base, path = file[:-4], os.path.join(folder, file)
        with np.load(path) as z:
            loaded = {k: z[k] for k in z.files}
        if "names" in loaded and loaded["data"].ndim == 2:
            yield base, path, True, list(loaded["data"].T)
            continue
        for key, values in loaded.items():
            if values.dtype.kind in "US" or values.size < 100:
                continue
            name = {"cfd_baler_animation/data": "CFD_animation", "cfd_baler_animation/still": "CFD_still"}.get(
                f"{base}/{key}", base if key == "data" else f"{base}/{key}")
            yield name, f"{path}:{key}", False, [values]


def best_peers(path):
    """{(dataset, (kind, value)): bytes}."""
    found = {}
    with open(path) as f:
        for row in csv.DictReader(f):
            kind, _, value = row["bound"].partition(":")
            found[row["dataset"], (KINDS[kind], float(value or 0))] = int(row["bar_bytes"])
    return found


def archive_bytes(binary, file, kind, value, method):
    words = ["--lossless"] if kind == "lossless" else [f"--{kind}", repr(value)]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([binary, "compress", file, "-o", os.path.join(folder, "x.bale"), *words, "--method", method,
                               "--json", "-q"], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout)["archive_bytes"]


def words_of(kind, value):
    return f"{kind} {value:g}" if value else kind


def grouped(n):
    return f"{n:,}".replace(",", " ")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("data")
    parser.add_argument("--bar")
    parser.add_argument("--bounds", default="rel:1e-2,rel:1e-3,rel:1e-4,lossless")
    parser.add_argument("--method", default="auto")
    parser.add_argument("--only", default="*")
    parser.add_argument("--recipes", action="store_true")
    args = parser.parse_args()
    if not os.path.isdir(args.data):
        sys.exit(f"{args.data} is not there: nothing was measured")
    bounds = [(kind, float(value or 0)) for kind, _, value in (b.partition(":") for b in args.bounds.split(","))]
    peers = best_peers(args.bar) if args.bar else {}
    header = ["data"]
    for kind, value in bounds:
        header += [words_of(kind, value)] + (["of best peer"] if peers else [])
        header += ["quant+pco", "quant+lorenzo+pco"] if args.recipes and value else []
    print("| " + " | ".join(header) + " |\n|" + "---|" * len(header))
    ratios = {}
    for name, file, is_table, parts in arrays(args.data):
        if not any(fnmatch.fnmatch(name, pattern) for pattern in args.only.split(",")):
            continue
        cells = [name]
        for kind, value in bounds:
            ours, peer = archive_bytes(args.binary, file, kind, value, args.method), peers.get((name, (kind, value)))
            cells.append(grouped(ours))
            if peers:
                cells.append(f"{ours / peer:.3f}" if peer else "-")
            if peer:
                ratios.setdefault((is_table, kind, value), []).append(ours / peer)
            if args.recipes and value:
                cells += [grouped(sum(recipe(part, value, lorenzo) for part in parts)) for lorenzo in (False, True)]
        print("| " + " | ".join(cells) + " |", flush=True)
    for is_table, words in ((False, "fields, images and series"), (True, "tables")):
        means = [np.exp(np.mean(np.log(found))) if (found := ratios.get((is_table, *b))) else None for b in bounds]
        told = [f"{words_of(*bound)}: {mean:.3f}" for bound, mean in zip(bounds, means) if mean]
        if told:
            print(f"\ngeometric mean over {words}: " + ", ".join(told))


main()
