"""What promises beside a bound cost in bytes, and that they are kept where the bound alone breaks them.

    python scripts/promises.py OPEN_DATA [--baler target/release/baler] [--rel 1e-3 ...] [--levels 1 3 6 9]

OPEN_DATA has hep_pfjets_sim_A.npz and wx_isabel_windmag_A.npz. A Markdown table: for each level the bytes without and with the
promise, and what the bound alone does: how many values are on another side of a cut, how far the sum is off. Needs NumPy.
"""

import argparse
import math
import pathlib
import subprocess
import tempfile

import numpy as np

JETS = "recoPFJets_ak5PFJets__RECO.obj."
CASES = [
    ("hep_pfjets_sim_A", {"pt_": [20.0, 30.0], "eta_": [-2.4, 2.4]}, "--cuts=*.pt_=20,30;abs(*.eta_)=2.4"),
    ("wx_isabel_windmag_A", {"data": [10.0, 20.0, 33.0]}, "--cuts=data=10,20,33"),
    ("hep_pfjets_sim_A", {"pt_": None, "mass_": None}, "--keep-sum=*.pt_,*.mass_"),
    ("wx_isabel_windmag_A", {"data": None}, "--keep-sum=data"),
]


def columns(path):
    """The named columns of a table, or the one field."""
    with np.load(path) as data:
        if "names" not in data:
            return {"data": data["data"]}
        names = [str(name).removeprefix(JETS) for name in data["names"]]
        return {name: data["data"][:, i] for i, name in enumerate(names)}


def broken(before, after, promises):
    """Values on another side of a threshold, as float64 or as the dtype holds it; or by how much sums differ, at most."""
    n_crossed, off = 0, 0.0
    for name, thresholds in promises.items():
        x, y = (of[name].ravel().astype(np.float64) for of in (before, after))
        if thresholds is None:
            off = max(off, abs(math.fsum(np.concatenate([x, -y]))) / np.spacing(np.abs(before[name]).max()))
            continue
        crosses = np.zeros(x.shape, bool)
        for threshold in thresholds:
            for t in (threshold, float(before[name].dtype.type(threshold))):
                crosses |= ((x < t) != (y < t)) | ((x > t) != (y > t))
        n_crossed += int(crosses.sum())
    return n_crossed, off


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--baler", default="target/release/baler")
    parser.add_argument("--rel", default=["1e-3"], nargs="+")
    parser.add_argument("--levels", default=[1, 3, 6, 9], nargs="+", type=int)
    args = parser.parse_args()
    print("| data | promise | bound | level | bytes without | with | more | broken by the bound alone | with |")
    print("|---|---|---|---|---|---|---|---|---|")
    for rel, level in ((rel, level) for rel in args.rel for level in args.levels):
        for name, promises, option in CASES:
            path = args.data / f"{name}.npz"
            before, sizes, found = columns(path), [], []
            for more in ([], [option]):
                with tempfile.TemporaryDirectory() as folder:
                    archive, back = f"{folder}/a.bale", f"{folder}/b.npz"
                    command = [args.baler, "compress", path, "-o", archive, "--rel", rel, f"-{level}", "-q", *more]
                    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
                    subprocess.run([args.baler, "decompress", archive, "-o", back, "-q"], check=True)
                    sizes.append(pathlib.Path(archive).stat().st_size)
                    found.append(broken(before, columns(back), promises))
            assert found[1][0] == 0 and found[1][1] <= 2, f"{name}: broken: {found[1]}"
            is_sum = option.startswith("--keep-sum")
            shown = [f"{off:.3g} ulp" if is_sum else str(n_crossed) for n_crossed, off in found]
            more = f"{100 * (sizes[1] / sizes[0] - 1):+.3f} %"
            row = [name, f"`{option}`", f"rel {rel}", level, *sizes, more, *shown]
            print("| " + " | ".join(map(str, row)) + " |", flush=True)


if __name__ == "__main__":
    main()
