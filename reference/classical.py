"""Decode classical streams: docs/format.md, section 11."""

import math

import numpy as np
from fields import FormatError, Reader, check, unzigzag, unzstd, wrap64
from pcodec import standalone as pcodec


def four_axes(shape):
    kept = [extent for extent in shape if extent != 1]
    leading = math.prod(kept[:-3])
    return [leading] + [1] * (3 - len(kept[-3:])) + kept[-3:]


def decode_classical(stream, shape, masked):
    n_values = math.prod(shape)
    r = Reader(stream)
    coder, orders = r.u8(), r.u8()
    orders = [orders >> (2 * axis) & 3 for axis in range(4)]
    check(3 not in orders, "unknown difference")
    ranks = None
    if coder & 0x80:
        n_ranks = r.varint()
        check(1 <= n_ranks <= 4096, "bad number of ranks")
        ranks = [r.signed()]
        for _ in range(n_ranks - 1):
            ranks.append(wrap64(ranks[-1] + r.varint()))
    q = np.zeros(n_values, np.int64)
    q[~masked] = decode_symbols(coder & 0x7F, r.rest(), int((~masked).sum()))
    grid = q.reshape(four_axes(shape))
    for axis in (3, 2, 1, 0):
        for _ in range(orders[axis]):
            grid = np.cumsum(grid, axis=axis, dtype=np.int64)  # wraps
    q = grid.reshape(-1).tolist()
    if ranks is None:
        return q
    check(all(hidden or 0 <= rank < len(ranks) for rank, hidden in zip(q, masked)), "a rank is too large")
    return [0 if hidden else ranks[rank] for rank, hidden in zip(q, masked)]


def decode_symbols(coder, data, n_values):
    check(coder <= 3, "unknown coder")
    if coder == 0:
        r = Reader(data)
        value = r.signed() if n_values else 0
        r.end()
        return np.full(n_values, value, np.int64)
    if coder in (1, 2):
        try:
            numbers = pcodec.simple_decompress(data)
        except RuntimeError as error:
            raise FormatError(f"not a pco stream: {error}") from None
        dtype = np.int32 if coder == 1 else np.int64
        check(numbers is not None and numbers.dtype == dtype and len(numbers) == n_values, "bad pco stream")
        return numbers.astype(np.int64)
    check(data and data[0] in (1, 2, 4, 8), "bad width")
    width = data[0]
    planes = np.frombuffer(unzstd(data[1:], n_values * width), np.uint8).reshape(width, n_values)
    z = np.zeros(n_values, np.uint64)
    for byte, plane in enumerate(planes):
        z |= plane.astype(np.uint64) << np.uint64(8 * byte)
    return np.array([unzigzag(int(x)) for x in z], np.int64)
