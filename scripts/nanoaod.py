"""Events as NanoAOD has them, in ROOT's own formats and in an archive: size, time, and an analysis with coffea of each.

    python scripts/nanoaod.py [MUONS.npz JETS.npz] [--times 4]

Muons and jets are those of two .npz files with `data` (rows x columns) and `names`, as CMS published them, or made. The analysis is the
invariant mass of pairs of muons of opposite charge above 15 GeV, by coffea's NanoAODSchema, in bins of 0.5 GeV. It fails unless of an
archive the same pairs are chosen, no mass is off by more than the bounds of its muons allow, and every bin of the histogram is
within what that allows. Prints a table in Markdown. Needs the wheel baler-compressor, coffea and uproot. `--times` repeats the
muons.
"""

import argparse
import os
import pathlib
import sys
import tempfile
import time

import awkward as ak
import numpy as np
import uproot
from coffea.nanoevents import NanoAODSchema, NanoEventsFactory

import baler
import baler.coffea

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from particles import columns, events, made  # noqa: E402

#: Of momenta and masses each value; of directions absolutely.
PW_REL, ABS = 1e-3, 1e-4
BOUNDS = {"*_pt": baler.pw_rel(PW_REL), "*_mass": baler.pw_rel(PW_REL), "*_eta": baler.abs(ABS), "*_phi": baler.abs(ABS)}
#: No muon crosses the threshold of the analysis.
CUTS = {"Muon_pt": [15]}
EDGES = np.arange(2, 120.5, 0.5)

NanoAODSchema.warn_missing_crossrefs = False


def rounded(column, name):
    """What users of ROOT do: each value rounded as coarsely as the bound allows, so that what packs it finds less in it."""
    values = np.asarray(ak.to_numpy(ak.flatten(column)), np.float32)
    if name.endswith(("_eta", "_phi")):
        values = (np.round(values.astype(np.float64) / (2 * ABS)) * (2 * ABS)).astype(np.float32)
    elif name.endswith(("_pt", "_mass")):
        bits = values.view(np.uint32)
        values = ((bits + np.uint32(1 << 13)) & ~np.uint32((1 << 14) - 1)).view(np.float32)
    return ak.unflatten(values, ak.num(column))


def all_rounded(branches):
    found = dict(branches)
    for kind in ("Muon", "Jet"):
        fields = {field: branches[kind][field] for field in ak.fields(branches[kind])}
        found[kind] = ak.zip(
            {field: rounded(column, f"{kind}_{field}") if field != "charge" else column for field, column in fields.items()}
        )
    return found


def write_tree(path, branches, compression):
    types = {name: column.dtype if isinstance(column, np.ndarray) else column.type.content for name, column in branches.items()}
    with uproot.recreate(path, compression=compression) as file:
        file.mktree("Events", types).extend(branches)


def write_rntuple(path, branches, compression):
    """Lists of each field with their counts, as CMS writes NanoAOD as an RNTuple."""
    flat = {name: column for name, column in branches.items() if isinstance(column, np.ndarray)}
    for kind in ("Muon", "Jet"):
        flat |= {f"{kind}_{field}": ak.to_packed(branches[kind][field]) for field in ak.fields(branches[kind])}
        flat[f"n{kind}"] = ak.num(branches[kind]).to_numpy().astype(np.int32)
    with uproot.recreate(path, compression=compression) as file:
        file.mkrntuple("Events", ak.Array(flat))


def masses(muons):
    """Masses of pairs of opposite charge, and of which events they are."""
    hard = muons[muons.pt > 15]
    chosen = (ak.num(hard) == 2) & (ak.sum(hard.charge, axis=1) == 0)
    pairs = hard[chosen]
    # float64, so that rounding does not hide what the bounds do.
    pt, eta, phi, mass = (np.asarray(ak.to_numpy(pairs[name]), np.float64) for name in ("pt", "eta", "phi", "mass"))
    return np.flatnonzero(ak.to_numpy(chosen)), (pt, eta, phi, mass), invariant(pt, eta, phi, mass)


def invariant(pt, eta, phi, mass):
    px, py, pz = pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)
    e = np.sqrt(px**2 + py**2 + pz**2 + mass**2)
    return np.sqrt(np.maximum(e.sum(1) ** 2 - px.sum(1) ** 2 - py.sum(1) ** 2 - pz.sum(1) ** 2, 0))


def allowed(pt, eta, phi, mass):
    """How far the bounds let each mass move: its derivatives times the bounds, and a tenth of that for what is of second order."""
    total = np.zeros(len(pt))
    for values, limits in ((pt, PW_REL * pt), (mass, PW_REL * mass), (eta, np.full_like(eta, ABS)), (phi, np.full_like(phi, ABS))):
        for muon in (0, 1):
            moved = [values.copy(), values.copy()]
            moved[0][:, muon] += limits[:, muon]
            moved[1][:, muon] -= limits[:, muon]
            ends = [invariant(*(end if other is values else other for other in (pt, eta, phi, mass))) for end in moved]
            total += np.abs(ends[0] - ends[1]) / 2
    return 1.1 * total + 1e-9


def muons_of_root(path):
    return NanoEventsFactory.from_root({str(path): "Events"}, schemaclass=NanoAODSchema).events().Muon


def muons_of_rntuple(path):
    """By uproot: coffea's factory reads trees."""
    with uproot.open(path) as file:
        arrays = file["Events"].arrays(["Muon_pt", "Muon_eta", "Muon_phi", "Muon_mass", "Muon_charge"])
    return ak.zip({name.removeprefix("Muon_"): arrays[name] for name in ak.fields(arrays)})


def muons_of_archive(path):
    return baler.coffea.events(path).Muon


def timed(work, *args):
    start = time.perf_counter()
    found = work(*args)
    return found, time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*")
    parser.add_argument("--times", type=int, default=1)
    args = parser.parse_args()
    rng = np.random.default_rng(7)
    if args.files:
        muons, jets = columns(args.files[0], ["pt", "eta", "phi", "mass", "charge"]), columns(args.files[1], ["pt", "eta", "phi", "mass"])
    else:
        muons, jets = made(rng)
    for name in muons:
        muons[name] = np.tile(muons[name], args.times)
    branches = events(muons, jets, rng)
    print(f"{len(branches['run'])} events, {len(muons['pt'])} muons, {len(jets['pt'])} jets; load {os.getloadavg()[0]:.1f}\n")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        source = folder / "nano.root"
        write_tree(source, branches, uproot.LZ4(4))

        def archived(path, _, options):
            baler.save(path, source, **options)

        within = {"bounds": BOUNDS, "cuts": CUTS, "lossless": True}
        rows = [
            ("tree, LZMA 9", write_tree, branches, uproot.LZMA(9), muons_of_root),
            ("tree, ZSTD 5", write_tree, branches, uproot.ZSTD(5), muons_of_root),
            ("RNTuple, LZMA 9", write_rntuple, branches, uproot.LZMA(9), muons_of_rntuple),
            ("RNTuple, ZSTD 5", write_rntuple, branches, uproot.ZSTD(5), muons_of_rntuple),
            ("archive, lossless", archived, branches, {"lossless": True}, muons_of_archive),
            ("tree, LZMA 9, values rounded to the bound", write_tree, all_rounded(branches), uproot.LZMA(9), muons_of_root),
            ("RNTuple, LZMA 9, values rounded to the bound", write_rntuple, all_rounded(branches), uproot.LZMA(9), muons_of_rntuple),
            ("archive within the bound, level 3", archived, branches, {**within, "level": 3}, muons_of_archive),
            ("archive within the bound, level 6", archived, branches, within, muons_of_archive),
        ]
        who, kinematics, before = masses(muons_of_root(source))
        most = allowed(*kinematics)
        counts = np.histogram(before, EDGES)[0]
        # Where an event may change its bin, the bin may have it or not.
        bins = [np.digitize(before + sign * most, EDGES) for sign in (-1, 0, 1)]
        may = np.zeros(len(EDGES) + 1, int)
        for event in np.flatnonzero((bins[0] != bins[1]) | (bins[2] != bins[1])):
            may[bins[0][event] : bins[2][event] + 1] += 1
        print("| format | bytes | write, s | analysis, s | pairs chosen or left out wrongly | largest shift of a mass | pairs in other bins |")
        print("|---|---|---|---|---|---|---|")
        for number, (name, write, data, options, read) in enumerate(rows):
            path = folder / f"{number}.{'bale' if write is archived else 'root'}"
            _, seconds = timed(write, path, data, options)
            (chosen, _, after), reading = timed(lambda: masses(read(path)))
            both, here, there = np.intersect1d(who, chosen, return_indices=True)
            n_wrong = len(who) + len(chosen) - 2 * len(both)
            shift = np.abs(after[there] - before[here])
            assert (shift <= most[here]).all(), f"{name}: a mass is {(shift / most[here]).max()} times as far off as the bounds allow"
            if write is archived:
                assert n_wrong == 0, f"{name}: {n_wrong} pairs are chosen or left out wrongly"
                found = np.histogram(after, EDGES)[0]
                assert (np.abs(found - counts) <= may[1:-1]).all(), f"{name}: a bin has too many or too few events"
            n_moved = int((np.digitize(after[there], EDGES) != bins[1][here]).sum())
            print(
                f"| {name} | {path.stat().st_size} | {seconds:.2f} | {reading:.2f} | {n_wrong} of {len(who)} |"
                f" {shift.max():.2g} GeV | {n_moved} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
