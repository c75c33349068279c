"""Decode rows in lockstep: docs/format.md, section 21. Arithmetic on numbers is in float32, on vectors of sixteen lanes."""

import struct
from collections import namedtuple

import numpy as np
from fast import SymbolErrors
from fields import check, clamp, wrap64
from layout import SQUARE, Planes, Tap
from weights import read_kinds, read_order

N_LANES = 16
N_INPUTS = 0, 16, 24  # of the filter, by its code
LARGEST = np.float32(4194303)
ROUNDER = np.float32(12582912)
RATE, KEPT, ONE, ZERO = np.float32(0.1), np.float32(0.8), np.float32(1), np.float32(0)

CROSS = [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0)]
WEST = Tap(0, 0, 0, -1)


def decode_lockstep(r, extents, masked):
    """The integers of a stream of rows in lockstep, flat, and how many times finer their grid is. Masked ones (flat flags)
    come back as anything."""
    check(1 <= len(masked) <= 1 << 40, "no numbers, or too many")
    order = read_order(r.u8())
    masked = np.reshape(masked, extents).transpose(order)
    grid = Grid(masked.shape)
    check(grid.first + N_LANES * grid.n_steps <= 3 * masked.size, "an array with too many cells")
    model = Model(r, grid)
    errors = SymbolErrors(r, N_LANES, model.kinds, escape_bits=5)
    with np.errstate(all="ignore"):  # forged weights may overflow
        values = Walk(grid, model, grid.coded(masked.reshape(-1)), errors).values()
    errors.end()
    q = [wrap64(model.center + value) for value in values]
    return np.reshape(q, masked.shape).transpose(np.argsort(order)).reshape(-1).tolist(), model.stride


# ---- Cells ----------------------------------------------------------------------------------------------------------


class Grid(Planes):
    """Where in a row of cells the numbers of an array stand, and which neighbors they have."""

    def __init__(self, extents):
        n_a, n_b, n_y, n_x = extents
        self.n_values = n_a * n_b * n_y * n_x
        self.folded = n_a * n_b * n_y < 32 and n_x >= 512
        if self.folded:
            n_x = -(-self.n_values // clamp(self.n_values // 512, 1, 128))
            n_a, n_b, n_y = 1, 1, -(-self.n_values // n_x)
        super().__init__(n_a, n_b)
        self.n_y, self.n_x = n_y, n_x
        self.pitch = max(n_x + 5, 48) | 1
        self.plane_rows = n_y + 1  # the first is margin
        self.n_rows = self.n_planes * self.plane_rows
        self.candidates = self.find_candidates()
        farthest = max(map(self.distance, self.candidates))
        self.first = N_LANES * -(-(farthest + 32) // N_LANES)
        self.n_steps = (self.n_rows * self.pitch + 16 * (n_x + 5)) // 16 + 1

    def distance(self, tap):
        """How many cells before a number a neighbor of it stands."""
        return (tap.a * self.n_b + tap.b) * self.plane_rows * self.pitch - tap.y * self.pitch - 16 * tap.x

    def distances(self, taps):
        """A column, to be taken from a row of cells."""
        return np.array([self.distance(tap) for tap in taps], np.int64).reshape(-1, 1)

    def find_candidates(self):
        if self.folded:
            return [Tap(0, 0, 0, -back) for back in range(1, 25)]
        taps = [Tap(0, 0, 0, -back) for back in (1, 2, 3)]
        taps += [Tap(0, 0, y, x) for y in (-1, -2) for x in range(-2, 3)]
        taps += [Tap(0, 0, -3, 0)]
        if self.n_b > 1:
            taps += [Tap(0, 1, y, x) for y, x in SQUARE + [(0, -2), (0, 2), (-2, 0), (2, 0)]]
            taps += [Tap(0, 2, y, x) for y, x in CROSS]
            taps += [Tap(0, 3, 0, 0)]
        if self.n_a > 1:
            taps += [Tap(1, 0, y, x) for y, x in SQUARE]
        if self.n_a > 1 and self.n_b > 1:
            taps += [Tap(1, b, y, x) for b in (-1, 1) for y, x in CROSS]
        return taps

    def error_taps(self):
        if self.folded:
            return [Tap(0, 0, 0, -back) for back in range(1, 13)]
        near = [(0, -1), (0, -2), (0, -3), (-1, 0), (-1, 1), (-1, -1), (-1, 2), (-1, -2), (-2, 0)]
        taps = [Tap(0, 0, y, x) for y, x in near]
        if self.n_b > 1:
            taps += [Tap(0, 1, y, x) for y, x in [(0, 0), (0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (1, -1)]]
            taps += [Tap(0, 2, 0, 0)]
        if self.n_a > 1:
            taps += [Tap(1, 0, y, x) for y, x in [(0, 0), (0, 1), (1, 0), (0, -1), (-1, 0)]]
        return taps

    def gradient_taps(self):
        """The second of each pair; the first is always the one before."""
        taps = [Tap(0, 0, 0, -2) if self.folded else Tap(0, 0, -1, -1)]
        return taps + [Tap(0, 1, 0, -1)] * (self.n_b > 1) + [Tap(1, 0, 0, -1)] * (self.n_a > 1)

    def filter_inputs(self, count):
        nearest = sorted(self.candidates, key=lambda tap: 2 * sum(map(abs, tap)) + (tap.a != 0 or tap.b != 0))
        return nearest[:count]

    def coded(self, masked):
        """Of each step and lane the index of the number that is coded there, or -1."""
        number = np.full(N_LANES * self.n_steps, -1, np.int64)
        for row in range(self.n_rows):
            plane, margin_or_y = divmod(row, self.plane_rows)
            start = (plane * self.n_y + margin_or_y - 1) * self.n_x
            end = min(start + self.n_x, self.n_values)
            if margin_or_y:
                index = np.arange(start, end)
                cells = row * self.pitch + 16 * np.arange(end - start)
                number[cells] = np.where(masked[start:end], -1, index)
        return number.reshape(self.n_steps, N_LANES)


# ---- Model ----------------------------------------------------------------------------------------------------------

# A weight for each tap, and for each scale tap.
Weights = namedtuple("Weights", "taps scale")


class Model:
    def __init__(self, r, grid):
        self.stride = r.u8()
        check(self.stride % 2 == 1, "an even stride")
        code = r.u8()
        check(code < len(N_INPUTS), "an unknown filter")
        check(N_INPUTS[code] <= len(grid.candidates), "a filter of more inputs than there are candidates")
        self.inputs = grid.filter_inputs(N_INPUTS[code])
        self.center = struct.unpack("<q", r.raw(8))[0]
        n_taps = r.u8()
        check(n_taps >= 1, "no taps")
        places = [0, *r.raw(n_taps - 1)]
        check(max(places) < len(grid.candidates), "a place beyond the candidates")
        self.taps = [grid.candidates[place] for place in places]
        scale_taps = [*grid.error_taps(), *grid.gradient_taps(), WEST]
        self.weights = {behind: read_weights(r, behind, self.taps, scale_taps) for behind in grid.behinds()}
        self.kinds = read_kinds(r)
        check(all(kind.width <= 132 for kind in self.kinds.kinds), "a width above 132")


def has_neighbor(behind, tap):
    """Whether planes with this `behind` have such a neighbor."""
    return (tap.b <= 0 or behind & 1 > 0) and (tap.a == 0 or behind & 2 > 0)


def read_weights(r, behind, taps, scale_taps):
    def read(taps, code):
        return [struct.unpack(code, r.raw(2))[0] if has_neighbor(behind, tap) else 0 for tap in taps]

    others, scale = read(taps[1:], "<h"), read(scale_taps, "<H")
    return Weights(of_4096([4096 - sum(others), *others]), of_4096(scale))


def of_4096(weights):
    return np.array(weights, np.float32) / np.float32(4096)  # exact: they have less than 24 bits


# ---- Walk -----------------------------------------------------------------------------------------------------------


def in_order(total, terms):
    for term in terms:
        total = total + term
    return total


def limited(x):
    """What is no number becomes the least."""
    x = np.where(x > -LARGEST, x, -LARGEST)
    return np.where(x < LARGEST, x, LARGEST)


class Walk:
    """Sixteen rows at a time, a number of each a step."""

    def __init__(self, grid, model, coded, coder):
        self.grid, self.model, self.coded, self.coder = grid, model, coded, coder
        self.starts = {row * grid.pitch // N_LANES: row for row in range(grid.n_rows)}
        self.value, self.surprise, self.error = np.zeros((3, grid.first + N_LANES * grid.n_steps), np.float32)
        self.taps = grid.distances(model.taps)
        self.inputs = grid.distances(model.inputs)
        self.error_taps, self.gradient_taps = grid.distances(grid.error_taps()), grid.distances(grid.gradient_taps())
        n_scale = len(self.error_taps) + len(self.gradient_taps) + 1
        self.tap_weights = np.zeros((len(self.taps), N_LANES), np.float32)
        self.scale_weights = np.zeros((n_scale, N_LANES), np.float32)
        self.filter = np.zeros((len(self.inputs), N_LANES), np.float32)
        self.was = []  # the filter every eight steps
        self.on_top = np.zeros(N_LANES, bool)
        self.stride = np.float32(model.stride)
        self.least_power = RATE * np.float32(len(self.inputs)) * self.stride * self.stride

    def values(self):
        """The value of each number; 0 where it is masked."""
        for step in range(self.grid.n_steps):
            if step in self.starts:
                self.begin_row(self.starts[step])
            self.step(step)
        is_coded = self.coded >= 0
        values = np.zeros(self.grid.n_values, np.int64)
        values[self.coded[is_coded]] = self.value[self.grid.first :].reshape(is_coded.shape)[is_coded]
        return values.tolist()

    def begin_row(self, row):
        grid = self.grid
        plane, below_margin = divmod(row, grid.plane_rows)
        lane, cell = row * grid.pitch % N_LANES, grid.first + row * grid.pitch
        weights = self.model.weights[grid.behind(plane)]
        self.tap_weights[:, lane], self.scale_weights[:, lane] = weights
        self.on_top[lane] = plane > 0 and not below_margin
        above = cell - grid.pitch
        from_above = row > 0 and not grid.folded
        for before in (cell - 16, cell - 32, cell - 48):
            self.value[before] = self.value[above] if from_above else 0
            self.error[before] = self.error[above] if from_above else 0
            self.surprise[before] = 0

    def step(self, step):
        cells = self.grid.first + N_LANES * step + np.arange(N_LANES)
        scale = self.scale(cells)
        if step % 8 == 0 and len(self.inputs):
            self.take_over(step // 8)
        straight = in_order(ZERO, self.tap_weights * self.value[cells - self.taps])
        surprises = self.surprise[cells - self.inputs]
        correction = in_order(ZERO, self.filter * surprises)
        power = in_order(self.least_power, surprises * surprises)
        prediction = limited(straight + correction)
        near = (prediction + ROUNDER) - ROUNDER

        is_coded = self.coded[step] >= 0
        errors = self.read(is_coded, scale, prediction - near)
        value = limited(near + errors * self.stride)
        source = cells - np.where(self.on_top, self.grid.n_y * self.grid.pitch, 16)
        error = np.where(is_coded, value - prediction, ZERO)
        self.filter += RATE * error / power * surprises
        self.value[cells] = np.where(is_coded, value, self.value[source])
        self.surprise[cells] = np.where(is_coded, value - straight, ZERO)
        self.error[cells] = np.where(is_coded, abs(error), self.error[source])

    def scale(self, cells):
        """How large an error is expected."""
        gradients = abs(self.value[cells - 16] - self.value[cells - self.gradient_taps])
        magnitudes = np.concatenate([self.error[cells - self.error_taps], gradients])
        total = in_order(self.scale_weights[-1] * self.stride, self.scale_weights[:-1] * magnitudes)
        return total * (ONE / self.stride)

    def take_over(self, k):
        """The filters of the rows above have a share in those of each lane."""
        self.was.append(self.filter.copy())
        delay = max(1, (self.grid.pitch + 64) // 128)
        if k >= delay:
            above = (np.arange(N_LANES) - self.grid.pitch) % N_LANES
            self.filter = KEPT * self.filter + (ONE - KEPT) * self.was[k - delay][:, above]

    def read(self, is_coded, scale, beyond):
        """The errors of a step; beyond is how far predictions are above the integers near them."""
        levels = (scale.view(np.uint32) >> 21).astype(np.int64) - 476
        whole = self.model.stride == 1
        parts = np.minimum(np.floor(np.float32(16) * abs(beyond)), 7).astype(np.int64) * whole
        mirrored = (beyond < 0) & whole
        errors = np.zeros(N_LANES, np.float32)
        for lane in np.flatnonzero(is_coded):
            errors[lane] = self.coder.error(lane, int(levels[lane]), int(parts[lane]), mirrored[lane])
        return errors
