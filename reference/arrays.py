"""Decode one array that docs/format.md calls a coded array, and print the hash of its values as assets/README.md defines it.

    python arrays.py FILE [--model M.balm]
"""

import argparse
import math
import pathlib
import struct
import sys

import blake3
import numpy as np
from decode import DTYPES, Variable, decode_numbers, placed, read_grid, read_model_file, read_patterns, read_promise, read_specials
from fields import Reader, check
from grids import orders, reconstruct, refined
from weights import SharedModel

WITH_MODEL, BRIEF, PADDED = 0x10, 0x20, 0x40


def decode_array(data, model_file=None):
    """The array of some bytes; model_file is the bytes of the model that they name, if they name one."""
    r = Reader(data)
    head = r.u8()
    if head & PADDED:
        return padded(head & ~PADDED, r, model_file)
    dtype, shape = read_shape(head & ~(WITH_MODEL | BRIEF), r)
    bound, limits, grid, patterns = read_brief_promise(r, dtype) if head & BRIEF else read_promise(r, dtype)
    variable = Variable("", dtype, shape, grid, patterns, None, bound[0] == 0, limits)
    shared = None
    if head & WITH_MODEL:
        digest, predictor = r.raw(8), r.varint()
        check(model_file is not None, "a model is needed")
        check(blake3.blake3(model_file).digest()[:8] == digest, "not the model that the array names")
        shared = SharedModel(read_model_file(model_file).parts[predictor])
    classes, own_bits = read_specials(r.block(), variable, math.prod(shape))
    digest = r.raw(4)
    stream = r.rest()
    check(stream[:1] != b"\x12", "a reference field for a single array")
    q, grid, stride = decode_numbers(stream, shape, classes != 0, variable, shared)
    q = [0 if kind else number for number, kind in zip(q, classes)]
    values, decoded = placed(variable, reconstruct(q, refined(grid, stride), dtype), classes, own_bits)
    check(blake3.blake3(decoded).digest()[:4] == digest, "the hash of the decoded values does not fit")
    return values.reshape(shape)


def read_shape(code, r):
    """dtype and extents."""
    check(code < len(DTYPES), "unknown dtype")
    n_axes = r.u8()
    check(n_axes <= 64, "too many axes")
    shape = [r.varint() for _ in range(n_axes)]
    check(math.prod(shape) < 1 << 59, "too many values")
    return np.dtype(DTYPES[code]), shape


def padded(code, r, model_file):
    """An array of which a box at the lowest indices is coded."""
    dtype, shape = read_shape(code, r)
    padding = np.frombuffer(r.raw(dtype.itemsize), dtype.newbyteorder("<")).astype(dtype)
    inner = r.rest()
    check(inner and not inner[0] & PADDED, "padding within padding")
    box = decode_array(inner, model_file)
    lies = box.ndim == len(shape) and all(extent <= whole for extent, whole in zip(box.shape, shape))
    check(lies and box.dtype == dtype, "a box that does not lie in its array")
    values = np.empty(shape, dtype)
    values.view(f"u{dtype.itemsize}")[...] = padding.view(f"u{dtype.itemsize}")
    values[tuple(map(slice, box.shape))] = box
    return values


def read_brief_promise(r, dtype):
    """As read_promise, of which the range of the values says the rest."""
    first = r.u8()
    check(first <= 19, "unknown promise in short")
    relative, code = first & 1, first >> 1
    e = r.f64()
    check(math.isfinite(e) and e >= 0, "a bound is negative or not finite")
    ends = np.frombuffer(r.raw(2 * dtype.itemsize), dtype.newbyteorder("<")).astype(dtype)
    limits = orders(ends)
    check(limits[0] <= limits[1], "limits that are not in order")
    if dtype.kind == "f":
        low, high = map(float, ends)
        extent = min(high - low, sys.float_info.max)
    else:
        extent = float(int(limits[1]) - int(limits[0]))
    bound = min(e * extent, sys.float_info.max) if relative else e
    check(math.isfinite(bound), "a bound is not finite")
    if code == 0:
        grid = read_grid(r, dtype)
    elif code == 3:
        grid = ("integer", 2 * int(min(bound, 1e18)) + 1)
    elif code > 3:
        check(dtype.kind == "f", "a decimal grid of another dtype than floats")
        grid = ("decimal", float(10 ** (code - 3)))
    else:
        grid = ("uniform", uniform_step(bound, max(abs(low), abs(high)), dtype), code == 2)
    return (1 + relative, bound), limits, grid, read_patterns(r, dtype)


def uniform_step(bound, largest, dtype):
    """The step that spends a bound on floats of some magnitude."""
    check(dtype.kind == "f", "a uniform grid of another dtype than floats")
    rounding = {2: largest * 2.0**-11, 4: largest * 2.0**-24, 8: 0.0}[dtype.itemsize]
    usable = bound - rounding if rounding < bound / 4 else bound
    bits = struct.unpack("<Q", struct.pack("<d", 2 * usable))[0] >> 29 << 29
    step = struct.unpack("<d", struct.pack("<Q", bits))[0]
    check(sys.float_info.min <= step < math.inf, "a step that is no normal number")
    check(largest / step <= 2.0**50 and rounding < 2 * bound, "a bound that gives no step")
    return step


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--model", type=pathlib.Path)
    args = parser.parse_args()
    array = decode_array(args.file.read_bytes(), args.model.read_bytes() if args.model else None)
    extents = ",".join(map(str, array.shape))
    head = b"".join(text.encode() + b"\0" for text in ("", array.dtype.name, extents))
    data = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    print(blake3.blake3(head + data).hexdigest())


if __name__ == "__main__":
    main()
