"""Decode predictive streams: plain Python, number by number, written from docs/format.md, section 12. Clear, not fast."""

import numpy as np
from beside import Inputs
from binary import BinaryErrors, Bits, Map
from fast import FastErrors, lane_ends
from fields import check, clamp, wrap, wrap64
from filters import Filters
from layout import Layout, Tap, error_taps, value_taps
from weights import Model, level


def decode_predictive(r, extents, masked, shared, beside=None):
    """The integers of a predictive stream, flat, and how many times finer their grid is. Masked ones (flat flags) come
    back as 0. A stream without weights of its own takes them from a shared model; beside are the values of another
    variable that it looks at."""
    if len(masked) == 0:
        return [], 1
    model = Model(r, extents, shared, beside is not None)
    layout = model.layout
    check(layout.n_planes * layout.plane // 4 <= len(masked) + 16384, "an array that is nearly all margins")
    if beside is not None:
        model.inputs = Inputs(beside, extents, model.order, model.beside, model.width)
    masked = np.reshape(masked, extents).transpose(model.order)
    flat = masked.reshape(-1)
    if model.fast:
        q = decode_lanes(r, model, masked.shape, flat)
    else:
        bits = Bits(r.rest())
        blocks = Map(layout, bits) if model.mapped else None
        q = walk(layout, model, blocks, BinaryErrors(bits), flat)
    back = np.argsort(model.order)
    return np.reshape(q, masked.shape).transpose(back).reshape(-1).tolist(), model.stride


def decode_lanes(r, model, extents, masked):
    whole = Layout(extents)
    blocks = Map(whole, Bits(r.block())) if model.mapped else None
    n_lanes = r.u8()
    check(1 <= n_lanes <= (1 if whole.series else -(-whole.n_y // 8)), "bad number of lanes")
    masked = np.reshape(masked, extents)
    q = np.zeros(extents, np.int64)
    for first, end in lane_ends(whole.n_y, n_lanes):
        lane = Layout(extents, (first, end))
        errors = FastErrors(r.block(), model.kinds)
        numbers = walk(lane, model, blocks, errors, masked[:, :, first:end].reshape(-1))
        q[:, :, first:end] = np.reshape(numbers, q[:, :, first:end].shape)
        errors.end()
    r.end()
    return q.reshape(-1).tolist()


def walk(layout, model, blocks, coder, masked):
    """The integers of an array or a lane, in C order."""
    n_padded = layout.n_planes * layout.plane
    values, errors = [0] * n_padded, [0] * n_padded
    masked = masked.tolist()
    filters = Filters(layout, model) if model.rates[0] else None
    q = []
    for plane in range(layout.n_planes):
        near = Neighbors(layout, model, plane, values, errors, filters)
        if filters:
            filters.open_plane(plane)
        layout.open_plane(values, plane)
        layout.open_plane(errors, plane)
        for y in range(layout.n_y):
            start = layout.start(plane, y)
            layout.open_row(values, start)
            layout.open_row(errors, start)
            for x in range(layout.n_x):
                block_class = blocks.class_at(plane, layout.first_row + y, x) if blocks else None
                q.append(near.number(start + x, (y, x), masked[len(q)], block_class, coder))
            layout.close_row(values, start)
            layout.close_row(errors, start)
        layout.close_plane(values, plane)
        layout.close_plane(errors, plane)
    return q


class Neighbors:
    """What one plane's numbers are predicted from."""

    def __init__(self, layout, model, plane, values, errors, filters):
        behind = layout.behind(plane)
        self.model, self.set, self.row = model, model.sets[behind], layout.row
        self.values, self.errors, self.filters = values, errors, filters
        taps = value_taps(behind, layout.series, layout.one_row, layout.deep)
        self.taps = [layout.offset(tap, plane) for tap in taps]
        self.error_taps = [layout.offset(tap, plane) for tap in error_taps(behind, layout.series)]
        self.plane = plane
        # Distance of the plane P before; 0 if there is none.
        self.before = layout.offset(Tap(behind == 2, behind & 1, 0, 0), plane)

    def number(self, at, place, is_masked, block_class, coder):
        """Decodes the number at a place of the arrays, and fills the place."""
        model, values, errors = self.model, self.values, self.errors
        scale = self.scale(at)
        if is_masked:
            values[at] = values[at + (self.before or -1)]
            errors[at] = clamp(scale >> 8, 0, model.max_error) if model.stride == 1 else 0
            return 0
        here = level(scale) - model.less
        if block_class is None:
            chosen = sum(limit <= here for limit in self.set.class_from)
        else:
            chosen = min(block_class, len(self.set.rows) - 1)
        total = sum(weight * values[at + tap] for weight, tap in zip(self.set.rows[chosen], self.taps))
        if model.inputs:
            total += model.inputs.sum(self.set.beside[chosen], self.plane, *place)
        fixed = wrap(total, model.width) >> (model.shift - 6)
        local = self.filters.predict(at, *place, fixed, scale) if self.filters else fixed
        prediction = wrap64(local + (model.center << 6))
        base, fraction, less = model.base(prediction, scale)
        if model.fast and model.mantissa_bits:
            fraction = 32
        error = coder.read(max(here - less, 0), fraction, scale, lambda: self.around(at, local))
        number = wrap64(base + model.stride * error)
        value = wrap64(model.value(number) - model.center)
        values[at] = wrap(value, model.width)
        errors[at] = model.away(value, local)
        if self.filters:
            self.filters.learn(at, value, fixed, local)
        return number

    def scale(self, at):
        """How large an error is expected, in 1/2048."""
        values, row = self.values, self.row
        n_errors = len(self.error_taps)
        total = sum(weight * abs(self.errors[at + tap]) for weight, tap in zip(self.set.scale, self.error_taps))
        west, north = at - 1, at - row
        pairs = [
            (west, west - row),
            (west, west + self.before),
            (north, north - 1),
            (north, north + 1),
            (north, north + self.before),
        ]
        for weight, (a, b) in zip(self.set.scale[n_errors:], pairs):
            difference = abs(wrap(values[a] - values[b], self.model.width))
            total += weight * 8 * min(difference, self.model.max_error // 8)
        return wrap(total, self.model.width)

    def around(self, at, local):
        values, errors, before = self.values, self.errors, self.before
        west, north, northwest = values[at - 1], values[at - self.row], values[at - self.row - 1]
        return [
            errors[at - 1],
            errors[at - self.row],
            errors[at + (before or -2)],
            self.model.away(values[at + (before or -1)], local),
            self.model.away(west + north - northwest, local),
            self.model.away(north, local),
        ]
