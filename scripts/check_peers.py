#!/usr/bin/env python3
"""Does `baler compare --peers` find what others have measured?

    python3 scripts/check_peers.py BINARY DATA_FOLDER BAR_CSV PEERS_PYTHON

BAR_CSV lists, for datasets and bounds, the smallest published codec and its bytes (SZ3, SPERR, ZFP) and the smallest
recipe (quantize + pco). Each is run again on the same array; sizes must agree within 0.5 %. The bar knows a field in its
own shape and with the first axis last: those are compared; that another view may be smaller still is told. (SPERR of
float64 in 2-D is not compared: the bar has it by the HDF5 filter, which takes 305571 bytes on the CFD animation at 1e-6 where
imagecodecs takes 269178.) Says so, and checks nothing, where the data are not there.
"""
import csv, json, os, subprocess, sys, tempfile
import numpy as np

# dataset of the bar, file:array, bound, codec of the bar, our name, view
CASES = [
    ("CFD_animation", "cfd_baler_animation:data", "1e-2", "sz3@tlast", "SZ3", "first axis last"),
    ("CFD_animation", "cfd_baler_animation:data", "1e-3", "sz3", "SZ3", ""),
    ("wx_isabel_windmag_A", "wx_isabel_windmag_A:data", "1e-3", "sz3", "SZ3", ""),
    ("cfd_heated_cylinder_A", "cfd_heated_cylinder_A:data", "1e-3", "sz3", "SZ3", ""),
    ("wx_ukmo_colpex", "wx_ukmo_colpex:data", "1e-3", "sz3@tlast", "SZ3", "first axis last"),
    ("turb_wmag91", "turb_wmag91:data", "1e-2", "sperr", "SPERR", ""),
    ("turb_wmag91", "turb_wmag91:data", "1e-3", "sperr", "SPERR", ""),
    ("hep_cms_miniaod_jets", "hep_cms_miniaod_jets", "1e-4", "zfpy", "ZFP", ""),
    ("hep_cms_miniaod_jets", "hep_cms_miniaod_jets", "1e-6", "zfpy", "ZFP", ""),
    ("ts_ligo_gw150914", "ts_ligo_gw150914:data", "1e-6", "zfpy", "ZFP", "rows apart"),
    ("hep_cms_miniaod_jets", "hep_cms_miniaod_jets", "1e-3", "quant+pco12", "quantize + pco", None),
    ("hep_cms_muons_2012", "hep_cms_muons_2012", "1e-3", "quant+pco12", "quantize + pco", None),
    ("turb_wmag91", "turb_wmag91:data", "1e-3", "quant+lorenzo+pco12", "quantize + Lorenzo + pco", None),
]


def rows_apart(path, folder):
    """Each row of a 2-D array as an array of its own, as the bar takes the two detectors of LIGO."""
    with np.load(path) as z:
        out = os.path.join(folder, "rows.npz")
        np.savez(out, **{f"row{k}": row for k, row in enumerate(z["data"])})
    return out


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    binary, data, bar_csv, python = sys.argv[1:]
    if not os.path.isdir(data) or not os.path.isfile(bar_csv):
        print(f"nothing checked: {data} or {bar_csv} is not there")
        return
    bar = {}
    with open(bar_csv) as f:
        for row in csv.DictReader(f):
            key = row["dataset"], row["bound"]
            bar[key + (row["bar_codec"],)] = int(row["bar_bytes"])
            bar[key + (row["published_codec"],)] = int(row["published_bytes"])
    n_far = 0
    print(f"{'data':24} {'rel':>6} {'codec':22} {'bar':>9} {'here':>9} {'apart':>8}  smallest view")
    with tempfile.TemporaryDirectory() as folder:
        for dataset, file, bound, codec, name, view in CASES:
            stem, _, inner = file.partition(":")
            path = os.path.join(data, f"{stem}.npz")
            if not os.path.isfile(path):
                print(f"{dataset}: not checked, {path} is not there")
                continue
            if view == "rows apart":
                file, view = rows_apart(path, folder), ""
            else:
                file = path + (f":{inner}" if inner else "")
            done = subprocess.run([binary, "compare", file, "--rel", bound, "--codecs", name, "--peers", python, "--json",
                                   "-q"], capture_output=True, text=True)
            if done.returncode:
                sys.exit(done.stderr)
            found = json.loads(done.stdout)
            row = next((r for r in found["rows"] if r["name"] == name), None)
            if row is None:
                sys.exit(f"{name} was not run: {found['missing']}")
            here = row["bytes"] if view is None else row["views"].get(view, row["bytes"])
            wanted = bar[dataset, f"abs:{float(bound):g}", codec]
            apart = here / wanted - 1
            far = abs(apart) > 0.005
            n_far += far
            best = f"{row['bytes']} {row['note']}" if row["bytes"] < here else ""
            print(f"{dataset:24} {bound:>6} {codec:22} {wanted:9} {here:9} {apart:+8.3%}{' FAR' if far else ''}  {best}",
                  flush=True)
    sys.exit(n_far > 0)


main()
