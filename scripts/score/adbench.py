"""Anomaly scores against labels: the tables of ADBench, beside scikit-learn's isolation forest and PyOD's ECOD.

    git clone https://github.com/Minqi824/ADBench
    pip install numpy scipy scikit-learn pyod
    python scripts/score/adbench.py target/release/baler ADBench/adbench/datasets/Classical

Labels choose nothing: every table with 1000 to 50 000 rows and at most 64 columns is taken whole, each method with its
defaults; what is random is the mean over seeds 0 to 4. Prints a table of areas under the ROC curve (AUC).
"""

import argparse
import pathlib
import subprocess
import tempfile

import numpy as np
from pyod.models.ecod import ECOD
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

SEEDS = range(5)
ROWS, COLUMNS = (1000, 50_000), 64
METHODS = ["code-length", "forest", "latent"]


def baler(binary, path, by, seed):
    out = path.with_name("scores.npy")
    command = [binary, "score", path, "--by", by, "--seed", str(seed), "-o", out, "-f", "-q"]
    subprocess.run(command, check=True)
    return np.load(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("baler")
    parser.add_argument("folder", type=pathlib.Path, help="with the .npz files of ADBench")
    asked = parser.parse_args()
    names = [*METHODS, "IsolationForest", "ECOD"]
    print("| table | rows | columns | odd | " + " | ".join(names) + " |")
    print("|---|---|---|---|" + "---|" * len(names))
    rows = []
    files = sorted(asked.folder.glob("*.npz"), key=lambda file: int(file.stem.split("_")[0]))
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "x.npy"
        for file in files:
            with np.load(file, allow_pickle=True) as found:
                x, y = found["X"].astype(float), found["y"]
            if not (ROWS[0] <= len(x) <= ROWS[1] and x.shape[1] <= COLUMNS):
                continue
            np.save(path, x)
            scores = {
                "code-length": [baler(asked.baler, path, "code-length", 0)],
                "forest": [baler(asked.baler, path, "forest", seed) for seed in SEEDS],
                "latent": [baler(asked.baler, path, "latent", 0)],
                "IsolationForest": [-IsolationForest(random_state=seed).fit(x).score_samples(x) for seed in SEEDS],
                "ECOD": [ECOD().fit(x).decision_scores_],
            }
            row = [np.mean([roc_auc_score(y, score) for score in scores[name]]) for name in names]
            rows.append(row)
            name = file.stem.split("_", 1)[1]
            cells = " | ".join(f"{auc:.3f}" for auc in row)
            print(f"| {name} | {len(x)} | {x.shape[1]} | {100 * y.mean():.1f} % | {cells} |", flush=True)
    cells = " | ".join(f"**{auc:.4f}**" for auc in np.mean(rows, axis=0))
    print(f"| mean of {len(rows)} | | | | {cells} |")


if __name__ == "__main__":
    main()
