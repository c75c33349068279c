#!/usr/bin/env python3
"""Mass peaks before and after compression: fitted mean and width, with pulls.

    python3 scripts/peaks.py BINARY DATA_FOLDER

Muon pairs of opposite charge of hep_cms_muons_2012 (docs/metrics.md says how pairs are found), at two bounds, given in
three ways: relative to each column's range; with the transverse momentum relative to each value; and with angles to a
tenth of it in radians as well. Says so, and measures nothing, where the data are not there.
"""
import json, os, subprocess, sys, tempfile


def run(*words):
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    binary, data = sys.argv[1:]
    path = os.path.join(data, "hep_cms_muons_2012.npz")
    if not os.path.isfile(path):
        print(f"nothing measured: {path} is not there")
        return
    print("| bound | bytes | peak | mean before | mean after | pull | width before | width after | pull |")
    print("|---|---|---|---|---|---|---|---|---|")
    for bound in ("1e-2", "1e-3"):
        for words, extra in ((f"rel {bound}", []),
                             (f"rel {bound}, pt pw-rel {bound}", ["--bound", f"Muon_pt=pw-rel:{bound}"]),
                             (f"pt pw-rel {bound}, angles abs {float(bound) / 10:g}",
                              ["--bound", f"Muon_pt=pw-rel:{bound}", "--bound",
                               f"Muon_eta,Muon_phi=abs:{float(bound) / 10:g}"])):
            with tempfile.TemporaryDirectory() as folder:
                archive = os.path.join(folder, "x.bale")
                made = json.loads(run(binary, "compress", path, "-o", archive, "--rel", bound, *extra, "--json", "-q"))
                found = json.loads(run(binary, "report", archive, "--against", path, "--json"))
            for peak in found["pairs"][0]["peaks"]:
                def cell(value, digits):
                    return "gone" if value is None else f"{value:.{digits}f}"
                print(f"| {words} | {made['archive_bytes']} | {peak['name']} | {peak['mean_before']:.4f} +- "
                      f"{peak['mean_uncertainty']:.4f} | {cell(peak['mean_after'], 4)} | {cell(peak['mean_pull'], 3)} | "
                      f"{peak['width_before']:.4f} +- {peak['width_uncertainty']:.4f} | {cell(peak['width_after'], 4)} | "
                      f"{cell(peak['width_pull'], 3)} |")


main()
