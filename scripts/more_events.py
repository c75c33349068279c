"""More events with loss against fewer without, in the same bytes: how well the mass of the Z is known; and what a link gains.

    python scripts/more_events.py BALER DATA [--link 1e9]

Muon pairs of opposite charge of hep_cms_muons_2012 (docs/metrics.md says how pairs are found). The bytes are those of all muons at the loosest bound;
for everything else as many muons are taken, from the first on, as fit into them. The mean of the peak and its statistical uncertainty are those
of `baler report`. The second table has all muons: bytes, CPU seconds to compress and to decompress, seconds on a link of so many bits a second. Needs
NumPy. Says so, and measures nothing, where the data are not there.
"""

import argparse
import gzip
import json
import pathlib
import resource
import subprocess
import tempfile

import numpy as np

BOUNDS = ["1e-4", "1e-3", "1e-2"]


def options(bound):
    """Momenta relative to each value, angles to a tenth of that; or nothing lost."""
    if bound == "lossless":
        return ["--lossless"]
    return ["--rel", bound, "--bound", f"Muon_pt=pw-rel:{bound}", "--bound", f"Muon_eta,Muon_phi=abs:{float(bound) / 10:g}"]


class Muons:
    """The table, and what commands make of its first rows."""

    def __init__(self, baler, path, folder):
        self.baler, self.folder = baler, pathlib.Path(folder)
        with np.load(path) as data:
            self.arrays = dict(data)
        self.n_rows = len(self.arrays["data"])

    def run(self, *words):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        told = subprocess.run([self.baler, *map(str, words)], check=True, capture_output=True, text=True).stdout
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return told, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def compressed(self, n_rows, bound, level=6):
        """The file of the first rows, the archive, its bytes and CPU seconds; of gzip the compressed array."""
        path, archive = self.folder / "muons.npz", self.folder / "muons.bale"
        np.savez(path, **self.arrays | {"data": self.arrays["data"][:n_rows]})
        if bound == "gzip -9":
            return path, None, len(gzip.compress(self.arrays["data"][:n_rows].tobytes(), 9)), 0.0
        _, seconds = self.run("compress", path, "-o", archive, f"-{level}", *options(bound), "--force", "-q")
        return path, archive, archive.stat().st_size, seconds

    def rows_that_fit(self, n_bytes, bound):
        """As many rows as fit, within a percent."""
        low, high = 0, self.n_rows
        while high - low > max(low // 100, 1):
            rows = (low + high + 1) // 2
            low, high = (rows, high) if self.compressed(rows, bound)[2] <= n_bytes else (low, rows)
        return low

    def peak(self, n_rows, bound):
        """Of the Z: the mean of what comes back, and its uncertainty."""
        path, archive, *_ = self.compressed(n_rows, "lossless" if bound == "gzip -9" else bound)
        told = json.loads(self.run("report", archive, "--against", path, "--json")[0])["pairs"][0]
        peak = next(peak for peak in told["peaks"] if peak["name"] == "Z")
        return peak["mean_after"], peak["mean_uncertainty"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("baler")
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--link", type=float, default=1e9, help="bits a second")
    args = parser.parse_args()
    path = args.data / "hep_cms_muons_2012.npz"
    if not path.is_file():
        print(f"nothing measured: {path} is not there")
        return
    with tempfile.TemporaryDirectory() as folder:
        muons = Muons(args.baler, path, folder)
        budget = muons.compressed(muons.n_rows, BOUNDS[-1])[2]
        best, _ = muons.peak(muons.n_rows, "lossless")
        print(f"| in {budget:,} bytes".replace(",", " ") + " | muons | mean of the Z, GeV | from that of all muons, in uncertainties |")
        print("|---|---|---|---|")
        for bound in ["gzip -9", "lossless", *BOUNDS]:
            n_rows = muons.n_rows if bound == BOUNDS[-1] else muons.rows_that_fit(budget, bound)
            mean, uncertainty = muons.peak(n_rows, bound)
            row = [bound, n_rows, f"{mean:.4f} +- {uncertainty:.4f}", f"{(mean - best) / uncertainty:+.2f}"]
            print("| " + " | ".join(map(str, row)) + " |", flush=True)
        n_raw = muons.arrays["data"].nbytes
        print(f"\n| all muons | level | bytes | compress, s | link of {args.link / 1e9:g} Gbit/s, s | decompress, s | pays below, Gbit/s |")
        print("|---|---|---|---|---|---|---|")
        print(f"| as they are | | {n_raw} | 0 | {8 * n_raw / args.link:.3f} | 0 | |")
        for bound, level in [("lossless", 1), ("lossless", 6), *((bound, level) for bound in BOUNDS for level in (1, 6))]:
            _, archive, n_bytes, compress = muons.compressed(muons.n_rows, bound, level)
            _, decompress = muons.run("decompress", archive, "-o", muons.folder / "back.npz", "--force", "-q")
            below = 8 * (n_raw - n_bytes) / (compress + decompress) / 1e9
            row = [bound, level, n_bytes, f"{compress:.2f}", f"{8 * n_bytes / args.link:.3f}", f"{decompress:.2f}", f"{below:.3f}"]
            print("| " + " | ".join(map(str, row)) + " |", flush=True)


if __name__ == "__main__":
    main()
