"""The filters of predictive streams, which learn from every number (docs/format.md, section 12)."""

from fields import clamp, log2, wrap, wrap64
from layout import Tap

N_FILTERS = 3


def toward_zero(a, b):
    """a / b for b > 0."""
    return a // b if a >= 0 else -(-a // b)


class Filters:
    """Three filters that learn from every number."""

    def __init__(self, layout, model):
        self.layout, self.model = layout, model
        n_padded = layout.n_planes * layout.plane
        self.arrays = [[0] * n_padded for _ in range(N_FILTERS)]
        self.weights = {}
        self.blends = {kind: [65536] * N_FILTERS for kind in range(4)}

    def taps(self, reach, behind):
        if self.layout.series:
            above = range(-8, 9) if self.layout.n_y > 1 else []
            return [Tap(0, 0, 0, -back) for back in range(1, 8 * reach + 1)] + [Tap(0, 0, -1, x) for x in above]

        def square(a, b, reach):
            return [Tap(a, b, y, x) for y in range(-reach, reach + 1) for x in range(-reach, reach + 1)]

        taps = [tap for tap in square(0, 0, reach) if (tap.y, tap.x) < (0, 0)]
        if behind & 1:
            taps += square(0, 1, reach) + square(0, 2, 1)
        if behind & 2:
            taps += square(1, 0, 1)
            if self.layout.n_b > 1:
                taps += square(1, -1, 1)
        return taps

    def open_plane(self, plane):
        self.behind = self.layout.behind(plane)
        self.offsets = [
            [self.layout.offset(tap, plane) for tap in self.taps(reach, self.behind)] for reach in (3, 2, 1)
        ]

    def tile(self, k, y, x):
        if self.layout.series:
            return 0, 0
        return (0 if self.layout.n_planes < 4 else y >> 5 - k), x >> 5 - k

    def out(self, part):
        return part << self.log - 24 if self.log >= 24 else part >> 24 - self.log

    def predict(self, at, y, x, fixed, scale):
        coarse = self.model.coarse
        scale = clamp(scale, 1 << 8 + coarse, (1 << 52) - 1)
        self.log = log2(scale)
        self.unit = scale >> self.log - 7
        shift = min(31, self.log - 8 - coarse)
        self.inputs, self.rows, self.parts = [], [], []
        local = fixed
        for k in range(N_FILTERS):
            inputs = [clamp(self.arrays[k][at + offset] >> shift, -4095, 4095) for offset in self.offsets[k]]
            row = self.weights.setdefault((k, self.behind, self.tile(k, y, x)), [0] * len(inputs))
            part = wrap(sum(i * (weight >> 16) for i, weight in zip(inputs, row)), 32)
            local += self.out(part * self.blends[self.behind][k] >> 16)
            self.inputs.append(inputs)
            self.rows.append(row)
            self.parts.append(part)
        return wrap64(local)

    def learn(self, at, value, fixed, local):
        unit, log, blend = self.unit, self.log, self.blends[self.behind]
        most = (16 * unit << log - 8) >> 7

        def left(p):
            return self.model.away(value, p)

        def left_input(p):
            return clamp(128 * left(p) >> log - 8, -3 * unit, 3 * unit)

        parts = [clamp(part >> 12, -4095, 4095) for part in self.parts]
        norm = sum(part * part for part in parts) + unit * unit
        for k in range(N_FILTERS):
            blend[k] = clamp(blend[k] + toward_zero(320 * left_input(local) * parts[k], norm), -131072, 131072)
        p = fixed
        for k in range(N_FILTERS):
            kept = 128 * clamp(left(p), -most, most) >> self.model.coarse
            self.arrays[k][at] = clamp(kept, -(1 << 31), (1 << 31) - 1)
            p = wrap64(p + self.out(self.parts[k]))
            inputs, row = self.inputs[k], self.rows[k]
            norm = sum(i * i for i in inputs) + len(inputs) * unit * unit
            gain = clamp(toward_zero(self.model.rates[k] * left_input(p) << 19, norm), -32767, 32767)
            for i, value_in in enumerate(inputs):
                row[i] = clamp(row[i] + 2 * gain * value_in, 1 - (1 << 30), (1 << 30) - 1)
