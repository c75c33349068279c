"""Decode one array that docs/format.md calls a coded array, and print the hash of its values as assets/README.md defines it.

    python arrays.py FILE [--model M.balm]
"""

import argparse
import math
import pathlib

import blake3
import numpy as np
from decode import DTYPES, Variable, decode_numbers, placed, read_model_file, read_promise, read_specials
from fields import Reader, check
from grids import reconstruct, refined
from weights import SharedModel

WITH_MODEL = 0x10


def decode_array(data, model_file=None):
    """The array of some bytes; model_file is the bytes of the model that they name, if they name one."""
    r = Reader(data)
    head = r.u8()
    code = head & ~WITH_MODEL
    check(code < len(DTYPES), "unknown dtype")
    dtype = np.dtype(DTYPES[code])
    n_axes = r.u8()
    check(n_axes <= 64, "too many axes")
    shape = [r.varint() for _ in range(n_axes)]
    check(math.prod(shape) < 1 << 59, "too many values")
    bound, limits, grid, patterns = read_promise(r, dtype)
    variable = Variable("", dtype, shape, grid, patterns, None, bound == 0, limits)
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
