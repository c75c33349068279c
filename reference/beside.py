"""Another variable as further inputs of a predictive stream: docs/format.md, section 12, "Beside another variable"."""

import math

import numpy as np
from fields import check, clamp, wrap

MAX_BITS = 44


def beside_taps(n_a, n_b, n_y, n_x):
    """Steps along a, b, y and x; the number's own place first."""
    taps = [(0, 0, 0, 0)]
    if n_x > 1:
        taps += [(0, 0, 0, -1), (0, 0, 0, 1)]
    if n_y > 1:
        taps += [(0, 0, -1, 0), (0, 0, 1, 0)]
    if n_y > 1 and n_x > 1:
        taps += [(0, 0, -1, -1)]
    if n_b > 1:
        taps += [(0, -1, 0, 0), (0, -2, 0, 0), (0, 1, 0, 0)]
    if n_a > 1:
        taps += [(-1, 0, 0, 0)]
    if n_a > 1 and n_b > 1:
        taps += [(-1, -1, 0, 0)]
    return taps


def with_first(weights):
    """Weights of all taps: the first's stood last, less those of the others."""
    return [wrap(weights[-1] - sum(weights[:-1]), 32), *weights[:-1]]


def values_beside(values):
    """Decoded values as float64."""
    return (values.view(np.uint8) if values.dtype == np.bool_ else values).astype(np.float64)


class Inputs:
    """What the other variable has at and around each number."""

    def __init__(self, values, extents, order, scale, width):
        ordered = np.reshape(values, extents).transpose(order)
        self.extents = ordered.shape
        inputs = [wrap(self.input(x, *scale), width) for x in ordered.reshape(-1).tolist()]
        self.inputs = np.reshape(np.array(inputs, object), ordered.shape)
        self.taps = beside_taps(*ordered.shape)

    @staticmethod
    def input(value, center, factor, bits):
        scaled = (value - center) * factor
        number = round(scaled) if math.isfinite(scaled) else 0
        return number if abs(number) < 1 << bits else 0

    def sum(self, weights, plane, y, x):
        """Of the weighted inputs; what lies outside is the nearest that exists."""
        at = (*divmod(plane, self.extents[1]), y, x)
        total = 0
        for weight, tap in zip(weights, self.taps):
            place = [clamp(i + step, 0, n - 1) for i, step, n in zip(at, tap, self.extents)]
            total += weight * self.inputs[tuple(place)]
        return total


def read_scale(r):
    center, factor, bits = r.f64(), r.f64(), r.u8()
    usable = math.isfinite(center) and math.isfinite(factor) and factor >= 2.0**-1022
    check(usable and bits <= MAX_BITS, "bad scale of the other variable")
    return center, factor, bits
