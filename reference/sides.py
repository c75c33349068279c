"""Values move to the sides of thresholds where their originals are: docs/format.md, section 5, "Sides"."""

import math

import numpy as np
from binary import Bits
from fields import check, clamp
from grids import cast, from_orders, orders


def keys_of(values):
    """Integers in the order of the values in which both zeros are 0."""
    is_float = values.dtype.kind == "f"
    return [order + (is_float and order < 0) for order in orders(values)]


def of_key(key, dtype):
    return from_orders([key - (dtype.kind == "f" and key < 0)], dtype)[0]


def key_of(real, dtype):
    """The key of the dtype's value of a float64."""
    return keys_of(cast(np.array([real], np.float64), dtype))[0]


def thresholds_of(asked, dtype):
    found = set()
    for threshold in asked:
        near = cast(np.array([threshold], np.float64), dtype)
        value = float(near.view(np.uint8)[0] if dtype == np.bool_ else near[0])
        beyond = not math.isfinite(value) if dtype.kind == "f" else abs(value - threshold) >= 1
        if beyond:
            continue
        key = keys_of(near)[0]
        found.add(key)
        if dtype == np.float16 and value != threshold:
            found.add(key + (1 if value < threshold else -1))
    return sorted(found)


class Odds:
    """A probability of 1 that adapts."""

    def __init__(self):
        self.p, self.seen = 1 << 15, 0

    def read(self, bits):
        bit = bits.bit(clamp(self.p, 32, 65504))
        self.seen += 1
        pace = min(self.seen, 126) + 1
        if bit:
            self.p += (65536 - self.p) // pace
        else:
            self.p -= self.p // pace
        return bit


class Sides:
    """The thresholds of a part, and where its originals may be."""

    def __init__(self, variable, values, classes, shape):
        self.dtype, self.bound, self.values, self.shape = variable.dtype, variable.bound, values, shape
        self.classes = classes
        self.thresholds = thresholds_of(variable.cuts, self.dtype)
        self.keys = keys_of(values)
        plain = values.view(np.uint8) if self.dtype == np.bool_ else values
        self.real = [float(x) for x in plain]
        if variable.limits is not None:
            ends = from_orders(list(variable.limits), self.dtype)
        elif self.dtype.kind == "f":
            ends = np.array([np.finfo(self.dtype).min, np.finfo(self.dtype).max], self.dtype)
        else:
            ends = cast(np.array([-math.inf, math.inf]), self.dtype)
        self.low, self.high = keys_of(ends)

    def side(self, key):
        return sum((threshold < key) + (threshold <= key) for threshold in self.thresholds)

    def around(self, index):
        """The least and the greatest key in reach, about how far that is, and whether the middle is allowed."""
        y, key, (kind, limit) = self.real[index], self.keys[index], self.bound
        is_float = self.dtype.kind == "f"
        if not math.isfinite(y):
            return key, key, 0.0, False
        if kind in (4, 5) or kind == 3 and limit >= 1:
            ends = [float(of_key(end, self.dtype)) for end in (self.low, self.high)]
            return self.low, self.high, (ends[1] - ends[0]) / 32.0, False
        if kind == 3:
            tiny = 2.2250738585072014e-308
            radius = 0.0 if y == 0 else abs(y) * (limit / (1.0 - limit)) * (1.0 + 2.0**-20) + tiny
        else:
            radius = limit
        if is_float:
            low, high = key_of(y - radius, self.dtype), key_of(y + radius, self.dtype)
        else:
            whole = min(math.floor(radius), (1 << 64) - 1)
            whole = min(whole + 1, (1 << 64) - 1) if kind == 3 and whole > 0 else whole
            low, high = max(key - whole, -(1 << 63)), min(key + whole, (1 << 63) - 1)
        narrow = not is_float or high - low >= 16
        if kind == 3:
            narrow = is_float and limit <= 0.25 and narrow and radius > 1e-290
        return clamp(low, self.low, self.high), clamp(high, self.low, self.high), radius, narrow

    def context(self, index, radius, looks):
        key, y = self.keys[index], self.real[index]
        above = min(sum(threshold < key for threshold in self.thresholds), len(self.thresholds) - 1)
        low, high = (float(of_key(self.thresholds[i], self.dtype)) for i in (max(above - 1, 0), above))
        threshold = low if y - low < high - y else high
        distance = 8 if y == threshold else min(whole(ratio(abs(y - threshold), radius) * 8.0), 7)
        beyond, mean = 0.0, self.mean_of_neighbors(index) if looks else None
        if mean is not None:
            beyond = ratio(threshold - mean if y < threshold else mean - threshold, radius)
        place = beyond * 2.0 + 4.0
        return distance, 0 if math.isnan(place) else whole(clamp(place, 0.0, 7.0))

    def mean_of_neighbors(self, index):
        total, n, stride = 0.0, 0, 1
        for extent in reversed(self.shape):
            place = index // stride % extent
            for is_there, neighbor in ((place > 0, index - stride), (place + 1 < extent, index + stride)):
                if is_there and not self.classes[neighbor]:
                    total += self.real[neighbor]
                    n += 1
            stride *= extent
        return total / n if n else None

    def moved(self, index, around, side):
        """The decoded value on another side."""
        low, high, _, narrow = around
        at = side // 2
        if side % 2:
            least = greatest = self.thresholds[at]
        else:
            least = self.thresholds[at - 1] + 1 if at > 0 else low
            greatest = self.thresholds[at] - 1 if at < len(self.thresholds) else high
        low, high = max(low, least), min(high, greatest)
        if not narrow:
            key = self.keys[index]
        elif self.dtype.kind == "f":
            a, b = (float(of_key(end, self.dtype)) for end in (low, high))
            key = key_of(a + (b - a) * 0.5, self.dtype)
        else:
            key = (low + high) >> 1
        return of_key(min(max(key, low), high), self.dtype)


def ratio(a, b):
    """a / b of float64 where b may be 0."""
    if b:
        return a / b
    return math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, a)


def whole(x):
    """The whole part, of what is no number 0."""
    return 0 if math.isnan(x) else int(min(x, 1e9))


def move(data, variable, values, classes, shape):
    """Moves values, in place, as the bytes of a part's sides say."""
    if not data:
        return
    check(data[0] <= 1, "unknown kind of sides")
    sides = Sides(variable, values, classes, shape)
    bits, odds, moves = Bits(data[1:]), {}, []

    def decide(*context):
        return odds.setdefault(context, Odds()).read(bits)

    check(bool(sides.thresholds), "sides without thresholds")
    for index in range(len(values)):
        around = sides.around(index)
        low, high, radius, _ = around
        is_open = low < high and any(low <= threshold <= high for threshold in sides.thresholds)
        if classes[index] or not is_open:
            continue
        least, greatest = sides.side(low), sides.side(high)
        own = clamp(sides.side(sides.keys[index]), least, greatest)
        context = sides.context(index, radius, data[0] == 1)
        if not decide("moves", context):
            continue
        is_above = own < greatest
        if least < own < greatest:
            is_above = bool(decide("above", context))
        side, step, end = (own + 1, 1, greatest) if is_above else (max(own - 1, 0), -1, least)
        while side != end and decide("on", side % 2):
            side += step
        moves.append((index, sides.moved(index, around, side)))
    for index, value in moves:
        values[index] = value
