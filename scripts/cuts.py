"""What cuts cost: bytes with and without them at one bound, and that every selection keeps its rows.

    python scripts/cuts.py OPEN_DATA [--baler target/release/baler] [--rel 1e-3]

OPEN_DATA has hep_pfjets_sim_A.npz and wx_isabel_windmag_A.npz. A Markdown table: for each level the bytes without and with
cuts, and how many values the bound alone puts on another side. Needs NumPy.
"""

import argparse
import pathlib
import subprocess
import tempfile

import numpy as np

JETS = "recoPFJets_ak5PFJets__RECO.obj."
CASES = [
    ("hep_pfjets_sim_A", {"pt_": [20.0, 30.0], "eta_": [-2.4, 2.4]}, "*.pt_=20,30;abs(*.eta_)=2.4"),
    ("wx_isabel_windmag_A", {"data": [10.0, 20.0, 33.0]}, "data=10,20,33"),
]


def columns(path):
    """The named columns of a table, or the one field."""
    with np.load(path) as data:
        if "names" not in data:
            return {"data": data["data"]}
        names = [str(name).removeprefix(JETS) for name in data["names"]]
        return {name: data["data"][:, i] for i, name in enumerate(names)}


def crossed(before, after, cuts):
    """Values that are on another side of a threshold, as float64 and as the dtype holds it."""
    wrong = 0
    for name, thresholds in cuts.items():
        for threshold in thresholds:
            for t in (threshold, before[name].dtype.type(threshold).astype(np.float64)):
                x, y = (of[name].astype(np.float64) for of in (before, after))
                wrong += int(((x < t) != (y < t)).sum() + ((x > t) != (y > t)).sum())
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--baler", default="target/release/baler")
    parser.add_argument("--rel", default=["1e-3"], nargs="+")
    args = parser.parse_args()
    print("| data | cuts | bound | level | bytes without | with | more | crossed without | with |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, cuts, text in CASES:
        path = args.data / f"{name}.npz"
        before = columns(path)
        for rel in args.rel:
            for level in (1, 3, 6, 9):
                sizes, wrong = [], []
                for more in ([], ["--cuts", text]):
                    with tempfile.TemporaryDirectory() as folder:
                        archive, back = f"{folder}/a.bale", f"{folder}/b.npz"
                        command = [args.baler, "compress", path, "-o", archive, "--rel", rel, f"-{level}", "-q", *more]
                        subprocess.run(command, check=True)
                        subprocess.run([args.baler, "decompress", archive, "-o", back, "-q"], check=True)
                        sizes.append(pathlib.Path(archive).stat().st_size)
                        wrong.append(crossed(before, columns(back), cuts))
                assert wrong[1] == 0, f"{name}: {wrong[1]} values crossed a cut"
                more = 100 * (sizes[1] / sizes[0] - 1)
                print(f"| {name} | `{text}` | rel {rel} | {level} | {sizes[0]} | {sizes[1]} | {more:+.2f} % | {wrong[0]} | 0 |", flush=True)


if __name__ == "__main__":
    main()
