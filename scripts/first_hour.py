#!/usr/bin/env python3
"""What new users type first, on data as they have them: frames of a detector with a mask, counts, class labels, events.

Checks that masks, classes and counters are exact, that nothing leaves the range of what went in, that without a bound integers are as
near as the same data as floats, and that what would be lost is told. Needs NumPy: first_hour.py TARGET/baler [FOLDER]"""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

PROMISES = ["--ratio 5", "--ratio 10", "--ratio 50", "--latent 10", "--abs 3", "--rel 1e-3"]
DTYPES = ["uint8", "uint16", "uint32"]


def frames(dtype, rng):
    """Photons on 24 frames of 48 x 48 pixels, and the mask: a gap between modules, dead pixels."""
    y, x = np.mgrid[0:48, 0:48]
    ring = np.exp(-((np.hypot(y - 22, x - 26) - 14) ** 2) / 12)
    mean = 3 + 12 * ring[None] * (1 + 0.3 * np.sin(np.arange(24) / 5))[:, None, None]
    mask = (np.abs(y - 30) < 2) | (rng.random((48, 48)) < 0.01)
    counts = rng.poisson(mean).astype(dtype)
    counts[:, mask] = np.iinfo(dtype).max
    return counts, mask


def events(rng, n=20000):
    """Columns as NanoAOD has them: pairs of muons from Z bosons, jets, counters."""
    pt = (20 * (1 - 0.9999 * rng.random(n)) ** -0.45).astype(np.float32)
    eta, phi = rng.normal(0, 1.2, n).astype(np.float32), rng.uniform(-3.14, 3.14, n).astype(np.float32)
    mass, turn = 91.2 + 2.8 * rng.standard_normal(n), rng.normal(0, 1, n)
    pt2 = (mass**2 / (2 * pt * (np.cosh(turn) + 1))).astype(np.float32)
    return {
        "Muon1_pt": pt, "Muon1_eta": eta, "Muon1_phi": phi,
        "Muon2_pt": pt2, "Muon2_eta": (eta + turn).astype(np.float32),
        "Muon2_phi": np.where(phi > 0, phi - np.pi, phi + np.pi).astype(np.float32),
        "Jet_pt": (15 + rng.pareto(2.2, n) * 25).astype(np.float32),
        "Jet_mass": (2 + rng.pareto(2.5, n) * 6).astype(np.float32),
        "event": rng.integers(1 << 40, size=n).astype(np.uint64), "run": np.sort(rng.integers(297000, 297060, n)).astype(np.uint32),
        "luminosityBlock": rng.integers(1, 900, n).astype(np.uint32), "nJet": rng.poisson(4, n).astype(np.int32),
        "Muon_charge": rng.choice([-1, 1], n).astype(np.int32), "HLT_IsoMu24": rng.random(n) < 0.4,
    }


def z_width(table):
    pt, eta, phi, pt2, eta2, phi2 = (np.asarray(column, np.float64) for column in list(table.values())[:6])
    return np.sqrt(2 * pt * pt2 * (np.cosh(eta - eta2) - np.cos(phi - phi2))).std()


class Check:
    def __init__(self, baler, folder):
        self.baler, self.folder, self.failures = baler, pathlib.Path(folder), 0

    def round_trip(self, data, promise):
        paths = [self.folder / name for name in ("in.npz", "x.bale", "back.npz")]
        np.savez(paths[0], **data)
        options = ["--json", "-q", "-f"]
        done = subprocess.run([self.baler, "compress", paths[0], "-o", paths[1], *promise.split(), *options], capture_output=True, text=True)
        if done.returncode:
            self.that(False, f"{promise}: {done.stderr.strip()}")
            return data, {"warnings": [], "ratio": 1, "variables": []}
        subprocess.run([self.baler, "decompress", paths[1], "-o", paths[2], "-q", "-f"], check=True)
        with np.load(paths[2]) as back:
            return dict(back), json.loads(done.stdout)

    def that(self, holds, words):
        self.failures += not holds
        print("ok  " if holds else "FAIL", words, flush=True)

    def detector(self, dtype, promise):
        counts, mask = frames(dtype, np.random.default_rng(1))
        back, report = self.round_trip({"frames": counts, "pixel_mask": mask.astype(np.uint8)}, promise)
        x, y = (a["frames"][:, ~mask].astype(np.float64) for a in ({"frames": counts}, back))
        words = f"{dtype} {promise}: {report['ratio']:.1f} x"
        same = (back["frames"][:, mask] == counts[:, mask]).all() and (back["pixel_mask"] == mask).all()
        self.that(same, f"{words}, masks exact")
        self.that(x.min() <= y.min() and y.max() <= x.max(), f"{words}, {y.min()} to {y.max()} within {x.min()} to {x.max()}")
        self.that(any("missing" in line for line in report["warnings"]), f"{words}, the mask is told")
        rmse = np.sqrt(((x - y) ** 2).mean())
        if promise.startswith(("--ratio", "--latent")):
            as_float = counts.astype(np.float32)
            as_float[:, mask] = np.nan
            other, _ = self.round_trip({"frames": as_float, "pixel_mask": mask.astype(np.uint8)}, promise_for(promise, dtype))
            # Floats may come back between whole numbers, where integers have no value: rounded, they are what integers could be.
            as_float = other["frames"][:, ~mask]
            float_rmse, whole_rmse = (np.sqrt(((y - x) ** 2).mean()) for y in (as_float, np.rint(as_float)))
            near = rmse <= 1.02 * float_rmse + 1e-12
            self.that(near, f"{words}, RMSE {rmse:.4f}, as float32 {float_rmse:.4f} (rounded: {whole_rmse:.4f})")
        else:
            print(f"     {words}, RMSE {rmse:.4f}", flush=True)

    def particles(self):
        data = events(np.random.default_rng(2))
        back, report = self.round_trip(data, "--pw-rel 1e-3 --bound *eta,*phi=abs:1e-3")
        counters = [name for name, column in data.items() if column.dtype.kind != "f"]
        self.that(all((data[name] == back[name]).all() for name in counters), f"events {report['ratio']:.2f} x, counters exact")
        hard = [(table["Jet_pt"] > 30).sum() for table in (data, back)]
        # Those within the bound of the cut may cross it, and no others: here up to 0.2 %.
        least, most = ((data["Jet_pt"] > 30 * (1 + side * 1e-3)).sum() for side in (1, -1))
        self.that(least <= hard[1] <= most, f"events, jets above 30 GeV {hard[0]} -> {hard[1]}, within {least} to {most}")
        widths = [z_width(table) for table in (data, back)]
        self.that(abs(widths[1] / widths[0] - 1) < 0.01, f"events, Z width {widths[0]:.4f} -> {widths[1]:.4f}")
        _, report = self.round_trip(data, "--rel 1e-3")
        told = [line for line in report["warnings"] if "pw-rel" in line and "Jet_pt" in line]
        self.that(bool(told), f"events --rel 1e-3 is warned about: {told}")

    def labels(self):
        rng = np.random.default_rng(3)
        data = {
            "classes": rng.integers(0, 10, 5000), "species": rng.choice([3, 17, 90, 404], 5000).astype(np.int16),
            "segments": np.repeat(rng.integers(0, 300, (64, 64)), 20, axis=1).astype(np.int32), "flag": rng.random(5000) < 0.1,
            "x": rng.normal(0, 1, 5000).astype(np.float32),
        }
        for promise in ["--abs 3", "--rel 0.1", "--pw-rel 0.5"]:
            back, report = self.round_trip(data, promise)
            exact = [name for name in data if name != "x" and (data[name] == back[name]).all()]
            self.that(len(exact) == len(data) - 1, f"labels {promise}: exact {exact}; {report['warnings'][:1]}")


def promise_for(promise, dtype):
    """The same number of bytes or latents for the data as float32."""
    kind, number = promise.split()
    scale = 4 / np.dtype(dtype).itemsize if kind == "--ratio" else 1
    return f"{kind} {float(number) * scale:g}" if kind == "--ratio" else promise


def main():
    baler = sys.argv[1]
    with tempfile.TemporaryDirectory(dir=sys.argv[2] if len(sys.argv) > 2 else None) as folder:
        check = Check(baler, folder)
        check.labels()
        check.particles()
        for dtype in DTYPES:
            for promise in PROMISES:
                check.detector(dtype, promise)
    sys.exit(f"{check.failures} checks failed" if check.failures else 0)


if __name__ == "__main__":
    main()
