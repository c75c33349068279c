"""Speed and size of levels beside peers, on one core: python scripts/levels.py BALER DATA [--rel 1e-3] [--all]

BALER is the release binary, DATA a folder of .npz files with an array `data` each. Fields in float32 are compressed within the same
absolute bound by each level (1, 3 and 6; --all: all nine) and by SZ3, ZFP and pcodec (quantized, differenced), one after the other for
each file, so that a loaded machine is as unfair to all. Times are CPU seconds, the least of three runs, of whole
commands with files for ours (verification included) and of calls in memory for peers. Needs numpy, hdf5plugin, h5py and pcodec.
Prints tables in Markdown; speeds are geometric means over the files."""

import argparse
import io
import math
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

import h5py
import hdf5plugin
import numpy as np
from pcodec import ChunkConfig, standalone

FIELDS = [
    "wx_isabel_windmag_A", "turb_wmag91", "cfd_heated_cylinder_A", "cfd_baler_animation",
    "wx_ukmo_colpex", "ocean_tos_ipsl", "md_adk_dims", "xrd_ptycho_siemens",
]
RUNS = 3


def child_seconds(command):
    """CPU seconds of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def least(measure):
    return min(measure() for _ in range(RUNS))


def ours(binary, folder, source, limit, level):
    archive, back = folder / "x.bale", folder / "back.npy"
    compress = [binary, "compress", source, "-o", archive, "-f", "-q", "-j1", "--abs", repr(limit), f"-{level}"]
    decompress = [binary, "decompress", archive, "-o", back, "-f", "-q", "-j1"]
    return least(lambda: child_seconds(compress)), least(lambda: child_seconds(decompress)), archive.stat().st_size


def timed(call):
    start = time.process_time()
    result = call()
    return time.process_time() - start, result


def hdf5(values, options):
    def write():
        file = io.BytesIO()
        with h5py.File(file, "w") as target:
            target.create_dataset("x", data=values, chunks=values.shape, **options)
        return file

    def read(file):
        with h5py.File(file, "r") as source:
            return source["x"][()], source["x"].id.get_storage_size()

    encode, decode = [], []
    for _ in range(RUNS):
        seconds, file = timed(write)
        encode.append(seconds)
        seconds, (_, n_bytes) = timed(lambda: read(file))
        decode.append(seconds)
    return min(encode), min(decode), n_bytes


def sz3(values, limit):
    return hdf5(values, dict(hdf5plugin.SZ3(absolute=limit)))


def zfp(values, limit):
    return hdf5(values.reshape((-1,) + values.shape[-3:]) if values.ndim > 4 else values, dict(hdf5plugin.Zfp(accuracy=limit)))


def pco(values, limit):
    step = 2 * limit

    def encode():
        q = np.rint(values.astype(np.float64) / step).astype(np.int32)
        for axis in range(q.ndim):
            q = np.diff(q, axis=axis, prepend=0)
        return standalone.simple_compress(np.ascontiguousarray(q).ravel(), ChunkConfig())

    def decode(coded):
        q = standalone.simple_decompress(coded).reshape(values.shape)
        for axis in range(q.ndim):
            q = np.cumsum(q, axis=axis, dtype=np.int32)
        return (q * step).astype(values.dtype)

    seconds, coded = timed(encode)
    seconds = min([seconds] + [timed(encode)[0] for _ in range(RUNS - 1)])
    return seconds, least(lambda: timed(lambda: decode(coded))[0]), len(coded)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("baler")
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--rel", type=float, default=1e-3)
    parser.add_argument("--all", action="store_true")
    args = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    levels = range(1, 10) if args.all else [1, 3, 6]
    results = {}
    n_bytes = {}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name in FIELDS:
            with np.load(args.data / f"{name}.npz") as file:
                values = np.ascontiguousarray(file["data"], dtype=np.float32)
            values = values[np.newaxis] if values.ndim < 3 else values
            # Fill values would be most of the range.
            values[np.abs(values) > 1e19] = np.nan
            values[np.isnan(values)] = np.nanmedian(values)
            limit = args.rel * float(values.max() - values.min())
            np.save(folder / "x.npy", values)
            n_bytes[name] = values.nbytes
            for level in levels:
                results.setdefault(f"level {level}", {})[name] = ours(args.baler, folder, folder / "x.npy", limit, level)
            for peer in (sz3, zfp, pco):
                results.setdefault(peer.__name__, {})[name] = peer(values, limit)
            print(name, {way: of[name][2] for way, of in results.items()}, file=sys.stderr)
    mean = lambda numbers: math.exp(sum(map(math.log, numbers)) / len(FIELDS))
    print("| | compress, MB/s | of SZ3's | decompress, MB/s | of SZ3's | bytes, of SZ3's |")
    print("|---|---|---|---|---|---|")
    speeds = {}
    for way, of in results.items():
        speeds[way] = [mean([n_bytes[n] / 1e6 / max(of[n][at], 1e-3) for n in FIELDS]) for at in (0, 1)]
    for way, of in results.items():
        ratios = [speed / of_sz3 for speed, of_sz3 in zip(speeds[way], speeds["sz3"])]
        size = mean([of[n][2] / results["sz3"][n][2] for n in FIELDS])
        print(f"| {way} | {speeds[way][0]:.1f} | {ratios[0]:.2f} | {speeds[way][1]:.0f} | {ratios[1]:.2f} | {size:.3f} |")
    print()
    print("| bytes | " + " | ".join(results) + " |")
    print("|---" * (len(results) + 1) + "|")
    for name in FIELDS:
        print(f"| {name} | " + " | ".join(str(of[name][2]) for of in results.values()) + " |")


if __name__ == "__main__":
    main()
