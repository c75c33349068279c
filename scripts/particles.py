#!/usr/bin/env python3
"""A ROOT file of events as NanoAOD has them, and the one-line recipe for tables of particles.

Prints three figures and fails where one is off: event counters exact, jets above 30 GeV within 0.1 %, the width of the Z within 1 %.
Muons and jets are those of two .npz files with `data` (rows x columns) and `names`, as CMS published them, or made here.
Needs NumPy, awkward and uproot: particles.py TARGET/baler [MUONS.npz JETS.npz]"""

import pathlib
import subprocess
import sys
import tempfile

import awkward as ak
import numpy as np
import uproot

RECIPE = ["--pw-rel", "1e-3", "--bound", "*eta*,*phi*=abs:1e-3"]
COUNTERS = ["run", "luminosityBlock", "event", "nMuon", "nJet", "Muon_charge"]


def columns(path, wanted):
    """Columns by the ends of their names: `pt` of `Muon_pt` or `jetPt`."""
    with np.load(path) as file:
        names, data = [str(name).lower() for name in file["names"]], file["data"]
        return {end: data[:, next(i for i, name in enumerate(names) if name.endswith(end))] for end in wanted}


def made(rng, n=40000):
    """Muons, two of each Z boson behind one another, and jets of a falling spectrum."""
    pt = 20 * (1 - 0.9999 * rng.random(n)) ** -0.45
    eta, phi = rng.normal(0, 1.2, n), rng.uniform(-np.pi, np.pi, n)
    turn, mass = rng.normal(0, 1, n), 91.2 + 2.8 * rng.standard_normal(n)
    both = {
        "pt": (pt, mass**2 / (2 * pt * (np.cosh(turn) + 1))), "eta": (eta, eta + turn),
        "phi": (phi, np.where(phi > 0, phi - np.pi, phi + np.pi)), "mass": (np.full(n, 0.1057), np.full(n, 0.1057)),
        "charge": (np.ones(n), -np.ones(n)),
    }
    muons = {name: np.stack(pair, axis=1).ravel().astype(np.float32) for name, pair in both.items()}
    n_jets = 3 * n
    jets = {"pt": 15 + rng.pareto(2.2, n_jets) * 25, "eta": rng.normal(0, 2, n_jets), "phi": rng.uniform(-np.pi, np.pi, n_jets)}
    jets["mass"] = jets["pt"] * rng.uniform(0.05, 0.3, n_jets)
    return muons, {name: column.astype(np.float32) for name, column in jets.items()}


def pairs(charge):
    """How many muons each event has: two where neighbors are of opposite charge, else one."""
    counts, at = [], 0
    while at < len(charge):
        counts.append(2 if at + 1 < len(charge) and charge[at] * charge[at + 1] < 0 else 1)
        at += counts[-1]
    return np.array(counts)


def events(muons, jets, rng):
    n_muons = pairs(muons["charge"])
    n = len(n_muons)
    n_jets = np.bincount(np.sort(rng.integers(0, n, len(jets["pt"]))), minlength=n)
    lists = {f"Muon_{name}": ak.unflatten(column, n_muons) for name, column in muons.items() if name != "charge"}
    lists["Muon_charge"] = ak.unflatten(muons["charge"].astype(np.int32), n_muons)
    lists |= {f"Jet_{name}": ak.unflatten(column, n_jets) for name, column in jets.items()}
    groups = {kind: ak.zip({name.split("_")[1]: lists[name] for name in lists if name.startswith(kind)}) for kind in ("Muon", "Jet")}
    blocks = np.sort(rng.integers(1, 900, n)).astype(np.uint32)
    number = (blocks.astype(np.uint64) * 100_000 + rng.permutation(n).astype(np.uint64)) % (1 << 40)
    run = np.where(blocks < 450, 194050, 194051).astype(np.uint32)
    return {"run": run, "luminosityBlock": blocks, "event": number, **groups}


def z_width(tree):
    """Pairs of opposite charge between 70 and 110 GeV: how many, and the standard deviation of their mass."""
    two = tree[ak.num(tree["Muon_pt"]) == 2]
    pt, eta, phi, charge = (np.asarray(ak.to_numpy(two[f"Muon_{name}"]), np.float64) for name in ("pt", "eta", "phi", "charge"))
    mass = np.sqrt(2 * pt.prod(1) * (np.cosh(eta[:, 0] - eta[:, 1]) - np.cos(phi[:, 0] - phi[:, 1])))
    peak = mass[(charge.prod(1) < 0) & (mass > 70) & (mass < 110)]
    return len(peak), peak.std()


def read(path):
    with uproot.open(path) as file:
        return file["Events"].arrays()


def main():
    baler, data = sys.argv[1], sys.argv[2:4]
    rng = np.random.default_rng(7)
    if data:
        muons, jets = columns(data[0], ["pt", "eta", "phi", "mass", "charge"]), columns(data[1], ["pt", "eta", "phi", "mass"])
    else:
        muons, jets = made(rng)
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        before, archive, after = (pathlib.Path(folder) / name for name in ("nano.root", "nano.bale", "back.root"))
        with uproot.recreate(before, compression=uproot.LZ4(4)) as file:
            branches = events(muons, jets, rng)
            types = {name: column.dtype if isinstance(column, np.ndarray) else column.type.content for name, column in branches.items()}
            file.mktree("Events", types).extend(branches)
        subprocess.run([baler, "compress", before, "-o", archive, *RECIPE, "-q"], check=True)
        subprocess.run([baler, "decompress", archive, "-o", after, "-q"], check=True)
        sizes = [path.stat().st_size for path in (before, archive)]
        trees = [read(path) for path in (before, after)]
        print(f"{len(trees[0])} events; compress {' '.join(RECIPE)}: {sizes[0]} -> {sizes[1]} bytes ({sizes[0] / sizes[1]:.2f} x of the file)")

        def that(holds, words):
            nonlocal failed
            failed += not holds
            print("ok  " if holds else "FAIL", words)

        exact = [name for name in COUNTERS if ak.all(trees[0][name] == trees[1][name])]
        that(exact == COUNTERS, f"exact: {', '.join(exact)}")
        hard = [int(ak.sum(tree["Jet_pt"] > 30)) for tree in trees]
        that(abs(hard[1] / hard[0] - 1) < 1e-3, f"jets above 30 GeV: {hard[0]} -> {hard[1]} ({100 * (hard[1] / hard[0] - 1):+.3f} %)")
        (n, width), (n_after, width_after) = (z_width(tree) for tree in trees)
        that(abs(width_after / width - 1) < 0.01, f"Z width: {width:.4f} -> {width_after:.4f} GeV ({100 * (width_after / width - 1):+.3f} %, {n} -> {n_after} pairs)")
    sys.exit(f"{failed} figures are off" if failed else 0)


if __name__ == "__main__":
    main()
