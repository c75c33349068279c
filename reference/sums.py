"""A few values move until the sum of a part is that of its originals: docs/format.md, section 5, "Sum"."""

import math

import numpy as np
from binary import Bits
from fields import Reader, check
from grids import from_orders
from sides import Odds, Sides, key_of, of_key


def move(data, variable, values, classes, shape):
    """Moves values, in place, as the bytes of a part's sum say."""
    if not data:
        return
    r, dtype = Reader(data), variable.dtype
    up = r.u8()
    check(up <= 1, "unknown direction of a sum")
    n_walked, n_single = r.varint(), r.varint()
    check(max(n_walked, n_single) <= len(values), "more values than there are move")
    single, at = [], 0
    for _ in range(n_single):
        at += r.varint()
        check(at < len(values), "a value that moves is none of the part's")
        single.append((at, r.raw(dtype.itemsize)))
        at += 1
    bits, odds = Bits(r.rest()), Odds()
    sides = Sides(variable, values, classes, shape)
    for index in np.flatnonzero(classes == 0)[:n_walked]:
        if odds.read(bits):
            values[index] = moved(sides, index, variable, up)
    for index, value in single:
        values[index : index + 1] = np.frombuffer(value, dtype.newbyteorder("<"))


def moved(sides, index, variable, up):
    """A value that goes as far as the bound allows, within its limits and on its side."""
    dtype, (kind, limit) = variable.dtype, variable.bound
    y, key = sides.real[index], sides.keys[index]
    far = limit * abs(y) if kind == 3 else limit
    low, high = sides.low, sides.high
    side = sides.side(key)
    at = side // 2
    if side % 2:
        low = high = key
    else:
        low = max(low, sides.thresholds[at - 1] + 1) if at > 0 else low
        high = min(high, sides.thresholds[at] - 1) if at < len(sides.thresholds) else high
    if dtype.kind == "f":
        return of_key(min(max(key_of(y + far if up else y - far, dtype), low), high), dtype)
    whole = min(math.floor(far), (1 << 64) - 1)
    to = min(key + whole, (1 << 63) - 1) if up else max(key - whole, -(1 << 63))
    return from_orders([min(max(to, low), high)], dtype)[0]
