"""Decode interpolation: docs/format.md, section 23. Arithmetic on numbers is in float32, on arrays of four axes."""

import struct
from itertools import combinations, product

import numpy as np
from fast import SymbolErrors
from fields import check, wrap64
from lockstep import LARGEST, N_LANES, ROUNDER, in_order, limited
from weights import read_kinds

N_AXES = 4
HALF, QUARTER, ONE = np.float32(0.5), np.float32(0.25), np.float32(1)


def decode_interpolation(r, extents, masked):
    """The integers of an interpolated stream, flat, and how many times finer their grid is. Masked ones (flat flags) come
    back as anything."""
    check(1 <= len(masked) <= 1 << 40 and extents[3] >= N_LANES, "no numbers, too many, or short rows")
    masked = np.reshape(masked, extents)
    model = Model(r, extents)
    values, errors = model.coarsest(masked)
    coder = SymbolErrors(r, N_LANES, model.kinds, escape_bits=5)
    with np.errstate(all="ignore"):  # forged weights may overflow
        for level in reversed(range(model.n_levels)):
            bands = {(): (values, errors)}
            for axes in model.bands(level):
                bands[axes] = Band(model, level, axes, bands).read(masked[model.places(level, axes)], coder)
            values, errors = model.merged(level, bands)
    coder.end()
    return [wrap64(model.center + int(value)) for value in values.reshape(-1)], model.stride


class Model:
    def __init__(self, r, extents):
        self.extents = extents
        self.stride = r.u8()
        check(self.stride % 2 == 1, "an even stride")
        refined = r.u8()
        check(refined < 1 << N_AXES, "unknown axes")
        self.refined = [axis for axis in range(N_AXES) if refined >> axis & 1]
        longest = max((extents[axis] for axis in self.refined), default=1)
        check(longest > 1, "nothing to interpolate")
        self.n_levels = (longest - 1).bit_length()
        self.center = struct.unpack("<q", r.raw(8))[0]
        self.anchors = r.many(r.signed)
        n_own = r.u8()
        check(n_own <= self.n_levels, "weights of more levels than there are")
        self.own = {(level, axes): read_weights(r, len(axes)) for level in range(n_own) for axes in self.bands(level)}
        self.kinds = read_kinds(r)
        check(all(kind.width <= 132 for kind in self.kinds.kinds), "a width above 132")

    def lattice(self, level):
        return [-(-n // (1 << level)) if axis in self.refined else n for axis, n in enumerate(self.extents)]

    def bands(self, level):
        """The axes of each band between two lattices, in their order."""
        halved = [axis for axis in self.refined if self.lattice(level)[axis] > 1]
        sets = [axes for n in range(1, N_AXES + 1) for axes in combinations(halved, n)]
        return sorted(sets, key=lambda axes: (len(axes), number(axes)))

    def places(self, level, axes):
        """Where in the data the points of a band are."""
        step = 1 << level
        of_axis = [slice(step * (axis in axes), None, 2 * step) if axis in self.refined else slice(None) for axis in range(N_AXES)]
        return tuple(of_axis)

    def coarsest(self, masked):
        masked = masked[self.places(self.n_levels - 1, ())]
        check(len(self.anchors) == np.count_nonzero(~masked), "another number of anchors than of points")
        anchors, last, values = iter(self.anchors), np.float32(0), []
        for is_masked in masked.reshape(-1):
            if not is_masked:
                last = np.float32(limited(last + np.float32(next(anchors)) * np.float32(self.stride)))
            values.append(last)
        return np.reshape(np.array(values, np.float32), masked.shape), np.zeros(masked.shape, np.float32)

    def weights(self, level, axes):
        return self.own.get((level, axes)) or usual_weights(len(axes))

    def merged(self, level, bands):
        """The lattice that bands make up: values and errors."""
        values, errors = np.zeros((2, *self.lattice(level)), np.float32)
        for axes, (of_values, of_errors) in bands.items():
            at = tuple(slice(axis in axes, None, 2) if axis in self.refined else slice(None) for axis in range(N_AXES))
            values[at], errors[at] = of_values, of_errors
        return values, errors


def number(axes):
    return sum(1 << axis for axis in axes)


def n_pairs(n_axes):
    return n_axes * (n_axes - 1) // 2


def read_weights(r, n_axes):
    """Of the means but the first, and of the features."""
    n_means = 2 * n_axes + n_pairs(n_axes) - 1
    means = np.array(struct.unpack(f"<{n_means}h", r.raw(2 * n_means)), np.float32) / np.float32(4096)
    return means, [feature_weight(code) for code in r.raw(2 * n_axes + 7)]


def feature_weight(code):
    return np.float32((4 + code % 4) * 2.0 ** (code // 4 - 18) if code else 0)


def usual_weights(n_axes):
    near, far = np.float32(4608 // n_axes / 4096), np.float32(-(512 // n_axes) / 4096)
    means = [near, far] * n_axes + [np.float32(0)] * n_pairs(n_axes)
    features = [0.25] * n_axes + [0] * 5 + [0.125] * n_axes + [0, 0.5]
    return np.array(means[1:], np.float32), np.array(features, np.float32)


def continued(values):
    """Values with one point more before each axis and two behind it, on straight lines."""
    for axis in reversed(range(N_AXES)):
        n = values.shape[axis]
        first, second, last, before = (values.take([i], axis) for i in (0, min(1, n - 1), n - 1, max(0, n - 2)))
        one, two = ONE, np.float32(2)
        ends = last + one * (last - before), last + two * (last - before)
        values = np.concatenate([first + one * (first - second), values, *ends], axis)
    return values


class Band:
    """The points of a band, row by row."""

    def __init__(self, model, level, axes, bands):
        self.model, self.axes, self.bands = model, axes, bands
        self.means_weights, self.feature_weights = model.weights(level, axes)
        fine, coarse = model.lattice(level), model.lattice(level + 1)
        self.extents = [fine[k] - coarse[k] if k in axes else coarse[k] for k in range(N_AXES)]
        self.stride = np.float32(model.stride)

    def seen(self, extended, moves):
        """Points of another band, moved along axes, for each of ours."""
        at = [slice(1 + moves.get(k, 0), 1 + moves.get(k, 0) + n) for k, n in enumerate(self.extents)]
        return extended[tuple(at)]

    def without(self, *axes):
        return tuple(axis for axis in self.axes if axis not in axes)

    def read(self, masked, coder):
        near, far, means = [], [], []
        for axis in self.axes:
            values = continued(self.bands[self.without(axis)][0])
            two_before, before, behind, two_behind = (self.seen(values, {axis: by}) for by in (-1, 0, 1, 2))
            near.append(HALF * (before + behind))
            far.append(HALF * (two_before + two_behind))
            means += [near[-1], far[-1]]
        for one, other in combinations(self.axes, 2):
            values = continued(self.bands[self.without(one, other)][0])
            a, b, c, d = (self.seen(values, {one: by, other: other_by}) for by, other_by in product((0, 1), repeat=2))
            means.append(QUARTER * ((a + b) + (c + d)))
        first = means[0]
        weighed = (weight * (mean - first) for weight, mean in zip(self.means_weights, means[1:]))
        predicted = limited(in_order(first, weighed))
        rounded = (predicted + ROUNDER) - ROUNDER
        values, errors = np.zeros((2, *self.extents), np.float32)
        zero = np.zeros(self.extents, np.float32)
        near_errors = [in_order(zero, (self.errors_at(self.without(k), {k: by}) for by in (0, 1))) for k in self.axes]
        around = in_order(zero, self.siblings())
        differences = [np.abs(f - n) for f, n in zip(far, near)]
        apart = in_order(zero, (np.abs(n - first) for n in near))
        for row in np.ndindex(*self.extents[:3]):
            features = [errors_near[row] for errors_near in near_errors]
            features += self.before(errors, row)
            features += [around[row], *(difference[row] for difference in differences), apart[row]]
            *weights, constant = self.feature_weights
            scale = in_order(np.full(self.extents[3], constant * self.stride), (w * feature for w, feature in zip(weights, features)))
            scale = scale * (ONE / self.stride)
            e = self.read_row(scale, predicted[row] - rounded[row], masked[row], coder)
            values[row], errors[row] = limited(rounded[row] + e * self.stride), np.abs(e) * self.stride
        return values, errors

    def errors_at(self, axes, moves):
        return self.seen(np.pad(self.bands[axes][1], [(1, 2)] * N_AXES), moves)

    def siblings(self):
        """Errors around that bands have which differ in one axis."""
        for other in self.bands:
            ours, its = set(self.axes) - set(other), set(other) - set(self.axes)
            if len(ours) == len(its) == 1:
                for by, ours_by in product((-1, 0), (0, 1)):
                    yield self.errors_at(other, {min(its): by, min(ours): ours_by})

    def before(self, errors, row):
        """Errors of the rows before along each of the first three axes, and of their neighbors in that along the last."""
        rows = []
        for axis in range(3):
            at = tuple(idx - (k == axis) for k, idx in enumerate(row))
            rows.append(errors[at] if at[axis] >= 0 else np.zeros(self.extents[3], np.float32))
        above = np.pad(rows[2], 1)
        return [*rows, above[:-2] + above[2:]]

    def read_row(self, scale, fraction, masked, coder):
        levels = (scale.astype(np.float32).view(np.uint32) >> 21).astype(np.int64) - 476
        e = np.zeros(self.extents[3], np.float32)
        for start in range(0, len(e), N_LANES):
            for x in range(start, min(start + N_LANES, len(e))):
                if not masked[x]:
                    g = min(7, int(np.abs(fraction[x]) * np.float32(16))) if self.model.stride == 1 else 0
                    mirrored = self.model.stride == 1 and fraction[x] < 0
                    e[x] = coder.error(x - start, int(levels[x]), g, mirrored)
        return e
