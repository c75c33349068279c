"""Odd jets stored in full: are they found, are they exact, and what do they do to the others?

    python scripts/score/in_full.py target/release/baler DATA

DATA is the folder with `load.py` and the open datasets. 1 % of 150 000 jets are odd (seed 0): half of them have a column of another
jet, the others one value 20 to 100 times as large, rounded to float32 as all of these values are; or, with `--kind columns`, `far` or
`rows`, the one, the other, or all values of a jet 20 to 100 times as large. The columns are those that a jet's other columns
determine. The table is compressed as it was before, with the odd jets, and with `--outliers 1%`. Prints for each `--rel` how many of
the rows in full are odd and how many of the odd ones are in full, whether these come back bit for bit, the errors of the other jets
over those of the clean table (root mean square of each column, their mean and largest), and the bytes over those of the clean table. A
jet in full that was the largest of the clean table makes the range, and so the bound, of the others narrower: the last line has the
absolute bounds of the clean table instead.
`verify` has to hold.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from jets import COLUMNS, injected


def with_odd_jets(data, rate, seed, kind):
    """The data with odd jets, and which they are."""
    if kind in ("columns", "rows"):
        return injected(data, rate, seed, kind)[:2]
    rng = np.random.default_rng(seed)
    x, n_rows = data.copy(), len(data)
    odd = np.sort(rng.choice(n_rows, int(rate * n_rows), replace=False))
    for at, row in enumerate(odd):
        if kind == "both" and at % 2:
            other = rng.choice([other for other in COLUMNS if data[row, other] != data[at - 1, other]])
            x[row, other] = data[at - 1, other]
        else:
            column = rng.choice([column for column in COLUMNS if data[row, column] != 0])
            x[row, column] = np.float32(data[row, column] * rng.uniform(20, 100))
    return x, odd


def errors(data, back, rows):
    """Root mean square error of each column, of some rows."""
    return np.sqrt(np.mean((back[rows] - data[rows]) ** 2, axis=0))


class Baler:
    def __init__(self, program, folder, names):
        self.program, self.folder, self.names = program, pathlib.Path(folder), np.array(names)

    def run(self, *arguments):
        done = subprocess.run([self.program, *map(str, arguments)], check=True, capture_output=True, text=True)
        return json.loads(done.stdout) if "--json" in arguments else None

    def packed(self, data, *options):
        """What compress tells, and the values that come back."""
        source, archive, back = (self.folder / name for name in ("x.npz", "x.bale", "back.npz"))
        np.savez(source, data=data, names=self.names)
        told = self.run("compress", source, "-o", archive, "-f", "--json", *options)
        self.run("decompress", archive, "-o", back, "-f")
        assert self.run("verify", archive, "--against", source, "--json")["holds"]
        with np.load(back) as found:
            return told, found["data"]

    def in_full(self):
        """The numbers and the scores of the rows in full, read alone."""
        listed = self.folder / "odd.npz"
        self.run("decompress", self.folder / "x.bale", "--outliers", "-o", listed, "-f")
        with np.load(listed) as found:
            return found["row"].astype(np.int64), found["score"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("baler")
    parser.add_argument("data")
    parser.add_argument("--rate", type=float, default=0.01)
    parser.add_argument("--kind", choices=["both", "columns", "far", "rows"], default="both")
    parser.add_argument("--by", default="code-length")
    parser.add_argument("--rel", nargs="+", default=["1e-2", "1e-3", "1e-4"])
    parser.add_argument("--rows", type=int)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    sys.path.insert(0, asked.data)
    from load import load

    loaded = load("hep_pfjets_sim_A")
    clean = loaded["data"][: asked.rows]
    data, odd = with_odd_jets(clean, asked.rate, asked.seed, asked.kind)
    is_odd = np.zeros(len(data), bool)
    is_odd[odd] = True
    print("| `--rel` | | bytes | of the clean | rows in full | odd among them | of the odd | exact | errors of others: mean | largest |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for rel in asked.rel:
        with tempfile.TemporaryDirectory() as folder:
            baler = Baler(asked.baler, folder, loaded["names"])
            told, back = baler.packed(clean, "--rel", rel)
            n_clean, usual = told["archive_bytes"], errors(clean, back, ~is_odd)
            print(f"| {rel} | clean | {n_clean} | | | | | | 1 | 1 |", flush=True)
            of_clean = [f"--bound={v['name']}=abs:{v['limit']!r}" for v in told["variables"] if v["bound"]["kind"] == "rel"]
            in_full = ["--outliers", str(asked.rate), "--by", asked.by]
            for name, options in (("odd", []), ("in full", in_full), ("in full, bounds of the clean", in_full + of_clean)):
                told, back = baler.packed(data, "--rel", rel, *options)
                ratio = (errors(data, back, ~is_odd) / np.where(usual > 0, usual, np.inf))[usual > 0]
                counts = "| | | |"
                if options:
                    rows, _ = baler.in_full()
                    assert len(rows) == told["outliers"]["rows"]
                    exact = np.array_equal(back[rows].view(np.int64), data[rows].view(np.int64))
                    found = np.isin(rows, odd)
                    size = f"{len(rows)} ({told['outliers']['bytes']} bytes)"
                    counts = f"{size} | {100 * found.mean():.1f} % | {100 * found.sum() / len(odd):.1f} % | {'yes' if exact else 'NO'}"
                share = 100 * (told["archive_bytes"] / n_clean - 1)
                print(
                    f"| {rel} | {name} | {told['archive_bytes']} | {share:+.2f} % | {counts} | {ratio.mean():.3f} | {ratio.max():.3f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
