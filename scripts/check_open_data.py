#!/usr/bin/env python3
"""Round trips of real data through the command line, judged by NumPy.

    python3 scripts/check_open_data.py target/release/baler shared/data/open

For every .npz of the folder and every bound: compress, decompress to npz, and compare members, order, dtypes, shapes
and values. Prints a table; exits with 1 if anything differs by more than its bound. Values that the compressor takes
as missing (it says so) must come back exactly and do not count for the range. Needs NumPy.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

BOUNDS = [("rel", 1e-2), ("rel", 1e-3), ("rel", 1e-4), ("pw-rel", 1e-3), ("lossless", 0.0)]


def run(*args):
    done = subprocess.run([str(a) for a in args], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, args[1:3]))}: exit code {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def bits(array):
    return np.ascontiguousarray(array).view(f"u{array.dtype.itemsize}")


def missing_of(report, name):
    """The values that the report says were taken as missing."""
    return next((found.get("missing", []) for found in report["variables"] if found["name"] == name), [])


def excess(x, y, kind, e, missing):
    """(worst error in units of the promise's own, number of values outside it), in float64 and in the own dtype."""
    same = bits(x) == bits(y)
    if kind == "lossless":
        return 0.0, int((~same).sum())
    kept = ~np.isfinite(x) if x.dtype.kind == "f" else np.zeros(x.shape, bool)
    for value in missing:
        kept |= x == np.asarray(value).astype(x.dtype)
    outside = kept & ~same
    a, b = x[~kept], y[~kept]
    if a.size == 0:
        return 0.0, int(outside.sum())
    wide = np.longdouble if a.dtype.kind == "f" else object if a.dtype.itemsize == 8 else np.int64
    difference = np.abs(a.astype(wide) - b.astype(wide)).astype(np.longdouble)
    if kind == "rel":
        low, high = a.min(), a.max()
        span = float(high) - float(low) if a.dtype.kind == "f" else float(int(high) - int(low))
        limit = np.longdouble(e * span)
        n_outside = int((difference > limit).sum())
        if a.dtype.kind == "f":
            n_outside += int((np.abs(a - b) > a.dtype.type(e * span)).sum())
        return float(difference.max() / span) if span else float(difference.max()), int(outside.sum()) + n_outside
    size = np.abs(a.astype(wide)).astype(np.longdouble)
    n_outside = int((difference > np.longdouble(e) * size).sum())
    nonzero = size > 0
    worst = float((difference[nonzero] / size[nonzero]).max()) if nonzero.any() else 0.0
    return worst, int(outside.sum()) + n_outside


def variables(arrays):
    """(name, array) as the compressor names them: a table's columns one by one."""
    if "data" in arrays and "names" in arrays and arrays["data"].ndim == 2 and arrays["names"].size:
        columns = [(str(n), arrays["data"][:, i]) for i, n in enumerate(arrays["names"])]
        return columns + [(k, v) for k, v in arrays.items() if k not in ("data", "names") and v.dtype.kind != "U"]
    return [(k, v) for k, v in arrays.items() if v.dtype.kind != "U"]


def check(binary, path, kind, e, folder):
    archive, back = folder / "x.bale", folder / "back.npz"
    option = [f"--{kind}"] + ([] if kind == "lossless" else [repr(e)])
    start = time.time()
    report = json.loads(run(binary, "compress", path, "-o", archive, *option, "--json", "-q", "-f"))
    middle = time.time()
    run(binary, "decompress", archive, "-o", back, "-q", "-f")
    end = time.time()
    with np.load(path) as file:
        before = {k: file[k] for k in file.files}
    with np.load(back) as file:
        after = {k: file[k] for k in file.files}
    problems = []
    if list(before) != list(after):
        problems.append(f"members {list(after)}")
    for name in before:
        if name not in after or (before[name].dtype, before[name].shape) != (after[name].dtype, after[name].shape):
            problems.append(f"dtype or shape of {name}")
        elif before[name].dtype.kind == "U" and (before[name] != after[name]).any():
            problems.append(f"text of {name}")
    worst, n_outside = 0.0, 0
    if not problems:
        for (name, x), (_, y) in zip(variables(before), variables(after)):
            error, n = excess(x, y, kind, e, missing_of(report, name))
            worst, n_outside = max(worst, error), n_outside + n
    if n_outside:
        problems.append(f"{n_outside} values outside")
    if report["archive_bytes"] != archive.stat().st_size:
        problems.append("archive_bytes is not the size of the archive")
    return report, worst, middle - start, end - middle, problems


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    binary, folder = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    paths = sorted(folder.glob("*.npz")) if folder.is_dir() else []
    if not paths:
        print(f"nothing checked: no .npz in {folder}")
        return
    n_broken = 0
    print(f"{'file':30} {'bound':>12} {'ratio':>8} {'worst error':>12} {'MB/s in':>8} {'MB/s out':>8}")
    with tempfile.TemporaryDirectory() as temporary:
        for path in paths:
            for kind, e in BOUNDS:
                words = kind if kind == "lossless" else f"{kind} {e:g}"
                try:
                    report, worst, t_in, t_out, problems = check(binary, path, kind, e, pathlib.Path(temporary))
                except RuntimeError as error:
                    print(f"{path.stem:30} {words:>12}  {error}")
                    n_broken += 1
                    continue
                megabytes = report["input_bytes"] / 1e6
                speeds = f"{megabytes / t_in:8.1f} {megabytes / t_out:8.1f}"
                print(f"{path.stem:30} {words:>12} {report['ratio']:8.3f} {worst:12.4e} {speeds} {'; '.join(problems)}")
                n_broken += bool(problems)
    print("every promise is kept" if n_broken == 0 else f"{n_broken} broken")
    sys.exit(n_broken > 0)


if __name__ == "__main__":
    main()
