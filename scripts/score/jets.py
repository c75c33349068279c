"""Anomalies that no single value shows: in some jets one column is that of another jet.

    python scripts/score/jets.py target/release/baler DATA

DATA is the folder with `load.py` and the open datasets. The columns are those that the jet's other columns determine: momentum,
direction, energies and multiplicities; 1 % of 150 000 jets, seeds 0 to 2. With `--kind rows` the odd jets are 20 to 100 times as
large instead. Prints for each method the area under the ROC
curve, the share of the odd jets whose column is named, and how many of the jets that pass at a rate of 1 % are odd.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

COLUMNS = [0, 1, *range(5, 24)]


def injected(data, rate, seed, kind):
    """The data with odd jets; which, and the column of each (-1 where it is all)."""
    rng = np.random.default_rng(seed)
    x, n_rows = data.copy(), len(data)
    odd = np.sort(rng.choice(n_rows, int(rate * n_rows), replace=False))
    if kind == "rows":
        x[odd] *= rng.uniform(20, 100, (len(odd), 1))
        return x, odd, np.full(len(odd), -1)
    columns = []
    for row in odd:
        while True:
            column, other = rng.choice(COLUMNS), rng.integers(n_rows)
            if data[other, column] != data[row, column]:
                break
        x[row, column] = data[other, column]
        columns.append(column)
    return x, odd, np.array(columns)


def auc(scores, is_odd):
    """Area under the ROC curve: the share of pairs in which the odd row has the higher score, equal ones half."""
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    n_odd, n_usual = is_odd.sum(), (~is_odd).sum()
    return (ranks[is_odd].sum() - n_odd * (n_odd + 1) / 2) / (n_odd * n_usual)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("baler")
    parser.add_argument("data")
    parser.add_argument("--rate", type=float, default=0.01)
    parser.add_argument("--kind", choices=["columns", "rows"], default="columns")
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    sys.path.insert(0, asked.data)
    from load import load

    loaded = load("hep_pfjets_sim_A")
    print("| method | AUC | column named | odd among those that pass | seconds of CPU |\n|---|---|---|---|---|")
    found = {by: [] for by in ("code-length", "forest", "latent")}
    with tempfile.TemporaryDirectory() as folder:
        path, out = pathlib.Path(folder) / "x.npz", pathlib.Path(folder) / "scores.npz"
        for seed in range(asked.seeds):
            x, odd, columns = injected(loaded["data"], asked.rate, seed, asked.kind)
            np.savez(path, data=x, names=np.array(loaded["names"]))
            is_odd = np.zeros(len(x), bool)
            is_odd[odd] = True
            for by, rows in found.items():
                command = [asked.baler, "score", path, "--by", by, "--pass-rate", str(asked.rate)]
                told = subprocess.run([*command, "-o", out, "-f", "--json"], check=True, capture_output=True, text=True)
                told = json.loads(told.stdout)
                with np.load(out) as result:
                    scores = result["score"]
                    named = result["column"].astype(str) if "column" in result.files else None
                passing = scores >= told["threshold"]["score"]
                is_named = np.nan
                if named is not None and asked.kind == "columns":
                    is_named = np.mean(named[odd] == np.array(loaded["names"])[columns])
                seconds = told["resources"].get("cpu_seconds", np.nan)
                rows.append((auc(scores, is_odd), is_named, is_odd[passing].mean(), seconds))
    for by, rows in found.items():
        score, named, passing, seconds = np.mean(rows, axis=0)
        named = "-" if np.isnan(named) else f"{100 * named:.1f} %"
        print(f"| `{by}` | {score:.4f} | {named} | {100 * passing:.1f} % | {seconds:.1f} |")


if __name__ == "__main__":
    main()
