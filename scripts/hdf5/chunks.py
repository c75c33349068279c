"""Sizes and speeds of filters of HDF5 on fields in chunks: baler against SZ3, SPERR and ZFP of hdf5plugin, all with the same
absolute bound, REL of the range of the whole field; one thread, CPU time of the whole call (HDF5's part included).

Usage: chunks.py DATA [--rel 1e-3] [--mb 1 4] [--level 3] [--only NAME ...]; DATA is a folder of npz files with an array `data`. Tables of
columns (with `names`) are left out: their columns are no fields. Needs baler, h5py and hdf5plugin 7.1.0.
"""

import argparse
import math
import os
import pickle
import time
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np

import baler.hdf5

PEERS = {
    "SZ3": lambda bound: hdf5plugin.SZ3(absolute=bound),
    "SPERR": lambda bound: hdf5plugin.Sperr(absolute=bound),
    "ZFP": lambda bound: hdf5plugin.Zfp(accuracy=bound),
}


def chunk_shape(shape, itemsize, n_bytes):
    """Whole trailing axes, as many as fit, and equal pieces of the one before."""
    left, chunk = max(1, n_bytes // itemsize), []
    for extent in reversed(shape):
        pieces = math.ceil(extent / min(extent, max(1, left)))
        chunk.insert(0, math.ceil(extent / pieces))
        left //= chunk[0]
    return tuple(chunk)


def measured(data, chunks, options):
    """Bytes, millions of arrays in a CPU second to write and to read (the best of three), and what comes back."""
    speeds = []
    for _ in range(3):
        with h5py.File.in_memory() as file:
            start = time.process_time()
            dataset = file.create_dataset("x", data=data, chunks=chunks, **options)
            file.flush()
            wrote = time.process_time() - start
            n_bytes, image = dataset.id.get_storage_size(), file.id.get_file_image()
        with h5py.File.in_memory(image) as file:
            start = time.process_time()
            found = file["x"][...]
            speeds.append((1e-6 / wrote, 1e-6 / (time.process_time() - start)))
    return n_bytes, *(max(column) for column in zip(*speeds)), found


def apart(work):
    """What work gives, done in a process of its own: some filters crash on some data."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        with os.fdopen(write, "wb") as pipe:
            try:
                pickle.dump(work(), pipe)
            except Exception as error:
                pickle.dump(str(error), pipe)
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        told = pipe.read()
    status = os.waitpid(child, 0)[1]
    return pickle.loads(told) if status == 0 else f"ended by signal {status & 127}"


def row(name, data, mb, rel, level):
    """What each filter does, by its name: bytes, MB/s to write and to read, whether each value is within the bound."""
    asked = baler.hdf5.Baler(rel=rel, data=data, level=level)
    bound, found = asked.bound.value, {}
    regular = np.isfinite(data) & (np.abs(data) < 1e19)
    for peer, options in {"baler": asked, **{peer: make(bound) for peer, make in PEERS.items()}}.items():
        # The others know no narrow integers, and SPERR no more than three axes.
        given = data if peer == "baler" or data.dtype.kind == "f" else data.astype("f4")
        if peer == "SPERR" and data.ndim > 3:
            given = given.reshape(-1, *data.shape[-2:])
        chunks = chunk_shape(given.shape, data.itemsize, int(mb * 1e6))

        def work():
            n_bytes, write, read, back = measured(given, chunks, options)
            error = np.abs(back.reshape(data.shape).astype("f8") - data.astype("f8"))[regular].max()
            return n_bytes, write * data.nbytes, read * data.nbytes, bool(error <= bound)

        told = apart(work)
        if isinstance(told, str):
            print(f"<!-- {name}: {peer}: {told[:100]} -->")
        else:
            found[peer] = told
    return found


def mean(ratios):
    """Geometric."""
    return math.exp(sum(map(math.log, ratios)) / len(ratios)) if ratios else math.nan


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--rel", type=float, default=1e-3)
    parser.add_argument("--mb", type=float, nargs="+", default=[1, 4])
    parser.add_argument("--level", type=int, default=3)
    parser.add_argument("--only", nargs="+", default=[])
    asked = parser.parse_args()
    for mb in asked.mb:
        print(f"\n| chunks of {mb:g} MB | baler | SZ3 | SPERR | ZFP | of the best | write, MB/s: baler | SZ3 | read: baler | SZ3 |")
        print("|---|---|---|---|---|---|---|---|---|---|", flush=True)
        ratios, write, read = [], [], []
        for path in sorted(asked.data.glob("*.npz")):
            with np.load(path) as file:
                if "names" in file.files or asked.only and path.stem not in asked.only:
                    continue
                data = file["data"]
            found = row(path.stem, data, mb, asked.rel, asked.level)
            own = found["baler"]
            if not own[3]:
                raise SystemExit(f"{path.stem}: baler breaks its bound")
            kept = [found[peer][0] for peer in PEERS if peer in found and found[peer][3]]
            ratios += [own[0] / min(kept)] if kept else []
            if "SZ3" in found:
                write.append(own[1] / found["SZ3"][1])
                read.append(own[2] / found["SZ3"][2])

            def cell(peer, at=0, text="{:,.0f}"):
                if peer not in found:
                    return "-"
                broken = "" if found[peer][3] or at else " (outside)"
                return text.format(found[peer][at]).replace(",", " ") + broken

            cells = [path.stem, *(cell(peer) for peer in ("baler", *PEERS)), f"{ratios[-1]:.3f}" if kept else "-"]
            cells += [cell(peer, at) for at in (1, 2) for peer in ("baler", "SZ3")]
            print("| " + " | ".join(cells) + " |", flush=True)
        print(f"| geometric mean | | | | | {mean(ratios):.3f} | {mean(write):.2f} of SZ3's | | {mean(read):.2f} of SZ3's | |")


main()
