#!/usr/bin/env python3
"""`inspect`'s expected size of fields against the file that `compress` makes.

    python3 scripts/check_estimates.py target/release/baler shared/data/open [--bound 1e-3] [--sizes sizes.json]

For every array of more than one value in every .npz of the folder that is no table (no `names` beside it): what `inspect --json`
expects at the bound, what the archive takes at the default level, and the CPU seconds of `inspect`. Prints a table and how many are
within 15 %; exits with 1 if fewer than 12 of 14 are. `--sizes` keeps the archives' sizes between runs. Needs NumPy.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

NEAR = 0.15
ENOUGH = 12 / 14


def run(*args):
    done = subprocess.run([str(a) for a in args], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{args[1]}: exit code {done.returncode}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def fields(folder):
    for path in sorted(pathlib.Path(folder).glob("*.npz")):
        with np.load(path) as members:
            if "names" not in members.files:
                for name in members.files:
                    array = members[name]
                    if array.dtype.kind in "fiu" and array.size > 1000:
                        yield f"{path.stem}:{name}", array


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("baler")
    parser.add_argument("data")
    parser.add_argument("--bound", default="1e-3")
    parser.add_argument("--sizes", type=pathlib.Path)
    args = parser.parse_args()
    sizes = json.loads(args.sizes.read_text()) if args.sizes and args.sizes.exists() else {}
    n_near = n_all = 0
    print(f"{'field':28} {'bytes':>11} {'expected':>9} {'found':>9} {'error':>7} {'CPU s':>6}")
    with tempfile.TemporaryDirectory() as folder:
        data, archive = pathlib.Path(folder, "x.npy"), pathlib.Path(folder, "x.bale")
        for name, array in fields(args.data):
            np.save(data, array)
            told = run(args.baler, "inspect", data, "--json")
            ways = told["advice"]["bounded"]
            bound = f"rel {float(args.bound):e}".replace("e-0", "e-").replace(".000000", "")
            ratio = next(way["ratio"] for way in ways if way["name"] == "baler auto" and way["bound"] == bound)
            if name not in sizes:
                made = run(args.baler, "compress", data, "-o", archive, "-f", "--rel", args.bound, "--json")
                sizes[name] = made["archive_bytes"]
                if args.sizes:
                    args.sizes.write_text(json.dumps(sizes, indent=1) + "\n")
            found = array.nbytes / sizes[name]
            error = ratio / found - 1
            n_all += 1
            n_near += abs(error) <= NEAR
            seconds = told["resources"]["cpu_seconds"]
            print(f"{name:28} {array.nbytes:11} {ratio:9.2f} {found:9.2f} {100 * error:6.1f}% {seconds:6.2f}", flush=True)
    print(f"{n_near} of {n_all} within {100 * NEAR:.0f} %")
    sys.exit(n_near < ENOUGH * n_all)


if __name__ == "__main__":
    main()
