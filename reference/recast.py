"""Decode numbers that follow from other numbers: docs/format.md, section 19."""

import math

import numpy as np
from classical import decode_classical
from fields import Reader, check, wrap64
from grids import orders as orders_of
from hidden import hidden_values, read_hidden

MAX_DEPTH = 5
MAX_SPLIT = 4096


def decode_recast(stream, shape, masked, float_bits, decode):
    """The numbers, and their stride. decode(stream, shape, masked, float_bits) gives those of what is inside."""
    r = Reader(stream)
    kind = r.u8()
    check(kind <= 5, "unknown way to recast")

    def whole(shape, masked, float_bits=None):
        q, stride = decode(r.block(), shape, masked, float_bits)
        check(stride == 1, "strides where numbers are whole")
        return q

    stride = 1
    if kind == 0:
        q = hidden(r, shape, masked, float_bits, whole)
    elif kind in (1, 2):
        n = r.varint()
        check(n <= math.prod(shape), "more entries than numbers")
        table = whole([n], np.zeros(n, bool), float_bits)
        q = from_entries(kind, table, whole(shape, masked), masked)
    elif kind == 3:
        first = r.varint()
        check(0 < first < len(shape), "no axis to turn at")
        n_front, n_back = math.prod(shape[:first]), math.prod(shape[first:])
        turned = masked.reshape(n_front, n_back).T.reshape(-1)
        q, stride = decode(r.block(), [*shape[first:], *shape[:first]], turned, float_bits)
        q = [q[column * n_front + row] for row in range(n_front) for column in range(n_back)]
    elif kind == 4:
        q, stride = joined(r, shape, masked, float_bits, decode)
    else:
        n_columns = r.varint()
        check(n_columns > 1 and math.prod(shape) % n_columns == 0, "no whole records")
        q, stride = decode(r.block(), [math.prod(shape) // n_columns, n_columns], masked, float_bits)
    r.end()
    return q, stride


def hidden(r, shape, masked, float_bits, whole):
    """Orders of values, of the integers behind them and of strangers."""
    dtype = np.dtype({None: "<i8", 10: "<f2", 23: "<f4", 52: "<f8"}[float_bits])
    axes, lattices = read_hidden(r, shape, float_bits is not None)
    n, places, orders = r.varint(), [], []
    check(n <= math.prod(shape), "too many strangers")
    if n:
        gaps = decode_classical(r.block(), [n], np.zeros(n, bool))
        orders = decode_classical(r.block(), [n], np.zeros(n, bool))
        check(all(gap >= 0 for gap in gaps), "strangers out of order")
        places = [int(place) for place in np.cumsum([gap + 1 for gap in gaps]) - 1]
        check(places[-1] < math.prod(shape), "a stranger beyond the values")
    with_strangers = masked.copy()
    with_strangers[places] = True
    q = orders_of(hidden_values(axes, lattices, whole(shape, with_strangers), shape, dtype))
    for place, order in zip(places, orders):
        q[place] = order
    return q


def from_entries(kind, table, entries, masked):
    n_before, q = 0, []
    for entry, is_masked in zip(entries, masked):
        if is_masked:
            q.append(0)
            continue
        place = entry if kind == 1 else n_before - entry
        check(entry >= 0 and 0 <= place < len(table), "an entry outside its table")
        n_before += entry == 0
        q.append(table[place])
    return q


def joined(r, shape, masked, float_bits, decode):
    axis = r.varint()
    check(axis < len(shape) and len(shape) > 1 and 1 <= shape[axis] <= MAX_SPLIT, "no axis to split at")
    inner = [*shape[:axis], *shape[axis + 1 :]]
    places = np.moveaxis(np.arange(math.prod(shape)).reshape(shape), axis, 0).reshape(shape[axis], -1)
    parts = [decode(r.block(), inner, masked[of_part], float_bits) for of_part in places]
    strides = {stride for _, stride in parts} - {1}
    check(len(strides) <= 1, "different strides")
    stride = strides.pop() if strides else 1
    q = [0] * math.prod(shape)
    for of_part, (numbers, own) in zip(places, parts):
        for place, number in zip(of_part, numbers):
            q[place] = wrap64(number * (stride if own == 1 else 1))
    return q, stride
