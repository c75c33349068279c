"""Chunks of fields through the interface of numcodecs: baler beside SZ3, SPERR and ZFP, at one absolute bound.

    python scripts/peers/chunks.py DATA [--mib 1,4] [--level 1,3,6] [--rel 1e-3] [--only 'wx_*']

DATA is the folder of the open data. Needs the wheels baler-compressor and numcodecs, and what is there of numcodecs-wasm-sz3,
-sperr, -zfp (compiled to WASM: their sizes are those of the libraries, their speeds are not) and pysz (SZ3, native). A field of
float32 is cut into boxes of about so many MiB, along the first axes first, as a store would; fields smaller than that are one
chunk. Every chunk is decoded and compared: what breaks the bound is an error. Speeds are of one thread, the best of two runs.
Prints a row for each field and chunk size: bytes over those of the values in float32, and the geometric means against each peer.
"""

import argparse
import fnmatch
import math
import pathlib
import time

import numpy as np
from baler.numcodecs import Baler


def boxes(shape, n_values):
    """Slices of about n_values each: the first axes are cut to 1 before the next is cut."""
    extents = list(shape)
    for axis in range(len(shape)):
        inner = math.prod(extents[axis + 1 :])
        extents[axis] = min(extents[axis], max(1, round(n_values / inner)))
        if extents[axis] > 1:
            break
    grid = [range(0, n, step) for n, step in zip(shape, extents)]
    for starts in np.ndindex(*[len(axis) for axis in grid]):
        yield tuple(slice(axis[i], axis[i] + step) for axis, i, step in zip(grid, starts, extents))


def peers(bound, levels):
    """{name: (encode, decode)}"""
    found = {}
    for level in levels:
        codec = Baler(abs=bound, level=level)
        found[f"baler -{level}"] = codec.encode, codec.decode
    wasm = {
        "SZ3 (WASM)": ("numcodecs_wasm_sz3", "Sz3", {"eb_mode": "abs", "eb_abs": bound}),
        "SPERR (WASM)": ("numcodecs_wasm_sperr", "Sperr", {"mode": "pwe", "pwe": bound}),
        "ZFP (WASM)": ("numcodecs_wasm_zfp", "Zfp", {"mode": "fixed-accuracy", "tolerance": bound}),
    }
    for name, (module, codec, config) in wasm.items():
        try:
            codec = getattr(__import__(module), codec).from_config(config)
        except ImportError:
            continue
        found[name] = codec.encode, codec.decode
    try:
        import pysz

        config = pysz.szConfig()
        config.errorBoundMode, config.absErrorBound = pysz.szErrorBoundMode.ABS, bound
        found["SZ3 (native)"] = lambda x: (pysz.sz.compress(x, config)[0], x.shape), lambda c: pysz.sz.decompress(*c[:1], np.float32, c[1])[0]
    except ImportError:
        pass
    return found


def size(coded):
    data = coded[0] if isinstance(coded, tuple) else coded
    return memoryview(np.ascontiguousarray(data)).nbytes


def run(field, n_values, bound, levels):
    """{name: (bytes, seconds of encoding, seconds of decoding)}; None for what breaks the bound or fails."""
    chunks = [np.ascontiguousarray(field[box]) for box in boxes(field.shape, n_values)]
    results = {}
    for name, (encode, decode) in peers(bound, levels).items():
        total, seconds = 0, [0.0, 0.0]
        try:
            for chunk in chunks:
                times = [math.inf, math.inf]
                for _ in range(2):
                    start = time.perf_counter()
                    coded = encode(chunk.copy())
                    times[0] = min(times[0], time.perf_counter() - start)
                    start = time.perf_counter()
                    back = np.asarray(decode(coded)).reshape(chunk.shape)
                    times[1] = min(times[1], time.perf_counter() - start)
                if float(np.abs(back.astype("f8") - chunk).max()) > bound:
                    raise ValueError("the bound is broken")
                total += size(coded)
                seconds = [a + b for a, b in zip(seconds, times)]
        except Exception as error:
            print(f"    {name}: {str(error).splitlines()[0] if str(error) else type(error).__name__}")
            continue
        results[name] = total, *seconds
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--mib", default="1,4")
    parser.add_argument("--level", default="1,3,6")
    parser.add_argument("--rel", type=float, default=1e-3)
    parser.add_argument("--only", default="*")
    args = parser.parse_args()
    levels = [int(level) for level in args.level.split(",")]
    rows = {}
    for path in sorted(args.data.glob("*.npz")):
        with np.load(path) as arrays:
            field = arrays["data"]
        # Fields of measured numbers without holes, as every peer takes them.
        if not fnmatch.fnmatch(path.stem, args.only) or field.ndim < 3 or field.dtype.kind != "f":
            continue
        field = field.astype("f4")
        if not np.isfinite(field).all() or np.abs(field).max() > 1e15:
            continue
        bound = args.rel * float(np.ptp(field))
        for mib in map(float, args.mib.split(",")):
            n_values = int(mib * 2**18)
            if mib > 1 and field.size <= n_values / 2:
                continue
            found = run(field, n_values, bound, levels)
            rows[path.stem, mib] = field.nbytes, found
            print(f"{path.stem}, {mib:g} MiB", flush=True)
            for name, (n_bytes, *seconds) in found.items():
                speeds = " ".join(f"{field.nbytes / 1e6 / max(s, 1e-9):8.1f}" for s in seconds)
                print(f"    {name:14} {n_bytes:9} bytes {field.nbytes / n_bytes:7.1f} x   MB/s in and out {speeds}", flush=True)
    names = dict.fromkeys(name for _, found in rows.values() for name in found)
    for own in (name for name in names if name.startswith("baler")):
        for other in (name for name in names if not name.startswith("baler")):
            pairs = [(found[own], found[other]) for _, found in rows.values() if own in found and other in found]
            means = [math.exp(np.mean([math.log(a[k] / b[k]) for a, b in pairs])) for k in range(3)]
            print(f"{own} / {other}: bytes {means[0]:.3f}, speed in {1 / means[1]:.2f}, out {1 / means[2]:.2f} ({len(pairs)} rows)")


if __name__ == "__main__":
    main()
