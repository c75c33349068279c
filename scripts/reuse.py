"""Models that are found on one part of the data and used on another, and the fast tier.

    python scripts/reuse.py BINARY DATA_FOLDER

Frames 0 to 29 of the CFD animation for frames 30 to 59, the heated cylinder's first three members for the others, the first
half of the jets for the second; at 1e-3 of the range: the archive with the model inside, the archive that only names it
(--model-ref), and the archive with a model of its own. Then whole fields with `--fast`. Needs numpy.
"""
import json, os, subprocess, sys, tempfile
import numpy as np


def archive_bytes(binary, folder, *words):
    out = os.path.join(folder, "x.bale")
    done = subprocess.run([binary, "compress", *words, "-o", out, "-f", "--json", "-q"], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout)["archive_bytes"]


def train(binary, path, model, *words):
    subprocess.run([binary, "train", path, "-o", model, *words, "-f", "-q"], check=True)
    return os.path.getsize(model)


def halves(data, name, folder):
    """The two parts, as files."""
    path = os.path.join(data, f"{name}.npz")
    if not os.path.isfile(path):
        print(f"not measured: {path} is not there")
        return None
    with np.load(path) as z:
        arrays = {k: z[k] for k in z.files if k != "still"}
    half = len(arrays["data"]) // 2
    files = []
    for part in (slice(None, half), slice(half, None)):
        files.append(os.path.join(folder, f"{name}_{len(files)}.npz"))
        np.savez(files[-1], **(arrays | {"data": arrays["data"][part]}))
    return files


def main():
    binary, data = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        model = os.path.join(folder, "m.balm")
        print("| second part of | tier | model file | model inside | model named | a model of its own |\n|---|---|---|---|---|---|")
        for name, tiers in (("cfd_baler_animation", ("--best", "--fast")), ("cfd_heated_cylinder_A", ("--best", "--fast")),
                            ("hep_pfjets_sim_A", ("--best",))):
            files = halves(data, name, folder)
            for tier in tiers if files else ():
                size = train(binary, files[0], model, "--rel", "1e-3")
                given = archive_bytes(binary, folder, files[1], "--rel", "1e-3", "--model", model, tier)
                named = archive_bytes(binary, folder, files[1], "--rel", "1e-3", "--model", model, "--model-ref", tier)
                own = archive_bytes(binary, folder, files[1], "--rel", "1e-3", tier)
                print(f"| {name} | `{tier}` | {size} | {given} | {named} | {own} |", flush=True)
        print("\n| whole field, `--fast` | bytes |\n|---|---|")
        for name, rel in (("cfd_baler_animation", "1e-2"), ("cfd_baler_animation", "1e-3"), ("wx_isabel_windmag_A", "1e-3"),
                          ("cfd_heated_cylinder_A", "1e-3"), ("turb_wmag91", "1e-3")):
            path = os.path.join(data, f"{name}.npz")
            if os.path.isfile(path):
                size = archive_bytes(binary, folder, f"{path}:data", "--rel", rel, "--fast")
                print(f"| {name} at {rel} | {size} |", flush=True)


main()
